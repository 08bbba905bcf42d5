"""People, the firms they audit for, and the service organizations they answer for."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Collection
from typing import Any, ClassVar

from allauth.socialaccount.models import SocialApp
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, name: str, password: str | None = None, **extra: Any) -> User:
        """A person who signs in by e-mail; without `password` only an invitation or single sign-on lets them in."""
        user = self.model(email=self.normalize_email(email).lower(), name=name, **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, name: str, password: str | None = None, **extra: Any) -> User:
        return self.create_user(email, name, password, is_staff=True, is_superuser=True, **extra)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. Operators (`is_staff`) run the installation and have no rights in any engagement by that."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    objects: ClassVar[UserManager] = UserManager()
    # The token by which a program acts for this person in the request at hand; None for the person itself.
    token: ApiToken | None = None

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_any_case")]

    def __str__(self) -> str:
        return self.name

    @property
    def initials(self) -> str:
        words = self.name.split()
        return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper() or "?"


class OneLine(models.Model):
    """What stands in a field of one line goes into headers of mails and downloads: breaks become spaces."""

    class Meta:
        abstract = True

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        for field in self._meta.concrete_fields:
            value = getattr(self, field.attname)
            if isinstance(field, models.CharField) and isinstance(value, str):
                setattr(self, field.attname, " ".join(value.split()))
        super().clean_fields(exclude=exclude)


class SignInPolicy(OneLine):
    """What an organization asks of its people when they sign in (`accounts.policies` applies it)."""

    demands_second_factor = models.BooleanField("everybody has a second factor", default=False)
    session_hours = models.PositiveSmallIntegerField(
        "hours until people sign in anew",
        default=12,
        validators=[MinValueValidator(1), MaxValueValidator(12)],
    )

    class Meta:
        abstract = True


class QualityTrigger(models.TextChoices):
    """When a firm asks for an engagement quality review; `reports.quality` says whether one applies."""

    ALWAYS = "always", "Every engagement"
    MODIFIED = "modified_opinion", "The opinion is modified"
    FIRST_YEAR = "first_year", "No earlier report of the system is on record"
    INCLUSIVE = "inclusive", "A subservice organization is included"
    NON_ATTEST = "non_attest", "The firm gives the client other services"
    PROVIDER = "tool_provider", "The firm has a relation to the provider of a tool"


class SectionFour(models.TextChoices):
    """How a report lays out its Section IV; the words are the same."""

    CRITERION = "criterion", "By criterion, each control at the first it meets"
    CONTROL = "control", "By control, with a matrix of the criteria"


def usual_triggers() -> list[str]:
    return [QualityTrigger.MODIFIED.value]


class Firm(SignInPolicy):
    """A CPA firm, as it appears in its reports, and the policies by which it works."""

    legal_name = models.CharField(max_length=200)
    peer_review_on = models.DateField("last peer review accepted", null=True, blank=True)
    retention_years = models.PositiveSmallIntegerField(
        "years that files are kept", default=7, validators=[MinValueValidator(5), MaxValueValidator(50)]
    )
    quality_triggers: Any = ArrayField(
        models.CharField(max_length=20, choices=QualityTrigger.choices),
        verbose_name="a quality review is needed when",
        default=usual_triggers,
        blank=True,
    )
    two_to_issue = models.BooleanField("a report takes two people to issue", default=False)
    # Switched off, it still holds for the engagements opened until then: nobody looses it for a report at hand.
    two_to_issue_until = models.DateTimeField(null=True, blank=True, editable=False)
    section_four = models.CharField(
        "Section IV of new engagements",
        max_length=10,
        choices=SectionFour.choices,
        default=SectionFour.CRITERION,
    )

    def __str__(self) -> str:
        return self.legal_name

    @property
    def main_office(self) -> Office | None:
        """The office that signs unless an engagement names another."""
        return next((one for one in self.offices.all() if one.is_main), None)

    def licence_in(self, state: str) -> Licence | None:
        """The licence that a report signed in this state names; without one there, the one that runs longest."""
        licences = sorted(
            self.licences.all(), key=lambda one: (one.expires_on or dt.date.max, one.pk), reverse=True
        )
        there = [one for one in licences if one.jurisdiction.casefold() == state.casefold()]
        return next(iter(there or licences), None)


class Office(OneLine):
    """A city in which the firm signs. Closed, it stays for the reports that name it."""

    firm = models.ForeignKey(Firm, on_delete=models.CASCADE, related_name="offices")
    city = models.CharField(max_length=100)
    state = models.CharField(max_length=100)
    is_main = models.BooleanField("signs unless an engagement names another", default=False)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-is_main", "city", "state"]
        constraints = [
            models.UniqueConstraint("firm", Lower("city"), Lower("state"), name="office_once"),
            models.UniqueConstraint(fields=["firm"], condition=Q(is_main=True), name="office_one_main"),
            models.CheckConstraint(
                condition=Q(is_main=False) | Q(closed_at__isnull=True), name="office_main_is_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.city}, {self.state}"


class SigningCertificate(models.Model):
    """The certificate with which the firm signs its reports, and its key: sealed, and never handed out."""

    WARN_DAYS: ClassVar[int] = 60

    firm = models.OneToOneField(Firm, on_delete=models.CASCADE, related_name="certificate")
    sealed_key = models.TextField()
    certificates = models.TextField("it and those above it, PEM")
    subject = models.CharField(max_length=500)
    issuer = models.CharField(max_length=500)
    serial = models.CharField("serial number", max_length=60)
    sha256 = models.CharField("fingerprint", max_length=64)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField("expires")
    kept_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    kept_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.subject}, serial {self.serial}"

    def days_left(self, *, at: dt.datetime) -> int:
        """Whole days until it expires; below zero when it has."""
        return (self.valid_to - at).days

    def ends_soon(self, *, at: dt.datetime) -> bool:
        return self.days_left(at=at) < self.WARN_DAYS


class Licence(OneLine):
    """A firm's licence to practise in one jurisdiction."""

    firm = models.ForeignKey(Firm, on_delete=models.CASCADE, related_name="licences")
    jurisdiction = models.CharField(max_length=100)
    number = models.CharField(max_length=50)
    expires_on = models.DateField("expires", null=True, blank=True)

    class Meta:
        ordering = ["jurisdiction", "number"]
        constraints = [models.UniqueConstraint(fields=["firm", "jurisdiction", "number"], name="licence_once")]

    def __str__(self) -> str:
        return f"{self.jurisdiction} {self.number}"

    def current(self, *, on: dt.date) -> bool:
        """Whether the firm may practise under it on that day."""
        return self.expires_on is None or self.expires_on >= on


