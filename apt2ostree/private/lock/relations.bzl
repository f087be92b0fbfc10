"""Relationship fields: Depends and its like (Policy §7.1)."""

def parse_relations(text):
    """Parse a relationship field.

    Args:
        text: the field's value.

    Returns:
        A list of or-groups, each a list of structs `name`, `qualifier` (what follows a
        colon, or ""), `operator` and `version` ("" where there is no constraint).
    """
    groups = []
    for group in text.replace("\n", " ").split(","):
        alternatives = [
            _parse_alternative(alternative)
            for alternative in group.split("|")
            if alternative.strip()
        ]
        if alternatives:
            groups.append(alternatives)
    return groups

def _parse_alternative(text):
    name, _, constraint = text.strip().partition("(")
    name, _, qualifier = name.strip().partition(":")
    constraint = constraint.partition(")")[0].strip()
    version = constraint.lstrip("<>=")
    return struct(
        name = name.partition(" ")[0].partition("[")[0],
        qualifier = qualifier,
        operator = constraint[:len(constraint) - len(version)],
        version = version.strip(),
    )
