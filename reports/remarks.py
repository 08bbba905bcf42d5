"""What firm and client say to the paragraphs of a draft, and the client's word on the whole.

Comments belong to a draft and stay with it. The firm may keep one to itself; what the client says the firm sees.
"""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from audit.trail import action, record
from engagements.models import Engagement, EngagementMember, ReportingStep, Stage
from engagements.roles import require
from engagements.workflow import WrongStage, locked, must_be
from reports import content, reading
from reports.drafting import visible_to_client
from reports.models import ClientReview, Report, ReportComment

COMMENTED = action("report.commented", "commented on {target}")
# Of what the firm keeps to itself the client's trail says nothing.
NOTED = action("report.noted", "commented on {target}, for the firm alone", firm_only=True)
SETTLED = action("report.comment_settled", "settled a comment on {target}")
SETTLED_NOTE = action("report.note_settled", "settled a comment on {target}, for the firm alone", firm_only=True)
READ = action("report.client_reviewed", "has read {target} for the client")

MAY_COMMENT = ("record_tests", "complete_quality_review", "edit_description")
LONGEST = 5000


def comments(draft: Report, *, of_firm: bool) -> QuerySet[ReportComment]:
    """The comments on a draft that the person's side sees, in the order of writing."""
    found = ReportComment.objects.filter(draft=draft).select_related("by", "settled_by")
    return found if of_firm else found.filter(internal=False)


def places(snapshot: content.Snapshot) -> set[str]:
    """The anchors of the paragraphs that can be commented on."""
    return {passage.place for part in reading.parts(snapshot) for passage in part.passages}


@transaction.atomic
def comment(draft: Report, *, place: str, text: str, by: User, internal: bool = False) -> ReportComment:
    """Say something to a paragraph of a draft; the client only to one that was shown to it.

    Raises PermissionDenied, WrongStage, ValidationError: no such paragraph, no words or too many.
    """
    engagement, of_firm = _opened(draft, by)
    text = text.strip()
    if not text:
        raise ValidationError({"text": "Write what you have to say."})
    if len(text) > LONGEST:
        raise ValidationError({"text": f"At most {LONGEST:,} characters, please."})
    if place not in places(content.validate(draft.snapshot)):
        raise ValidationError("This draft has no such paragraph.")
    made = ReportComment.objects.create(
        engagement=engagement,
        draft=draft,
        place=place,
        text=text,
        internal=internal and of_firm,
        by=by,
        of_firm=of_firm,
    )
    record(NOTED if made.internal else COMMENTED, by=by, engagement=engagement, target=draft, place=place)
    return made


@transaction.atomic
def settle(found: ReportComment, *, answer: str, by: User) -> ReportComment:
    """Settle a comment, with an answer where there is one to give.

    Raises PermissionDenied, WrongStage, ValidationError when it is settled or the answer is too long.
    """
    engagement, of_firm = _opened(found.draft, by)
    found = ReportComment.objects.select_for_update().get(pk=found.pk)
    if found.internal and not of_firm:
        raise PermissionDenied("This comment is the firm's.")
    if found.settled_at is not None:
        raise ValidationError("This comment is settled already.")
    answer = answer.strip()
    if len(answer) > LONGEST:
        raise ValidationError({"answer": f"At most {LONGEST:,} characters, please."})
    found.answer, found.settled_by, found.settled_at = answer, by, timezone.now()
    found.save(update_fields=["answer", "settled_by", "settled_at"])
    record(
        SETTLED_NOTE if found.internal else SETTLED,
        by=by,
        engagement=engagement,
        target=found.draft,
        place=found.place,
    )
    return found


@transaction.atomic
def client_has_read(draft: Report, *, note: str, by: User) -> ClientReview:
    """The client's word that it has read a draft at client review, with what it has to say to the whole.

    Raises PermissionDenied (the client's side alone), WrongStage, ValidationError: not the newest draft that was
    shown, or said already by this person.
    """
    require(draft.engagement, by, "edit_description")
    engagement, _ = _opened(draft, by)
    if engagement.reporting_step != ReportingStep.CLIENT_REVIEW:
        raise WrongStage("The report is not at client review.")
    newest = visible_to_client(engagement).order_by("-number").first()
    if newest is None or newest.pk != draft.pk:
        raise ValidationError("There is a newer draft: read that one.")
    if ClientReview.objects.filter(draft=draft, by=by).exists():
        raise ValidationError("You have said so already.")
    made = ClientReview.objects.create(
        engagement=engagement,
        draft=draft,
        content_sha256=draft.content_sha256,
        note=note.strip()[:LONGEST],
        by=by,
    )
    record(READ, by=by, engagement=engagement, target=draft, sha256=draft.content_sha256)
    return made


def _opened(draft: Report, by: User) -> tuple[Engagement, bool]:
    """The draft's engagement, locked, at reporting; and whether the person is of the firm."""
    engagement = locked(draft.engagement)
    require(engagement, by, *MAY_COMMENT)
    must_be(engagement, Stage.REPORTING)
    of_firm = EngagementMember.objects.get(engagement=engagement, user=by).of_firm
    if not of_firm and not visible_to_client(engagement).filter(pk=draft.pk).exists():
        raise PermissionDenied("This draft was not shown to the client.")
    return engagement, of_firm
