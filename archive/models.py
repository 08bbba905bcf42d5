"""How the file of an engagement is closed: locked, added to, held back, packed, destroyed when its time is over.

None of these rows freeze with the engagement: they come when it is frozen already. Each has rules of its own,
which the database keeps.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from accounts.models import User
from engagements.freeze import append_only, stays
from engagements.models import Engagement
from jobs.models import Job

_NEVER_GONE = pgtrigger.Protect(name="never_gone", operation=pgtrigger.Delete)
_NEVER_EMPTIED = pgtrigger.Trigger(
    name="never_emptied",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="RAISE EXCEPTION 'This table is never emptied' USING ERRCODE = 'restrict_violation';",
)


class FileLock(models.Model):
    """The file is complete: from here on only addenda. Made when the partner decides, locked by a worker.

    The worker reads every row and every stored byte; `root` is the Merkle root over them (archive/leaves.py).
    """

    class State(models.TextChoices):
        ASSEMBLING = "assembling", "Being locked"
        LOCKED = "locked", "Locked"
        FAILED = "failed", "Could not be locked"

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="file_locks")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ASSEMBLING)
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    released_on = models.DateField("day of the release, or on which the engagement ended")
    retention_years = models.PositiveSmallIntegerField()
    retain_until = models.DateField("kept until")
    locked_at = models.DateTimeField(null=True, blank=True)
    root = models.CharField("Merkle root of the file", max_length=64, blank=True)
    leaves = models.PositiveIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)
    trail_seq = models.BigIntegerField(default=0)
    trail_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["engagement"], condition=~Q(state="failed"), name="file_locked_once"),
            models.CheckConstraint(
                condition=~Q(state="locked") | (~Q(root="") & Q(locked_at__isnull=False, leaves__gt=0)),
                name="file_lock_has_root",
            ),
        ]
        triggers = [
            pgtrigger.FSM(
                name="lock_machine",
                field="state",
                transitions=[("assembling", "locked"), ("assembling", "failed")],
            ),
            # R60: what is kept is kept for the years of the policy at least.
            pgtrigger.Trigger(
                name="locked_stays",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func="""
                    IF TG_OP = 'UPDATE' AND OLD.state <> 'assembling' THEN
                        RAISE EXCEPTION 'The lock of a file never changes' USING ERRCODE = 'restrict_violation';
                    END IF;
                    IF TG_OP = 'INSERT' AND NEW.state <> 'assembling' THEN
                        RAISE EXCEPTION 'A file is locked by its worker' USING ERRCODE = 'restrict_violation';
                    END IF;
                    -- A day's grace for the firm's time zone.
                    IF NEW.released_on < (SELECT COALESCE(
                        (SELECT max(released_at) FROM reports_issuance WHERE engagement_id = NEW.engagement_id),
                        (SELECT ended_at FROM engagements_engagement WHERE id = NEW.engagement_id),
                        clock_timestamp()) AT TIME ZONE 'UTC')::date - 1 THEN
                        RAISE EXCEPTION 'The years count from the release' USING ERRCODE = 'check_violation';
                    END IF;
                    IF NEW.retain_until < (NEW.released_on + make_interval(years => NEW.retention_years))::date THEN
                        RAISE EXCEPTION 'The file is kept for % years at least', NEW.retention_years
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            _NEVER_GONE,
            _NEVER_EMPTIED,
        ]

    def __str__(self) -> str:
        return f"lock of {self.engagement.number}"

    @property
    def locked(self) -> bool:
        return self.state == self.State.LOCKED


class Addendum(models.Model):
    """What is added to a locked file: who, when, why, what, and what it means for the report (R59).

    Never changed; a correction is another one. `sha256` is over the words and the files, as verify_pack.py says; it
    stands in the trail too, so that what was added after the root was taken can be verified like the rest.
    """

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="addenda")
    number = models.PositiveSmallIntegerField()
    reason = models.TextField("why it is added")
    text = models.TextField("what is added")
    effect = models.TextField("effect on the opinion")
    file_count = models.PositiveSmallIntegerField("files with it", default=0)
    sha256 = models.CharField("hash of words and files", max_length=64)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["engagement", "number"], name="addendum_number_once")]
        triggers = [append_only(), _NEVER_EMPTIED]

    def __str__(self) -> str:
        return f"Addendum {self.number}"


