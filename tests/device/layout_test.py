import re
import struct
import unittest

from apt2ostree.device import layout, tmpfiles
from apt2ostree.errors import UserError
from apt2ostree.image.compose import Options
from apt2ostree.ostree import repo
from apt2ostree.ship import repo_image
from apt2ostree.ship.commit_image import CommitOptions, commit
from apt2ostree.ship.import_image import add_image
from apt2ostree.tree.manifest import Directory, encode_xattrs
from tests.support import devices, images, judges, sysroots
from tests.support.debs import Entry, control, deb, directory, file, symlink
from tests.support.devices import KERNEL, bootable
from tests.support.images import Composed, compose_debs
from tests.support.judges import ScratchTest

AMD64 = Options(architectures=("amd64",))


def paths(image: Composed, top: str) -> set[str]:
    """Paths of the files and directories below a directory, relative to it."""
    found = set()
    for path, entry in image.manifest.directories.items():
        if path == top or path.startswith(f"{top}/"):
            found.add(path[len(top) + 1 :])
            found.update(f"{path}/{name}"[len(top) + 1 :] for name in entry.files)
    return found - {""}


def target(image: Composed, path: str) -> str:
    row = image.manifest.row(path)
    assert row and row[0] == "symlink", path
    return str(row[4])


class LayoutTest(unittest.TestCase):
    def test_the_kernel_and_its_initrd_are_beside_the_modules(self) -> None:
        image = bootable()
        modules = {"System.map", "config", "initramfs.img", "modules.order", "vmlinuz"}
        self.assertEqual(paths(image, f"usr/lib/modules/{KERNEL}"), modules)
        self.assertEqual(image.content(f"usr/lib/modules/{KERNEL}/initramfs.img"), "initrd")
        self.assertEqual(paths(image, "boot"), set())
        self.assertIsNone(image.manifest.row("vmlinuz"))

    def test_etc_is_where_deployments_have_theirs_from(self) -> None:
        image = bootable()
        self.assertNotIn("etc", image.manifest.directories)
        self.assertEqual(image.content("usr/etc/motd"), "hello\n")
        self.assertEqual(target(image, "usr/etc/os-release"), "../usr/lib/os-release")

    def test_the_first_boot_is_one_and_enables_no_more_than_the_image(self) -> None:
        image = bootable()
        self.assertIsNone(image.manifest.row("usr/etc/machine-id"))
        self.assertIn("\ndisable *\n", image.content(layout.PRESET))

    def test_dpkgs_database_is_that_of_the_version(self) -> None:
        image = bootable()
        self.assertIn("status", paths(image, "usr/lib/sysimage/dpkg"))
        self.assertIn("info/ostree.list", paths(image, "usr/lib/sysimage/dpkg"))
        self.assertEqual(target(image, "usr/share/factory/var/lib/dpkg"), "/usr/lib/sysimage/dpkg")
        self.assertIn(
            "L /var/lib/dpkg - - - - /usr/lib/sysimage/dpkg\n", image.content(layout.TMPFILES)
        )

    def test_var_is_what_a_device_lacks(self) -> None:
        parents = [directory(f"./{name}") for name in ("var", "var/lib")]
        image = bootable(
            *parents,
            directory("./var/lib/appliance", 0o750, uid=7, gid=8),
            file("./var/lib/appliance/state", b"1", 0o640, uid=7, gid=8),
        )
        self.assertEqual(paths(image, "var"), set())
        factory = image.manifest.directories["usr/share/factory/var/lib/appliance"]
        self.assertEqual((factory.mode, factory.uid, factory.gid), ("0750", 7, 8))
        lines = image.content(layout.TMPFILES).splitlines()
        self.assertIn("d /var/lib/appliance :0750 :7 :8 -", lines)
        self.assertIn("C /var/lib/appliance/state", lines)

    def test_access_lists_come_too(self) -> None:
        entries = [(1, 7, -1), (4, 5, -1), (8, 5, 4), (16, 5, -1), (32, 0, -1)]
        acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
        xattrs = encode_xattrs(
            {"system.posix_acl_access": acl, "system.posix_acl_default": acl, "user.x": b"y"}
        )
        directories = {
            "usr/share/factory/var": Directory(),
            "usr/share/factory/var/log": Directory("2750", xattrs=xattrs),
        }
        self.assertEqual(
            list(tmpfiles.lines(directories, "var")),
            [
                "d /var/log :2750 :0 :0 -",
                "a+ /var/log - - - - g:4:r-x,d:u::rwx,d:g::r-x,d:g:4:r-x,d:m::r-x,d:o::---",
            ],
        )

    def test_what_is_the_devices_own_is_in_var(self) -> None:
        image = bootable()
        for name, place in (
            ("home", "var/home"),
            ("mnt", "var/mnt"),
            ("opt", "var/opt"),
            ("root", "var/roothome"),
            ("srv", "var/srv"),
            ("usr/local", "../var/usrlocal"),
            ("media", "run/media"),
            ("ostree", "sysroot/ostree"),
        ):
            self.assertEqual(target(image, name), place)
        lines = image.content(layout.TMPFILES).splitlines()
        for line in (
            "d /var/home :0755 :0 :0 -",
            "d /var/opt :0755 :0 :0 -",
            "d /var/roothome :0700 :0 :0 -",
            "C /var/roothome/.profile",
            "L /var/usrlocal/man - - - - share",
            "d /run/media 0755 root root -",
        ):
            self.assertIn(line, lines)

    def test_mount_points_are_empty(self) -> None:
        image = bootable(directory("./dev"), directory("./dev/pts"), directory("./media/cdrom"))
        for name in ("dev", "proc", "run", "sys", "sysroot", "tmp"):
            self.assertEqual(paths(image, name), set())
        self.assertEqual(image.manifest.directories["tmp"].mode, "1777")
        self.assertNotIn("media", image.manifest.directories)

    def test_opt_of_packages_comes_with_the_version(self) -> None:
        image = bootable(
            directory("./opt"),
            directory("./opt/vendor"),
            directory("./opt/vendor/bin"),
            file("./opt/vendor/bin/x", b"x", 0o755),
            symlink("./opt/current", "vendor"),
        )
        self.assertEqual(image.content("usr/lib/opt/vendor/bin/x"), "x")
        lines = image.content(layout.TMPFILES).splitlines()
        self.assertIn("L /var/opt/vendor - - - - /usr/lib/opt/vendor", lines)
        self.assertIn("L /var/opt/current - - - - /usr/lib/opt/current", lines)

    def test_users_come_with_the_version(self) -> None:
        passwd = b"root:x:0:0:root:/root:/bin/sh\nsshd:x:101:65534::/run/sshd:/bin/false\n"
        image = bootable(directory("./etc"), file("./etc/passwd", passwd))
        self.assertEqual(
            image.content(layout.SYSUSERS), 'u sshd 101:65534 "" /run/sshd /bin/false\n'
        )
        self.assertIn("\nConditionNeedsUpdate=\n", image.content(layout.SYSUSERS_DROP_IN))
        self.assertIsNone(bootable().manifest.row(layout.SYSUSERS))

    def test_what_packages_have_in_var_opt_stays_there(self) -> None:
        image = bootable(
            *(directory(f"./{name}") for name in ("var", "var/opt", "var/opt/vendor")),
            file("./var/opt/vendor/data", b"1"),
        )
        self.assertIn("C /var/opt/vendor/data\n", image.content(layout.TMPFILES))
        self.assertEqual(target(image, "opt"), "var/opt")

    def test_the_commit_says_that_it_boots(self) -> None:
        image = bootable(version="1.0")
        self.assertEqual(
            image.manifest.metadata,
            {"ostree.bootable": True, "ostree.linux": KERNEL, "version": "1.0"},
        )
        self.assertNotIn("version", bootable().manifest.metadata)
        self.assertNotEqual(image.commit, bootable().commit)

    def test_it_depends_on_the_image_alone(self) -> None:
        one, two = bootable(version="1"), bootable(version="1")
        self.assertEqual(
            (one.commit, one.manifest.dump(), one.objects[-1]),
            (two.commit, two.manifest.dump(), two.objects[-1]),
        )

    def test_only_what_is_new_is_written(self) -> None:
        self.assertLess(len(bootable().objects[-1]), 60_000)

    def test_deployed_is_what_a_device_has(self) -> None:
        plain = compose_debs(devices.packages(), AMD64).manifest.directories
        self.assertEqual(layout.deployed(plain), plain)
        found = layout.deployed(bootable().manifest.directories)
        self.assertIn("motd", found["etc"].files)
        self.assertIn("dpkg", found["var/lib"].files)
        self.assertIn("var/roothome", found)


