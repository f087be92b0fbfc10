"""Paths of files that a package of the source tree may have yet to get."""

def path_in_package(name, package):
    """The path, below its package, of a file that need not exist.

    Args:
        name: `Packages.lock`, `:Packages.lock`, or `//image:Packages.lock` in the package image.
        package: string: the package.

    Returns:
        (path, error message or None).
    """
    prefix, _, path = name.rpartition(":")
    if not path or prefix not in ["", "//" + package] or path.startswith(("/", "@")):
        return "", "expected a file of the package //{}, such as \"Packages.lock\", got {}".format(
            package,
            repr(name),
        )
    if ".." in path.split("/"):
        return "", "{} leads out of its package".format(repr(name))
    return path, None
