"""What a program of ours is asked to do: one JSON object, read into a frozen dataclass.

The dataclass's fields are the keys: all of them have to be there, and no others. Their types say
what the values are:

    str, int, bool, Literal    themselves
    Path                       a text, which is relative to a directory
    Sequence, tuple            a list; a tuple's has as many items as it has types
    Mapping                    an object of any keys
    a dataclass                an object with its fields as keys

What there need not be is a list of at most one, so that its absence is told too.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from apt2ostree.errors import UserError

Request = TypeVar("Request")
Value = TypeVar("Value")

_EXPECTED: Mapping[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    str: "a text",
    Path: "a path",
    Sequence: "a list",
    Mapping: "an object",
}


def read(text: str | bytes, kind: type[Request], directory: Path, name: str) -> Request:
    """Read a request.

    Args:
        text: the JSON, in UTF-8.
        kind: the dataclass.
        directory: what paths in it are relative to.
        name: what to call it in messages.

    Raises:
        UserError: it is not JSON; a key is absent, unknown or there twice; a value is of another
            type.
    """
    try:
        value = json.loads(text, object_pairs_hook=_without_repetition)
    except ValueError as error:
        raise UserError(f"{name}: not a request in JSON: {error}") from None
    result: Request = _Reader(directory).read(value, kind, name)
    return result


def at_most_one(values: Sequence[Value]) -> Value | None:
    """The only value, or `None` if there is none.

    Raises:
        UserError: there are more.
    """
    if len(values) > 1:
        raise UserError(f"expected one at most, not {', '.join(map(str, values))}")
    return values[0] if values else None


def _without_repetition(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError(f"a key is repeated: {', '.join(key for key, _ in pairs)}")
    return value


@dataclasses.dataclass(frozen=True)
class _Reader:
    """Reads values; paths are relative to `directory`, `where` is the place of a value."""

    directory: Path

    def read(self, value: Any, kind: Any, where: str) -> Any:
        origin, arguments = get_origin(kind) or kind, get_args(kind)
        if dataclasses.is_dataclass(kind) and isinstance(value, dict):
            return self._object(value, kind, where)
        if kind is Any or (origin is Literal and value in arguments):
            return value
        if kind is Path and value and isinstance(value, str):
            return self.directory / value
        if kind in (bool, int, str) and type(value) is kind:
            return value
        if origin is Mapping and isinstance(value, dict):
            return {
                key: self.read(item, arguments[1], f"{where}: {key}") for key, item in value.items()
            }
        if origin is Sequence and isinstance(value, list):
            arguments *= len(value)
        elif not (origin is tuple and isinstance(value, list) and len(value) == len(arguments)):
            raise UserError(f"{where}: expected {_expected(origin, arguments)}, not {value!r}")
        pairs = enumerate(zip(value, arguments))
        return tuple(self.read(item, of, f"{where}[{index}]") for index, (item, of) in pairs)

    def _object(self, value: Mapping[str, Any], kind: Any, where: str) -> Any:
        names = [field.name for field in dataclasses.fields(kind)]
        types = get_type_hints(kind)
        for key in value:
            if key not in types:
                raise UserError(f"{where}: unknown key {key!r}; expected {', '.join(names)}")
        for key in names:
            if key not in value:
                raise UserError(f"{where}: no key {key!r}; expected {', '.join(names)}")
        return kind(**{key: self.read(value[key], types[key], f"{where}: {key}") for key in names})


def _expected(origin: Any, arguments: Sequence[Any]) -> str:
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    if origin is tuple:
        return f"a list of {len(arguments)}"
    return _EXPECTED.get(origin, "an object")
