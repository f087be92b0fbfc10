"""What the repositories are called that the module extension makes."""

def deb_repository_name(fields):
    """The repository of a package: one per distinct .deb, whichever lock names it.

    Args:
        fields: dict: the package's stanza.

    Returns:
        `deb_NAME_` and the start of the SHA-256. The extension checks that no two packages
        come to share a name.
    """
    name = "".join([
        character if character.isalnum() else "_"
        for character in fields["Package"].elems()
    ])
    return "deb_{}_{}".format(name, fields["SHA256"][:16])
