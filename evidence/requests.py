"""The request list: asking the client for evidence, handing in, accepting and returning."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.trail import action, record
from engagements.models import FIRM_ROLES, Control, Engagement, EngagementMember, Role
from engagements.roles import permissions_of, require
from engagements.workflow import WORKING, WrongStage, locked, must_be
from evidence.codes import next_code
from evidence.models import OWN_ONLY, EvidenceFile, EvidenceRequest, FileCheck, RequestControl

# A draft is the firm's alone: the client learns of a request when it is opened.
DRAFTED = action("request.drafted", "drafted the request {target}", firm_only=True)
DRAFT_CHANGED = action("request.draft_changed", "changed {part} of the draft {target}", firm_only=True)
OPENED = action("request.opened", "asked for {target}")
ASSIGNED = action("request.assigned", "assigned {target} to {to}")
DUE_CHANGED = action("request.due_changed", "moved the due date of {target} from {old} to {new}")
CHANGED = action("request.changed", "reworded the request {target}")
SUBMITTED = action("request.submitted", "submitted {target}")
ACCEPTED = action("request.accepted", "accepted {target}")
RETURNED = action("request.returned", "returned {target}: {reason}")

State = EvidenceRequest.State


@transaction.atomic
def make(
    engagement: Engagement,
    *,
    title: str,
    due: dt.date,
    by: User,
    detail: str = "",
    controls: Iterable[Control] = (),
    assigned_to: User | None = None,
    priority: str = EvidenceRequest.Priority.NORMAL,
) -> EvidenceRequest:
    """Draft one request; the client sees it when it is opened.

    Raises PermissionDenied, WrongStage, ValidationError (no title, a control of another engagement, an assignee
    who cannot upload here).
    """
    require(engagement, by, "manage_requests")
    engagement = locked(engagement)
    must_be(engagement, *WORKING)
    return _make(engagement, title, detail, list(controls), assigned_to, due, priority, by)


@transaction.atomic
def make_from_controls(
    engagement: Engagement,
    *,
    controls: Iterable[Control],
    due: dt.date,
    by: User,
    assigned_to: User | None = None,
    group: bool = True,
    again: bool = False,
) -> list[EvidenceRequest]:
    """Draft requests for the evidence that the controls usually leave.

    One per control; with `group`, controls with the same evidence and assignee share one. They are assigned to
    the control's owner where that person can upload here, else to `assigned_to`. Controls that have a request
    already are left out unless `again`, so that asking twice makes nothing twice. Returns what was made.
    """
    require(engagement, by, "manage_requests")
    engagement = locked(engagement)
    must_be(engagement, *WORKING)
    wanted = list(controls)
    if not again:
        having = set(RequestControl.objects.filter(control__in=wanted).values_list("control_id", flat=True))
        wanted = [control for control in wanted if control.pk not in having]
    able = {user.pk for user in assignees(engagement)}
    bundles: dict[tuple[object, ...], list[Control]] = {}
    for control in wanted:
        owner = control.owner_id if control.owner_id in able else None
        evidence = " ".join(control.typical_evidence.split()).rstrip(".")
        key = (evidence.casefold(), owner) if group and evidence else (control.pk, owner)
        bundles.setdefault(key, []).append(control)
    return [
        _make(
            engagement,
            *_words_for(engagement, bundle),
            bundle,
            bundle[0].owner if bundle[0].owner_id in able else assigned_to,
            due,
            EvidenceRequest.Priority.NORMAL,
            by,
        )
        for bundle in bundles.values()
    ]


def _words_for(engagement: Engagement, controls: list[Control]) -> tuple[str, str]:
    """Title and detail of a request for the usual evidence of controls that share it."""
    first = controls[0]
    evidence = " ".join(first.typical_evidence.split()).rstrip(".")
    title = first.title if len(controls) == 1 or not evidence else evidence
    lines = [f"Please provide: {evidence}." if evidence else "Please provide what shows that the control operates."]
    if len(controls) > 1:
        lines += ["", "It serves several controls:", *(f"- {one.number} {one.title}" for one in controls)]
    span = engagement.span_label
    lines += ["", f"For the period {span}." if engagement.is_type_2 else f"State {span}."]
    return title[:200], "\n".join(lines)


def _make(
    engagement: Engagement,
    title: str,
    detail: str,
    controls: list[Control],
    assigned_to: User | None,
    due: dt.date,
    priority: str,
    by: User,
) -> EvidenceRequest:
    if not title.strip():
        raise ValidationError({"title": "Say in a few words what you ask for."})
    strangers = [control for control in controls if control.engagement_id != engagement.pk]
    if strangers:
        raise ValidationError({"controls": "A control of another engagement cannot be asked about here."})
    _check_assignee(engagement, assigned_to)
    made = EvidenceRequest(
        engagement=engagement,
        code=next_code(EvidenceRequest.objects.filter(engagement=engagement), "REQ"),
        title=title.strip(),
        detail=detail.strip(),
        assigned_to=assigned_to,
        due=due,
        priority=priority,
        created_by=by,
    )
    made.full_clean(exclude=["engagement", "created_by", "assigned_to"], validate_constraints=False)
    made.save()
    RequestControl.objects.bulk_create(
        RequestControl(engagement=engagement, request=made, control=control) for control in controls
    )
    record(DRAFTED, by=by, engagement=engagement, target=made, controls=[one.number for one in controls])
    return made


def assignees(engagement: Engagement) -> list[User]:
    """The client's people who can answer requests here, by name."""
    members = (
        EngagementMember.objects.filter(engagement=engagement, user__is_active=True)
        .exclude(role__in=FIRM_ROLES)
        .select_related("user")
    )
    return sorted((member.user for member in members), key=lambda user: user.name)


