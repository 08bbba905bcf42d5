"""Occurrences by month: the picture's figures, gaps, and stretches too long for chance."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagements.models import Control
from evidence.monthly import HEIGHT, WIDTH, Months, months
from evidence.occurrences import longest_silence, unusual_silence

START, END = dt.date(2025, 10, 1), dt.date(2026, 9, 30)
QUARTERLY = Control(number="IAM-08", frequency="Q")
EVENT = Control(number="IAM-06", frequency="E")
DAYS = st.lists(st.dates(dt.date(2025, 9, 1), dt.date(2026, 10, 31)), max_size=40)


def picture(days: list[dt.date], *controls: Control, to: dt.date = END) -> Months:
    return months(days, controls, start=START, end=END, covers_from=START, covers_to=to)


def test_a_missing_quarter_is_marked_in_the_month_it_was_due() -> None:
    found = picture([dt.date(2025, 12, 20), dt.date(2026, 3, 18), dt.date(2026, 9, 20)], QUARTERLY, EVENT)
    assert (found.by, found.expected, found.found) == (QUARTERLY, 4, 3)
    assert [(f"{bar.start:%b}", bar.state) for bar in found.marked] == [("Jun", "fewer than expected")]
    assert [bar.expected for bar in found.bars] == [0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1]


def test_events_promise_nothing_but_empty_months_show() -> None:
    found = picture([START + dt.timedelta(days=3 * n) for n in range(60)], EVENT)
    assert (found.by, found.expected) == (None, None)
    assert [f"{bar.start:%b}" for bar in found.bars if bar.empty] == ["Apr", "May", "Jun", "Jul", "Aug", "Sep"]


def test_what_the_listing_does_not_reach_is_no_gap() -> None:
    found = picture([dt.date(2025, 12, 20)], QUARTERLY, to=dt.date(2026, 2, 10))
    states = {f"{bar.start:%b}": bar.state for bar in found.bars}
    assert states["Feb"] == "partly covered"
    assert states["Mar"] == states["Sep"] == "not covered"


@settings(max_examples=40, deadline=None)
@given(DAYS, st.sampled_from(["A", "Q", "M", "W", "D", "E", "E+A"]))
def test_the_bars_add_up_and_stay_in_the_picture(days: list[dt.date], frequency: str) -> None:
    found = picture(days, Control(number="X", frequency=frequency))
    assert len(found.bars) == 12
    assert sum(bar.found for bar in found.bars) == found.found
    assert found.found + found.outside == len(days)
    assert sum(bar.expected or 0 for bar in found.bars) == (found.expected or 0)
    assert all(0 <= bar.y <= HEIGHT and bar.height >= 0 and 0 <= bar.x <= bar.end <= WIDTH for bar in found.bars)
    assert all(bar.expected_y is None or 0 <= bar.expected_y <= HEIGHT for bar in found.bars)


def test_a_silence_longer_than_chance_would_have_it() -> None:
    rng = random.Random(7)
    even = [START + dt.timedelta(days=rng.randrange(365)) for _ in range(200)]
    assert unusual_silence(even, START, END) is None
    torn = [day for day in even if not dt.date(2026, 2, 1) <= day <= dt.date(2026, 3, 31)]
    silence = unusual_silence(torn, START, END)
    assert silence is not None
    assert silence.start <= dt.date(2026, 2, 1) < dt.date(2026, 3, 31) <= silence.end
    assert unusual_silence([], START, END) is None
    assert unusual_silence(even[:3], START, END) is None


@settings(max_examples=40, deadline=None)
@given(DAYS)
def test_an_unusual_silence_is_the_longest_one(days: list[dt.date]) -> None:
    silence = unusual_silence(days, START, END)
    assert silence is None or silence == longest_silence(days, START, END)
    assert silence is None or not any(silence.start <= day <= silence.end for day in days)


@pytest.mark.parametrize("count", [1, 2])
def test_a_handful_of_occurrences_shows_no_silence(count: int) -> None:
    assert unusual_silence([START] * count, START, END) is None
