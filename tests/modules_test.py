"""What BUILD files say of modules is what the modules say themselves, and no arrow runs up."""

import ast
import re
import unittest
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("apt2ostree")
ROOMS = [
    "",
    "deb",
    "debian",
    "archive",
    "lock",
    "ostree",
    "tree",
    "image",
    "device",
    "sandbox",
    "configure",
    "ship",
    "disk",
    "commands",
]
"""The rooms of Python, the lowest first: a module imports from its own room and those below."""
STARLARK_ROOMS = ["providers", "lock", "rules", "repositories"]
"""The same of apt2ostree/private."""
LIBRARIES = {"debian": "python_debian", "requests": "requests", "rich": "rich"}


def declared(build_file: Path) -> dict[str, list[str]]:
    """Module → dependencies, as the one call of `modules` says: the file is valid Python."""
    calls = [
        node
        for node in ast.walk(ast.parse(build_file.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "modules"
    ]
    (call,) = calls
    (deps,) = [keyword.value for keyword in call.keywords if keyword.arg == "deps"]
    result: dict[str, list[str]] = ast.literal_eval(deps)
    return result


def label(module: str) -> str:
    folder, _, name = module.rpartition("/")
    return f"{folder}/{name}" if folder else f"//apt2ostree:{name}"


def imported(source: Path) -> Iterator[str]:
    """The names of modules of ours, and of libraries that a setting stands for."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            top, *rest = name.split(".")
            if top in LIBRARIES:
                yield f"settings/{LIBRARIES[top]}"
            elif top == "apt2ostree":
                yield our_module(rest, source)


def our_module(parts: list[str], source: Path) -> str:
    for length in (len(parts), len(parts) - 1):
        if ROOT.joinpath(*parts[:length]).with_suffix(".py").is_file():
            return label("/".join(parts[:length]))
    raise AssertionError(f"{source} imports apt2ostree.{'.'.join(parts)}, which is no module")


class ModulesTest(unittest.TestCase):
    def test_dependencies_are_the_imports(self) -> None:
        build_files = [
            path for path in sorted(ROOT.glob("**/BUILD.bazel")) if any(path.parent.glob("*.py"))
        ]
        self.assertGreater(len(build_files), 5)
        for build_file in build_files:
            folder = build_file.parent
            room = "" if folder == ROOT else f"{folder.relative_to(ROOT)}/"
            modules = declared(build_file)
            sources = {path.stem for path in folder.glob("*.py")} - {"__init__"}
            self.assertEqual(sources, set(modules), f"{build_file}: modules")
            for name, dependencies in modules.items():
                with self.subTest(f"{folder}/{name}.py"):
                    wanted = {
                        other[len(room) :] if room and other.startswith(room) else other
                        for other in imported(folder / f"{name}.py")
                    }
                    if not room:
                        wanted = {other.replace("//apt2ostree:", "") for other in wanted}
                    self.assertEqual(sorted(wanted), sorted(dependencies))

    def test_no_import_runs_up(self) -> None:
        for source in sorted(ROOT.glob("**/*.py")):
            place = ROOMS.index("/".join(source.relative_to(ROOT).parts[:-1]))
            for other in imported(source):
                room = "" if other.startswith("//") else other.partition("/")[0]
                if room != "settings":
                    self.assertLessEqual(ROOMS.index(room), place, f"{source} imports {other}")

    def test_no_load_runs_up(self) -> None:
        sources = sorted(ROOT.glob("private/*/*.bzl"))
        self.assertGreater(len(sources), 20)
        for source in sources:
            place = STARLARK_ROOMS.index(source.parent.name)
            loads = re.findall(r'load\(\s*"//apt2ostree/private/(\w+):', source.read_text())
            for room in loads:
                self.assertLessEqual(STARLARK_ROOMS.index(room), place, f"{source} loads {room}")


if __name__ == "__main__":
    unittest.main()