class FirmMember(models.Model):
    firm = models.ForeignKey(Firm, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="firm_memberships")
    title = models.CharField(max_length=80, blank=True)
    is_admin = models.BooleanField(default=False)
    may_accept = models.BooleanField("may open and accept engagements", default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["firm", "user"], name="firm_member_once")]

    def __str__(self) -> str:
        return f"{self.user} at {self.firm}"


class ServiceOrganization(SignInPolicy):
    """A client of one firm. The same company at another firm is another row: firms share nothing."""

    firm = models.ForeignKey(Firm, on_delete=models.PROTECT, related_name="clients")
    name = models.CharField("legal name", max_length=200)
    short_name = models.CharField(max_length=80, blank=True)
    website = models.URLField(blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["firm", "name"], name="client_once_per_firm")]

    def __str__(self) -> str:
        return self.name

    @property
    def short(self) -> str:
        return self.short_name or self.name


class ClientMember(models.Model):
    organization = models.ForeignKey(ServiceOrganization, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="client_memberships")
    title = models.CharField(max_length=80, blank=True)
    is_admin = models.BooleanField("administers the organization", default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "user"], name="client_member_once")]

    def __str__(self) -> str:
        return f"{self.user} at {self.organization}"


class OfOnePlace(models.Model):
    """What belongs either to a firm or to a client of one."""

    firm = models.ForeignKey(
        Firm,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="%(class)ss",
        related_query_name="%(class)s",
    )
    organization = models.ForeignKey(
        ServiceOrganization,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="%(class)ss",
        related_query_name="%(class)s",
    )

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(firm__isnull=False, organization__isnull=True)
                | Q(firm__isnull=True, organization__isnull=False),
                name="%(class)s_of_one_place",
            )
        ]

    @property
    def place(self) -> Firm | ServiceOrganization:
        place = self.firm or self.organization
        assert place is not None  # ..._of_one_place
        return place

    @property
    def in_trail_of(self) -> Firm:
        """The firm in whose trail its events stand."""
        return self.firm or self.organization.firm  # type: ignore[union-attr]


