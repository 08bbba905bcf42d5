"""Two listings held against each other by their keys: what stands only in one, and what differs (domain 3.2).

Pure functions over listings, in one pass over each: a hundred thousand rows take about a second. Rows are
numbered from 1, the first below the header, as the items of a sample are.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from evidence.listings import Listing, Row

MAX_DIFFERENCES = 20_000
MAX_KEYS = 3
# Columns shown beside a difference: the keys, those compared, then others until there are so many.
SHOWN_COLUMNS = 8

_SPACE = re.compile(r"\s+")
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_WORD = re.compile(r"[^a-z0-9]+")
_LOOKED_AT = 5_000

Pair = tuple[str, str]


class Alike(StrEnum):
    """What makes no difference when two cells are compared. Case and spaces count for all columns."""

    CASE = "case"
    SPACES = "spaces"
    MAIL = "mail"
    ZEROS = "zeros"


class Kind(StrEnum):
    ONLY_FIRST = "only_first"
    ONLY_SECOND = "only_second"
    UNEQUAL = "unequal"
    REPEATED = "repeated"
    NO_KEY = "no_key"


@dataclass(frozen=True)
class Settings:
    """How two listings are matched.

    `keys` and `compared` pair a column of the first with one of the second. With `each_once` a key that stands in
    several rows of one listing is a difference; otherwise many rows may belong to one (laptops to their owner).
    With `one_way` what stands only in the second is none (leavers among all disabled accounts).
    """

    keys: tuple[Pair, ...]
    compared: tuple[Pair, ...] = ()
    alike: frozenset[Alike] = frozenset({Alike.CASE, Alike.SPACES})
    each_once: bool = True
    one_way: bool = False


@dataclass(frozen=True)
class Found:
    """One difference; rows are None where there is none, `unequal` names the columns of the first that differ."""

    kind: Kind
    key: str
    first_row: int | None = None
    second_row: int | None = None
    first: dict[str, str] = field(default_factory=dict)
    second: dict[str, str] = field(default_factory=dict)
    unequal: tuple[str, ...] = ()

    @property
    def signature(self) -> tuple[object, ...]:
        """What makes it the same difference in a later version, wherever its rows stand then."""
        return (
            self.kind,
            self.key,
            tuple(sorted(self.first.items())),
            tuple(sorted(self.second.items())),
            self.unequal,
        )


@dataclass(frozen=True)
class Outcome:
    """The differences in the order of the listings, and how many keys stand in both without any."""

    matched: int
    differences: list[Found]

    def count(self, kind: Kind) -> int:
        return sum(one.kind == kind for one in self.differences)


class NoMatch(ValueError):
    """The listings cannot be matched in this way; the message says why, for the person who chose it."""


def compare(first: Listing, second: Listing, settings: Settings) -> Outcome:
    """Hold two listings against each other.

    Raises NoMatch for columns that are not there, and when there are more differences than anybody explains:
    then the keys are not the same thing.
    """
    _check(first, second, settings)
    there, here = _Side(second, settings, 1), _Side(first, settings, 0)
    found: list[Found] = []
    matched = 0
    for differences in _found(here, there, settings):
        found.extend(differences)
        matched += not differences
        if len(found) > MAX_DIFFERENCES:
            raise NoMatch(
                f"More than {MAX_DIFFERENCES:,} differences: these columns do not name the same things. The first "
                f"key of one listing is {_example(here)}, of the other {_example(there)}."
            )
    return Outcome(matched, found)


def alike(text: str, rules: frozenset[Alike], *, key: bool) -> str:
    """A cell as it is compared. Leading zeros and the part after the @ are left out of keys only."""
    if key and Alike.MAIL in rules:
        text = text.partition("@")[0]
    if Alike.SPACES in rules:
        text = _SPACE.sub(" ", text).strip()
    if Alike.CASE in rules:
        text = text.casefold()
    if key and Alike.ZEROS in rules:
        text = _ZEROS.sub("", text)
    return text


# --- what to begin with


def guess_keys(
    first: Listing, second: Listing, hints: Sequence[str] = (), known: Pair = ("", "")
) -> tuple[Pair, ...]:
    """The pair of columns that most likely name the same things, or none.

    Columns that are `known` to name the rows of their listing come first, and those whose names fit a hint; then
    those that share most of their cells, told from the first rows of each listing.
    """
    loose = frozenset(Alike)
    sets = [
        {
            name: {alike(cell, loose, key=True) for cell in listing.column(name)[:_LOOKED_AT]} - {""}
            for name in names
        }
        for listing, names in ((first, first.columns), (second, second.columns))
    ]

    def worth(pair: Pair) -> float:
        one, other = sets[0][pair[0]], sets[1][pair[1]]
        if not one or not other:
            return 0.0
        shared = len(one & other) / min(len(one), len(other))
        # A column that tells few rows apart (a department) names none of them.
        telling = min(len(one) / max(len(first.rows[:_LOOKED_AT]), 1), 1.0)
        hinted = sum(any(hint in _word(name) for hint in hints) for name in pair)
        # What a listing was provided under names its rows, though somebody's name may do so as well.
        own = sum(name == key for name, key in zip(pair, known, strict=True))
        return shared * telling * (1 + hinted) * (1 + own)

    pairs = [(one, other) for one in first.columns for other in second.columns]
    best = max(pairs, key=worth, default=None)
    return (best,) if best is not None and worth(best) > 0 else ()


def guess_compared(first: Listing, second: Listing, keys: Sequence[Pair]) -> tuple[Pair, ...]:
    """The columns that both listings call the same, keys aside."""
    taken = {name for pair in keys for name in pair}
    named = {_word(name): name for name in second.columns if name not in taken}
    return tuple((name, named[_word(name)]) for name in first.columns if name not in taken and _word(name) in named)


def _word(name: str) -> str:
    return _WORD.sub(" ", name.casefold()).strip()


# --- comparing


class _Side:
    """A listing's rows by their keys."""

    def __init__(self, listing: Listing, settings: Settings, place: int) -> None:
        self.listing = listing
        self.place = place
        self.keys = [listing.columns.index(pair[place]) for pair in settings.keys]
        self.compared = [listing.columns.index(pair[place]) for pair in settings.compared]
        rest = (at for at in range(len(listing.columns)) if at not in {*self.keys, *self.compared})
        shown = [*dict.fromkeys([*self.keys, *self.compared])]
        self.shown = [*shown, *rest][: max(SHOWN_COLUMNS, len(shown))]
        self.rows: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self.without_key: list[int] = []
        rules = settings.alike
        for number, row in enumerate(listing.rows, start=1):
            key = tuple(alike(row[at], rules, key=True) for at in self.keys)
            if any(key):
                self.rows[key].append(number)
            else:
                self.without_key.append(number)

    def row(self, number: int) -> Row:
        return self.listing.rows[number - 1]

    def cells(self, number: int) -> dict[str, str]:
        row = self.row(number)
        return {self.listing.columns[at]: row[at] for at in self.shown}

    def key(self, number: int) -> str:
        row = self.row(number)
        return " / ".join(row[at] for at in self.keys)

    def values(self, number: int, rules: frozenset[Alike]) -> tuple[str, ...]:
        row = self.row(number)
        return tuple(alike(row[at], rules, key=False) for at in self.compared)


