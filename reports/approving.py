"""Two people to issue: where the firm's policy says so, somebody beside the partner approves the issue first.

An approval is of one content, by its hash: when anything in the report changes, it no longer counts.
"""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

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

RULE = "F01"


def asks_for_two(engagement: Engagement) -> bool:
    return engagement.firm.two_to_issue


def approvals(engagement: Engagement, sha256: str) -> list[IssueApproval]:
    """The approvals that count for this content: of people who may approve now, and cannot issue themselves."""
    roles = set(roles_with("approve_issue")) - set(roles_with("issue_report"))
    able = EngagementMember.objects.filter(engagement=engagement, role__in=roles, user__is_active=True)
    found = IssueApproval.objects.filter(
        engagement=engagement, content_sha256=sha256, by__in=able.values("user_id")
    )
    return list(found.select_related("by", "draft"))


@transaction.atomic
def approve_issue(engagement: Engagement, *, by: User, password: str, draft: Report) -> IssueApproval:
    """Say as the second person that this draft may be issued; the secret is asked for again.

    Raises PermissionDenied (no right to approve, or the one who issues), WrongStage (not ready), ValidationError
    (not proved; a policy that does not ask for it; a draft that is not the present content; approved already),
    Blocked (what stands in the way of the issue stands in the way of its approval).
    """
    require(engagement, by, "approve_issue")
    if EngagementMember.objects.filter(
        engagement=engagement, user=by, role__in=roles_with("issue_report")
    ).exists():
        raise PermissionDenied("Who issues the report cannot be the second person too.")
    prove(by, password)
    engagement = locked(engagement)
    must_be(engagement, Stage.REPORTING)
    if engagement.reporting_step != ReportingStep.READY:
        raise WrongStage("The report is approved for issue when it is ready.")
    if not asks_for_two(engagement):
        raise ValidationError("The firm's policy does not ask for a second person.")
    found = Report.objects.filter(engagement=engagement, pk=draft.pk, state=Report.State.READY).first()
    present = content.digest(build(engagement))
    if found is None or found.content_sha256 != present:
        raise ValidationError("The content has changed since this draft. Have it rendered, read it, then approve.")
    if IssueApproval.objects.filter(engagement=engagement, content_sha256=present, by=by).exists():
        raise ValidationError("You have approved this content already.")
    standing = [one for one in findings("issue", engagement) if one.rule != RULE and one.severity != Severity.LOG]
    if standing:
        raise Blocked(standing)
    made = IssueApproval.objects.create(engagement=engagement, draft=found, content_sha256=present, by=by)
    record(APPROVED, by=by, engagement=engagement, target=found, sha256=present)
    return made
