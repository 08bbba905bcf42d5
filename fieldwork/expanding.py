"""Further items of a drawn sample, by the same seed: the first ones stay, and what was found in them stays too."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from accounts.models import User
from audit.trail import action, record
from engagements.roles import require
from engagements.workflow import locked, must_be
from evidence.models import Population
from fieldwork import sampling
from fieldwork.deviations import reopen_all
from fieldwork.drawing import TESTING, listing_of, put_items
from fieldwork.models import ControlTest, Deviation, ItemResult, Sample, SampleExpansion, SheetItem
from fieldwork.signing import must_be_unsigned
from fieldwork.testing.planning import reopen

EXPANDED = action(
    "sample.expanded", "drew {size} further items for {control} from {population}: {reason}", firm_only=True
)


@transaction.atomic
def expand(sample: Sample, *, size: int, reason: str, by: User) -> SampleExpansion:
    """Draw further items after a deviation was found (domain 3.6 no. 3) and put them on the sheets of the sample.

    They are those of the lowest rank by the sample's seed among the rows that were not drawn, so that nobody
    chooses them. The old items stay, none is exchanged (R22); exceptions of the sheets are evaluated again on the
    new figures. Raises PermissionDenied, WrongStage, ValidationError: nothing deviates, a signed sheet, a void or
    targeted sample, more items than are left.
    """
    engagement = locked(sample.engagement)
    require(engagement, by, "draw_samples")
    must_be(engagement, *TESTING)
    sample = (
        Sample.objects.select_for_update(of=("self",)).select_related("population", "control").get(pk=sample.pk)
    )
    if sample.is_targeted:
        raise ValidationError("The items were chosen, not drawn: choose further ones beside them.")
    if sample.voided_at is not None or sample.population.state != Population.State.ACCEPTED:
        raise ValidationError("The sample is void: draw from the new population.")
    tests = list(ControlTest.objects.filter(sample=sample).select_related("control"))
    if not ItemResult.objects.filter(
        item__test__in=tests, item__sample_item__sample=sample, outcome=ItemResult.Outcome.DEVIATION
    ).exists():
        raise ValidationError("Nothing in this sample deviates: there is nothing to expand it for.")
    if not reason.strip():
        raise ValidationError({"reason": "Say why: what makes it likely that the deviation is an anomaly."})
    left = sample.population.row_count - sample.total
    if not 1 <= size <= left:
        raise ValidationError(
            {"size": f"Between 1 and {left:,} further items can be drawn." if left else "All items are drawn."}
        )
    for test in tests:
        must_be_unsigned(test)
    made = _drawn(sample, size, reason.strip(), by)
    for test in tests:
        _put_on(test, made)
        reopen(test)
        for deviation in Deviation.objects.standing().filter(test=test):
            reopen_all(deviation)
    record(
        EXPANDED,
        by=by,
        engagement=engagement,
        target=sample,
        size=size,
        control=sample.control.number,
        population=str(sample.population),
        reason=reason.strip(),
        rows=list(made.items.values_list("row", flat=True)),
    )
    return made


def _drawn(sample: Sample, size: int, reason: str, by: User) -> SampleExpansion:
    listing = listing_of(sample.population)
    taken = set(sample.items.values_list("row", flat=True))
    rows = sampling.further(sample.seed, {row - 1 for row in taken}, size, len(listing.rows))
    last = SampleExpansion.objects.filter(sample=sample).aggregate(last=Max("number"))["last"] or 0
    made = SampleExpansion.objects.create(
        engagement=sample.engagement, sample=sample, number=last + 1, size=size, reason=reason, drawn_by=by
    )
    put_items(sample, listing, rows, after=len(taken), expansion=made)
    return made


def _put_on(test: ControlTest, made: SampleExpansion) -> None:
    last = SheetItem.objects.filter(test=test).aggregate(last=Max("position"))["last"] or 0
    SheetItem.objects.bulk_create(
        SheetItem(engagement=test.engagement, test=test, position=last + number, label=drawn.key, sample_item=drawn)
        for number, drawn in enumerate(made.items.order_by("position"), start=1)
    )
