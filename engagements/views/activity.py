from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from engagements.activity import line, visible_events
from engagements.frame import frame
from engagements.models import EngagementMember
from engagements.roles import engagement_for

PER_PAGE = 60


@require_GET
@login_required
def activity(request: HttpRequest, pk: int) -> HttpResponse:
    """Who did what, when and from where; the client sees only what is for both sides (R68)."""
    engagement = engagement_for(request, pk, "see_trail")
    events = visible_events(engagement, engagement.may)
    who, what = request.GET.get("who", ""), request.GET.get("q", "").strip()
    if who.isdigit():
        events = events.filter(actor_id=int(who))
    if what:
        events = events.filter(target_label__icontains=what) | events.filter(action__icontains=what)
    before = request.GET.get("before", "")
    if before.isdigit():
        events = events.filter(pk__lt=int(before))
    found = list(events.order_by("-pk")[: PER_PAGE + 1])
    context = {
        **frame(request, engagement, "activity"),
        "lines": [line(event) for event in found[:PER_PAGE]],
        "older": found[PER_PAGE - 1].pk if len(found) > PER_PAGE else None,
        "people": EngagementMember.objects.filter(engagement=engagement).select_related("user"),
        "paged": before.isdigit(),
    }
    return render(request, "engagements/activity.html", context)
