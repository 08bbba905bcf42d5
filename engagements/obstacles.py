"""What stands in the way of a step, as pages show it."""

from __future__ import annotations

import dataclasses
from typing import Any
from urllib.parse import urlencode

from django.db import models
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
            row["override_url"] = past_warning(step, finding.rule, finding.subject, engagement)
        shown.append(row)
    return shown


def past_warning(step: str, rule: str, subject: str, engagement: Engagement, at: models.Model | None = None) -> str:
    """Where one goes on in spite of a warning, and comes back to the page of `at` when that is another one."""
    query = {"step": step, "rule": rule, "subject": subject}
    if at is not None:
        query["back"] = at.get_absolute_url()  # type: ignore[attr-defined]
    return f"{reverse('engagements:override', args=[engagement.pk])}?{urlencode(query)}"
