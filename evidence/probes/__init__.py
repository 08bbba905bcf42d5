"""Parsers for files nobody vouches for, one module per kind, run by `evidence.sandbox` in a child process.

Each module has `examine(path, **options)`, which returns plain data or raises `Unfit` with what is wrong and
what to do about it. They import neither models nor settings.
"""

from __future__ import annotations


class Unfit(Exception):
    """The file cannot be accepted; `problems` say in words why, for the person who gave it."""

    def __init__(self, *problems: str) -> None:
        super().__init__(" ".join(problems))
        self.problems = list(problems)
