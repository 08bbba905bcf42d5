"""Review notes at anything: raised by a reviewer, answered by whoever prepared, cleared by whoever raised them."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.trail import action, record
from engagements.roles import permissions_of, require
from engagements.workflow import WORKING, locked, must_be
from fieldwork.models import ControlTest, ReviewNote
from fieldwork.noting import Noted, noted

RAISED = action("note.raised", "raised a review note on {test}", firm_only=True)
ANSWERED = action("note.answered", "answered a review note on {test}", firm_only=True)
CLEARED = action("note.cleared", "cleared a review note on {test}", firm_only=True)

REVIEWERS = ("sign_reviewed", "sign_partner", "complete_quality_review")


@transaction.atomic
def raise_note(at: Noted | ControlTest, *, text: str, by: User) -> ReviewNote:
    """A reviewer asks for something of a thing of the engagement. Anyone who reviews or reads for quality may.

    Raises PermissionDenied, WrongStage, ValidationError for an empty text.
    """
    place = at if isinstance(at, Noted) else noted(at.engagement, "test", str(at.pk))
    engagement = locked(place.engagement)
    if not permissions_of(by, engagement).intersection(REVIEWERS):
        raise PermissionDenied("Reviewers raise review notes.")
    must_be(engagement, *WORKING)
    if not text.strip():
        raise ValidationError({"text": "Say what is to be done or explained."})
    note = ReviewNote.objects.create(
        engagement=engagement,
        target=place.target,
        label=place.label[:120],
        test=place.thing if isinstance(place.thing, ControlTest) else None,
        text=text.strip(),
        raised_by=by,
    )
    record(RAISED, by=by, engagement=engagement, target=note, test=note.label, text=note.text)
    return note


@transaction.atomic
def answer(note: ReviewNote, *, text: str, by: User) -> ReviewNote:
    """Answer an open note; a later answer replaces the earlier one, which stays in the trail."""
    engagement = locked(note.engagement)
    require(engagement, by, "record_tests")
    must_be(engagement, *WORKING)
    note = ReviewNote.objects.select_for_update().get(pk=note.pk)
    if note.cleared_at is not None:
        raise ValidationError("The note is cleared. Its raiser can raise another one.")
    if not text.strip():
        raise ValidationError({"text": "Say what was done, or why nothing is needed."})
    note.answer, note.answered_by, note.answered_at = text.strip(), by, timezone.now()
    note.save(update_fields=["answer", "answered_by", "answered_at"])
    record(ANSWERED, by=by, engagement=engagement, target=note, test=note.label, text=note.answer)
    return note


@transaction.atomic
def clear(note: ReviewNote, *, by: User) -> ReviewNote:
    """Clear a note. Only the person who raised it may (domain 3.5); an unanswered one may be withdrawn so too."""
    engagement = locked(note.engagement)
    must_be(engagement, *WORKING)
    note = ReviewNote.objects.select_for_update().get(pk=note.pk)
    if note.raised_by_id != by.pk:
        raise PermissionDenied("Only the person who raised a review note clears it.")
    if note.cleared_at is not None:
        return note
    note.cleared_at = timezone.now()
    note.save(update_fields=["cleared_at"])
    record(CLEARED, by=by, engagement=engagement, target=note, test=note.label)
    return note
