"""What waits for people on the way to the report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Exists, OuterRef
from django.urls import reverse

from accounts.models import User
from engagements.models import Engagement, ReportingStep, Stage
from engagements.roles import roles_with
from engagements.waiting import Urgency, Waiting, waiting
from engagements.workflow import WORKING
from reports.approving import asks_for_two
from reports.letters import SIGNERS
from reports.models import (
    ClientReview,
    EngagementLetter,
    IssueApproval,
    LetterSignature,
    ManagementStatement,
    Opinion,
    Report,
    SystemDescription,
)
from reports.snapshot import limbs_of

Kind = ManagementStatement.Kind


def _mine(user: User, permission: str, *stages: Stage) -> list[Engagement]:
    """Engagements at these stages in which the person's role holds the permission."""
    return list(
        Engagement.objects.filter(
            members__user=user,
            members__role__in=roles_with(permission),
            stage__in=stages,
            frozen_at__isnull=True,
        ).select_related("client", "firm")[:50]
    )


def _till_due(
    engagement: Engagement, title: str, act: str, *, page: str = "report", kind: str = "report"
) -> Waiting:
    """What is to be done until the report is due, at once where nobody has said when that is."""
    return Waiting(
        engagement,
        kind,
        title,
        reverse(f"reports:{page}", args=[engagement.pk]),
        due=engagement.report_due,
        urgency=None if engagement.report_due else Urgency.NOW,
        act=act,
    )


@waiting
def to_describe(user: User) -> Iterable[Waiting]:
    """The client's side completes the description."""
    engagements = _mine(user, "edit_description", Stage.OBSERVATION, Stage.FIELDWORK, Stage.REPORTING)
    made = {
        one.engagement_id: one.completed_at for one in SystemDescription.objects.filter(engagement__in=engagements)
    }
    for engagement in engagements:
        if made.get(engagement.pk) is not None:
            continue
        yield Waiting(
            engagement,
            "other",
            "Complete the system description" if engagement.pk in made else "Start the system description",
            reverse("reports:description", args=[engagement.pk]),
            urgency=Urgency.NOW if engagement.stage == Stage.REPORTING else Urgency.LATER,
            act="Write",
        )


@waiting
def to_sign(user: User) -> Iterable[Waiting]:
    """The signatory signs what can be signed."""
    engagements = _mine(user, "sign_assertion", Stage.REPORTING)
    signed: dict[int, set[str]] = defaultdict(set)
    for statement in ManagementStatement.objects.filter(engagement__in=engagements, superseded_at__isnull=True):
        signed[statement.engagement_id].add(statement.kind)
    complete = set(
        SystemDescription.objects.filter(engagement__in=engagements, completed_at__isnull=False).values_list(
            "engagement_id", flat=True
        )
    )
    for engagement in engagements:
        # A SOC 3 report is asked for by some only: its assertion waits for nobody.
        for kind in (one for one in Kind if one != Kind.GENERAL_USE):
            possible = engagement.pk in complete if kind == Kind.ASSERTION else engagement.report_date is not None
            if possible and kind not in signed[engagement.pk]:
                yield Waiting(
                    engagement,
                    "sign",
                    f"Sign: {str(kind.label)[0].lower()}{str(kind.label)[1:]}",
                    reverse("reports:sign_statement", args=[engagement.pk, kind.value]),
                    urgency=Urgency.NOW,
                    act="Read and sign",
                )


@waiting
def to_sign_letter(user: User) -> Iterable[Waiting]:
    """The engagement letter, and each amendment of it, waits for the partner's and the signatory's signature."""
    for side, right in SIGNERS.items():
        engagements = {one.pk: one for one in _mine(user, right, *WORKING)}
        open_ = EngagementLetter.objects.filter(
            engagement__in=engagements, executed_on__isnull=True, withdrawn_at__isnull=True
        ).exclude(Exists(LetterSignature.objects.filter(letter=OuterRef("pk"), side=side)))
        for letter in open_:
            yield Waiting(
                engagements[letter.engagement_id],
                "sign",
                f"Sign: {letter}",
                letter.get_absolute_url(),
                urgency=Urgency.NOW,
                act="Read and sign",
            )


