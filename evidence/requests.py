"""The request list: asking the client for evidence, handing in, accepting and returning."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Sequence

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.trail import action, record
from engagements.models import FIRM_ROLES, Control, Engagement, EngagementMember, Role
from engagements.roles import permissions_of, require, roles_with
from engagements.workflow import WORKING, WrongStage, locked, must_be
from evidence import urgent
from evidence.codes import next_code
from evidence.models import OWN_ONLY, EvidenceFile, EvidenceRequest, FileCheck, RequestControl

# A draft is the firm's alone: the client learns of a request when it is opened.
DRAFTED = action("request.drafted", "drafted the request {target}", firm_only=True)
DRAFT_CHANGED = action("request.draft_changed", "changed {part} of the draft {target}", firm_only=True)
DRAFT_CANCELLED = action("request.draft_cancelled", "cancelled the draft {target}: {reason}", firm_only=True)
DRAFT_REVIVED = action("request.draft_revived", "took up the draft {target} again", firm_only=True)
OPENED = action("request.opened", "asked for {target}")
ASSIGNED = action("request.assigned", "assigned {target} to {to}")
DUE_CHANGED = action("request.due_changed", "moved the due date of {target} from {old} to {new}")
PRIORITY_CHANGED = action("request.priority_changed", "gave {target} {priority} priority")
# Who of the firm looks at it is the firm's own business.
REVIEWER_CHANGED = action("request.reviewer_changed", "gave {target} to {to} to look at", firm_only=True)
CHANGED = action("request.changed", "reworded the request {target}")
SUBMITTED = action("request.submitted", "submitted {target}")
ACCEPTED = action("request.accepted", "accepted {target}")
RETURNED = action("request.returned", "returned {target}: {reason}")
CLOSED = action("request.closed", "closed {target}")
REOPENED = action("request.reopened", "reopened {target}")
CANCELLED = action("request.cancelled", "cancelled {target}: {reason}")
ASKED_AGAIN = action("request.asked_again", "asked for {target} again")

State = EvidenceRequest.State
# As long as nobody has decided about it, a request can be changed.
CHANGING = (State.DRAFT, State.OPEN, State.IN_PROGRESS, State.RETURNED, State.SUBMITTED)


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is asked for in one request."""

    title: str
    due: dt.date
    detail: str = ""
    controls: Sequence[Control] = ()
    covers_from: dt.date | None = None
    covers_to: dt.date | None = None
    assigned_to: User | None = None
    reviewer: User | None = None
    priority: str = EvidenceRequest.Priority.NORMAL


@transaction.atomic
def make(
    engagement: Engagement,
    *,
    title: str,
    due: dt.date,
    by: User,
    detail: str = "",
    controls: Iterable[Control] = (),
    covers_from: dt.date | None = None,
    covers_to: dt.date | None = None,
    assigned_to: User | None = None,
    reviewer: User | None = None,
    priority: str = EvidenceRequest.Priority.NORMAL,
) -> EvidenceRequest:
    """Draft one request; the client sees it when it is opened.

    Raises PermissionDenied, WrongStage, ValidationError (no title, a control of another engagement, an assignee
    who cannot upload here).
    """
    asked = Asked(title, due, detail, list(controls), covers_from, covers_to, assigned_to, reviewer, priority)
    return make_all(engagement, [asked], by=by)[0]


