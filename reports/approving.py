"""Two people to issue: where the firm's policy says so, somebody beside the partner approves the issue first.

An approval is of one content, by its hash: when anything in the report changes, it no longer counts. Until the
report is issued, whoever gave it may withdraw it, with a reason; it stays on file as withdrawn.
"""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.proving import prove
from audit.trail import action, record
from engagements.models import Engagement, EngagementMember, ReportingStep, Stage
from engagements.register import Blocked, Severity, findings
from engagements.roles import require, roles_with
from engagements.workflow import WrongStage, locked, must_be
from reports import content
from reports.models import IssueApproval, Report
from reports.snapshot import build

APPROVED = action("report.issue_approved", "approved the issue of {target}", firm_only=True)
WITHDRAWN = action("report.approval_withdrawn", "withdrew the approval to issue {target}", firm_only=True)

RULE = "F01"


def asks_for_two(engagement: Engagement) -> bool:
    """Whether the firm's policy asks for it, or did when the engagement was opened."""
    firm = engagement.firm
    until = firm.two_to_issue_until
    return firm.two_to_issue or (until is not None and engagement.created_at < until)


def approvals(engagement: Engagement, sha256: str) -> list[IssueApproval]:
    """The approvals that count for this content: of people who may approve now, and cannot issue themselves."""
    roles = set(roles_with("approve_issue")) - set(roles_with("issue_report"))
    able = EngagementMember.objects.filter(engagement=engagement, role__in=roles, user__is_active=True)
    found = IssueApproval.objects.filter(
        engagement=engagement, content_sha256=sha256, by__in=able.values("user_id"), withdrawn_at__isnull=True
    )
    return list(found.select_related("by", "draft"))


@transaction.atomic
def approve_issue(engagement: Engagement, *, by: User, password: str, draft: Report) -> IssueApproval:
    """Say as the second person that this draft may be issued; the secret is asked for again.

    Raises PermissionDenied (no right to approve, or the one who issues), WrongStage (not ready), ValidationError
    (not proved; a policy that does not ask for it; a draft that is not the present content; approved already),
    Blocked (what stands in the way of the issue stands in the way of its approval).
    """
    _may_approve(engagement, by)
    prove(by, password)
    engagement = locked(engagement)
    # Again: whoever waited for the lock may have another role by now.
    _may_approve(engagement, by)
    must_be(engagement, Stage.REPORTING)
    if engagement.reporting_step != ReportingStep.READY:
        raise WrongStage("The report is approved for issue when it is ready.")
    if not asks_for_two(engagement):
        raise ValidationError("The firm's policy does not ask for a second person.")
    found = Report.objects.filter(engagement=engagement, pk=draft.pk, state=Report.State.READY).first()
    present = content.digest(build(engagement))
    if found is None or found.content_sha256 != present:
        raise ValidationError("The content has changed since this draft. Have it rendered, read it, then approve.")
    given = IssueApproval.objects.filter(engagement=engagement, content_sha256=present, by=by)
    if given.filter(withdrawn_at__isnull=True).exists():
        raise ValidationError("You have approved this content already.")
    standing = [one for one in findings("issue", engagement) if one.rule != RULE and one.severity != Severity.LOG]
    if standing:
        raise Blocked(standing)
    made = IssueApproval.objects.create(engagement=engagement, draft=found, content_sha256=present, by=by)
    record(APPROVED, by=by, engagement=engagement, target=found, sha256=present)
    return made


def _may_approve(engagement: Engagement, by: User) -> None:
    require(engagement, by, "approve_issue")
    if EngagementMember.objects.filter(
        engagement=engagement, user=by, role__in=roles_with("issue_report")
    ).exists():
        raise PermissionDenied("Who issues the report cannot be the second person too.")


@transaction.atomic
def withdraw_approval(engagement: Engagement, *, by: User, reason: str) -> int:
    """Take back one's own approvals, with a reason; returns how many there were. Ends with the issue.

    Raises PermissionDenied, WrongStage (issued, or being issued), ValidationError (no reason, nothing there).
    """
    engagement = locked(engagement)
    require(engagement, by, "approve_issue")
    must_be(engagement, Stage.REPORTING)
    reason = reason.strip()
    if not reason:
        raise ValidationError({"reason": "Say why: it stays on file."})
    given = IssueApproval.objects.select_for_update(of=("self",)).select_related("draft")
    mine = list(given.filter(engagement=engagement, by=by, withdrawn_at__isnull=True))
    if not mine:
        raise ValidationError("You have given no approval that could be withdrawn.")
    for one in mine:
        one.withdrawn_at, one.withdrawn_because = timezone.now(), reason
        one.save(update_fields=["withdrawn_at", "withdrawn_because"])
        record(WITHDRAWN, by=by, engagement=engagement, target=one.draft, sha256=one.content_sha256, reason=reason)
    return len(mine)
