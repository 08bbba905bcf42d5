"""Rules that evidence must keep (domain 4.2)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable

from django.urls import reverse

from engagements.models import Control, Engagement
from engagements.register import Finding, Rule, Severity, rule
from evidence.models import EvidenceFile, EvidenceRequest, Population, Reconciliation
from evidence.populations import coverage_remarks, dated_listings, pulled_early
from evidence.uploads import period_remarks

_R20 = "A population covers the dates tested, or the gap is explained."


@rule("R20", Severity.BLOCK, guards="accept_population", text=_R20)
def population_covers(rule: Rule, population: Population) -> Iterable[Finding]:
    if not population.difference_explained.strip():
        for remark in coverage_remarks(population):
            yield rule.finding(f"{remark.text} Explain the gap, or have it listed again.", at=population)


@rule("R20", Severity.BLOCK, guards="issue", text=_R20)
def accepted_populations_cover(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    """The period may have been changed after a population was accepted."""
    for population in Population.objects.filter(
        engagement=engagement, state=Population.State.ACCEPTED, difference_explained=""
    ):
        population.engagement = engagement
        for remark in coverage_remarks(population):
            yield rule.finding(f"{population}: {remark.text}", at=population)


@rule("R20", Severity.BLOCK, guards="issue", text="Early listings of events are rolled forward.")
def events_rolled_forward(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    """Another accepted listing of the control's events, run after period end, covers the rest without a gap."""
    listed: dict[Control, list[Population]] = defaultdict(list)
    for link in dated_listings(engagement):
        listed[link.control].append(link.population)
    for control, populations in listed.items():
        late = [one for one in populations if not pulled_early(one) and one.covers_to >= engagement.ends_on]
        for early in populations:
            after = early.covers_to + dt.timedelta(days=1)
            if pulled_early(early) and not any(one.covers_from <= after for one in late):
                yield rule.finding(
                    f"{early} of {control} was run on {early.run_at:%d %b %Y}, before the period had ended. "
                    "Have it rolled forward.",
                    at=early,
                )


_E10 = "A listing that is reconciled is accepted when every difference is explained."


@rule("E10", Severity.BLOCK, guards="accept_population", text=_E10)
def reconciliation_resolved(rule: Rule, population: Population) -> Iterable[Finding]:
    standing = Reconciliation.objects.filter(engagement=population.engagement_id).of(population)
    for one in standing.filter(state=Reconciliation.State.OPEN):
        left = one.differences.unresolved().count()
        yield rule.finding(
            f"{one}: {left:,} difference{' is' if left == 1 else 's are'} unresolved."
            if left
            else f"{one}: every difference is explained. Conclude it.",
            at=one,
        )
    older = Reconciliation.objects.filter(
        engagement=population.engagement_id,
        listings__population__code=population.code,
        listings__population__version__lt=population.version,
        state__in=[Reconciliation.State.OPEN, Reconciliation.State.CONCLUDED],
    )
    for one in older.distinct():
        yield rule.finding(f"{one} is of an earlier version of {population.code}. Redo it with this one.", at=one)


@rule("E10", Severity.BLOCK, guards="issue", text=_E10)
def reconciliations_concluded(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    """A reconciliation may have been begun after its population was accepted."""
    standing = Reconciliation.objects.filter(
        engagement=engagement,
        state=Reconciliation.State.OPEN,
        listings__population__state=Population.State.ACCEPTED,
    )
    for one in standing.distinct():
        yield rule.finding(f"{one} of an accepted population is not concluded.", at=one)


@rule(
    "R23",
    Severity.WARN,
    guards=("reporting", "issue"),
    text="Evidence that speaks of a time outside the period may support the design only.",
)
def evidence_of_the_period(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    dated = (
        EvidenceFile.objects.filter(engagement=engagement)
        .current()
        .exclude(speaks_from__isnull=True, speaks_to__isnull=True)
    )
    for file in dated:
        for remark in period_remarks(file, engagement):
            if remark.code == "outside_period":
                yield rule.finding(f"{file.code}: {remark.message}", at=file)


@rule("E01", Severity.WARN, guards="reporting", text="Requests are answered and accepted before reporting.")
def requests_are_closed(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    standing = EvidenceRequest.objects.filter(engagement=engagement).unsettled()
    if number := standing.count():
        one = number == 1
        yield rule.finding(
            f"{number} request{' is' if one else 's are'} not accepted yet.",
            url=reverse("evidence:requests", args=[engagement.pk]),
            label="Request" if one else "Requests",
        )
