"""Short forms for an inquiry, an observation, a reperformance: who, when, what, corroborated by."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from engagements.frame import frame
from engagements.views.acting import done, filed, person, shown
from fieldwork import testing
from fieldwork.models import Procedure, ProcedureRecord
from fieldwork.sheet_forms import ProcedureForm
from fieldwork.views.sheets import is_open_to, test_for


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest, pk: int, test_pk: int, kind: str) -> HttpResponse:
    """Put one on record."""
    engagement, test = test_for(request, pk, test_pk, "record_tests")
    if kind not in Procedure.values or kind == Procedure.INSPECTION:
        raise Http404
    procedure = Procedure(kind)
    form = ProcedureForm(
        request.POST or None,
        test=test,
        kind=procedure,
        initial={"on": timezone.localdate(), "people": test.inquired_of},
    )
    user = person(request)
    if filed(
        request,
        form,
        lambda data: testing.record_procedure(test, kind, **data, by=user),
        f"The {procedure.label.lower()} is on record.",
    ):
        return redirect(test)
    context = {
        **frame(request, engagement, "testing"),
        "test": test,
        "procedure": procedure,
        "open": is_open_to(engagement, test),
    }
    return shown(request, "fieldwork/procedure.html", context, form)


@require_POST
def strike(request: HttpRequest, pk: int, test_pk: int, record_pk: int) -> HttpResponse:
    """Take one away that was made by mistake."""
    _, test = test_for(request, pk, test_pk, "record_tests")
    made = get_object_or_404(ProcedureRecord, test=test, pk=record_pk)
    made.test = test
    done(request, lambda: testing.strike_procedure(made, by=person(request)), "It is struck; the trail keeps it.")
    return redirect(test)