class AddendumFile(models.Model):
    """A file that came with an addendum. Its bytes lie with the evidence, by their hash."""

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="+")
    addendum = models.ForeignKey(Addendum, on_delete=models.PROTECT, related_name="files")
    name = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    content_type = models.CharField(max_length=100)

    class Meta:
        ordering = ["pk"]
        triggers = [
            append_only(),
            # None comes later than the addendum that it is part of.
            pgtrigger.Trigger(
                name="with_its_addendum",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF (SELECT count(*) FROM archive_addendumfile WHERE addendum_id = NEW.addendum_id)
                        >= (SELECT file_count FROM archive_addendum WHERE id = NEW.addendum_id) THEN
                        RAISE EXCEPTION 'An addendum has the files with which it was added'
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            _NEVER_EMPTIED,
        ]

    def __str__(self) -> str:
        return self.name


class AddendumReview(models.Model):
    """Somebody else of those who may add has read an addendum, and says what comes of it."""

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="+")
    addendum = models.OneToOneField(Addendum, on_delete=models.PROTECT, related_name="review")
    conclusion = models.TextField("what the reviewer concludes")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        triggers = [
            append_only(),
            pgtrigger.Trigger(
                name="by_another",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF EXISTS (SELECT FROM archive_addendum WHERE id = NEW.addendum_id AND by_id = NEW.by_id) THEN
                        RAISE EXCEPTION 'Nobody reviews an addendum of their own'
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            _NEVER_EMPTIED,
        ]

    def __str__(self) -> str:
        return f"review of addendum {self.addendum.number}"


class LegalHold(models.Model):
    """While a hold stands the file is not purged, however old it is (R60)."""

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="legal_holds")
    reason = models.TextField("matter, and who asked for it")
    placed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    placed_at = models.DateTimeField(auto_now_add=True)
    lifted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    lifted_at = models.DateTimeField(null=True, blank=True)
    lift_reason = models.TextField("why it ended", blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=True) | (Q(lifted_by__isnull=False) & ~Q(lift_reason="")),
                name="legal_hold_lifted_with_reason",
            )
        ]
        triggers = [
            pgtrigger.Protect(
                name="placed_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("engagement", "reason", "placed_by", "placed_at"),
            ),
            pgtrigger.Protect(
                name="lifted_stays", operation=pgtrigger.Update, condition=pgtrigger.Q(old__lifted_at__isnull=False)
            ),
            _NEVER_GONE,
            _NEVER_EMPTIED,
        ]

    def __str__(self) -> str:
        return f"legal hold: {self.reason[:80]}"


