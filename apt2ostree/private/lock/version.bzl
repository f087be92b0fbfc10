"""The order of package versions: deb-version(7), Policy §5.6.12."""

def _split(version):
    """(epoch, upstream version, revision), each as text."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, _, revision = rest.rpartition("-")
    if not upstream:
        upstream, revision = rest, "0"
    return epoch, upstream, revision

# All the non-digits that a version may have, in dpkg's order: a tilde, the end of the part,
# letters, then the others, each in the order of ASCII.
_RANKS = "~\0ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+-.:"
_END = 1

def _key(part):
    """A list that compares as the part does: ranks of non-digits, a number, ranks, and so on."""
    key = []
    ranks = []
    digits = ""
    for character in part.elems():
        if character.isdigit():
            if not digits:
                key.append(ranks + [_END])
            digits += character
        else:
            if digits:
                key.append([int(digits)])
                ranks = []
                digits = ""
            ranks.append(_RANKS.find(character))
    key.append([int(digits)] if digits else ranks + [_END])
    return key

def _compare_parts(a, b):
    a_key, b_key = _key(a), _key(b)
    for index in range(max(len(a_key), len(b_key))):
        # Beyond its end a part goes on as no non-digits and the number 0, in turn.
        beyond = [0] if index % 2 else [_END]
        a_item = a_key[index] if index < len(a_key) else beyond
        b_item = b_key[index] if index < len(b_key) else beyond
        if a_item != b_item:
            return -1 if a_item < b_item else 1
    return 0

def compare_versions(a, b):
    """Compare two versions as dpkg does.

    Args:
        a: a version, in full.
        b: another.

    Returns:
        -1, 0 or 1: whether a is earlier than, equal to, or later than b.
    """
    for a_part, b_part in zip(_split(a), _split(b)):
        result = _compare_parts(a_part, b_part)
        if result:
            return result
    return 0

def version_satisfies(version, operator, wanted):
    """Whether a version meets a relation's constraint (Policy §7.1).

    Args:
        version: the version at hand.
        operator: `<<`, `<=`, `=`, `>=` or `>>`; the obsolete `<` and `>` mean `<=` and `>=`.
        wanted: the relation's version.

    Returns:
        True or False.
    """
    order = compare_versions(version, wanted)
    if operator == "=":
        return order == 0
    if operator == "<<":
        return order < 0
    if operator == ">>":
        return order > 0
    if operator in ("<=", "<"):
        return order <= 0
    return order >= 0
