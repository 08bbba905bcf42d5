"""What the client gave us: requests, files, populations with their record of where they come from."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import IO, Any, ClassVar

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVector, SearchVectorField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from engagements.freeze import OF_ROW, UNLESS_PURGED, EngagementOwned, stays
from engagements.models import Control, Engagement, Role
from evidence import correspondence  # noqa: F401  Django finds the models there
from evidence.storage import opened, stored_name

# Roles of the client's side that deal only with what is assigned to them.
OWN_ONLY = frozenset({Role.CONTROL_OWNER, Role.SUBSERVICE_CONTACT})


def prefix_query(words: str) -> SearchQuery | None:
    """All the words, the letters of each perhaps only its beginning; None without any."""
    found = re.findall(r"[^\W_]+", words)
    return (
        SearchQuery(" & ".join(f"{word}:*" for word in found), search_type="raw", config="english")
        if found
        else None
    )


class RequestQuerySet(models.QuerySet["EvidenceRequest"]):
    def waiting_for_client(self) -> RequestQuerySet:
        return self.filter(state__in=EvidenceRequest.WITH_CLIENT)

    def waiting_for_firm(self) -> RequestQuerySet:
        return self.filter(state=EvidenceRequest.State.SUBMITTED)

    def unsettled(self) -> RequestQuerySet:
        """Neither accepted nor called off."""
        return self.exclude(state__in=EvidenceRequest.SETTLED)

    def overdue(self, *, at: dt.date) -> RequestQuerySet:
        return self.waiting_for_client().filter(due__lt=at)

    def visible_as(self, engagement: Any, user: User) -> RequestQuerySet:
        """Drafts only for the firm; a control owner or subservice contact sees what is assigned to them."""
        found = self.filter(engagement=engagement)
        if "see_fieldwork" in engagement.may:
            return found
        # A draft that was cancelled has never been shown either.
        found = found.exclude(state=EvidenceRequest.State.DRAFT).exclude(
            state=EvidenceRequest.State.CANCELLED, opened_at__isnull=True
        )
        if engagement.member.role in OWN_ONLY:
            found = found.filter(assigned_to=user)
        return found


class EvidenceRequest(EngagementOwned):
    """One line of the request list (PBC list)."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        OPEN = "open", "Open"
        IN_PROGRESS = "in_progress", "In progress"
        SUBMITTED = "submitted", "Submitted"
        RETURNED = "returned", "Returned"
        ACCEPTED = "accepted", "Accepted"
        CLOSED = "closed", "Closed"
        CANCELLED = "cancelled", "Cancelled"

    class Priority(models.TextChoices):
        NORMAL = "normal", "Normal"
        HIGH = "high", "High"

    WITH_CLIENT: ClassVar = frozenset({State.OPEN, State.IN_PROGRESS, State.RETURNED})
    SETTLED: ClassVar = frozenset({State.ACCEPTED, State.CLOSED, State.CANCELLED})
    # What was handed in: an auditor may rely on it.
    GIVEN: ClassVar = frozenset({State.SUBMITTED, State.ACCEPTED, State.CLOSED})

    code = models.CharField(max_length=12)
    title = models.CharField(max_length=200)
    detail = models.TextField("what is needed", blank=True)
    covers_from = models.DateField("for the days from", null=True, blank=True)
    covers_to = models.DateField("for the days to", null=True, blank=True)
    controls: models.ManyToManyField[Control, RequestControl] = models.ManyToManyField(
        Control, through="RequestControl", related_name="requests"
    )
    assigned_to = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reviewer = models.ForeignKey(
        User,
        verbose_name="looked at by",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    due = models.DateField()
    priority = models.CharField(max_length=6, choices=Priority.choices, default=Priority.NORMAL)
    state = models.CharField(max_length=11, choices=State.choices, default=State.DRAFT)
    return_reason = models.TextField(blank=True)
    cancel_reason = models.TextField(blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = RequestQuerySet.as_manager()

    class Meta(EngagementOwned.Meta):
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["engagement", "code"], name="request_code_once"),
            models.CheckConstraint(
                condition=~Q(state="returned") | ~Q(return_reason=""), name="request_returned_with_reason"
            ),
            models.CheckConstraint(
                condition=~Q(state="cancelled") | ~Q(cancel_reason=""), name="request_cancelled_with_reason"
            ),
            models.CheckConstraint(
                condition=Q(covers_from__isnull=True)
                | Q(covers_to__isnull=True)
                | Q(covers_from__lte=F("covers_to")),
                name="request_dates_in_order",
            ),
        ]
        triggers = [
            *EngagementOwned.Meta.triggers,
            pgtrigger.FSM(
                name="request_machine",
                field="state",
                transitions=[
                    ("draft", "open"),
                    ("open", "in_progress"),
                    ("open", "submitted"),
                    ("in_progress", "submitted"),
                    ("submitted", "returned"),
                    ("submitted", "accepted"),
                    ("returned", "submitted"),
                    ("accepted", "returned"),
                    ("accepted", "closed"),
                    ("closed", "accepted"),
                    *((state, "cancelled") for state in ("draft", "open", "in_progress", "submitted", "returned")),
                    ("cancelled", "draft"),
                    ("cancelled", "open"),
                ],
            ),
        ]

    def __str__(self) -> str:
        return self.code

    def get_absolute_url(self) -> str:
        return reverse("evidence:request", args=[self.engagement_id, self.code])

    @property
    def waits_for_client(self) -> bool:
        return self.state in self.WITH_CLIENT

    @property
    def covers(self) -> str:
        """The days for which it asks, in words; empty when none are given."""
        days = [f"{day.day} {day:%b %Y}" for day in (self.covers_from, self.covers_to) if day]
        return " to ".join(dict.fromkeys(days))