@transaction.atomic
def make_all(engagement: Engagement, asked: Iterable[Asked], *, by: User) -> list[EvidenceRequest]:
    """Draft many requests, all or none. Raises as `make` does."""
    engagement = locked(engagement)
    require(engagement, by, "manage_requests")
    must_be(engagement, *WORKING)
    clients, firms = assignees(engagement), reviewers(engagement)
    return [_make(engagement, one, clients, firms, by) for one in asked]


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
    engagement = locked(engagement)
    require(engagement, by, "manage_requests")
    must_be(engagement, *WORKING)
    wanted = list(controls)
    if not again:
        having = set(
            RequestControl.objects.filter(control__in=wanted)
            .exclude(request__state=State.CANCELLED)
            .values_list("control_id", flat=True)
        )
        wanted = [control for control in wanted if control.pk not in having]
    able = {user.pk for user in assignees(engagement)}
    bundles: dict[tuple[object, ...], list[Control]] = {}
    for control in wanted:
        owner = control.owner_id if control.owner_id in able else None
        evidence = " ".join(control.typical_evidence.split()).rstrip(".")
        key = (evidence.casefold(), owner) if group and evidence else (control.pk, owner)
        bundles.setdefault(key, []).append(control)
    asked = []
    for bundle in bundles.values():
        title, detail = _words_for(bundle)
        answering = bundle[0].owner if bundle[0].owner_id in able else assigned_to
        asked.append(Asked(title, due, detail, bundle, engagement.starts_on, engagement.ends_on, answering))
    return make_all(engagement, asked, by=by)


def _words_for(controls: list[Control]) -> tuple[str, str]:
    """Title and detail of a request for the usual evidence of controls that share it."""
    first = controls[0]
    evidence = " ".join(first.typical_evidence.split()).rstrip(".")
    title = first.title if len(controls) == 1 or not evidence else evidence
    lines = [f"Please provide: {evidence}." if evidence else "Please provide what shows that the control operates."]
    if len(controls) > 1:
        lines += ["", "It serves several controls:", *(f"- {one.number} {one.title}" for one in controls)]
    return title[:200], "\n".join(lines)


def _make(
    engagement: Engagement, asked: Asked, clients: Sequence[User], firms: Sequence[User], by: User
) -> EvidenceRequest:
    if not asked.title.strip():
        raise ValidationError({"title": "Say in a few words what you ask for."})
    if any(control.engagement_id != engagement.pk for control in asked.controls):
        raise ValidationError({"controls": "A control of another engagement cannot be asked about here."})
    _check_assignee(asked.assigned_to, clients)
    _check_reviewer(asked.reviewer, firms)
    _check_covers(asked.covers_from, asked.covers_to)
    made = EvidenceRequest(
        engagement=engagement,
        code=next_code(EvidenceRequest.objects.filter(engagement=engagement), "REQ"),
        title=asked.title.strip(),
        detail=asked.detail.strip(),
        covers_from=asked.covers_from,
        covers_to=asked.covers_to,
        assigned_to=asked.assigned_to,
        reviewer=asked.reviewer,
        due=asked.due,
        priority=asked.priority,
        created_by=by,
    )
    _check_shape(made)
    made.save()
    RequestControl.objects.bulk_create(
        RequestControl(engagement=engagement, request=made, control=control) for control in asked.controls
    )
    record(DRAFTED, by=by, engagement=engagement, target=made, controls=[one.number for one in asked.controls])
    return made


def _check_shape(request: EvidenceRequest) -> None:
    request.full_clean(
        exclude=["engagement", "created_by", "assigned_to", "reviewer", "decided_by"], validate_constraints=False
    )


def assignees(engagement: Engagement) -> list[User]:
    """The client's people who can answer requests here, by name."""
    members = (
        EngagementMember.objects.filter(engagement=engagement, user__is_active=True)
        .exclude(role__in=FIRM_ROLES)
        .select_related("user")
    )
    return sorted((member.user for member in members), key=lambda user: user.name)


def reviewers(engagement: Engagement) -> list[User]:
    """The firm's people who accept and return here, by name."""
    members = EngagementMember.objects.filter(
        engagement=engagement, user__is_active=True, role__in=roles_with("manage_requests")
    ).select_related("user")
    return sorted((member.user for member in members), key=lambda user: user.name)


def _check_assignee(user: User | None, known: Sequence[User]) -> None:
    if user is not None and user not in known:
        raise ValidationError(
            {"assigned_to": f"{user} is not in the client's team of this engagement. Add the person there first."}
        )


