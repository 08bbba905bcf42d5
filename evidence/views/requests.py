"""Pages of the request list, for both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.forms import refuse
from accounts.listing import narrow
from accounts.models import User
from engagements.frame import frame
from engagements.models import Control, Engagement, Role, Stage
from engagements.roles import engagement_for
from engagements.workflow import WORKING
from evidence import bulk, comments, resumable, staging, uploads
from evidence import requests as flows
from evidence.asking_forms import CommentForm
from evidence.correspondence import Mention, RequestComment
from evidence.forms import (
    AssignForm,
    BulkForm,
    FromControlsForm,
    RequestForm,
    ReturnForm,
    UploadForm,
    in_scope,
)
from evidence.models import EvidenceFile, EvidenceRequest, FileCheck, FileReading, RequestQuerySet, Upload
from evidence.policy import policy_of
from evidence.validation import CONTENT_TYPES

SEE = ("see_fieldwork", "upload_evidence")
State = EvidenceRequest.State
# Of so many refused rows the page says why; of more it names them.
TOLD = 8


def user_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # engagement_for refuses everybody else
    return request.user


def may_work(engagement: Engagement) -> bool:
    return not engagement.frozen and Stage(engagement.stage) in WORKING


def may_manage(engagement: Engagement) -> bool:
    return may_work(engagement) and "manage_requests" in engagement.may


def may_assign(engagement: Engagement) -> bool:
    return may_manage(engagement) or (may_work(engagement) and engagement.member.role == Role.CLIENT_ADMIN)


def requests_for(request: HttpRequest, engagement: Engagement) -> RequestQuerySet:
    """The requests that the person may see here."""
    return EvidenceRequest.objects.visible_as(engagement, user_of(request)).select_related("assigned_to")


def request_for(request: HttpRequest, pk: int, code: str, *needed: str) -> tuple[Engagement, EvidenceRequest]:
    """Engagement and request for a view; 404 for a request that the person does not see."""
    engagement = engagement_for(request, pk, *needed)
    asked = get_object_or_404(requests_for(request, engagement), code=code)
    asked.engagement = engagement
    return engagement, asked


@require_GET
def show_requests(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, *SEE)
    of_firm = "see_fieldwork" in engagement.may
    everything = _listed(request, engagement)
    rows = narrow(
        request.GET,
        everything,
        text=lambda one: f"{one.code} {one.title} {one.assigned_to or ''} {' '.join(one.control_numbers)}",  # type: ignore[attr-defined]
        state=lambda one: one.state,
        owner=lambda one: one.assigned_to_id or "none",
        reviewer=lambda one: one.reviewer_id or "none",
        timing=lambda one: one.timing,  # type: ignore[attr-defined]
        waits=lambda one: one.waits,  # type: ignore[attr-defined]
        priority=lambda one: one.priority,
    )
    owners = {one.assigned_to_id: one.assigned_to for one in everything if one.assigned_to}
    reviewing = {one.reviewer_id: one.reviewer for one in everything if one.reviewer} if of_firm else {}
    counts = Counter(word for one in everything for word in (*one.waits, *one.timing))  # type: ignore[attr-defined]
    context = {
        **frame(request, engagement, "requests"),
        "rows": rows,
        "of_firm": of_firm,
        "states": [state for state in State if state != State.DRAFT or of_firm],
        "priorities": EvidenceRequest.Priority.choices,
        "waits": [(key, words, counts[key]) for key, words in _waits_words(of_firm).items()],
        "owners": sorted(owners.values(), key=lambda owner: owner.name),
        "reviewing": sorted(reviewing.values(), key=lambda one: one.name),
        "unassigned": any(one.assigned_to_id is None for one in everything),
        "may_manage": may_manage(engagement),
        "may_pick": may_assign(engagement),
        "may_drop": may_work(engagement) and "upload_evidence" in engagement.may and bool(rows),
        "bulk": BulkForm(engagement=engagement) if may_assign(engagement) else None,
        "late": counts["late"],
        "mine": counts["me"],
        "has_controls": not everything and in_scope(engagement).exists(),
    }
    return render(request, "evidence/requests.html", context)


def _listed(request: HttpRequest, engagement: Engagement) -> list[EvidenceRequest]:
    """The requests that the person may see, with what the list says of each."""
    today, user = timezone.localdate(), user_of(request)
    of_firm = "see_fieldwork" in engagement.may
    counted = Q() if of_firm else Q(files__obtained_by_auditor=False)
    also = Q() if of_firm else Q(further__file__obtained_by_auditor=False)
    found: list[EvidenceRequest] = list(
        requests_for(request, engagement)
        .select_related("reviewer")
        .annotate(
            file_count=Count("files", filter=counted, distinct=True) + Count("further", filter=also, distinct=True)
        )
        .order_by("code")
        .prefetch_related("controls")
    )
    named = set(
        Mention.objects.filter(user=user, done_at__isnull=True, engagement=engagement).values_list(
            "comment__request_id", flat=True
        )
    )
    talked = dict(
        RequestComment.objects.visible_as(engagement).order_by().values_list("request_id").annotate(Count("pk"))
    )
    for one in found:
        one.control_numbers = [control.number for control in one.controls.all()]  # type: ignore[attr-defined]
        one.timing = _timing(one, today)  # type: ignore[attr-defined]
        one.waits = _waits(one, engagement, user, named)  # type: ignore[attr-defined]
        one.named = one.pk in named  # type: ignore[attr-defined]
        one.comment_count = talked.get(one.pk, 0)  # type: ignore[attr-defined]
    return found


def _timing(one: EvidenceRequest, today: Any) -> list[str]:
    """In which of the list's due filters the request falls."""
    if not one.waits_for_client:
        return []
    left = (one.due - today).days
    return ["late"] if left < 0 else ["week"] if left <= 7 else []


