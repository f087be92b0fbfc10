"""Revisions on a branch, from a web server to a device: committed, signed, pulled, verified."""

from __future__ import annotations

import shutil
import tempfile
import unittest
from pathlib import Path

from tests.scenarios.variants.example import run_image
from tests.support import judges, servers, trees

KEY = "releases@example.org"
BRANCH = "os/stable"


class ShippingTest(judges.ScratchTest):
    def setUp(self) -> None:
        super().setUp()
        judges.need(self, "gpg", "nginx", "ostree")
        # gpg-agent's socket is in it, whose path may have 107 bytes: fewer than a sandbox's.
        home = tempfile.TemporaryDirectory(dir="/tmp")
        self.addCleanup(home.cleanup)
        self.keys = Path(home.name)
        self.addCleanup(judges.run, "gpgconf", "--homedir", self.keys, "--kill", "all")
        self.gpg("--passphrase", "", "--quick-generate-key", KEY, "default", "default", "never")
        self.gpg("--output", self.scratch / "key.gpg", "--export", KEY)
        self.repo = self.scratch / "repo"
        judges.ostree(self.repo, "init", "--mode=archive")
        self.web = servers.Nginx(self.scratch / "nginx", self.repo).start(self)
        self.device = self.new_device("device")

    def gpg(self, *arguments: str | Path) -> None:
        judges.run("gpg", "--homedir", self.keys, "--batch", "--quiet", *arguments)

    def new_device(self, name: str) -> Path:
        device = self.scratch / name
        judges.ostree(device, "init", "--mode=bare-user")
        remote = ["--set=gpg-verify-summary=true", f"--gpg-import={self.scratch / 'key.gpg'}"]
        judges.ostree(device, "remote", "add", *map(str, remote), "origin", self.web.url)
        return device

    def commit(self, image: str, subject: str, *options: str) -> str:
        """Commit as a user does; return the checksum."""
        signing = [f"--gpg-sign={KEY}", f"--gpg-homedir={self.keys}"]
        branch = [f"--repo={self.repo}", f"--branch={BRANCH}", f"--subject={subject}"]
        output = run_image(self.scratch, image, "commit", *branch, *signing, *options)
        return output.split()[1]

    def pull(self, device: Path, *options: str, check: bool = True) -> str:
        return judges.ostree(device, "pull", *options, "origin", BRANCH, check=check)

    def test_two_revisions_reach_a_device(self) -> None:
        first = self.commit("base", "First", "--update-summary")
        self.pull(self.device)
        full = sum(transfer.sent for transfer in self.web.transfers())
        self.web.forget_transfers()
        second = self.commit("product", "Second", "--delta", "--update-summary")
        self.pull(self.device, "--require-static-deltas")
        asked = self.web.transfers()
        self.assertTrue([one for one in asked if one.path.startswith("/deltas/")], asked)
        self.assertEqual([one.path for one in asked if one.path.endswith(".filez")], [])
        print(f"first pull: {full} B; the delta: {sum(one.sent for one in asked)} B")

        ref = f"origin:{BRANCH}"
        for place, name in ((self.repo, BRANCH), (self.device, ref)):
            log = judges.ostree(place, "log", name)
            self.assertRegex(
                log,
                rf"(?s)^commit {second}\nParent: +{first}\n.*\n    Second\n.*"
                rf"commit {first}\n(?!Parent).*\n    First\n",
            )
        self.assertEqual(judges.ostree(self.device, "rev-parse", f"{ref}^").strip(), first)
        for commit in (first, second):
            self.assertIn("Good signature", judges.ostree(self.device, "show", commit))
        packages = judges.ostree(
            self.device, "show", "--print-metadata-key=apt2ostree.packages", ref
        )
        self.assertIn("('nginx', ", packages)
        judges.ostree(self.device, "fsck")
        judges.ostree(self.device, "checkout", "-U", ref, self.scratch / "theirs")
        run_image(self.scratch, "product", "checkout", "--user-mode", "ours")
        self.assertEqual(trees.differences(self.scratch / "theirs", self.scratch / "ours"), [])

        self.assertEqual(self.commit("product", "Third"), second)
        self.assertNotIn("Third", judges.ostree(self.repo, "log", BRANCH))

    def test_what_was_tampered_with_is_not_pulled(self) -> None:
        self.commit("base", "First", "--update-summary")
        victim = max(self.repo.glob("objects/*/*.filez"), key=lambda path: path.stat().st_size)
        data = bytearray(victim.read_bytes())
        data[len(data) // 2] ^= 0xFF
        victim.write_bytes(data)
        self.assertIn("error: ", self.pull(self.device, check=False))
        self.assertNotIn(BRANCH, judges.ostree(self.device, "refs"))

    def test_a_commit_of_another_key_is_not_pulled(self) -> None:
        self.commit("base", "First", "--update-summary")
        shutil.rmtree(self.scratch / "device")
        other = "other@example.org"
        self.gpg("--passphrase", "", "--quick-generate-key", other, "default", "default", "never")
        (self.scratch / "key.gpg").unlink()
        self.gpg("--output", self.scratch / "key.gpg", "--export", other)
        output = self.pull(self.new_device("device"), check=False)
        self.assertRegex(output, "(?s)error: .*Can't check signature: public key not found")


if __name__ == "__main__":
    unittest.main()