class Purge(models.Model):
    """One person asks for the destruction of the file, another approves it; a worker does it (R60)."""

    class State(models.TextChoices):
        ASKED = "asked", "Waits for the second person"
        CANCELLED = "cancelled", "Not carried out"
        APPROVED = "approved", "Being destroyed"
        DONE = "done", "Destroyed"

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="purges")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ASKED)
    reason = models.TextField()
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    approved_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    # What was counted before the rows went: a worker that dies in between goes on from here.
    destroyed = models.JSONField(default=dict)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["engagement"], condition=~Q(state="cancelled"), name="purge_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "done"])
                | (Q(approved_by__isnull=False, approved_at__isnull=False) & ~Q(approved_by=F("asked_by"))),
                name="purge_takes_two",
            ),
        ]
        triggers = [
            pgtrigger.FSM(
                name="purge_machine",
                field="state",
                transitions=[
                    ("asked", "approved"),
                    ("asked", "cancelled"),
                    ("approved", "done"),
                    ("approved", "cancelled"),
                ],
            ),
            # The database's own clock and rows: no role of the application can hasten it.
            pgtrigger.Trigger(
                name="only_in_time",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func="""
                    IF TG_OP = 'INSERT' AND NEW.state <> 'asked' THEN
                        RAISE EXCEPTION 'A purge begins with the first person' USING ERRCODE = 'restrict_violation';
                    END IF;
                    IF TG_OP = 'UPDATE' AND (NEW.engagement_id <> OLD.engagement_id
                        OR NEW.asked_by_id <> OLD.asked_by_id OR NEW.reason <> OLD.reason) THEN
                        RAISE EXCEPTION 'Who asked, and why, stays' USING ERRCODE = 'restrict_violation';
                    END IF;
                    IF TG_OP = 'UPDATE' AND OLD.state <> 'asked' AND NEW.approved_by_id <> OLD.approved_by_id THEN
                        RAISE EXCEPTION 'Who approved stays' USING ERRCODE = 'restrict_violation';
                    END IF;
                    IF TG_OP = 'UPDATE' AND OLD.state = 'approved' AND NEW.state = 'cancelled'
                        AND OLD.destroyed <> '{}'::jsonb THEN
                        RAISE EXCEPTION 'The rows are gone: it is brought to its end'
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    IF NEW.state IN ('asked', 'approved') AND NOT EXISTS (
                        SELECT FROM archive_filelock WHERE engagement_id = NEW.engagement_id AND state = 'locked'
                        AND retain_until < (clock_timestamp() AT TIME ZONE 'UTC')::date) THEN
                        RAISE EXCEPTION 'The file is to be kept' USING ERRCODE = 'restrict_violation';
                    END IF;
                    IF NEW.state IN ('asked', 'approved') AND EXISTS (
                        SELECT FROM archive_legalhold
                        WHERE engagement_id = NEW.engagement_id AND lifted_at IS NULL) THEN
                        RAISE EXCEPTION 'The file is under legal hold' USING ERRCODE = 'restrict_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            _NEVER_GONE,
            _NEVER_EMPTIED,
        ]

    def __str__(self) -> str:
        return f"destruction of the file of {self.engagement.number}"


class PurgeCertificate(models.Model):
    """What was destroyed, by whom and why; it stays. Its hash stands in the trail."""

    engagement = models.OneToOneField(Engagement, on_delete=models.PROTECT, related_name="purge_certificate")
    # The very text that was hashed.
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        triggers = [
            pgtrigger.Protect(name="never_changed", operation=pgtrigger.Update | pgtrigger.Delete),
            _NEVER_EMPTIED,
        ]

    def __str__(self) -> str:
        return f"certificate of the destruction of {self.engagement.number}"

    def get_absolute_url(self) -> str:
        return reverse("archive:certificate", args=[self.engagement_id])


class ClosingReminder(models.Model):
    """That people were reminded on a day of the calendar of the release (R55): each mark once."""

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="closing_reminders")
    released_on = models.DateField()
    mark = models.PositiveSmallIntegerField("days after the release")
    to: Any = models.JSONField("addresses", default=list)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["engagement", "released_on", "mark"], name="closing_reminded_once")
        ]
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"reminder {self.mark} days after {self.released_on.isoformat()}"


class Pack(models.Model):
    """The whole file as one archive that opens without Attestry (archive/packing.py)."""

    class State(models.TextChoices):
        MAKING = "making", "Being made"
        READY = "ready", "Ready"
        FAILED = "failed", "Could not be made"
        GONE = "gone", "Replaced by a newer one"

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="packs")
    number = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.MAKING)
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    made_at = models.DateTimeField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    members = models.PositiveIntegerField(default=0)
    root = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["engagement", "number"], name="pack_number_once"),
            models.UniqueConstraint(fields=["engagement"], condition=Q(state="making"), name="pack_one_in_making"),
        ]
        triggers = [*stays("asked_stays", "engagement", "number", "asked_by", "asked_at")]

    def __str__(self) -> str:
        return f"Pack {self.number}"

    @property
    def storage_name(self) -> str:
        return f"{self.engagement_id}/packs/{self.sha256}.zip"

    @property
    def file_name(self) -> str:
        return f"{self.engagement.number} peer-review pack {self.number}.zip"


def years_after(day: dt.date, years: int) -> dt.date:
    """The same day some years later; 29 February becomes 28 February, as in PostgreSQL."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
