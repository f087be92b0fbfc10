"""Sysroots that ostree itself makes, without root: the judge of what is to be deployed."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support import judges

_PULL = """
ostree admin init-fs --modern "$1"
ostree admin --sysroot="$1" os-init "$4"
ostree pull-local --repo="$1/ostree/repo" --disable-fsync "$2" "$3"
ostree fsck --repo="$1/ostree/repo" --quiet || exit 3
"""
_DEPLOY = """
OSTREE_SYSROOT_DEBUG=mutable-deployments ostree admin --sysroot="$1" deploy --os="$4" \\
    --karg=root=LABEL=x "$3"
ostree admin --sysroot="$1" status
ostree fsck --repo="$1/ostree/repo"
cat "$1"/boot/loader/entries/*.conf
"""
_ATTEMPTS = 4


def deploy(sysroot: Path, repo: Path, ref: str, os_name: str = "appliance") -> tuple[Path, str]:
    """Make a sysroot at a path where nothing is, and deploy a ref of a repo in it.

    Under fakeroot, because ostree sets the owners of files, and a sandbox knows one user. Under
    fakeroot ostree's threads lose an object now and then where the machine is busy, which its own
    fsck tells: that is no fault of what is judged, and the pull begins anew.

    Returns:
        The deployment's directory, and what ostree said of it, its boot entry included.
    """
    script = f"set +e; (set -e; {_PULL}); [ $? = 0 ] || {{ echo LOST; exit 0; }}; set -e; {_DEPLOY}"
    said = ""
    for _ in range(_ATTEMPTS):
        sysroot.mkdir()
        said = judges.run(
            *("env", "FAKEROOTDONTTRYCHOWN=1", "fakeroot", "sh", "-euc", script, "sh"),
            *(sysroot, repo, ref, os_name),
        )
        if "LOST\n" not in said:
            (deployment,) = (sysroot / "ostree/deploy" / os_name / "deploy").glob("*.0")
            return deployment, said
        shutil.rmtree(sysroot)
    raise AssertionError(said)
