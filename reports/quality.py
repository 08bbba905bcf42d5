"""When the firm's criteria ask for an engagement quality review (R53)."""

from __future__ import annotations

from collections.abc import Callable

from accounts.models import QualityTrigger
from engagements.models import (
    Engagement,
    EngagementMember,
    NonAttestService,
    ProviderRelation,
    Role,
    SubserviceOrganization,
)
from reports.models import Conclusion
from reports.snapshot import conclusions


def _always(engagement: Engagement) -> bool:
    return True


def _modified(engagement: Engagement) -> bool:
    return any(one.conclusion != Conclusion.UNMODIFIED for one in conclusions(engagement).values())


def _included(engagement: Engagement) -> bool:
    method = SubserviceOrganization.Method.INCLUSIVE
    return SubserviceOrganization.objects.filter(engagement=engagement, method=method).exists()


APPLIES: dict[QualityTrigger, Callable[[Engagement], bool]] = {
    QualityTrigger.ALWAYS: _always,
    QualityTrigger.MODIFIED: _modified,
    QualityTrigger.FIRST_YEAR: lambda engagement: engagement.prior_period_end is None,
    QualityTrigger.INCLUSIVE: _included,
    QualityTrigger.NON_ATTEST: lambda engagement: NonAttestService.objects.filter(engagement=engagement).exists(),
    QualityTrigger.PROVIDER: lambda engagement: ProviderRelation.objects.filter(engagement=engagement).exists(),
}
REASONS = {
    QualityTrigger.ALWAYS: "the firm reviews every engagement",
    QualityTrigger.MODIFIED: "the opinion is modified",
    QualityTrigger.FIRST_YEAR: "no earlier report of the system is on record",
    QualityTrigger.INCLUSIVE: "a subservice organization is included",
    QualityTrigger.NON_ATTEST: "the firm gives the client other services",
    QualityTrigger.PROVIDER: "the firm has a relation to the provider of a tool",
}


def why_reviewed(engagement: Engagement) -> list[str]:
    """Why this engagement needs a quality review, in words; empty when it needs none.

    By the triggers that the firm has switched on; a reviewer who is named reviews in any case.
    """
    reasons = [
        REASONS[trigger]
        for trigger in QualityTrigger
        if trigger.value in engagement.firm.quality_triggers and APPLIES[trigger](engagement)
    ]
    if not reasons and reviewer_named(engagement):
        return ["a quality reviewer is named"]
    return reasons


def reviewer_named(engagement: Engagement) -> bool:
    return EngagementMember.objects.filter(engagement=engagement, role=Role.QUALITY_REVIEWER).exists()
