"""What a review note can be at: a kind of thing is registered with the way to find one by its key in an engagement.

Apps further right register theirs in a module `noting.py`, found at start-up. A note keeps "kind:key" and the
thing's name; the thing is looked up again where its address is shown.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.urls import reverse

from engagements.models import Control, Engagement
from evidence.models import EvidenceFile, EvidenceRequest, Population, Reconciliation
from fieldwork.models import ControlTest, Deviation, Sample

# Keys of rows are numbers of fewer digits.
DIGITS = 18


@dataclasses.dataclass(frozen=True)
class Kind:
    """`label` names the thing, `url` gives the page to look at it."""

    key: str
    name: str
    find: Callable[[Engagement, str], models.Model]
    label: Callable[[Any], str]
    url: Callable[[Any], str]


@dataclasses.dataclass(frozen=True)
class Noted:
    """One thing of an engagement at which notes are raised."""

    engagement: Engagement
    kind: Kind
    key: str
    thing: models.Model

    @property
    def target(self) -> str:
        return f"{self.kind.key}:{self.key}"

    @property
    def label(self) -> str:
        return self.kind.label(self.thing)

    @property
    def url(self) -> str:
        return self.kind.url(self.thing)


class NothingThere(LookupError):
    """There is no such kind, or no such thing in this engagement."""


_KINDS: dict[str, Kind] = {}


def notable(
    key: str,
    name: str,
    model: type[models.Model],
    *,
    by: str,
    label: Callable[[Any], str] = str,
    url: Callable[[Any], str] = lambda thing: thing.get_absolute_url(),
) -> None:
    """Register a kind of thing that belongs to an engagement; `by` is the field by which one is found."""

    field = model._meta.pk if by == "pk" else model._meta.get_field(by)
    numeric = isinstance(field, models.IntegerField)

    def find(engagement: Engagement, wanted: str) -> models.Model:
        if numeric and not (wanted.isdecimal() and len(wanted) < DIGITS):
            raise NothingThere(wanted)
        rows: Any = model
        thing: models.Model = rows.objects.get(engagement=engagement, **{by: wanted})
        return thing

    _KINDS[key] = Kind(key, name, find, label, url)


def kinds() -> list[Kind]:
    return list(_KINDS.values())


def noted(engagement: Engagement, kind: str, key: str) -> Noted:
    """The thing of this engagement. Raises NothingThere."""
    if kind not in _KINDS:
        raise NothingThere(kind)
    try:
        return Noted(engagement, _KINDS[kind], key, _KINDS[kind].find(engagement, key))
    except ObjectDoesNotExist as missing:
        raise NothingThere(f"{kind}:{key}") from missing


def url_of(engagement: Engagement, target: str) -> str:
    """The page of the notes at a target; needs no query."""
    kind, _, key = target.partition(":")
    return reverse("fieldwork:notes_at", args=[engagement.pk, kind, key])


notable("test", "Test", ControlTest, by="pk")
notable("exception", "Exception", Deviation, by="code")
notable("sample", "Sample", Sample, by="pk")
notable("control", "Control", Control, by="number")
notable("population", "Population", Population, by="pk")
notable("request", "Request", EvidenceRequest, by="code")
notable("file", "Evidence", EvidenceFile, by="code")
notable("reconciliation", "Reconciliation", Reconciliation, by="pk")
