"""What evidence adds to the overview of an engagement and to the page of a control."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils import timezone

from engagements.models import Control, Engagement
from engagements.panels import control_panel, panel
from evidence.models import EvidenceRequest, Population

SHOWN = 6
State = EvidenceRequest.State


def requests_panel(engagement: Engagement, request: HttpRequest) -> dict[str, Any] | None:
    """How far the requests are, and those of the person's side that press most."""
    visible = EvidenceRequest.objects.visible_as(engagement, request.user)  # type: ignore[arg-type]
    today = timezone.localdate()
    counted = list(
        visible.order_by()
        .values_list("state")
        .annotate(number=Count("pk"), late=Count("pk", filter=Q(due__lt=today)))
    )
    counts = {state: number for state, number, _ in counted}
    asked = sum(number for state, number in counts.items() if state not in {State.DRAFT, State.CANCELLED})
    if not asked:
        return None
    of_firm = "see_fieldwork" in engagement.may
    waiting = visible.waiting_for_firm() if of_firm else visible.waiting_for_client()
    if of_firm and not counts.get(State.SUBMITTED):
        waiting = visible.overdue(at=today)
    return {
        "asked": asked,
        "accepted": counts.get(State.ACCEPTED, 0) + counts.get(State.CLOSED, 0),
        "submitted": counts.get(State.SUBMITTED, 0),
        "with_client": sum(counts.get(state, 0) for state in EvidenceRequest.WITH_CLIENT),
        "late": sum(late for state, _, late in counted if state in EvidenceRequest.WITH_CLIENT),
        "pressing": list(waiting.select_related("assigned_to").order_by("due", "code")[:SHOWN]),
        "of_firm": of_firm,
    }


def of_control(control: Control, request: HttpRequest) -> dict[str, Any] | None:
    """Requests and populations for a control."""
    engagement = control.engagement
    requests = EvidenceRequest.objects.visible_as(engagement, request.user).filter(controls=control)  # type: ignore[arg-type]
    populations = Population.objects.visible_as(engagement, request.user).current().filter(controls=control)  # type: ignore[arg-type]
    return {
        "requests": list(requests),
        "populations": list(populations),
        "control": control,
        "may_manage": "manage_requests" in engagement.may and not engagement.frozen,
    }


panel("requests", position=50, column="main", template="evidence/_requests_panel.html", context=requests_panel)
control_panel("evidence", position=40, template="evidence/_control_panel.html", context=of_control, column="aside")
