"""What fieldwork shows on an engagement's overview and on a control's page."""

from __future__ import annotations

import datetime as dt
from itertools import groupby
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from engagements.models import Control, Engagement, Stage
from engagements.panels import control_panel, panel
from fieldwork.models import ControlTest, Deviation, Sample
from fieldwork.occurring import Operation, operations
from fieldwork.progress import CriterionProgress, controls_progress, criteria_progress, test_lines
from fieldwork.whole import exceptions_of


def _criteria(engagement: Engagement, request: HttpRequest) -> dict[str, Any] | None:
    """The criteria as a heat map: mapped, tested, exceptions."""
    if engagement.stage == Stage.ACCEPTANCE:
        return None
    controls = controls_progress(engagement)
    criteria = criteria_progress(engagement, controls)
    return {
        "series": [
            _series(engagement, code, name, list(members))
            for (code, name), members in groupby(criteria, key=lambda one: (one.series, one.series_title))
        ],
        "in_scope": len(criteria),
        "controls": len(controls),
        "reviewed": sum(one.state == "reviewed" for one in controls),
        "exceptions": sum(len(one.exceptions) for one in controls),
    }


def _series(engagement: Engagement, code: str, name: str, members: list[CriterionProgress]) -> dict[str, Any]:
    return {
        "code": code,
        "name": name,
        "cells": [
            {
                "code": one.code,
                "url": reverse("engagements:criterion", args=[engagement.pk, one.code]),
                "state": one.state,
                "share": one.share,
                "note": one.note,
            }
            for one in members
        ],
        "done": sum(one.controls > 0 and one.reviewed == one.controls for one in members),
        "total": len(members),
    }


def _occurrences(engagement: Engagement, request: HttpRequest) -> dict[str, Any] | None:
    """Expected and found occurrences of the periodic controls with an accepted population."""
    if not engagement.is_type_2:
        return None
    found = operations(engagement)
    if not found:
        return None
    today = timezone.localdate()
    return {
        "rows": [_row(operation, today) for operation in found],
        "start": engagement.starts_on,
        "end": engagement.ends_on,
        "today": today,
    }


def _row(operation: Operation, today: dt.date) -> dict[str, Any]:
    missing = set(operation.missing)
    left = iter(operation.dates)
    marks = []
    day = next(left, None)
    for cycle in operation.due:
        seen = None
        while day is not None and day <= cycle.end:
            seen, day = day, next(left, None)
        absent = cycle in missing
        marks.append(
            {
                "day": cycle.end if absent or seen is None else seen,
                "found": (None if cycle.end >= today else False) if absent else True,
                "note": "",
            }
        )
    return {
        "code": operation.control.number,
        "name": operation.control.title,
        "url": operation.control.get_absolute_url(),
        "marks": marks,
    }


def _exceptions(engagement: Engagement, request: HttpRequest) -> dict[str, Any] | None:
    of_firm = "see_fieldwork" in engagement.may
    rows = [one for one in exceptions_of(engagement) if of_firm or one.released_at is not None]
    return {"rows": rows, "of_firm": of_firm} if rows else None


def _tests_of_control(control: Control, request: HttpRequest) -> dict[str, Any] | None:
    """The control's tests, samples and exceptions."""
    tests = ControlTest.objects.filter(control=control).select_related("control", "assigned_to")
    return {
        "control": control,
        "lines": list(test_lines(tests).values()),
        "samples": Sample.objects.filter(control=control).select_related("population"),
        "exceptions": Deviation.objects.filter(control=control),
        "undrawn": control.populations.filter(state="accepted", row_count__gt=0).exclude(
            pk__in=Sample.objects.drawn().filter(control=control).values("population_id")
        ),
    }


panel(
    "criteria",
    position=20,
    column="main",
    template="fieldwork/_criteria_panel.html",
    context=_criteria,
    needs=("see_fieldwork",),
)
panel(
    "occurrences",
    position=30,
    column="main",
    template="fieldwork/_occurrences_panel.html",
    context=_occurrences,
    needs=("see_fieldwork",),
)
panel(
    "exceptions",
    position=40,
    column="main",
    template="fieldwork/_exceptions_panel.html",
    context=_exceptions,
    needs=("see_fieldwork", "see_exceptions"),
)
control_panel(
    "tests",
    position=20,
    template="fieldwork/_control_panel.html",
    context=_tests_of_control,
    needs=("see_fieldwork",),
)
