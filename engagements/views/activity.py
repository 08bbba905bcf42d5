from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from accounts.models import Firm, User
from audit import verify_trail
from audit.models import Event, EventQuerySet
from engagements import activity as trail
from engagements.frame import frame
from engagements.roles import engagement_for

PER_PAGE = 60
TYPES = {trail.CSV: "text/csv; charset=utf-8", trail.JSON_LINES: "application/jsonl"}


@require_GET
@login_required
def activity(request: HttpRequest, pk: int) -> HttpResponse:
    """Who did what, when and from where; the client sees only what is for both sides (R68)."""
    engagement = engagement_for(request, pk, "see_trail")
    events = trail.visible_events(engagement, engagement.may)
    context = frame(request, engagement, "activity") | _page(request, events)
    return render(request, "engagements/activity.html", context)


@require_GET
@login_required
def export(request: HttpRequest, pk: int, form: str) -> HttpResponse:
    """The activity that was looked for as CSV or, in OCSF's shape, as JSON Lines; by cursor (`after`)."""
    engagement = engagement_for(request, pk, "see_trail")
    events = trail.visible_events(engagement, engagement.may)
    return _taken(request, events, form, of=engagement)


@require_GET
@login_required
def whole(request: HttpRequest, pk: int) -> HttpResponse:
    """The engagement's whole chain with the checkpoints, for verify_trail.py; the firm's side only (R68)."""
    return _proof(request, engagement_for(request, pk, "see_fieldwork"))


@require_GET
@login_required
def firm(request: HttpRequest) -> HttpResponse:
    """What was done in the firm and in all its engagements, for its administrator."""
    own = _firm(request)
    context = _page(request, Event.objects.of_firm(own.pk))
    known = trail.numbers(context["lines"])
    rows = [(one, known.get(one.engagement_id or 0, "")) for one in context["lines"]]
    return render(request, "engagements/firm_trail.html", context | {"firm": own, "rows": rows})


@require_GET
@login_required
def firm_export(request: HttpRequest, form: str) -> HttpResponse:
    own = _firm(request)
    return _taken(request, Event.objects.of_firm(own.pk), form, of=own)


@require_GET
@login_required
def firm_whole(request: HttpRequest) -> HttpResponse:
    return _proof(request, _firm(request))


@require_GET
@login_required
def script(request: HttpRequest) -> HttpResponse:
    """The program by which an outsider verifies an exported trail: one file, without Attestry."""
    return _file("verify_trail.py", Path(verify_trail.__file__).read_bytes(), "text/x-python; charset=utf-8")


def _firm(request: HttpRequest) -> Firm:
    own = trail.firm_for(request.user, request.GET.get("firm", ""))
    if own is None:
        raise Http404("Not a member of a firm")
    return own


def _page(request: HttpRequest, events: EventQuerySet) -> dict[str, Any]:
    search = trail.Search(request.GET)
    found = search.narrow(events)
    before = search.wanted().get("before")
    if before is not None:
        found = found.filter(pk__lt=before)
    part = list(found.order_by("-pk")[: PER_PAGE + 1])
    return {
        "lines": [trail.line(event) for event in part[:PER_PAGE]],
        "older": part[PER_PAGE - 1].pk if len(part) > PER_PAGE else None,
        "paged": before is not None,
        "checkpoint": trail.last_checkpoint(),
        **trail.choices(events),
    }


def _taken(request: HttpRequest, events: EventQuerySet, form: str, *, of: Any) -> HttpResponse:
    if form not in TYPES:
        raise Http404("No such form")
    assert isinstance(request.user, User)
    file = trail.take(events, trail.Search(request.GET), form, of=of, by=request.user)
    response = _file(file.name, file.content, TYPES[form])
    if file.more is not None:
        query = request.GET.copy()
        query["after"] = str(file.more)
        response.headers["Link"] = f'<{request.path}?{query.urlencode()}>; rel="next"'
        response.headers["X-Next-Cursor"] = str(file.more)
    return response


def _proof(request: HttpRequest, of: Any) -> HttpResponse:
    assert isinstance(request.user, User)
    try:
        file = trail.take_whole(of, by=request.user)
    except ValidationError as error:
        return render(request, "engagements/trail_broken.html", {"problem": error.messages[0]}, status=409)
    return _file(file.name, file.content, TYPES[trail.JSON_LINES])


def _file(name: str, content: bytes, kind: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "private, no-store"
    return response
