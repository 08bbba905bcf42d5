"""What holds for every listing and every frequency: dates, duplicates, gaps, keys, promised occurrences."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagements.models import Control
from evidence.comparing import Alike, Settings, alike, compare, guess_keys
from evidence.listings import (
    Listing,
    column_dates,
    date_columns,
    digest,
    duplicates,
    key_columns,
    parse_date,
    sequence_gaps,
)
from evidence.monthly import promising
from evidence.occurrences import CODES, cycles, parts

few = settings(max_examples=50, deadline=None)
days = st.dates(dt.date(1990, 1, 1), dt.date(2060, 12, 31))
codes = st.sampled_from(sorted(CODES))
cells = st.lists(st.sampled_from(["", "a", "b", "c", "d"]), max_size=12)


def listed(values: list[str], name: str = "key") -> Listing:
    return Listing((name,), tuple((value,) for value in values))


@few
@given(days, st.sampled_from(["mdy", "dmy", "ymd"]))
def test_a_date_is_read_as_it_was_written(day: dt.date, order: str) -> None:
    month = f"{day:%B}"
    plain = {"mdy": f"{day:%m/%d/%Y}", "dmy": f"{day:%d/%m/%Y}", "ymd": f"{day:%Y-%m-%d}"}[order]
    for text in (plain, f"{day.isoformat()}T10:15:00Z", f"{day.day} {month} {day.year}"):
        assert parse_date(text, order) == day  # type: ignore[arg-type]
    assert parse_date(f"{day:%d/%m/%y}", order) is None, "two digits are no year"  # type: ignore[arg-type]


@few
@given(st.lists(days, min_size=1, max_size=8))
def test_a_column_of_dates_is_found_and_read(dates: list[dt.date]) -> None:
    listing = listed([day.isoformat() for day in dates])
    assert [(one.name, one.order) for one in date_columns(listing)] == [("key", "ymd")]
    assert column_dates(listing, "key") == dates


@few
@given(cells)
def test_duplicates_are_what_stands_more_than_once(values: list[str]) -> None:
    listing = listed(values)
    found = {one.value: one.rows for one in duplicates(listing, "key")}
    assert {value: len(rows) for value, rows in found.items()} == {
        value: times for value, times in Counter(values).items() if value and times > 1
    }
    assert all(values[row - 2] == value for value, rows in found.items() for row in rows)
    assert (key_columns(listing) == ["key"]) == (bool(values) and all(values) and not found)
    assert digest(listing) == digest(listed(list(values)))


def test_rows_are_numbered_as_in_the_file() -> None:
    listing = Listing(("key",), (("a",), ("no day",), ("a",)), (2, 5, 9))
    assert duplicates(listing, "key")[0].rows == (2, 9)
    with pytest.raises(Exception, match="Row 5"):
        column_dates(Listing(("day",), (("2026-01-01",), ("no day",)), (2, 5)), "day")


@few
@given(st.sets(st.integers(1, 60), max_size=40))
def test_gaps_and_numbers_make_the_sequence_whole(numbers: set[int]) -> None:
    gaps = sequence_gaps(listed([f"CHG-{number}" for number in numbers]), "key")
    missing: set[int] = set()
    for gap in gaps:
        first, *last = (int(found) for found in re.findall(r"\d+", gap))
        missing |= set(range(first, (last[0] if last else first) + 1))
    assert not missing & numbers
    if gaps:
        assert missing | numbers == set(range(min(numbers), max(numbers) + 1))


@few
@given(st.lists(st.text("abcxyz123", min_size=3, max_size=6), min_size=2, max_size=8, unique=True))
def test_the_column_that_names_the_same_things_is_guessed(names: list[str]) -> None:
    one = Listing(("user", "department"), tuple((name, "IT") for name in names))
    other = Listing(("group", "login"), tuple(("staff", name.upper()) for name in names))
    assert guess_keys(one, other) == (("user", "login"),)
    loose = Settings(keys=(("user", "login"),), alike=frozenset({Alike.CASE}))
    assert not compare(one, other, loose).differences


@few
@given(st.text("aB0@ .-\u00df", max_size=12), st.sets(st.sampled_from(list(Alike))), st.booleans())
def test_what_is_made_alike_stays_as_it_is(text: str, rules: set[Alike], key: bool) -> None:
    once = alike(text, frozenset(rules), key=key)
    assert alike(once, frozenset(rules), key=key) == once


@few
@given(st.lists(codes, min_size=1, max_size=3))
def test_a_joined_frequency_has_its_parts(joined: list[str]) -> None:
    assert parts("+".join(joined)) == tuple(joined)
    with pytest.raises(ValueError, match="unknown frequency"):
        parts("+".join([*joined, "?"]))


@few
@given(st.lists(codes, max_size=5), days, st.integers(0, 400))
def test_the_control_that_promises_most_is_the_measure(frequencies: list[str], start: dt.date, length: int) -> None:
    end = start + dt.timedelta(days=length)
    best = promising([Control(frequency=one) for one in frequencies], start, end)
    promised = [len(cycles(one, start, end) or ()) for one in frequencies]
    assert len(cycles(best.frequency, start, end) or () if best else ()) == max(promised, default=0)