def _check_assignee(engagement: Engagement, user: User | None) -> None:
    if user is not None and user not in assignees(engagement):
        raise ValidationError(
            {"assigned_to": f"{user} is not in the client's team of this engagement. Add the person there first."}
        )


@transaction.atomic
def reword(
    request: EvidenceRequest, *, title: str, detail: str, controls: Iterable[Control], priority: str, by: User
) -> EvidenceRequest:
    """Change what is asked for, until it is accepted. Raises PermissionDenied, WrongStage, ValidationError."""
    require(request.engagement, by, "manage_requests")
    request = _held(request)
    _must_be_in(request, State.DRAFT, State.OPEN, State.RETURNED, State.SUBMITTED, act="reworded")
    wanted = list(controls)
    if not title.strip():
        raise ValidationError({"title": "Say in a few words what you ask for."})
    if any(control.engagement_id != request.engagement_id for control in wanted):
        raise ValidationError({"controls": "A control of another engagement cannot be asked about here."})
    request.title, request.detail, request.priority = title.strip(), detail.strip(), priority
    request.full_clean(exclude=["engagement", "created_by", "assigned_to"], validate_constraints=False)
    request.save(update_fields=["title", "detail", "priority"])
    request.control_links.exclude(control__in=wanted).delete()
    RequestControl.objects.bulk_create(
        (RequestControl(engagement=request.engagement, request=request, control=one) for one in wanted),
        ignore_conflicts=True,
    )
    if request.state == State.DRAFT:
        record(DRAFT_CHANGED, by=by, engagement=request.engagement, target=request, part="the words")
    else:
        record(CHANGED, by=by, engagement=request.engagement, target=request)
    return request


@transaction.atomic
def open_requests(requests: Iterable[EvidenceRequest], *, by: User) -> list[EvidenceRequest]:
    """Show drafts to the client. Requests that are open already stay as they are; returns those that were opened.

    All must belong to one engagement. Raises PermissionDenied, WrongStage, ValidationError.
    """
    opened = []
    for request in _held_all(requests, by):
        if request.state == State.DRAFT:
            request.state = State.OPEN
            request.save(update_fields=["state"])
            record(OPENED, by=by, engagement=request.engagement, target=request, title=request.title)
            opened.append(request)
    return opened


@transaction.atomic
def assign(request: EvidenceRequest, *, to: User | None, by: User) -> EvidenceRequest:
    """Name the person of the client's side who answers; None takes the name away.

    The firm assigns, and the client's administrator may hand a request on within the client.
    Raises PermissionDenied, WrongStage, ValidationError.
    """
    if not may_assign(request.engagement, by):
        raise PermissionDenied("Only the firm and the client's administrator assign requests.")
    request = _held(request)
    _must_be_in(request, State.DRAFT, State.OPEN, State.RETURNED, State.SUBMITTED, act="assigned")
    if request.state == State.DRAFT:
        require(request.engagement, by, "manage_requests")
    _check_assignee(request.engagement, to)
    if request.assigned_to_id == (to.pk if to else None):
        return request
    request.assigned_to = to
    request.save(update_fields=["assigned_to"])
    if request.state == State.DRAFT:
        record(DRAFT_CHANGED, by=by, engagement=request.engagement, target=request, part="the assignee")
    else:
        record(ASSIGNED, by=by, engagement=request.engagement, target=request, to=str(to or "nobody"))
    return request


def may_assign(engagement: Engagement, user: User) -> bool:
    """Whether the person may say who answers requests here."""
    return (
        "manage_requests" in permissions_of(user, engagement)
        or EngagementMember.objects.filter(engagement=engagement, user=user, role=Role.CLIENT_ADMIN).exists()
    )


