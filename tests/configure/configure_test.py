"""What maintainer scripts do is what the image has."""

from __future__ import annotations

import json
import platform
import struct
import unittest
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apt2ostree.tree.manifest import CHECKSUM, GID, SIZE
from tests.configure.runner import CLEANUP, ConfigureTest, Outcome, package
from tests.support import debs

CAP_NET_RAW = struct.pack("<IIIII", 0x0200_0001, 1 << 13, 0, 0, 0)
NO_ID = 2**32 - 1
ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry)
    for entry in [(1, 7, NO_ID), (4, 5, NO_ID), (8, 5, 4), (16, 5, NO_ID), (32, 0, NO_ID)]
)  # fmt: skip
SYSCALLS = {"x86_64": {"setxattr": 188, "getxattr": 191, "removexattr": 197, "lchown": 94}}


class FilesTest(ConfigureTest):
    def test_what_a_postinst_makes_is_taken_in(self) -> None:
        outcome = self.postinst(
            "mkdir -p /srv/new/dir; echo content > /srv/new/file; ln -s file /srv/new/link"
        )
        self.assertEqual("content\n", outcome.text("srv/new/file"))
        self.assertEqual(["file", "0644", 0, 0, 8], (outcome.row("srv/new/file") or [])[:5])
        self.assertEqual(["symlink", "0777", 0, 0, "file"], (outcome.row("srv/new/link") or [])[:5])
        self.assertEqual("0755", outcome.directory_at("srv/new/dir").mode)

    def test_owners_modes_and_setuid_bits_are_those_that_were_set(self) -> None:
        outcome = self.postinst(
            "install -d -o games -g tty -m 2770 /srv/dir; touch /srv/file /srv/link\n"
            "chown 33:4 /srv/file; chmod 6711 /srv/file; ln -sf x /srv/link; chown -h 5:6 /srv/link"
        )
        directory = outcome.directory_at("srv/dir")
        self.assertEqual(("2770", 5, 5), (directory.mode, directory.uid, directory.gid))
        self.assertEqual(["file", "6711", 33, 4], (outcome.row("srv/file") or [])[:SIZE])
        self.assertEqual(["symlink", "0777", 5, 6], (outcome.row("srv/link") or [])[:SIZE])

    def test_only_the_owner_of_a_shipped_file_changes(self) -> None:
        deb = package(
            "tiny", debs.file("./usr/share/tiny", b"x" * 10), debs.file("./usr/share/other", b"y"),
            scripts={"postinst": "chown 7:8 /usr/share/tiny; chmod 4755 /usr/share/tiny"},
        )  # fmt: skip
        outcome = self.configured(deb)
        self.assertEqual(["file", "4755", 7, 8, 10], (outcome.row("usr/share/tiny") or [])[:5])
        self.assertEqual(["file", "0644", 0, 0, 1], (outcome.row("usr/share/other") or [])[:5])

    def test_shipped_owners_and_setuid_bits_are_seen_and_kept(self) -> None:
        deb = package(
            "tiny", debs.file("./usr/bin/tiny", b"x", 0o4711, uid=33, gid=4),
            scripts={"postinst": "cd /usr/bin; stat -c '%a %u %g' tiny > /srv/seen; echo >> tiny"},
        )  # fmt: skip
        outcome = self.configured(deb)
        self.assertEqual("4711 33 4\n", outcome.text("srv/seen"))
        self.assertEqual(["file", "4711", 33, 4, 2], (outcome.row("usr/bin/tiny") or [])[:5])

    def test_what_is_deleted_is_gone(self) -> None:
        deb = package(
            "tiny", debs.file("./usr/share/tiny/sub/file"), debs.file("./usr/share/tiny/other"),
            debs.file("./usr/share/single"),
            scripts={"postinst": "rm -r /usr/share/tiny/sub /usr/share/single"},
        )  # fmt: skip
        outcome = self.configured(deb)
        self.assertNotIn("usr/share/tiny/sub", outcome.manifest.directories)
        self.assertIsNone(outcome.row("usr/share/single"))
        self.assertIsNotNone(outcome.row("usr/share/tiny/other"))

    def test_a_directory_made_anew_hides_the_shipped_one(self) -> None:
        deb = package(
            "tiny", debs.file("./usr/share/tiny/old"),
            scripts={"postinst": "cd /usr/share; rm -r tiny; mkdir tiny; touch tiny/new"},
        )  # fmt: skip
        outcome = self.configured(deb)
        self.assertEqual(["new"], list(outcome.directory_at("usr/share/tiny").files))

    def test_files_and_directories_take_each_others_places(self) -> None:
        deb = package(
            "tiny", debs.file("./usr/share/was-dir/file"), debs.file("./usr/share/was-file"),
            scripts={
                "postinst": "cd /usr/share; rm -r was-dir was-file; touch was-dir; mkdir was-file\n"
                "touch was-file/below"
            },
        )  # fmt: skip
        outcome = self.configured(deb)
        self.assertEqual("file", (outcome.row("usr/share/was-dir") or [""])[0])
        self.assertEqual(["below"], list(outcome.directory_at("usr/share/was-file").files))

    def test_the_objects_tar_has_nothing_that_the_image_had(self) -> None:
        outcome = self.postinst("cp -a /usr/bin/bash /srv/copy; touch /usr/bin/dash")
        names = outcome.tars[-1].read_bytes()
        row = outcome.row("srv/copy") or []
        self.assertEqual(outcome.row("usr/bin/bash"), row)
        self.assertNotIn(f"objects/{row[CHECKSUM][:2]}/{row[CHECKSUM][2:]}".encode(), names)

    def test_what_is_made_in_a_setgid_directory_belongs_to_its_group(self) -> None:
        outcome = self.postinst(
            "install -d -g mail -m 2775 /srv/mail; mkdir /srv/mail/sub; touch /srv/mail/file"
        )
        self.assertEqual(8, outcome.directory_at("srv/mail/sub").gid)
        self.assertEqual("2755", outcome.directory_at("srv/mail/sub").mode)
        self.assertEqual(8, (outcome.row("srv/mail/file") or [])[GID])

    def test_what_another_user_makes_is_that_users(self) -> None:
        script = (
            "umask 027; echo 1 > file; echo 2 >> file; mkdir -m 0700 dir dir/below; ln -s file link"
            "; : > dir/new; mv dir/new dir/below/moved; set -C; echo once > exclusive"
            "; chmod 0604 exclusive; ! echo twice > exclusive; : > /dev/null; ls -ln > seen"
        )
        outcome = self.postinst(
            "install -d -o games -g tty /srv/theirs; install -d -o games -g mail -m 2755 /srv/set\n"
            f"cd /srv/theirs; setpriv --reuid games --regid tty --clear-groups sh -euc '{script}'\n"
            "touch root\n"
            "setpriv --reuid games --regid tty --clear-groups touch /srv/set/file\n"
            "setpriv --reuid games --regid tty --clear-groups touch given; chown 7:8 given\n"
        )
        self.assertEqual(["file", "0640", 5, 5, 4], (outcome.row("srv/theirs/file") or [])[:5])
        self.assertEqual(["file", "0604", 5, 5, 5], (outcome.row("srv/theirs/exclusive") or [])[:5])
        self.assertEqual(["symlink", "0777", 5, 5], (outcome.row("srv/theirs/link") or [])[:SIZE])
        self.assertEqual(["file", "0644", 0, 0, 0], (outcome.row("srv/theirs/root") or [])[:5])
        self.assertEqual(["file", "0644", 5, 8, 0], (outcome.row("srv/set/file") or [])[:5])
        self.assertEqual(["file", "0644", 7, 8, 0], (outcome.row("srv/theirs/given") or [])[:5])
        moved = outcome.row("srv/theirs/dir/below/moved")
        self.assertEqual(["file", "0640", 5, 5, 0], (moved or [])[:5])
        below = outcome.directory_at("srv/theirs/dir/below")
        self.assertEqual(("0700", 5, 5, None), (below.mode, below.uid, below.gid, below.xattrs))

    def test_groups_that_were_set_are_had_by_what_is_started(self) -> None:
        outcome = self.postinst(
            "id -G > /srv/root\n"
            "install -m 0640 -g 4 /dev/null /srv/file\n"
            "setpriv --reuid 5 --regid 60 --groups 4,8 sh -c '(id -G; test -r /srv/file && echo r)"
            "' > /srv/set\n"
            'perl -e \'$) = "60 4"; $> = 5; print `id -G`, -r "/srv/file" ? 1 : 0\' > /srv/perl\n'
        )
        self.assertEqual("0\n", outcome.text("srv/root"))
        self.assertEqual("60 4 8\nr\n", outcome.text("srv/set"))
        self.assertEqual("0 60 4\n1", outcome.text("srv/perl"))

    def test_a_device_is_left_out_and_said(self) -> None:
        outcome = self.postinst("mknod /srv/null c 1 3; mkfifo /srv/fifo")
        self.assertIn(
            "note: /srv/null: a character device, which OSTree cannot store", outcome.said
        )
        self.assertIn("note: /srv/fifo: a fifo, which OSTree cannot store", outcome.said)
        self.assertIsNone(outcome.row("srv/null"))

    def test_names_that_are_not_utf8_are_refused_by_name(self) -> None:
        said = self.failing("touch $'/srv/\\xff'")
        self.assertIn("in /srv: ", said)
        self.assertIn("is not UTF-8", said)