class IdentityProvider(OfOnePlace):
    """Where the people of one firm or client sign in (OIDC or SAML), as its administrator has set it up.

    What the library needs of it is in a `SocialApp` with the same name, but for the secret; no foreign key, since
    the library's tables are made after these.
    """

    class Kind(models.TextChoices):
        OIDC = "openid_connect", "OpenID Connect"
        SAML = "saml", "SAML 2.0"

    slug = models.SlugField(unique=True)
    demanded = models.BooleanField("people sign in this way only", default=False)
    vouches_for_addresses = models.BooleanField("it serves nobody but this organization", default=False)
    sealed_secret = models.TextField(blank=True)

    class Meta(OfOnePlace.Meta):
        constraints = [
            *OfOnePlace.Meta.constraints,
            models.UniqueConstraint(fields=["firm"], name="identity_provider_once_per_firm"),
            models.UniqueConstraint(fields=["organization"], name="identity_provider_once_per_client"),
        ]

    def __str__(self) -> str:
        return f"single sign-on of {self.place}"

    @property
    def app(self) -> SocialApp:
        """The library's record, without the secret."""
        return SocialApp.objects.get(provider_id=self.slug)


def hash_token(token: str) -> str:
    """What is stored of a secret link: its SHA-256, never the secret."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token() -> str:
    """A secret for a link: 256 bits from the system's generator."""
    return secrets.token_urlsafe(32)


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def current(self, *, at: dt.datetime) -> ApiTokenQuerySet:
        return self.filter(ended_at__isnull=True, expires_at__gt=at)


class ApiToken(models.Model):
    """A secret by which a program acts for a person at the JSON interface, with less than the person may do.

    `engagement_id` and `covers` name the one engagement it is for; without it, it is for all of the person's.
    `provider` and `second_factor` keep how the person had signed in who made it (`accounts.policies`).
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=24, unique=True)
    token_hash = models.CharField(max_length=64, unique=True)
    engagement_id = models.BigIntegerField(null=True, blank=True)
    covers = models.CharField(max_length=200)
    may_read = models.BooleanField("read", default=True)
    may_upload = models.BooleanField("hand in evidence", default=False)
    networks = models.JSONField(default=list, blank=True)
    provider = models.CharField(max_length=50, blank=True)
    second_factor = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_ip = models.GenericIPAddressField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(may_read=True) | Q(may_upload=True), name="api_token_for_something")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def last_day(self) -> dt.date:
        """It ends with this day."""
        return timezone.localdate(self.expires_at - dt.timedelta(microseconds=1))

    @property
    def scopes(self) -> list[str]:
        """What it may do, in words."""
        return [words for words, given in (("read", self.may_read), ("hand in evidence", self.may_upload)) if given]


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self, *, at: dt.datetime) -> InvitationQuerySet:
        return self.filter(accepted_at__isnull=True, expires_at__gt=at)


class Invitation(OfOnePlace):
    """The only way to an account: a link by e-mail, once, for a person of a firm or of a client."""

    email = models.EmailField()
    name = models.CharField(max_length=120)
    title = models.CharField(max_length=80, blank=True)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    objects = InvitationQuerySet.as_manager()

    def __str__(self) -> str:
        return f"invitation of {self.email}"
