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
from fieldwork import testing
from fieldwork.forms import PlanForm, team
from fieldwork.models import ControlTest, Procedure
from fieldwork.progress import STATES, ControlProgress, controls_progress, tally

ONLY_A_HINT = 3
_HINTS = {
    Procedure.INQUIRY: ("inquir", "ask"),
    Procedure.INSPECTION: ("inspect", "read", "compare", "review", "check", "vouch"),
    Procedure.OBSERVATION: ("observ", "watch", "walk"),
    Procedure.REPERFORMANCE: ("reperform", "re-perform", "recompute", "recalculat", "restore"),
}


@require_GET
def listing(request: HttpRequest, pk: int) -> HttpResponse:
    """Every control in scope with its tests; filtered and sorted in the page."""
    engagement = engagement_for(request, pk, "see_fieldwork")
    everything = controls_progress(engagement)
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
        "tally": tally(everything),
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
    form = PlanForm(request.POST or None, control=control, initial=_suggested(engagement, control, request))
    made: list[ControlTest] = []

    def act(data: dict[str, Any]) -> None:
        made.append(
            testing.plan_test(
                control,
                phase=data["phase"],
                kinds=data["kinds"],
                procedure=data["procedure"],
                inquired_of=data["inquired_of"],
                attributes=data["attributes"],
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
    }
    return shown(request, "fieldwork/plan.html", context, form)


def _suggested(engagement: Engagement, control: Control, request: HttpRequest) -> dict[str, Any]:
    if not control.typical_test and control.library_control is None:
        words = ""
    else:
        words = control.typical_test or (control.library_control.test if control.library_control else "")
    hinted = [kind.value for kind, hints in _HINTS.items() if any(hint in words.lower() for hint in hints)]
    return {
        "phase": ControlTest.Phase.OPERATING if engagement.is_type_2 else ControlTest.Phase.DESIGN,
        "kinds": hinted or [Procedure.INSPECTION.value],
        # "Inspection: sampled" is a hint at the method and no description of what is done.
        "procedure": words if len(words.split()) > ONLY_A_HINT else "",
        "attributes": "Performed: The control was performed as management describes it.\n"
        "On time: It was performed when it was due, or within the time the policy allows.\n"
        "Evidenced: What was done, by whom and when can be seen in the evidence.",
        "sample": request.GET.get("sample"),
        "assigned_to": person(request).pk,
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
