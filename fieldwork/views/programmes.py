"""Test programmes carried over: from one control to others, and from a file."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from accounts.forms import refuse
from engagements.coverage import controls_in_scope, served_by
from engagements.frame import frame
from engagements.models import Engagement
from engagements.roles import engagement_for
from engagements.views.acting import filed, person, shown
from evidence import tables
from fieldwork import programme_files, programmes
from fieldwork.models import ControlTest
from fieldwork.sheet_forms import CopyForm, ProgrammeFileForm
from fieldwork.views.sheets import test_for


@require_http_methods(["GET", "POST"])
def copy(request: HttpRequest, pk: int, test_pk: int) -> HttpResponse:
    """Plan the same test for other controls."""
    engagement, test = test_for(request, pk, test_pk, "record_tests")
    form = CopyForm(request.POST if request.method == "POST" else None, test=test)
    made: list[ControlTest] = []
    if filed(
        request,
        form,
        lambda data: made.extend(programmes.copy_to(test, list(data["controls"]), by=person(request))),
        "",
    ):
        words = f"{len(made)} tests are planned" if len(made) > 1 else f"{made[0]} is planned"
        messages.success(request, f"{words}, each with the attributes of {test}.")
        return redirect("fieldwork:testing", pk)
    tests: dict[int, list[ControlTest]] = {}
    for one in ControlTest.objects.filter(engagement=engagement).select_related("control"):
        tests.setdefault(one.control_id, []).append(one)
    criteria = served_by(engagement)
    own = set(criteria.get(test.control_id, ()))
    rows = [
        {
            "control": control,
            "criteria": criteria.get(control.pk, ()),
            "near": bool(own & set(criteria.get(control.pk, ()))),
            "tests": tests.get(control.pk, ()),
        }
        for control in controls_in_scope(engagement)
        if control.pk != test.control_id
    ]
    context = {
        **frame(request, engagement, "testing"),
        "test": test,
        "attributes": test.attributes.all(),
        "rows": rows,
        "picked": request.POST.getlist("controls"),
    }
    return shown(request, "fieldwork/copy.html", context, form)


@require_http_methods(["GET", "POST"])
def import_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Programmes from a file: first shown with every row that is wrong, then planned."""
    engagement = engagement_for(request, pk, "record_tests")
    if request.method == "GET":
        return _page(request, engagement, ProgrammeFileForm())
    form = ProgrammeFileForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, engagement, form)
    data = form.cleaned_data
    by = person(request)
    try:
        if not data["file"]:
            table = tables.unseal(data["sealed"], programme_files.FORM, engagement=engagement, by=by)
            made = programme_files.plan_all(engagement, table, by=by)
            words = "1 test is" if len(made) == 1 else f"{len(made)} tests are"
            messages.success(request, f"{words} planned from {table.name}.")
            return redirect("fieldwork:testing", pk)
        table = tables.read(data["file"], data["file"].name, programme_files.FORM)
        sheet = programme_files.read(engagement, table)
    except ValidationError as refusal:
        refuse(form, ValidationError(list(refusal.messages)))
        return _page(request, engagement, form)
    sealed = tables.seal(table, programme_files.FORM, engagement=engagement, by=by)
    return _page(request, engagement, ProgrammeFileForm(initial={"sealed": sealed}), sheet, table)


def _page(
    request: HttpRequest,
    engagement: Engagement,
    form: ProgrammeFileForm,
    sheet: programme_files.Sheet | None = None,
    table: tables.Table | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {
        **frame(request, engagement, "testing"),
        "sheet": sheet,
        "table": table,
        "columns": programme_files.COLUMNS,
    }
    return shown(request, "fieldwork/import_programmes.html", context, form)


@require_GET
def example(request: HttpRequest, pk: int) -> HttpResponse:
    """A file to begin with."""
    engagement_for(request, pk, "record_tests")
    response = HttpResponse("".join(programme_files.example()), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="test-programmes.csv"'
    return response
