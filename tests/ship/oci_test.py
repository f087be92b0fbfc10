import json
import os
import subprocess
import unittest
from pathlib import Path

from apt2ostree.errors import UserError
from apt2ostree.ship import checkout, oci
from apt2ostree.ship.oci import OciOptions
from apt2ostree.ship.parts import Part
from tests.support import judges, trees
from tests.support.debs import control, deb, directory, file, symlink
from tests.support.judges import ScratchTest
from tests.support.variants import Variant, build, tree


def package(name: str, content: bytes = b"1", version: str = "1", source: str = "") -> bytes:
    fields = {"Source": source} if source else {}
    return deb(
        directory(f"./usr/{name}", 0o750),
        file(f"./usr/{name}/data", content * 3000, 0o640, uid=5),
        symlink(f"./usr/{name}/link", "data"),
        control=control(name, version, **fields),
    )


class OciTest(ScratchTest):
    def image(self, name: str, *debs: bytes, **layers: tuple[object, bytes]) -> Variant:
        packages = debs or (package("a"), package("b"), package("c"))
        return build(self.scratch / name, packages, layers)  # type: ignore[arg-type]

    def export(self, image: Variant, name: str = "oci", **options: object) -> Path:
        layout = self.scratch / name
        oci.export(image.built, layout, OciOptions(**options))  # type: ignore[arg-type]
        return layout

    def blob(self, layout: Path, digest: str) -> dict[str, object]:
        path = layout / "blobs" / digest.replace(":", "/")
        return json.loads(path.read_bytes())  # type: ignore[no-any-return]

    def manifest(self, layout: Path) -> dict[str, list[dict[str, str]]]:
        index = json.loads((layout / "index.json").read_bytes())
        return self.blob(layout, index["manifests"][-1]["digest"])  # type: ignore[return-value]

    def layers(self, layout: Path) -> dict[str, str]:
        """Name → digest."""
        manifest = self.manifest(layout)
        config = self.blob(layout, manifest["config"]["digest"])  # type: ignore[call-overload]
        names = [item["created_by"].partition(": ")[2] for item in config["history"]]  # type: ignore[attr-defined]
        return dict(zip(names, (layer["digest"] for layer in manifest["layers"])))

    def test_a_layer_per_source_package_per_tree_and_one_for_the_rest(self) -> None:
        image = self.image(
            "i",
            package("a"),
            package("b", source="src"),
            package("c", source="src (2)"),
            service=tree({"etc/x": b""}),
        )
        self.assertEqual(
            list(self.layers(self.export(image))),
            ["a", "src", "service", "dpkg database, configuration"],
        )

    def test_an_update_of_a_package_changes_its_layer_and_the_database(self) -> None:
        before = self.layers(self.export(self.image("i")))
        newer = self.image("j", package("a"), package("b", b"2", "2"), package("c"))
        after = self.layers(self.export(newer, "oci2"))
        changed = {name for name in before if before[name] != after[name]}
        self.assertEqual(changed, {"b", "dpkg database, configuration"})

    def test_skopeo_takes_it(self) -> None:
        judges.need(self, "skopeo")
        layout = self.export(self.image("i"), config={"Cmd": ["/bin/x"]})
        target = self.scratch / "copy"
        subprocess.run(
            ["skopeo", "--insecure-policy", "copy", "-q", f"oci:{layout}:latest", f"dir:{target}"],
            check=True,
            env={**os.environ, "TMPDIR": str(self.scratch)},
        )
        command = ["skopeo", "inspect", "--config", f"oci:{layout}:latest"]
        config = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        self.assertEqual((config["architecture"], config["os"]), ("amd64", "linux"))
        self.assertEqual(config["config"]["Cmd"], ["/bin/x"])

    def test_umoci_unpacks_the_same_tree(self) -> None:
        judges.need(self, "umoci")
        image = self.image("i", service=tree({"etc/x": b"conf"}, ["var/empty"]))
        layout = self.export(image)
        bundle = self.scratch / "bundle"
        command = ["umoci", "unpack", "--rootless", "--image", f"{layout}:latest", str(bundle)]
        subprocess.run(command, check=True, capture_output=True)
        expected = self.scratch / "checkout"
        checkout.write(image.built, expected, user_mode=True)
        self.assertEqual(trees.differences(bundle / "rootfs", expected), [])

    def test_the_same_image_gives_the_same_layout(self) -> None:
        one, two = self.export(self.image("i"), "one"), self.export(self.image("j"), "two")
        self.assertEqual((one / "index.json").read_bytes(), (two / "index.json").read_bytes())
        self.assertEqual(
            sorted(path.name for path in (one / "blobs/sha256").iterdir()),
            sorted(path.name for path in (two / "blobs/sha256").iterdir()),
        )

    def test_a_layout_holds_several_images_and_a_tag_moves(self) -> None:
        layout = self.export(self.image("i"))
        self.export(self.image("j", package("a")), tag="other")
        self.export(self.image("k", package("b")), tag="other")
        index = json.loads((layout / "index.json").read_bytes())
        tags = [
            item["annotations"]["org.opencontainers.image.ref.name"] for item in index["manifests"]
        ]
        self.assertEqual(tags, ["latest", "other"])

    def test_nothing_else_is_written_into(self) -> None:
        (self.scratch / "oci").mkdir()
        (self.scratch / "oci/mine").touch()
        with self.assertRaisesRegex(UserError, "neither an OCI layout nor an empty directory"):
            self.export(self.image("i"))
        self.assertEqual([path.name for path in (self.scratch / "oci").iterdir()], ["mine"])

    def test_a_name_that_no_image_can_have(self) -> None:
        image = self.image("i")
        for tag in ("", "a tag", "../x", "v1/", "-v"):
            with (
                self.subTest(tag),
                self.assertRaisesRegex(UserError, "^tag '.*': expected letters"),
            ):
                self.export(image, tag=tag)
        self.assertFalse((self.scratch / "oci").exists())

    def test_a_broken_layout_is_told(self) -> None:
        layout = self.export(self.image("i"))
        (layout / "index.json").write_text("[]")
        with self.assertRaisesRegex(UserError, r"index\.json: not an OCI layout's"):
            self.export(self.image("j"))


class GroupTest(unittest.TestCase):
    def parts(self, count: int) -> list[Part]:
        from apt2ostree.tree.manifest import PackageRecord

        found = []
        for number in range(count):
            name = f"p{number}"
            record = PackageRecord(name, "1", "all", control(name))
            found.append(Part(name, record, {f"usr/{name}"}))
        return [*found, Part("", paths={"", "etc"})]

    def test_more_packages_than_layers_share_them(self) -> None:
        layers = oci.group(self.parts(500), 50)
        self.assertLessEqual(len(layers), 50)
        self.assertEqual(
            sum(path.startswith("usr/") for layer in layers for path in layer.paths), 500
        )

    def test_one_more_package_changes_one_layer(self) -> None:
        before = {layer.name: layer.paths for layer in oci.group(self.parts(500), 50)}
        after = {layer.name: layer.paths for layer in oci.group(self.parts(501), 50)}
        changed = [name for name in after if after[name] != before.get(name)]
        self.assertEqual(len(changed), 1)

    def test_too_few_layers(self) -> None:
        with self.assertRaisesRegex(UserError, "1 layers are too few"):
            oci.group(self.parts(3), 1)


if __name__ == "__main__":
    unittest.main()