def _found(here: _Side, there: _Side, settings: Settings) -> Iterator[list[Found]]:
    """The differences of each key, and of each row without one; an empty list where there are none."""
    for key, rows in here.rows.items():
        yield list(_of_key(here, there, rows, there.rows.get(key, []), settings))
    for number in here.without_key:
        yield [_alone(Kind.NO_KEY, here, number)]
    if settings.one_way:
        return
    for key, rows in there.rows.items():
        if key not in here.rows:
            yield [
                *(_alone(Kind.ONLY_SECOND, there, number) for number in rows),
                *_repeated(there, rows, settings),
            ]
    for number in there.without_key:
        yield [_alone(Kind.NO_KEY, there, number)]


def _of_key(here: _Side, there: _Side, rows: list[int], others: list[int], settings: Settings) -> Iterator[Found]:
    yield from _repeated(here, rows, settings)
    if not others:
        yield from (_alone(Kind.ONLY_FIRST, here, number) for number in rows)
        return
    if not settings.one_way:
        yield from _repeated(there, others, settings)
    if not settings.compared:
        return
    rules = settings.alike
    wanted = {there.values(number, rules) for number in others}
    have = {here.values(number, rules) for number in rows}
    for number in rows:
        if here.values(number, rules) not in wanted:
            yield _unequal(here, there, number, others[0], settings)
    if len(others) > 1 and not settings.one_way:
        for number in others:
            if there.values(number, rules) not in have:
                yield _unequal(here, there, rows[0], number, settings)


def _repeated(side: _Side, rows: list[int], settings: Settings) -> Iterator[Found]:
    """The further rows of a key that should stand once."""
    if settings.each_once:
        for number in rows[1:]:
            yield _alone(Kind.REPEATED, side, number)


def _alone(kind: Kind, side: _Side, number: int) -> Found:
    cells = side.cells(number)
    if side.place == 0:
        return Found(kind, side.key(number), first_row=number, first=cells)
    return Found(kind, side.key(number), second_row=number, second=cells)


def _unequal(here: _Side, there: _Side, number: int, other: int, settings: Settings) -> Found:
    pairs = zip(
        settings.compared,
        here.values(number, settings.alike),
        there.values(other, settings.alike),
        strict=True,
    )
    return Found(
        Kind.UNEQUAL,
        here.key(number),
        number,
        other,
        here.cells(number),
        there.cells(other),
        tuple(pair[0] for pair, one, two in pairs if one != two),
    )


def _check(first: Listing, second: Listing, settings: Settings) -> None:
    if not 1 <= len(settings.keys) <= MAX_KEYS:
        raise NoMatch(f"Choose the columns that name the same thing in both listings, {MAX_KEYS} at most.")
    for pair in (*settings.keys, *settings.compared):
        for name, listing, column in zip(("first", "second"), (first, second), pair, strict=True):
            if column not in listing.columns:
                raise NoMatch(f"The {name} listing has no column {column!r}.")


def _example(side: _Side) -> str:
    return repr(side.key(1)) if side.listing.rows else "missing"
