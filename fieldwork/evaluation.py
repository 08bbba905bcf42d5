"""What deviations mean: the rate and its limits, and the effect that the rules propose (domain 3.6).

Sources: the limits are those of `statistics` (Clopper and Pearson; hypergeometric); the markers of a systematic
cause, "late is not absent", the caution below ten occurrences and "softer needs a reason" follow an openly
published method for Type 2 examinations (Chiaro, Y Assurance PLLC, CC BY 4.0), in our own words and with our own
thresholds; what a compensating control must meet is professional practice as we know it.

Pure judgement support. It proposes, with reasons in words; people conclude. Harsher than proposed is always
allowed, softer needs a recorded reason. That a fault was repaired within the period is no input: repair never
erases a deviation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from fieldwork.statistics import finite_upper_limit, upper_limit

FEW = 10


class Cause(StrEnum):
    """The type of a deviation, by its root cause."""

    ISOLATED = "isolated"
    SYSTEMATIC = "systematic"
    INTENTIONAL = "intentional"


class Marker(StrEnum):
    """What shows that deviations are not single misses; any one is enough."""

    SAME_CAUSE = "same_cause"
    CONCENTRATED = "concentrated"
    PERSISTENT = "persistent"
    DESIGN = "design"


_MARKED = {
    Marker.SAME_CAUSE: "The same root cause came back.",
    Marker.CONCENTRATED: "The deviations concentrate so that they defeat the control's purpose.",
    Marker.PERSISTENT: "They went on through the period instead of being one bounded episode.",
    Marker.DESIGN: "As it is designed the control could not have caught them.",
}


class Effect(StrEnum):
    """Effect on the control and upwards, from mild to grave."""

    CONTROL_EFFECTIVE = "control_effective"
    COMPENSATED = "compensated"
    CRITERION_FAILED = "criterion_failed"


_SEVERITY = list(Effect)


@dataclass(frozen=True)
class Assessment:
    """The figures beside a deviation, as fractions; `limit` is the one compared with `tolerable`."""

    tested: int
    deviations: int
    population: int | None
    tolerable: float
    confidence: float
    rate: float
    upper90: float
    upper95: float
    limit: float
    exceeds_tolerable: bool
    note_below_ten: str
    projected: bool = True

    @property
    def is_census(self) -> bool:
        return self.population is not None and self.tested == self.population


@dataclass(frozen=True)
class Compensating:
    """A control offered as compensating, and what the examination says of it."""

    number: str
    in_scope: bool
    tested: bool
    operating: bool
    same_period: bool

    @property
    def lacks(self) -> list[str]:
        """What keeps it from compensating, in words; empty when nothing does."""
        conditions = (
            (self.in_scope, "is not in the description"),
            (self.tested, "was not tested"),
            (self.operating, "was not found to operate"),
            (self.same_period, "did not cover the same period"),
        )
        return [words for met, words in conditions if not met]


@dataclass(frozen=True)
class ProposedCause:
    """The proposed type of a deviation, and why."""

    cause: Cause
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Proposal:
    """The proposed effect, why, and whether the matter goes to the partner at once."""

    effect: Effect
    reasons: tuple[str, ...]
    escalate: bool = False


def assess(
    tested: int,
    deviations: int,
    population: int | None,
    tolerable: float = 0.10,
    confidence: float = 0.90,
    projected: bool = True,
) -> Assessment:
    """Rate and one-sided upper limits of the deviations found.

    With a known population the limits are exact for it (all items tested leave no doubt), without they are
    binomial. Items that the auditor chose are not `projected`: their rate is that of the chosen ones, no limit is
    computed, and it is compared with nothing. Raises ValueError for impossible counts or when nothing was tested.
    """
    if tested == 0:
        raise ValueError("nothing was tested")
    rate = deviations / tested
    limit = _limit(tested, deviations, population, confidence) if projected else rate
    occurrences = tested if population is None else population
    note = (
        f"With {occurrences} {'occurrence' if occurrences == 1 else 'occurrences'} a rate means little. Judge the "
        "facts: late or absent, bounded or recurring, and whether the miss defeats the control's purpose."
        if occurrences < FEW
        else ""
    )
    return Assessment(
        tested=tested,
        deviations=deviations,
        population=population,
        tolerable=tolerable,
        confidence=confidence,
        rate=rate,
        upper90=_limit(tested, deviations, population, 0.90) if projected else rate,
        upper95=_limit(tested, deviations, population, 0.95) if projected else rate,
        limit=limit,
        exceeds_tolerable=projected and limit > tolerable,
        note_below_ten=note,
        projected=projected,
    )


def propose_cause(markers: Iterable[Marker | str], *, intentional: bool = False) -> ProposedCause:
    """The type of deviations by what marks them: systematic with any marker, else isolated.

    Distance in time alone marks nothing: misses spread over the year, each with a cause of its own, are isolated.
    Intention outweighs everything. Raises ValueError for an unknown marker.
    """
    found = {Marker(one) for one in markers}
    reasons = tuple(words for marker, words in _MARKED.items() if marker in found)
    if intentional:
        return ProposedCause(Cause.INTENTIONAL, ("It was done on purpose.", *reasons))
    if reasons:
        return ProposedCause(Cause.SYSTEMATIC, reasons)
    return ProposedCause(
        Cause.ISOLATED,
        ("No marker of a systematic cause: each miss has its own cause, and the control otherwise operated.",),
    )


def same_period(spans: Iterable[tuple[date | None, date | None]], start: date, end: date) -> bool:
    """Whether what a control was tested on speaks of the period in which it is to compensate.

    `spans` are the first and last day that each piece of its evidence speaks of; an open side reaches as far as
    its other day. Undated pieces say nothing; only when every dated one lies outside of the period the control
    was tested for another one. Raises ValueError when the period ends before it starts.
    """
    if end < start:
        raise ValueError("the period ends before it starts")
    dated = [(first or last, last or first) for first, last in spans if first or last]
    return not dated or any(
        first is not None and last is not None and first <= end and last >= start for first, last in dated
    )


def criterion_effect(
    cause: Cause | str,
    assessment: Assessment,
    *,
    compensating: Compensating | None = None,
    absent: bool = False,
) -> Proposal:
    """The proposed effect of deviations of this cause on the control and the criteria it serves.

    `absent` says that an expected occurrence did not take place at all; late is not absent. Where the control
    is not shown to have operated, a compensating control can still carry the criterion if it is in the
    description, tested, operating and of the same period. Raises ValueError for an unknown cause.
    """
    cause = Cause(cause)
    if assessment.deviations == 0 and not absent:
        return Proposal(Effect.CONTROL_EFFECTIVE, ("No deviation was found.",))
    if cause is Cause.INTENTIONAL:
        reasons = [
            "The deviation was intentional. Whoever overrides one control may override another.",
            "No control compensates by itself.",
            "The partner is told at once; consider fraud, and other controls of the same people.",
        ]
        return Proposal(Effect.CRITERION_FAILED, tuple(reasons), escalate=True)
    failures = _failures(cause, assessment, absent)
    if not failures:
        return Proposal(Effect.CONTROL_EFFECTIVE, tuple(_passes(assessment)))
    effect, carried = _carried(compensating)
    return Proposal(effect, (*failures, *carried))


def design_effect(cause: Cause | str, *, compensating: Compensating | None = None) -> Proposal:
    """The proposed effect of a finding on design or implementation: the whole of a Type 1, a limb of a Type 2.

    No rate enters it: a control that cannot do what it is for, or is not in place, does not meet its criteria
    however often it is performed. Another control can carry them. Raises ValueError for an unknown cause.
    """
    cause = Cause(cause)
    if cause is Cause.INTENTIONAL:
        return criterion_effect(cause, assess(1, 1, None), compensating=compensating)
    reasons = ["The control is not suitably designed, or not in place, as far as the finding reaches."]
    if cause is Cause.ISOLATED:
        reasons.append("Design is looked at in few instances: that this one is isolated cannot be seen from it.")
    effect, carried = _carried(compensating)
    return Proposal(effect, (*reasons, *carried))


def gravest(proposals: Mapping[str, Proposal]) -> Proposal:
    """The proposal for exceptions that share one cause: they are one matter, as grave as the gravest of them.

    `proposals` are those of each, by what it is called. Raises ValueError without any.
    """
    if not proposals:
        raise ValueError("no proposal")
    worst = max((one.effect for one in proposals.values()), key=_SEVERITY.index)
    reasons = tuple(
        f"{name}: {reason}" for name, one in proposals.items() if one.effect is worst for reason in one.reasons
    )
    return Proposal(worst, reasons, escalate=any(one.escalate for one in proposals.values()))


def is_softer(concluded: Effect | str, proposed: Effect | str) -> bool:
    """Whether a conclusion is milder than the proposal and therefore needs a recorded reason.

    Raises ValueError for an unknown effect.
    """
    return _SEVERITY.index(Effect(concluded)) < _SEVERITY.index(Effect(proposed))


def _limit(tested: int, deviations: int, population: int | None, confidence: float) -> float:
    if population is None:
        return upper_limit(tested, deviations, confidence)
    return finite_upper_limit(population, tested, deviations, confidence) / population


def _failures(cause: Cause, found: Assessment, absent: bool) -> list[str]:
    """Why the control is not shown to have operated; empty when it is."""
    reasons = []
    if absent:
        reasons.append(
            "An expected occurrence did not take place. Absent is not late: the control did not operate then."
        )
    if cause is Cause.SYSTEMATIC:
        reasons.append("The cause is systematic: it would bring about the same deviation again.")
    if found.exceeds_tolerable and not found.note_below_ten:
        reasons.append(_excess(found))
    return reasons


def _excess(found: Assessment) -> str:
    seen = f"{found.deviations} of {found.tested} deviate ({found.rate:.1%})"
    if found.is_census:
        return f"{seen}, more than the tolerable {found.tolerable:.1%}. All items were tested."
    words = (
        f"{seen}; with {found.confidence:.0%} confidence the rate may be as high as {found.limit:.1%}, more than "
        f"the tolerable {found.tolerable:.1%}."
    )
    if found.rate <= found.tolerable:
        words += " A larger sample may show otherwise; the items found stay in it."
    return words


def _passes(found: Assessment) -> list[str]:
    reasons = ["The cause is isolated."]
    if not found.projected:
        chosen = (
            "The items were chosen by the auditor: their rate says nothing about the others, and nothing is "
            "projected. A drawn sample shows the rate."
        )
        return [*reasons, chosen, "The deviation is disclosed with its cause."]
    if found.note_below_ten:
        return [*reasons, found.note_below_ten, "The deviation is disclosed with its cause."]
    figures = (
        f"The rate is {found.rate:.1%}, all items tested"
        if found.is_census
        else f"With {found.confidence:.0%} confidence the rate is at most {found.limit:.1%}"
    )
    return [
        *reasons,
        f"{figures}; up to {found.tolerable:.1%} is tolerable.",
        "The deviation is disclosed with its cause.",
    ]


def _carried(compensating: Compensating | None) -> tuple[Effect, list[str]]:
    if compensating is None:
        return Effect.CRITERION_FAILED, ["No compensating control is named."]
    if lacks := compensating.lacks:
        return Effect.CRITERION_FAILED, [f"{compensating.number} does not compensate: it {', it '.join(lacks)}."]
    return Effect.COMPENSATED, [
        f"{compensating.number} is in the description, was tested and operated in the same period.",
        "Record why it is precise enough to have found what this control missed.",
    ]
