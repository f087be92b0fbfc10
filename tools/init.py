"""Begin an image in this workspace: write what an image needs, and say what comes next.

`bazel run @apt2ostree//tools:init` appends the lock to MODULE.bazel, and writes a package with an
archive's sources and a BUILD file, and a nightly job that updates the lock. It changes no file
that is there but MODULE.bazel, and takes back nothing: delete what it wrote to begin again.
"""

from __future__ import annotations

import apt2ostree.early_interrupt  # noqa: F401 (before what takes long to import)

import argparse
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apt2ostree import errors
from apt2ostree.archive import distributions
from apt2ostree.command_line import Parser
from apt2ostree.errors import UserError

ARCHITECTURES = {
    "aarch64": "arm64",
    "arm64": "arm64",
    "armv7l": "armhf",
    "i686": "i386",
    "ppc64le": "ppc64el",
    "riscv64": "riscv64",
    "s390x": "s390x",
    "x86_64": "amd64",
}
"""What `uname -m` says → Debian's name."""
_EXTENSION = re.compile(
    r'^(\w+) = use_extension\(\s*"@apt2ostree//apt2ostree:extensions\.bzl",\s*"apt"', re.MULTILINE
)
_DIRECTORY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")

MODULE = """\
{extension}{apt}.lock(
    name = "{lock}",
    lockfile = "//{package}:Packages.lock",
)
use_repo({apt}, "{lock}")
"""
EXTENSION = 'apt = use_extension("@apt2ostree//apt2ostree:extensions.bzl", "apt")\n'
BUILD = """\
load("@apt2ostree//apt2ostree:defs.bzl", "apt_lock", "ostree_image", "ostree_tree")

# What the image is to have: `bazel run //{package}:update_lock` writes Packages.lock.
apt_lock(
    name = "update_lock",
    architecture = "{architecture}",
    lockfile = "Packages.lock",
    packages = [
{packages}    ],
    sources = ["{distribution}.sources"],
)

# Files of your own: what lies below root/ goes to / .
ostree_tree(
    name = "files",
    srcs = glob(["root/**"]),
    strip_prefix = "root",
)

ostree_image(
    name = "rootfs",
    configure = True,
    layers = [":files"],
    packages = ["@{lock}//:packages"],
)
"""
HOSTNAME = "image\n"
GITHUB = """\
# Written by apt2ostree's init after GitHub's documentation; not tried there.
name: {package}
on:
  pull_request:
  schedule:
    - cron: "17 3 * * *"
  workflow_dispatch:
permissions:
  contents: write
  pull-requests: write
jobs:
  build:
    if: github.event_name == 'pull_request'
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      # Configuring images makes namespaces, which Ubuntu forbids to begin with.
      - run: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0
      - run: bazel test //{package}/...
      - run: bazel build //{package}:rootfs
  update-lock:
    if: github.event_name != 'pull_request'
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - run: bazel run //{package}:update_lock -- --summary /tmp/summary.md
      - env:
          GH_TOKEN: ${{{{ github.token }}}}
        run: |
          git diff --quiet && exit 0
          git switch --create update-lock
          git config user.name "github-actions[bot]"
          git config user.email "41898282+github-actions[bot]@users.noreply.github.com"
          git commit --all --file /tmp/summary.md
          git push --force origin update-lock
          gh pr create --title "$(head -n 1 /tmp/summary.md)" --body-file /tmp/summary.md ||
            gh pr edit --title "$(head -n 1 /tmp/summary.md)" --body-file /tmp/summary.md
"""
GITLAB = """\
# Written by apt2ostree's init after GitLab's documentation; not tried there. The image has to have
# Bazel, git and python3, and the runner to allow namespaces.
build:
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  script:
    - bazel test //{package}/...
    - bazel build //{package}:rootfs

# A schedule of the project runs it; PUSH_TOKEN is a token that may write the repository.
update-lock:
  rules:
    - if: $CI_PIPELINE_SOURCE == "schedule"
  script:
    - bazel run //{package}:update_lock -- --summary /tmp/summary.md
    - git diff --quiet && exit 0
    - git -c user.name=update-lock -c user.email=update-lock@$CI_SERVER_HOST
      commit --all --file /tmp/summary.md
    - git push --force
      --push-option merge_request.create
      --push-option merge_request.title="$(head -n 1 /tmp/summary.md)"
      "https://update-lock:$PUSH_TOKEN@$CI_SERVER_HOST/$CI_PROJECT_PATH.git"
      HEAD:update-lock
"""
CI = {"github": (".github/workflows/{name}.yml", GITHUB), "gitlab": (".gitlab-ci.yml", GITLAB)}
NEXT = """\
Next:
    bazel run //{package}:update_lock      asks the archive, and writes {package}/Packages.lock
    bazel build //{package}:rootfs         the image; its id is in bazel-bin/{package}/rootfs.commit
    bazel run //{package}:rootfs -- --help
Commit what was written, and the lock with it."""


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    Attributes:
        package: the Bazel package, a path in the workspace.
        distribution: `debian` or `ubuntu`.
        suite: the release's codename.
        architecture: Debian's name.
        packages: Debian packages.
        ci: a key of `CI`, or `none`.
    """

    package: str
    distribution: str
    suite: str
    architecture: str
    packages: tuple[str, ...]
    ci: str

    @property
    def lock(self) -> str:
        """The name of the lock."""
        return re.sub(r"\W", "_", self.package) + "_debs"


def files(wish: Wish) -> dict[str, str]:
    """What is written beside MODULE.bazel: path → text."""
    words = {
        **vars(wish),
        "lock": wish.lock,
        "packages": "".join(f'        "{name}",\n' for name in sorted(wish.packages)),
    }
    found = {
        f"{wish.package}/BUILD.bazel": BUILD.format(**words),
        f"{wish.package}/{wish.distribution}.sources": sources(wish),
        f"{wish.package}/root/etc/hostname": HOSTNAME,
    }
    if wish.ci != "none":
        path, template = CI[wish.ci]
        found[path.format(name=wish.package.replace("/", "-"))] = template.format(**words)
    return found


def sources(wish: Wish) -> str:
    """The archive's `.sources` file."""
    named = distributions.NamedSources(wish.distribution, wish.suite)
    return named.deb822(wish.architecture)


