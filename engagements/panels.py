"""What the pages of an engagement and of a control are put together from, each part registered by its app."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from engagements import workflow
from engagements.activity import line, visible_events
from engagements.models import Control, Engagement, Stage
from engagements.obstacles import in_the_way

Context = Callable[[Engagement, HttpRequest], dict[str, Any] | None]
ControlContext = Callable[[Control, HttpRequest], dict[str, Any] | None]


@dataclasses.dataclass(frozen=True)
class Panel:
    """A part of a page. `needs`: permissions of which one suffices; `context` returns None to leave it out;
    `outlives`: it is there when the file is destroyed too."""

    key: str
    position: int
    column: str
    template: str
    context: Callable[[Any, HttpRequest], dict[str, Any] | None]
    needs: tuple[str, ...]
    outlives: bool = False


_PANELS: dict[str, Panel] = {}
_CONTROL_PANELS: dict[str, Panel] = {}
_LETTER_PANELS: dict[str, Panel] = {}


def panel(
    key: str,
    *,
    position: int,
    column: str,
    template: str,
    context: Context,
    needs: tuple[str, ...] = ("see_engagement",),
    outlives: bool = False,
) -> None:
    """Register a part of the engagement's overview; `column` is "wide", "main" or "aside"."""
    _PANELS[key] = Panel(key, position, column, template, context, needs, outlives)


def control_panel(
    key: str,
    *,
    position: int,
    template: str,
    context: ControlContext,
    column: str = "main",
    needs: tuple[str, ...] = ("see_engagement",),
) -> None:
    """Register a part of a control's page, "main" or "aside"."""
    _CONTROL_PANELS[key] = Panel(key, position, column, template, context, needs)


def letter_panel(
    key: str, *, position: int, template: str, context: Context, needs: tuple[str, ...] = ("see_engagement",)
) -> None:
    """Register a part of the engagement letter's page."""
    _LETTER_PANELS[key] = Panel(key, position, "main", template, context, needs)


def overview(engagement: Engagement, request: HttpRequest) -> dict[str, list[SafeString]]:
    """The rendered panels of an engagement by column, those the person may see."""
    return _rendered(_PANELS, engagement, engagement, request)


def around_control(control: Control, engagement: Engagement, request: HttpRequest) -> dict[str, list[SafeString]]:
    """The rendered panels of a control's page by column."""
    return _rendered(_CONTROL_PANELS, control, engagement, request)


def around_letter(engagement: Engagement, request: HttpRequest) -> list[SafeString]:
    """The rendered parts of the engagement letter's page."""
    return _rendered(_LETTER_PANELS, engagement, engagement, request)["main"]


def _rendered(
    registry: dict[str, Panel], subject: Engagement | Control, engagement: Engagement, request: HttpRequest
) -> dict[str, list[SafeString]]:
    columns: dict[str, list[SafeString]] = {"wide": [], "main": [], "aside": []}
    for one in sorted(registry.values(), key=lambda entry: entry.position):
        gone = engagement.stage == Stage.PURGED and not one.outlives
        if gone or not engagement.may.intersection(one.needs):
            continue
        context = one.context(subject, request)
        if context is not None:
            context = {"engagement": engagement, "may": engagement.may, **context}
            columns[one.column].append(render_to_string(one.template, context, request))
    return columns


# -- This app's own panels --------------------------------------------------------------------

# The step whose rules the overview shows, by the stage at which the engagement stands.
AHEAD = {
    Stage.ACCEPTANCE: ("accept", "What stands in the way of acceptance"),
    Stage.SCOPING: ("fieldwork", "What stands in the way of fieldwork"),
    Stage.READINESS: ("fieldwork", "What stands in the way of fieldwork"),
    Stage.OBSERVATION: ("fieldwork", "What stands in the way of fieldwork"),
    Stage.FIELDWORK: ("reporting", "What stands in the way of reporting"),
    Stage.REPORTING: ("issue", "What stands in the way of the report"),
}
SHOWN = 12


def _next_step(engagement: Engagement, request: HttpRequest) -> dict[str, Any] | None:
    """Where the engagement may go from here."""
    stages = workflow.next_stages(engagement)
    if engagement.stage == Stage.ACCEPTANCE:
        return {"accepting": True, "stages": []}
    if engagement.frozen or not stages:
        return None
    order = workflow.RAIL_ORDER
    here = order[Stage(engagement.stage)]
    ahead = [stage for stage in stages if order[stage] > here]
    return {
        "accepting": False,
        "stages": ahead,
        # Readiness is optional, the way beside it.
        "usual": next((stage for stage in ahead if stage != Stage.READINESS), None),
        "back": [stage for stage in stages if order[stage] < here],
        "letter_missing": engagement.letter_on is None,
    }


def _in_the_way(engagement: Engagement, request: HttpRequest) -> dict[str, Any] | None:
    if engagement.frozen or Stage(engagement.stage) not in AHEAD:
        return None
    step, title = AHEAD[Stage(engagement.stage)]
    # Whether a report may be issued is asked of all that it says: the page does not wait for that.
    findings = None if step == "issue" else in_the_way(step, engagement)
    return {"findings": findings, "title": title, "shown": SHOWN, "step": step}


def in_the_way_of_report(engagement: Engagement, request: HttpRequest) -> str:
    """What the page fetches as soon as it is there; empty where no report is ahead any more."""
    context = _in_the_way(engagement, request)
    if context is None or context["step"] != "issue":
        return ""
    context |= {"engagement": engagement, "may": engagement.may, "findings": in_the_way("issue", engagement)}
    return render_to_string("engagements/panels/in_the_way.html", context, request)


def _lately(engagement: Engagement, request: HttpRequest) -> dict[str, Any] | None:
    events = visible_events(engagement, engagement.may).order_by("-pk")[:8]
    return {"lines": [line(event) for event in events]}


def _facts(engagement: Engagement, request: HttpRequest) -> dict[str, Any]:
    return {}


panel("facts", position=0, column="wide", template="engagements/panels/facts.html", context=_facts, outlives=True)
panel(
    "next-step",
    position=10,
    column="aside",
    template="engagements/panels/next_step.html",
    context=_next_step,
    needs=("manage_engagement", "accept_engagement"),
)
panel(
    "in-the-way",
    position=20,
    column="aside",
    template="engagements/panels/in_the_way.html",
    context=_in_the_way,
    needs=("see_fieldwork",),
)
panel(
    "lately",
    position=90,
    column="aside",
    template="engagements/panels/lately.html",
    context=_lately,
    needs=("see_trail",),
    outlives=True,
)
