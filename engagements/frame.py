"""What every page of an engagement shows around its content: rail, sections with counts, what the person may do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from django.db.models import Count, QuerySet, Value
from django.http import HttpRequest
from django.urls import reverse

from engagements.models import RAIL, Engagement, Stage

Counted = Callable[[Engagement, HttpRequest], QuerySet[Any] | None]


@dataclasses.dataclass(frozen=True)
class Section:
    """An entry of the side navigation. `needs`: permissions of which one suffices to see it; `counted`: the rows
    whose number stands beside it; `outlives`: it is there when the file is destroyed too."""

    key: str
    label: str
    url_name: str
    position: int
    needs: tuple[str, ...]
    counted: Counted | None = None
    outlives: bool = False


_SECTIONS: dict[str, Section] = {}


def section(
    key: str,
    label: str,
    url_name: str,
    *,
    position: int,
    needs: tuple[str, ...],
    counted: Counted | None = None,
    outlives: bool = False,
) -> None:
    """Register a section (call it in an app's `navigation.py`). `url_name` takes the engagement's id only."""
    _SECTIONS[key] = Section(key, label, url_name, position, needs, counted, outlives)


def frame(request: HttpRequest, engagement: Any, active: str) -> dict[str, Any]:
    """Context for `engagement.html`: engagement, may, rail, nav, active.

    `engagement` comes from `roles.engagement_for`, which attached `may` and `member`.
    """
    visible = sorted(
        (
            entry
            for entry in _SECTIONS.values()
            if engagement.may.intersection(entry.needs) and (entry.outlives or engagement.stage != Stage.PURGED)
        ),
        key=lambda entry: entry.position,
    )
    # A figure tells of the work: not to who has not confirmed independence (R02).
    shown = [] if engagement.member.unconfirmed else visible
    counts = _counts({entry.key: entry.counted(engagement, request) for entry in shown if entry.counted})
    return {
        "engagement": engagement,
        "may": engagement.may,
        "member": engagement.member,
        "active": active,
        "rail": rail(engagement),
        "nav": [
            {
                "key": entry.key,
                "label": entry.label,
                "url": reverse(entry.url_name, args=[engagement.pk]),
                "count": counts.get(entry.key),
                # A rule between the groups of ten.
                "group": entry.position // 10,
            }
            for entry in visible
        ],
    }


def _counts(counted: dict[str, QuerySet[Any] | None]) -> dict[str, int]:
    """How many rows each has, by one query: every page asks."""
    each = [
        rows.order_by().annotate(of_section=Value(key)).values_list("of_section").annotate(Count("pk"))
        for key, rows in counted.items()
        if rows is not None
    ]
    return dict(each[0].union(*each[1:], all=True)) if each else {}


def rail(engagement: Engagement) -> list[dict[str, str]]:
    """The stages with their state: done, now or next; a Type 1 has no observation.

    Readiness may be left out, and once it is behind nobody can tell from the stage whether it was: then it is not
    shown as done.
    """
    if engagement.ended:
        return [{"key": engagement.stage, "label": engagement.get_stage_display(), "state": "now"}]
    before = RAIL.index(Stage(engagement.stage)) <= RAIL.index(Stage.READINESS)
    without = {*([] if engagement.is_type_2 else [Stage.OBSERVATION]), *([] if before else [Stage.READINESS])}
    stages = [stage for stage in RAIL if stage not in without]
    here = stages.index(Stage(engagement.stage))
    return [
        {
            "key": stage.value,
            "label": str(stage.label),
            "state": "done" if place < here else "now" if place == here else "next",
        }
        for place, stage in enumerate(stages)
    ]
