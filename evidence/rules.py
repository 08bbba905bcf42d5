"""Rules that evidence must keep (domain 4.2)."""

from __future__ import annotations

from collections.abc import Iterable

from django.urls import reverse

from engagements.models import Engagement
from engagements.register import Finding, Rule, Severity, rule
from evidence.models import EvidenceFile, EvidenceRequest, Population
from evidence.populations import coverage_remarks
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
    standing = EvidenceRequest.objects.filter(engagement=engagement).exclude(state=EvidenceRequest.State.ACCEPTED)
    if number := standing.count():
        one = number == 1
        yield rule.finding(
            f"{number} request{' is' if one else 's are'} not accepted yet.",
            url=reverse("evidence:requests", args=[engagement.pk]),
            label="Request" if one else "Requests",
        )
