"""A job row is the truth about a piece of background work; the broker only wakes a worker."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import models
from django.db.models import Q

MAX_ATTEMPTS = 3


class JobQuerySet(models.QuerySet["Job"]):
    def unfinished(self) -> JobQuerySet:
        return self.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING])

    def lost(self, *, at: dt.datetime, queued_for: dt.timedelta, silent_for: dt.timedelta) -> JobQuerySet:
        """Queued too long after their last wake-up call, or running without a heartbeat."""
        return self.filter(
            Q(state=Job.State.QUEUED, woken_at__lt=at - queued_for)
            | Q(state=Job.State.RUNNING, heartbeat_at__lt=at - silent_for)
        )


class Job(models.Model):
    """Work that a Celery worker does once.

    `key` names the effect: a second job with the key of an unfinished one is that one. `attempts` is counted
    before the work begins, in its own transaction, so that a job which kills its worker ends as failed.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    kind = models.CharField(max_length=64)
    key = models.CharField(max_length=200)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    progress = models.PositiveSmallIntegerField(default=0)
    message = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    engagement_id = models.BigIntegerField(null=True, db_index=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    woken_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["key"],
                condition=Q(state__in=["queued", "running"]),
                name="job_once_unfinished",
            ),
            models.CheckConstraint(condition=Q(progress__lte=100), name="job_progress_percent"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def finished(self) -> bool:
        return self.state in {self.State.DONE, self.State.FAILED}


class Outbox(models.Model):
    """A wake-up call to be published, written in the transaction that made the job."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="calls")
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["id"], condition=Q(published_at__isnull=True), name="outbox_unpublished")]

    def __str__(self) -> str:
        return f"call for {self.job_id}"
