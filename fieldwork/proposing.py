"""What the rules propose for an exception, from what the sheets say of it."""

from __future__ import annotations

from dataclasses import dataclass

from engagements.models import Control
from fieldwork.evaluation import Assessment, Compensating, Proposal, assess, criterion_effect
from fieldwork.models import ControlTest, Deviation, ItemResult, SheetItem
from fieldwork.occurring import operations

Outcome = ItemResult.Outcome
Result = ControlTest.Result


@dataclass(frozen=True)
class Proposed:
    """Figures and proposed effect; `unit` says what was counted."""

    assessment: Assessment
    proposal: Proposal
    unit: str

    @property
    def effect_label(self) -> str:
        return str(Deviation.Effect(self.proposal.effect.value).label)


def proposed(
    deviation: Deviation, *, kind: str = "", compensating_control: Control | None = None
) -> Proposed | None:
    """The proposal for an exception by its type and compensating control; None while it has no type."""
    kind = kind or deviation.type
    if not kind:
        return None
    compensating = compensating_control or deviation.compensating_control
    assessment, unit, absent = _assessed(deviation)
    return Proposed(
        assessment,
        criterion_effect(
            kind, assessment, compensating=_standing_of(compensating) if compensating else None, absent=absent
        ),
        unit,
    )


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


def _standing_of(control: Control) -> Compensating:
    """What the examination says of a control that is offered as compensating."""
    tests = ControlTest.objects.filter(control=control)
    if control.engagement.is_type_2:
        tests = tests.filter(phase=ControlTest.Phase.OPERATING)
    results = set(tests.values_list("result", flat=True))
    failing = Deviation.objects.filter(control=control).exclude(state=Deviation.State.NOT_A_DEVIATION)
    failing = failing.exclude(state=Deviation.State.CONCLUDED, effect=Deviation.Effect.CONTROL_EFFECTIVE)
    return Compensating(
        number=control.number,
        in_scope=control.removed_at is None,
        tested=bool(results & {Result.NO_EXCEPTIONS, Result.EXCEPTIONS}),
        operating=bool(results) and results <= {Result.NO_EXCEPTIONS, Result.EXCEPTIONS} and not failing.exists(),
        same_period=True,
    )
