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

def _weight(character):
    """Rank of a non-digit: a tilde, the end (0), letters, everything else."""
    if character == "~":
        return -1
    if character.isalpha():
        return ord(character)
    return ord(character) + 256

def _key(part):
    """A list that compares as the part does: weights of non-digits, then a number, and so on."""
    key = []
    weights = []
    digits = ""
    for character in part.elems():
        if character.isdigit():
            digits += character
            continue
        if digits:
            key.append(weights + [0])
            key.append([int(digits)])
            weights = []
            digits = ""
        weights.append(_weight(character))
    key.append(weights + [0])
    if digits:
        key.append([int(digits)])
    return key

def _compare_parts(a, b):
    a_key, b_key = _key(a), _key(b)
    for index in range(max(len(a_key), len(b_key))):
        # Beyond its end a part goes on as an empty string of non-digits and the number 0.
        a_item = a_key[index] if index < len(a_key) else [0]
        b_item = b_key[index] if index < len(b_key) else [0]
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