@transaction.atomic
def change_due(request: EvidenceRequest, *, due: dt.date, by: User) -> EvidenceRequest:
    """Move the due date of a request that is not accepted. Raises PermissionDenied, WrongStage."""
    require(request.engagement, by, "manage_requests")
    request = _held(request)
    _must_be_in(request, State.DRAFT, State.OPEN, State.RETURNED, State.SUBMITTED, act="given another due date")
    old = request.due
    if due != old:
        request.due = due
        request.save(update_fields=["due"])
        if request.state == State.DRAFT:
            record(DRAFT_CHANGED, by=by, engagement=request.engagement, target=request, part="the due date")
        else:
            record(
                DUE_CHANGED,
                by=by,
                engagement=request.engagement,
                target=request,
                old=old.isoformat(),
                new=due.isoformat(),
            )
    return request


@transaction.atomic
def submit(request: EvidenceRequest, *, by: User) -> EvidenceRequest:
    """Hand the request in: its files go to the auditor. Submitting what is submitted changes nothing.

    Raises PermissionDenied, WrongStage, ValidationError when no file is there.
    """
    check_own(request, by, "upload_evidence")
    request = _held(request)
    if request.state == State.SUBMITTED:
        return request
    _must_be_in(request, State.OPEN, State.RETURNED, act="submitted")
    files = EvidenceFile.objects.answering(request)
    if not files.exists():
        raise ValidationError(f"{request.code} has no file yet. Upload what is asked for, then submit.")
    bad = files.current().filter(checked__scan=FileCheck.Scan.QUARANTINED).first()
    if bad is not None:
        raise ValidationError(f"{bad.code} is quarantined. Replace it by a clean version, then submit.")
    request.state, request.submitted_at = State.SUBMITTED, timezone.now()
    request.save(update_fields=["state", "submitted_at"])
    record(SUBMITTED, by=by, engagement=request.engagement, target=request, files=files.count())
    return request


@transaction.atomic
def accept(request: EvidenceRequest, *, by: User) -> EvidenceRequest:
    """The auditor has what was asked for. Accepting what is accepted changes nothing.

    Raises PermissionDenied, WrongStage.
    """
    require(request.engagement, by, "manage_requests")
    request = _held(request)
    if request.state == State.ACCEPTED:
        return request
    _must_be_in(request, State.SUBMITTED, act="accepted")
    request.state, request.return_reason = State.ACCEPTED, ""
    request.decided_by, request.decided_at = by, timezone.now()
    request.save(update_fields=["state", "return_reason", "decided_by", "decided_at"])
    record(ACCEPTED, by=by, engagement=request.engagement, target=request)
    return request


@transaction.atomic
def return_(request: EvidenceRequest, *, reason: str, by: User) -> EvidenceRequest:
    """Give a submitted request back to the client, or an accepted one as long as the report is not issued.

    The client reads the reason. Raises PermissionDenied, WrongStage, ValidationError without a reason.
    """
    require(request.engagement, by, "manage_requests")
    request = _held(request)
    _must_be_in(request, State.SUBMITTED, State.ACCEPTED, act="returned")
    if not reason.strip():
        raise ValidationError({"reason": "Say what is missing or wrong: the client reads it."})
    request.state, request.return_reason = State.RETURNED, reason.strip()
    request.decided_by, request.decided_at = by, timezone.now()
    request.save(update_fields=["state", "return_reason", "decided_by", "decided_at"])
    record(RETURNED, by=by, engagement=request.engagement, target=request, reason=request.return_reason)
    return request


def check_own(request: EvidenceRequest, by: User, permission: str) -> None:
    """Raise PermissionDenied unless the person holds the permission and has to do with this request.

    Drafts are the firm's; a control owner or subservice contact answers what is assigned to them.
    """
    require(request.engagement, by, permission)
    member = EngagementMember.objects.get(engagement_id=request.engagement_id, user=by)
    if member.role in OWN_ONLY and request.assigned_to_id != by.pk:
        raise PermissionDenied("This request is assigned to someone else.")
    if not member.of_firm and request.state == State.DRAFT:
        raise PermissionDenied("This request is not open yet.")


def _held(request: EvidenceRequest) -> EvidenceRequest:
    """The request's row, locked after its engagement, whose stage must allow the work."""
    engagement = locked(request.engagement)
    must_be(engagement, *WORKING)
    held = EvidenceRequest.objects.select_for_update().get(pk=request.pk)
    held.engagement = engagement
    return held


def _held_all(requests: Iterable[EvidenceRequest], by: User) -> list[EvidenceRequest]:
    wanted = list(requests)
    if not wanted:
        return []
    if len({request.engagement_id for request in wanted}) > 1:
        raise ValidationError("These requests belong to different engagements.")
    require(wanted[0].engagement, by, "manage_requests")
    engagement = locked(wanted[0].engagement)
    must_be(engagement, *WORKING)
    held = list(
        EvidenceRequest.objects.select_for_update()
        .filter(engagement=engagement, pk__in=[request.pk for request in wanted])
        .order_by("pk")
    )
    for request in held:
        request.engagement = engagement
    return held


def _must_be_in(request: EvidenceRequest, *states: State, act: str) -> None:
    if request.state not in states:
        raise WrongStage(f"{request.code} is {request.get_state_display().lower()} and cannot be {act}.")
