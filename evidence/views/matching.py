"""Many files at once: each is matched to requests by its name, a person confirms, and all are given together."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from engagements.frame import frame
from engagements.models import Engagement
from engagements.roles import engagement_for
from evidence import matching, resumable
from evidence.forms import FilesField, MatchForm
from evidence.models import EvidenceRequest, RequestQuerySet, Upload
from evidence.policy import policy_of
from evidence.validation import CONTENT_TYPES
from evidence.views.requests import may_work, requests_for, share_of, user_of

# So many files are matched on one page; the others come when these are given.
SHOWN = 25


@require_http_methods(["GET", "POST"])
def drop(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "upload_evidence")
    if request.method == "GET":
        return _page(request, engagement)
    if not may_work(engagement):
        raise PermissionDenied("Nothing is taken at this stage of the engagement.")
    if token := request.POST.get("discard"):
        upload = get_object_or_404(_mine(request, engagement), token=token)
        try:
            resumable.stop(upload, by=user_of(request))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        return redirect("evidence:drop", pk=pk)
    if request.FILES:
        return _take(request, engagement)
    return _give(request, engagement)


def _mine(request: HttpRequest, engagement: Engagement) -> QuerySet[Upload]:
    return resumable.under_way(engagement, user_of(request)).filter(to_be_matched=True).order_by("name", "pk")


def _open_requests(request: HttpRequest, engagement: Engagement) -> RequestQuerySet:
    found = requests_for(request, engagement).unsettled()
    return found.prefetch_related("controls").order_by("code")


def _take(request: HttpRequest, engagement: Engagement) -> HttpResponse:
    """Files from the plain form: they arrive whole, and a worker checks them as it does the others."""
    for file in FilesField().clean(request.FILES.getlist("file")):
        try:
            made = resumable.begin(
                engagement,
                name=file.name or "",
                size=file.size or 0,
                by=user_of(request),
                to_be_matched=True,
            )
            resumable.take(made, file, at=0, by=user_of(request))
        except ValidationError as error:
            messages.error(request, f"{file.name}: {' '.join(error.messages)}")
    return redirect("evidence:drop", pk=engagement.pk)


def _give(request: HttpRequest, engagement: Engagement) -> HttpResponse:
    rows = _rows(request, engagement, request.POST)
    matched: dict[Upload, list[EvidenceRequest]] = {}
    for upload, form in rows:
        if form is None or not form.is_valid() or not form.cleaned_data["requests"]:
            continue
        chosen = list(form.cleaned_data["requests"])
        for one in chosen:
            one.engagement = engagement
        upload.speaks_from, upload.speaks_to = form.cleaned_data["speaks_from"], form.cleaned_data["speaks_to"]
        matched[upload] = chosen
    if any(form is not None and form.errors for _, form in rows):
        return _page(request, engagement, rows, status=422)
    if not matched:
        messages.error(request, "Say for at least one file which request it answers.")
        return _page(request, engagement, rows, status=422)
    try:
        made = resumable.give(matched, by=user_of(request))
    except ValidationError as error:
        for message in error.messages:
            messages.error(request, message)
        return _page(request, engagement, rows, status=422)
    codes = f"{made[0].code} to {made[-1].code}" if len(made) > 1 else made[0].code
    number = "1 file is" if len(made) == 1 else f"{len(made)} files are"
    messages.success(request, f"{number} received: {codes}. Look at the remarks, then submit the requests.")
    left = _mine(request, engagement).exists()
    return redirect("evidence:drop" if left else "evidence:requests", pk=engagement.pk)


Row = tuple[Upload, MatchForm | None]


def _rows(request: HttpRequest, engagement: Engagement, data: Any = None) -> list[Row]:
    """Every upload of the person, those that can be given with a form, filled in by their names."""
    asked = _open_requests(request, engagement)
    # Once for all files: each would ask for them again.
    choices = [(one.code, f"{one.code} {one.title}") for one in asked]
    candidates = [
        matching.Candidate(one.code, [control.number for control in one.controls.all()], one.title, one.detail)
        for one in asked
    ]
    rows: list[Row] = []
    shown = 0
    for upload in _mine(request, engagement).select_related("by", "engagement"):
        upload.share = share_of(upload)  # type: ignore[attr-defined]
        if upload.state != Upload.State.HELD:
            rows.append((upload, None))
            continue
        if not (shown < SHOWN if data is None else _sent(upload, data)):
            continue
        shown += 1
        found = matching.guesses(upload.name, candidates)
        sure = [guess for guess in found if guess.sure >= 0.9] or found[:1]
        upload.guesses = sure  # type: ignore[attr-defined]
        first = {
            "requests": [guess.code for guess in sure],
            "speaks_from": upload.speaks_from,
            "speaks_to": upload.speaks_to,
        }
        rows.append(
            (upload, MatchForm(data, prefix=str(upload.token), requests=asked, choices=choices, initial=first))
        )
    return rows


def _sent(upload: Upload, data: Any) -> bool:
    """Whether the page that was sent had this file on it."""
    return any(f"{upload.token}-{name}" in data for name in ("requests", "speaks_from", "speaks_to"))


def _page(
    request: HttpRequest, engagement: Engagement, rows: list[Row] | None = None, status: int = 200
) -> HttpResponse:
    rows = _rows(request, engagement) if rows is None else rows
    largest = policy_of(engagement).largest
    context = {
        **frame(request, engagement, "requests"),
        "held": [row for row in rows if row[1] is not None],
        "waiting": _mine(request, engagement).filter(state=Upload.State.HELD).count(),
        "others": [upload for upload, form in rows if form is None],
        "may_upload": may_work(engagement),
        "of_firm": "see_fieldwork" in engagement.may,
        "types": " ".join(CONTENT_TYPES),
        "upload_max": largest,
        "upload_max_mb": largest >> 20,
    }
    return render(request, "evidence/drop.html", context, status=status)
