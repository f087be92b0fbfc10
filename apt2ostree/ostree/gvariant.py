"""The part of GVariant's serialisation that OSTree's formats use.

Source: GLib's "GVariant Specification 1.0". A container of variable-sized members ends
with framing offsets: where each such member ends (arrays: all of them, in order; tuples:
all but a last one, in reverse order). An offset takes 1, 2, 4 or 8 bytes, the fewest
that can address the whole container, offsets included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

from apt2ostree.errors import UserError


def array(items: Sequence[bytes]) -> bytes:
    """Serialise an array of variable-sized items of alignment 1."""
    body = b"".join(items)
    return body + frame(len(body), list(accumulate(map(len, items))))


def tuple_(members: Sequence[bytes]) -> bytes:
    """Serialise a tuple of variable-sized members of alignment 1."""
    return tuple_after(b"", members)


def tuple_after(fixed: bytes, members: Sequence[bytes]) -> bytes:
    """Serialise a tuple that starts with fixed-size members, already serialised."""
    body = fixed + b"".join(members)
    ends = []
    end = len(fixed)
    for member in members[:-1]:
        end += len(member)
        ends.append(end)
    return body + frame(len(body), ends[::-1])


def string(text: str) -> bytes:
    """Serialise a string (type `s`); OSTree's are UTF-8 without NUL.

    Raises:
        UserError: not UTF-8, or a NUL in it.
    """
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        raise UserError(f"{text!a} is not UTF-8, and OSTree stores no other names") from None
    if b"\0" in data:
        raise UserError(f"{text!a} contains a NUL byte")
    return data + b"\0"


def xattrs(attributes: Mapping[str, bytes]) -> bytes:
    """Serialise extended attributes as OSTree does: `a(ayay)`, NUL-ended names, by name."""
    if not attributes:
        return b""
    names = sorted((name.encode("utf-8", "surrogateescape"), name) for name in attributes)
    return array([tuple_([raw + b"\0", attributes[name]]) for raw, name in names])


def dictionary(entries: Mapping[str, tuple[str, bytes]]) -> bytes:
    """Serialise `a{sv}`, in the order of `entries`.

    Args:
        entries: key → (type string of the value, the value serialised).
    """
    body = b""
    ends = []
    for key, (type_, value) in entries.items():
        body += b"\0" * (-len(body) % 8)
        name = string(key)
        entry = name + b"\0" * (-len(name) % 8) + value + b"\0" + type_.encode("ascii")
        body += entry + frame(len(entry), [len(name)])
        ends.append(len(body))
    return body + frame(len(body), ends)


def variant(value: str | bool) -> tuple[str, bytes]:
    """A value as `dictionary` takes it: its type string, and it serialised."""
    return ("b", bytes([value])) if isinstance(value, bool) else ("s", string(value))


def _offset_size(body: int, count: int) -> int:
    """The bytes per offset of a container with a body of `body` bytes and `count` offsets."""
    if not count:
        return 0
    for size in (1, 2, 4):
        if body + size * count < 1 << (8 * size):
            return size
    return 8


def frame(body: int, ends: Sequence[int]) -> bytes:
    """Return the framing offsets that follow a container's body of `body` bytes."""
    size = _offset_size(body, len(ends))
    if size == 1:
        return bytes(ends)
    return b"".join(end.to_bytes(size, "little") for end in ends)


def read_offset_size(length: int) -> int:
    """The bytes per offset of a serialised container of `length` bytes."""
    for size in (1, 2, 4):
        if length < 1 << (8 * size):
            return size
    return 8


def parse_array(data: bytes) -> list[bytes]:
    """Split a serialised array of variable-sized items of alignment 1 into its items.

    Raises:
        UserError: the framing offsets do not fit the data.
    """
    if not data:
        return []
    size = read_offset_size(len(data))
    offsets_start = int.from_bytes(data[-size:], "little")
    count, rest = divmod(len(data) - offsets_start, size)
    if offsets_start > len(data) or rest or not count:
        raise UserError("broken OSTree object: an array's framing offsets are malformed")
    items = []
    start = 0
    for position in range(offsets_start, len(data), size):
        end = int.from_bytes(data[position : position + size], "little")
        if not start <= end <= offsets_start:
            raise UserError("broken OSTree object: an array's framing offsets are malformed")
        items.append(data[start:end])
        start = end
    return items


def parse_frame(data: bytes, count: int) -> list[int]:
    """Return the `count` framing offsets at the end of a serialised tuple, in member order.

    Raises:
        UserError: they do not increase, or point outside the members.
    """
    size = read_offset_size(len(data))
    limit = len(data) - size * count
    ends = []
    for position in range(len(data) - size, limit - 1, -size):
        ends.append(int.from_bytes(data[max(position, 0) : position + size], "little"))
    if limit < 0 or ends != sorted(ends) or (ends and ends[-1] > limit):
        raise UserError("broken OSTree object: a tuple's framing offsets are malformed")
    return ends


def parse_tuple(data: bytes, members: int, start: int = 0) -> list[bytes]:
    """Split a serialised tuple into `members` variable-sized members of alignment 1.

    Args:
        data: the whole tuple.
        members: how many variable-sized members there are.
        start: bytes that the fixed-size members before them take.

    Raises:
        UserError: the framing offsets do not fit the data.
    """
    ends = parse_frame(data, members - 1)
    ends.append(len(data) - read_offset_size(len(data)) * (members - 1))
    if ends[0] < start:
        raise UserError("broken OSTree object: a tuple's framing offsets are malformed")
    return [data[begin:end] for begin, end in zip([start, *ends], ends)]
