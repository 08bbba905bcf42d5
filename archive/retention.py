"""How long a locked file is kept: legal holds, and its destruction by two people (R60)."""

from __future__ import annotations

import datetime as dt

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models.functions import Now, TruncDate
from django.utils import timezone

from accounts.models import User
from accounts.proving import prove
from archive.locking import is_locked
from archive.models import FileLock, LegalHold, Pack, Purge
from audit.trail import action, record
from engagements.models import Engagement, Stage
from engagements.register import guard
from engagements.roles import permissions_of, require
from engagements.workflow import WrongStage, locked
from jobs.models import Job
from jobs.queue import enqueue

HELD = action("file.hold_placed", "placed a {target}", firm_only=True)
LIFTED = action("file.hold_lifted", "lifted a {target}, because {reason}", firm_only=True)
ASKED = action("file.purge_requested", "asked for the {target}: {reason}", firm_only=True)
CANCELLED = action("file.purge_cancelled", "called off the {target}", firm_only=True)
APPROVED = action("file.purge_approved", "approved the {target} as the second person", firm_only=True)


def holds(engagement: Engagement) -> list[LegalHold]:
    """Those that stand."""
    found = LegalHold.objects.filter(engagement=engagement, lifted_at__isnull=True)
    return list(found.select_related("placed_by"))


def kept_until(engagement: Engagement) -> dt.date | None:
    """The last day on which the locked file must be kept; None before it is locked."""
    lock = FileLock.objects.filter(engagement=engagement, state=FileLock.State.LOCKED).first()
    return lock.retain_until if lock else None


def time_is_over(engagement: Engagement) -> bool:
    """Whether the locked file's last day has passed, by the clock of the database, which is asked again when the
    destruction is put in (`Purge`)."""
    today = TruncDate(Now(), tzinfo=dt.UTC)
    found = FileLock.objects.filter(engagement=engagement, state=FileLock.State.LOCKED)
    return found.filter(retain_until__lt=today).exists()


def standing_purge(engagement: Engagement) -> Purge | None:
    """The destruction that is asked for, under way, or done."""
    found = Purge.objects.filter(engagement=engagement).exclude(state=Purge.State.CANCELLED)
    return found.select_related("asked_by", "approved_by", "job").first()


def being_destroyed(engagement: Engagement) -> bool:
    """Whether a worker destroys the file, or has: nothing may come to it, and no copy of it be made."""
    return Purge.objects.filter(engagement=engagement, state__in=[Purge.State.APPROVED, Purge.State.DONE]).exists()


@transaction.atomic
def place_hold(engagement: Engagement, *, reason: str, by: User) -> LegalHold:
    """Keep the file whatever its age. Also before the lock: litigation does not wait. Raises PermissionDenied,
    WrongStage, ValidationError."""
    engagement = locked(engagement)
    require(engagement, by, "close_file", "add_addenda")
    if engagement.stage == Stage.PURGED:
        raise WrongStage("There is nothing left to hold.")
    if not reason.strip():
        raise ValidationError({"reason": "Name the matter, and who asked for the hold."})
    purge = standing_purge(engagement)
    if purge is not None and purge.state == Purge.State.APPROVED:
        raise WrongStage("The destruction is under way.")
    if purge is not None and purge.state == Purge.State.ASKED:
        _cancel(purge, by=by)
    made = LegalHold.objects.create(engagement=engagement, reason=reason.strip(), placed_by=by)
    record(HELD, by=by, engagement=engagement, target=made)
    return made


@transaction.atomic
def lift_hold(hold: LegalHold, *, reason: str, by: User) -> LegalHold:
    engagement = locked(hold.engagement)
    require(engagement, by, "close_file")
    hold = LegalHold.objects.select_for_update().get(pk=hold.pk)
    if hold.lifted_at is not None:
        raise WrongStage("This hold was lifted before.")
    if not reason.strip():
        raise ValidationError({"reason": "Say why it ends, and who said so."})
    hold.lifted_by, hold.lifted_at, hold.lift_reason = by, timezone.now(), reason.strip()
    hold.save(update_fields=["lifted_by", "lifted_at", "lift_reason"])
    record(LIFTED, by=by, engagement=engagement, target=hold, reason=hold.lift_reason)
    return hold