class RequestControl(EngagementOwned):
    request = models.ForeignKey(EvidenceRequest, on_delete=models.CASCADE, related_name="control_links")
    control = models.ForeignKey(Control, on_delete=models.PROTECT, related_name="request_links")

    class Meta(EngagementOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["request", "control"], name="request_control_once")]

    def __str__(self) -> str:
        return f"{self.request} for {self.control}"


class FileQuerySet(models.QuerySet["EvidenceFile"]):
    def visible_as(self, engagement: Any, user: User) -> FileQuerySet:
        """What the auditor obtained is the firm's; a control owner sees the files of their requests."""
        found = self.filter(engagement=engagement)
        if "see_fieldwork" in engagement.may:
            return found
        found = found.filter(obtained_by_auditor=False)
        if engagement.member.role in OWN_ONLY:
            also = AlsoAnswers.objects.filter(engagement=engagement, request__assigned_to=user)
            found = found.filter(
                Q(request__assigned_to=user) | Q(uploaded_by=user) | Q(pk__in=also.values("file_id"))
            )
        return found

    def answering(self, request: EvidenceRequest) -> FileQuerySet:
        """Those that lie on the request, and those of others that answer it too."""
        also = AlsoAnswers.objects.filter(request=request)
        return self.filter(Q(request=request) | Q(pk__in=also.values("file_id")))

    def saying(self, words: str) -> FileQuerySet:
        """Those whose text has all the words, each perhaps only begun; by their names and codes as well."""
        named = Q(code__icontains=words) | Q(name__icontains=words)
        found = prefix_query(words)
        return self.filter(named | Q(reading__words=found)) if found else self.filter(named)

    def handed_in(self) -> FileQuerySet:
        """What an auditor may rely on: for no request, or for one that was submitted at least; not quarantined."""
        given = EvidenceRequest.GIVEN
        also = AlsoAnswers.objects.filter(request__state__in=given)
        answers = Q(request__isnull=True) | Q(request__state__in=given) | Q(pk__in=also.values("file_id"))
        return self.filter(answers).exclude(checked__scan=FileCheck.Scan.QUARANTINED)

    def current(self) -> FileQuerySet:
        """Without those that a newer version replaces."""
        return self.filter(replaced_by__isnull=True)


