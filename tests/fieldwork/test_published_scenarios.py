"""The eight deviation scenarios of an openly published method for Type 2 examinations, and what our functions say.

Source of the facts and calls: "How a Type II is tested", Chiaro, Y Assurance PLLC, CC BY 4.0. The facts are theirs,
the words here are ours. Two of the eight are no calls on an effect: an empty population (6) is neither pass nor
failure and never reaches the proposal, and a mismatch (8) stops the acceptance of the population. In one (7) our
call is another by default: they always test a complete population that can be had, while here the firm's approved
profile decides, and one that asks for all gives their call; drawing all is open to every auditor.
"""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from evidence.comparing import Kind, Settings, compare
from evidence.listings import Listing
from evidence.occurrences import missing_occurrences
from fieldwork import reference
from fieldwork.evaluation import Compensating, Effect, Marker, assess, criterion_effect, propose_cause
from fieldwork.sampling import propose_size, seed, select

START, END = date(2025, 10, 1), date(2026, 9, 30)
FAILS, HOLDS = Effect.CRITERION_FAILED, Effect.CONTROL_EFFECTIVE


@dataclass(frozen=True)
class Scenario:
    tested: int
    deviations: int
    called: Effect
    markers: tuple[Marker, ...] = ()
    absent: bool = False
    compensating: Compensating | None = None
    population: int | None = None


REVIEWED_ELSEWHERE = Compensating("IAM-09", in_scope=True, tested=True, operating=True, same_period=True)
SCENARIOS = {
    "1 three of 214 in one week, one author, the second reviewer away": Scenario(214, 3, HOLDS),
    "2 three of 214, spread, three authors, each explained": Scenario(214, 3, HOLDS),
    "3 forty of 214, every month, many authors": Scenario(214, 40, FAILS, (Marker.PERSISTENT,)),
    "3 by the rate alone": Scenario(214, 40, FAILS),
    "4 four quarterly reviews, one five days late": Scenario(4, 1, HOLDS),
    "5 four due, three performed": Scenario(4, 1, FAILS, absent=True),
    "5 and a tested review covered the same ground": Scenario(
        4, 1, Effect.COMPENSATED, absent=True, compensating=REVIEWED_ELSEWHERE
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_call_is_the_published_one(name: str) -> None:
    facts = SCENARIOS[name]
    cause = propose_cause(facts.markers).cause
    found = assess(facts.tested, facts.deviations, facts.tested)
    called = criterion_effect(cause, found, compensating=facts.compensating, absent=facts.absent)
    assert called.effect == facts.called, called.reasons


def test_repair_within_the_period_is_no_input() -> None:
    """3: what was remediated in the last quarter is told in the response and changes no figure."""
    taken = inspect.signature(criterion_effect).parameters
    assert list(taken) == ["cause", "assessment", "compensating", "absent"]
    assert list(inspect.signature(propose_cause).parameters) == ["markers", "intentional"]


def test_4_late_is_not_missing_and_5_a_quarter_without_one_is() -> None:
    ends = [date(2025, 12, 31), date(2026, 3, 31), date(2026, 6, 30), date(2026, 9, 30)]
    late = [ends[0], ends[1] + timedelta(days=5), *ends[2:]]
    assert missing_occurrences(late, "Q", START, END) == []
    assert len(missing_occurrences([ends[0], *ends[2:]], "Q", START, END)) == 1


def test_6_nothing_happened_is_neither_pass_nor_failure() -> None:
    profile = shipped("firm_default_proposal")
    found = propose_size(profile, "E", 0, "normal")
    assert found.size == 0
    assert "did not operate" in found.reason
    with pytest.raises(ValueError, match="nothing was tested"):
        assess(0, 0, 0)


def test_7_what_can_be_had_in_full_is_tested_in_full() -> None:
    assert propose_size({"event_population": [{"max": None, "n": "all"}]}, "E", 23, "normal").size == 23
    assert select(seed("E", "C", "0" * 64), 23, 23, method="census") == list(range(23))
    assert propose_size(shipped("firm_default_proposal"), "E", 23, "normal").size == 10, "the firm's policy decides"


def test_8_a_mismatch_is_a_difference_to_be_resolved() -> None:
    left = Listing(("person",), (("ana@x.example",), ("bo@x.example",), ("cy@x.example",)))
    disabled = Listing(("user",), (*left.rows, ("contractor@x.example",)))
    found = compare(left, disabled, Settings((("person", "user"),)))
    (difference,) = found.differences
    assert (difference.kind, difference.key, found.matched) == (Kind.ONLY_SECOND, "contractor@x.example", 3)


def shipped(code: str) -> dict[str, object]:
    profiles: dict[str, dict[str, object]] = json.loads(reference.DATA.read_text(encoding="utf-8"))
    return profiles[code]
