"""What goes into the dictionaries of `ostree_tree`: attributes, users and groups."""

def tree_attributes(mode = "", owner = "", group = "", xattrs = {}, capabilities = ""):
    """Attributes of the paths that a pattern matches; what is empty leaves things as they are.

    Args:
        mode: permission bits in octal: `"0750"`.
        owner: a user, by name or number.
        group: a group, by name or number.
        xattrs: dict: extended attribute → value; text, or `0x…` or `0s…` as setfattr(1) reads it.
        capabilities: file capabilities as setcap(8) takes them: `"cap_net_bind_service=ep"`.

    Returns:
        A string, to be a value of `ostree_tree(attributes = …)`.
    """
    return json.encode({
        "capabilities": capabilities,
        "group": str(group),
        "mode": mode,
        "owner": str(owner),
        "xattrs": xattrs,
    })

def tree_user(uid, group = "", home = "/nonexistent", shell = "/usr/sbin/nologin", comment = ""):
    """A user that a tree adds to the image's passwd(5), with a locked password.

    Args:
        uid: int: the numeric id. It is given, not found, because a device's files keep it.
        group: the primary group; by default one of the user's name, whose gid equals the uid.
        home: the home directory; it is not made.
        shell: the login shell.
        comment: the full name, and such.

    Returns:
        A string, to be a value of `ostree_tree(users = …)`.
    """
    return json.encode({
        "comment": comment,
        "group": group,
        "home": home,
        "shell": shell,
        "uid": uid,
    })

def tree_group(gid = None, members = []):
    """A group that a tree adds to the image's group(5), or members for one it has.

    Args:
        gid: int: the numeric id; None for a group that the image has.
        members: list of string: users that are members besides those whose primary group it is.

    Returns:
        A string, to be a value of `ostree_tree(groups = …)`.
    """
    return json.encode({"gid": gid, "members": members})
