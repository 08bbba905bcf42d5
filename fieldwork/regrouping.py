"""Exceptions grouped where the cause is shared, and split where it is not; what stood before stays on record.

Within one sheet they are merged: their cells move. Those of several sheets are joined: each keeps its control, test
and figures, and all are evaluated and concluded as one (`deviations.evaluate`, `deviations.conclude`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from audit.trail import action, record
from engagements.roles import require
from fieldwork.deviations import check_words, held_exception, must_stand, new_exception, reopen_all, step_out
from fieldwork.models import Deviation, DeviationCell, ItemResult, Regrouping
from fieldwork.signing import void_if_changed

MERGED = action("exception.merged", "merged {code} into {into}: {reason}", firm_only=True)
SPLIT = action("exception.split", "split {new} off {code}: {reason}", firm_only=True)
JOINED = action("exception.joined", "joined {code} to {into} by one cause: {reason}", firm_only=True)
PARTED = action("exception.parted", "parted {code} from {others}: {reason}", firm_only=True)

_KEPT = ("code", "state", "title", "description", "cause", "type", "extent", "evaluation", "effect")


@transaction.atomic
def merge(deviation: Deviation, into: Deviation, *, reason: str, by: User) -> Deviation:
    """Put the cells of an exception into another of the same sheet, because they share their cause.

    The merged one stays on record with its words, evaluation and responses; the other is evaluated again, and says
    what was found in both: the report prints it alone. Raises PermissionDenied, WrongStage, ValidationError.
    """
    engagement, source = held_exception(deviation)
    require(engagement, by, "evaluate_deviations")
    _, target = held_exception(into)
    must_stand(source)
    must_stand(target)
    if source.pk == target.pk:
        raise ValidationError({"into": "Choose another exception."})
    if source.test_id != target.test_id:
        raise ValidationError({"into": f"{target} is of another sheet: it is joined, not merged."})
    if source.cause_shared_with_id or source.sharing_its_cause.exists():
        raise ValidationError({"into": f"{source} shares its cause with others. Part it from them first."})
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
    target.description = _of_both(target.description, source.description)
    target.save(update_fields=["description"])
    reopen_all(target)
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
    engagement, source = held_exception(deviation)
    require(engagement, by, "evaluate_deviations")
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
    reopen_all(source)
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


@transaction.atomic
def join(deviation: Deviation, into: Deviation, *, reason: str, by: User) -> Deviation:
    """Let exceptions of several sheets share one cause: from now on they are evaluated and concluded as one.

    What either of them shares its cause with comes along. All are evaluated again. Raises PermissionDenied,
    WrongStage, ValidationError.
    """
    engagement, source = held_exception(deviation)
    require(engagement, by, "evaluate_deviations")
    _, target = held_exception(into)
    must_stand(source)
    must_stand(target)
    ours = list(Deviation.objects.of_one_cause(source))
    theirs = list(Deviation.objects.of_one_cause(target))
    if any(one.pk == target.pk for one in ours):
        raise ValidationError({"into": f"{source} and {target} share their cause already."})
    if source.test_id == target.test_id:
        raise ValidationError({"into": f"{target} is of the same sheet: merge them."})
    if source.of_design != target.of_design:
        raise ValidationError({"into": "One is of design, the other of operation: they touch other limbs."})
    _check_reason(reason)
    before = [_standing(source), _standing(target)]
    first, *others = sorted([*ours, *theirs], key=lambda one: one.pk)
    reopen_all(source)
    reopen_all(target)
    Deviation.objects.filter(pk=first.pk).update(cause_shared_with=None)
    Deviation.objects.filter(pk__in=[one.pk for one in others]).update(cause_shared_with=first)
    _keep(Regrouping.Kind.JOINED, source, target, [], before, reason, by)
    record(
        JOINED,
        by=by,
        engagement=engagement,
        target=source,
        code=source.code,
        into=target.code,
        reason=reason.strip(),
        all=[one.code for one in (first, *others)],
    )
    source.refresh_from_db()
    return source


@transaction.atomic
def part(deviation: Deviation, *, reason: str, by: User) -> Deviation:
    """Take an exception out of those with which it shared its cause; it and they are evaluated again.

    Raises PermissionDenied, WrongStage, ValidationError.
    """
    engagement, source = held_exception(deviation)
    require(engagement, by, "evaluate_deviations")
    must_stand(source)
    others = list(Deviation.objects.of_one_cause(source).exclude(pk=source.pk))
    if not others:
        raise ValidationError(f"{source} shares its cause with no other exception.")
    _check_reason(reason)
    before = [_standing(source), *(_standing(one) for one in others)]
    reopen_all(source)
    step_out(source)
    _keep(Regrouping.Kind.PARTED, source, others[0], [], before, reason, by)
    codes = ", ".join(one.code for one in others)
    record(
        PARTED, by=by, engagement=engagement, target=source, code=source.code, others=codes, reason=reason.strip()
    )
    source.refresh_from_db()
    return source


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


def _of_both(found: str, more: str) -> str:
    """What was found in one and the other, unless the one says it already."""
    return found if more.rstrip(".").casefold() in found.casefold() else f"{found} {more}"


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
