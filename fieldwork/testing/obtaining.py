"""Items whose evidence cannot be had: they deviate or limit the scope, and none is exchanged for another (R22)."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from audit.trail import action, record
from fieldwork.models import Attribute, EvidenceCitation, ItemResult, SheetItem
from fieldwork.testing.planning import held
from fieldwork.testing.recording import clear_result, record_many
from fieldwork.testing.sheetbook import Entry

UNOBTAINABLE = action("test.item_unobtainable", "marked {item} as unobtainable: {effect}", firm_only=True)

OBTAINED = action("test.item_obtained", "took back that {item} is unobtainable", firm_only=True)

Effect = SheetItem.Unobtainable
PLACE = "not obtained"


@transaction.atomic
def mark_unobtainable(
    item: SheetItem, *, reason: str, effect: str, citation: EvidenceCitation | None, by: User
) -> SheetItem:
    """Say that the evidence of an item cannot be had, and what follows.

    As a deviation all its empty cells deviate with the reason; as a limitation of the scope they are not
    applicable, and the report needs a matter. The citation is what shows that it was asked for. Raises as
    `record_result` does, and ValidationError without a reason or when every cell has a result.
    """
    test = held(item.test, by=by)
    item = SheetItem.objects.select_for_update().get(pk=item.pk)
    item.test = test
    if not reason.strip():
        raise ValidationError({"reason": "Say why it cannot be obtained, and what was tried."})
    if effect not in Effect.values:
        raise ValidationError({"effect": "It is a deviation, or it limits the scope."})
    done = set(ItemResult.objects.filter(item=item).values_list("attribute_id", flat=True))
    empty = [attribute for attribute in Attribute.objects.filter(test=test) if attribute.pk not in done]
    if not empty:
        raise ValidationError("Every cell of this item has a result: nothing of it was unobtainable.")
    outcome = ItemResult.Outcome.DEVIATION if effect == Effect.DEVIATION else ItemResult.Outcome.NOT_APPLICABLE
    record_many(
        test,
        [Entry(item, attribute, outcome, citation, place=PLACE, note=reason.strip()) for attribute in empty],
        by=by,
    )
    item.unobtainable, item.unobtainable_as = reason.strip(), effect
    item.save(update_fields=["unobtainable", "unobtainable_as"])
    record(
        UNOBTAINABLE,
        by=by,
        engagement=test.engagement,
        target=test,
        item=f"{test} item {item.position}",
        effect=Effect(effect).label.lower(),
        reason=item.unobtainable,
    )
    return item


@transaction.atomic
def obtained(item: SheetItem, *, by: User) -> SheetItem:
    """The evidence turned up: the mark is taken back and the cells it filled are empty again.

    Raises ValidationError when an exception rests on one of them (R33).
    """
    test = held(item.test, by=by)
    item = SheetItem.objects.select_for_update().get(pk=item.pk)
    item.test = test
    if not item.unobtainable:
        return item
    for cell in ItemResult.objects.filter(item=item, place=PLACE).select_related("attribute"):
        clear_result(item, cell.attribute, by=by)
    item.unobtainable, item.unobtainable_as = "", ""
    item.save(update_fields=["unobtainable", "unobtainable_as"])
    record(OBTAINED, by=by, engagement=test.engagement, target=test, item=f"{test} item {item.position}")
    return item
