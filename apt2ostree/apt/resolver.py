"""The resolver: from wanted packages to the set that apt would install."""

from collections.abc import Sequence
from dataclasses import dataclass

from apt2ostree.apt.index import Package
from apt2ostree.apt.selection import Selection
from apt2ostree.apt.universe import Universe
from apt2ostree.apt.repair import repair


class UnsatisfiableError(ValueError):
    pass


@dataclass(frozen=True)
class Resolution:
    packages: tuple


def _want(s, item):
    u = s.universe
    name, _, arch = item.partition(":")
    archs = [arch] if arch not in ("", "any", "native", "all") else u.architectures
    for a in archs:
        c = s.candidate((name, a))
        if c:
            return c
    from apt2ostree.apt.relations import Relation
    prov = {}
    for a in archs[:1]:
        for p in u.related(Relation(name)):
            if s.is_candidate(p) and u.satisfies(p, Relation(name), a):
                prov.setdefault(p.name, []).append(p)
        if prov:
            break
    if len(prov) != 1:
        raise UnsatisfiableError(item)
    return min(next(iter(prov.values())), key=lambda p: u.architectures.index(u.architecture_of(p)))


def resolve(universe: Universe, want: Sequence[str], *, recommends: bool = False, trace=False) -> Resolution:
    s = Selection(universe, recommends)
    wanted = [_want(s, item) for item in want]
    for p in wanted:
        s.select(p)
        s.protected.add(universe.node(p))
    for p in wanted:
        s.follow(p)
    ok = repair(s, {universe.node(p) for p in wanted})
    if not ok or any(s.broken(p) for p in s):
        raise UnsatisfiableError(str(s.discarded))
    keep = {}
    stack = list(wanted) + [p for p in s if universe.is_essential(p) or universe.is_important(p)]
    while stack:
        p = stack.pop()
        if p in keep:
            continue
        keep[p] = None
        arch = universe.architecture_of(p)
        for f in ("Pre-Depends", "Depends", "Recommends", "Suggests"):
            for g in p.relations(f):
                for r in g:
                    for o in universe.related(r):
                        if o in s and universe.satisfies(o, r, arch):
                            stack.append(o)
    return Resolution(tuple(keep))
