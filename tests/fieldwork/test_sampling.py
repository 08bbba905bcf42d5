"""Sizes follow the firm's profile, items follow the seed, and a missing occurrence is seen."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldwork import sampling
from fieldwork.sampling import (
    Cycle,
    expected_occurrences,
    longest_silence,
    missing_occurrences,
    occurrences_by_month,
    propose_size,
    select,
)

PROFILE: dict[str, Any] = {
    "by_frequency": {
        "annual": [1, 1, 1],
        "semiannual": [1, 2, 2],
        "quarterly": [2, 2, 4],
        "monthly": [2, 3, 5],
        "semimonthly": [3, 5, 8],
        "weekly": [5, 8, 15],
        "daily": [15, 25, 40],
        "multiple_daily": [25, 40, 60],
    },
    "event_population": [
        {"max": 4, "n": "all"},
        {"max": 10, "n": ["all", "all", "all"]},
        {"max": 25, "n": [5, 10, 15]},
        {"max": 50, "n": [8, 12, 20]},
        {"max": 250, "n": [15, 25, 30]},
        {"max": None, "n": [25, 40, 60]},
    ],
}
ONE_COLUMN: dict[str, Any] = {
    "by_frequency": {"annual": 1, "quarterly": 2, "daily": 25},
    "event_population": [{"max": 10, "n": "all"}, {"max": 50, "n": 8}],
}
SHA = hashlib.sha256(b"listing").hexdigest()
SEED = sampling.seed("ACME-2025", "CHG-01", SHA)
YEAR = (date(2025, 1, 1), date(2025, 12, 31))


# --- sizes


@pytest.mark.parametrize(
    ("frequency", "population", "sizes"),
    [
        ("A", 1, (1, 1, 1)),
        ("SA", 2, (1, 2, 2)),
        ("Q", 4, (2, 2, 4)),
        ("M", 12, (2, 3, 5)),
        ("SM", 24, (3, 5, 8)),
        ("W", 52, (5, 8, 15)),
        ("D", 261, (15, 25, 40)),
        ("MD", 2_000, (25, 40, 60)),
        ("E", 3, (3, 3, 3)),
        ("E", 10, (10, 10, 10)),
        ("E", 11, (5, 10, 11)),
        ("E", 15, (5, 10, 15)),
        ("E", 25, (5, 10, 15)),
        ("E", 26, (8, 12, 20)),
        ("E", 51, (15, 25, 30)),
        ("E", 250, (15, 25, 30)),
        ("E", 251, (25, 40, 60)),
        ("C", 6, (6, 6, 6)),
        ("E+A", 80, (15, 25, 30)),
    ],
)
def test_sizes_equal_the_proposed_profile(frequency: str, population: int, sizes: tuple[int, int, int]) -> None:
    assert (
        tuple(propose_size(PROFILE, frequency, population, risk).size for risk in ("low", "normal", "high"))
        == sizes
    )


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["A", "SA", "Q", "M", "SM", "W", "D", "MD", "E", "C", "E+A"]), st.integers(0, 3_000))
def test_never_more_than_there_are_and_never_fewer_at_higher_risk(frequency: str, population: int) -> None:
    low, normal, high = (propose_size(PROFILE, frequency, population, r).size for r in ("low", "normal", "high"))
    assert (0 if population == 0 else 1) <= low <= normal <= high <= population


def test_reason_says_in_words_where_the_size_comes_from() -> None:
    assert propose_size(PROFILE, "D", 250, "normal").reason == (
        "Profile for a daily control at normal risk: 25. That is 25 of 250 items."
    )
    assert propose_size(PROFILE, "A", 1, "low").reason.endswith("That is the only item.")
    assert "That is all 3 items." in propose_size(PROFILE, "M", 3, "high").reason
    assert "start" in propose_size(PROFILE, "C", 2, "high").reason


def test_deviation_in_the_prior_period_moves_one_column() -> None:
    proposal = propose_size(PROFILE, "W", 52, "normal", prior_deviation=True)
    assert proposal.size == 15
    assert "deviation in the prior period" in proposal.reason
    assert propose_size(PROFILE, "W", 52, "high", prior_deviation=True).size == 15


def test_profile_with_a_single_column() -> None:
    assert propose_size(ONE_COLUMN, "D", 300, "high").size == 25
    assert propose_size(ONE_COLUMN, "E", 9, "low").size == 9
    assert propose_size(ONE_COLUMN, "E", 30, "low").size == 8


def test_empty_population_is_recorded_not_sampled() -> None:
    proposal = propose_size(PROFILE, "E", 0, "normal")
    assert proposal.size == 0
    assert "did not operate" in proposal.reason


def test_profile_without_a_size_is_refused_in_words() -> None:
    with pytest.raises(ValidationError, match="no size for semi-monthly controls"):
        propose_size(ONE_COLUMN, "SM", 24, "normal")
    with pytest.raises(ValidationError, match="no size for a population of 51 events"):
        propose_size(ONE_COLUMN, "E", 51, "normal")
    with pytest.raises(ValueError, match="unknown frequency"):
        propose_size(PROFILE, "X", 51, "normal")


# --- selection


def test_seed_is_the_published_recipe() -> None:
    recipe = f"ACME-2025|CHG-01|{SHA}"
    assert hashlib.sha256(recipe.encode()).hexdigest() == SEED


@pytest.mark.parametrize("keys", [("", "CHG-01", SHA), ("a|b", "c", SHA), ("a", "c", "x"), ("a", "c", SHA.upper())])
def test_ambiguous_seed_is_refused(keys: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match=r"seed|SHA-256"):
        sampling.seed(*keys)


def test_one_changed_byte_draws_other_items() -> None:
    other = sampling.seed("ACME-2025", "CHG-01", hashlib.sha256(b"listinh").hexdigest())
    assert select(SEED, 25, 1_000) != select(other, 25, 1_000)


def test_random_takes_the_lowest_ranks_and_a_larger_sample_keeps_the_smaller() -> None:
    ranks = sorted(range(400), key=lambda i: hashlib.sha256(f"{SEED}|{i}".encode()).hexdigest())
    assert select(SEED, 25, 400) == sorted(ranks[:25])
    assert set(select(SEED, 25, 400)) < set(select(SEED, 50, 400))


def test_known_draw_never_changes() -> None:
    """A sample of a past engagement must come out the same in every later version of the product."""
    assert SEED == "81588b54382a3fe7b413f48ff051e64962ed63cfdcf36fda436d9fc379cb740d"
    assert select(SEED, 5, 100) == [39, 45, 58, 62, 78]
    days = [date(2025, 1, 1) + timedelta(days=3 * i) for i in range(100)]
    assert select(SEED, 5, 100, dates=days, method="stratified") == [9, 39, 58, 78, 86]
    assert select(SEED, 5, 100, method="systematic") == [18, 38, 58, 78, 98]


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 400),
    st.data(),
    st.sampled_from(["random", "stratified", "systematic"]),
)
def test_every_method_draws_distinct_items_of_the_population_again_and_again(
    population: int, data: st.DataObject, method: Any
) -> None:
    size = data.draw(st.integers(0, population))
    days = [date(2025, 1, 1) + timedelta(days=(i * 7) % 365) if i % 11 else None for i in range(population)]
    drawn = select(SEED, size, population, dates=days, method=method)
    assert drawn == select(SEED, size, population, dates=days, method=method)
    assert len(drawn) == len(set(drawn)) == size
    assert drawn == sorted(drawn)
    assert all(0 <= index < population for index in drawn)


def test_stratified_spans_the_period_whatever_the_order_of_the_listing() -> None:
    days = [date(2025, 1 + i % 12, 1 + i % 28) for i in range(240)]
    drawn = select(SEED, 12, 240, dates=days, method="stratified")
    assert sorted(days[i].month for i in drawn) == list(range(1, 13))


def test_undated_rows_keep_their_chance() -> None:
    days: list[date | None] = [date(2025, 1, 1)] * 10 + [None] * 10
    drawn = select(SEED, 2, 20, dates=days, method="stratified")
    assert drawn[0] < 10 <= drawn[1]


def test_census_and_its_refusals() -> None:
    assert select(SEED, 7, 7, method="census") == list(range(7))
    with pytest.raises(ValueError, match="census"):
        select(SEED, 6, 7, method="census")
    with pytest.raises(ValueError, match="8 items of a population of 7"):
        select(SEED, 8, 7)
    with pytest.raises(ValueError, match="date"):
        select(SEED, 2, 7, method="stratified")
    with pytest.raises(ValueError, match="date"):
        select(SEED, 2, 7, dates=[None] * 6, method="stratified")


# --- occurrences


@pytest.mark.parametrize(
    ("frequency", "expected"),
    [("A", 1), ("SA", 2), ("Q", 4), ("M", 12), ("SM", 24), ("W", 52), ("D", 261), ("E+A", 1)]
    + [(code, None) for code in ("MD", "E", "C")],
)
def test_a_year_holds_what_the_frequency_says(frequency: str, expected: int | None) -> None:
    assert expected_occurrences(frequency, *YEAR) == expected


@pytest.mark.parametrize(
    ("frequency", "start", "end", "expected"),
    [
        ("Q", date(2025, 1, 1), date(2025, 6, 30), 2),
        ("Q", date(2025, 10, 1), date(2026, 9, 30), 4),
        ("Q", date(2025, 1, 15), date(2025, 7, 14), 2),
        ("Q", date(2025, 1, 15), date(2025, 7, 13), 1),
        ("A", date(2025, 1, 1), date(2025, 6, 30), 0),
        ("M", date(2024, 8, 31), date(2025, 2, 27), 6),
        ("SM", date(2025, 1, 1), date(2025, 1, 20), 1),
        ("W", date(2025, 1, 1), date(2025, 1, 13), 1),
        ("D", date(2025, 1, 4), date(2025, 1, 5), 0),
    ],
)
def test_shorter_periods_hold_the_complete_cycles(frequency: str, start: date, end: date, expected: int) -> None:
    assert expected_occurrences(frequency, start, end) == expected


def test_daily_at_weekends_too_when_asked() -> None:
    assert expected_occurrences("D", *YEAR, every_day=True) == 365


def test_three_of_four_quarters_is_a_missing_operation() -> None:
    reviews = [date(2025, 1, 20), date(2025, 4, 20), date(2025, 10, 20)]
    assert missing_occurrences(reviews, "Q", *YEAR) == [Cycle(date(2025, 7, 1), date(2025, 9, 30))]


def test_late_is_not_absent() -> None:
    reviews = [date(2025, 3, 28), date(2025, 7, 5), date(2025, 9, 30), date(2025, 12, 20)]
    assert missing_occurrences(reviews, "Q", *YEAR) == []


def test_nothing_is_missing_where_nothing_was_promised() -> None:
    assert missing_occurrences([], "E", *YEAR) == []
    assert missing_occurrences([], "MD", *YEAR) == []


def test_months_of_the_picture() -> None:
    months = occurrences_by_month([date(2025, 2, 3), date(2025, 2, 4), date(2024, 2, 4)], "Q", *YEAR)
    assert [m.start.month for m in months] == list(range(1, 13))
    assert [m.expected for m in months] == [0, 0, 1] * 4
    assert [m.found for m in months] == [0, 2] + [0] * 10
    events = occurrences_by_month([], "E", date(2025, 1, 15), date(2025, 3, 2))
    assert [(m.start, m.expected) for m in events] == [
        (date(2025, 1, 15), None),
        (date(2025, 2, 1), None),
        (date(2025, 3, 1), None),
    ]


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["A", "SA", "Q", "M", "SM", "W", "D", "E+A"]),
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.integers(0, 500),
)
def test_months_add_up_to_the_expected_total(frequency: str, start: date, length: int) -> None:
    end = start + timedelta(days=length)
    months = occurrences_by_month([], frequency, start, end)
    assert sum(m.expected or 0 for m in months) == expected_occurrences(frequency, start, end)


def test_longest_silence() -> None:
    start, end = date(2025, 1, 1), date(2025, 1, 31)
    assert longest_silence([date(2025, 1, 2), date(2025, 1, 20)], start, end) == Cycle(
        date(2025, 1, 3), date(2025, 1, 19)
    )
    assert longest_silence([], start, end) == Cycle(start, end)
    assert longest_silence([start + timedelta(days=i) for i in range(31)], start, end) is None


def test_period_must_not_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match="before it starts"):
        expected_occurrences("M", date(2025, 2, 1), date(2025, 1, 1))
