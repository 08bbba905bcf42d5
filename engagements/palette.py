"""Go to a thing by its code or name: what the command palette finds in an engagement."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from django.db.models import Q
from django.urls import reverse

from engagements.models import Control, Engagement, EngagementMember
from engagements.roles import SEE_CONTROLS, SEE_SCOPE

LIMIT = 8


@dataclasses.dataclass(frozen=True)
class Hit:
    code: str
    label: str
    url: str
    kind: str


Search = Callable[[Engagement, frozenset[str], str], Iterable[Hit]]
_SEARCHES: list[Search] = []


def search(function: Search) -> Search:
    """Register what is searched: (engagement, rights of the person, query) -> at most LIMIT hits."""
    _SEARCHES.append(function)
    return function


def find(engagement: Engagement, may: frozenset[str], query: str) -> list[Hit]:
    """All hits; those whose code begins with the query come first."""
    hits = [hit for one in _SEARCHES for hit in one(engagement, may, query)]
    return sorted(hits, key=lambda hit: not hit.code.lower().startswith(query.lower()))


@search
def controls(engagement: Engagement, may: frozenset[str], query: str) -> Iterable[Hit]:
    if not may.intersection(SEE_CONTROLS):
        return
    found = Control.objects.in_scope().filter(
        Q(number__icontains=query) | Q(title__icontains=query), engagement=engagement
    )
    for control in found[:LIMIT]:
        yield Hit(control.number, control.title, control.get_absolute_url(), "Control")


@search
def criteria(engagement: Engagement, may: frozenset[str], query: str) -> Iterable[Hit]:
    if not may.intersection(SEE_SCOPE):
        return
    found = engagement.criteria().filter(Q(code__icontains=query) | Q(title__icontains=query))
    for criterion in found[:LIMIT]:
        url = reverse("engagements:criterion", args=[engagement.pk, criterion.code])
        yield Hit(criterion.code, criterion.title, url, "Criterion")


@search
def people(engagement: Engagement, may: frozenset[str], query: str) -> Iterable[Hit]:
    if not may.intersection(SEE_SCOPE):
        return
    found = EngagementMember.objects.filter(engagement=engagement, user__name__icontains=query).select_related(
        "user"
    )
    for member in found[:LIMIT]:
        label = f"{member.user.name}, {member.get_role_display()}"
        yield Hit("", label, reverse("engagements:team", args=[engagement.pk]), "Person")
