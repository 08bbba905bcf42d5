"""Closing the file: the partner decides, a worker reads it all and locks it; then come addenda only (adding.py)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.proving import prove
from archive import leaves
from archive.models import FileLock, years_after
from audit.trail import action, record
from engagements.models import Engagement, Stage
from engagements.register import Blocked, guard
from engagements.roles import require
from engagements.workflow import WrongStage, locked
from jobs.models import Job
from jobs.queue import enqueue
from jobs.running import Unrecoverable, finish, hold, report_progress
from reports.models import GeneralUseReport
from reports.recalling import last_issued

ASKED = action("file.lock_requested", "decided to lock the file", firm_only=True)
LOCKED = action("file.locked", "locked the file; it is kept until {retain_until}", firm_only=True)
FAILED = action("file.lock_failed", "could not lock the file: {reason}", firm_only=True)

# R55: days from the release to the complete file, and when people are reminded of it.
DAYS = 60
REMINDERS = (30, 45, 55)
MOST_YEARS = 50


def lock_of(engagement: Engagement) -> FileLock | None:
    """The lock, being made or made; else the last attempt that failed."""
    found = list(FileLock.objects.filter(engagement=engagement).select_related("job", "asked_by"))
    alive = [one for one in found if one.state != FileLock.State.FAILED]
    return next(iter([*alive, *found]), None)


def is_locked(engagement: Engagement) -> bool:
    return FileLock.objects.filter(engagement=engagement, state=FileLock.State.LOCKED).exists()


def released_on(engagement: Engagement) -> dt.date | None:
    """The day from which the calendar of the file runs: of the last release, else on which the engagement ended."""
    issuance = last_issued(engagement)
    at = issuance.released_at if issuance is not None else engagement.ended_at
    return timezone.localdate(at) if at is not None else None


def due_on(engagement: Engagement) -> dt.date | None:
    """By when the file is to be complete (R55)."""
    day = released_on(engagement)
    return day + dt.timedelta(days=DAYS) if day else None


def may_be_locked(engagement: Engagement) -> bool:
    """Whether the file is at its end: the report is issued, or the engagement was withdrawn (R61)."""
    return (
        engagement.stage in {Stage.ISSUED, Stage.WITHDRAWN}
        and not FileLock.objects.filter(engagement=engagement).exclude(state=FileLock.State.FAILED).exists()
    )


@transaction.atomic
def lock(engagement: Engagement, *, by: User, password: str, years: int | None = None) -> FileLock:
    """The partner decides that the file is complete; a worker locks it.

    `years`: how long it is kept from the release on, the firm's policy or longer. Raises PermissionDenied,
    WrongStage, Blocked, ValidationError.
    """
    require(engagement, by, "close_file")
    prove(by, password)
    engagement = locked(engagement)
    # Again: whoever waited for the lock may have lost the role meanwhile.
    require(engagement, by, "close_file")
    if not may_be_locked(engagement):
        raise WrongStage("The file is locked once, when the report is issued or the engagement was withdrawn.")
    policy = engagement.firm.retention_years
    years = policy if years is None else years
    if not policy <= years <= MOST_YEARS:
        raise ValidationError({"years": f"R60: from {policy} years, the firm's policy, to {MOST_YEARS}."})
    guard("lock", engagement)
    if GeneralUseReport.objects.filter(engagement=engagement, state=GeneralUseReport.State.RENDERING).exists():
        raise ValidationError("The SOC 3 report is being rendered: it belongs into the file.")
    day = released_on(engagement)
    assert day is not None  # issued or withdrawn
    made = FileLock.objects.create(
        engagement=engagement,
        asked_by=by,
        released_on=day,
        retention_years=years,
        retain_until=years_after(day, years),
    )
    made.job = enqueue(
        "file.lock", key=f"file.lock:{engagement.pk}", by=by, engagement_id=engagement.pk, payload={"lock": made.pk}
    )
    made.save(update_fields=["job"])
    if not engagement.frozen:
        engagement.frozen_at = timezone.now()
        engagement.save(update_fields=["frozen_at"])
    record(ASKED, by=by, engagement=engagement, target=made)
    return made


def assemble(job: Job) -> dict[str, Any]:
    """The work of a job "file.lock": read the whole file, note its root, lock it."""
    made = FileLock.objects.select_related("engagement").get(pk=job.payload["lock"])
    if made.locked:
        return {"root": made.root}
    if made.state != FileLock.State.ASSEMBLING:
        raise Unrecoverable("This lock failed before: ask for another one.")
    report_progress(job, 5, "Reading every row and every stored file")
    general = list(leaves.lines_of(GeneralUseReport, made.engagement))
    try:
        found = leaves.root_of(made.engagement, leaves.trail_head(made.engagement))
    except leaves.Altered as error:
        raise Unrecoverable(str(error)) from error
    with transaction.atomic():
        held = hold(job)
        engagement = locked(made.engagement)
        try:
            # Something may have become known in between.
            guard("lock", engagement)
        except Blocked as blocked:
            raise Unrecoverable(" ".join(blocked.messages)) from blocked
        if list(leaves.lines_of(GeneralUseReport, engagement)) != general:
            raise Unrecoverable("A SOC 3 report was issued meanwhile: lock the file again.")
        if engagement.stage not in {Stage.ISSUED, Stage.WITHDRAWN} or not engagement.frozen:
            raise Unrecoverable("The engagement was opened again to reissue the report.")
        made.state, made.locked_at = FileLock.State.LOCKED, timezone.now()
        made.root, made.leaves, made.bytes = found.root, found.leaves, found.bytes
        made.trail_seq, made.trail_hash = found.trail_seq, found.trail_hash
        made.save(update_fields=["state", "locked_at", "root", "leaves", "bytes", "trail_seq", "trail_hash"])
        if engagement.stage == Stage.ISSUED:
            engagement.stage = Stage.LOCKED
            engagement.save(update_fields=["stage"])
        record(
            LOCKED,
            by=made.asked_by,
            engagement=engagement,
            target=made,
            root=made.root,
            leaves=made.leaves,
            trail_seq=made.trail_seq,
            retain_until=made.retain_until.isoformat(),
            days=(timezone.localdate() - made.released_on).days,
        )
        result: dict[str, Any] = {"root": made.root, "leaves": made.leaves}
        finish(held, result)
    return result


def assembling_failed(job: Job) -> None:
    """Nothing was locked; the partner can ask again when the reason is gone."""
    made = FileLock.objects.select_for_update().get(pk=job.payload["lock"])
    if made.state != FileLock.State.ASSEMBLING:
        return
    made.state = FileLock.State.FAILED
    made.save(update_fields=["state"])
    record(FAILED, by=None, engagement=made.engagement, target=made, reason=job.error)