class EvidenceFile(EngagementOwned):
    """A file as it was received. The bytes lie under their SHA-256 within the engagement and never change.

    A replacement is a new row with the next `version` that names the one it `replaces`.
    """

    code = models.CharField(max_length=12)
    request = models.ForeignKey(
        EvidenceRequest, null=True, blank=True, on_delete=models.PROTECT, related_name="files"
    )
    name = models.CharField(max_length=255)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    kind = models.CharField(max_length=8)
    content_type = models.CharField(max_length=120)
    version = models.PositiveSmallIntegerField(default=1)
    replaces = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by"
    )
    also_answers: models.ManyToManyField[EvidenceRequest, AlsoAnswers] = models.ManyToManyField(
        EvidenceRequest, through="AlsoAnswers", related_name="also_files"
    )
    rows = models.PositiveIntegerField("rows of a listing", null=True, blank=True)
    speaks_from = models.DateField("speaks of the time from", null=True, blank=True)
    speaks_to = models.DateField("speaks of the time to", null=True, blank=True)
    obtained_by_auditor = models.BooleanField("obtained by the auditor", default=False)
    findings = models.JSONField("what the linter noted", default=list, blank=True)
    uploaded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(auto_now_add=True)

    objects = FileQuerySet.as_manager()

    class Meta(EngagementOwned.Meta):
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["engagement", "code"], name="evidence_code_once"),
            models.CheckConstraint(condition=Q(size__gt=0), name="evidence_not_empty"),
            models.CheckConstraint(
                condition=Q(speaks_from__isnull=True)
                | Q(speaks_to__isnull=True)
                | Q(speaks_from__lte=F("speaks_to")),
                name="evidence_dates_in_order",
            ),
        ]
        triggers = [
            *EngagementOwned.Meta.triggers,
            # The dates it speaks of and the linter's notes come later; what was received stays.
            *stays(
                "received_stays",
                "sha256",
                "size",
                "name",
                "code",
                "version",
                "uploaded_by",
                "uploaded_at",
                "engagement",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    def get_absolute_url(self) -> str:
        return reverse("evidence:file", args=[self.engagement_id, self.code])

    @property
    def storage_name(self) -> str:
        return stored_name(self.engagement_id, self.sha256)

    @property
    def unexplained(self) -> list[dict[str, Any]]:
        """What the linter noted and nobody has said a word about."""
        return [one for one in self.findings if not one.get("answer")]

    @property
    def speaks_of(self) -> str:
        """The dates it speaks of, in words; empty when none were given."""
        days = [f"{day.day} {day:%b %Y}" for day in (self.speaks_from, self.speaks_to) if day]
        return " to ".join(dict.fromkeys(days))

    def open(self) -> IO[bytes]:
        """The bytes as a binary file, after their hash was checked. Raises `storage.Altered`."""
        return opened(self.engagement_id, self.sha256)

    @property
    def is_current(self) -> bool:
        return not hasattr(self, "replaced_by")


class AlsoAnswers(EngagementOwned):
    """A file that answers one more request than the one on which it lies."""

    file = models.ForeignKey(EvidenceFile, on_delete=models.PROTECT, related_name="further")
    request = models.ForeignKey(EvidenceRequest, on_delete=models.PROTECT, related_name="further")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["file", "request"], name="file_answers_once")]

    def __str__(self) -> str:
        return f"{self.file} for {self.request}"


class FilePolicy(EngagementOwned):
    """What this engagement takes; without a row the installation's settings hold (`evidence.policy`)."""

    largest_mb = models.PositiveIntegerField("largest file in MB")
    quota_gb = models.PositiveIntegerField("all files together in GB")
    hold_unscanned = models.BooleanField("only the uploader opens a file before it was scanned")

    class Meta(EngagementOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["engagement"], name="file_policy_once"),
            models.CheckConstraint(condition=Q(largest_mb__gt=0, quota_gb__gt=0), name="file_policy_takes_files"),
        ]

    def __str__(self) -> str:
        return f"at most {self.largest_mb} MB"


class Upload(models.Model):
    """A file on its way in. What has arrived lies in the staging folder (`evidence.staging`), never here.

    It is no evidence yet and does not freeze with its engagement: what is left over must be able to expire.
    """

    class State(models.TextChoices):
        RECEIVING = "receiving", "Arriving"
        CHECKING = "checking", "Being checked"
        HELD = "held", "To be matched"
        DONE = "done", "Received"
        REFUSED = "refused", "Refused"

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="+")
    token = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    request = models.ForeignKey(EvidenceRequest, null=True, on_delete=models.PROTECT, related_name="+")
    replaces = models.ForeignKey(EvidenceFile, null=True, on_delete=models.PROTECT, related_name="+")
    to_be_matched = models.BooleanField(default=False)
    name = models.CharField(max_length=255)
    size = models.BigIntegerField()
    speaks_from = models.DateField(null=True)
    speaks_to = models.DateField(null=True)
    obtained_by_auditor = models.BooleanField(default=False)
    state = models.CharField(max_length=9, choices=State.choices, default=State.RECEIVING)
    found = models.JSONField(default=dict)
    problems = models.JSONField(default=list)
    file = models.ForeignKey(EvidenceFile, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["expires_at"], name="upload_expiry")]
        constraints = [models.CheckConstraint(condition=Q(size__gt=0), name="upload_not_empty")]

    def __str__(self) -> str:
        return self.name


