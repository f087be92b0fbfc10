"""What is tried end to end: suites by architectures.

Each cell locks Essential, required and apt from the archive as it is today, unpacks, composes,
imports (`ostree fsck`) and asks `dpkg --audit`; where it is configured, that too.

| suite    | amd64                  | i386       | arm64 armhf armel riscv64 ppc64el s390x |
|----------|------------------------|------------|-----------------------------------------|
| bullseye | configured, + usrmerge | -          | -                                       |
| bookworm | configured             | -          | -                                       |
| trixie   | configured, + i386     | configured | unpacked                                |
| testing  | configured             | -          | arm64 riscv64 unpacked                  |
| unstable | configured             | -          | -                                       |

Not here, and why: armel ended with trixie, and bullseye's armel, ppc64el and s390x are on no
mirror any more; riscv64 began with trixie. Foreign architectures are configured only where this
machine's kernel runs their programs (i386 on amd64); //tests/scenarios/emulated has arm64. Ubuntu's archives
and Debian's ports are not on a mirror that the tests may reach; tests/scenarios/ubuntu makes an archive of
its own.
"""

CONFIGURED = "configured"
UNPACKED = "unpacked"

# (suite, architectures, the native one first; further packages; how far)
CELLS = [
    ("bullseye", ["amd64"], ["usrmerge"], CONFIGURED),
    ("bookworm", ["amd64"], [], CONFIGURED),
    ("trixie", ["amd64"], [], CONFIGURED),
    ("testing", ["amd64"], [], CONFIGURED),
    ("unstable", ["amd64"], [], CONFIGURED),
    ("trixie", ["amd64", "i386"], ["libc6:i386", "zlib1g:i386"], CONFIGURED),
    ("trixie", ["i386"], [], CONFIGURED),
] + [
    ("trixie", [architecture], [], UNPACKED)
    for architecture in ["arm64", "armhf", "armel", "riscv64", "ppc64el", "s390x"]
] + [
    ("testing", [architecture], [], UNPACKED)
    for architecture in ["arm64", "riscv64"]
]
