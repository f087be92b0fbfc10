"""examples/appliance is deployed by ostree, and its parts are where a device has them."""

import unittest

from apt2ostree.device import layout
from tests.configure.configured import bazel_run, image
from tests.support import sysroots
from tests.support.judges import ScratchTest, need, ostree, run


class DeployTest(ScratchTest):
    def test_ostree_deploys_what_is_imported(self) -> None:
        need(self, "ostree", "fakeroot", "dpkg")
        repo = self.scratch / "repo"
        ostree(repo, "init", "--mode=archive")
        result = bazel_run("import", "--repo", repo, "--ref", "appliance/stable")
        self.assertEqual(0, result.returncode, result.stdout)
        self.assertIn("no errors found", ostree(repo, "fsck"))
        deployment, said = sysroots.deploy(self.scratch / "sysroot", repo, "appliance/stable")
        self.assertIn(f"appliance {image().commit}.0", said)
        self.assertRegex(said, r"title Debian GNU/Linux 13 \(trixie\).*1\.0")
        database = f"--admindir={deployment / layout.DPKG}"
        self.assertEqual("", run("dpkg", database, "--audit"))
        states = run("dpkg-query", database, "-W", "-f", "${db:Status-Abbrev}\n").split()
        self.assertEqual(["ii"] * len(image().manifest.packages), states)

    def test_a_shell_sees_what_a_device_does(self) -> None:
        script = """
            dpkg --audit
            readlink /var/lib/dpkg /home /root
            lsinitramfs /usr/lib/modules/*/initramfs.img | grep -o 'ostree-prepare-root$'
        """
        result = bazel_run("shell", "--", "sh", "-euc", script)
        self.assertEqual(
            ["/usr/lib/sysimage/dpkg", "var/home", "var/roothome", "ostree-prepare-root"],
            result.stdout.split(),
        )


if __name__ == "__main__":
    unittest.main()
