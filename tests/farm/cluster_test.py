"""A gRPC cache, and a cluster that executes: buildbox-casd, BuildGrid, two workers."""

import os
import unittest
from pathlib import Path

from tests.farm import cluster, farm

PACKAGES = 12
CONFIGURED = """
load("@apt2ostree//apt2ostree:defs.bzl", "ostree_image")
ostree_image(
    name = "image",
    configure = True,
    exec_properties = {"configure.namespaces": "yes"},
    packages = ["@debs//:packages"],
)
"""
REMOTELY = "--@apt2ostree//apt2ostree/settings:configure_remotely"


class GrpcCacheTest(farm.FarmTest):
    def test_another_machine_executes_nothing(self) -> None:
        lock = self.generate(PACKAGES)
        cache = f"--remote_cache={cluster.casd(self, self.scratch / 'casd')}"
        first = self.machine("first", lock, cache)
        built = first.build("//:image")
        self.assertNotIn("WARNING: Remote", built.output)
        self.assertEqual(built.runners("DebTree")["remote cache hit"], 0)
        second = self.machine("second/below", lock, cache)
        built = second.build("//:image", "--remote_download_minimal", *farm.ONLY_THE_COMMIT)
        self.assert_all_from_cache(built, PACKAGES)
        self.assertEqual(second.read("image.commit"), first.read("image.commit"))


class RemoteExecutionTest(farm.FarmTest):
    def setUp(self) -> None:
        super().setUp()
        self.lock = self.generate(PACKAGES)
        self.cluster = cluster.Cluster(self, self.scratch / "cluster")

    def test_workers_unpack_and_compose_what_a_machine_alone_does(self) -> None:
        alone = self.machine("alone", self.lock)
        alone.build("//:image")
        user = self.machine("user", self.lock, *self.cluster.options())
        built = user.run("build", "//:image", "--strategy=remote")
        self.assertEqual(built.status, 0, built.output[-3000:] + self.cluster.logs())
        self.assertEqual(built.runners("DebTree"), {"remote": PACKAGES})
        self.assertEqual(built.runners("OstreeCompose"), {"remote": 1})
        for name in ("image.commit", "image.manifest.json", "image.objects.tar"):
            bytes_of = [
                (machine.workspace / "bazel-bin" / name).read_bytes() for machine in (alone, user)
            ]
            self.assertEqual(bytes_of[0], bytes_of[1], name)
        another = self.machine("another/below", self.lock, *self.cluster.options())
        built = another.build("//:image", "--remote_download_minimal", *farm.ONLY_THE_COMMIT)
        self.assert_all_from_cache(built, PACKAGES)
        self.assertEqual(another.read("image.commit"), alone.read("image.commit"))

    def test_composing_needs_manifests_alone(self) -> None:
        user = self.machine("user", self.lock, *self.cluster.options())
        built = user.build("//:image", "--strategy=remote")
        (compose,) = (spawn for spawn in built.spawns if spawn.mnemonic == "OstreeCompose")
        self.assertFalse([path for path in compose.inputs if path.endswith((".tar", ".deb"))])


class RemoteConfigureTest(farm.FarmTest):
    def test_images_are_configured_by_workers_that_can_or_locally_and_come_out_equal(self) -> None:
        lock = Path("examples/nginx/Packages.lock").read_text(encoding="utf-8")
        self.serve(lock, [Path(path) for path in os.environ["DEBS"].split()])
        grid = cluster.Cluster(self, self.scratch / "cluster", workers=0)
        grid.add_worker("plain")
        user = self.machine(
            "user",
            lock,
            *grid.options(),
            *(f"--strategy={mnemonic}=worker" for mnemonic in ("DebTree", "OstreeCompose")),
        )
        (user.workspace / "BUILD.bazel").write_text(CONFIGURED)
        built = user.build("//:image", "--remote_accept_cached=false")
        self.assertNotIn("remote", built.runners("OstreeConfigure"))
        self.assertEqual(built.runners("OstreeConfigure").total(), 1)
        commit = user.read("image.commit")
        capable = grid.add_worker("capable", namespaces=True)
        built = user.run("build", "//:image", "--remote_accept_cached=false", REMOTELY)
        self.assertEqual(built.status, 0, built.output[-3000:] + grid.logs())
        self.assertEqual(built.runners("OstreeConfigure"), {"remote": 1})
        self.assertEqual(user.read("image.commit"), commit)
        self.assertIn("Runner exited", capable.log.read_text(errors="replace"))


if __name__ == "__main__":
    unittest.main()
