"""One act on many requests: in one transaction, and where a row refuses, why."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction

from accounts.models import User
from engagements.roles import permissions_of
from evidence import requests as flows
from evidence import urgent
from evidence.models import EvidenceRequest

State = EvidenceRequest.State


class Act(models.TextChoices):
    OPEN = "open", "opened"
    ASSIGN = "assign", "assigned"
    DUE = "due", "given the due date"
    PRIORITY = "priority", "given the priority"
    REVIEWER = "reviewer", "given to be looked at"
    ACCEPT = "accept", "accepted"
    RETURN = "return", "returned"
    CANCEL = "cancel", "cancelled"
    CLOSE = "close", "closed"
    REOPEN = "reopen", "reopened"


@dataclasses.dataclass
class Outcome:
    """What came of it: how many rows were changed, how many were so already, and the words of each refusal."""

    done: list[str] = dataclasses.field(default_factory=list)
    same: list[str] = dataclasses.field(default_factory=list)
    refused: dict[str, str] = dataclasses.field(default_factory=dict)


@transaction.atomic
def act_on(
    requests: Iterable[EvidenceRequest],
    act: Act,
    *,
    by: User,
    assigned_to: User | None = None,
    reviewer: User | None = None,
    due: dt.date | None = None,
    priority: str = "",
    reason: str = "",
) -> Outcome:
    """Do the act on every request that allows it. A row that does not stays as it is, and the outcome says why.

    All must belong to one engagement. Raises PermissionDenied and WrongStage where nothing at all may be done.
    """
    wanted = list(requests)
    if not wanted:
        return Outcome()
    engagement = wanted[0].engagement
    manages = "manage_requests" in permissions_of(by, engagement)
    if not manages and not (act == Act.ASSIGN and flows.may_assign(engagement, by)):
        raise PermissionDenied("Your role in this engagement does not allow this.")
    held = flows.held_all(wanted, by, "manage_requests", "upload_evidence")
    clients = flows.assignees(engagement) if act == Act.ASSIGN else []
    firms = flows.reviewers(engagement) if act == Act.REVIEWER else []
    acts: dict[Act, Callable[[EvidenceRequest], bool]] = {
        Act.OPEN: lambda one: _open(one, by),
        Act.ASSIGN: lambda one: flows.assign_held(one, to=assigned_to, by=by, known=clients),
        Act.DUE: lambda one: flows.due_held(one, due=due or one.due, by=by),
        Act.PRIORITY: lambda one: flows.priority_held(one, priority=priority, by=by),
        Act.REVIEWER: lambda one: flows.review_held(one, to=reviewer, by=by, known=firms),
        Act.ACCEPT: lambda one: flows.accept_held(one, by=by),
        Act.RETURN: lambda one: flows.return_held(one, reason=reason, by=by),
        Act.CANCEL: lambda one: flows.cancel_held(one, reason=reason, by=by),
        Act.CLOSE: lambda one: flows.close_held(one, by=by),
        Act.REOPEN: lambda one: flows.reopen_held(one, by=by),
    }
    outcome = Outcome()
    changed = []
    for one in held:
        if one.state == State.DRAFT and not manages:
            raise PermissionDenied("This request is not open yet.")
        try:
            # Each act looks before it writes: a refusal has changed nothing.
            (outcome.done if acts[act](one) else outcome.same).append(one.code)
        except ValidationError as error:
            outcome.refused[one.code] = " ".join(error.messages)
        else:
            changed.append(one)
    if act in {Act.OPEN, Act.RETURN}:
        urgent.tell([one for one in changed if one.code in set(outcome.done)], by=by)
    return outcome


def _open(request: EvidenceRequest, by: User) -> bool:
    if request.state in {State.CLOSED, State.CANCELLED}:
        raise ValidationError(f"{request.code} is {request.get_state_display().lower()} and cannot be opened.")
    return flows.open_held(request, by=by)
