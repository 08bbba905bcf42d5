"""The page preview at 40 and at 400 controls: from a saved paragraph or result to the picture of its page."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

from django.core.cache import cache
from django.db import transaction

from bench.ground import migrate, next_number
from bench.results import Result, ratio
from engagements.models import Engagement
from fieldwork.models import ControlTest
from jobs.models import Job
from reports import description, previewing
from reports.models import DescriptionSection, Part
from tests import factories as f
from tests.permissions.sized import sized
from tests.permissions.world import rendered_blank

FEW, MANY = 40, 400
TIMES = 5


def measure() -> Iterator[Result]:
    migrate()
    with rendered_blank(), transaction.atomic():
        few = sized(FEW, client="Few, Inc.", number=next_number())
        many = sized(
            MANY, client="Many, Inc.", number=next_number(), partner=f.partner_of(f.firm(), "maya", "Maya")
        )
    for name, change in (("paragraph", paragraph), ("result", result)):
        took = {}
        for count, engagement in ((FEW, few), (MANY, many)):
            cache.clear()
            show(engagement)
            took[count] = Result(f"preview.{count}.{name}", of(engagement, change), "s")
        yield from took.values()
        yield ratio(f"preview.{MANY}.{name} / {FEW}", took[MANY], took[FEW])


def of(engagement: Engagement, change: Callable[[Engagement, int], None]) -> float:
    took = []
    for number in range(TIMES):
        change(engagement, number)
        start = time.perf_counter()
        show(engagement)
        took.append(time.perf_counter() - start)
    return round(statistics.median(took), 3)


def show(engagement: Engagement) -> None:
    """What the worker does."""
    previewing.render(Job(kind=previewing.KIND, engagement_id=engagement.pk))


def paragraph(engagement: Engagement, number: int) -> None:
    section = DescriptionSection.objects.get(engagement=engagement, part=Part.DC1)
    description.save_section(
        engagement,
        Part.DC1,
        body=f"What is done, in other words for time {number}. "
        + "A sentence that says what the service is. " * 40,
        version=section.version,
        by=f.people(engagement)["carla"],
    )


def result(engagement: Engagement, number: int) -> None:
    test = ControlTest.objects.filter(engagement=engagement).order_by("control__number")[20]
    test.conclusion = f"Looked at again for time {number}."
    test.save(update_fields=["conclusion"])
