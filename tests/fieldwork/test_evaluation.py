"""The rules propose an effect with reasons; softer conclusions are recognised as such."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldwork.evaluation import (
    Cause,
    Compensating,
    Effect,
    assess,
    criterion_effect,
    is_softer,
)
from fieldwork.models import Deviation

SOUND = Compensating("IAM-09", in_scope=True, tested=True, operating=True, same_period=True)


def test_words_are_those_of_the_model() -> None:
    assert list(Effect) == Deviation.Effect.values
    assert list(Cause) == Deviation.Type.values


# --- figures


def test_figures_of_a_large_population() -> None:
    found = assess(25, 1, None)
    assert (f"{found.rate:.1%}", f"{found.upper90:.1%}", f"{found.upper95:.1%}") == ("4.0%", "14.7%", "17.6%")
    assert found.exceeds_tolerable
    assert not found.note_below_ten


def test_known_population_narrows_the_limit_and_a_census_closes_it() -> None:
    assert assess(25, 1, 60).upper90 < assess(25, 1, 5_000).upper90 <= assess(25, 1, None).upper90 + 1 / 5_000
    census = assess(214, 3, 214)
    assert census.is_census
    assert census.upper90 == census.upper95 == census.rate == pytest.approx(3 / 214)


def test_tolerable_rate_and_confidence_are_the_firms() -> None:
    assert not assess(40, 1, None).exceeds_tolerable
    assert assess(40, 1, None, confidence=0.95).exceeds_tolerable
    assert assess(40, 1, None, tolerable=0.05).exceeds_tolerable


def test_below_ten_occurrences_rates_mean_little() -> None:
    assert "4 occurrences" in assess(4, 1, 4).note_below_ten
    assert "1 occurrence a rate" in assess(1, 1, 1).note_below_ten
    assert assess(5, 1, 52).note_below_ten == ""
    assert assess(9, 0, None).note_below_ten


@pytest.mark.parametrize("counts", [(0, 0, None), (5, 6, None), (5, 0, 4)])
def test_impossible_counts(counts: tuple[int, int, int | None]) -> None:
    with pytest.raises(ValueError):
        assess(*counts)


# --- calls published with an open method (CC BY), and what our rule says


@pytest.mark.parametrize(
    ("cause", "tested", "deviations", "population", "absent", "effect"),
    [
        ("isolated", 214, 3, 214, False, Effect.CONTROL_EFFECTIVE),
        ("systematic", 214, 40, 214, False, Effect.CRITERION_FAILED),
        ("isolated", 214, 40, 214, False, Effect.CRITERION_FAILED),
        ("isolated", 4, 1, 4, False, Effect.CONTROL_EFFECTIVE),
        ("isolated", 4, 1, 4, True, Effect.CRITERION_FAILED),
        ("isolated", 3, 0, 3, True, Effect.CRITERION_FAILED),
        ("isolated", 25, 0, None, False, Effect.CONTROL_EFFECTIVE),
        ("isolated", 40, 1, None, False, Effect.CONTROL_EFFECTIVE),
        ("isolated", 25, 1, None, False, Effect.CRITERION_FAILED),
        ("systematic", 60, 1, None, False, Effect.CRITERION_FAILED),
        ("intentional", 60, 1, None, False, Effect.CRITERION_FAILED),
    ],
)
def test_published_calls(
    cause: str, tested: int, deviations: int, population: int | None, absent: bool, effect: Effect
) -> None:
    assert criterion_effect(cause, assess(tested, deviations, population), absent=absent).effect == effect


def test_reasons_are_in_words_with_the_figures() -> None:
    proposal = criterion_effect("isolated", assess(25, 1, None))
    assert proposal.reasons[0] == (
        "1 of 25 deviate (4.0%); with 90% confidence the rate may be as high as 14.7%, more than the tolerable "
        "10.0%. A larger sample may show otherwise; the items found stay in it."
    )
    assert proposal.reasons[1:] == ("No compensating control is named.",)
    assert "at most 9.4%" in " ".join(criterion_effect("isolated", assess(40, 1, None)).reasons)
    assert "All items were tested" in criterion_effect("isolated", assess(100, 30, 100)).reasons[0]


@pytest.mark.parametrize("met", list(product([True, False], repeat=4)))
def test_compensating_control_must_meet_all_conditions(met: tuple[bool, bool, bool, bool]) -> None:
    offered = Compensating("IAM-09", *met)
    proposal = criterion_effect("systematic", assess(25, 3, None), compensating=offered)
    assert proposal.effect == (Effect.COMPENSATED if all(met) else Effect.CRITERION_FAILED)
    assert len(offered.lacks) == met.count(False)
    assert all(words in proposal.reasons[-1] for words in offered.lacks)


def test_intention_goes_to_the_partner_and_nothing_compensates() -> None:
    proposal = criterion_effect("intentional", assess(25, 1, None), compensating=SOUND)
    assert proposal.effect == Effect.CRITERION_FAILED
    assert proposal.escalate
    assert not criterion_effect("systematic", assess(25, 1, None)).escalate


@settings(max_examples=60, deadline=None)
@given(st.integers(10, 80), st.data(), st.sampled_from(list(Cause)), st.booleans())
def test_more_deviations_never_propose_a_milder_effect(
    tested: int, data: st.DataObject, cause: Cause, helped: bool
) -> None:
    few = data.draw(st.integers(0, tested - 1))
    more = data.draw(st.integers(few, tested))
    help_ = SOUND if helped else None
    mild, grave = (criterion_effect(cause, assess(tested, k, None), compensating=help_) for k in (few, more))
    assert not is_softer(grave.effect, mild.effect)
    assert not is_softer(criterion_effect(cause, assess(tested, more, None)).effect, grave.effect), (
        "without help it cannot be milder"
    )


def test_softer_needs_a_reason_harsher_never() -> None:
    order = [Effect.CONTROL_EFFECTIVE, Effect.COMPENSATED, Effect.CRITERION_FAILED]
    assert [[is_softer(a, b) for b in order] for a in order] == [
        [False, True, True],
        [False, False, True],
        [False, False, False],
    ]
    assert is_softer("control_effective", "compensated")
    with pytest.raises(ValueError):
        is_softer("fine", "compensated")


def test_unknown_cause_is_refused() -> None:
    with pytest.raises(ValueError):
        criterion_effect("bad luck", assess(25, 1, None))


def test_assessment_is_plain_data() -> None:
    assert replace(assess(25, 1, None), deviations=0).deviations == 0
