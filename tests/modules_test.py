"""What a folder's BUILD file says of its modules is what the modules say themselves."""

import ast
import unittest
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("apt2ostree")
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


if __name__ == "__main__":
    unittest.main()
