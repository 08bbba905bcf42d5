"""Expected against found occurrences of a listing, month by month: bars of a picture, rows of its table."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from controls.models import Frequency
from engagements.models import Control
from evidence.occurrences import cycles, expected_occurrences, occurrences_by_month

# The picture in its own units; the page scales it.
HEIGHT = 120
WIDTH = 640
HEAD = 16
FOOT = 18
_GAP = 0.28


@dataclass(frozen=True)
class Bar:
    """A month: `expected` is None where no number is promised; `covered` says that the listing reaches it."""

    start: dt.date
    found: int
    expected: int | None
    covered: bool
    partly: bool
    x: float
    width: float
    y: float
    height: float
    expected_y: float | None
    middle: float

    @property
    def end(self) -> float:
        return round(self.x + self.width, 1)

    @property
    def label_y(self) -> float:
        """Where its number stands: above the bar."""
        return round(self.y - 4, 1)

    @property
    def empty(self) -> bool:
        """A month of the period without any occurrence."""
        return self.covered and self.found == 0

    @property
    def short(self) -> bool:
        return self.covered and self.expected is not None and self.found < self.expected

    @property
    def state(self) -> str:
        if not self.covered:
            return "not covered"
        if self.short:
            return "fewer than expected"
        if self.empty and self.expected is None:
            return "none"
        return "partly covered" if self.partly else ""


@dataclass(frozen=True)
class Months:
    """The picture: its bars, which control promises the expected numbers, the rows outside of the period."""

    bars: list[Bar]
    by: Control | None
    expected: int | None
    found: int
    outside: int
    ground: float = HEIGHT - FOOT
    height: int = HEIGHT
    width: int = WIDTH

    @property
    def shade(self) -> int:
        """The height of what marks a month that is short or not covered."""
        return HEIGHT - HEAD - FOOT

    @property
    def marked(self) -> list[Bar]:
        return [bar for bar in self.bars if bar.state]

    @property
    def words(self) -> str:
        total = f"{self.found:,} found"
        return total if self.expected is None else f"{total}, {self.expected:,} expected"


def months(
    dates: Iterable[dt.date | None],
    controls: Sequence[Control],
    *,
    start: dt.date,
    end: dt.date,
    covers_from: dt.date,
    covers_to: dt.date,
) -> Months:
    """The months of the period with what was found, and what the most frequent of the controls promises."""
    known = [day for day in dates if day is not None]
    inside = [day for day in known if start <= day <= end]
    by = promising(controls, start, end)
    frequency = by.frequency if by else Frequency.EVENT.value
    counted = occurrences_by_month(inside, frequency, start, end)
    highest = max([1, *(month.found for month in counted), *(month.expected or 0 for month in counted)])
    step = WIDTH / max(len(counted), 1)
    room = HEIGHT - HEAD - FOOT
    bars = []
    for place, month in enumerate(counted):
        last = min(end, month.start.replace(day=calendar.monthrange(month.start.year, month.start.month)[1]))
        height = round(room * month.found / highest, 1)
        x = round(place * step + step * _GAP / 2, 1)
        bars.append(
            Bar(
                start=month.start,
                found=month.found,
                expected=month.expected,
                covered=covers_from <= last and month.start <= covers_to,
                partly=covers_from > month.start or covers_to < last,
                x=x,
                width=round(step * (1 - _GAP), 1),
                y=round(HEIGHT - FOOT - height, 1),
                height=height,
                expected_y=None
                if month.expected is None
                else round(HEIGHT - FOOT - room * month.expected / highest, 1),
                middle=round(place * step + step / 2, 1),
            )
        )
    expected = expected_occurrences(frequency, start, end)
    return Months(bars, by if expected is not None else None, expected, len(inside), len(known) - len(inside))


def promising(controls: Sequence[Control], start: dt.date, end: dt.date) -> Control | None:
    """The control whose frequency promises the most occurrences, or None when none promises a number."""
    promised = [(len(due), control) for control in controls if (due := cycles(control.frequency, start, end))]
    return max(promised, key=lambda pair: pair[0])[1] if promised else None