def _waits(one: EvidenceRequest, engagement: Engagement, user: User, named: set[int]) -> list[str]:
    """For whom the request waits: the person, the client, the firm, or nobody any more."""
    waits = []
    if one.waits_for_client:
        waits.append("client")
        mine = one.assigned_to_id == user.pk
        if mine or (one.assigned_to_id is None and engagement.member.role == Role.CLIENT_ADMIN):
            waits.append("me")
    elif one.state == State.SUBMITTED:
        waits.append("firm")
        if "manage_requests" in engagement.may and one.reviewer_id in {None, user.pk}:
            waits.append("me")
    elif one.state in EvidenceRequest.SETTLED:
        waits.append("nobody")
    if one.pk in named and "me" not in waits:
        waits.append("me")
    return waits


def _waits_words(of_firm: bool) -> dict[str, str]:
    us, them = ("firm", "client") if of_firm else ("client", "firm")
    others = {"firm": "With the auditor", "client": "With the client"}
    ours = {"firm": "With the firm", "client": "With us"}
    return {"me": "Waiting for me", us: ours[us], them: others[them], "nobody": "Settled"}


@require_http_methods(["GET", "POST"])
def make(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "manage_requests")
    first = {
        "controls": in_scope(engagement).filter(number=request.GET.get("control", "")),
        "covers_from": engagement.starts_on if engagement.is_type_2 else None,
        "covers_to": engagement.ends_on,
    }
    form = RequestForm(request.POST or None, engagement=engagement, initial=first)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                made = flows.make(engagement, by=user_of(request), **form.cleaned_data)
                if "open" in request.POST:
                    flows.open_requests([made], by=user_of(request))
        except ValidationError as error:
            refuse(form, error)
        else:
            messages.success(request, f"{made.code} is {'open' if 'open' in request.POST else 'drafted'}.")
            return redirect(made)
    return _form_page(request, engagement, form)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    engagement, asked = request_for(request, pk, code, "manage_requests")
    form = RequestForm(
        request.POST or None,
        engagement=engagement,
        initial={
            "title": asked.title,
            "detail": asked.detail,
            "covers_from": asked.covers_from,
            "covers_to": asked.covers_to,
            "controls": asked.controls.all(),
            "assigned_to": asked.assigned_to_id,
            "reviewer": asked.reviewer_id,
            "due": asked.due,
            "priority": asked.priority,
        },
    )
    if request.method == "POST" and form.is_valid():
        wanted, by = form.cleaned_data, user_of(request)
        try:
            with transaction.atomic():
                flows.reword(
                    asked,
                    title=wanted["title"],
                    detail=wanted["detail"],
                    controls=wanted["controls"],
                    covers_from=wanted["covers_from"],
                    covers_to=wanted["covers_to"],
                    by=by,
                )
                flows.prioritise(asked, priority=wanted["priority"], by=by)
                flows.assign(asked, to=wanted["assigned_to"], by=by)
                flows.give_to(asked, reviewer=wanted["reviewer"], by=by)
                flows.change_due(asked, due=wanted["due"], by=by)
        except ValidationError as error:
            refuse(form, error)
        else:
            messages.success(request, f"{asked.code} is changed.")
            return redirect(asked)
    return _form_page(request, engagement, form, asked)


