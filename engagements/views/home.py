from __future__ import annotations

import dataclasses
import itertools

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.models import FirmMember, User
from accounts.switching import Place, chosen
from audit.context import EVERYBODY, acting_for
from engagements.frame import frame
from engagements.models import Engagement
from engagements.palette import find
from engagements.register import rules as registered_rules
from engagements.roles import engagement_for
from engagements.team import orphaned
from engagements.views.acting import person
from engagements.views.listing import listed
from engagements.waiting import KINDS, Urgency, waiting_for

SHOWN_PER_KIND = 12


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """What waits for the person, over all engagements, in order of urgency."""
    user, today = person(request), timezone.localdate()
    place = chosen(request)
    found = [
        one
        for one in waiting_for(user, today=today)
        if place is None or place.covers(firm_id=one.engagement.firm_id, client_id=one.engagement.client_id)
    ]
    urgent = [one for one in found if one.pressing(today) <= Urgency.RETURNED]
    groups = []
    for kind, label in KINDS.items():
        items = [one for one in found if one.kind == kind and one not in urgent]
        if items:
            shown = items if request.GET.get("all") == kind else items[:SHOWN_PER_KIND]
            groups.append({"key": kind, "label": label, "items": shown, "count": len(items)})
    context = {
        "urgent": urgent,
        "groups": groups,
        "count": len(found),
        "today": today,
        "rows": [row for row in listed(user, place) if row.ongoing][:20],
        **_of_firm(user, place),
    }
    return render(request, "engagements/home.html", context)


def _of_firm(user: User, place: Place | None) -> dict[str, object]:
    """What the person may do for a firm, and the certificate of it that its administrator has to renew."""
    members = list(FirmMember.objects.filter(user=user).select_related("firm__certificate"))
    if place is not None:
        members = [one for one in members if place.of_firm and one.firm_id == place.key]
    now = timezone.now()
    ending = [
        (one.firm, one.firm.certificate.days_left(at=now))
        for one in members
        if one.is_admin and hasattr(one.firm, "certificate") and one.firm.certificate.ends_soon(at=now)
    ]
    may_open = any(one.may_accept for one in members)
    orphans: list[Engagement] = []
    if may_open:
        with acting_for(EVERYBODY):
            orphans = list(
                orphaned(user).filter(firm__in=[one.firm_id for one in members]).select_related("client")
            )
    return {"may_open": may_open, "ending_certificates": ending, "orphans": orphans}


@require_GET
@login_required
def palette(request: HttpRequest) -> JsonResponse:
    """Hits for the command palette: sections, and what the apps find; over the engagements without one."""
    query = request.GET.get("q", "").strip()
    pk = request.GET.get("engagement", "")
    if not pk.isdecimal():
        engagements = Engagement.objects.visible_to(person(request)).at_place(chosen(request))
        hits = [
            {
                "code": engagement.number,
                "label": f"{engagement.client.short}, {engagement.system_name}",
                "url": engagement.get_absolute_url(),
                "kind": "Engagement",
            }
            for engagement in engagements.select_related("client")
            if query.lower() in f"{engagement.number} {engagement.client.name} {engagement.system_name}".lower()
        ]
        return JsonResponse(hits[:20], safe=False)
    engagement = engagement_for(request, int(pk), "see_engagement")
    sections = [
        {"code": "", "label": entry["label"], "url": entry["url"], "kind": "Section"}
        for entry in frame(request, engagement, "")["nav"]
        if query.lower() in str(entry["label"]).lower()
    ]
    # Who has not confirmed independence finds the sections and nothing of the work (R02).
    searched = query and not engagement.member.unconfirmed
    found = [dataclasses.asdict(hit) for hit in find(engagement, engagement.may, query)] if searched else []
    return JsonResponse(list(itertools.islice([*sections, *found], 20)), safe=False)


@require_GET
@login_required
def rules(request: HttpRequest) -> HttpResponse:
    """All rules that guard steps, from the register itself."""
    rows = [
        {
            "id": rule.id,
            "severity": rule.severity.value,
            "text": rule.text,
            "guards": [step.replace("_", " ") for step in rule.guards],
        }
        for rule in registered_rules()
    ]
    return render(request, "engagements/rules.html", {"rules": rows})
