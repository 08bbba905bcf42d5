"""Rules of distribution (domain 4.2, R62 to R65); their step "download" has a grant as its subject."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils import timezone

from distribution.agreements import current
from distribution.granting import issued_report
from distribution.models import Acceptance, AccessEvent, Grant
from engagements.models import Engagement
from engagements.register import Finding, Rule, Severity, rule
from reports.recalling import last_issued


@rule(
    "R62",
    Severity.BLOCK,
    guards=("read", "download"),
    text="Reading needs leave that has not ended and a report that is current",
)
def leave_and_report(rule: Rule, grant: Grant) -> Iterator[Finding]:
    if grant.revoked_at is not None:
        yield rule.finding("Your access was revoked. Ask the company whose report it is.")
    elif grant.expires_at <= timezone.now():
        yield rule.finding("Your access has expired. Ask the company whose report it is for a new invitation.")
    if issued_report(grant.engagement) is None:
        gone = last_issued(grant.engagement)
        number = f"Report {gone.number}" if gone else "The report"
        yield rule.finding(f"{number} was withdrawn: do not rely on it, nor on any copy of it that you have.")


@rule(
    "R62",
    Severity.BLOCK,
    guards="download",
    text="Downloading needs a declared class of specified party and the terms in force accepted",
)
def declared_and_accepted(rule: Rule, grant: Grant) -> Iterator[Finding]:
    if not grant.party_class or grant.knowledge_declared_at is None:
        yield rule.finding(
            "Say first which of the specified parties you are and that you know what the report assumes."
        )
    agreement = current(grant.engagement)
    if agreement is None or not Acceptance.objects.filter(grant=grant, agreement=agreement).exists():
        yield rule.finding("Accept the terms in force first.")


@rule(
    "R63",
    Severity.BLOCK,
    guards=("issue", "distribution_audit"),
    text="The terms are accepted before the first view or download of the report",
)
def accepted_before_download(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    """Holds by construction of `reading.download`; this looks at what was recorded."""
    for event in AccessEvent.objects.filter(engagement=engagement, kind=AccessEvent.Kind.DOWNLOADED):
        if not Acceptance.objects.filter(grant_id=event.grant_id, at__lte=event.at).exists():
            yield rule.finding(f"A download on {event.at:%d %b %Y} came before any acceptance.", event.grant)


@rule(
    "R64",
    Severity.BLOCK,
    guards="distribution_audit",
    text="Each download is logged with person, terms, hash of the report, address and time",
)
def downloads_are_logged(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    for event in AccessEvent.objects.filter(engagement=engagement, kind=AccessEvent.Kind.DOWNLOADED):
        if not event.report_sha256 or event.agreement_id is None or event.issuance_id is None:
            yield rule.finding(f"The download of {event.at:%d %b %Y} is not fully recorded.", event.grant)


@rule(
    "R65",
    Severity.BLOCK,
    guards="distribution_audit",
    text="Each reader's copy carries the reader's mark and is a file of its own",
)
def copies_are_marked(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    for event in AccessEvent.objects.filter(engagement=engagement, kind=AccessEvent.Kind.DOWNLOADED):
        if not event.copy_sha256 or event.copy_sha256 == event.report_sha256:
            yield rule.finding(f"The copy of {event.at:%d %b %Y} carries no mark.", event.grant)
