"""The list of tests by control, and planning a test."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from accounts.listing import narrow
from engagements.frame import frame
from engagements.models import Control, Engagement
from engagements.roles import engagement_for
from engagements.views.acting import filed, person, shown
from fieldwork import programmes, testing
from fieldwork.forms import PlanForm, attributes_in_lines, team
from fieldwork.models import ControlTest
from fieldwork.programmes import Programme
from fieldwork.progress import STATES, ControlProgress, controls_progress, tally


@require_GET
def listing(request: HttpRequest, pk: int) -> HttpResponse:
    """Every control in scope with its tests; filtered and sorted in the page."""
    engagement = engagement_for(request, pk, "see_fieldwork")
    everything = controls_progress(engagement)
    found = tally(everything)
    rows = narrow(
        request.GET,
        everything,
        text=lambda row: f"{row.control.number} {row.control.title} {' '.join(row.criteria)}",
        state=lambda row: row.state,
        who=_people,
        series=lambda row: {code.split(".")[0] for code in row.criteria},
        found=lambda row: "yes" if row.exceptions else "no",
    )
    context = {
        **frame(request, engagement, "testing"),
        "rows": rows,
        "states": STATES,
        "counted": [(label, count) for state, label in STATES.items() if (count := found[state])],
        "team": team(engagement),
        "series": sorted({code.split(".")[0] for row in everything for code in row.criteria}),
        "may_record": "record_tests" in engagement.may and not engagement.frozen,
    }
    return render(request, "fieldwork/testing.html", context)


def _people(row: ControlProgress) -> set[str]:
    return {str(line.test.assigned_to_id) for line in row.lines if line.test.assigned_to_id}


@require_http_methods(["GET", "POST"])
def plan(request: HttpRequest, pk: int, number: str) -> HttpResponse:
    """Plan a test of a control, beginning with what the library suggests."""
    engagement = engagement_for(request, pk, "record_tests")
    control = get_object_or_404(Control.objects.filter(engagement=engagement).in_scope(), number=number)
    control.engagement = engagement
    # From which test it is copied, or the library: asked for by GET, and remembered by the form.
    source = request.POST.get("source", request.GET.get("source", programmes.LIBRARY))
    programme = programmes.chosen(engagement, control, source)
    form = PlanForm(request.POST or None, control=control, initial=_initial(engagement, programme, source, request))
    made: list[ControlTest] = []

    def act(data: dict[str, Any]) -> None:
        made.append(
            testing.plan_test(
                control,
                phase=data["phase"],
                kinds=data["kinds"],
                procedure=data["procedure"],
                inquired_of=data["inquired_of"],
                attributes=programmes.traced(data["attributes"], programme),
                origin=programme.origin,
                sample=data.get("sample"),
                items=[] if data.get("sample") else data["items"],
                assigned_to=data["assigned_to"],
                by=person(request),
            )
        )

    if filed(request, form, act, f"The test of {control} is planned."):
        return redirect(made[0])
    context = {
        **frame(request, engagement, "testing"),
        "control": control,
        "criteria": control.criteria.order_by("position"),
        "tests": ControlTest.objects.filter(control=control),
        "source": source,
        "origin": programme.origin,
        "sources": ControlTest.objects.filter(engagement=engagement, attributes__isnull=False)
        .select_related("control")
        .distinct(),
    }
    return shown(request, "fieldwork/plan.html", context, form)


def _initial(engagement: Engagement, programme: Programme, source: str, request: HttpRequest) -> dict[str, Any]:
    usual = ControlTest.Phase.OPERATING if engagement.is_type_2 else ControlTest.Phase.DESIGN
    return {
        "phase": programme.phase or usual,
        "kinds": programme.kinds,
        "procedure": programme.procedure,
        "inquired_of": programme.inquired_of,
        "attributes": attributes_in_lines(programme.columns),
        "sample": request.GET.get("sample"),
        "assigned_to": person(request).pk,
        "source": source,
    }


def tests_of(engagement: Engagement, test_pk: int) -> ControlTest:
    """The test for a view, of this engagement or 404."""
    test = get_object_or_404(
        ControlTest.objects.select_related(
            "control",
            "sample__population__file",
            "sample__profile",
            "assigned_to",
            "empty_population",
            "concluded_by",
        ),
        engagement=engagement,
        pk=test_pk,
    )
    test.engagement = engagement
    return test
