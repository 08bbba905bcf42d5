"""The sections of an engagement that this app shows."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest

from engagements.frame import section
from engagements.models import Control, Engagement
from engagements.roles import SEE_CONTROLS, SEE_SCOPE


def _controls(engagement: Engagement, request: HttpRequest) -> QuerySet[Control]:
    return Control.objects.in_scope().filter(engagement=engagement)


section("overview", "Overview", "engagements:overview", position=0, needs=("see_engagement",), outlives=True)
section("scope", "Scope", "engagements:scope", position=10, needs=SEE_SCOPE)
section("controls", "Controls", "engagements:controls", position=11, needs=SEE_CONTROLS, counted=_controls)
section("team", "Team", "engagements:team", position=40, needs=("see_engagement",), outlives=True)
section("activity", "Activity", "engagements:activity", position=41, needs=("see_trail",), outlives=True)