class AttributesTest(ConfigureTest):
    def test_capabilities_are_recorded_and_read_back(self) -> None:
        outcome = self.postinst(
            "cp /usr/bin/true /srv/ping; setcap cap_net_raw+ep /srv/ping\n"
            "getcap /srv/ping > /srv/seen; cp /usr/bin/true /srv/not\n"
            "setcap cap_net_raw+ep /srv/not; setcap -r /srv/not"
        )
        self.assertEqual({"security.capability": CAP_NET_RAW}, outcome.xattrs("srv/ping"))
        self.assertEqual("/srv/ping cap_net_raw=ep\n", outcome.text("srv/seen"))
        self.assertEqual({}, outcome.xattrs("srv/not"))

    def test_a_capability_of_a_shipped_file_is_recorded_without_its_content_being_copied(
        self,
    ) -> None:
        deb = package(
            "tiny", debs.file("./usr/bin/tiny", b"x" * 1000, 0o755),
            scripts={"postinst": "setcap cap_net_raw+ep /usr/bin/tiny"},
        )  # fmt: skip
        outcome = self.configured(deb)
        self.assertEqual({"security.capability": CAP_NET_RAW}, outcome.xattrs("usr/bin/tiny"))

    def test_an_acl_sets_the_mode_and_is_kept(self) -> None:
        outcome = self.postinst(
            "mkdir /srv/acl\n" + self.perl("setxattr", "/srv/acl", "system.posix_acl_access", ACL)
        )
        directory = outcome.directory_at("srv/acl")
        self.assertEqual("0750", directory.mode)
        self.assertEqual(["system.posix_acl_access"], list(directory.xattrs or {}))

    def test_cp_keeps_modes(self) -> None:
        outcome = self.postinst("umask 077; install -m 664 /dev/null /srv/a; cp -p /srv/a /srv/b")
        self.assertEqual("0664", (outcome.row("srv/b") or [])[1])

    def test_owners_set_past_fakeroot_are_recorded(self) -> None:
        outcome = self.postinst(
            "touch /srv/file\n"
            + self.number("lchown")
            + "perl -e 'my $p = \"/srv/file\"; syscall($ENV{N} + 0, $p, 33, 4)'"
        )
        self.assertEqual([33, 4], (outcome.row("srv/file") or [])[2:4])

    def number(self, name: str) -> str:
        numbers = SYSCALLS.get(platform.machine())
        if not numbers:
            self.skipTest(f"the numbers of the system calls of {platform.machine()} are not here")
        return f"export N={numbers[name]}\n"

    def perl(self, name: str, path: str, attribute: str, value: bytes) -> str:
        code = (
            f'my ($v, $p, $a) = (pack("H*", "{value.hex()}"), "{path}", "{attribute}"); '
            "exit(syscall($ENV{N} + 0, $p, $a, $v, length($v), 0) != 0)"
        )
        return self.number(name) + f"perl -e '{code}'"


