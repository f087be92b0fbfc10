"""Which of two package names an archive's indexes mention first.

Apt numbers packages as it meets their names, in stanzas of their own or in relationship fields
of other stanzas, and lets the number decide between providers that are otherwise equal. Such
ties are rare, so names are looked up in the text of the indexes when one comes up.
"""

from __future__ import annotations

from collections.abc import Iterable

Mention = tuple[int, int, int, int]
"""Place of a mention: number of the index, start of the stanza in it, rank of the field, place
in the field."""

# A stanza's own name is met before those in its fields, whose order is this one and not that
# of the stanza.
_FIELDS = {
    field: rank
    for rank, field in enumerate(
        (
            b"package",
            b"pre-depends",
            b"depends",
            b"conflicts",
            b"breaks",
            b"recommends",
            b"suggests",
            b"replaces",
            b"enhances",
            b"provides",
        )
    )
}
_NAME_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-_/")
_NEVER: Mention = (2**31, 0, 0, 0)


class Mentions:
    """Looks up first mentions in `texts`, the indexes in the order of the sources."""

    def __init__(self, texts: Iterable[bytes]) -> None:
        self._texts = tuple(texts)
        self._known: dict[str, Mention] = {}

    def first(self, name: str) -> Mention:
        """The place of a name's first mention; after everything else if there is none."""
        mention = self._known.get(name)
        if mention is None:
            mention = self._known[name] = self._find(name.encode())
        return mention

    def _find(self, name: bytes) -> Mention:
        for number, text in enumerate(self._texts):
            position = text.find(name)
            while position >= 0:
                rank = _field_rank(text, position, len(name))
                if rank is not None:
                    return self._first_in_stanza(number, text.rfind(b"\n\n", 0, position), name)
                position = text.find(name, position + 1)
        return _NEVER

    def _first_in_stanza(self, number: int, start: int, name: bytes) -> Mention:
        text = self._texts[number]
        start = max(start, 0)
        end = text.find(b"\n\n", start + 2)
        places = []
        position = text.find(name, start)
        while position >= 0 and (end < 0 or position < end):
            rank = _field_rank(text, position, len(name))
            if rank is not None:
                places.append((rank, position))
            position = text.find(name, position + 1)
        return (number, start, *min(places))


def _field_rank(text: bytes, position: int, length: int) -> int | None:
    """The rank of the relationship field that has a whole name at `position`, or None."""
    if position and text[position - 1] in _NAME_BYTES:
        return None
    if text[position + length : position + length + 1] and text[position + length] in _NAME_BYTES:
        return None
    line = text.rfind(b"\n", 0, position) + 1
    while text[line : line + 1] in (b" ", b"\t"):
        line = text.rfind(b"\n", 0, line - 1) + 1
    return _FIELDS.get(text[line : text.find(b":", line)].lower())
