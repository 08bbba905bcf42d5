"""Rules of the closed file (domain 4.2, R55 to R61)."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse
from django.utils import timezone

from archive import locking, retention
from engagements.models import Engagement, Stage
from engagements.register import Finding, Rule, Severity, rule


def page(engagement: Engagement) -> str:
    return reverse("archive:file", args=[engagement.pk])


@rule(
    "R55",
    Severity.LOG,
    guards=("lock", "file_audit"),
    text=f"The documentation is complete within {locking.DAYS} days of the release",
)
def complete_in_time(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    due = locking.due_on(engagement)
    if due is not None and timezone.localdate() > due and not locking.is_locked(engagement):
        late = (timezone.localdate() - due).days
        yield rule.finding(
            f"The file was to be complete on {due.day} {due:%b %Y}, {late} day{'' if late == 1 else 's'} ago.",
            url=page(engagement),
            label="File",
        )


@rule("R59", Severity.BLOCK, guards="purge", text="What is destroyed was locked, and has its root in the trail")
def locked_before(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    if not locking.is_locked(engagement):
        yield rule.finding("The file is not locked.", url=page(engagement), label="File")


@rule("R60", Severity.BLOCK, guards="purge", text="A file is kept for the years of the firm's policy")
def kept_long_enough(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    until = retention.kept_until(engagement)
    if until is not None and not retention.time_is_over(engagement):
        yield rule.finding(f"The file is kept until {until.day} {until:%b %Y}.", url=page(engagement), label="File")


@rule("R60", Severity.BLOCK, guards="purge", text="A legal hold stops the destruction of a file")
def no_hold(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    for hold in retention.holds(engagement):
        yield rule.finding(f"Under {hold}", url=page(engagement), label="File")


@rule("R61", Severity.BLOCK, guards="file_audit", text="The file of a withdrawn engagement is locked too")
def withdrawn_is_locked(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    if engagement.stage == Stage.WITHDRAWN and not locking.is_locked(engagement):
        yield rule.finding(
            "The engagement was withdrawn; its file is not locked yet.", url=page(engagement), label="File"
        )
