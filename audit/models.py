"""Append-only events, one hash chain per engagement, per firm, or for the installation."""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Cast, Concat

from audit.chain import HASH_EVENT, stamp

NEVER_EMPTIED = pgtrigger.Trigger(
    name="no_truncate",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="RAISE EXCEPTION 'This table is never emptied' USING ERRCODE = 'restrict_violation';",
)


class Chain(models.Model):
    """Head of one chain: the last sequence number and hash; locked by each insertion."""

    key = models.CharField(max_length=64, primary_key=True)
    seq = models.BigIntegerField(default=0)
    head = models.CharField(max_length=64, default="")

    class Meta:
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            # Only the trigger of the events moves a head; a statement of its own is not below any trigger.
            pgtrigger.Protect(
                name="only_by_event",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("pg_trigger_depth() < 1"),
            ),
            pgtrigger.Trigger(
                name="starts_empty",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="NEW.seq := 0; NEW.head := ''; RETURN NEW;",
            ),
            NEVER_EMPTIED,
        ]

    def __str__(self) -> str:
        return f"{self.key}#{self.seq}"


class EventQuerySet(models.QuerySet["Event"]):
    def of_engagement(self, engagement_id: int) -> EventQuerySet:
        return self.filter(engagement_id=engagement_id)

    def of_firm(self, firm_id: int) -> EventQuerySet:
        """The firm's own chain and those of all its engagements."""
        return self.filter(firm_id=firm_id)

    def with_text(self) -> EventQuerySet:
        """With `detail_text`, the text of the details that was hashed."""
        return self.annotate(detail_text=Cast("detail", models.TextField()))

    def for_client(self) -> EventQuerySet:
        """Only what the service organization may see of its engagement (rule R68)."""
        return self.exclude(audience=Event.Audience.FIRM)


def _chain(kind: str, column: str) -> Concat:
    return Concat(Value(f"{kind}:"), Cast(column, models.CharField()))


OF_ENGAGEMENT = Q(engagement_id__isnull=False, chain=_chain("engagement", "engagement_id"))
OF_FIRM = Q(engagement_id__isnull=True, firm_id__isnull=False, chain=_chain("firm", "firm_id"))
OF_INSTALLATION = Q(engagement_id__isnull=True, firm_id__isnull=True, chain="installation")


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
        constraints = [
            models.UniqueConstraint(fields=["chain", "seq"], name="event_once_in_chain"),
            # Whoever may write of something writes in the chain of that, and in nobody else's.
            models.CheckConstraint(condition=OF_ENGAGEMENT | OF_FIRM | OF_INSTALLATION, name="event_in_its_chain"),
        ]
        indexes = [
            models.Index(fields=["engagement_id", "-id"], name="event_by_engagement"),
            models.Index(fields=["firm_id", "-id"], name="event_by_firm"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="chain_event",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("head_row", "audit_chain%ROWTYPE")],
                func=HASH_EVENT,
            ),
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            NEVER_EMPTIED,
        ]

    def __str__(self) -> str:
        return f"{self.chain_id}#{self.seq} {self.action}"

    def fields(self) -> dict[str, str | None]:
        """What is hashed, by name, as text; for events of a queryset `with_text`."""
        return {
            "previous": self.previous,
            "chain": self.chain_id,
            "seq": str(self.seq),
            "at": stamp(self.at),
            "actor_id": None if self.actor_id is None else str(self.actor_id),
            "actor_name": self.actor_name,
            "engagement_id": None if self.engagement_id is None else str(self.engagement_id),
            "firm_id": None if self.firm_id is None else str(self.firm_id),
            "action": self.action,
            "audience": self.audience,
            "target": self.target,
            "target_label": self.target_label,
            "detail": self.detail_text,  # type: ignore[attr-defined]
            "ip": self.ip,
        }