def _check_reviewer(user: User | None, known: Sequence[User]) -> None:
    if user is not None and user not in known:
        raise ValidationError({"reviewer": f"{user} does not look at requests in this engagement."})


def _check_covers(first: dt.date | None, last: dt.date | None) -> None:
    if first and last and first > last:
        raise ValidationError({"covers_to": "The last day lies before the first."})


@transaction.atomic
def reword(
    request: EvidenceRequest,
    *,
    title: str,
    detail: str,
    controls: Iterable[Control],
    by: User,
    covers_from: dt.date | None = None,
    covers_to: dt.date | None = None,
) -> EvidenceRequest:
    """Change what is asked for, until it is accepted. Raises PermissionDenied, WrongStage, ValidationError."""
    request = _held(request)
    require(request.engagement, by, "manage_requests")
    _must_be_in(request, *CHANGING, act="reworded")
    wanted = list(controls)
    if not title.strip():
        raise ValidationError({"title": "Say in a few words what you ask for."})
    if any(control.engagement_id != request.engagement_id for control in wanted):
        raise ValidationError({"controls": "A control of another engagement cannot be asked about here."})
    _check_covers(covers_from, covers_to)
    before = (request.title, request.detail, request.covers_from, request.covers_to)
    linked = set(request.control_links.values_list("control_id", flat=True))
    request.title, request.detail = title.strip(), detail.strip()
    request.covers_from, request.covers_to = covers_from, covers_to
    after = (request.title, request.detail, request.covers_from, request.covers_to)
    if before == after and linked == {one.pk for one in wanted}:
        return request
    _check_shape(request)
    request.save(update_fields=["title", "detail", "covers_from", "covers_to"])
    request.control_links.exclude(control__in=wanted).delete()
    RequestControl.objects.bulk_create(
        (RequestControl(engagement=request.engagement, request=request, control=one) for one in wanted),
        ignore_conflicts=True,
    )
    _note(request, CHANGED, by, "the words")
    return request


def _note(request: EvidenceRequest, what: object, by: User, part: str, **detail: str) -> None:
    """What changed about a request; of a draft the client learns nothing."""
    if request.state == State.DRAFT:
        record(DRAFT_CHANGED, by=by, engagement=request.engagement, target=request, part=part)
    else:
        record(what, by=by, engagement=request.engagement, target=request, **detail)  # type: ignore[arg-type]


@transaction.atomic
def open_requests(requests: Iterable[EvidenceRequest], *, by: User) -> list[EvidenceRequest]:
    """Show drafts to the client. Requests that are open already stay as they are; returns those that were opened.

    All must belong to one engagement. Raises PermissionDenied, WrongStage, ValidationError.
    """
    opened = [request for request in held_all(requests, by, "manage_requests") if open_held(request, by=by)]
    urgent.tell(opened, by=by)
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
    if request.state == State.DRAFT:
        require(request.engagement, by, "manage_requests")
    assign_held(request, to=to, by=by, known=assignees(request.engagement))
    return request


def may_assign(engagement: Engagement, user: User) -> bool:
    """Whether the person may say who answers requests here."""
    return (
        "manage_requests" in permissions_of(user, engagement)
        or EngagementMember.objects.filter(engagement=engagement, user=user, role=Role.CLIENT_ADMIN).exists()
    )


@transaction.atomic
def give_to(request: EvidenceRequest, *, reviewer: User | None, by: User) -> EvidenceRequest:
    """Say who of the firm looks at it; None: whoever comes first. Raises PermissionDenied, WrongStage,
    ValidationError."""
    request = _held(request)
    require(request.engagement, by, "manage_requests")
    review_held(request, to=reviewer, by=by, known=reviewers(request.engagement))
    return request


@transaction.atomic
def change_due(request: EvidenceRequest, *, due: dt.date, by: User) -> EvidenceRequest:
    """Move the due date of a request that is not accepted. Raises PermissionDenied, WrongStage."""
    request = _held(request)
    require(request.engagement, by, "manage_requests")
    due_held(request, due=due, by=by)
    return request


