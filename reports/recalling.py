"""What becomes known after issue: the report stands, is withdrawn, or reissued; its readers are told (R57, R58)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.proving import prove
from audit.trail import action, record
from engagements.models import Engagement, ReportingStep, Stage
from engagements.roles import require
from engagements.workflow import WrongStage, locked
from reports.models import DiscoveredFact, Issuance

RECORDED = action("report.fact_recorded", "recorded a {target} about {report}", firm_only=True)
DECIDED = action("report.fact_decided", "decided about a {target}: {decision}", firm_only=True)
WITHDRAWN = action("report.withdrawn", "withdrew {target}")
SUPERSEDED = action("report.superseded", "replaced {target} by {newer}")
REOPENED = action("engagement.reopened", "opened the engagement again to reissue the report", firm_only=True)

# The report that is recalled, and the one that replaces it, if there is one.
Recalled = Callable[[Issuance, Issuance | None, User], None]
_ON_RECALLED: list[Recalled] = []


def on_recalled(hook: Recalled) -> Recalled:
    """Register what else happens, in the same transaction, when a report is withdrawn or superseded."""
    _ON_RECALLED.append(hook)
    return hook


def last_issued(engagement: Engagement) -> Issuance | None:
    """The report that is current, else the last one that was."""
    issued = Issuance.objects.filter(engagement=engagement, released_at__isnull=False)
    return issued.filter(state=Issuance.State.CURRENT).first() or issued.first()


def open_fact(engagement: Engagement) -> DiscoveredFact | None:
    """The one about which nothing is settled yet."""
    facts = DiscoveredFact.objects.filter(engagement=engagement, closed_at__isnull=True)
    return facts.select_related("issuance", "opened_by", "decided_by").first()


def reopened(engagement: Engagement) -> bool:
    """Whether the report is being reissued."""
    found = open_fact(engagement)
    return found is not None and found.reissues


@transaction.atomic
def record_fact(engagement: Engagement, *, fact: str, known_on: dt.date, by: User) -> DiscoveredFact:
    """Open the case of a fact that might have changed the report, had it been known (R58).

    Raises PermissionDenied, WrongStage before issue, ValidationError while another case is open.
    """
    engagement = locked(engagement)
    require(engagement, by, "manage_engagement", "complete_quality_review")
    issuance = last_issued(engagement)
    if engagement.stage not in {Stage.ISSUED, Stage.LOCKED} or issuance is None:
        raise WrongStage("Nothing is issued: what is known now belongs into the report.")
    if not fact.strip():
        raise ValidationError({"fact": "Say what became known, and how."})
    if known_on > timezone.localdate():
        raise ValidationError({"known_on": "The day cannot lie in the future."})
    if open_fact(engagement) is not None:
        raise ValidationError("Decide about the fact that is open first; this one can be part of it.")
    made = DiscoveredFact.objects.create(
        engagement=engagement, issuance=issuance, fact=fact.strip(), known_on=known_on, opened_by=by
    )
    record(RECORDED, by=by, engagement=engagement, target=made, report=issuance.number, fact=made.fact)
    return made


@transaction.atomic
def decide(fact: DiscoveredFact, *, decision: str, reason: str, by: User, password: str) -> DiscoveredFact:
    """The partner decides what the fact means for the report; who has a copy is told.

    To reissue opens the engagement again, which only works until its file is locked. Raises PermissionDenied,
    WrongStage, ValidationError.
    """
    require(fact.engagement, by, "issue_report")
    prove(by, password)
    engagement = locked(fact.engagement)
    # Again: whoever waited for the lock may have lost the role meanwhile.
    require(engagement, by, "issue_report")
    fact = DiscoveredFact.objects.select_for_update().get(pk=fact.pk)
    if fact.decision:
        raise WrongStage("This was decided before.")
    if decision not in DiscoveredFact.Decision.values:
        raise ValidationError({"decision": "Choose what follows from it."})
    if not reason.strip():
        raise ValidationError({"reason": "Say why: the reason is part of the file."})
    fact.decision, fact.reason = decision, reason.strip()
    if fact.reissues and engagement.stage != Stage.ISSUED:
        raise ValidationError(
            {
                "decision": "The file is locked, and what is locked never opens again. Withdraw the report; a new "
                "one comes from a new engagement."
            }
        )
    issuance = Issuance.objects.select_for_update().get(pk=fact.issuance_id)
    if fact.withdraws and issuance.state != Issuance.State.CURRENT:
        raise ValidationError({"decision": "The report is not current any more: it cannot be withdrawn."})
    fact.decided_by, fact.decided_at = by, timezone.now()
    fact.closed_at = None if fact.reissues else fact.decided_at
    fact.save(update_fields=["decision", "reason", "decided_by", "decided_at", "closed_at"])
    record(
        DECIDED, by=by, engagement=engagement, target=fact, decision=fact.get_decision_display(), reason=fact.reason
    )
    if fact.withdraws:
        _recall(issuance, None, by=by)
    if fact.reissues:
        engagement.stage, engagement.reporting_step = Stage.REPORTING, ReportingStep.DRAFT
        engagement.frozen_at = None
        engagement.save(update_fields=["stage", "reporting_step", "frozen_at"])
        record(REOPENED, by=by, engagement=engagement, target=engagement)
    return fact


def supersede(newer: Issuance, *, by: User) -> None:
    """In the transaction that releases a report: the one before is superseded, and the case is closed."""
    before = Issuance.objects.filter(engagement_id=newer.engagement_id, state=Issuance.State.CURRENT).first()
    if before is not None:
        _recall(before, newer, by=by)
    DiscoveredFact.objects.filter(engagement_id=newer.engagement_id, closed_at__isnull=True).update(
        closed_at=timezone.now()
    )


def _recall(issuance: Issuance, newer: Issuance | None, *, by: User) -> None:
    issuance.state = Issuance.State.SUPERSEDED if newer else Issuance.State.WITHDRAWN
    issuance.save(update_fields=["state"])
    for hook in _ON_RECALLED:
        hook(issuance, newer, by)
    if newer is None:
        record(WITHDRAWN, by=by, engagement=issuance.engagement, target=issuance, sha256=issuance.pdf_sha256)
    else:
        record(
            SUPERSEDED,
            by=by,
            engagement=issuance.engagement,
            target=issuance,
            newer=newer.number,
            sha256=issuance.pdf_sha256,
        )
