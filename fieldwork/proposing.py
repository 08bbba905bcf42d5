"""What the rules propose for an exception, from what the sheets say of it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from engagements.models import Commitment, Control, ControlCriterion, Engagement
from fieldwork.chain import Promise, Rung, Served, Step, chain
from fieldwork.evaluation import (
    Assessment,
    Compensating,
    Proposal,
    assess,
    criterion_effect,
    design_effect,
    gravest,
    same_period,
)
from fieldwork.models import (
    ControlTest,
    Deviation,
    EvidenceCitation,
    FailedCriterion,
    ItemResult,
    SheetItem,
    effect_words,
)
from fieldwork.occurring import operations

Outcome = ItemResult.Outcome
Result = ControlTest.Result


@dataclass(frozen=True)
class Proposed:
    """Figures and proposed effect; `unit` says what was counted."""

    assessment: Assessment
    proposal: Proposal
    unit: str
    design: bool = False

    @property
    def effect_label(self) -> str:
        return effect_words(self.proposal.effect.value, design=self.design)


def proposed(
    deviation: Deviation, *, kind: str = "", compensating_control: Control | None = None
) -> Proposed | None:
    """The proposal for an exception by its type and compensating control; None while it has no type.

    Of several that share a cause it is the gravest of theirs; the figures stay those of this one.
    """
    kind = kind or deviation.type
    if not kind:
        return None
    compensating = compensating_control or deviation.compensating_control
    offered = standings_of(deviation.engagement, [compensating.pk])[compensating.pk] if compensating else None
    own = _proposed_alone(deviation, kind, offered)
    others = (
        Deviation.objects.of_one_cause(deviation)
        .exclude(pk=deviation.pk)
        .select_related("control", "test__sample__population")
    )
    found = [(deviation, own)]
    for one in others:
        one.engagement = deviation.engagement
        found.append((one, _proposed_alone(one, kind, offered)))
    if len(found) == 1:
        return own
    return replace(own, proposal=gravest({f"{one} ({one.control})": each.proposal for one, each in found}))


def _proposed_alone(deviation: Deviation, kind: str, offered: Compensating | None) -> Proposed:
    assessment, unit, absent = _assessed(deviation)
    if deviation.of_design:
        return Proposed(assessment, design_effect(kind, compensating=offered), unit, design=True)
    return Proposed(assessment, criterion_effect(kind, assessment, compensating=offered, absent=absent), unit)


def _assessed(deviation: Deviation) -> tuple[Assessment, str, bool]:
    cells = ItemResult.objects.filter(deviations=deviation)
    attributes = set(cells.values_list("attribute_id", flat=True))
    if not attributes:
        return _absence(deviation)
    tested = (
        SheetItem.objects.filter(test=deviation.test, results__attribute__in=attributes)
        .exclude(results__in=ItemResult.objects.filter(outcome=Outcome.NOT_APPLICABLE, attribute__in=attributes))
        .distinct()
    )
    deviating = cells.values("item_id").distinct().count()
    count = max(tested.count(), deviating)
    sample = deviation.test.sample
    if sample is not None and sample.is_targeted:
        return assess(count, deviating, None, projected=False), "items chosen", False
    projected = sample is not None and not tested.filter(sample_item__isnull=True).exists()
    population = sample.population.row_count if sample is not None and projected else None
    return assess(count, deviating, population), "items tested", False


def _absence(deviation: Deviation) -> tuple[Assessment, str, bool]:
    """An occurrence that did not take place: counted among those that were due."""
    for operation in operations(deviation.engagement):
        if operation.control.pk == deviation.control_id and operation.due:
            due, missing = len(operation.due), max(len(operation.missing), 1)
            return assess(due, missing, due), "occurrences due", True
    return assess(1, 1, None), "occurrence due", True


@dataclass
class _Tests:
    """What was tested of a control, and of when that speaks."""

    results: set[str] = field(default_factory=set)
    spans: list[tuple[dt.date | None, dt.date | None]] = field(default_factory=list)


def standings_of(engagement: Engagement, controls: Collection[int]) -> dict[int, Compensating]:
    """What the examination says of controls that are offered as compensating; five queries for all of them."""
    found = _tests_of(engagement, controls)
    failing = (
        Deviation.objects.standing()
        .filter(control__in=controls)
        .exclude(state=Deviation.State.CONCLUDED, effect=Deviation.Effect.CONTROL_EFFECTIVE)
    )
    down = set(failing.values_list("control_id", flat=True))
    done = {Result.NO_EXCEPTIONS, Result.EXCEPTIONS}
    return {
        control.pk: Compensating(
            number=control.number,
            in_scope=control.removed_at is None and control.engagement_id == engagement.pk,
            tested=bool(found[control.pk].results & done),
            operating=bool(found[control.pk].results)
            and found[control.pk].results <= done
            and control.pk not in down,
            same_period=not engagement.is_type_2
            or same_period(found[control.pk].spans, engagement.starts_on, engagement.ends_on),
        )
        for control in Control.objects.filter(pk__in=controls)
    }


def _tests_of(engagement: Engagement, controls: Collection[int]) -> dict[int, _Tests]:
    tests = ControlTest.objects.filter(engagement=engagement, control__in=controls)
    if engagement.is_type_2:
        tests = tests.filter(phase=ControlTest.Phase.OPERATING)
    found: dict[int, _Tests] = defaultdict(_Tests)
    for control, result, first, last in tests.values_list(
        "control_id", "result", "sample__population__covers_from", "sample__population__covers_to"
    ):
        found[control].results.add(result)
        found[control].spans.append((first, last))
    cited = EvidenceCitation.objects.filter(test__in=tests, test__sample__isnull=True)
    for control, speaks_from, speaks_to in cited.values_list(
        "test__control_id", "file__speaks_from", "file__speaks_to"
    ):
        found[control].spans.append((speaks_from, speaks_to))
    return found


def failing_compensation(engagement: Engagement, deviations: Iterable[Deviation]) -> list[tuple[Deviation, str]]:
    """The exceptions that are said to be compensated by a control that does not (any more), and why not."""
    relying = [
        one
        for one in deviations
        if one.effect == Deviation.Effect.COMPENSATED and one.compensating_control_id is not None
    ]
    if not relying:
        return []
    standing = standings_of(engagement, {one.compensating_control_id or 0 for one in relying})
    found = []
    for one in relying:
        offered = standing[one.compensating_control_id or 0]
        if offered.lacks:
            found.append((one, refusal(offered)))
    return found


def refusal(offered: Compensating) -> str:
    """Why a control does not compensate, as one sentence."""
    return f"{offered.number} does not compensate: it {', it '.join(offered.lacks)}."


def chain_of(deviation: Deviation, *, effect: str = "", kind: str = "") -> tuple[Step, ...]:
    """The chain from the control up to the limb: as evaluated, else as the rules propose; empty before either."""
    concluded = effect or deviation.effect
    if not concluded:
        proposal = proposed(deviation, kind=kind)
        if proposal is None:
            return ()
        concluded = proposal.proposal.effect.value
    engagement = deviation.engagement
    promises = [
        Promise(pk, category)
        for pk, category in Commitment.objects.filter(engagement=engagement).values_list("pk", "category")
    ]
    group = [
        deviation,
        *Deviation.objects.of_one_cause(deviation).exclude(pk=deviation.pk).select_related("control"),
    ]
    served = _served(engagement, [one.control_id for one in group])
    named: set[str] = set()
    if deviation.effect == concluded:
        named = set(FailedCriterion.objects.filter(deviation__in=group).values_list("criterion_id", flat=True))
    return chain(
        concluded,
        control=" and ".join(sorted({one.control.number for one in group})),
        design=deviation.of_design,
        type_2=engagement.is_type_2,
        served=served,
        promises=promises,
        # What the control was mapped to when it was evaluated may be no longer.
        failed=[one.code for one in served if one.code in named],
    )


def _served(engagement: Engagement, controls: Collection[int]) -> list[Served]:
    """The criteria that the controls serve, each with the other controls that were found effective."""
    links = list(
        ControlCriterion.objects.filter(engagement=engagement, control__removed_at__isnull=True)
        .filter(criterion__in=ControlCriterion.objects.filter(control__in=controls).values("criterion"))
        .order_by("criterion__position", "control__number")
        .values_list("criterion_id", "criterion__category", "control_id", "control__number")
    )
    standing = standings_of(engagement, {control for _, _, control, _ in links})
    others: dict[str, list[str]] = defaultdict(list)
    categories: dict[str, str] = {}
    for code, category, control, number in links:
        categories[code] = category
        if control not in controls and not standing[control].lacks:
            others[code].append(number)
    return [Served(code, category, tuple(others[code])) for code, category in categories.items()]


def commitments_proposed(deviation: Deviation, *, effect: str = "") -> list[int]:
    """The keys of the commitments that the rules propose as touched."""
    return [
        int(key)
        for step in chain_of(deviation, effect=effect)
        if step.rung == Rung.COMMITMENT
        for key in step.touched
    ]
