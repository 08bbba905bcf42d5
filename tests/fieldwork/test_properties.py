"""What holds for every input of the pure functions: sizes, limits, seeds, expected occurrences, proposals."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evidence.occurrences import (
    cycles,
    expected_occurrences,
    longest_silence,
    missing_occurrences,
    unusual_silence,
)
from fieldwork import sampling, sizes
from fieldwork.evaluation import Cause, Effect, Proposal, assess, criterion_effect, gravest, is_softer
from fieldwork.statistics import (
    finite_upper_limit,
    finite_zero_deviation_size,
    upper_limit,
    zero_deviation_size,
)

few = settings(max_examples=50, deadline=None)
confidences, rates = st.sampled_from([0.8, 0.9, 0.95]), st.sampled_from([0.02, 0.05, 0.1, 0.2])
frequencies = st.sampled_from(["A", "SA", "Q", "M", "SM", "W", "D"])
days = st.dates(date(2024, 1, 1), date(2026, 12, 31))
lengths = st.integers(0, 400)
keys = st.text(st.characters(codec="utf-8", exclude_characters="|"), min_size=1, max_size=12)
hashes = st.text("0123456789abcdef", min_size=64, max_size=64)


# --- limits and sizes


@few
@given(confidences, rates)
def test_the_zero_size_is_the_smallest_that_carries_its_confidence(confidence: float, rate: float) -> None:
    size = zero_deviation_size(confidence, rate)
    assert upper_limit(size, 0, confidence) <= rate + 1e-9
    assert upper_limit(size - 1, 0, confidence) > rate


@few
@given(st.integers(1, 400), confidences, rates)
def test_the_finite_zero_size_is_never_larger_and_carries_its_confidence(
    population: int, confidence: float, rate: float
) -> None:
    size = finite_zero_deviation_size(population, confidence, rate)
    assert 1 <= size <= min(population, zero_deviation_size(confidence, rate))
    most = -(-population * round(rate * 100) // 100)
    assert finite_upper_limit(population, size, 0, confidence) < most
    if size > 1:
        assert finite_upper_limit(population, size - 1, 0, confidence) >= most


@few
@given(
    st.dictionaries(
        st.sampled_from(list(sizes.FREQUENCIES)),
        st.integers(1, 60) | st.lists(st.integers(1, 60), min_size=3, max_size=3),
        min_size=1,
    ),
    st.dictionaries(st.sampled_from(list(sizes.FREQUENCIES)), st.integers(1, 60), min_size=1),
)
def test_changes_of_a_profile_are_those_of_its_lines(before: dict[str, Any], after: dict[str, Any]) -> None:
    old, new = {"by_frequency": before}, {"by_frequency": after}
    assert sizes.changes(old, old) == []
    assert bool(sizes.changes(old, new)) == (sizes.lines(old) != sizes.lines(new))
    assert len(sizes.lines(old)) == len(before)


# --- seeds


@few
@given(keys, keys, hashes, keys)
def test_a_seed_follows_from_its_three_keys_and_from_nothing_else(one: str, two: str, sha: str, other: str) -> None:
    found = sampling.seed(one, two, sha)
    assert found == sampling.seed(one, two, sha)
    assert len(found) == 64
    assume(other != one)
    assert sampling.seed(other, two, sha) != found
    changed = f"{'0' if sha[0] != '0' else '1'}{sha[1:]}"
    assert sampling.seed(one, two, changed) != found
    for keyed in ((f"{one}|", two, sha), (one, "", sha), (one, two, sha[:-1])):
        with pytest.raises(ValueError):
            sampling.seed(*keyed)


# --- expected occurrences


@few
@given(frequencies, days, lengths)
def test_cycles_follow_each_other_within_the_period(frequency: str, start: date, length: int) -> None:
    end = start + timedelta(days=length)
    found = cycles(frequency, start, end)
    assert found is not None
    assert len(found) == expected_occurrences(frequency, start, end)
    assert all(start <= one.start <= one.end <= end for one in found)
    assert all(one.end < other.start for one, other in pairwise(found))


@few
@given(frequencies, days, lengths, st.data())
def test_each_occurrence_fills_one_cycle_at_most(
    frequency: str, start: date, length: int, data: st.DataObject
) -> None:
    end = start + timedelta(days=length)
    found = cycles(frequency, start, end) or []
    assert missing_occurrences([], frequency, start, end) == found
    assert missing_occurrences([one.end for one in found], frequency, start, end) == []
    happened = data.draw(st.lists(st.dates(start, end), max_size=8))
    missing = missing_occurrences(happened, frequency, start, end)
    assert len(found) - len(happened) <= len(missing) <= len(found)
    more = missing_occurrences([*happened, data.draw(st.dates(start, end))], frequency, start, end)
    assert len(missing) - 1 <= len(more) <= len(missing)


@few
@given(days, lengths, st.data())
def test_a_silence_holds_no_occurrence_and_none_is_longer(start: date, length: int, data: st.DataObject) -> None:
    end = start + timedelta(days=length)
    happened = data.draw(st.lists(st.dates(start, end), max_size=30))
    silence = longest_silence(happened, start, end)
    marks = sorted({start - timedelta(days=1), *happened, end + timedelta(days=1)})
    longest = max((later - earlier).days - 1 for earlier, later in pairwise(marks))
    assert (silence is None) == (longest <= 0)
    if silence is not None:
        assert (silence.end - silence.start).days + 1 == longest
        assert not [day for day in happened if silence.start <= day <= silence.end]
    assert unusual_silence(happened, start, end) in {None, silence}


# --- proposals


@few
@given(st.integers(1, 60), st.data(), st.sampled_from([None, 60, 500]))
def test_figures_hold_together(tested: int, data: st.DataObject, population: int | None) -> None:
    deviations = data.draw(st.integers(0, tested))
    found = assess(tested, deviations, population)
    # One in 57 of 60: that the others have none is likelier than the confidence asks, and 1/60 is less than 1/57.
    least = deviations / population if population else found.rate
    assert 0 <= least <= found.upper90 <= found.upper95 <= 1
    assert found.exceeds_tolerable == (found.limit > found.tolerable)
    if found.is_census:
        assert found.rate == found.upper95
    chosen = assess(tested, deviations, population, projected=False)
    assert (chosen.limit, chosen.exceeds_tolerable) == (chosen.rate, False)


@few
@given(st.integers(1, 60), st.data(), st.sampled_from(list(Cause)), st.booleans())
def test_every_proposal_has_reasons_and_absence_is_never_milder(
    tested: int, data: st.DataObject, cause: Cause, absent: bool
) -> None:
    found = assess(tested, data.draw(st.integers(0, tested)), None)
    proposal = criterion_effect(cause, found, absent=absent)
    assert proposal.reasons
    assert all(proposal.reasons)
    assert not is_softer(criterion_effect(cause, found, absent=True).effect, proposal.effect)
    order = {Cause.ISOLATED: 0, Cause.SYSTEMATIC: 1, Cause.INTENTIONAL: 2}
    for graver in Cause:
        if order[graver] >= order[cause]:
            assert not is_softer(criterion_effect(graver, found, absent=absent).effect, proposal.effect)


@few
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=6),
        st.builds(
            Proposal,
            st.sampled_from(list(Effect)),
            st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=3).map(tuple),
            st.booleans(),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_one_cause_is_as_grave_as_the_gravest_of_its_exceptions(proposals: dict[str, Proposal]) -> None:
    found = gravest(proposals)
    assert found.effect in {one.effect for one in proposals.values()}
    assert not any(is_softer(found.effect, one.effect) for one in proposals.values())
    assert found.escalate == any(one.escalate for one in proposals.values())
    assert len(found.reasons) == sum(len(one.reasons) for one in proposals.values() if one.effect is found.effect)


@few
@given(*[st.sampled_from(list(Effect))] * 3)
def test_softer_is_a_strict_order(one: Effect, two: Effect, three: Effect) -> None:
    assert is_softer(one, two) + is_softer(two, one) + (one == two) == 1
    if is_softer(one, two) and is_softer(two, three):
        assert is_softer(one, three)
