"""What goes with the requests: comments on them, the firm's lists of them, and how people hear of them.

`evidence.models` imports this module, so that Django finds the models.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.urls import reverse

from accounts.models import Firm, User
from engagements.freeze import EngagementOwned, append_only


class CommentQuerySet(models.QuerySet["RequestComment"]):
    def visible_as(self, engagement: Any) -> CommentQuerySet:
        """The firm's own thread is the firm's alone; who sees the request sees the other one."""
        found = self.filter(engagement=engagement)
        return found if "see_fieldwork" in engagement.may else found.filter(internal=False)


class RequestComment(EngagementOwned):
    """Something said about a request: to both sides, or among the firm's people only. It stays as it was said."""

    request = models.ForeignKey("evidence.EvidenceRequest", on_delete=models.PROTECT, related_name="comments")
    internal = models.BooleanField("only for the firm", default=False)
    text = models.TextField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    objects = CommentQuerySet.as_manager()

    class Meta(EngagementOwned.Meta):
        ordering = ["pk"]
        constraints = [models.CheckConstraint(condition=~Q(text=""), name="comment_says_something")]
        triggers = [*EngagementOwned.Meta.triggers, append_only()]

    def __str__(self) -> str:
        return f"comment on {self.request}"


class Mention(EngagementOwned):
    """A person named in a comment: it waits for them until they answer there or put it aside."""

    comment = models.ForeignKey(RequestComment, on_delete=models.PROTECT, related_name="mentions")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["comment", "user"], name="mention_once")]
        indexes = [models.Index(fields=["user"], condition=Q(done_at__isnull=True), name="mention_waiting")]

    def __str__(self) -> str:
        return f"{self.user} in a {self.comment}"


class RequestList(models.Model):
    """A list of requests that the firm keeps for its engagements. A change is a new version; old ones stay.

    `lines`: what `evidence.asking.Line` says of each, as plain data.
    """

    firm = models.ForeignKey(Firm, on_delete=models.CASCADE, related_name="request_lists")
    name = models.CharField(max_length=120)
    version = models.PositiveIntegerField(default=1)
    replaces = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by"
    )
    lines = models.JSONField(default=list)
    current = models.BooleanField(default=True)
    written_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "-version"]
        constraints = [
            models.UniqueConstraint("firm", Lower("name"), condition=Q(current=True), name="request_list_name_once")
        ]
        triggers = [
            pgtrigger.Protect(
                name="versions_stay",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("firm", "name", "version", "replaces", "lines", "written_by"),
            ),
            pgtrigger.Protect(name="versions_never_deleted", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.name} (version {self.version})"

    def get_absolute_url(self) -> str:
        return reverse("evidence:request_list", args=[self.pk])


class MailChoice(models.Model):
    """How a person wants to hear of requests; without a row as the defaults say."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="mail_choice")
    daily = models.BooleanField("one mail a day, when something has happened", default=True)
    urgent = models.BooleanField("a mail at once when something cannot wait", default=True)
    time_zone = models.CharField(max_length=60, blank=True)

    def __str__(self) -> str:
        return f"mail to {self.user}"


class Digest(models.Model):
    """The one mail of a person's day, or that there was nothing to say; written before it is sent."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="digests")
    day = models.DateField()
    since = models.DateTimeField()
    until = models.DateTimeField()
    things = models.PositiveIntegerField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-day", "pk"]
        constraints = [models.UniqueConstraint(fields=["user", "day"], name="digest_once_a_day")]

    def __str__(self) -> str:
        return f"digest of {self.day} for {self.user}"


class CalendarFeed(models.Model):
    """A secret address at which a calendar reads a person's dates; of the secret only its hash is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="calendar_feeds")
    token_hash = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField(auto_now_add=True)
    read_on = models.DateField("last read on", null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["user"], condition=Q(ended_at__isnull=True), name="calendar_feed_once")
        ]

    def __str__(self) -> str:
        return f"calendar address of {self.user}"

    def used(self, day: dt.date) -> bool:
        """Whether it was read on this day already."""
        return self.read_on is not None and self.read_on >= day
