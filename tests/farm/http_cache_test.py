"""Two machines share a remote cache over HTTP, nginx's, and the real packages of an example."""

import os
import unittest
from pathlib import Path

from tests.farm import farm
from tests.support import bazel

DEBS = [Path(path) for path in os.environ["DEBS"].split()]
LOCK = Path("examples/nginx/Packages.lock").read_text(encoding="utf-8")


class HttpCacheTest(farm.FarmTest):
    def setUp(self) -> None:
        super().setUp()
        self.serve(LOCK, DEBS)
        self.cache = self.http_cache()

    def user(self, name: str) -> bazel.Machine:
        return self.machine(name, LOCK, f"--remote_cache={self.cache.url}")

    def test_another_machine_executes_nothing_and_fetches_only_what_it_wants_to_see(self) -> None:
        built = self.user("first").build("//:image")
        self.assertEqual(built.runners("DebTree").total(), len(DEBS))
        self.assertEqual(built.runners()["remote cache hit"], 0)
        stored = sum(transfer.received for transfer in self.cache.transfers())

        second = self.user("second")
        self.cache.forget_transfers()
        self.packages.forget_transfers()
        built = second.build("//:image")
        self.assert_all_from_cache(built, len(DEBS))
        commit = second.read("image.commit")
        moved = sum(transfer.sent for transfer in self.cache.transfers())

        third = self.user("third/below")
        self.cache.forget_transfers()
        self.packages.forget_transfers()
        built = third.build("//:image", "--remote_download_minimal", *farm.ONLY_THE_COMMIT)
        self.assert_all_from_cache(built, len(DEBS))
        self.assertEqual(third.read("image.commit"), commit)
        moved_minimal = sum(transfer.sent for transfer in self.cache.transfers())
        debs = sum(transfer.sent for transfer in self.packages.transfers())
        size = farm.content_size(second.read("image.manifest.json"))
        print(
            f"{len(DEBS)} packages, {size} bytes in the image: {stored} to the cache; from it "
            f"{moved} by default, {moved_minimal} with --remote_download_minimal "
            f"({moved_minimal / size:.2%}); and {debs} of .debs from the mirror"
        )
        self.assertLess(moved_minimal, size / 100)


class CacheKeysTest(farm.FarmTest):
    """With few packages, for what does not depend on their number."""

    def setUp(self) -> None:
        super().setUp()
        self.lock = self.generate(6)
        self.cache = self.http_cache()

    def user(self, name: str, *options: str) -> bazel.Machine:
        return self.machine(name, self.lock, f"--remote_cache={self.cache.url}", *options)

    def test_a_build_for_another_platform_or_mode_unpacks_nothing_again(self) -> None:
        user = self.user("first")
        self.assertEqual(user.build("//:image").runners("DebTree").total(), 6)
        commit = user.read("image.commit")
        for option in ("--compilation_mode=opt", "--platforms=//:other"):
            with self.subTest(option):
                built = user.build("//:image", option)
                self.assertEqual(built.runners("DebTree").total(), 0)
                self.assertEqual(user.read("image.commit"), commit)

    def test_with_path_mapping_modes_share_the_composing_too(self) -> None:
        # Mapped paths exist in sandboxes only, and workers have none unless they are told. Not
        # those of multiplexed workers: Bazel 7.7.1 starts such a worker before its
        # program is in place ("IOException while preparing the execution environment").
        user = self.user(
            "first",
            "--experimental_output_paths=strip",
            "--noworker_multiplex",
            "--worker_sandboxing",
        )
        built = user.build("//:image")
        self.assertEqual(built.runners("OstreeCompose"), {"worker": 1})
        built = user.build("//:image", "--compilation_mode=opt")
        self.assertEqual(built.runners("OstreeCompose"), {"remote cache hit": 1})

    def test_workers_and_single_processes_make_the_same_bytes_under_one_key(self) -> None:
        with_workers = self.user("first").build("//:image")
        self.assertIn("worker", " ".join(with_workers.runners("DebTree")))
        second = self.user("second", "--remote_accept_cached=false", "--spawn_strategy=local")
        self.assertEqual(second.build("//:image").runners("DebTree", "OstreeCompose"), {"local": 7})
        self.assert_all_from_cache(self.user("third").build("//:image"), 6)
        for name in ("image.manifest.json", "image.objects.tar", "image.commit"):
            paths = [
                self.scratch / machine / "workspace/bazel-bin" / name
                for machine in ("first", "second", "third")
            ]
            self.assertEqual(len({path.read_bytes() for path in paths}), 1, name)

    def test_users_and_environments_do_not_matter(self) -> None:
        self.user("first").build("//:image")
        second = self.machine(
            "second",
            self.lock,
            f"--remote_cache={self.cache.url}",
            USER="somebody",
            LANG="tr_TR.UTF-8",
            TZ="Asia/Tokyo",
            SOURCE_DATE_EPOCH="1",
        )
        self.assert_all_from_cache(second.build("//:image"), 6)


if __name__ == "__main__":
    unittest.main()
