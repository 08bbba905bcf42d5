"""Review notes at any thing of the engagement, and all of them in one list."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.shortcuts import render as rendered
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.listing import narrow
from engagements.frame import frame
from engagements.models import Engagement
from engagements.roles import engagement_for
from engagements.views.acting import done, filed, person, shown
from engagements.workflow import WORKING, stands_at
from fieldwork import notes, noting
from fieldwork.forms import NoteForm
from fieldwork.models import ReviewNote

SEE = "see_fieldwork"
STATES = {"open": "Open", "answered": "Answered", "cleared": "Cleared"}


def _state(note: ReviewNote) -> str:
    return "cleared" if note.cleared_at else "answered" if note.answer else "open"


@require_GET
def listing(request: HttpRequest, pk: int) -> HttpResponse:
    """Every review note of the engagement; those that are not cleared first."""
    engagement = engagement_for(request, pk, SEE)
    found = ReviewNote.objects.filter(engagement=engagement).select_related("raised_by", "answered_by")
    rows: list[dict[str, Any]] = [
        {
            "note": note,
            "state": _state(note),
            "label": STATES[_state(note)],
            "url": noting.url_of(engagement, note.target),
        }
        for note in sorted(found, key=lambda note: (note.cleared_at is not None, -note.pk))
    ]
    rows = narrow(
        request.GET,
        rows,
        text=lambda row: f"{row['note'].label} {row['note'].text} {row['note'].answer}",
        state=lambda row: row["state"],
        raised=lambda row: str(row["note"].raised_by_id),
    )
    context = {
        **frame(request, engagement, "testing"),
        "rows": rows,
        "states": STATES,
        "raisers": {row["note"].raised_by_id: row["note"].raised_by.name for row in rows},
    }
    return rendered(request, "fieldwork/note_list.html", context)


def _noted(engagement: Engagement, kind: str, key: str) -> noting.Noted:
    try:
        return noting.noted(engagement, kind, key)
    except noting.NothingThere as missing:
        raise Http404(str(missing)) from missing


@require_http_methods(["GET", "POST"])
def at(request: HttpRequest, pk: int, kind: str, key: str) -> HttpResponse:
    """The review notes at one thing: a side panel, or a page of their own."""
    engagement = engagement_for(request, pk, *((SEE,) if request.method == "GET" else notes.REVIEWERS))
    place = _noted(engagement, kind, key)
    form = NoteForm(request.POST or None)
    user = person(request)
    if filed(
        request, form, lambda data: notes.raise_note(place, text=data["text"], by=user), "The note is raised."
    ):
        return redirect(noting.url_of(engagement, place.target))
    context: dict[str, Any] = {
        **frame(request, engagement, "testing"),
        "place": place,
        "notes": ReviewNote.objects.filter(engagement=engagement, target=place.target).select_related(
            "raised_by", "answered_by"
        ),
        "may_raise": stands_at(engagement, *WORKING) and bool(engagement.may.intersection(notes.REVIEWERS)),
        "may_answer": "record_tests" in engagement.may,
    }
    fragment = request.headers.get("HX-Request") == "true"
    return shown(request, "fieldwork/_notes.html" if fragment else "fieldwork/notes.html", context, form)


@require_http_methods(["GET", "POST"])
def at_test(request: HttpRequest, pk: int, test_pk: int) -> HttpResponse:
    """Those at a test."""
    return at(request, pk, "test", str(test_pk))


@require_POST
def act(request: HttpRequest, pk: int, note_pk: int) -> HttpResponse:
    """Answer or clear a review note, wherever it is."""
    engagement = engagement_for(request, pk, "record_tests", *notes.REVIEWERS)
    note = get_object_or_404(ReviewNote, engagement=engagement, pk=note_pk)
    user = person(request)
    if request.POST.get("act") == "clear":
        done(request, lambda: notes.clear(note, by=user), "The note is cleared.")
    else:
        done(
            request, lambda: notes.answer(note, text=request.POST.get("text", ""), by=user), "The note is answered."
        )
    return redirect(noting.url_of(engagement, note.target))
