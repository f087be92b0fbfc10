import tempfile
import unittest
from pathlib import Path

from dev.bazelw.sandbox import (
    bwrap_command,
    host_directories,
    inner_environment,
    needed_directories,
)


class BwrapCommandTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)

    def test_proc_is_bound_and_no_namespace_ends_with_the_client(self) -> None:
        command = bwrap_command(self.root, [], [], {}, None)
        self.assertIn(["--dev-bind", "/proc", "/proc"], [command[i : i + 3] for i in range(20)])
        self.assertNotIn("--proc", command)
        self.assertFalse([word for word in command if word.startswith("--unshare")])

    def test_directories_are_bound_at_their_own_paths_over_a_read_only_root(self) -> None:
        command = bwrap_command(self.root, [Path("/srv")], [Path("/var/tmp")], {}, 7)
        self.assertEqual(command[:4], ["bwrap", "--ro-bind", str(self.root), "/"])
        words = " ".join(command)
        self.assertIn("--bind /srv /srv --bind /var/tmp /var/tmp", words)
        self.assertTrue(words.endswith("--info-fd 7"))
        self.assertTrue((self.root / "srv").is_dir())
        self.assertTrue((self.root / "var/tmp").is_dir())


class HostDirectoriesTest(unittest.TestCase):
    def test_the_system_itself_is_not_among_them(self) -> None:
        names = {directory.name for directory in host_directories()}
        self.assertIn("tmp", names)
        self.assertFalse(names & {"usr", "etc", "var", "proc", "dev", "run", "lib"})


class NeededDirectoriesTest(unittest.TestCase):
    def test_only_directories_in_the_system_need_a_bind_of_their_own(self) -> None:
        environment = {"HOME": "/usr/lib", "TMPDIR": "/tmp", "XDG_RUNTIME_DIR": "/absent"}
        self.assertEqual(
            needed_directories(environment, Path("/"), None, Path("/usr/share")),
            [Path("/usr/lib"), Path("/usr/share"), Path("/var/tmp")],
        )


class InnerEnvironmentTest(unittest.TestCase):
    def test_what_names_the_hosts_programs_stays_out(self) -> None:
        outer = {
            "HOME": "/home/u",
            "JAVA_HOME": "/usr/lib/jvm/x",
            "LD_LIBRARY_PATH": "/opt/lib",
            "PATH": "/home/u/bin:/usr/bin",
            "PIP_FIND_LINKS": "/srv/wheels",
        }
        self.assertEqual(
            inner_environment(outer, "u"),
            {
                "HOME": "/home/u",
                "LOGNAME": "u",
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "PIP_FIND_LINKS": "/srv/wheels",
                "USER": "u",
            },
        )


if __name__ == "__main__":
    unittest.main()
