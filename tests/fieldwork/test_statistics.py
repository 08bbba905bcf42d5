"""The figures beside a sample equal the published ones to the printed digit."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldwork.statistics import (
    figures,
    finite_upper_limit,
    finite_zero_deviation_size,
    upper_limit,
    zero_deviation_size,
)

UPPER_LIMITS = [
    (5, "36.9%", "58.4%", "75.3%", "45.1%"),
    (15, "14.2%", "23.6%", "31.7%", "18.1%"),
    (25, "8.8%", "14.7%", "19.9%", "11.3%"),
    (40, "5.6%", "9.4%", "12.8%", "7.2%"),
    (60, "3.8%", "6.3%", "8.6%", "4.9%"),
]


def percent(rate: float) -> str:
    return f"{rate:.1%}"


@pytest.mark.parametrize(("tested", "none", "one", "two", "none_at_95"), UPPER_LIMITS)
def test_upper_limits_equal_the_table(tested: int, none: str, one: str, two: str, none_at_95: str) -> None:
    assert [percent(upper_limit(tested, k, 0.90)) for k in range(3)] == [none, one, two]
    assert percent(upper_limit(tested, 0, 0.95)) == none_at_95


def test_limit_without_deviation_has_a_closed_form() -> None:
    assert upper_limit(25, 0, 0.9) == pytest.approx(1 - 0.1 ** (1 / 25), rel=1e-12)


def test_nothing_tested_or_everything_deviating_leaves_the_limit_at_one() -> None:
    assert upper_limit(0, 0, 0.9) == 1.0
    assert upper_limit(7, 7, 0.9) == 1.0


def test_large_samples_neither_overflow_nor_lose_digits() -> None:
    # normal approximation with continuity correction, good to three digits at this size
    assert upper_limit(100_000, 1_000, 0.95) == pytest.approx(0.010535, abs=5e-6)
    assert upper_limit(100_000, 0, 0.9) == pytest.approx(1 - 0.1 ** (1 / 100_000), rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 80), st.data(), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_limit_solves_the_exact_binomial_equation(tested: int, data: st.DataObject, confidence: float) -> None:
    deviations = data.draw(st.integers(0, tested - 1))
    rate = Fraction(upper_limit(tested, deviations, confidence))
    chance = sum(comb(tested, i) * rate**i * (1 - rate) ** (tested - i) for i in range(deviations + 1))
    assert float(chance) == pytest.approx(1 - confidence, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 120), st.data())
def test_limit_grows_with_deviations_and_with_confidence(tested: int, data: st.DataObject) -> None:
    deviations = data.draw(st.integers(0, tested - 2))
    assert upper_limit(tested, deviations, 0.9) < upper_limit(tested, deviations + 1, 0.9)
    assert upper_limit(tested, deviations, 0.9) < upper_limit(tested, deviations, 0.95)
    assert upper_limit(tested, deviations, 0.9) > deviations / tested


@pytest.mark.parametrize(("confidence", "tolerable", "size"), [(0.90, 0.10, 22), (0.95, 0.05, 59)])
def test_zero_deviation_sizes_equal_the_published_ones(confidence: float, tolerable: float, size: int) -> None:
    assert zero_deviation_size(confidence, tolerable) == size
    assert upper_limit(size, 0, confidence) <= tolerable < upper_limit(size - 1, 0, confidence)


@pytest.mark.parametrize(
    ("population", "size"),
    [(12, 8), (24, 13), (52, 16), (100, 20), (250, 21), (500, 22), (5_000, 22), (0, 0), (1, 1)],
)
def test_finite_zero_deviation_sizes_equal_the_published_ones(population: int, size: int) -> None:
    assert finite_zero_deviation_size(population, 0.90, 0.10) == size


def test_census_leaves_no_doubt() -> None:
    assert finite_upper_limit(12, 12, 0, 0.9) == 0
    assert finite_upper_limit(12, 12, 2, 0.95) == 2


def test_finite_limit_by_counting_every_possible_sample() -> None:
    population, tested, found = 12, 5, 1
    consistent = [
        deviating
        for deviating in range(found, population - (tested - found) + 1)
        if Fraction(
            sum(comb(deviating, i) * comb(population - deviating, tested - i) for i in range(found + 1)),
            comb(population, tested),
        )
        > Fraction(1, 10)
    ]
    assert finite_upper_limit(population, tested, found, 0.9) == max(consistent)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 300), st.data())
def test_finite_limit_never_exceeds_the_binomial_one_by_an_item(population: int, data: st.DataObject) -> None:
    tested = data.draw(st.integers(1, population))
    deviations = data.draw(st.integers(0, tested))
    limit = finite_upper_limit(population, tested, deviations, 0.9)
    assert deviations <= limit <= population - (tested - deviations)
    assert limit <= upper_limit(tested, deviations, 0.9) * population + 1


def test_finite_limit_answers_for_a_large_listing() -> None:
    assert finite_upper_limit(100_000, 60, 0, 0.9) == pytest.approx(100_000 * upper_limit(60, 0, 0.9), rel=0.01)


@pytest.mark.parametrize(
    "call",
    [
        lambda: upper_limit(5, 6, 0.9),
        lambda: upper_limit(5, -1, 0.9),
        lambda: upper_limit(5, 0, 1.0),
        lambda: upper_limit(5, 0, 0),
        lambda: finite_upper_limit(4, 5, 0, 0.9),
        lambda: zero_deviation_size(0.9, 0),
        lambda: zero_deviation_size(0.9, 1),
        lambda: finite_zero_deviation_size(-1, 0.9, 0.1),
    ],
)
def test_impossible_figures_are_refused(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError):
        call()


def test_figures_beside_a_sample_are_those_of_the_functions() -> None:
    found = figures(250, 25, expected=1)
    assert [one.deviations for one in found] == [0, 1, 2, 3]
    assert [one.expected for one in found] == [False, True, False, False]
    assert [percent(one.upper_90) for one in found[:3]] == ["8.8%", "14.7%", "19.9%"]
    assert percent(found[0].upper_95) == "11.3%"
    assert found[0].at_most_90 == finite_upper_limit(250, 25, 0, 0.90)
    assert [one.deviations for one in figures(3, 2, most=9)] == [0, 1, 2]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.data())
def test_figures_grow_with_every_deviation(tested: int, data: st.DataObject) -> None:
    population = data.draw(st.integers(tested, 400))
    found = figures(population, tested, expected=data.draw(st.integers(0, tested)))
    assert all(one.upper_90 <= one.upper_95 and one.at_most_90 <= one.at_most_95 <= population for one in found)
    for one, more in pairwise(found):
        assert one.upper_95 < more.upper_95
        assert one.at_most_95 < more.at_most_95
