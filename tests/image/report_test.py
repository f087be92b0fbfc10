import json
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from apt2ostree.image import diff, report
from tests.support.debs import control, deb, file, hardlink
from tests.support.judges import ScratchTest
from tests.support.variants import Variant, build

HOSTILE = "</script><img src=http://127.0.0.1:9/x onerror=alert(1)>"


class ReportCase(ScratchTest):
    def image(self, name: str = "image") -> Variant:
        return build(
            self.scratch / name,
            [
                deb(
                    file("./usr/bin/app", b"1" * 5000),
                    hardlink("./usr/bin/twin", "./usr/bin/app"),
                    control=control(
                        "app", Depends="lib (>= 1)", Section="net", Priority="optional"
                    ),
                ),
                deb(
                    file("./usr/lib/lib.so", b"2" * 9000),
                    control=control("lib", "1.5", Description=HOSTILE),
                ),
                deb(file("./usr/share/f", b"3"), control=control("core", Essential="yes")),
            ],
        )


class ReportTest(ReportCase):
    def data(self, page: str) -> dict[str, object]:
        found = re.search(
            r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL
        )
        assert found
        return json.loads(found[1])  # type: ignore[no-any-return]

    def test_sizes_needs_duplicates_and_the_largest(self) -> None:
        data = self.data(report.page(self.image().built))
        packages = {item["name"]: item for item in data["packages"]}  # type: ignore[attr-defined]
        self.assertGreater(packages["lib"]["bytes"], 9000)
        self.assertEqual(packages["app"]["needs"], [[2, 1]])
        self.assertEqual(data["largest"][0][:2], ["usr/lib/lib.so", 9000])  # type: ignore[index]
        self.assertEqual(data["duplicates"][0], [5000, ["usr/bin/app", "usr/bin/twin"]])  # type: ignore[index]

    def test_changes_against_another_image(self) -> None:
        old = build(self.scratch / "old", [deb(control=control("lib", "1.2"))])
        new = self.image()
        page = report.page(new.built, diff.compare(old.manifest, new.manifest), "os/main")
        changes = self.data(page)["changes"]
        self.assertEqual(changes["against"], "os/main")  # type: ignore[index]
        self.assertIn(("lib", "upgraded"), {(c["name"], c["kind"]) for c in changes["packages"]})  # type: ignore[index]

    def test_nothing_is_asked_of_anybody(self) -> None:
        page = report.page(self.image().built)
        self.assertIn("default-src 'none'", page)
        start, _, rest = page.partition('id="data">')
        data, _, code = rest.partition("</script>")
        self.assertNotIn("<", data)
        self.assertIsNone(re.search(r"""(src|href|url)\s*[=(]\s*["']?(https?:)?//""", start + code))


class ChromiumTest(ReportCase):
    """What a browser makes of the page."""

    def setUp(self) -> None:
        super().setUp()
        found = shutil.which("chromium") or shutil.which("google-chrome")
        if found is None:
            self.skipTest("no chromium here")
        self.chromium = found
        self.page = self.scratch / "report.html"
        self.page.write_text(report.page(self.image().built), encoding="utf-8")

    def browse(self, *arguments: str, page: Path | None = None) -> str:
        with tempfile.TemporaryDirectory() as profile:
            command = [
                self.chromium,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                f"--user-data-dir={profile}",
                "--host-resolver-rules=MAP * ~NOTFOUND",
                "--virtual-time-budget=3000",
                *arguments,
                (page or self.page).as_uri(),
            ]
            result = subprocess.run(
                command, capture_output=True, text=True, timeout=120, check=False
            )
        self.assertEqual(result.returncode, 0, result.stderr[-2000:])
        return result.stdout

    def test_it_draws_both_treemaps_and_the_graph(self) -> None:
        dom = self.browse("--dump-dom", "--window-size=1280,900")
        found = {
            "ready": 'data-ready="yes"' in dom,
            "chain": re.search(r"In because: .*app.*lib", dom) is not None,
            "graph": "<svg" in dom,
            "no markup out of a description": "<img" not in dom,
        }
        for part in ("package-map", "directory-map"):
            found[part] = f'id="{part}"><button' in dom
        self.assertEqual([what for what, holds in found.items() if not holds], [])

    def test_a_phone_need_not_scroll_sideways(self) -> None:
        measured = self.page.with_name("measured.html")
        script = (
            "<script>document.title = "
            "document.documentElement.scrollWidth + ' of ' + innerWidth</script>"
        )
        measured.write_text(self.page.read_text().replace("</body>", script + "</body>"))
        # A frame, because a window may be no smaller than 500 pixels.
        frame = self.page.with_name("frame.html")
        frame.write_text(
            '<iframe id="f" src="measured.html" width="360" height="640"></iframe>'
            "<script>onload = () => document.body.append(f.contentDocument.title)</script>"
        )
        dom = self.browse("--dump-dom", "--allow-file-access-from-files", page=frame)
        found = re.search(r"(\d+) of (\d+)", dom)
        assert found, dom
        self.assertLessEqual(int(found[1]), int(found[2]))


if __name__ == "__main__":
    unittest.main()