class DpkgTest(ConfigureTest):
    def test_the_package_is_installed_and_its_triggers_are_processed(self) -> None:
        watcher = package(
            "watcher",
            scripts={
                "triggers": "interest-noawait /usr/share/watched\n",
                "postinst": '[ "$1" != triggered ] || echo "$2" > /srv/triggered',
            },
        )
        deb = package(
            "tiny", debs.file("./usr/share/tiny"),
            scripts={"postinst": "dpkg-trigger --by-package=tiny /usr/share/watched"},
        )  # fmt: skip
        outcome = self.configured(watcher, deb)
        self.assertEqual("/usr/share/watched\n", outcome.text("srv/triggered"))
        statuses = {record.name: record.status for record in outcome.manifest.packages}
        self.assertEqual({"install ok installed"}, set(statuses.values()))
        self.assertNotIn("triggers-pending", outcome.text("var/lib/dpkg/status"))

    def test_preinsts_run_before_with_their_control_files_at_hand(self) -> None:
        preinst = (
            'echo "$1 $DPKG_MAINTSCRIPT_NAME $DPKG_MAINTSCRIPT_PACKAGE" > /srv/pre\n'
            "grep ^Package /var/lib/dpkg/tmp.ci/control >> /srv/pre"
        )
        outcome = self.postinst("cat /srv/pre > /srv/post", preinst=preinst)
        self.assertEqual("install preinst tiny\nPackage: tiny\n", outcome.text("srv/post"))
        self.assertNotIn("var/lib/dpkg/tmp.ci", outcome.manifest.directories)

    def test_scripts_see_that_they_are_in_no_running_system(self) -> None:
        """So that none waits for a process 1 that it has told to start anew."""
        outcome = self.postinst("ischroot; readlink /proc/self/root > /srv/root")
        self.assertEqual("/\n", outcome.text("srv/root"))

    def test_preinsts_of_the_base_do_not_run_again(self) -> None:
        outcome = self.postinst("id -u games > /srv/uid")
        self.assertEqual("5\n", outcome.text("srv/uid"))

    def test_a_preinst_that_diverts_moves_the_others_file_and_not_its_own(self) -> None:
        other = package("other", debs.file("./usr/share/theirs", b"theirs"))
        deb = package(
            "tiny", debs.file("./usr/share/mine", b"mine"),
            scripts={
                "preinst": "for f in mine theirs; do dpkg-divert --package tiny --add --rename "
                "--divert /usr/share/$f.real /usr/share/$f; done"
            },
        )  # fmt: skip
        outcome = self.configured(other, deb)
        names = set(outcome.directory_at("usr/share").files)
        self.assertTrue({"mine", "theirs.real"} <= names)
        self.assertTrue(names.isdisjoint({"mine.real", "theirs"}))

    def diverting(self, preinst: str, options: Mapping[str, Any] | None = None) -> Outcome:
        """Configure two packages that ship one file, of which one has this preinst."""
        other = package("other", debs.file("./usr/share/shared", b"theirs", 0o640, gid=5))
        deb = package(
            "tiny", debs.file("./usr/share/shared", b"mine"), scripts={"preinst": preinst}
        )  # fmt: skip
        return self.configure(other, deb, options=options)

    def judge_diversion(self, preinst: str) -> None:
        check = self.scratch / "check"
        check.write_text(
            "#!/bin/sh\n(dpkg-divert --list '/usr/share/shared*'; dpkg-divert --truename "
            "/usr/share/shared\ndpkg --verify tiny other; dpkg --audit) > /srv/said\n",
            encoding="utf-8",
        )
        outcome = self.diverting(preinst, {"hooks_after": [check]})
        self.assertEqual(0, outcome.status, outcome.said)
        mine, theirs = outcome.row("usr/share/shared"), outcome.row("usr/share/shared.real")
        self.assertEqual(["file", "0644", 0, 0, len("mine")], (mine or [])[:5])
        self.assertEqual(["file", "0640", 0, 5, len("theirs")], (theirs or [])[:5])
        names = set(outcome.directory_at("usr/share").files)
        self.assertEqual(
            {"shared", "shared.real"}, {name for name in names if name.startswith("shared")}
        )
        self.assertEqual(
            "diversion of /usr/share/shared to /usr/share/shared.real by tiny\n"
            "/usr/share/shared.real\n",
            outcome.text("srv/said"),
        )

    def test_a_preinst_that_diverts_makes_room_for_its_own_file(self) -> None:
        self.judge_diversion(
            "[ theirs = $(cat /usr/share/shared) ]\n"
            "dpkg-divert --package tiny --add --rename --divert /usr/share/shared.real "
            "/usr/share/shared"
        )

    def test_a_file_that_is_diverted_without_being_renamed_makes_room_too(self) -> None:
        self.judge_diversion(
            "dpkg-divert --package tiny --add --no-rename --divert /usr/share/shared.real "
            "/usr/share/shared"
        )

    def test_a_preinst_that_diverts_something_else_is_a_clash(self) -> None:
        outcome = self.diverting("dpkg-divert --package tiny --add --no-rename /srv/other")
        self.assertEqual(1, outcome.status)
        self.assertIn(
            "/usr/share/shared: package tiny 1 and another one ship it, and its preinst, which "
            "calls dpkg-divert, did not divert it; leave one of the two out",
            outcome.said,
        )

    def test_what_a_postinst_diverts_and_overrides_is_honoured(self) -> None:
        check = self.scratch / "check"
        check.write_text(
            "#!/bin/sh\n(dpkg-divert --list '/usr/bin/theirs*'; dpkg-statoverride --list\n"
            "dpkg --verify other tiny\n"
            "stat -c '%a %U %G' /usr/bin/theirs.real) > /srv/said\n",
            encoding="utf-8",
        )
        other = package("other", debs.file("./usr/bin/theirs", b"theirs", 0o755))
        deb = package(
            "tiny",
            Depends="other",
            scripts={
                "postinst": "dpkg-divert --package tiny --add --rename --divert "
                "/usr/bin/theirs.real /usr/bin/theirs\n"
                "dpkg-statoverride --update --add games tty 4711 /usr/bin/theirs.real"
            },
        )
        outcome = self.configured(other, deb, options={"hooks_after": [check]})
        self.assertEqual(
            "diversion of /usr/bin/theirs to /usr/bin/theirs.real by tiny\n"
            "games tty 4711 /usr/bin/theirs.real\n"
            "4711 games tty\n",
            outcome.text("srv/said"),
        )
        self.assertIsNone(outcome.row("usr/bin/theirs"))
        self.assertEqual(["file", "4711", 5, 5], (outcome.row("usr/bin/theirs.real") or [])[:SIZE])

    def test_an_override_registered_by_a_preinst_is_carried_out(self) -> None:
        deb = package(
            "tiny", debs.file("./usr/bin/tiny", b"x", 0o755),
            scripts={"preinst": "dpkg-statoverride --add root tty 2711 /usr/bin/tiny"},
        )  # fmt: skip
        outcome = self.configured(deb)
        self.assertEqual(["file", "2711", 0, 5], (outcome.row("usr/bin/tiny") or [])[:SIZE])
        self.assertIn("root tty 2711 /usr/bin/tiny", outcome.text("var/lib/dpkg/statoverride"))

    def test_preseeded_answers_reach_the_scripts(self) -> None:
        templates = (
            "Template: tiny/colour\nType: string\nDefault: grey\nDescription: Which colour?\n"
        )
        preseed = self.scratch / "answers"
        preseed.write_text("tiny tiny/colour string red\n", encoding="utf-8")
        outcome = self.postinst(
            ". /usr/share/debconf/confmodule\ndb_get tiny/colour\necho $RET > /srv/colour",
            {"debconf": [preseed]},
            config=". /usr/share/debconf/confmodule\ndb_input high tiny/colour || true\ndb_go",
            templates=templates,
        )  # fmt: skip
        self.assertEqual("red\n", outcome.text("srv/colour"))

    def test_answers_that_are_none_are_refused(self) -> None:
        preseed = self.scratch / "answers"
        preseed.write_text("tiny tiny/colour\n", encoding="utf-8")
        said = self.failing("true", {"debconf": [preseed]})
        self.assertIn(f"debconf answers, {preseed}: exit status", said)


