"""Requests, files and populations for the command palette."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from engagements.models import Engagement
from engagements.palette import LIMIT, Hit, search
from evidence.models import EvidenceFile, EvidenceRequest, Population, Reconciliation


@search
def requests(engagement: Engagement, may: frozenset[str], query: str) -> Iterable[Hit]:
    if not may.intersection({"see_fieldwork", "upload_evidence"}):
        return
    visible = EvidenceRequest.objects.visible_as(engagement, engagement.member.user)
    for one in visible.filter(Q(code__icontains=query) | Q(title__icontains=query))[:LIMIT]:
        yield Hit(one.code, one.title, one.get_absolute_url(), "Request")


@search
def files(engagement: Engagement, may: frozenset[str], query: str) -> Iterable[Hit]:
    if not may.intersection({"see_fieldwork", "upload_evidence"}):
        return
    visible = EvidenceFile.objects.visible_as(engagement, engagement.member.user).current()
    found = visible.saying(query) if len(query) > 2 else visible.filter(code__icontains=query)
    for file in found[:LIMIT]:
        yield Hit(file.code, file.name, file.get_absolute_url(), "File")


@search
def populations(engagement: Engagement, may: frozenset[str], query: str) -> Iterable[Hit]:
    if not may.intersection({"see_fieldwork", "provide_populations"}):
        return
    visible = Population.objects.visible_as(engagement, engagement.member.user).current()
    for one in visible.filter(Q(code__icontains=query) | Q(name__icontains=query))[:LIMIT]:
        yield Hit(str(one), one.name, one.get_absolute_url(), "Population")


@search
def reconciliations(engagement: Engagement, may: frozenset[str], query: str) -> Iterable[Hit]:
    if "see_fieldwork" not in may:
        return
    known = Reconciliation.objects.filter(engagement=engagement).current()
    for one in known.filter(Q(code__icontains=query) | Q(title__icontains=query))[:LIMIT]:
        yield Hit(str(one), one.title, one.get_absolute_url(), "Reconciliation")
