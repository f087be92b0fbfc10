"""Which packages nobody asked for: what apt calls automatically installed."""

load(":closure.bzl", "package_key")

def automatic_in_lock(packages):
    """The packages of a lock that nobody asked for.

    Args:
        packages: list of structs with `fields`, as `parse_lockfile` gives.

    Returns:
        list of `NAME:ARCHITECTURE`.
    """
    return [
        package_key(package.fields)
        for package in packages
        if package.fields.get("Auto-Installed") == "1"
    ]

def automatic_in_image(sets):
    """The packages of an image that nobody asked for.

    Args:
        sets: list of structs (DebPackagesInfo) with `automatic` and `manual`, lists of
            `NAME:ARCHITECTURE`. A package that is manual in one of them was asked for.

    Returns:
        list of `NAME:ARCHITECTURE`.
    """
    manual = {key: None for packages in sets for key in packages.manual}
    found = {key: None for packages in sets for key in packages.automatic}
    return [key for key in found if key not in manual]

def automatic_in_closure(name, reached, automatic):
    """Splits a package and what it needs into what was asked for and what was not.

    Args:
        name: `NAME:ARCHITECTURE` of the package. Who names it asks for it.
        reached: collection of `NAME:ARCHITECTURE`: it, and what it needs.
        automatic: list of `NAME:ARCHITECTURE`: what nobody asked for in the lock.

    Returns:
        A struct: `automatic` and `manual`, lists of `NAME:ARCHITECTURE`.
    """
    unasked = {key: None for key in automatic if key in reached and key != name}
    return struct(
        automatic = unasked.keys(),
        manual = [key for key in reached if key not in unasked],
    )