class JudgedTest(ScratchTest):
    def setUp(self) -> None:
        super().setUp()
        judges.need(self, "ostree", "fakeroot")

    def test_ostree_deploys_it(self) -> None:
        image = images.write(
            self.scratch / "image",
            bootable(
                *(directory(f"./{name}") for name in ("opt", "opt/vendor", "var", "var/lib")),
                file("./opt/vendor/x", b"x"),
                directory("./var/lib/appliance", 0o750),
                version="1.0",
            ),
            "device",
        )
        source = repo.create(self.scratch / "repo", "archive")
        with source.transaction() as transaction:
            add_image(transaction, source, image)
            transaction.set_ref("device", image.commit)
        judges.ostree(source.path, "fsck")
        deployment, said = sysroots.deploy(self.scratch / "sysroot", source.path, "device")
        self.assertRegex(said, r"appliance [0-9a-f]{64}\.0")
        self.assertIn("Version: 1.0", said)
        self.assertRegex(said, r"title Debian.*1\.0")
        self.assertRegex(said, rf"linux .*/vmlinuz-{re.escape(KERNEL)}")
        self.assertRegex(said, rf"initrd .*/initramfs-{re.escape(KERNEL)}\.img")
        self.assertEqual((deployment / "etc/motd").read_text(), "hello\n")
        self.assertEqual((deployment / "usr/lib/opt/vendor/x").read_text(), "x")
        audit = judges.run("dpkg", f"--admindir={deployment / layout.DPKG}", "--audit", check=False)
        self.assertNotIn("error", audit)
        listed = judges.run(
            *("dpkg-query", f"--admindir={deployment / layout.DPKG}", "-W", "-f", "${Package} ")
        )
        self.assertIn("ostree-boot ", listed)

    def test_systemd_fills_var_and_leaves_what_is_there(self) -> None:
        judges.need(self, "systemd-tmpfiles")
        image = bootable(
            *(directory(f"./{name}") for name in ("var", "var/lib", "var/lib/a b", "opt")),
            directory("./var/lib/secret", 0o700),
            file("./var/lib/a b/100%", b"new"),
            file('./var/lib/a b/"quoted" \\back', b"new"),
            file("./var/lib/secret/kept", b"new"),
            symlink("./var/lib/dangling", "no\\where %h"),
            file("./opt/x", b"x"),
        )
        built = images.write(self.scratch / "image", image, "device")
        source = repo.create(self.scratch / "repo", "bare-user")
        with source.transaction() as transaction:
            add_image(transaction, source, built)
            transaction.set_ref("device", built.commit)
        root = self.scratch / "root"
        judges.ostree(source.path, "checkout", "-UH", "device", root)
        kept = root / "var/lib/secret/kept"
        kept.parent.mkdir(parents=True)
        kept.parent.chmod(0o750)
        kept.write_text("the device's")
        (root / "etc").mkdir()
        script = 'systemd-tmpfiles --root="$1" --create --boot --prefix=/var "$2"'
        command = judges.in_namespace(script, root, root / layout.TMPFILES)
        said = judges.run(*command)
        self.assertEqual(said, "")
        lib = root / "var/lib"
        self.assertEqual((lib / "a b/100%").read_text(), "new")
        self.assertEqual((lib / 'a b/"quoted" \\back').read_text(), "new")
        self.assertEqual((lib / "dangling").readlink().as_posix(), "no\\where %h")
        self.assertEqual((lib / "dpkg").readlink().as_posix(), "/usr/lib/sysimage/dpkg")
        self.assertEqual((root / "var/opt/x").readlink().as_posix(), "/usr/lib/opt/x")
        self.assertEqual(kept.read_text(), "the device's")
        self.assertEqual(kept.parent.stat().st_mode & 0o7777, 0o750)
        self.assertEqual((root / "var/roothome").stat().st_mode & 0o7777, 0o700)

    def test_a_commit_on_a_branch_says_that_it_boots_too(self) -> None:
        built = images.write(self.scratch / "image", bootable(version="1.0"), "device")
        target = repo.create(self.scratch / "repo", "archive")
        done = commit(target, built, CommitOptions("b", metadata={"version": "1.1"}))
        shown = judges.ostree(
            target.path, "show", "--print-metadata-key=ostree.bootable", done.commit
        )
        self.assertEqual(shown, "true\n")
        for key, value in (("ostree.linux", KERNEL), ("version", "1.1")):
            shown = judges.ostree(target.path, "show", f"--print-metadata-key={key}", done.commit)
            self.assertEqual(shown, f"'{value}'\n")
        names = {record.name for record in repo_image.load(target, done.commit).packages}
        self.assertIn("ostree-boot", names)


