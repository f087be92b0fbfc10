"""Recursion that Python's stack does not limit: dependencies of packages go hundreds deep.

A recursive function is written as a generator that yields each call of itself and is sent what
that returned, a truth value.
"""

from __future__ import annotations

from collections.abc import Generator

Steps = Generator["Steps", "bool | None", bool]


def run(steps: Steps) -> bool:
    """Run a generator, and those that it yields, and return what it returns."""
    stack = [steps]
    result: bool | None = None
    while stack:
        try:
            stack.append(stack[-1].send(result))
            result = None
        except StopIteration as stop:
            stack.pop()
            result = stop.value
    return bool(result)
