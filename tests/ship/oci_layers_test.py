import dataclasses
import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from apt2ostree import messages
from apt2ostree.errors import UserError
from apt2ostree.ship import checkout, oci, oci_layers
from apt2ostree.ship.oci import OciOptions
from tests.support import judges, trees
from tests.support.debs import control, deb, directory, file, symlink
from tests.support.judges import ScratchTest
from tests.support.variants import Variant, build

BEFORE = (
    deb(
        directory("./etc/old", 0o700, uid=7),
        file("./etc/old/conf", b"old", 0o600),
        file("./usr/bin/x", b"1", 0o4755),
        symlink("./usr/bin/y", "x"),
        control=control("x"),
    ),
    deb(file("./usr/bin/z", b"z"), control=control("z")),
)
AFTER = (
    deb(
        # A directory becomes a file, a symlink a directory, and a file is gone.
        file("./etc/old", b"new"),
        file("./usr/bin/x", b"2"),
        directory("./usr/bin/y"),
        file("./usr/bin/y/z"),
        control=control("x", "2"),
    ),
    BEFORE[1],
)


class OciLayersTest(ScratchTest):
    def setUp(self) -> None:
        super().setUp()
        self.layout = self.scratch / "oci"
        self.before = build(self.scratch / "before", BEFORE)
        self.after = build(self.scratch / "after", AFTER)

    def export(self, image: Variant, tag: str, **options: Any) -> None:
        oci.export(image.built, self.layout, OciOptions(tag=tag, **options))

    def load(self, tag: str) -> oci_layers.OciImage:
        index = json.loads((self.layout / "index.json").read_bytes())
        return oci_layers.load(self.layout, index, tag)

    def blob(self, tag: str, layer: int = 0) -> Path:
        return oci_layers.blob_path(self.layout, self.load(tag).layers[layer]["digest"])

    def test_what_was_written_is_read_back(self) -> None:
        self.export(self.before, "1")
        self.assertEqual(
            self.load("1").entries(), oci_layers.entries_of(self.before.built.manifest)
        )

    def test_an_update_of_a_package_moves_one_layer(self) -> None:
        self.export(self.before, "1")
        self.export(self.after, "2", onto="1")
        self.export(self.before, "3", onto="2")
        one, two, three = (self.load(tag) for tag in "123")
        self.assertEqual((two.layers[:-1], three.layers[:-1]), (one.layers, two.layers))
        self.assertEqual(two.entries(), oci_layers.entries_of(self.after.built.manifest))
        self.assertEqual(three.entries(), one.entries())
        self.assertEqual(two.history[-1]["created_by"], "apt2ostree: update")

    def test_an_image_without_changes_moves_none(self) -> None:
        self.export(self.before, "1")
        self.export(self.before, "2", onto="1")
        self.assertEqual(self.load("2").layers, self.load("1").layers)

    def test_umoci_unpacks_updates_to_the_same_tree(self) -> None:
        judges.need(self, "umoci")
        self.export(self.before, "1")
        self.export(self.after, "2", onto="1")
        self.export(self.before, "3", onto="2")
        for tag, image in (("2", self.after), ("3", self.before)):
            bundle, expected = self.scratch / f"bundle{tag}", self.scratch / f"checkout{tag}"
            judges.run("umoci", "unpack", "--rootless", "--image", f"{self.layout}:{tag}", bundle)
            checkout.write(image.built, expected, user_mode=True)
            self.assertEqual(trees.differences(bundle / "rootfs", expected), [])

    def test_too_many_layers_are_made_anew(self) -> None:
        self.export(self.before, "1")
        with messages.kept() as said:
            self.export(self.after, "2", onto="1", max_layers=3)
        self.assertEqual(said, ["warning: 1 has 3 layers already: making all layers anew"])
        self.assertEqual(len(self.load("2").layers), 3)

    def test_an_image_that_is_not_there(self) -> None:
        self.export(self.before, "1")
        with self.assertRaisesRegex(UserError, "no image '0' to build on; it has: 1"):
            self.export(self.after, "2", onto="0")

    def test_a_layer_that_is_broken_cut_off_or_gone(self) -> None:
        self.export(self.before, "1")
        blob = self.blob("1")
        data = blob.read_bytes()
        for content, words in (
            (data[:-1] + b"x", "not what its name says: the layout is broken"),
            (data[:700], "not what its name says"),
            (None, "No such file"),
        ):
            blob.unlink()
            if content is not None:
                blob.write_bytes(content)
            with self.subTest(words), self.assertRaisesRegex(UserError, f"layer sha256:.*{words}"):
                self.export(self.after, "2", onto="1")
        self.assertEqual(list(self.layout.glob("blobs/sha256/.*")), [])

    def test_an_update_upon_another_layout(self) -> None:
        self.export(self.before, "1")
        other = self.scratch / "other"
        for name, onto in (("named", "1"), ("the only one", "")):
            with self.subTest(name):
                options = OciOptions("2", onto=onto, onto_layout=self.layout)
                oci.export(self.after.built, other, options)
                image = oci_layers.load(other, oci_layers.read_index(other), "2")
                self.assertEqual(image.layers[:-1], self.load("1").layers)
                self.assertEqual(image.entries(), oci_layers.entries_of(self.after.built.manifest))
        self.assertEqual(list(other.glob("blobs/sha256/.*")), [])

    def test_an_update_upon_what_came_back_from_a_registry(self) -> None:
        judges.need(self, "skopeo", "umoci")
        self.export(self.before, "1")
        pulled, layout = self.scratch / "pulled", self.scratch / "new"
        environment = {**os.environ, "TMPDIR": str(self.scratch)}
        # skopeo compresses on the way to this kind of place, as to a registry.
        command = ["skopeo", "--insecure-policy", "copy", "-q", "--dest-compress"]
        for source, target in (
            (f"oci:{self.layout}:1", f"dir:{self.scratch / 'dir'}"),
            (f"dir:{self.scratch / 'dir'}", f"oci:{pulled}"),
        ):
            subprocess.run([*command, source, target], check=True, env=environment)
        index = oci_layers.read_index(pulled)
        self.assertRegex(oci_layers.load(pulled, index, "").layers[0]["mediaType"], "gzip$")
        oci.export(self.after.built, layout, OciOptions(onto_layout=pulled))
        self.layout = layout
        self.assertEqual(len(self.load("latest").layers), 4)
        bundle, expected = self.scratch / "bundle", self.scratch / "checkout"
        judges.run("umoci", "unpack", "--rootless", "--image", f"{layout}:latest", bundle)
        checkout.write(self.after.built, expected, user_mode=True)
        self.assertEqual(trees.differences(bundle / "rootfs", expected), [])

    def test_which_of_several_images_has_to_be_said(self) -> None:
        self.export(self.before, "1")
        self.export(self.before, "2")
        with self.assertRaisesRegex(UserError, "2 images; say which to build on: 1, 2"):
            options = OciOptions(onto_layout=self.layout)
            oci.export(self.after.built, self.scratch / "other", options)

    def test_a_layout_that_is_none(self) -> None:
        with self.assertRaisesRegex(
            UserError, r"nothing/index\.json: not an OCI layout's: No such"
        ):
            options = OciOptions(onto_layout=self.scratch / "nothing")
            oci.export(self.after.built, self.layout, options)

    def test_a_layer_of_an_unknown_type_and_a_strange_digest(self) -> None:
        layer = {"mediaType": "application/x-squashfs", "digest": f"sha256:{'0' * 64}"}
        words = "layer sha256:0+: of type 'application/x-squashfs'; expected one of .*layer.v1.tar"
        with self.assertRaisesRegex(UserError, words):
            oci_layers.OciImage(self.layout, (layer,), ("",)).entries()
        with self.assertRaisesRegex(UserError, "digest 'sha256:../x': expected sha256 and 64"):
            oci_layers.blob_path(self.layout, "sha256:../x")

    def test_a_layer_that_is_not_what_the_configuration_says(self) -> None:
        self.export(self.before, "1")
        image = dataclasses.replace(self.load("1"), diff_ids=("sha256:1",) * 3)
        with self.assertRaisesRegex(UserError, "not the tar that the image's configuration names"):
            image.entries()

    def test_an_index_of_several_platforms(self) -> None:
        self.export(self.before, "1")
        index = oci_layers.read_index(self.layout)
        blob = json.dumps(index).encode()
        digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
        oci_layers.blob_path(self.layout, digest).write_bytes(blob)
        with self.assertRaisesRegex(UserError, "is an index of several; expected one platform's"):
            oci_layers.load(self.layout, {"manifests": [{"digest": digest}]}, "")

    def test_a_broken_index(self) -> None:
        self.export(self.before, "1")
        (self.layout / "index.json").write_text('{"manifests": ["x"]}')
        with self.assertRaisesRegex(UserError, r"index\.json: not an OCI layout's"):
            self.export(self.after, "2", onto="1")

    def test_a_name_that_would_remove_a_file(self) -> None:
        image = build(self.scratch / "image", [deb(file("./usr/.wh.x"))])
        with self.assertRaisesRegex(
            UserError, r"/usr/\.wh\.x: in an OCI layer a name that starts with \.wh\. removes"
        ):
            self.export(image, "1")


if __name__ == "__main__":
    import unittest

    unittest.main()
