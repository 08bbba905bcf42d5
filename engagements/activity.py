"""The trail of an engagement, or of a firm, as people read it, look through it and take it with them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import Firm, FirmMember, User
from accounts.templatetags.ui import as_day
from audit import checkpoints, timestamps
from audit.checkpoints import Broken, Checkpoint
from audit.export import json_lines, spreadsheet, verifiable
from audit.models import Event, EventQuerySet
from audit.text import plain
from audit.trail import action, phrase_of, record
from engagements.models import Engagement

EXPORTED = action("trail.exported", "took the activity along as {form}")
PROVED = action("trail.proof_exported", "took the whole trail along, to be verified elsewhere", firm_only=True)

CSV, JSON_LINES = "csv", "jsonl"
MOST = 20_000
# Of several chains at once, events of the same moment come to light in any order: a cursor stays behind them.
SETTLED = dt.timedelta(minutes=1)


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
    engagement_id: int | None


# A day as the trail keeps it; people read it as everywhere else.
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class _Known(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "…"


def line(event: Event) -> Line:
    return Line(
        event.pk,
        event.at,
        _shown(event.actor_name),
        sentence(event),
        event.ip or "",
        event.audience == Event.Audience.FIRM,
        [(_shown(name), _shown(old), _shown(new)) for name, old, new in _changes(event)],
        event.engagement_id,
    )


def sentence(event: Event) -> str:
    """What was done, after the name of who did it; on one line, with nothing in it that acts on its reader."""
    words = phrase_of(event.action).format_map(_Known(_readable(event.detail), target=event.target_label))
    means = event.detail.get("by_means_of")
    return _shown(f"{words} (by {means})" if means else words)


def _readable(detail: dict[str, object]) -> dict[str, object]:
    return {name: _day(value) if isinstance(value, str) else value for name, value in detail.items()}


def _day(text: str) -> str:
    """A day in words, and any other text as it is."""
    if not _DAY.fullmatch(text):
        return text
    try:
        return as_day(dt.date.fromisoformat(text))
    except ValueError:
        return text


def _shown(text: str) -> str:
    return plain(" ".join(text.split()))


def _changes(event: Event) -> list[tuple[str, str, str]]:
    """What was there before and what after, where the event says so; and its reason."""
    old, new = event.detail.get("old"), event.detail.get("new")
    changed = []
    if isinstance(old, dict) and isinstance(new, dict):
        changed = [
            (name, _day(str(old[name])), _day(str(new.get(name, "")))) for name in old if old[name] != new.get(name)
        ]
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
    return "none" if value in (None, "", []) else _day(str(value))


def visible_events(engagement: Engagement, may: frozenset[str]) -> EventQuerySet:
    """The events that the person may see: the client never those of the firm's own work (R68)."""
    events: EventQuerySet = Event.objects.of_engagement(engagement.pk)
    return events if "see_fieldwork" in may else events.for_client()


class Search(forms.Form):
    """What somebody looks for in the trail. A value that cannot be read is left out."""

    who = forms.IntegerField(required=False)
    act = forms.CharField(required=False, max_length=64)
    since = forms.DateField(required=False)
    until = forms.DateField(required=False)
    q = forms.CharField(required=False, max_length=200)
    before = forms.IntegerField(required=False, min_value=0, max_value=2**62)
    after = forms.IntegerField(required=False, min_value=0, max_value=2**62)

    def wanted(self) -> dict[str, Any]:
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}

    def narrow(self, events: EventQuerySet) -> EventQuerySet:
        """The events of a person, of a kind, of some days (UTC), at an object."""
        wanted = self.wanted()
        if "who" in wanted:
            events = events.filter(actor_id=wanted["who"])
        if "act" in wanted:
            events = events.filter(action=wanted["act"])
        if "since" in wanted:
            events = events.filter(at__gte=_midnight(wanted["since"]))
        if "until" in wanted:
            events = events.filter(at__lte=dt.datetime.combine(wanted["until"], dt.time.max, tzinfo=dt.UTC))
        if "q" in wanted:
            events = events.filter(target_label__icontains=wanted["q"])
        return events


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)