@transaction.atomic
def ask_purge(engagement: Engagement, *, reason: str, by: User, password: str) -> Purge:
    """The first of two people asks for the destruction of the file, once its time is over.

    Raises PermissionDenied, WrongStage, Blocked (R60), ValidationError.
    """
    require(engagement, by, "purge_file")
    prove(by, password)
    engagement = locked(engagement)
    # Again: whoever waited for the lock may have lost the role meanwhile.
    require(engagement, by, "purge_file")
    if not is_locked(engagement):
        raise WrongStage("Only a locked file is destroyed.")
    if standing_purge(engagement) is not None:
        raise WrongStage("The destruction was asked for before.")
    guard("purge", engagement)
    if not reason.strip():
        raise ValidationError({"reason": "Say why: the certificate will."})
    made = Purge.objects.create(engagement=engagement, reason=reason.strip(), asked_by=by)
    record(ASKED, by=by, engagement=engagement, target=made, reason=made.reason)
    return made


@transaction.atomic
def cancel_purge(engagement: Engagement, *, by: User) -> Purge:
    """Call it off while it waits for the second person. Raises PermissionDenied, WrongStage."""
    engagement = locked(engagement)
    require(engagement, by, "purge_file")
    purge = standing_purge(engagement)
    if purge is None or purge.state != Purge.State.ASKED:
        raise WrongStage("No destruction waits for the second person.")
    return _cancel(purge, by=by)


def _cancel(purge: Purge, *, by: User) -> Purge:
    purge.state, purge.cancelled_by = Purge.State.CANCELLED, by
    purge.save(update_fields=["state", "cancelled_by"])
    record(CANCELLED, by=by, engagement=purge.engagement, target=purge)
    return purge


@transaction.atomic
def approve_purge(engagement: Engagement, *, by: User, password: str) -> Purge:
    """The second person approves, and a worker destroys the file. One of the two is the partner.

    Raises PermissionDenied, WrongStage, Blocked (R60), ValidationError.
    """
    require(engagement, by, "purge_file")
    prove(by, password)
    engagement = locked(engagement)
    # Again: whoever waited for the lock may have lost the role meanwhile.
    require(engagement, by, "purge_file")
    purge = standing_purge(engagement)
    if purge is None or purge.state != Purge.State.ASKED:
        raise WrongStage("No destruction waits for the second person.")
    if purge.asked_by_id == by.pk:
        raise PermissionDenied("It takes two people to destroy a file: you cannot be both.")
    if not any("close_file" in permissions_of(one, engagement) for one in (by, purge.asked_by)):
        raise PermissionDenied("One of the two is the partner.")
    guard("purge", engagement)
    if Pack.objects.filter(engagement=engagement, state=Pack.State.MAKING).exists():
        raise WrongStage("A pack of the file is being made: it would outlive the file. Wait for it.")
    purge.approved_by, purge.approved_at = by, timezone.now()
    purge.state = Purge.State.APPROVED
    purge.job = _work(purge, by)
    purge.save(update_fields=["approved_by", "approved_at", "state", "job"])
    record(APPROVED, by=by, engagement=engagement, target=purge)
    return purge


def _work(purge: Purge, by: User | None) -> Job:
    return enqueue(
        "file.purge",
        key=f"file.purge:{purge.engagement_id}",
        by=by,
        engagement_id=purge.engagement_id,
        payload={"purge": purge.pk},
    )


def carry_on() -> int:
    """Ask again for destructions that stopped when the rows were gone: they are brought to their end. Returns how
    many."""
    stopped = list(Purge.objects.filter(state=Purge.State.APPROVED, job__state=Job.State.FAILED))
    for purge in stopped:
        with transaction.atomic():
            locked(purge.engagement)
            # For nobody: who approved it may have left since.
            purge.job = _work(purge, None)
            purge.save(update_fields=["job"])
    return len(stopped)
