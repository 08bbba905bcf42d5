"""What changed in words between two texts. Pure functions over the standard library's differ."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Kind = Literal["same", "gone", "new"]
_WORDS = re.compile(r"\S+\s*")


@dataclass(frozen=True)
class Run:
    """Words that stayed, went or came."""

    kind: Kind
    text: str


@dataclass(frozen=True)
class Line:
    """A line of which something changed: gone, new, or changed word by word."""

    kind: Literal["gone", "new", "changed"]
    runs: Sequence[Run]


@dataclass(frozen=True)
class Changes:
    """The changed lines of a section, and how many words came and went."""

    key: str
    lines: Sequence[Line]

    @property
    def came(self) -> int:
        return self._count("new")

    @property
    def went(self) -> int:
        return self._count("gone")

    def _count(self, kind: Kind) -> int:
        return sum(len(run.text.split()) for line in self.lines for run in line.runs if run.kind == kind)


def by_words(old: str, new: str) -> list[Run]:
    """
    >>> [(run.kind, run.text) for run in by_words("a small house", "a big house")]
    [('same', 'a '), ('gone', 'small '), ('new', 'big '), ('same', 'house')]
    """
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    # Compared without the space behind, which is another before a line's end.
    old_words, new_words = [word.rstrip() for word in before], [word.rstrip() for word in after]
    runs: list[Run] = []
    for tag, a, b, c, d in SequenceMatcher(None, old_words, new_words, autojunk=False).get_opcodes():
        if tag == "equal":
            runs.append(Run("same", "".join(after[c:d])))
        if tag in ("delete", "replace"):
            runs.append(Run("gone", "".join(before[a:b])))
        if tag in ("insert", "replace"):
            runs.append(Run("new", "".join(after[c:d])))
    return runs


def between(old: Mapping[str, str], new: Mapping[str, str]) -> list[Changes]:
    """What changed from one report to the other, section by section in the order of the new one."""
    keys = [*new, *(key for key in old if key not in new)]
    return [Changes(key, lines(old.get(key, ""), new.get(key, ""))) for key in keys]


def lines(old: str, new: str) -> list[Line]:
    """The lines that changed; empty ones, which only part the others, are no change."""
    before, after = ([line for line in text.splitlines() if line.strip()] for text in (old, new))
    found: list[Line] = []
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            found += _replaced(before[a:b], after[c:d])
    return found


def _replaced(before: Sequence[str], after: Sequence[str]) -> list[Line]:
    """Lines in the place of others: paired in order where they have most of their words in common."""
    found: list[Line] = []
    rest = list(before)
    for line in after:
        twin = next((one for one in rest if _alike(one, line)), None)
        if twin is None:
            found.append(Line("new", [Run("new", line)]))
            continue
        at = rest.index(twin)
        found += [Line("gone", [Run("gone", one)]) for one in rest[:at]]
        rest = rest[at + 1 :]
        found.append(Line("changed", by_words(twin, line)))
    return found + [Line("gone", [Run("gone", one)]) for one in rest]


def _alike(one: str, other: str) -> bool:
    matcher = SequenceMatcher(None, one.split(), other.split(), autojunk=False)
    return matcher.real_quick_ratio() > 0.5 and matcher.quick_ratio() > 0.5 and matcher.ratio() > 0.5
