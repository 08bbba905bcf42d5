"""The trail of an engagement as people read it."""

from __future__ import annotations

import dataclasses
import datetime as dt

from audit.models import Event, EventQuerySet
from audit.trail import phrase_of
from engagements.models import Engagement


@dataclasses.dataclass(frozen=True)
class Line:
    """One event in words: who did what when, from where; `before` and `after` where words were changed."""

    id: int
    at: dt.datetime
    actor: str
    words: str
    ip: str
    firm_only: bool
    changes: list[tuple[str, str, str]]


class _Known(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "…"


def line(event: Event) -> Line:
    facts = _Known(event.detail, target=event.target_label)
    return Line(
        event.pk,
        event.at,
        event.actor_name,
        phrase_of(event.action).format_map(facts),
        event.ip or "",
        event.audience == Event.Audience.FIRM,
        _changes(event),
    )


def _changes(event: Event) -> list[tuple[str, str, str]]:
    """What was there before and what after, where the event says so; and its reason."""
    old, new = event.detail.get("old"), event.detail.get("new")
    changed = []
    if isinstance(old, dict) and isinstance(new, dict):
        changed = [(name, str(old[name]), str(new.get(name, ""))) for name in old if old[name] != new.get(name)]
    values = event.detail.get("values")
    if isinstance(values, dict):
        changed += [
            (name.replace("_", " "), _word(pair[0]), _word(pair[1]))
            for name, pair in values.items()
            if isinstance(pair, list) and len(pair) == 2 and not name.startswith("criteria")
        ]
    if reason := event.detail.get("reason"):
        changed.append(("reason", "", str(reason)))
    return changed


def _word(value: object) -> str:
    return "none" if value in (None, "", []) else str(value)


def visible_events(engagement: Engagement, may: frozenset[str]) -> EventQuerySet:
    """The events that the person may see: the client never those of the firm's own work (R68)."""
    events: EventQuerySet = Event.objects.of_engagement(engagement.pk)
    return events if "see_fieldwork" in may else events.for_client()
