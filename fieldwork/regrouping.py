"""Exceptions of one sheet merged where the cause is shared, or split where it is not; what stood before stays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from audit.trail import action, record
from engagements.roles import require
from fieldwork.deviations import check_words, held_exception, must_stand, new_exception
from fieldwork.models import Deviation, DeviationCell, ItemResult, Regrouping
from fieldwork.signing import void_if_changed

MERGED = action("exception.merged", "merged {code} into {into}: {reason}", firm_only=True)
SPLIT = action("exception.split", "split {new} off {code}: {reason}", firm_only=True)

_KEPT = ("code", "state", "title", "description", "cause", "type", "extent", "evaluation", "effect")


@transaction.atomic
def merge(deviation: Deviation, into: Deviation, *, reason: str, by: User) -> Deviation:
    """Put the cells of an exception into another of the same sheet, because they share their cause.

    The merged one stays on record with its words, evaluation and responses; the other is evaluated again. Raises
    PermissionDenied, WrongStage, ValidationError.
    """
    require(deviation.engagement, by, "evaluate_deviations")
    engagement, source = held_exception(deviation)
    _, target = held_exception(into)
    must_stand(source)
    must_stand(target)
    if source.pk == target.pk:
        raise ValidationError({"into": "Choose another exception."})
    if source.test_id != target.test_id:
        raise ValidationError({"into": f"{target} is of another sheet: the report shows each with its own test."})
    if source.released_at is not None and target.released_at is None:
        raise ValidationError({"into": f"The client knows {source}. Release {target} first."})
    cells = _cells(source)
    if not cells or not _cells(target):
        raise ValidationError({"into": "What did not happen at all and what deviates in items stay apart."})
    _check_reason(reason)
    before = [_standing(source), _standing(target)]
    DeviationCell.objects.filter(deviation=source).update(deviation=target)
    source.state, source.merged_into = Deviation.State.MERGED, target
    source.save(update_fields=["state", "merged_into"])
    reopen_exception(target)
    _keep(Regrouping.Kind.MERGED, source, target, cells, before, reason, by)
    record(
        MERGED,
        by=by,
        engagement=engagement,
        target=source,
        code=source.code,
        into=target.code,
        reason=reason.strip(),
        cells=[str(cell.pk) for cell in cells],
    )
    void_if_changed(target.test, reason=f"{source} was merged into {target}", by=by)
    return target


@transaction.atomic
def split(
    deviation: Deviation, cells: Iterable[ItemResult], *, title: str, description: str, reason: str, by: User
) -> Deviation:
    """Take some cells of an exception out into a new one, because their cause is another.

    Both are evaluated again. Raises PermissionDenied, WrongStage, ValidationError.
    """
    require(deviation.engagement, by, "evaluate_deviations")
    engagement, source = held_exception(deviation)
    must_stand(source)
    own = _cells(source)
    wanted = {cell.pk for cell in cells}
    moved = [cell for cell in own if cell.pk in wanted]
    if not moved or len(moved) != len(wanted):
        raise ValidationError({"cells": f"Choose items on which {source} rests."})
    if len(moved) == len(own):
        raise ValidationError({"cells": f"Leave at least one item to {source}."})
    _check_reason(reason)
    check_words(title, description)
    before = [_standing(source)]
    made = new_exception(source.test, title, description, by)
    DeviationCell.objects.filter(deviation=source, cell__in=moved).update(deviation=made)
    reopen_exception(source)
    _keep(Regrouping.Kind.SPLIT, source, made, moved, before, reason, by)
    record(
        SPLIT,
        by=by,
        engagement=engagement,
        target=source,
        code=source.code,
        new=made.code,
        reason=reason.strip(),
        cells=[str(cell.pk) for cell in moved],
    )
    void_if_changed(source.test, reason=f"{made} was split off {source}", by=by)
    return made


def reopen_exception(deviation: Deviation) -> bool:
    """What was evaluated on other figures is evaluated again; the words of the evaluation stay to begin with."""
    if deviation.state not in {Deviation.State.EVALUATED, Deviation.State.CONCLUDED}:
        return False
    deviation.state, deviation.concluded_by, deviation.concluded_at = Deviation.State.RAISED, None, None
    deviation.save(update_fields=["state", "concluded_by", "concluded_at"])
    return True


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise ValidationError({"reason": "Say what the cause has to do with it: the file keeps it."})


def _cells(deviation: Deviation) -> list[ItemResult]:
    return list(
        ItemResult.objects.filter(deviations=deviation)
        .select_related("item", "attribute")
        .order_by("item__position", "attribute__letter")
    )


def _standing(deviation: Deviation) -> dict[str, Any]:
    kept = {name: getattr(deviation, name) for name in _KEPT}
    kept["concluded_by"] = deviation.concluded_by.name if deviation.concluded_by else ""
    kept["failed_criteria"] = [link.criterion_id for link in deviation.failed_links.all()]
    kept["cells"] = [_name(cell) for cell in _cells(deviation)]
    return kept


def _name(cell: ItemResult) -> str:
    return f"{cell.item.label} {cell.attribute.letter}"


def _keep(
    kind: Regrouping.Kind,
    source: Deviation,
    target: Deviation,
    cells: list[ItemResult],
    before: list[dict[str, Any]],
    reason: str,
    by: User,
) -> None:
    Regrouping.objects.create(
        engagement=source.engagement,
        kind=kind,
        source=source,
        target=target,
        cells=[_name(cell) for cell in cells],
        before=before,
        reason=reason.strip(),
        by=by,
    )