@waiting
def to_draft_letter(user: User) -> Iterable[Waiting]:
    """The engagement letter comes before the first test (R07)."""
    engagements = [
        one
        for one in _mine(user, "manage_engagement", *(stage for stage in WORKING if stage != Stage.REPORTING))
        if one.letter_on is None
    ]
    if not engagements:
        return
    drafted = EngagementLetter.objects.filter(engagement__in=engagements, withdrawn_at__isnull=True)
    waits = set(drafted.values_list("engagement_id", flat=True))
    for engagement in engagements:
        if engagement.pk not in waits:
            yield Waiting(
                engagement,
                "other",
                "Draft the engagement letter for signature",
                reverse("engagements:letter", args=[engagement.pk]),
                urgency=Urgency.SOON,
                act="Draft",
            )


@waiting
def to_conclude(user: User) -> Iterable[Waiting]:
    """The partner concludes on every limb and issues what is ready."""
    engagements = _mine(user, "form_opinion", Stage.REPORTING)
    formed: dict[int, set[str]] = defaultdict(set)
    for pk, limb in Opinion.objects.filter(engagement__in=engagements).values_list("engagement_id", "limb"):
        formed[pk].add(limb)
    for engagement in engagements:
        missing = [limb for limb in limbs_of(engagement) if limb.value not in formed[engagement.pk]]
        if missing:
            yield _till_due(
                engagement,
                f"Form the opinion: {len(missing)} of {len(limbs_of(engagement))} limbs are open",
                "Conclude",
                page="opinion",
            )
        elif engagement.reporting_step == ReportingStep.READY:
            yield _till_due(engagement, "Ready to issue", "Issue")


@waiting
def to_read(user: User) -> Iterable[Waiting]:
    """The client's side reads the draft that was shown to it."""
    engagements = [
        one
        for one in _mine(user, "edit_description", Stage.REPORTING)
        if one.reporting_step == ReportingStep.CLIENT_REVIEW
    ]
    shown = Report.objects.filter(
        engagement__in=engagements, state=Report.State.READY, shown_to_client_at__isnull=False
    )
    newest = {one.engagement_id: one for one in shown.defer("snapshot").order_by("number")}
    read = set(ClientReview.objects.filter(draft__in=newest.values(), by=user).values_list("draft_id", flat=True))
    for engagement in engagements:
        draft = newest.get(engagement.pk)
        if draft is not None and draft.pk not in read:
            yield Waiting(
                engagement,
                "report",
                f"Review {str(draft).lower()} of the report",
                reverse("reports:draft_text", args=[engagement.pk, draft.number]),
                due=engagement.report_due,
                urgency=None if engagement.report_due else Urgency.NOW,
                act="Read and comment",
            )


@waiting
def to_approve(user: User) -> Iterable[Waiting]:
    """Where the firm asks for two people to issue, the second one approves what is ready."""
    engagements = [
        one
        for one in _mine(user, "approve_issue", Stage.REPORTING)
        if one.reporting_step == ReportingStep.READY and asks_for_two(one)
    ]
    drafts = Report.objects.filter(engagement__in=engagements, state=Report.State.READY).order_by("number")
    newest = dict(drafts.values_list("engagement_id", "content_sha256"))
    counting = IssueApproval.objects.filter(engagement__in=engagements, withdrawn_at__isnull=True)
    given = set(counting.values_list("content_sha256", flat=True))
    for engagement in engagements:
        if engagement.pk in newest and newest[engagement.pk] not in given:
            yield _till_due(engagement, "Approve the issue as the second person", "Approve")


@waiting
def to_review_quality(user: User) -> Iterable[Waiting]:
    """The quality reviewer completes the review."""
    for engagement in _mine(user, "complete_quality_review", Stage.REPORTING):
        if engagement.reporting_step == ReportingStep.QUALITY_REVIEW:
            yield _till_due(engagement, "Complete the engagement quality review", "Review", kind="review")
