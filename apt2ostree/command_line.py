"""A command line that says what was probably meant."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

_INVALID_CHOICE = re.compile(r"invalid choice: '([^']*)'")


class Parser(argparse.ArgumentParser):
    """`argparse`'s parser, which takes no abbreviations, and names what is like a mistyped word."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options.setdefault("allow_abbrev", False)
        super().__init__(*arguments, **options)
        # Newer ones would suggest the same again.
        self.suggest_on_error = False

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Parse all of it; what is left over is an error."""
        found, rest = self.parse_known_args(args, namespace)
        if rest:
            chosen = {value for value in vars(found).values() if isinstance(value, str)}
            said = f"unrecognized arguments: {' '.join(rest)}"
            super().error(said + did_you_mean(rest[0].partition("=")[0], self._options(chosen)))
        return found

    def error(self, message: str) -> NoReturn:
        """Exit with status 2, after the usage and what is wrong."""
        wrong = _INVALID_CHOICE.search(message)
        choices = [choice for action in self._actions for choice in action.choices or ()]
        super().error(message + (did_you_mean(wrong[1], map(str, choices)) if wrong else ""))

    def _options(self, chosen: set[str]) -> Iterator[str]:
        """The options of this parser, and of the commands that were chosen."""
        for action in self._actions:
            yield from action.option_strings
            if isinstance(action, argparse._SubParsersAction):
                for name, parser in action.choices.items():
                    if name in chosen:
                        yield from parser._options(chosen)


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The end of a message: `; did you mean 'diff' or 'ls'?`; empty if nothing is like it."""
    similar = difflib.get_close_matches(word, dict.fromkeys(known), 3, cutoff)
    return f"; did you mean {' or '.join(map(repr, similar))}?" if similar else ""
