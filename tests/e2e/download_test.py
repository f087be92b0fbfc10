"""Where packages come from: mirrors, origins, snapshots; and when they come."""

import hashlib
import unittest

from tests.e2e.archive import Archive
from tests.e2e.case import BazelTest
from tests.support.debs import control, deb, file


class DownloadTest(BazelTest):
    def mirrors(self, *pairs: "tuple[str, str]") -> "dict[str, str]":
        return {"APT2OSTREE_MIRRORS": ",".join(f"{a}={b}" for a, b in pairs)}

    def other_archive(self) -> Archive:
        """Another archive with the same files."""
        other = Archive()
        self.addCleanup(other.close)
        other.files = self.archive.files
        return other

    def test_only_what_is_asked_for_is_fetched_and_once(self) -> None:
        self.lock(
            *(
                self.archive.add(deb(file(f"./{name}"), control=control(name)), name)
                for name in ("one", "two", "three")
            )
        )
        self.write("sub/BUILD.bazel", 'filegroup(name = "one", srcs = ["@debs//one"])\n')
        self.bazel("build", "--nobuild", "//sub:one")
        self.bazel("build", "//sub:one")
        self.assertEqual(self.archive.asked(), ["one_1_amd64.deb"])
        self.bazel("build", "//:debs_image")
        self.assertEqual(sorted(self.archive.asked()), ["three_1_amd64.deb", "two_1_amd64.deb"])
        self.bazel("build", "//:debs_image")
        self.assertEqual(self.archive.asked(), [])

    def test_a_wrong_checksum_names_package_lock_and_urls(self) -> None:
        package = deb(file("./a", b"right"))
        self.lock(self.archive.add(package))
        for path in self.archive.files:
            self.archive.files[path] = package[:-8] + b"tampered"
        result = self.bazel("build", "//:debs_image", check=False)
        self.assert_says(
            result,
            r"package tiny 1 \(amd64\) of debs.lock: no file with the SHA-256 [0-9a-f]{64} at any "
            rf"of {self.archive.url}/pool/tiny_1_amd64.deb The warnings above say what was wrong "
            "with each. If the archive has moved on to another version, update the lock",
        )
        self.assert_says(result, r"Checksum was sha256-\S+ but wanted sha256-\S+")
        # The right file is taken as soon as it is there.
        for path in self.archive.files:
            self.archive.files[path] = package
        self.bazel("build", "//:debs_image")

    def test_a_package_with_sha512_alone(self) -> None:
        package = deb(file("./a", b"right"))
        sha512 = hashlib.sha512(package).hexdigest()
        self.lock(self.archive.add(package, SHA256="", SHA512=sha512))
        path, _ = self.archive.files.popitem()
        self.archive.files[path] = package[:-8] + b"tampered"
        result = self.bazel("build", "//:debs_image", check=False)
        self.assert_says(result, f"debs.lock: no file with the SHA-512 {sha512} at any of")
        self.archive.files[path] = package
        self.bazel("build", "//:debs_image")

    def test_a_download_that_ends_early(self) -> None:
        self.lock(self.archive.add(deb(file("./a", bytes(range(256)) * 50), compression="")))
        self.archive.cut.update(self.archive.files)
        result = self.bazel(
            "build",
            "//:debs_image",
            "--http_max_parallel_downloads=1",
            "--experimental_repository_downloader_retries=0",
            check=False,
        )
        self.assert_says(result, r"package tiny 1 \(amd64\) of debs.lock: no file with the SHA-256")
        self.archive.cut.clear()
        self.bazel("build", "//:debs_image")

    def test_mirrors_the_origin_and_the_snapshot_in_that_order(self) -> None:
        snapshot, first, second = (self.other_archive() for _ in range(3))
        for archive in (snapshot, first, second):
            archive.files = {}
        package = deb(file("./a"))
        stanza = self.archive.add(package, Snapshot=snapshot.url)
        self.lock(stanza)
        snapshot.files = dict(self.archive.files)
        self.archive.files.clear()
        env = self.mirrors((self.archive.url, first.url), (self.archive.url, second.url))
        self.bazel("build", "//:debs_image", env=env)
        for archive in (first, second, self.archive, snapshot):
            self.assertEqual(archive.asked(), ["tiny_1_amd64.deb"])

    def test_a_mirror_is_tried_first_and_changing_mirrors_rebuilds_nothing(self) -> None:
        mirror = self.other_archive()
        self.lock(self.archive.add(deb(file("./a"))))
        env = self.mirrors((self.archive.url, mirror.url))
        self.bazel("build", "//:debs_image", env=env)
        self.assertEqual((mirror.asked(), self.archive.asked()), (["tiny_1_amd64.deb"], []))
        for other in (self.mirrors((self.archive.url, "http://127.0.0.1:9/nothing")), {}):
            result = self.bazel("build", "//:debs_image", env=other)
            self.assertEqual(result.actions, {})
        self.assertEqual((mirror.asked(), self.archive.asked()), ([], []))

    def test_mirrors_declared_by_the_root_module(self) -> None:
        mirror = self.other_archive()
        self.lock(self.archive.add(deb(file("./a"))))
        module = self.workspace / "MODULE.bazel"
        tag = f'apt.mirror(archive = "{self.archive.url}", url = "{mirror.url}")\n'
        module.write_text(module.read_text() + tag)
        self.bazel("build", "//:debs_image")
        self.assertEqual((mirror.asked(), self.archive.asked()), (["tiny_1_amd64.deb"], []))

    def test_a_mirror_on_disk(self) -> None:
        self.lock(self.archive.add(deb(file("./a"))))
        place = self.scratch / "debian/pool"
        place.mkdir(parents=True)
        for path, data in self.archive.files.items():
            (place / path.rpartition("/")[2]).write_bytes(data)
        env = self.mirrors((self.archive.url, f"file://{place.parent}"))
        self.bazel("build", "//:debs_image", env=env)
        self.assertEqual(self.archive.asked(), [])

    def test_a_login_comes_from_netrc(self) -> None:
        self.archive.login = "somebody:pass:word"
        self.lock(self.archive.add(deb(file("./a"))))
        netrc = self.scratch / "netrc"
        netrc.write_text("machine 127.0.0.1\nlogin somebody\npassword wrong\n")
        for env in ({}, {"NETRC": str(netrc)}):
            result = self.bazel("build", "//:debs_image", env=env, check=False)
            self.assert_says(
                result,
                r"If an archive wants a login \(401\), put it into ~/.netrc or the file that NETRC "
                "names, or use Bazel's --credential_helper or a downloader configuration",
            )
        netrc.write_text("machine 127.0.0.1\nlogin somebody\npassword pass:word\n")
        self.bazel("build", "//:debs_image", env={"NETRC": str(netrc)})

    def test_update_lock_and_mirror_log_in_as_netrc_says(self) -> None:
        package = deb(file("./a"), control=control("tiny"))
        source = self.archive.publish(self.archive.add(package, "tiny", APT_Sources=""))
        self.archive.login = "somebody:secret"
        self.write("a.sources", source)
        self.declare("debs", 'lockfile = "//:debs.lock"')
        build = self.workspace / "BUILD.bazel"
        build.write_text(
            build.read_text().replace('"ostree_image"', '"apt_lock", "ostree_image"')
            + 'apt_lock(name = "update", architecture = "amd64", include_essential = False, '
            'include_priority = [], lockfile = "debs.lock", packages = ["tiny"], '
            'sources = ["a.sources"])\n'
        )
        netrc = self.scratch / "netrc"
        netrc.write_text("")
        env = {"NETRC": str(netrc), "XDG_CACHE_HOME": str(self.scratch / "cache")}
        self.assert_says(
            self.bazel("run", "//:update", env=env, check=False),
            "the server says 401 Unauthorized; if it wants a login, put it into ~/.netrc, or the "
            "file that NETRC names, where builds find it too; Bazel's --credential_helper and "
            "downloader configuration serve builds alone",
        )
        netrc.write_text("machine 127.0.0.1\nlogin somebody\npassword secret\n")
        self.bazel("run", "//:update", env=env)
        self.assertIn("Package: tiny\n", (self.workspace / "debs.lock").read_text())
        self.assertNotIn("secret", (self.workspace / "debs.lock").read_text())
        self.bazel("build", "//:debs_image", env=env)
        env["XDG_CACHE_HOME"] = str(self.scratch / "another")
        self.bazel("run", "//:update", "--", "mirror", self.scratch / "mirror", env=env)
        self.assertTrue(list((self.scratch / "mirror").rglob("*.deb")))
        self.write("a.sources", source.replace("http://", "http://somebody:secret@"))
        result = self.bazel("run", "//:update", env=env, check=False)
        self.assert_says(result, "a.sources:2: there is a login in a URI, which whoever has this")
        self.assertNotIn("secret", result.output)

    def test_a_login_in_a_url_is_refused_and_not_told(self) -> None:
        login = self.archive.url.replace("http://", "http://somebody:secret@")
        stanza = self.archive.add(deb(file("./a")))
        self.lock(stanza.replace(self.archive.url, login))
        words = "there is a login in a URL; put it into ~/.netrc, or the file that NETRC names"
        result = self.bazel("build", "//:debs_image", check=False)
        self.assert_says(result, f"debs.lock:1: package tiny: {words}")
        self.assertNotIn("secret", result.output)
        self.write("debs.lock", stanza)
        for text in (f"{self.archive.url}={login}", login, f"http://a=http://b,{login}"):
            env = {"APT2OSTREE_MIRRORS": text}
            result = self.bazel("build", "//:debs_image", env=env, check=False)
            self.assert_says(result, "APT2OSTREE_MIRRORS")
            self.assertNotIn("secret", result.output)

    def test_a_variable_that_is_no_list_of_mirrors(self) -> None:
        self.lock(self.archive.add(deb(file("./a"))))
        result = self.bazel(
            "build", "//:debs_image", env={"APT2OSTREE_MIRRORS": "nonsense"}, check=False
        )
        self.assert_says(
            result, 'APT2OSTREE_MIRRORS: expected FROM=TO with two URLs, got "nonsense"'
        )


if __name__ == "__main__":
    unittest.main()