class OptionsTest(ConfigureTest):
    def script(self, name: str, text: str) -> Path:
        path = self.scratch / name
        path.write_text(f"#!/bin/sh\nset -e\n{text}\n", encoding="utf-8")
        return path

    def test_hooks_run_before_and_after(self) -> None:
        before = self.script("before", "dpkg-query -W -f '${Status}\\n' tiny > /srv/before")
        after = self.script("after", "dpkg-query -W -f '${Status}\\n' tiny > /srv/after")
        outcome = self.postinst("true", {"hooks_before": [before], "hooks_after": [after]})
        self.assertEqual("install ok unpacked\n", outcome.text("srv/before"))
        self.assertEqual("install ok installed\n", outcome.text("srv/after"))

    def test_a_hook_that_nothing_can_start_is_told(self) -> None:
        hook = self.scratch / "hook"
        hook.write_text("echo hello\n", encoding="utf-8")
        said = self.failing("true", {"hooks_after": [hook]})
        self.assertIn(f"hook after, {hook}: it is neither a program nor a script", said)
        self.assertIn("begin it with a line such as #!/bin/sh", said)

    def test_a_failing_hook_is_named_with_its_output(self) -> None:
        hook = self.script("check", "echo it is not so; exit 7")
        said = self.failing("true", {"hooks_after": [hook]})
        self.assertIn(f"//test:image: hook after, {hook}: exit status 7", said)
        self.assertIn("  it is not so", said)

    def test_the_environment_is_fixed_but_for_what_the_user_sets(self) -> None:
        outcome = self.configure(
            package(scripts={"postinst": "(env | sort; umask; hostname) > /srv/env"}),
            options={"environment": {"COLOUR": "red"}, "epoch": 1700000000},
            environment={"LANG": "de_DE.UTF-8", "TZ": "Asia/Tokyo", "SECRET": "x", "HOME": "/x"},
        )  # fmt: skip
        self.assertEqual(0, outcome.status, outcome.said)
        seen = outcome.text("srv/env")
        for line in ("COLOUR=red", "HOME=/root", "LC_ALL=C.UTF-8", "SOURCE_DATE_EPOCH=1700000000",
                     "SYSTEMD_OFFLINE=1", "TZ=UTC", "0022", "localhost"):  # fmt: skip
            self.assertIn(f"{line}\n", seen)
        self.assertNotIn("SECRET", seen)
        self.assertNotIn("de_DE", seen)

    def test_no_service_may_start_unless_the_policy_lets_it(self) -> None:
        ask = "/usr/sbin/policy-rc.d tiny start > /dev/null; s=$?; echo $s > /srv/answer"
        outcome = self.postinst(f"set +e\n{ask}")
        self.assertEqual("101\n", outcome.text("srv/answer"))
        self.assertIsNone(outcome.row("usr/sbin/policy-rc.d"))

    def test_another_policy_counts(self) -> None:
        policy = self.script("policy", "exit 5")
        outcome = self.postinst(
            "set +e\n/usr/sbin/policy-rc.d tiny start; echo $? > /srv/answer", {"policy": [policy]}
        )
        self.assertEqual("5\n", outcome.text("srv/answer"))

    def test_leftovers_are_cleaned_unless_a_list_keeps_them(self) -> None:
        own = self.scratch / "own.list"
        own.write_text("srv/extra*\n!etc/machine-id\n", encoding="utf-8")
        outcome = self.postinst(
            "echo 1 > /etc/machine-id; touch /var/log/dpkg.log /srv/extra1 /srv/kept\n"
            "mkdir -p /usr/lib/x/__pycache__; touch /usr/lib/x/__pycache__/y.pyc",
            {"cleanup": [CLEANUP, own]},
        )  # fmt: skip
        self.assertIsNotNone(outcome.row("etc/machine-id"))
        self.assertIsNotNone(outcome.row("srv/kept"))
        for path in ("srv/extra1", "var/log/dpkg.log"):
            self.assertIsNone(outcome.row(path), path)
        self.assertNotIn("usr/lib/x/__pycache__", outcome.manifest.directories)

    def test_what_a_package_ships_is_never_cleaned(self) -> None:
        outcome = self.configured(
            package(
                "tiny", debs.file("./var/log/dpkg.log", b"shipped"), scripts={"postinst": "true"}
            )
        )
        self.assertIsNotNone(outcome.row("var/log/dpkg.log"))


class DeterminismTest(ConfigureTest):
    def test_neither_environment_nor_umask_nor_place_changes_a_byte(self) -> None:
        deb = package(
            "tiny",
            scripts={
                "postinst": "useradd -r tester; touch /srv/file; mkdir -p /srv/dir/sub; "
                "update-alternatives --install /usr/bin/x x /usr/bin/true 1"
            },
        )
        first = self.configure(deb, name="one")
        second = self.configure(
            deb,
            name="a directory with: odd, characters",
            environment={"TZ": "Asia/Tokyo", "LANG": "de_DE.UTF-8", "USER": "somebody"},
            umask=0o077,
        )
        self.assertEqual((0, 0), (first.status, second.status), first.said + second.said)
        self.assertEqual(first.commit, second.commit)
        for name in ("image.manifest.json", "image.objects.tar"):
            self.assertEqual(
                (first.directory / name).read_bytes(), (second.directory / name).read_bytes(), name
            )
        self.assertNotIn("var/log/alternatives.log", json.dumps(list(first.manifest.checksums())))


if __name__ == "__main__":
    unittest.main()
