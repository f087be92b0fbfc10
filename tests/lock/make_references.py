"""Make the references that the resolver's test compares with: run by hand, needs apt.

    python3 tests/lock/make_references.py bookworm INDEXES TESTDATA [CORPUS]
    python3 tests/lock/make_references.py suites INDEXES TESTDATA

INDEXES is a directory with Packages indexes of Debian, uncompressed or with the suffix .xz, named
SUITE_ARCHITECTURE: bookworm_amd64, bookworm-updates_amd64, bookworm-security_amd64.xz, … For
bookworm these are for amd64 and i386; for suites bookworm, bookworm-backports, trixie and sid for
amd64. CORPUS is a JSON list (.xz) of objects with an ordered list `want`, sets to ask apt about
beside those drawn here.

Writes to TESTDATA: PART.tar.xz, the indexes reduced to the fields that decide what is installed
(and, for suites, to the packages that the sets could need), and PART.json.xz, apt's answers: a
list of objects with `id`, `architectures` (the native one first), `suites` (in order), `want`,
`recommends`, `preferences` and `packages` (sorted ``name:architecture=version``; null where apt
refuses). The sets are drawn with a fixed seed.
"""

from __future__ import annotations

import io
import json
import lzma
import random
import re
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from apt2ostree.debian.index import Package, parse_index
from tests.lock.apt_judge import Apt, release_fields

_KEPT = (
    "Package|Version|Architecture|Multi-Arch|Priority|Essential|Important|Protected|Provides|"
    "Pre-Depends|Depends|Conflicts|Breaks|Recommends|Suggests|Replaces|Enhances"
)
_FIELD = re.compile(rf"^(?:{_KEPT}):[^\n]*(?:\n[ \t][^\n]*)*\n".encode(), re.M)
_ALL = ("bookworm", "bookworm-updates", "bookworm-security")
_PINS = (
    "Package: *\nPin: release n=bookworm-security\nPin-Priority: -1\n",
    "Package: *\nPin: release a=bookworm\nPin-Priority: 990\n",
    "Package: libssl3 src:openssl\nPin: release n=bookworm\nPin-Priority: 1001\n",
    "Package: exim4* default-mta\nPin: version *\nPin-Priority: -10\n",
    "Package: /^(systemd|dbus-user).*/\nPin: release *\nPin-Priority: -1\n",
)


# Suites in the order of the sources, and the one from which packages are asked for. A vendor's
# archive has all binaries of some sources of a later Debian, and is listed last, or first.
_SUITES = (
    (("trixie", "bookworm"), "bookworm"),
    (("bookworm", "trixie"), "trixie"),
    (("trixie", "sid"), "sid"),
    (("bookworm", "bookworm-backports"), "bookworm-backports"),
    (("bookworm", "vendor"), "vendor"),
    (("vendor", "bookworm"), "bookworm"),
)
_SETS = 50
_VENDOR_SOURCES = 400


@dataclass(frozen=True)
class Question:
    """What apt is asked."""

    id: str
    architectures: tuple[str, ...]
    suites: tuple[str, ...]
    want: tuple[str, ...]
    recommends: bool = False
    preferences: str = ""


def main(arguments: list[str]) -> None:
    """Draw the sets, ask apt, write the answers."""
    part, indexes, testdata = arguments[0], _read_indexes(Path(arguments[1])), Path(arguments[2])
    if part == "suites":
        indexes, questions = _suites(indexes)
    else:
        corpus = (
            json.loads(lzma.decompress(Path(arguments[3]).read_bytes())) if arguments[3:] else []
        )
        questions = [*_from_corpus(corpus), *_draw(indexes)]
    with tempfile.TemporaryDirectory() as directory:
        answers = list(_ask(questions, indexes, Path(directory)))
    _write_answers(testdata / f"{part}.json.xz", answers)
    _write_indexes(testdata / f"{part}.tar.xz", indexes)


def _read_indexes(directory: Path) -> dict[str, bytes]:
    return {
        path.stem if path.suffix == ".xz" else path.name: lzma.decompress(path.read_bytes())
        if path.suffix == ".xz"
        else path.read_bytes()
        for path in sorted(directory.iterdir())
    }


def _from_corpus(corpus: list[dict[str, Any]]) -> Iterator[Question]:
    for entry in corpus:
        yield Question(f"corpus-{entry['id']}", ("amd64",), _ALL, tuple(entry["want"]))


