"""A lock before and after Debian's updates: what the diff of the images says, what OCI moves."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import unittest
from collections.abc import Sequence
from pathlib import Path

from apt2ostree.debian.index import parse_index
from apt2ostree.image import built_image, compose
from apt2ostree.image.built_image import BuiltImage
from apt2ostree.lock.summary import Change, summarize
from apt2ostree.ostree.objects_tar import ObjectsWriter
from apt2ostree.ship import checkout, diff, oci, oci_layers
from apt2ostree.tree import manifest
from apt2ostree.tree.manifest import Manifest
from tests.support import judges, trees

OLD = Path("examples/nginx").absolute()
NEW = Path("examples/bookworm-security").absolute()
DATABASE = "dpkg database, configuration"


def locked_changes() -> Sequence[Change]:
    """What the summary of the two locks announces."""
    old, new = (parse_index((at / "Packages.lock").read_bytes(), str(at)) for at in (OLD, NEW))
    return summarize("update", old, new).changes


class UpdateTest(judges.ScratchTest):
    old: BuiltImage
    new: BuiltImage

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        runfiles = Path.cwd().parent
        cls.old, cls.new = (
            built_image.load(example / "rootfs.image.json", runfiles) for example in (OLD, NEW)
        )

    def test_the_diff_is_what_the_summary_of_the_locks_announces(self) -> None:
        announced = {
            (change.kind, change.name, change.old.version, change.new.version)
            for change in locked_changes()
            if change.old and change.new
        }
        self.assertGreater(len(announced), 5)
        command = [str(NEW / "rootfs"), "diff", str(self.old.manifest_path), "--format=json"]
        environment = {**os.environ, "BUILD_WORKING_DIRECTORY": str(self.scratch)}
        found = json.loads(subprocess.run(command, check=True, stdout=-1, env=environment).stdout)
        self.assertEqual(
            {(c["kind"], c["name"], c["old"], c["new"]) for c in found["packages"]}, announced
        )

    def updated(self, name: str) -> BuiltImage:
        """The old image with one package as the new one has it."""
        before = {found.packages[0].name: found for found in map(manifest.load, self.old.packages)}
        after = {found.packages[0].name: found for found in map(manifest.load, self.new.packages)}
        return self.compose([*{**before, name: after[name]}.values()], name)

    def compose(self, packages: Sequence[Manifest], name: str) -> BuiltImage:
        directory = self.scratch / name
        directory.mkdir()
        with (directory / "objects.tar").open("w+b") as file:
            writer = ObjectsWriter(file)
            made, commit = compose.compose(packages, {}, compose.Options(), writer)
            writer.close()
        (directory / "manifest.json").write_text(made.dump(), encoding="utf-8")
        (directory / "commit").write_text(commit, encoding="ascii")
        paths = []
        for number, package in enumerate(packages):
            paths.append(directory / f"{number}.json")
            paths[-1].write_text(package.dump(), encoding="utf-8")
        return dataclasses.replace(
            self.old,
            label=f"//:{name}",
            commit_path=directory / "commit",
            manifest_path=directory / "manifest.json",
            objects=[directory / "objects.tar", *self.old.objects, *self.new.objects],
            packages=paths,
        )

    def test_what_an_update_of_one_package_moves(self) -> None:
        judges.need(self, "skopeo", "umoci")
        layout = self.scratch / "oci"
        before = self.compose([manifest.load(path) for path in self.old.packages], "before")
        oci.export(before, layout, oci.OciOptions(tag="before"))
        known = self.layers(layout, "before")
        for name in ("tzdata", "libpcre2-8-0"):
            with self.subTest(name):
                updated = self.updated(name)
                changes = diff.compare(before.manifest, updated.manifest).packages
                self.assertEqual([change.name for change in changes], [name])
                oci.export(updated, layout, oci.OciOptions(tag=name))
                oci.export(updated, layout, oci.OciOptions(tag=f"{name}-onto", onto="before"))
                anew = self.new_layers(layout, name, known)
                self.assertEqual(len(anew), 2, anew)
                self.assertIn(DATABASE, anew)
                self.assertLess(anew[DATABASE], 1 << 20)
                onto = self.new_layers(layout, f"{name}-onto", known)
                self.assertEqual(list(onto), ["update"])
                self.assertLess(onto["update"], sum(anew.values()))
                print(f"{name}: moved by package {anew}, upon the image of before {onto}")
                self.assert_unpacks(layout, f"{name}-onto", updated)

    def new_layers(self, layout: Path, tag: str, known: dict[str, str]) -> dict[str, int]:
        """Name → bytes of the layers that another image has not."""
        return {
            name: oci_layers.blob_path(layout, digest).stat().st_size
            for name, digest in self.layers(layout, tag).items()
            if digest not in known.values()
        }

    def layers(self, layout: Path, tag: str) -> dict[str, str]:
        """Name → digest, as skopeo reads them."""
        config, manifest_ = (
            json.loads(judges.run("skopeo", "inspect", kind, f"oci:{layout}:{tag}"))
            for kind in ("--config", "--raw")
        )
        names = [entry["created_by"].partition(": ")[2] for entry in config["history"]]
        return dict(zip(names, (layer["digest"] for layer in manifest_["layers"])))

    def assert_unpacks(self, layout: Path, tag: str, image: BuiltImage) -> None:
        bundle, expected = self.scratch / f"{tag}-bundle", self.scratch / f"{tag}-checkout"
        judges.run("umoci", "unpack", "--rootless", "--image", f"{layout}:{tag}", bundle)
        checkout.write(image, expected, user_mode=True)
        self.assertEqual(trees.differences(bundle / "rootfs", expected), [])


if __name__ == "__main__":
    unittest.main()
