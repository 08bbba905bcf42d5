"""Append-only events, one hash chain per engagement, per firm, or for the installation."""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.conf import settings
from django.db import models

from audit.chain import HASH_EVENT


class Chain(models.Model):
    """Head of one chain: the last sequence number and hash; locked by each insertion."""

    key = models.CharField(max_length=64, primary_key=True)
    seq = models.BigIntegerField(default=0)
    head = models.CharField(max_length=64, default="")

    class Meta:
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.key}#{self.seq}"


class EventQuerySet(models.QuerySet["Event"]):
    def of_engagement(self, engagement_id: int) -> EventQuerySet:
        return self.filter(engagement_id=engagement_id)

    def for_client(self) -> EventQuerySet:
        """Only what the service organization may see of its engagement (rule R68)."""
        return self.exclude(audience=Event.Audience.FIRM)


class Event(models.Model):
    """One thing that a person or the system did.

    `seq`, `at`, `previous` and `hash` are set by the database when the row is inserted; whatever the
    application passes for them is ignored. The row outlives the account of its actor: `actor_name` is a copy.
    """

    class Audience(models.TextChoices):
        ALL = "all", "Firm and client"
        FIRM = "firm", "Firm only"

    chain = models.ForeignKey(Chain, on_delete=models.PROTECT, related_name="events")
    seq = models.BigIntegerField(default=0)
    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    actor_name = models.CharField(max_length=200)
    engagement_id = models.BigIntegerField(null=True, db_index=True)
    firm_id = models.BigIntegerField(null=True)
    action = models.CharField(max_length=64)
    audience = models.CharField(max_length=8, choices=Audience.choices, default=Audience.ALL)
    target = models.CharField(max_length=120, blank=True)
    target_label = models.CharField(max_length=300, blank=True)
    detail = models.JSONField(default=dict)
    ip = models.GenericIPAddressField(null=True)
    previous = models.CharField(max_length=64, default="")
    hash = models.CharField(max_length=64, default="")

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["chain", "seq"], name="event_once_in_chain")]
        indexes = [models.Index(fields=["engagement_id", "-id"], name="event_by_engagement")]
        triggers = [
            pgtrigger.Trigger(
                name="chain_event",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("head_row", "audit_chain%ROWTYPE")],
                func=HASH_EVENT,
            ),
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="no_truncate",
                level=pgtrigger.Statement,
                when=pgtrigger.Before,
                operation=pgtrigger.Truncate,
                func="RAISE EXCEPTION 'This table is never emptied' USING ERRCODE = 'restrict_violation';",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.chain_id}#{self.seq} {self.action}"

    def facts(self) -> dict[str, Any]:
        """What the event says, without its place in the chain."""
        return {"action": self.action, "actor": self.actor_name, "target": self.target, **self.detail}