def _draw(indexes: dict[str, bytes]) -> Iterator[Question]:
    draw = random.Random(2026)
    packages = parse_index(indexes["bookworm_amd64"], "bookworm_amd64")
    foreign = parse_index(indexes["bookworm_i386"], "bookworm_i386")
    names = [package.name for package in packages]
    virtual = sorted({p.name for package in packages for p in package.provided()} - set(names))
    alone = [package.name for package in foreign if package.architecture == "i386"]
    shared = [package.name for package in foreign if package.multi_arch == "same"]

    def some(pool: list[str], most: int) -> tuple[str, ...]:
        return tuple(draw.sample(pool, draw.randint(1, most)))

    for number in range(120):
        yield Question(f"plain-{number}", ("amd64",), _ALL, some(names, 6))
    for number in range(100):
        yield Question(f"recommends-{number}", ("amd64",), _ALL, some(names, 3), True)
    for number in range(20):
        want = some(virtual, 1) + some(names, 2)
        yield Question(f"virtual-{number}", ("amd64",), _ALL, want)
    for number in range(60):
        pins = _PINS[number % len(_PINS)]
        recommends = number % 2 == 0
        yield Question(f"pins-{number}", ("amd64",), _ALL, some(names, 3), recommends, pins)
    for number in range(20):
        want = tuple(f"{name}/bookworm" for name in some(names, 2)) + some(names, 2)
        yield Question(f"suite-{number}", ("amd64",), _ALL, want)
    for number in range(120):
        pool = shared if number % 3 == 0 else alone
        want = tuple(f"{name}:i386" for name in some(pool, 2)) + some(names, 2)
        if number % 2:
            want = want[::-1]
        recommends = number % 4 == 0
        yield Question(f"foreign-{number}", ("amd64", "i386"), _ALL[:2], want, recommends)


def _suites(indexes: dict[str, bytes]) -> tuple[dict[str, bytes], list[Question]]:
    """Draw sets with packages from a suite; the indexes, cut to what these could need."""
    draw = random.Random(2027)
    read = {
        name.removesuffix("_amd64"): parse_index(index, name)
        for name, index in indexes.items()
        if name.endswith("_amd64")
    }
    sources = set(
        draw.sample(sorted({package.source[0] for package in read["trixie"]}), _VENDOR_SOURCES)
    )
    read["vendor"] = [package for package in read["trixie"] if package.source[0] in sources]
    # A tie of providers that only their order in the indexes decides.
    questions = [Question("providers", ("amd64",), ("bookworm",), ("sensible-mda", "exim4-base"))]
    for suites, suite in _SUITES:
        names = sorted({package.name for package in read[suite]})
        everything = sorted({package.name for other in suites for package in read[other]})
        for number in range(_SETS):
            want = [f"{name}/{suite}" for name in draw.sample(names, draw.randint(1, 2))]
            want += draw.sample(everything, draw.choice([0, 0, 1, 2]))
            draw.shuffle(want)
            identity = f"{'-before-'.join(suites)}-{number}"
            questions.append(
                Question(identity, ("amd64",), suites, tuple(want), draw.random() < 0.3)
            )
    used = {suite for suites, _ in _SUITES for suite in suites}
    kept = _needed([package for suite in used for package in read[suite]], questions)
    return {
        f"{suite}_amd64": b"\n\n".join(p.raw for p in read[suite] if p.name in kept) + b"\n"
        for suite in used
    }, questions


def _needed(packages: list[Package], questions: list[Question]) -> set[str]:
    """The names that hard dependencies lead to from those that are asked for."""
    offering: dict[str, set[str]] = {}
    leading: dict[str, set[str]] = {}
    for package in packages:
        for name in (package.name, *(provided.name for provided in package.provided())):
            offering.setdefault(name, set()).add(package.name)
        leading.setdefault(package.name, set()).update(
            relation.name
            for field in ("Pre-Depends", "Depends")
            for group in package.relations(field)
            for relation in group
        )
    todo = [item.partition("/")[0] for question in questions for item in question.want]
    kept: set[str] = set()
    while todo:
        for name in offering.get(todo.pop(), set()) - kept:
            kept.add(name)
            todo += leading[name]
    return kept


def _ask(
    questions: list[Question], indexes: dict[str, bytes], scratch: Path
) -> Iterator[dict[str, Any]]:
    apts: dict[tuple[tuple[str, ...], tuple[str, ...]], Apt] = {}
    for question in questions:
        key = question.architectures, question.suites
        if key not in apts:
            apts[key] = _apt(scratch / str(len(apts)), indexes, *key)
        packages = apts[key].install(
            question.want, recommends=question.recommends, preferences=question.preferences
        )
        answer = sorted(packages) if packages is not None else None
        print(question.id, *question.want, "refused" if answer is None else len(answer))
        yield {**asdict(question), "packages": answer}


def _apt(
    directory: Path,
    indexes: dict[str, bytes],
    architectures: tuple[str, ...],
    suites: tuple[str, ...],
) -> Apt:
    apt = Apt(directory, architectures[0], architectures[1:])
    for suite in suites:
        given = {name: indexes[f"{suite}_{name}"] for name in architectures}
        apt.add(suite, given, **release_fields(suite))
    apt.update()
    return apt


def _write_answers(path: Path, answers: list[dict[str, Any]]) -> None:
    text = json.dumps(answers, indent=0, sort_keys=True) + "\n"
    path.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))


def _write_indexes(path: Path, indexes: dict[str, bytes]) -> None:
    preset = 9 | lzma.PRESET_EXTREME
    with lzma.open(path, "wb", preset=preset) as file, tarfile.open(fileobj=file, mode="w") as tar:
        for name, index in sorted(indexes.items()):
            reduced = b"\n".join(
                b"".join(_FIELD.findall(stanza + b"\n"))
                for stanza in index.rstrip(b"\n").split(b"\n\n")
            )
            member = tarfile.TarInfo(name)
            member.size = len(reduced)
            tar.addfile(member, io.BytesIO(reduced))


if __name__ == "__main__":
    main(sys.argv[1:])