def _form_page(
    request: HttpRequest, engagement: Engagement, form: RequestForm, asked: EvidenceRequest | None = None
) -> HttpResponse:
    context = {**frame(request, engagement, "requests"), "form": form, "asked": asked}
    return render(request, "evidence/request_form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def make_from_controls(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "manage_requests")
    counted = in_scope(engagement).select_related("owner").annotate(asked=Count("request_links"))
    controls = list(counted.order_by("asked", "number"))
    picked = [str(control.pk) for control in controls if not control.asked]
    form = FromControlsForm(request.POST or None, engagement=engagement)
    if request.method == "POST":
        picked = request.POST.getlist("controls")
        if form.is_valid():
            made = _made_from(request, engagement, form)
            if made is not None:
                return made
    context = {
        **frame(request, engagement, "requests"),
        "form": form,
        "controls": controls,
        "picked": picked,
        "unasked": sum(not control.asked for control in controls),
    }
    return render(request, "evidence/from_controls.html", context, status=422 if form.errors else 200)


def _made_from(request: HttpRequest, engagement: Engagement, form: FromControlsForm) -> HttpResponse | None:
    wanted, by = form.cleaned_data, user_of(request)
    controls: list[Control] = list(wanted["controls"])
    asked = any(control.request_links.exists() for control in controls)
    try:
        with transaction.atomic():
            made = flows.make_from_controls(
                engagement,
                controls=controls,
                due=wanted["due"],
                by=by,
                assigned_to=wanted["assigned_to"],
                group=wanted["group"],
            )
            if wanted["open_now"]:
                flows.open_requests(made, by=by)
    except ValidationError as error:
        refuse(form, error)
        return None
    number = f"{len(made)} request{'' if len(made) == 1 else 's'} {'opened' if wanted['open_now'] else 'drafted'}."
    left_out = " Controls that have a request already were left out." if asked else ""
    messages.success(request, number + left_out)
    return redirect("evidence:requests", pk=engagement.pk)


@require_POST
def act(request: HttpRequest, pk: int) -> HttpResponse:
    """An act on the requests picked in the list, or on the one whose page it came from.

    What can be done is done, in one transaction; of the others the page says why not.
    """
    engagement = engagement_for(request, pk, *SEE)
    if not may_assign(engagement):
        raise PermissionDenied("Your role in this engagement does not allow this.")
    visible = EvidenceRequest.objects.visible_as(engagement, user_of(request))
    form = BulkForm(request.POST, engagement=engagement, requests=visible)
    if not form.is_valid():
        for errors in form.errors.values():
            messages.error(request, " ".join(map(str, errors)))
        return _back(request, engagement)
    wanted = form.cleaned_data
    picked = list(wanted["ids"])
    for one in picked:
        one.engagement = engagement
    what = bulk.Act(wanted["act"])
    values = {name: wanted[name] for name in ("assigned_to", "reviewer", "due", "priority", "reason")}
    try:
        outcome = bulk.act_on(picked, what, by=user_of(request), **values)
    except ValidationError as error:
        messages.error(request, f"Nothing was changed. {' '.join(error.messages)}")
    else:
        _tell(request, what, outcome)
    return _back(request, engagement, picked)


def _tell(request: HttpRequest, what: bulk.Act, outcome: bulk.Outcome) -> None:
    """What came of an act on many, row by row where it was refused."""
    done, same, refused = len(outcome.done), len(outcome.same), outcome.refused
    if done:
        messages.success(request, f"{done} request{'' if done == 1 else 's'} {what.label}.")
    elif same and not refused:
        messages.info(request, f"Nothing to change: {_codes(outcome.same)}.")
    if refused:
        said = " ".join(list(refused.values())[:TOLD])
        more = f" Likewise {_codes(list(refused)[TOLD:])}." if len(refused) > TOLD else ""
        messages.warning(
            request, f"{len(refused)} left as {'it is' if len(refused) == 1 else 'they are'}: {said}{more}"
        )


def _codes(codes: list[str]) -> str:
    return f"{', '.join(codes[:TOLD])}{f' and {len(codes) - TOLD} more' if len(codes) > TOLD else ''}"


def _back(request: HttpRequest, engagement: Engagement, picked: Sequence[EvidenceRequest] = ()) -> HttpResponse:
    """To where the person was: the one request's page, or the list as it was filtered."""
    here = reverse("evidence:requests", args=[engagement.pk])
    came = urlsplit(request.headers.get("Referer", ""))
    if len(picked) == 1 and came.path == picked[0].get_absolute_url():
        return redirect(picked[0])
    return redirect(f"{here}?{came.query}" if came.path == here and came.query else here)


@require_GET
def show_request(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    engagement, asked = request_for(request, pk, code, *SEE)
    return request_page(request, engagement, asked)


def request_page(
    request: HttpRequest,
    engagement: Engagement,
    asked: EvidenceRequest,
    *,
    reason: ReturnForm | None = None,
    upload_form: UploadForm | None = None,
    comment: CommentForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        **frame(request, engagement, "requests"),
        **_request_context(request, engagement, asked),
        **_threads(request, engagement, asked, comment),
        "reason": reason or ReturnForm(),
        "upload_form": upload_form or UploadForm(),
    }
    return render(request, "evidence/request.html", context, status=status)


def _threads(
    request: HttpRequest, engagement: Engagement, asked: EvidenceRequest, sent: CommentForm | None
) -> dict[str, Any]:
    """What was said: to both sides, and for the firm its own notes; with whom one can name."""
    user, of_firm = user_of(request), "see_fieldwork" in engagement.may
    said = list(
        RequestComment.objects.visible_as(engagement).filter(request=asked).select_related("by").order_by("pk")
    )
    firm = set(reviewing := comments.people(asked, internal=True))
    both = comments.people(asked, internal=False)
    known = {*both, *reviewing}
    for one in said:
        one.pieces = comments.pieces(one.text, known)  # type: ignore[attr-defined]
        one.of_firm = one.by in firm  # type: ignore[attr-defined]
    waiting = Mention.objects.filter(comment__request=asked, user=user, done_at__isnull=True)
    writes = may_work(engagement) and (
        bool(engagement.may & {"manage_requests", "record_tests", "complete_quality_review"}) or not of_firm
    )
    threads = [
        {
            "key": "comments",
            "internal": False,
            "said": [one for one in said if not one.internal],
            "names": [one.name for one in both if one != user],
            "writes": writes and asked.state != State.DRAFT,
        }
    ]
    if of_firm:
        threads.append(
            {
                "key": "notes",
                "internal": True,
                "said": [one for one in said if one.internal],
                "names": [one.name for one in reviewing if one != user],
                "writes": writes,
            }
        )
    for thread in threads:
        mine = sent if sent is not None and bool(sent["internal"].data) == thread["internal"] else None
        thread["form"] = mine or CommentForm(
            initial={"internal": thread["internal"]}, auto_id=f"{thread['key']}_%s"
        )
    return {
        "threads": threads,
        "named": waiting.exists() and may_work(engagement),
    }


def unfinished(request: HttpRequest, engagement: Engagement, asked: EvidenceRequest | None) -> list[Upload]:
    """What the person began to send here and what was refused, with how much of it has arrived."""
    found = list(resumable.under_way(engagement, user_of(request)).filter(request=asked, to_be_matched=False))
    for one in found:
        one.share = share_of(one)  # type: ignore[attr-defined]
    return found


def share_of(upload: Upload) -> int:
    """How many percent have arrived."""
    if upload.state != Upload.State.RECEIVING:
        return 100
    try:
        return 100 * staging.offset(upload.token) // upload.size
    except staging.Missing:
        return 0


def _unread(files: list[EvidenceFile]) -> int:
    """How many files a worker has yet to look into; those of which it will not speak any more do not count."""
    young = timezone.now() - timedelta(minutes=2)
    read = set(FileReading.objects.filter(file__in=files).values_list("file_id", flat=True))
    waiting = [one for one in files if one.pk not in read and one.uploaded_at > young]
    return sum(one.scan.scan != FileCheck.Scan.QUARANTINED for one in waiting)  # type: ignore[attr-defined]


def _request_context(request: HttpRequest, engagement: Engagement, asked: EvidenceRequest) -> dict[str, Any]:
    of_firm = "see_fieldwork" in engagement.may
    works = may_work(engagement)
    files = list(
        EvidenceFile.objects.visible_as(engagement, user_of(request))
        .answering(asked)
        .select_related("uploaded_by", "checked", "request")
    )
    current = _with_versions(files)
    takes = works and "upload_evidence" in engagement.may and uploads.takes_files(asked)
    for file in current:
        file.scan = getattr(file, "checked", None) or FileCheck(file=file)  # type: ignore[attr-defined]
        file.lies_here = file.request_id == asked.pk  # type: ignore[attr-defined]
        file.may_explain = takes and of_firm == file.obtained_by_auditor  # type: ignore[attr-defined]
    remarks = [one for file in current if file.may_explain for one in file.unexplained]  # type: ignore[attr-defined]
    begun = unfinished(request, engagement, asked)
    unread = _unread(current)
    return {
        "engagement": engagement,
        "asked": asked,
        "controls": asked.controls.all(),
        "looked_at_by": asked.reviewer.name if of_firm and asked.reviewer else "",
        "files": current,
        "of_firm": of_firm,
        "takes_files": takes,
        "unfinished": begun,
        "unread": unread,
        "waits": bool(unread) or any(one.state == Upload.State.CHECKING for one in begun),
        "unexplained": len(remarks),
        "scanner": bool(settings.SCANNER_URL),
        "may_submit": works
        and "upload_evidence" in engagement.may
        and asked.waits_for_client
        # The firm hands in only where it has obtained something itself.
        and any(file.obtained_by_auditor or not of_firm for file in current),
        "may_manage": may_manage(engagement),
        "may_assign": may_assign(engagement) and asked.state in flows.CHANGING,
        "may_cancel": may_manage(engagement) and asked.state in flows.CHANGING,
        "assign_form": AssignForm(engagement=engagement, initial={"assigned_to": asked.assigned_to_id}),
        "types": " ".join(CONTENT_TYPES),
        "upload_max": (largest := policy_of(engagement).largest),
        "upload_max_mb": largest >> 20,
    }


def _with_versions(files: list[EvidenceFile]) -> list[EvidenceFile]:
    """The newest of each file, with `older` as a list of what it replaces, newest first."""
    by_pk = {file.pk: file for file in files}
    replaced = {file.replaces_id for file in files}
    current = [file for file in files if file.pk not in replaced]
    for file in current:
        older, before = [], by_pk.get(file.replaces_id or 0)
        while before is not None:
            older.append(before)
            before = by_pk.get(before.replaces_id or 0)
        file.older = older  # type: ignore[attr-defined]
    return current


@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """Files for a request: one by one from the page's script (JSON), or many from its form. GET: the fragment."""
    engagement, asked = request_for(request, pk, code, *(SEE if request.method == "GET" else ("upload_evidence",)))
    if request.method == "GET":
        return render(request, "evidence/_files.html", _request_context(request, engagement, asked))
    form = UploadForm(request.POST, request.FILES)
    replaces = None
    if old := request.POST.get("replaces"):
        visible = EvidenceFile.objects.visible_as(engagement, user_of(request))
        replaces = get_object_or_404(visible, code=old, request=asked)
    received, problems = receive_all(request, asked, form, replaces=replaces)
    if request.accepts("text/html"):
        if problems and not received:
            for problem in problems:
                form.add_error("file", problem)
            return request_page(request, engagement, asked, upload_form=form, status=422)
        for problem in problems:
            messages.error(request, problem)
        return redirect(asked)
    return answer_upload(received, problems)


def receive_all(
    request: HttpRequest,
    to: EvidenceRequest | Engagement,
    form: UploadForm,
    *,
    replaces: EvidenceFile | None = None,
) -> tuple[list[EvidenceFile], list[str]]:
    """Receive every file of the form; returns the files and, in words, why others were refused."""
    received: list[EvidenceFile] = []
    problems: list[str] = []
    if not form.is_valid():
        return received, [str(problem) for errors in form.errors.values() for problem in errors]
    engagement = to.engagement if isinstance(to, EvidenceRequest) else to
    for file in form.cleaned_data["file"]:
        try:
            received.append(
                uploads.receive(
                    to,
                    file=file,
                    name=file.name,
                    by=user_of(request),
                    speaks_from=form.cleaned_data["speaks_from"],
                    speaks_to=form.cleaned_data["speaks_to"],
                    replaces=replaces,
                    obtained_by_auditor="see_fieldwork" in engagement.may,
                )
            )
        except ValidationError as error:
            problems.append(f"{file.name}: {' '.join(error.messages)}")
        except PermissionDenied as error:
            problems.append(str(error))
    return received, problems


def answer_upload(received: list[EvidenceFile], problems: list[str]) -> JsonResponse:
    """What the script of the upload form is told."""
    if problems:
        return JsonResponse({"error": " ".join(problems)}, status=422)
    words = [
        f"{file.code}{': ' + file.findings[0]['message'] if file.findings else ' received'}" for file in received
    ]
    return JsonResponse({"message": " ".join(words)}, status=201)


def _do(request: HttpRequest, asked: EvidenceRequest, done: str, flow: Callable[[], Any]) -> HttpResponse:
    """One act on one request, and back to its page with what came of it."""
    try:
        flow()
    except ValidationError as error:
        for message in error.messages:
            messages.error(request, message)
    else:
        messages.success(request, done)
    return redirect(asked)


@require_POST
def submit(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    _, asked = request_for(request, pk, code, "upload_evidence")
    return _do(
        request,
        asked,
        f"{asked.code} is submitted: the auditor looks at it next.",
        lambda: flows.submit(asked, by=user_of(request)),
    )


@require_POST
def accept(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    _, asked = request_for(request, pk, code, "manage_requests")
    return _do(request, asked, f"{asked.code} is accepted.", lambda: flows.accept(asked, by=user_of(request)))


@require_POST
def return_(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    engagement, asked = request_for(request, pk, code, "manage_requests")
    form = ReturnForm(request.POST)
    if form.is_valid():
        try:
            flows.return_(asked, reason=form.cleaned_data["reason"], by=user_of(request))
        except ValidationError as error:
            refuse(form, error)
        else:
            messages.success(request, f"{asked.code} is returned to the client.")
            return redirect(asked)
    return request_page(request, engagement, asked, reason=form, status=422)


@require_POST
def assign(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    engagement, asked = request_for(request, pk, code, *SEE)
    form = AssignForm(request.POST, engagement=engagement)
    if not form.is_valid():
        messages.error(request, "Choose somebody of the client's team.")
        return redirect(asked)
    to = form.cleaned_data["assigned_to"]
    return _do(
        request,
        asked,
        f"{asked.code} is assigned to {to or 'nobody'}.",
        lambda: flows.assign(asked, to=to, by=user_of(request)),
    )
