"""When the controls of an engagement operated, by their accepted populations, and when they did not (R34)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Max

from controls.models import Frequency
from engagements.models import Control, Engagement, RuleOverride
from engagements.register import shared
from evidence.models import Population
from evidence.occurrences import Cycle, cycles, missing_occurrences, parts
from evidence.populations import dated_listings, dated_listings_of
from fieldwork.drawing import dates_in, listing_of
from fieldwork.models import Deviation, DeviationQuerySet

_UNCOUNTED = {Frequency.MULTIPLE_DAILY, Frequency.EVENT, Frequency.CONTINUOUS}


def occurrence_dates(population: Population) -> list[dt.date]:
    """The dates in an accepted population's listing. Kept by its hash: what is accepted does not change.

    Raises ValidationError when the stored listing was altered.
    """
    key = f"occurrences:{population.sha256}:{population.date_column}:{population.date_order}"
    # Cache keys must not hold spaces; column names do.
    key = key.encode().hex()[-200:]
    found: list[dt.date] | None = cache.get(key)
    if found is None:
        found = sorted(day for day in dates_in(population, listing_of(population)) if day is not None)
        cache.set(key, found, timeout=None)
    return found


def periodic(control: Control) -> bool:
    """Whether the control's frequency promises a number of occurrences."""
    return any(code not in _UNCOUNTED for code in parts(control.frequency))


@dataclass(frozen=True)
class Operation:
    """A periodic control with the days on which it operated, by its accepted populations."""

    control: Control
    dates: list[dt.date]
    due: list[Cycle]
    missing: list[Cycle]

    @property
    def found(self) -> int:
        return len(self.due) - len(self.missing)

    @property
    def words(self) -> str:
        return f"{self.control}: {self.fact}"

    @property
    def fact(self) -> str:
        frequency = self.control.get_frequency_display().lower()
        shown = ", ".join(f"{_day(cycle.start)} to {_day(cycle.end)}" for cycle in self.missing[:3])
        more = f" and {len(self.missing) - 3} more" if len(self.missing) > 3 else ""
        return f"{self.found} of {len(self.due)} occurrences found ({frequency}). None for {shown}{more}."


@shared
def operations(engagement: Engagement) -> list[Operation]:
    """The periodic controls of a Type 2 that have an accepted, dated population, by number."""
    if not engagement.is_type_2:
        return []
    populations: dict[Control, list[Population]] = defaultdict(list)
    for link in dated_listings(engagement):
        if periodic(link.control):
            populations[link.control].append(link.population)
    found = [_operation(engagement, control, listed) for control, listed in populations.items()]
    # A period shorter than the control's rhythm promises no occurrence.
    return [one for one in found if one.due]


def _operation(engagement: Engagement, control: Control, populations: list[Population]) -> Operation:
    dates: list[dt.date] = []
    for population in populations:
        try:
            dates.extend(occurrence_dates(population))
        except ValidationError:
            # An altered listing shows no occurrence: what is missing then stands in the way.
            continue
    start, end = engagement.starts_on, engagement.ends_on
    return Operation(
        control,
        sorted(dates),
        cycles(control.frequency, start, end) or [],
        missing_occurrences(dates, control.frequency, start, end),
    )


def shortfalls(engagement: Engagement) -> list[Operation]:
    """Controls that did not happen as often as they should, unless an exception says so already (R34)."""
    short = [one for one in operations(engagement) if one.missing]
    said = _said(Deviation.objects.filter(control__in=[one.control.pk for one in short])) if short else {}
    return [one for one in short if said.get(one.control.pk, 0) < len(one.missing)]


def candidates(engagement: Engagement) -> list[Operation]:
    """The shortfalls that nobody has settled: neither by an exception nor by going on with a reason."""
    short = shortfalls(engagement)
    past = set(_gone_past(engagement).values_list("subject", flat=True)) if short else set()
    return [one for one in short if subject_of(one.control) not in past]


def shortfall_of(control: Control) -> Operation | None:
    """The candidate of one control, for the pages on which it is worked; no query where none can be."""
    engagement = control.engagement
    if not engagement.is_type_2 or control.removed_at is not None or not periodic(control):
        return None
    listed = dated_listings_of(control)
    found = _operation(engagement, control, listed) if listed else None
    if found is None or not found.missing:
        return None
    settled = (
        _said(Deviation.objects.filter(control=control)).get(control.pk, 0) >= len(found.missing)
        or _gone_past(engagement).filter(subject=subject_of(control)).exists()
    )
    return None if settled else found


def subject_of(control: Control) -> str:
    """How a finding of R34 names the control, and so does the reason to go past it."""
    return f"{control._meta.label_lower}:{control.pk}"


def _said(of: DeviationQuerySet) -> dict[int, int]:
    """How many missing occurrences exceptions speak of, by control; what the partner dismissed was seen too."""
    absences = of.filter(missing_occurrences__isnull=False).exclude(state=Deviation.State.MERGED).order_by()
    return dict(absences.values_list("control").annotate(Max("missing_occurrences")))


def _gone_past(engagement: Engagement) -> models.QuerySet[RuleOverride]:
    return RuleOverride.objects.filter(engagement=engagement, rule="R34")


def _day(day: dt.date) -> str:
    return f"{day.day} {day:%b %Y}"
