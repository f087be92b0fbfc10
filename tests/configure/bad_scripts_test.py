"""Scripts that fail, ask, hang, fill the disk, or reach for what is not theirs."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time
import unittest

from tests.configure.runner import SECONDS, ConfigureTest, environment_of_tools, package, sleepers


class BadScriptsTest(ConfigureTest):
    def test_one_that_fails_is_named_with_its_last_lines(self) -> None:
        said = self.failing("echo about to fail; echo for a reason >&2; exit 3")
        self.assertIn("error: //test:image: package tiny 1: ", said)
        self.assertIn("post-installation script subprocess returned error exit status 3", said)
        self.assertIn("  about to fail\n  for a reason\n", said)

    def test_a_failing_preinst_is_named(self) -> None:
        said = self.failing("true", preinst="echo no; exit 4")
        self.assertIn("package tiny 1: its preinst: exit status 4", said)
        self.assertIn("  no", said)

    def test_packages_that_wait_for_it_are_counted(self) -> None:
        outcome = self.configure(
            package(scripts={"postinst": "exit 1"}),
            package("waiting", Depends="tiny", scripts={"postinst": "true"}),
        )
        self.assertIn("package tiny 1: ", outcome.said)
        self.assertIn(
            "1 more packages, which depend on these, were not configured: waiting", outcome.said
        )

    def test_one_that_asks_gets_no_answer(self) -> None:
        said = self.failing("echo 'Proceed?'; read answer; echo got $answer")
        self.assertIn("  Proceed?\n", said)
        self.assertNotIn("got", said)

    def test_one_that_asks_on_the_terminal_finds_none(self) -> None:
        said = self.failing("read answer < /dev/tty")
        self.assertIn("/dev/tty: No such device or address", said)

    def test_a_daemon_is_killed_and_said(self) -> None:
        outcome = self.postinst(
            f"setsid sleep {SECONDS} > /dev/null 2>&1 &\n"
            'until [ "$(head -c5 /proc/$!/cmdline)" = sleep ]; do :; done'
        )
        self.assertIn(
            f"note: package tiny 1 left a process running, which was killed: sleep {SECONDS}",
            outcome.said,
        )
        self.assertEqual([], sleepers())

    def test_a_daemon_of_a_preinst_does_not_live_to_see_the_postinst(self) -> None:
        outcome = self.postinst(
            "! grep -l sleep /proc/[0-9]*/comm > /srv/seen",
            preinst=f"setsid sleep {SECONDS} > /dev/null 2>&1 &\n"
            'until [ "$(head -c5 /proc/$!/cmdline)" = sleep ]; do :; done',
        )
        self.assertIn(
            f"note: package tiny 1 left a process running, which was killed: sleep {SECONDS}",
            outcome.said,
        )
        self.assertEqual(0, (outcome.row("srv/seen") or [None] * 5)[4])

    def test_many_daemons_are_counted(self) -> None:
        outcome = self.postinst(
            f"for i in $(seq 13); do setsid sleep {SECONDS} > /dev/null 2>&1 & done; sleep 1"
        )
        self.assertEqual(10, outcome.said.count("left a process running, which was killed"))
        self.assertIn("note: and 3 more processes\n", outcome.said)
        self.assertEqual([], sleepers())

    def test_one_that_needs_a_running_system_fails_with_its_words(self) -> None:
        said = self.failing(
            "[ -d /run/systemd/system ] || { echo systemd is not running; exit 1; }"
        )
        self.assertIn("package tiny 1: ", said)
        self.assertIn("  systemd is not running\n", said)

    def test_a_daemon_that_keeps_the_output_open_does_not_hold_us_up(self) -> None:
        begun = time.monotonic()
        outcome = self.postinst(f"sleep {SECONDS} &\necho started > /srv/started")
        self.assertEqual("started\n", outcome.text("srv/started"))
        self.assertLess(time.monotonic() - begun, 120)
        self.assertEqual([], sleepers())

    def test_one_that_hangs_is_stopped_with_its_processes_shown(self) -> None:
        said = self.failing(f"echo waiting; sleep {SECONDS}", {"time_limit": 3})
        self.assertIn("the scripts of package tiny 1: no progress for", said)
        self.assertIn("(the limit is 3); these processes were running and were killed", said)
        self.assertRegex(
            said,
            r"dpkg --status-fd 3 --configure -a\n.*tiny.postinst configure.*\n.*sleep "
            + re.escape(SECONDS),
        )
        self.assertIn("  waiting", said)
        self.assertEqual([], sleepers())

    def test_one_that_fills_the_disk_is_stopped(self) -> None:
        said = self.failing(
            f"dd if=/dev/zero of=/srv/big bs=1M count=300 status=none; sleep {SECONDS}",
            {"disk_limit": 100000000},
        )
        self.assertIn("package tiny 1: ", said)
        self.assertIn("bytes written, more than the limit of 100,000,000; stopped", said)
        self.assertEqual([], sleepers())

    def test_no_network_is_there_not_even_the_hosts_loopback(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(0)
            port = server.getsockname()[1]
            said = self.failing(f"exec 5<>/dev/tcp/127.0.0.1/{port}")
            self.assertIn("Connection refused", said)
            with self.assertRaises(BlockingIOError):
                server.accept()
        said = self.configure(
            package(scripts={"postinst": "exec 5<>/dev/tcp/192.0.2.1/80"}), name="far"
        ).said
        self.assertIn("Network is unreachable", said)

    def test_the_hosts_files_are_not_to_be_seen_nor_written(self) -> None:
        marker = self.scratch / "marker"
        marker.write_text("mine", encoding="utf-8")
        outcome = self.postinst(
            f"f={marker}\n"
            "for r in '' /proc/*/root /proc/*/cwd /proc/self/fd/*/../..; do\n"
            '  [ ! -e "$r$f" ] || echo "$r" >> /srv/found\n'
            "done\n"
            "ls /proc/*/root/ > /srv/roots 2>&1 || true\n"
            "ls -l /proc/1/fd > /srv/descriptors || true\n"
            "mkdir -p $(dirname $f); echo theirs > $f"
        )
        self.assertIsNone(outcome.row("srv/found"))
        self.assertEqual("mine", marker.read_text(encoding="utf-8"))
        self.assertNotIn(str(self.scratch), outcome.text("srv/descriptors"))
        processes = outcome.text("srv/roots")
        self.assertNotIn("bazel", processes)

    def test_a_chroot_does_not_lead_out(self) -> None:
        marker = self.scratch / "marker"
        marker.write_text("mine", encoding="utf-8")
        outcome = self.postinst(
            'perl -e \'mkdir("/srv/jail"); chroot("/srv/jail"); chdir("..") for 1..64; '
            f'chroot("."); exit(-e "{marker}")\''
        )
        self.assertEqual("mine", marker.read_text(encoding="utf-8"))
        self.assertIn("srv/jail", outcome.manifest.directories)

    def test_a_fork_bomb_of_output_is_read_to_its_end(self) -> None:
        outcome = self.postinst("yes | head -c 20000000; for i in $(seq 300); do true & done; wait")
        self.assertEqual(0, outcome.status)

    def test_attributes_set_by_many_processes_at_once_are_all_recorded(self) -> None:
        outcome = self.postinst(
            "cd /srv; for i in $(seq 40); do cp /usr/bin/true $i; setcap cap_net_raw+ep $i & done\n"
            "wait"
        )
        for number in range(1, 41):
            self.assertIn("security.capability", outcome.xattrs(f"srv/{number}"))


class InterruptTest(ConfigureTest):
    def test_a_terminated_action_leaves_nothing(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            deb = package(scripts={"postinst": f"sleep {SECONDS}"})
            command, directory, _ = self.command([deb], {}, name=f"signal-{number}")
            process = subprocess.Popen(
                command,
                env=environment_of_tools({}),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            timer = threading.Timer(120, process.kill)
            timer.start()
            while not sleepers() and process.poll() is None:
                time.sleep(0.1)
            os.kill(process.pid, number)
            process.communicate()
            timer.cancel()
            self.assertEqual(130, process.returncode)
            self.assertEqual([], sleepers())
            self.assertEqual([], list(directory.glob("*.scratch")))
            self.assertFalse((directory / "image.commit").exists())

    def test_a_killed_action_leaves_no_process(self) -> None:
        deb = package(scripts={"postinst": f"sleep {SECONDS}"})
        command, _, _ = self.command([deb], {})
        process = subprocess.Popen(
            command,
            env=environment_of_tools({}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        while not sleepers() and process.poll() is None:
            time.sleep(0.1)
        process.kill()
        process.wait()
        deadline = time.monotonic() + 30
        while sleepers() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual([], sleepers())


if __name__ == "__main__":
    unittest.main()
