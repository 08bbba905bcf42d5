"""What stands in the way of a step, as pages show it."""

from __future__ import annotations

import dataclasses
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from engagements.models import Engagement
from engagements.register import Finding, Severity, findings


def in_the_way(step: str, engagement: Engagement) -> list[dict[str, Any]]:
    """The findings of a step as plain data; who may go past a warning gets the link to do so."""
    return as_rows(step, engagement, findings(step, engagement))


def as_rows(step: str, engagement: Engagement, found: list[Finding]) -> list[dict[str, Any]]:
    """`in_the_way` of findings that are known already."""
    shown = []
    for finding in found:
        row = dataclasses.asdict(finding)
        if finding.severity == Severity.WARN and "manage_engagement" in engagement.may:
            query = urlencode({"step": step, "rule": finding.rule, "subject": finding.subject})
            row["override_url"] = f"{reverse('engagements:override', args=[engagement.pk])}?{query}"
        shown.append(row)
    return shown