class FileCheck(models.Model):
    """What the machines know of a file's bytes: malware, and whether they are still what was received.

    Derived and renewed at any time, so it does not freeze with the engagement.
    """

    class Scan(models.TextChoices):
        UNSCANNED = "unscanned", "Not scanned"
        CLEAN = "clean", "Clean"
        QUARANTINED = "quarantined", "Quarantined"

    file = models.OneToOneField(EvidenceFile, primary_key=True, on_delete=models.PROTECT, related_name="checked")
    scan = models.CharField(max_length=11, choices=Scan.choices, default=Scan.UNSCANNED)
    note = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    scanned_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(default=timezone.now)
    altered = models.CharField("what is wrong with the stored bytes", max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(fields=["verified_at"], name="file_verified")]

    def __str__(self) -> str:
        return f"{self.file_id} {self.scan}"


class FileReading(models.Model):
    """What a file says, as far as machines can read it: for the preview, for search, for the linter."""

    file = models.OneToOneField(EvidenceFile, primary_key=True, on_delete=models.PROTECT, related_name="reading")
    text = models.TextField(blank=True)
    # Codes such as IAM-06 and file names are split at every sign, as what is searched for is.
    words = models.GeneratedField(
        expression=SearchVector(
            Func(
                F("text"),
                Value("[^[:alnum:]]+"),
                Value(" "),
                Value("g"),
                function="regexp_replace",
                output_field=models.TextField(),
            ),
            config="english",
        ),
        output_field=SearchVectorField(),
        db_persist=True,
    )
    preview = models.JSONField(default=dict)
    read_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [GinIndex(fields=["words"], name="file_words")]

    def __str__(self) -> str:
        return f"text of {self.file_id}"


_LISTED = "The population is accepted: a changed listing is a new version"
_RECONCILED = "The reconciliation is concluded: it is redone as a new version"


def _settled(name: str, words: str, *states: str) -> pgtrigger.Trigger:
    """Once in one of the states nothing of the row but its state changes, and it is never deleted."""
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        func=f"""
            {UNLESS_PURGED.format(engagement=OF_ROW)}
            IF OLD.state IN ({_quoted(states)}) AND (
                TG_OP = 'DELETE' OR to_jsonb(NEW) - 'state' <> to_jsonb(OLD) - 'state') THEN
                RAISE EXCEPTION '{words}' USING ERRCODE = 'restrict_violation';
            END IF;
            IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
            RETURN NEW;
        """,
    )


_ABOVE = """
    {unless_purged}
    IF TG_OP <> 'INSERT' THEN
        IF EXISTS (SELECT 1 FROM {above} WHERE id = OLD.{column} AND state IN ({states})) THEN
            RAISE EXCEPTION '{words}' USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    IF EXISTS (SELECT 1 FROM {above} WHERE id = NEW.{column} AND state IN ({states})) THEN
        RAISE EXCEPTION '{words}' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
"""


def _settled_above(
    name: str, above: type[EngagementOwned], column: str, words: str, *states: str
) -> pgtrigger.Trigger:
    """No row is added to, changed below or taken from one that is in one of the states."""
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        func=_ABOVE.format(
            unless_purged=UNLESS_PURGED.format(engagement=OF_ROW),
            above=above._meta.db_table,
            column=column,
            words=words,
            states=_quoted(states),
        ),
    )


def _quoted(states: tuple[str, ...]) -> str:
    return ", ".join(f"'{state}'" for state in states)


class PopulationQuerySet(models.QuerySet["Population"]):
    def current(self) -> PopulationQuerySet:
        return self.exclude(state=Population.State.SUPERSEDED)

    def visible_as(self, engagement: Any, user: User) -> PopulationQuerySet:
        """A control owner sees the listings they gave and those for the controls they own."""
        found = self.filter(engagement=engagement)
        if "see_fieldwork" not in engagement.may and engagement.member.role in OWN_ONLY:
            owned = PopulationControl.objects.filter(engagement=engagement, control__owner=user)
            found = found.filter(Q(provided_by=user) | Q(pk__in=owned.values("population_id")))
        return found