@transaction.atomic
def prioritise(request: EvidenceRequest, *, priority: str, by: User) -> EvidenceRequest:
    """Say how much it presses. Raises PermissionDenied, WrongStage, ValidationError."""
    request = _held(request)
    require(request.engagement, by, "manage_requests")
    priority_held(request, priority=priority, by=by)
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
    _must_be_in(request, *EvidenceRequest.WITH_CLIENT, act="submitted")
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
    request = _held(request)
    require(request.engagement, by, "manage_requests")
    accept_held(request, by=by)
    return request


@transaction.atomic
def return_(request: EvidenceRequest, *, reason: str, by: User) -> EvidenceRequest:
    """Give a submitted request back to the client, or an accepted one as long as the report is not issued.

    The client reads the reason. Raises PermissionDenied, WrongStage, ValidationError without a reason.
    """
    request = _held(request)
    require(request.engagement, by, "manage_requests")
    return_held(request, reason=reason, by=by)
    urgent.tell([request], by=by)
    return request


@transaction.atomic
def cancel(request: EvidenceRequest, *, reason: str, by: User) -> EvidenceRequest:
    """It is not needed any more; what was given stays. The client reads the reason, unless it was a draft.

    Raises PermissionDenied, WrongStage, ValidationError without a reason.
    """
    request = _held(request)
    require(request.engagement, by, "manage_requests")
    cancel_held(request, reason=reason, by=by)
    return request


@transaction.atomic
def close(request: EvidenceRequest, *, by: User) -> EvidenceRequest:
    """Nothing more is to come or to be asked about what was accepted. Raises PermissionDenied, WrongStage."""
    request = _held(request)
    require(request.engagement, by, "manage_requests")
    close_held(request, by=by)
    return request


@transaction.atomic
def reopen(request: EvidenceRequest, *, by: User) -> EvidenceRequest:
    """Take up again what was closed (it is accepted then) or cancelled (it is asked again, or a draft).

    Raises PermissionDenied, WrongStage.
    """
    request = _held(request)
    require(request.engagement, by, "manage_requests")
    reopen_held(request, by=by)
    return request


# -- The acts on a row that is locked and whose person may: one by one above, for many in evidence.bulk ----------


def open_held(request: EvidenceRequest, *, by: User) -> bool:
    """Whether it was a draft and is open now."""
    if request.state != State.DRAFT:
        return False
    request.state, request.opened_at = State.OPEN, timezone.now()
    request.save(update_fields=["state", "opened_at"])
    record(OPENED, by=by, engagement=request.engagement, target=request, title=request.title)
    return True


def assign_held(request: EvidenceRequest, *, to: User | None, by: User, known: Sequence[User]) -> bool:
    _must_be_in(request, *CHANGING, act="assigned")
    _check_assignee(to, known)
    if request.assigned_to_id == (to.pk if to else None):
        return False
    request.assigned_to = to
    request.save(update_fields=["assigned_to"])
    _note(request, ASSIGNED, by, "the assignee", to=str(to or "nobody"))
    return True


def review_held(request: EvidenceRequest, *, to: User | None, by: User, known: Sequence[User]) -> bool:
    _must_be_in(request, *CHANGING, act="given to somebody")
    _check_reviewer(to, known)
    if request.reviewer_id == (to.pk if to else None):
        return False
    request.reviewer = to
    request.save(update_fields=["reviewer"])
    record(REVIEWER_CHANGED, by=by, engagement=request.engagement, target=request, to=str(to or "whoever is first"))
    return True


def due_held(request: EvidenceRequest, *, due: dt.date, by: User) -> bool:
    _must_be_in(request, *CHANGING, act="given another due date")
    old = request.due
    if due == old:
        return False
    request.due = due
    request.save(update_fields=["due"])
    _note(request, DUE_CHANGED, by, "the due date", old=old.isoformat(), new=due.isoformat())
    return True