def choices(events: EventQuerySet) -> dict[str, list[tuple[str, str]]]:
    """Whom and which kinds of act one can look for: those that occur."""
    people = (
        events.filter(actor__isnull=False).order_by("actor__name").values_list("actor_id", "actor__name").distinct()
    )
    acts = events.order_by("action").values_list("action", flat=True).distinct()
    return {
        "people": [(str(pk), name) for pk, name in people],
        "acts": [(code, code.replace(".", ": ").replace("_", " ").capitalize()) for code in acts],
    }


@dataclasses.dataclass(frozen=True)
class File:
    """A part of the trail to take along. `more`: the cursor behind which the next part begins, if there is one."""

    name: str
    content: bytes
    more: int | None


def take(events: EventQuerySet, search: Search, form: str, *, of: Engagement | Firm, by: User) -> File:
    """The events that were looked for, oldest first, from behind the cursor `after` on, at most MOST at once.

    Whoever takes them without a cursor is recorded, and gets nothing when that fails; who goes on from a cursor,
    as a log system does every few minutes, has been. Within one engagement the cursor is the number in its chain,
    behind which nothing can come to light later; in a firm the last minute is held back for that.
    """
    after = search.wanted().get("after")
    if after is None:
        _record(EXPORTED, of, by=by, form={CSV: "CSV", JSON_LINES: "JSON Lines"}[form])
    cursor = "seq" if isinstance(of, Engagement) else "id"
    found = search.narrow(events)
    if cursor == "id" and after is not None:
        found = found.filter(at__lt=timezone.now() - SETTLED)
    part = list(found.filter(**{f"{cursor}__gt": after or 0}).order_by(cursor)[: MOST + 1])
    more = getattr(part[MOST - 1], cursor) if len(part) > MOST else None
    part = part[:MOST]
    if form == CSV:
        return File(f"activity {_named(of)}.csv", spreadsheet(part, sentence), more)
    return File(f"activity {_named(of)}.jsonl", json_lines(part, sentence, sequence=cursor).encode(), more)


def take_whole(of: Engagement | Firm, *, by: User) -> File:
    """The whole trail with its checkpoints, for verify_trail.py; recorded, or not handed out.

    Raises ValidationError when the checkpoints themselves do not verify.
    """
    _record(PROVED, of, by=by)
    keys = [f"engagement:{of.pk}"]
    if isinstance(of, Firm):
        engagements = Engagement.objects.filter(firm=of).values_list("pk", flat=True)
        keys = [f"firm:{of.pk}", *(f"engagement:{pk}" for pk in engagements)]
    try:
        content = "".join(verifiable(keys)).encode()
    except Broken as broken:
        raise ValidationError(f"Checkpoint {broken.number} {broken.reason}.") from broken
    except timestamps.Wrong as wrong:
        raise ValidationError(f"The timestamps do not verify: {wrong}.") from wrong
    return File(f"trail {_named(of)}.jsonl", content, None)


def _record(what: Any, of: Engagement | Firm, *, by: User, **detail: Any) -> None:
    # Of its own transaction: to write down twenty thousand lines would hold up everybody who does something.
    with transaction.atomic():
        if isinstance(of, Engagement):
            record(what, by=by, engagement=of, **detail)
        else:
            record(what, by=by, firm=of, **detail)


def _named(of: Engagement | Firm) -> str:
    return of.number if isinstance(of, Engagement) else of.legal_name


def firm_for(user: Any, wanted: str = "") -> Firm | None:
    """The firm whose trail the person may read, as its administrator: the wanted one, else the first.

    None for people of no firm; raises PermissionDenied for those of a firm who do not administer it.
    """
    members = FirmMember.objects.filter(user_id=user.pk).select_related("firm").order_by("pk")
    if wanted.isdecimal():
        members = members.filter(firm_id=int(wanted))
    found = list(members)
    if found and not any(member.is_admin for member in found):
        raise PermissionDenied("Only an administrator of the firm reads its trail.")
    return next((member.firm for member in found if member.is_admin), None)


def last_checkpoint() -> Checkpoint | None:
    """The checkpoint written last, as far as this machine has them; None also when the file cannot be read."""
    try:
        return checkpoints.latest()
    except (Broken, OSError):
        return None


def numbers(events: Iterable[Line]) -> dict[int, str]:
    """Number and client of the engagements that the lines speak of."""
    found = Engagement.objects.filter(pk__in={one.engagement_id for one in events if one.engagement_id})
    return {one.pk: f"{one.number} {one.client.short}" for one in found.select_related("client")}