class Population(EngagementOwned):
    """A listing of all occurrences, with the record why it can be relied on (IPE, AT-C 205.36).

    Accepting freezes it by `sha256`, the hash of the listing's canonical form (`evidence.listings`), which is
    stored beside the file. A changed listing is the next version and, once accepted, voids the samples drawn
    from this one.
    """

    class State(models.TextChoices):
        PROVIDED = "provided", "To be accepted"
        ACCEPTED = "accepted", "Accepted"
        REFUSED = "refused", "Refused"
        SUPERSEDED = "superseded", "Superseded"

    class Type(models.TextChoices):
        STANDARD_REPORT = "standard_report", "Standard report"
        CUSTOM_REPORT = "custom_report", "Custom report"
        QUERY = "query", "Query"
        MANUAL_LIST = "manual_list", "Manual list"
        SCREENSHOT = "screenshot", "Screenshot"

    class DateOrder(models.TextChoices):
        YMD = "ymd", "Year first, or months by name"
        MDY = "mdy", "Month, day, year"
        DMY = "dmy", "Day, month, year"

    code = models.CharField(max_length=12)
    version = models.PositiveSmallIntegerField(default=1)
    name = models.CharField(max_length=200)
    controls: models.ManyToManyField[Control, PopulationControl] = models.ManyToManyField(
        Control, through="PopulationControl", related_name="populations"
    )
    file = models.ForeignKey(EvidenceFile, on_delete=models.PROTECT, related_name="populations")
    replaces = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by"
    )
    # A rollforward: the listing of the days after those that another one covers (R20).
    continues = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="continued_by"
    )
    sha256 = models.CharField("hash of the listing", max_length=64)
    columns = models.JSONField(default=list)
    key_column = models.CharField(max_length=200)
    date_column = models.CharField(max_length=200, blank=True)
    date_order = models.CharField("order of day and month", max_length=3, choices=DateOrder.choices, blank=True)
    sheet = models.CharField(max_length=120, blank=True)
    encoding = models.CharField(max_length=10, blank=True)
    row_count = models.PositiveIntegerField("rows in the file")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PROVIDED)

    # The IPE record
    ipe_type = models.CharField("kind of information", max_length=16, choices=Type.choices)
    source_system = models.CharField(max_length=120)
    environment = models.CharField(max_length=60, blank=True)
    query = models.TextField("report name or query")
    parameters = models.TextField("parameters and filters", blank=True)
    run_by = models.CharField("run by", max_length=120)
    run_at = models.DateTimeField("run at (UTC)")
    observed = models.BooleanField("the auditor watched it run", default=False)
    system_row_count = models.PositiveIntegerField("rows according to the system")
    covers_from = models.DateField()
    covers_to = models.DateField()
    reconciliation = models.TextField("reconciled with", blank=True)
    reconciled_row_count = models.PositiveIntegerField("rows in the second source", null=True, blank=True)
    difference_explained = models.TextField("explanation of differences or gaps", blank=True)

    precision_adequate = models.BooleanField("precise enough for the test", null=True, blank=True)
    conclusion = models.TextField("conclusion on completeness and accuracy", blank=True)
    refusal = models.TextField("reason of the refusal", blank=True)
    provided_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    provided_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = PopulationQuerySet.as_manager()

    class Meta(EngagementOwned.Meta):
        ordering = ["code", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["engagement", "code", "version"], name="population_version_once"),
            models.CheckConstraint(condition=Q(covers_from__lte=F("covers_to")), name="population_dates_in_order"),
            models.CheckConstraint(
                condition=~Q(state="accepted") | (Q(precision_adequate=True) & ~Q(conclusion="")),
                name="population_accepted_with_conclusion",
            ),
            models.CheckConstraint(
                condition=~Q(state="refused") | ~Q(refusal=""), name="population_refused_with_reason"
            ),
        ]
        triggers = [
            *EngagementOwned.Meta.triggers,
            pgtrigger.FSM(
                name="population_machine",
                field="state",
                transitions=[
                    ("provided", "accepted"),
                    ("provided", "refused"),
                    ("provided", "superseded"),
                    ("refused", "superseded"),
                    ("accepted", "superseded"),
                ],
            ),
            # R19: what was accepted is fixed; only being superseded may follow.
            _settled("accepted_stays", _LISTED, "accepted", "superseded"),
        ]

    def __str__(self) -> str:
        return f"{self.code} v{self.version}" if self.version > 1 else self.code

    def get_absolute_url(self) -> str:
        return reverse("evidence:population", args=[self.engagement_id, self.pk])

    @property
    def lists_events(self) -> bool:
        """Whether it lists what happened, each with its date, and not what there is as of a day."""
        return bool(self.date_column)

    @property
    def is_zero(self) -> bool:
        """The system had no occurrence at all: the ground of "did not operate" (R35)."""
        return self.row_count == 0 and self.system_row_count == 0


