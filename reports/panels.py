"""What the overview of an engagement shows of its report."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from engagements.models import Engagement, Stage
from engagements.panels import panel
from reports import opinion
from reports.models import Issuance, ManagementStatement
from reports.snapshot import conclusions, description_of, issuance_states, limbs_of, standing_statements


def proposed_opinion(engagement: Engagement, request: HttpRequest) -> dict[str, Any] | None:
    """What the results propose now, beside what the partner concluded; the firm's alone."""
    if engagement.stage not in {Stage.FIELDWORK, Stage.REPORTING, Stage.ISSUED, Stage.LOCKED}:
        return None
    formed, proposals = conclusions(engagement), opinion.proposals(engagement)
    return {
        "limbs": [
            {"limb": limb, "proposed": proposals[limb], "formed": formed.get(limb)} for limb in limbs_of(engagement)
        ]
    }


def letters(engagement: Engagement, request: HttpRequest) -> dict[str, Any] | None:
    """Where the description, the signatures and the report stand."""
    if engagement.stage in {Stage.ACCEPTANCE, Stage.DECLINED}:
        return None
    description = description_of(engagement)
    complete = description is not None and description.completed_at is not None
    signed = standing_statements(engagement)
    rows = [
        {
            "label": "System description",
            "url": opinion.page(engagement, "description"),
            "state": "done" if complete else "draft" if description else "open",
            "words": "complete" if complete else "in writing" if description else "not started",
        }
    ]
    rows += [
        {
            "label": str(kind.label),
            "url": opinion.page(engagement, "statements"),
            "state": "signed" if kind in signed else "open",
            "words": "signed" if kind in signed else "to be signed",
        }
        for kind in ManagementStatement.Kind
        if engagement.stage in {Stage.FIELDWORK, Stage.REPORTING, Stage.ISSUED, Stage.LOCKED}
    ]
    if "see_report" in engagement.may and engagement.stage in {Stage.REPORTING, Stage.ISSUED, Stage.LOCKED}:
        issued = Issuance.State.CURRENT in issuance_states(engagement)
        rows.append(
            {
                "label": "Report",
                "url": opinion.page(engagement, "report"),
                "state": "issued" if issued else engagement.reporting_step,
                "words": "issued" if issued else str(engagement.get_reporting_step_display()).lower(),
            }
        )
    return {"rows": rows}


panel(
    "opinion",
    position=30,
    column="aside",
    template="reports/_opinion_panel.html",
    context=proposed_opinion,
    needs=("see_fieldwork",),
)
panel(
    "letters",
    position=40,
    column="aside",
    template="reports/_letters_panel.html",
    context=letters,
    needs=("see_description",),
)
