"""All tests, samples and exceptions of an engagement, asked for once in one look by rules, pages and report."""

from __future__ import annotations

import datetime as dt

from django.db.models import Max, Min

from engagements.models import Engagement
from engagements.register import shared
from fieldwork.models import ControlTest, Deviation, ItemResult, ProcedureRecord, ReviewNote, Sample


@shared
def tests_of(engagement: Engagement) -> list[ControlTest]:
    """By control and number, with what they rest on and who has them."""
    return list(
        ControlTest.objects.filter(engagement=engagement)
        .select_related("control", "sample__population", "empty_population", "assigned_to")
        .order_by("control__number", "number", "pk")
    )


@shared
def samples_of(engagement: Engagement) -> list[Sample]:
    """Those that are not void."""
    return list(
        Sample.objects.filter(engagement=engagement)
        .living()
        .select_related("control", "population", "profile")
        .order_by("pk")
    )


@shared
def exceptions_of(engagement: Engagement) -> list[Deviation]:
    """Those that were neither dismissed nor merged into another, by code."""
    return list(
        Deviation.objects.filter(engagement=engagement)
        .standing()
        .select_related("control", "test__control", "compensating_control")
    )


@shared
def loose_cells(engagement: Engagement) -> list[ItemResult]:
    """The deviations on test sheets from which no exception was raised."""
    return list(
        ItemResult.objects.filter(
            engagement=engagement, outcome=ItemResult.Outcome.DEVIATION, deviation_links__isnull=True
        )
        .select_related("item__test__control", "attribute__test__control")
        .order_by("pk")
    )


@shared
def open_notes(engagement: Engagement) -> list[ReviewNote]:
    """By what they are at."""
    return list(ReviewNote.objects.filter(engagement=engagement, cleared_at__isnull=True).order_by("target", "pk"))


@shared
def recorded(engagement: Engagement) -> list[tuple[int, int, dt.datetime, dt.datetime]]:
    """Who recorded results or procedures for which test, first and last: keys of test and person, two times."""
    cells = ItemResult.objects.filter(engagement=engagement).order_by().values_list("item__test_id", "by_id")
    done = ProcedureRecord.objects.filter(engagement=engagement).order_by().values_list("test_id", "by_id")
    first_and_last = {"first": Min("at"), "last": Max("at")}
    return list(cells.annotate(**first_and_last).union(done.annotate(**first_and_last)))