class FaultsTest(unittest.TestCase):
    def refused(self, words: str, *packages: bytes, without: str = "") -> None:
        chosen = [
            package
            for package in [*devices.packages(), *packages]
            if not without or f"Package: {without}\n" not in _control(package)
        ]
        with self.assertRaisesRegex(UserError, words):
            devices.lay_out(compose_debs(chosen, AMD64))

    def ships(self, words: str, *entries: Entry) -> None:
        self.refused(words, deb(*entries, control=control("other")))

    def test_no_kernel(self) -> None:
        self.refused(
            "no kernel, vmlinuz-RELEASE, in /boot: add one to the packages, such as linux-image-",
            without=f"linux-image-{KERNEL}",
        )

    def test_two_kernels(self) -> None:
        self.ships(
            f"2 kernels in /boot, {KERNEL}, 6.2: a deployment boots one; leave the packages of",
            directory("./boot"),
            file("./boot/vmlinuz-6.2"),
        )

    def test_a_kernel_that_a_hook_has_moved(self) -> None:
        self.refused(
            "/usr/lib/modules/1/vmlinuz: the kernel is moved already, and `bootable` moves it",
            deb(
                *(directory(f"./usr/lib/{name}") for name in ("modules", "modules/1")),
                file("./usr/lib/modules/1/vmlinuz"),
                control=control("moved"),
            ),
            without=f"linux-image-{KERNEL}",
        )

    def test_a_kernel_without_modules(self) -> None:
        self.refused(
            "/boot/vmlinuz-9: there is no /usr/lib/modules/9 for it: its modules are missing",
            deb(directory("./boot"), file("./boot/vmlinuz-9"), control=control("odd")),
            without=f"linux-image-{KERNEL}",
        )

    def test_no_initrd(self) -> None:
        image = compose_debs(devices.packages(initrd=False), AMD64)
        words = (
            f"/boot/vmlinuz-{KERNEL}: there is no /boot/initrd.img-{KERNEL}: the scripts of "
            "initramfs-tools or dracut make it; add one of them to the packages, and "
            "`configure = True` to the image"
        )
        with self.assertRaisesRegex(UserError, words):
            devices.lay_out(image)

    def test_something_else_in_boot(self) -> None:
        self.ships(
            "/boot/memtest86: /boot is for OSTree to fill, and nothing but the kernel .* is taken",
            directory("./boot"),
            file("./boot/memtest86"),
        )

    def test_both_etc_and_usr_etc(self) -> None:
        self.ships(
            "there are both /etc and /usr/etc: `bootable` moves the one to the other; take out",
            directory("./usr/etc"),
            file("./usr/etc/x"),
        )

    def test_no_ostree(self) -> None:
        for name, words in (
            ("ostree", "the package ostree is not in it: it has the program that updates"),
            ("ostree-boot", "the package ostree-boot is not in it: it has ostree-prepare-root"),
        ):
            self.refused(words, without=name)

    def test_no_init(self) -> None:
        self.refused(
            "there is no /sbin/init for the kernel to start: add the package systemd-sysv",
            without="systemd-sysv",
        )

    def test_no_merged_usr(self) -> None:
        self.refused(
            "/lib or /sbin is a directory, not a link into /usr.*: add the package usr-is-merged",
            deb(directory("./lib"), file("./lib/x"), control=control("old")),
            without="base-files",
        )

    def test_content_where_a_device_has_its_own(self) -> None:
        for top in ("dev", "run", "tmp", "sysroot", "media", "proc", "sys"):
            self.ships(
                f"/{top}/x: what lies in /{top} would be covered by what a device has there",
                directory(f"./{top}"),
                file(f"./{top}/x"),
            )
        self.ships(
            "/ostree: what lies in /ostree would be covered", symlink("./ostree", "sysroot/ostree")
        )

    def test_what_the_layout_makes_itself(self) -> None:
        self.ships(
            "there is a /usr/lib/sysimage/dpkg, which `bootable` makes itself: leave out what has",
            directory("./usr/lib/sysimage"),
            directory("./usr/lib/sysimage/dpkg"),
        )
        self.ships(
            "/home is a link to /var/home on a device, and both are there: leave one out",
            directory("./var"),
            directory("./var/home"),
        )

    def test_files_in_usr_local(self) -> None:
        self.ships(
            "/usr/local/bin/x: /usr/local is the device's own, and no update would change it",
            directory("./usr/local"),
            directory("./usr/local/bin"),
            file("./usr/local/bin/x"),
        )

    def test_all_faults_are_told_at_once(self) -> None:
        image = compose_debs(
            [
                package
                for package in devices.packages()
                if not re.search("Package: (ostree|systemd-sysv)\n", _control(package))
            ],
            AMD64,
        )
        with self.assertRaises(UserError) as caught:
            devices.lay_out(image)
        self.assertEqual(len(str(caught.exception).splitlines()), 3)


def _control(package: bytes) -> str:
    manifest, _ = images.unpack(package)
    return manifest.packages[0].control


if __name__ == "__main__":
    unittest.main()