def priority_held(request: EvidenceRequest, *, priority: str, by: User) -> bool:
    _must_be_in(request, *CHANGING, act="given another priority")
    if priority not in EvidenceRequest.Priority.values:
        raise ValidationError({"priority": "Choose a priority."})
    if priority == request.priority:
        return False
    request.priority = priority
    request.save(update_fields=["priority"])
    _note(request, PRIORITY_CHANGED, by, "the priority", priority=request.get_priority_display().lower())
    return True


def accept_held(request: EvidenceRequest, *, by: User) -> bool:
    if request.state == State.ACCEPTED:
        return False
    _must_be_in(request, State.SUBMITTED, act="accepted")
    request.return_reason = ""
    _decide(request, State.ACCEPTED, by)
    record(ACCEPTED, by=by, engagement=request.engagement, target=request)
    return True


def return_held(request: EvidenceRequest, *, reason: str, by: User) -> bool:
    _must_be_in(request, State.SUBMITTED, State.ACCEPTED, act="returned")
    if not reason.strip():
        raise ValidationError({"reason": "Say what is missing or wrong: the client reads it."})
    request.return_reason = reason.strip()
    _decide(request, State.RETURNED, by)
    record(RETURNED, by=by, engagement=request.engagement, target=request, reason=request.return_reason)
    return True


def _decide(request: EvidenceRequest, state: State, by: User) -> None:
    request.state, request.decided_by, request.decided_at = state, by, timezone.now()
    request.save(update_fields=["state", "return_reason", "cancel_reason", "decided_by", "decided_at"])


def cancel_held(request: EvidenceRequest, *, reason: str, by: User) -> bool:
    if request.state == State.CANCELLED:
        return False
    _must_be_in(request, *CHANGING, act="cancelled")
    if not reason.strip():
        raise ValidationError({"reason": "Say why it is not needed any more."})
    was_draft = request.state == State.DRAFT
    request.cancel_reason = reason.strip()
    _decide(request, State.CANCELLED, by)
    what = DRAFT_CANCELLED if was_draft else CANCELLED
    record(what, by=by, engagement=request.engagement, target=request, reason=request.cancel_reason)
    return True


def close_held(request: EvidenceRequest, *, by: User) -> bool:
    if request.state == State.CLOSED:
        return False
    _must_be_in(request, State.ACCEPTED, act="closed")
    request.state = State.CLOSED
    request.save(update_fields=["state"])
    record(CLOSED, by=by, engagement=request.engagement, target=request)
    return True


def reopen_held(request: EvidenceRequest, *, by: User) -> bool:
    _must_be_in(request, State.CLOSED, State.CANCELLED, act="reopened")
    if request.state == State.CLOSED:
        request.state, what = State.ACCEPTED, REOPENED
    elif request.opened_at is None:
        request.state, request.cancel_reason, what = State.DRAFT, "", DRAFT_REVIVED
    else:
        request.state, request.cancel_reason, what = State.OPEN, "", ASKED_AGAIN
    request.save(update_fields=["state", "cancel_reason"])
    record(what, by=by, engagement=request.engagement, target=request)
    return True


def begin_held(request: EvidenceRequest) -> None:
    """The client has given something: the upload's own event says so."""
    if request.state == State.OPEN:
        request.state = State.IN_PROGRESS
        request.save(update_fields=["state"])


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


def held_all(requests: Iterable[EvidenceRequest], by: User, *needed: str) -> list[EvidenceRequest]:
    """The rows of one engagement, locked after it, in the order of their making. Raises as `_held` does."""
    wanted = list(requests)
    if not wanted:
        return []
    if len({request.engagement_id for request in wanted}) > 1:
        raise ValidationError("These requests belong to different engagements.")
    engagement = locked(wanted[0].engagement)
    require(engagement, by, *needed)
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