class PopulationControl(EngagementOwned):
    population = models.ForeignKey(Population, on_delete=models.CASCADE, related_name="control_links")
    control = models.ForeignKey(Control, on_delete=models.PROTECT, related_name="population_links")

    class Meta(EngagementOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["population", "control"], name="population_control_once")]

    def __str__(self) -> str:
        return f"{self.population} for {self.control}"


class PopulationProof(EngagementOwned):
    """A file that shows how a listing was obtained: a picture or log of the query, its parameters, its count."""

    population = models.ForeignKey(Population, on_delete=models.PROTECT, related_name="proofs")
    file = models.ForeignKey(EvidenceFile, on_delete=models.PROTECT, related_name="proves")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["population", "file"], name="population_proof_once")]
        triggers = [
            *EngagementOwned.Meta.triggers,
            _settled_above("accepted_stays", Population, "population_id", _LISTED, "accepted", "superseded"),
        ]

    def __str__(self) -> str:
        return f"{self.file} for {self.population}"


class ReconciliationQuerySet(models.QuerySet["Reconciliation"]):
    def current(self) -> ReconciliationQuerySet:
        return self.exclude(state=Reconciliation.State.SUPERSEDED)

    def of(self, population: Population) -> ReconciliationQuerySet:
        """Those that hold this version of a population against something."""
        return self.filter(listings__population=population).distinct()


