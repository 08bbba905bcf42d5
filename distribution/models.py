"""Who may read the report, who has, and under which terms."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import models
from django.db.models import Q
from django.urls import reverse

from accounts.models import OneLine, User
from engagements.freeze import append_only, stays
from engagements.models import Engagement
from reports.models import GeneralUseReport, Issuance

# None of these freeze with the engagement: readers come after issue.


class NonDisclosureAgreement(models.Model):
    """The client's terms, word for word. A new text is a new version that readers accept anew."""

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="agreements")
    version = models.PositiveSmallIntegerField()
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    published_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["engagement", "version"], name="agreement_version_once")]
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"Non-disclosure agreement, version {self.version}"


class PartyClass(models.TextChoices):
    """Specified parties of a restricted-use report (domain 1.3)."""

    USER_ENTITY = "user_entity", "User entity of the system"
    PROSPECT = "prospect", "Prospective user entity or business partner"
    PARTNER = "business_partner", "Business partner subject to risk from the system"
    PRACTITIONER = "practitioner", "Practitioner serving a user entity or business partner"
    REGULATOR = "regulator", "Regulator"


class GrantQuerySet(models.QuerySet["Grant"]):
    def live(self, *, at: dt.datetime) -> GrantQuerySet:
        return self.filter(revoked_at__isnull=True, expires_at__gt=at)


class Grant(OneLine):
    """Leave for one person to read the report of one engagement, until it expires or is revoked."""

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="grants")
    email = models.EmailField()
    name = models.CharField(max_length=120)
    company = models.CharField(max_length=200)
    purpose = models.CharField(max_length=200, blank=True)
    party_class = models.CharField(max_length=20, choices=PartyClass.choices, blank=True)
    knowledge_declared_at = models.DateTimeField(null=True, blank=True)
    token_hash = models.CharField(max_length=64, unique=True)
    token_used_at = models.DateTimeField(null=True, blank=True)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    invited_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    objects = GrantQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["engagement", "email"],
                condition=Q(revoked_at__isnull=True),
                name="grant_once_per_reader",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.company})"

    @property
    def person(self) -> str:
        """For whom the database takes whoever reads by this grant (audit/context.py)."""
        return f"grant:{self.pk}"


class Acceptance(models.Model):
    """The reader accepted exactly this text, at this time."""

    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="acceptances")
    agreement = models.ForeignKey(NonDisclosureAgreement, on_delete=models.PROTECT, related_name="acceptances")
    agreement_sha256 = models.CharField(max_length=64)
    typed_name = models.CharField(max_length=120)
    at = models.DateTimeField(auto_now_add=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["grant", "agreement"], name="acceptance_once")]
        triggers = [
            append_only(engagement="(SELECT engagement_id FROM distribution_grant WHERE id = OLD.grant_id)")
        ]

    def __str__(self) -> str:
        return f"{self.grant} accepted version {self.agreement.version}"


class AccessEvent(models.Model):
    """One view, acceptance, download or refusal (R64)."""

    class Kind(models.TextChoices):
        INVITED = "invited", "Invited"
        OPENED = "opened", "Opened the invitation"
        VIEWED = "viewed", "Viewed the terms"
        ACCEPTED = "accepted", "Accepted the terms"
        DOWNLOADED = "downloaded", "Downloaded"
        REFUSED = "refused", "Refused"
        REVOKED = "revoked", "Revoked"
        NOTIFIED = "notified", "Told that it is not current"

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="+")
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="events")
    issuance = models.ForeignKey(Issuance, null=True, on_delete=models.PROTECT, related_name="+")
    agreement = models.ForeignKey(NonDisclosureAgreement, null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    reason = models.CharField(max_length=200, blank=True)
    report_sha256 = models.CharField(max_length=64, blank=True)
    copy_sha256 = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(auto_now_add=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-pk"]
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"{self.grant}: {self.kind}"

    def facts(self) -> dict[str, Any]:
        return {"kind": self.kind, "reason": self.reason}


class Publication(models.Model):
    """A SOC 3 report that the client has published: whoever has the address reads it, without terms or account.

    The address is long and random, so that nobody finds out by trying who is a client of which firm.
    """

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="publications")
    report = models.ForeignKey(GeneralUseReport, on_delete=models.PROTECT, related_name="publications")
    address = models.CharField(max_length=40, unique=True)
    published_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField(auto_now_add=True)
    ended_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["report"], condition=Q(ended_at__isnull=True), name="publication_one_address"
            )
        ]
        triggers = stays("published_stays", "engagement", "report", "address", "published_by", "published_at")

    def __str__(self) -> str:
        return f"{self.report}"

    def get_absolute_url(self) -> str:
        return reverse("distribution:published", args=[self.address])
