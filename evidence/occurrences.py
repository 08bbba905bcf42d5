"""How often a control should have operated in a period, and when it did.

Frequencies are the codes of the library: A, SA, Q, M, SM, W, D, MD, E, C, and two of them joined by "+".
A cycle counts only when all of it lies within the period: a part of a quarter promises nothing.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

_MONTHS = {"A": 12, "SA": 6, "Q": 3, "M": 1}
_UNCOUNTED = ("MD", "E", "C")
_SATURDAY = 5
_FEW = 10
CODES = (*_MONTHS, "SM", "W", "D", *_UNCOUNTED)


@dataclass(frozen=True)
class Cycle:
    """A stretch of the period, both days included, in which the control was due once."""

    start: date
    end: date


@dataclass(frozen=True)
class Month:
    """One bar of the picture: the first day of the month within the period, occurrences due and found."""

    start: date
    expected: int | None
    found: int


def parts(frequency: str) -> tuple[str, ...]:
    """The codes in a frequency ("E+A" has two). Raises ValueError for an unknown one."""
    codes = tuple(frequency.split("+"))
    unknown = [code for code in codes if code not in CODES]
    if unknown:
        raise ValueError(f"unknown frequency {frequency!r}")
    return codes


def cycles(frequency: str, start: date, end: date, *, every_day: bool = False) -> list[Cycle] | None:
    """The complete cycles from `start` to `end`, or None where the number cannot be known beforehand.

    "Daily" means Monday to Friday, the least a daily control can mean; a job that also runs at weekends is
    asked for with `every_day`. Of a joined frequency the regular part counts, as the least to be expected.
    """
    if end < start:
        raise ValueError(f"the period ends on {end}, before it starts on {start}")
    regular = [code for code in parts(frequency) if code not in _UNCOUNTED]
    if not regular:
        return None
    found = [cycle for code in regular for cycle in _complete(code, start, end, every_day)]
    return sorted(found, key=lambda cycle: (cycle.end, cycle.start))


def expected_occurrences(frequency: str, start: date, end: date, *, every_day: bool = False) -> int | None:
    """How many occurrences the period should hold (domain 3.3: frequency times period), None if unknowable."""
    due = cycles(frequency, start, end, every_day=every_day)
    return None if due is None else len(due)


def missing_occurrences(
    dates: Iterable[date], frequency: str, start: date, end: date, *, every_day: bool = False
) -> list[Cycle]:
    """The cycles without an occurrence; three of four quarters leave the one that is missing (R34).

    Late is not absent: a second occurrence within one cycle counts for the cycle before when that one is
    empty. Frequencies that promise no number miss nothing.
    """
    due = cycles(frequency, start, end, every_day=every_day) or []
    left = sorted(day for day in dates if start <= day <= end)
    counts = []
    position = 0
    for cycle in due:
        before = position
        while position < len(left) and left[position] <= cycle.end:
            position += 1
        counts.append(position - before)
    for index in range(len(counts) - 1):
        if counts[index] == 0 and counts[index + 1] > 1:
            counts[index], counts[index + 1] = 1, counts[index + 1] - 1
    return [cycle for cycle, count in zip(due, counts, strict=True) if count == 0]


def occurrences_by_month(
    dates: Sequence[date], frequency: str, start: date, end: date, *, every_day: bool = False
) -> list[Month]:
    """Expected and found occurrences month by month; an occurrence is due in the month its cycle ends in."""
    due = cycles(frequency, start, end, every_day=every_day)
    months = []
    first = start
    while first <= end:
        last = min(end, first.replace(day=calendar.monthrange(first.year, first.month)[1]))
        expected = None if due is None else sum(first <= cycle.end <= last for cycle in due)
        months.append(Month(first, expected, sum(first <= day <= last for day in dates)))
        first = last + timedelta(days=1)
    return months


def longest_silence(dates: Iterable[date], start: date, end: date) -> Cycle | None:
    """The longest stretch of days without any occurrence, or None when every day has one."""
    days = [
        start - timedelta(days=1),
        *sorted({day for day in dates if start <= day <= end}),
        end + timedelta(days=1),
    ]
    before, after = max(pairwise(days), key=lambda pair: pair[1] - pair[0])
    silence = Cycle(before + timedelta(days=1), after - timedelta(days=1))
    return silence if silence.start <= silence.end else None


def _complete(code: str, start: date, end: date, every_day: bool) -> list[Cycle]:
    if code == "D":
        days = (start + timedelta(days=offset) for offset in range((end - start).days + 1))
        return [Cycle(day, day) for day in days if every_day or day.weekday() < _SATURDAY]
    found = []
    number = 0
    while (cycle := _cycle(code, start, number)).end <= end:
        found.append(cycle)
        number += 1
    return found


def _cycle(code: str, start: date, number: int) -> Cycle:
    """The cycle of this number, counted from the start of the period."""
    if code == "W":
        first = start + timedelta(weeks=number)
        return Cycle(first, first + timedelta(days=6))
    if code == "SM":
        month, second = divmod(number, 2)
        first, after = _months_later(start, month), _months_later(start, month + 1)
        middle = first + timedelta(days=(after - first).days // 2)
        return Cycle(middle, after - timedelta(days=1)) if second else Cycle(first, middle - timedelta(days=1))
    step = _MONTHS[code]
    after = _months_later(start, step * (number + 1))
    return Cycle(_months_later(start, step * number), after - timedelta(days=1))


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def unusual_silence(dates: Sequence[date], start: date, end: date, *, chance: float = 0.01) -> Cycle | None:
    """The longest stretch without an occurrence when so long a one would hardly come by chance, else None.

    Were the occurrences scattered evenly over the period, a stretch of more than a share s of it would be seen
    with a probability of at most (n + 1)(1 - s)^n among n of them: the first term of the exact distribution of the
    largest spacing (Fisher, 1929; Stevens, 1939), an upper bound by Boole's inequality. With its two ends a
    period has one spacing more than occurrences. Fewer than ten occurrences show no pattern.
    """
    inside = [day for day in dates if start <= day <= end]
    silence = longest_silence(inside, start, end)
    if len(inside) < _FEW or silence is None:
        return None
    length = (end - start).days + 1
    share = ((silence.end - silence.start).days + 1) / length
    spacings = len(inside) + 1
    return silence if spacings * (1 - share) ** len(inside) < chance else None