class Reconciliation(EngagementOwned):
    """Two listings held against each other: the firm's own work on completeness and accuracy (domain 3.2).

    Concluding keeps the result as an evidence file and freezes all of it. A changed listing is reconciled anew,
    as the next version of the same code.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "To be matched"
        OPEN = "open", "To be explained"
        CONCLUDED = "concluded", "Concluded"
        SUPERSEDED = "superseded", "Superseded"

    code = models.CharField(max_length=12)
    version = models.PositiveSmallIntegerField(default=1)
    title = models.CharField(max_length=200)
    pattern = models.CharField(max_length=30, blank=True)
    replaces = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by"
    )
    # How they are matched: pairs of columns, what makes no difference (evidence.comparing).
    keys = models.JSONField(default=list)
    compared = models.JSONField(default=list)
    alike = models.JSONField(default=list)
    each_once = models.BooleanField("each key stands once", default=True)
    one_way = models.BooleanField("only the first must be in the second", default=False)
    matched = models.PositiveIntegerField("keys in both, all equal", default=0)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    conclusion = models.TextField(blank=True)
    file = models.OneToOneField(
        EvidenceFile, null=True, blank=True, on_delete=models.PROTECT, related_name="reconciliation"
    )
    begun_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    begun_at = models.DateTimeField(auto_now_add=True)
    concluded_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    concluded_at = models.DateTimeField(null=True, blank=True)

    objects = ReconciliationQuerySet.as_manager()

    class Meta(EngagementOwned.Meta):
        ordering = ["code", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["engagement", "code", "version"], name="reconciliation_version_once"),
            models.CheckConstraint(
                condition=~Q(state="concluded")
                | (~Q(conclusion="") & Q(file__isnull=False) & Q(concluded_by__isnull=False)),
                name="reconciliation_concluded_whole",
            ),
        ]
        triggers = [
            *EngagementOwned.Meta.triggers,
            pgtrigger.FSM(
                name="reconciliation_machine",
                field="state",
                transitions=[
                    ("draft", "open"),
                    ("draft", "superseded"),
                    ("open", "concluded"),
                    ("open", "superseded"),
                    ("concluded", "superseded"),
                ],
            ),
            _settled("concluded_stays", _RECONCILED, "concluded", "superseded"),
        ]

    def __str__(self) -> str:
        return f"{self.code} v{self.version}" if self.version > 1 else self.code

    def get_absolute_url(self) -> str:
        return reverse("evidence:reconciliation", args=[self.engagement_id, self.pk])


class ReconciledListing(EngagementOwned):
    """One of the two listings of a reconciliation: a population's, or any file that can be read as a listing."""

    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.CASCADE, related_name="listings")
    place = models.PositiveSmallIntegerField()
    label = models.CharField(max_length=120)
    population = models.ForeignKey(
        Population, null=True, blank=True, on_delete=models.PROTECT, related_name="reconciled"
    )
    file = models.ForeignKey(EvidenceFile, on_delete=models.PROTECT, related_name="reconciled")
    sheet = models.CharField(max_length=120, blank=True)
    encoding = models.CharField(max_length=10, blank=True)
    sha256 = models.CharField("hash of the listing", max_length=64)
    columns = models.JSONField(default=list)
    row_count = models.PositiveIntegerField()

    class Meta(EngagementOwned.Meta):
        ordering = ["place"]
        constraints = [
            models.UniqueConstraint(fields=["reconciliation", "place"], name="reconciled_listing_once"),
            models.CheckConstraint(condition=Q(place__in=[1, 2]), name="reconciled_listing_is_of_two"),
        ]
        triggers = [
            *EngagementOwned.Meta.triggers,
            _settled_above(
                "concluded_stays", Reconciliation, "reconciliation_id", _RECONCILED, "concluded", "superseded"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} ({self.population or self.file})"

    def get_absolute_url(self) -> str:
        return (self.population or self.file).get_absolute_url()


class DifferenceQuerySet(models.QuerySet["ListingDifference"]):
    def unresolved(self) -> DifferenceQuerySet:
        """Not explained, or explained as a listing that is wrong: then it has to be listed again."""
        return self.filter(cause__in=["", ListingDifference.Cause.WRONG])


class ListingDifference(EngagementOwned):
    """A difference between two listings, and the auditor's explanation of it."""

    class Kind(models.TextChoices):
        ONLY_FIRST = "only_first", "Only in the first"
        ONLY_SECOND = "only_second", "Only in the second"
        UNEQUAL = "unequal", "Unequal"
        REPEATED = "repeated", "More than once"
        NO_KEY = "no_key", "Without a key"

    class Cause(models.TextChoices):
        TIMING = "timing", "Timing: the listings are of different moments"
        SCOPE = "scope", "Outside of what the listing has to hold"
        SOURCE = "source", "Known to one source only, such as contractors or service accounts"
        SPELLING = "spelling", "Written differently, the same in fact"
        FINDING = "finding", "Possible exception: followed up in the test of the control"
        WRONG = "wrong", "The listing is wrong or incomplete: it has to be listed again"

    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.CASCADE, related_name="differences")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=12, choices=Kind.choices)
    key = models.TextField(blank=True)
    first_row = models.PositiveIntegerField(null=True, blank=True)
    second_row = models.PositiveIntegerField(null=True, blank=True)
    first = models.JSONField(default=dict)
    second = models.JSONField(default=dict)
    unequal = models.JSONField(default=list)
    cause = models.CharField(max_length=10, choices=Cause.choices, blank=True)
    explanation = models.TextField(blank=True)
    evidence = models.ForeignKey(
        EvidenceFile, null=True, blank=True, on_delete=models.PROTECT, related_name="explains"
    )
    explained_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    explained_at = models.DateTimeField(null=True, blank=True)
    # The explanation was given to the version before, of the very same difference.
    carried = models.BooleanField(default=False)

    objects = DifferenceQuerySet.as_manager()

    class Meta(EngagementOwned.Meta):
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["reconciliation", "position"], name="difference_position_once"),
            models.CheckConstraint(
                condition=Q(cause="") | (~Q(explanation="") & Q(explained_by__isnull=False)),
                name="difference_explained_in_words",
            ),
        ]
        triggers = [
            *EngagementOwned.Meta.triggers,
            _settled_above(
                "concluded_stays", Reconciliation, "reconciliation_id", _RECONCILED, "concluded", "superseded"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.key}"
