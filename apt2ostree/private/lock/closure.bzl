"""Dependencies inside a lock. Debian's graph has cycles, so it is no graph of Bazel targets."""

load(":relations.bzl", "parse_relations")
load(":version.bzl", "version_satisfies")

def package_key(fields):
    """What identifies a package within a lock: `NAME:ARCHITECTURE`."""
    return fields["Package"] + ":" + fields["Architecture"]

def dependency_edges(packages):
    """Which packages of a lock each of them needs directly.

    An or-group is met by its first alternative that the lock has; one that the lock does not
    have at all is left out (an Essential package, or a lock made with exclusions).

    Args:
        packages: list of structs with `fields`, as `parse_lockfile` gives.

    Returns:
        dict: package key → list of package keys.
    """
    by_name = {}
    providers = {}
    for package in packages:
        fields = package.fields
        by_name.setdefault(fields["Package"], []).append(fields)
        if "Provides" in fields:
            for group in parse_relations(fields["Provides"]):
                for provided in group:
                    providers.setdefault(provided.name, []).append((provided.version, fields))

    # Half of a lock says `libc6 (>= 2.34)` or the like: each is worked out once.
    known = {}
    edges = {}
    for package in packages:
        fields = package.fields
        architecture = fields["Architecture"]
        targets = {}
        for name in ("Pre-Depends", "Depends"):
            text = fields.get(name)
            if not text:
                continue
            for group in text.split(","):
                key = architecture + ":" + group
                met = known.get(key)
                if met == None:
                    met = [
                        package_key(found)
                        for alternatives in parse_relations(group)
                        for found in _meet(alternatives, architecture, by_name, providers)
                    ]
                    known[key] = met
                for target in met:
                    targets[target] = None
        edges[package_key(fields)] = targets.keys()
    return edges

def closure(edges, roots):
    """Everything reachable.

    Args:
        edges: dict: key → list of keys.
        roots: list of keys.

    Returns:
        A set, as a dict: key → None, the roots included.
    """
    reached = {root: None for root in roots}
    frontier = roots
    for _ in range(len(edges) + 1):
        following = []
        for key in frontier:
            for target in edges.get(key, []):
                if target not in reached:
                    reached[target] = None
                    following.append(target)
        if not following:
            break
        frontier = following
    return reached

def _meet(group, dependant, by_name, providers):
    """The packages that meet an or-group of a package for `dependant`: one, or none."""
    for alternative in group:
        for fields in by_name.get(alternative.name, []):
            if _fits(alternative, dependant, fields) and (
                not alternative.operator or
                version_satisfies(fields["Version"], alternative.operator, alternative.version)
            ):
                return [fields]
        for version, fields in providers.get(alternative.name, []):
            if _fits(alternative, dependant, fields) and (
                not alternative.operator or
                (version and version_satisfies(version, alternative.operator, alternative.version))
            ):
                return [fields]
    return []

def _fits(alternative, dependant, fields):
    """Whether a package's architecture is one that a dependency of `dependant` asks for."""
    architecture = fields["Architecture"]
    if alternative.qualifier and alternative.qualifier != "any":
        return architecture in (alternative.qualifier, "all")
    return (
        architecture in (dependant, "all") or
        dependant == "all" or
        alternative.qualifier == "any" or
        fields.get("Multi-Arch") == "foreign"
    )
