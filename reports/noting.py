"""The things of the report at which review notes are raised."""

from __future__ import annotations

from django.urls import reverse

from fieldwork.noting import notable
from reports.models import DescriptionSection, ManagementStatement, Matter, Report

notable(
    "description",
    "Description",
    DescriptionSection,
    by="part",
    label=lambda section: f"Description, {section}",
    url=lambda section: reverse("reports:section", args=[section.engagement_id, section.part]),
)
notable(
    "statement",
    "Assertion or letter",
    ManagementStatement,
    by="pk",
    label=lambda statement: str(statement.get_kind_display()),
    url=lambda statement: reverse("reports:statements", args=[statement.engagement_id]),
)
notable(
    "matter",
    "Matter of the opinion",
    Matter,
    by="number",
    label=lambda matter: f"Matter {matter.number}, {matter.title}",
    url=lambda matter: f"{reverse('reports:opinion', args=[matter.engagement_id])}#matter-{matter.number}",
)
notable(
    "draft",
    "Draft of the report",
    Report,
    by="number",
    url=lambda draft: reverse("reports:draft", args=[draft.engagement_id, draft.number]),
)
