"""The sections of an engagement that this app shows."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest

from engagements.frame import section
from engagements.models import Engagement
from fieldwork.models import ControlTest, Deviation, SignOff


def _left(engagement: Engagement, request: HttpRequest) -> QuerySet[ControlTest]:
    """Tests that are not reviewed yet."""
    reviewed = SignOff.objects.filter(
        engagement=engagement, step=SignOff.Step.REVIEWED, voided_at__isnull=True
    ).values("test")
    return ControlTest.objects.filter(engagement=engagement).exclude(pk__in=reviewed)


def _exceptions(engagement: Engagement, request: HttpRequest) -> QuerySet[Deviation]:
    found = Deviation.objects.filter(engagement=engagement).standing()
    if "see_fieldwork" not in engagement.may:
        found = found.filter(released_at__isnull=False)
    return found


section("testing", "Testing", "fieldwork:testing", position=14, needs=("see_fieldwork",), counted=_left)
section(
    "exceptions",
    "Exceptions",
    "fieldwork:exceptions",
    position=15,
    needs=("see_fieldwork", "see_exceptions"),
    counted=_exceptions,
)
