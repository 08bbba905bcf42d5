"""The page of what became known after issue (R58)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from engagements.frame import frame
from engagements.models import Engagement, Stage
from engagements.roles import engagement_for
from reports import recalling
from reports.forms import DecideForm, FactForm, put
from reports.models import DiscoveredFact, Issuance

Decision = DiscoveredFact.Decision


def _choices(engagement: Engagement, fact: DiscoveredFact | None) -> list[tuple[str, Any]]:
    """What can follow: nothing is withdrawn twice, and a locked file is not opened again."""
    current = fact is not None and fact.issuance.state == Issuance.State.CURRENT
    possible = {Decision.STANDS}
    if current:
        possible |= {Decision.WITHDRAW}
    if engagement.stage == Stage.ISSUED:
        possible |= {Decision.REISSUE, *([Decision.WITHDRAW_REISSUE] if current else [])}
    labels = dict(Decision.choices)
    if not current:
        labels[Decision.STANDS] = "Nothing more follows"
        labels[Decision.REISSUE] = "Reissue"
    return [(one.value, labels[one]) for one in Decision if one in possible]


def _page(request: HttpRequest, engagement: Engagement, **forms: Any) -> HttpResponse:
    open_fact = recalling.open_fact(engagement)
    deciding = open_fact is not None and not open_fact.decision
    issued = engagement.stage in {Stage.ISSUED, Stage.LOCKED}
    back = reverse("reports:facts", args=[engagement.pk])
    context = {
        **frame(request, engagement, "report"),
        "issuance": recalling.last_issued(engagement),
        "open_fact": open_fact,
        "facts": DiscoveredFact.objects.filter(engagement=engagement, closed_at__isnull=False).select_related(
            "issuance", "opened_by", "decided_by"
        ),
        "may_record": issued
        and open_fact is None
        and bool(engagement.may & {"manage_engagement", "complete_quality_review"}),
        "may_decide": deciding and "issue_report" in engagement.may,
        "fact_form": forms.get("fact") or FactForm(),
        "decide_form": forms.get("decide")
        or DecideForm(request=request, back=back, choices=_choices(engagement, open_fact)),
    }
    return render(request, "reports/facts.html", context, status=422 if forms else 200)


@require_GET
def facts(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, engagement_for(request, pk, "see_fieldwork"))


@require_POST
def record_fact(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "manage_engagement", "complete_quality_review")
    form = FactForm(request.POST)
    if form.is_valid():
        try:
            recalling.record_fact(engagement, by=engagement.member.user, **form.cleaned_data)
        except ValidationError as error:
            put(form, error)
        else:
            messages.success(request, "It is on record. The partner decides what follows.")
            return redirect("reports:facts", pk)
    return _page(request, engagement, fact=form)


@require_POST
def decide_fact(request: HttpRequest, pk: int, fact: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "issue_report")
    found = get_object_or_404(DiscoveredFact.objects.select_related("issuance"), engagement=engagement, pk=fact)
    back = reverse("reports:facts", args=[pk])
    form = DecideForm(request.POST, request=request, back=back, choices=_choices(engagement, found))
    if form.is_valid():
        try:
            recalling.decide(found, by=engagement.member.user, **form.cleaned_data)
        except ValidationError as error:
            put(form, error)
        else:
            messages.success(
                request, "Decided. Whoever has the report, or may get it, is told where that changes it."
            )
            return redirect("reports:facts", pk)
    return _page(request, engagement, decide=form)
