"""The example with three variants: its images as they were built, judged by the real tools."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from apt2ostree.debian.index import parse_index
from apt2ostree.lock.summary import summarize
from tests.scenarios.variants.example import EXAMPLE, run_image
from tests.support import browser, judges, sboms, trees

NGINX_LOCK = Path("examples/nginx/Packages.lock")
NEW_IN_DEBUG = {"libunwind", "strace"}
"""Source packages of debug.lock."""


class VariantsTest(judges.ScratchTest):
    """The images are checked out once for all tests, which only look at them."""

    roots: dict[str, Path]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        directory = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        cls.addClassCleanup(directory.cleanup)
        cls.roots = {name: Path(directory.name, name) for name in ("base", "debug", "product")}
        for name in cls.roots:
            run_image(Path(directory.name), name, "checkout", "--user-mode", name)

    def image(self, name: str, *arguments: str) -> str:
        return run_image(self.scratch, name, *arguments)

    def dpkg(self, root: Path, *arguments: str) -> str:
        command = ["dpkg", f"--root={root}", "--log=/dev/null", *arguments]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        return result.stdout + result.stderr

    def test_dpkg_finds_nothing_wrong_in_any_of_them(self) -> None:
        judges.need(self, "dpkg")
        for name, count in (("base", 105), ("debug", 107), ("product", 105)):
            with self.subTest(name):
                root = self.roots[name]
                self.assertEqual(self.dpkg(root, "--audit"), "")
                self.assertEqual(self.dpkg(root, "--verify"), "")
                status = (root / "var/lib/dpkg/status").read_text()
                self.assertEqual(status.count("Status: install ok installed\n"), count)

    def test_what_each_of_them_has(self) -> None:
        base, debug, product = self.roots.values()
        self.assertTrue((debug / "usr/bin/strace").exists())
        self.assertFalse((base / "usr/bin/strace").exists())
        self.assertEqual(
            [path.name for path in (base / "usr/share/doc/nginx").iterdir()], ["copyright"]
        )
        self.assertIn("greeter:x:700:700:", (product / "etc/passwd").read_text())
        self.assertIn("greeter:!*:", (product / "etc/shadow").read_text())
        self.assertNotIn("greeter", (base / "etc/passwd").read_text())
        listed = self.image("product", "ls", "/var/lib/greeter") + self.image(
            "product", "ls", "/etc/greeter.conf"
        )
        self.assertRegex(listed, r"d02750 +700 +4 .*/var/lib/greeter\n")
        self.assertRegex(listed, r"-00640 +0 +700 .*/etc/greeter.conf\n")
        wanted = product / "etc/systemd/system/multi-user.target.wants/greeter.service"
        self.assertTrue((product / str(wanted.readlink()).lstrip("/")).is_file())

    def test_the_program_finds_its_runfiles_in_the_image(self) -> None:
        product = self.roots["product"]
        command = ["python3", str(product / "usr/lib/greeter/greeter")]
        environment = {name: value for name, value in os.environ.items() if "RUNFILES" not in name}
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        output = subprocess.run(
            command, check=True, capture_output=True, text=True, env=environment
        ).stdout
        self.assertEqual(output, "Hello, world!\n")

    def test_a_second_image_costs_what_it_does_not_share(self) -> None:
        judges.need(self, "ostree")
        repo = self.scratch / "repo"
        subprocess.run(["ostree", "init", f"--repo={repo}", "--mode=archive"], check=True)
        start = time.monotonic()
        first = self.image("base", "import", f"--repo={repo}")
        middle = time.monotonic()
        second = self.image("product", "import", f"--repo={repo}")
        end = time.monotonic()
        counts = [int(re.search(r"wrote (\d+) content", text)[1]) for text in (first, second)]  # type: ignore[index]
        print(
            f"base: {counts[0]} content objects, {middle - start:.1f} s; "
            f"product: {counts[1]}, {end - middle:.1f} s"
        )
        self.assertLess(counts[1], counts[0] * 0.05)
        subprocess.run(["ostree", "fsck", "-q", f"--repo={repo}"], check=True, capture_output=True)

    def test_the_diff_is_what_the_summary_of_the_locks_announces(self) -> None:
        old = parse_index(NGINX_LOCK.read_bytes(), "Packages.lock")
        added = parse_index((EXAMPLE / "debug.lock").read_bytes(), "debug.lock")
        announced = {
            (change.kind, change.name, change.new.version if change.new else "")
            for change in summarize("debug", old, [*old, *added]).changes
        }
        base = EXAMPLE / "base.manifest.json"
        found = json.loads(self.image("debug", "diff", str(base), "--format=json"))
        self.assertEqual({(c["kind"], c["name"], c["new"]) for c in found["packages"]}, announced)

    def test_an_oci_update_changes_the_layers_of_its_packages_alone(self) -> None:
        layers = []
        for name in ("base", "debug"):
            self.image(name, "export", "--oci", "oci", "--tag", name)
            layers.append(self.layers(self.scratch / "oci", name))
        changed = {name for name in layers[1] if layers[0].get(name) != layers[1][name]}
        self.assertEqual(changed, {*NEW_IN_DEBUG, "dpkg database, configuration"})

    def layers(self, layout: Path, tag: str) -> dict[str, str]:
        def blob(digest: str) -> dict[str, object]:
            return json.loads((layout / "blobs" / digest.replace(":", "/")).read_bytes())  # type: ignore[no-any-return]

        index = json.loads((layout / "index.json").read_bytes())
        digest = next(
            item["digest"] for item in index["manifests"] if tag in item["annotations"].values()
        )
        manifest: dict[str, object] = blob(digest)
        config = blob(manifest["config"]["digest"])  # type: ignore[index]
        names = [item["created_by"].partition(": ")[2] for item in config["history"]]  # type: ignore[attr-defined]
        return dict(zip(names, (item["digest"] for item in manifest["layers"])))  # type: ignore[attr-defined]

    def test_the_formats_own_libraries_find_no_fault_with_its_bill_of_materials(self) -> None:
        sboms.check_spdx(self, self.scratch, self.image("product", "sbom", "--format=spdx"))
        text = self.image("product", "sbom", "--format=cyclonedx")
        sboms.check_cyclonedx(self, text)
        urls = [item["purl"] for item in json.loads(text)["components"] if "purl" in item]
        self.assertEqual(len(urls), 105)
        sboms.check_package_urls(self, urls)

    def test_a_browser_shows_its_report(self) -> None:
        base = EXAMPLE / "base.manifest.json"
        self.image("debug", "report", "--output=report.html", f"--against={base}")
        seen = browser.visit(self, self.scratch / "report.html")
        self.assertEqual((seen.console, seen.requests), ((), ()))
        treemap = seen.dom.partition('id="package-map"')[2].partition("</section>")[0]
        # Of its 107 packages, those that are large enough to be seen.
        self.assertGreater(treemap.count("<button"), 100)
        self.assertIn("strace", treemap)

    def test_umoci_unpacks_what_checkout_writes(self) -> None:
        judges.need(self, "umoci")
        bundle = self.scratch / "bundle"
        command = [
            "umoci",
            "unpack",
            "--rootless",
            "--image",
            f"{EXAMPLE / 'product_oci'}:latest",
            str(bundle),
        ]
        subprocess.run(command, check=True, capture_output=True)
        self.assertEqual(trees.differences(bundle / "rootfs", self.roots["product"]), [])
        self.addCleanup(shutil.rmtree, bundle)


if __name__ == "__main__":
    unittest.main()