def module(text: str, wish: Wish) -> str:
    """MODULE.bazel with the lock.

    Raises:
        UserError: it does not know apt2ostree, or has such a lock already.
    """
    if not re.search(r'bazel_dep\(\s*name = "apt2ostree"', text):
        raise UserError(
            'MODULE.bazel: no bazel_dep(name = "apt2ostree", …) in it: run this in the workspace '
            "that is to have the image"
        )
    if re.search(rf'\.lock\(\s*name = "{wish.lock}"', text):
        raise UserError(f"MODULE.bazel: there is a lock {wish.lock} already")
    extension = _EXTENSION.search(text)
    return (
        text.rstrip("\n")
        + "\n\n"
        + MODULE.format(
            extension="" if extension else EXTENSION,
            apt=extension[1] if extension else "apt",
            lock=wish.lock,
            package=wish.package,
        )
    )


def write(workspace: Path, wish: Wish) -> list[str]:
    """Write everything, or nothing; return the paths.

    Raises:
        UserError: a file is there already, or MODULE.bazel is not as it should be.
    """
    path = workspace / "MODULE.bazel"
    if not path.is_file():
        raise UserError(f"{path}: not there; run this with `bazel run` in a workspace")
    changed = module(path.read_text(encoding="utf-8"), wish)
    wanted = files(wish)
    there = [name for name in wanted if (workspace / name).exists()]
    if there:
        raise UserError(
            f"{', '.join(there)}: there already, and nothing was written: name another directory, "
            "such as `-- images/two`, or remove it; a job can be left out with --ci=none"
        )
    for name, text in wanted.items():
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_text(text, encoding="utf-8")
    path.write_text(changed, encoding="utf-8")
    return ["MODULE.bazel", *wanted]


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    description, _, epilog = (__doc__ or "").partition("\n\n")
    parser = Parser(
        prog="bazel run @apt2ostree//tools:init --",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "package",
        nargs="?",
        default="image",
        metavar="DIRECTORY",
        help="where in the workspace (default: %(default)s)",
    )
    parser.add_argument(
        "--suite",
        default="trixie",
        help="codename of a release of Debian or Ubuntu (default: %(default)s)",
    )
    parser.add_argument(
        "--architecture", help="Debian's name of it, such as arm64 (default: this machine's)"
    )
    parser.add_argument(
        "--package",
        action="append",
        default=[],
        dest="packages",
        metavar="NAME",
        help="a package that the image is to have, besides apt; may be repeated",
    )
    parser.add_argument(
        "--ci",
        choices=[*CI, "none"],
        default="none",
        help="write a job that builds and that updates the lock every night (default: %(default)s)",
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run it; see --help."""
    options = parser().parse_args(arguments)
    workspace = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not workspace:
        raise UserError("the workspace is not known: run this with `bazel run`")
    if not _DIRECTORY.fullmatch(options.package):
        raise UserError(
            f"{options.package!r}: expected a directory in the workspace, such as images/one"
        )
    distribution = distributions.of_suite(options.suite)
    if not distribution:
        similar = " or ".join(distributions.similar_suites(options.suite))
        raise UserError(
            f"--suite {options.suite}: no release of Debian or Ubuntu that is known here; "
            + (f"did you mean {similar}?" if similar else "write a .sources file of your own")
        )
    machine = platform.machine()
    architecture = options.architecture or ARCHITECTURES.get(machine)
    if not architecture:
        raise UserError(f"{machine}: say with --architecture what Debian calls it")
    wish = Wish(
        package=options.package,
        distribution=distribution,
        suite=options.suite,
        architecture=architecture,
        # Of its alternatives usrmerge, the first, would bring perl.
        packages=tuple({"apt", "usr-is-merged", *options.packages}),
        ci=options.ci,
    )
    for path in write(Path(workspace), wish):
        print(path)
    print(NEXT.format(package=wish.package))
    return 0


if __name__ == "__main__":
    errors.run(main)
