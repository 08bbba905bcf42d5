"""What the command palette finds of fieldwork."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from engagements.models import Engagement
from engagements.palette import LIMIT, Hit, search
from fieldwork.models import ControlTest, Deviation


@search
def tests(engagement: Engagement, may: frozenset[str], query: str) -> Iterable[Hit]:
    """The tests of controls, for the firm only."""
    if "see_fieldwork" not in may:
        return
    found = ControlTest.objects.filter(
        Q(control__number__icontains=query) | Q(control__title__icontains=query), engagement=engagement
    ).select_related("control")
    for test in found[:LIMIT]:
        yield Hit(str(test), test.control.title, test.get_absolute_url(), "Test")


@search
def exceptions(engagement: Engagement, may: frozenset[str], query: str) -> Iterable[Hit]:
    """Exceptions; the client finds those released to it."""
    found = Deviation.objects.filter(Q(code__icontains=query) | Q(title__icontains=query), engagement=engagement)
    if "see_fieldwork" not in may:
        if "see_exceptions" not in may:
            return
        found = found.filter(released_at__isnull=False).standing()
    for deviation in found[:LIMIT]:
        yield Hit(deviation.code, deviation.title, deviation.get_absolute_url(), "Exception")
