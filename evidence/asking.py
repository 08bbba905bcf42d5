"""Requests made from a list: the one that ships with the product, the firm's own, or an earlier engagement's."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import Firm, FirmMember, User
from audit.trail import action, record
from engagements.models import Control, Engagement, EngagementMember
from engagements.roles import roles_with
from evidence.correspondence import RequestList
from evidence.models import EvidenceRequest
from evidence.requests import Asked, assignees, make_all

WRITTEN = action("request_list.written", "wrote {target} of the firm's requests")
RETIRED = action("request_list.retired", "retired {target} of the firm's requests")

_SHIPPED = Path(__file__).parent / "data" / "requests.csv"
MOST = 400


@dataclasses.dataclass(frozen=True)
class Line:
    """One request of a list. `controls`: numbers as in the library; `covers`: "period", "end" or nothing."""

    title: str
    detail: str = ""
    controls: tuple[str, ...] = ()
    covers: str = ""
    priority: str = EvidenceRequest.Priority.NORMAL
    # Days after the day that is chosen as the first due date.
    after: int = 0
    owner: int | None = None

    def plain(self) -> dict[str, Any]:
        """As the firm's list keeps it; whom it was asked of belongs to an engagement."""
        return {
            "title": self.title,
            "detail": self.detail,
            "controls": list(self.controls),
            "covers": self.covers,
            "priority": self.priority,
            "after": self.after,
        }


COVERS = {"": "no dates", "period": "the period", "end": "its last day"}


def lines_of(kept: Iterable[dict[str, Any]]) -> list[Line]:
    return [Line(**{**one, "controls": tuple(one.get("controls", ()))}) for one in kept]


@cache
def shipped() -> tuple[Line, ...]:
    """The usual requests of a first examination, as they ship with the product."""
    with _SHIPPED.open(encoding="utf-8", newline="") as file:
        return tuple(
            Line(
                row["title"],
                row["detail"],
                tuple(row["controls"].split()),
                row["covers"],
                row["priority"],
                int(row["after"]),
            )
            for row in csv.DictReader(file)
        )


def earlier(engagement: Engagement, *, by: User) -> list[Engagement]:
    """Other engagements of this client whose requests the person manages or managed, the latest first."""
    mine = EngagementMember.objects.filter(user=by, role__in=roles_with("manage_requests"))
    found = Engagement.objects.filter(
        client=engagement.client_id, firm=engagement.firm_id, pk__in=mine.values("engagement_id")
    ).exclude(pk=engagement.pk)
    return sorted(found, key=lambda one: one.ends_on, reverse=True)


def lines_from(engagement: Engagement) -> list[Line]:
    """What was asked for in an engagement, without what was cancelled; with the wait between its due dates."""
    asked = list(
        EvidenceRequest.objects.filter(engagement=engagement)
        .exclude(state=EvidenceRequest.State.CANCELLED)
        .prefetch_related("controls")
    )
    first = min((one.due for one in asked), default=dt.date.min)
    return [
        Line(
            one.title,
            one.detail,
            tuple(control.number for control in one.controls.all()),
            _covers_word(one),
            one.priority,
            min((one.due - first).days, 365),
            one.assigned_to_id,
        )
        for one in asked
    ]


def _covers_word(request: EvidenceRequest) -> str:
    if request.covers_from is None:
        return ""
    return "end" if request.covers_from == request.covers_to else "period"


@transaction.atomic
def make_from_lines(
    engagement: Engagement,
    lines: Sequence[Line],
    *,
    due: dt.date,
    by: User,
    assigned_to: User | None = None,
) -> list[EvidenceRequest]:
    """Draft the requests of the lines, the first of them due on `due`.

    A line's controls are those in scope under its numbers; it is asked of whom it was asked before, else of the
    owner of its first control, else of `assigned_to`, each where that person can upload here.
    Raises PermissionDenied, WrongStage, ValidationError.
    """
    controls = {
        one.number.casefold(): one
        for one in Control.objects.in_scope().filter(engagement=engagement).select_related("owner")
    }
    able = {user.pk: user for user in assignees(engagement)}
    asked = []
    for line in lines:
        found = [controls[number.casefold()] for number in line.controls if number.casefold() in controls]
        owners = [line.owner, *(control.owner_id for control in found)]
        owner = next((able[pk] for pk in owners if pk in able), assigned_to)
        first, last = covered(engagement, line.covers)
        asked.append(
            Asked(
                line.title,
                due + dt.timedelta(days=line.after),
                line.detail,
                found,
                first,
                last,
                owner,
                priority=line.priority,
            )
        )
    return make_all(engagement, asked, by=by)


def covered(engagement: Engagement, covers: str) -> tuple[dt.date | None, dt.date | None]:
    """The days that a line's word means in this engagement."""
    if covers == "period":
        return engagement.starts_on, engagement.ends_on
    return (engagement.ends_on, engagement.ends_on) if covers == "end" else (None, None)


# -- The firm's lists -------------------------------------------------------------------------


@transaction.atomic
def write(
    firm: Firm, *, name: str, lines: Sequence[Line], by: User, replaces: RequestList | None = None
) -> RequestList:
    """Keep a list, or the next version of one. What it replaces stays to be looked at.

    Raises ValidationError: no name, a name taken, no lines, too many, or somebody wrote the next version meanwhile.
    """
    _must_belong(firm, by)
    Firm.objects.select_for_update().get(pk=firm.pk)
    name = " ".join(name.split())
    if not name:
        raise ValidationError({"name": "Give the list a name."})
    if not lines:
        raise ValidationError("A list has at least one request.")
    if len(lines) > MOST:
        raise ValidationError(f"{MOST} requests at most: this has {len(lines)}.")
    if any(not line.title.strip() for line in lines):
        raise ValidationError("Every request needs its few words.")
    if replaces is not None:
        replaces = RequestList.objects.select_for_update().get(pk=replaces.pk, firm=firm)
        if not replaces.current:
            raise ValidationError("Somebody has changed this list meanwhile. Load it again.")
        plain = [line.plain() for line in lines]
        if (replaces.name, replaces.lines) == (name, plain):
            return replaces
        RequestList.objects.filter(pk=replaces.pk).update(current=False)
    if RequestList.objects.filter(firm=firm, current=True, name__iexact=name).exists():
        raise ValidationError({"name": f"There is a list {name} already."})
    made = RequestList.objects.create(
        firm=firm,
        name=name,
        version=replaces.version + 1 if replaces else 1,
        replaces=replaces,
        lines=[line.plain() for line in lines],
        written_by=by,
    )
    record(WRITTEN, by=by, firm=firm, target=made, lines=len(lines))
    return made


@transaction.atomic
def retire(kept: RequestList, *, by: User) -> None:
    """Nobody is offered the list any more; its versions stay."""
    _must_belong(kept.firm, by)
    if RequestList.objects.filter(pk=kept.pk, current=True).update(current=False):
        record(RETIRED, by=by, firm=kept.firm, target=kept)


def _must_belong(firm: Firm, by: User) -> None:
    if not FirmMember.objects.filter(firm=firm, user=by).exists():
        raise ValidationError("Only people of the firm keep its lists.")
