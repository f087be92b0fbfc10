"""Hypothesis strategies that several tests share."""

from __future__ import annotations

from hypothesis import strategies as st


def names(max_size: int = 60) -> st.SearchStrategy[str]:
    """File names as dpkg and OSTree both take them: UTF-8 without slash, NUL and newline."""
    characters = st.characters(blacklist_characters="/\0\n", blacklist_categories=["Cs"])
    return st.text(characters, min_size=1, max_size=max_size).filter(
        lambda name: name not in (".", "..")
    )
