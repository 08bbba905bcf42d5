"""What the pages of an engagement and of a control are put together from, each part registered by its app."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from engagements.models import Control, Engagement

Context = Callable[[Engagement, HttpRequest], dict[str, Any] | None]
ControlContext = Callable[[Control, HttpRequest], dict[str, Any] | None]


@dataclasses.dataclass(frozen=True)
class Panel:
    """A part of a page. `needs`: permissions of which one suffices; `context` returns None to leave it out."""

    key: str
    position: int
    column: str
    template: str
    context: Callable[[Any, HttpRequest], dict[str, Any] | None]
    needs: tuple[str, ...]


_PANELS: dict[str, Panel] = {}
_CONTROL_PANELS: dict[str, Panel] = {}


def panel(
    key: str,
    *,
    position: int,
    column: str,
    template: str,
    context: Context,
    needs: tuple[str, ...] = ("see_engagement",),
) -> None:
    """Register a part of the engagement's overview; `column` is "wide", "main" or "aside"."""
    _PANELS[key] = Panel(key, position, column, template, context, needs)


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


def overview(engagement: Engagement, request: HttpRequest) -> dict[str, list[SafeString]]:
    """The rendered panels of an engagement by column, those the person may see."""
    return _rendered(_PANELS, engagement, engagement, request)


def around_control(control: Control, engagement: Engagement, request: HttpRequest) -> dict[str, list[SafeString]]:
    """The rendered panels of a control's page by column."""
    return _rendered(_CONTROL_PANELS, control, engagement, request)


def _rendered(
    registry: dict[str, Panel], subject: Engagement | Control, engagement: Engagement, request: HttpRequest
) -> dict[str, list[SafeString]]:
    columns: dict[str, list[SafeString]] = {"wide": [], "main": [], "aside": []}
    for one in sorted(registry.values(), key=lambda entry: entry.position):
        if not engagement.may.intersection(one.needs):
            continue
        context = one.context(subject, request)
        if context is not None:
            context = {"engagement": engagement, "may": engagement.may, **context}
            columns[one.column].append(render_to_string(one.template, context, request))
    return columns
