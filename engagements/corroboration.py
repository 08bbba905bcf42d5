"""The firm corroborates the client's statement that there was no incident: R43 asks for a reviewed source.

A review counts for the statement that was read. Another statement, none any more, an incident, or another review
withdraws it in the same transaction; what was recorded stays on file.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from accounts.models import User
from audit.trail import action, record
from engagements.models import Engagement, Incident, NoIncidentReview
from engagements.roles import require
from engagements.scope import open_scope

REVIEWED = action(
    "register.none_reviewed", "reviewed a source on the statement that there was no incident", firm_only=True
)
WITHDRAWN = action(
    "register.none_review_withdrawn",
    "ended the review of the statement that there was no incident",
    firm_only=True,
)


@transaction.atomic
def review_no_incident(engagement: Engagement, *, statement: str, source: str, by: User) -> NoIncidentReview:
    """Record what was looked at to corroborate the client's `statement`, in the words that the reviewer read.

    Raises PermissionDenied, WrongStage; ValidationError when the client states nothing or something else by now.
    """
    engagement = open_scope(engagement)
    require(engagement, by, "record_tests")
    stated = engagement.incidents_none_statement
    if not stated or Incident.objects.filter(engagement=engagement).exists():
        raise ValidationError("The client does not state that there was no incident: there is nothing to review.")
    if _words(statement) != _words(stated):
        raise ValidationError(
            "The client has changed its statement meanwhile. Read it again: does what you looked at support it?"
        )
    if not source.strip():
        raise ValidationError({"source": "Name the source and say how you looked at it."})
    _standing(engagement).update(withdrawn_at=timezone.now())
    review = NoIncidentReview.objects.create(engagement=engagement, statement=stated, source=source.strip(), by=by)
    record(REVIEWED, by=by, engagement=engagement, target=review, statement=stated, source=review.source)
    return review


def withdraw_review(engagement: Engagement, *, by: User) -> None:
    """What the review was of stands no more. Called in the transaction of the register's change."""
    review = _standing(engagement).first()
    if review is None or review.statement == engagement.incidents_none_statement:
        return
    review.withdrawn_at = timezone.now()
    review.save(update_fields=["withdrawn_at"])
    record(WITHDRAWN, by=by, engagement=engagement, target=review, statement=review.statement, source=review.source)


def _standing(engagement: Engagement) -> models.QuerySet[NoIncidentReview]:
    return NoIncidentReview.objects.filter(engagement=engagement, withdrawn_at=None)


def _words(text: str) -> list[str]:
    """Forms send line breaks in their own way."""
    return text.split()
