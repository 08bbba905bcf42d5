"""Sections of an engagement that evidence brings."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest

from engagements.frame import section
from engagements.models import Engagement
from evidence.models import EvidenceRequest, Population


def _requests(engagement: Engagement, request: HttpRequest) -> QuerySet[EvidenceRequest]:
    """Requests that wait for the person's side."""
    visible = EvidenceRequest.objects.visible_as(engagement, request.user)  # type: ignore[arg-type]
    if "see_fieldwork" in engagement.may:
        return visible.waiting_for_firm()
    return visible.waiting_for_client()


def _populations(engagement: Engagement, request: HttpRequest) -> QuerySet[Population] | None:
    """Listings to be accepted."""
    if "see_fieldwork" not in engagement.may:
        return None
    return Population.objects.filter(engagement=engagement, state=Population.State.PROVIDED)


section(
    "requests",
    "Requests",
    "evidence:requests",
    position=12,
    needs=("see_fieldwork", "upload_evidence"),
    counted=_requests,
)
section(
    "populations",
    "Populations",
    "evidence:populations",
    position=13,
    needs=("see_fieldwork", "provide_populations"),
    counted=_populations,
)
