"""What the report says, why, and how it became this PDF."""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.urls import reverse

from accounts.models import User
from controls.models import Criterion
from engagements.freeze import EngagementOwned, append_only, stays
from engagements.models import Engagement
from fieldwork.models import Deviation
from jobs.models import Job


class Part(models.TextChoices):
    """The description criteria DC1 to DC9 of DC section 200, titles ours, and Section V's own text."""

    DC1 = "DC1", "Services provided"
    DC2 = "DC2", "Service commitments and system requirements"
    DC3 = "DC3", "Components of the system"
    DC4 = "DC4", "Incidents"
    DC5 = "DC5", "Criteria and related controls"
    DC6 = "DC6", "Complementary user entity controls"
    DC7 = "DC7", "Subservice organizations"
    DC8 = "DC8", "Criteria not relevant to the system"
    DC9 = "DC9", "Significant changes in the period"
    OTHER = "other", "Other information provided by management"


class SystemDescription(EngagementOwned):
    """The description as a whole: complete when the client's side says so (until the next edit)."""

    title = models.CharField(max_length=200)
    completed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta(EngagementOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["engagement"], name="description_one")]

    def __str__(self) -> str:
        return self.title


class DescriptionSection(EngagementOwned):
    """One part of the description in Markdown. `version` refuses edits on a text that changed meanwhile."""

    part = models.CharField(max_length=8, choices=Part.choices)
    body = models.TextField(blank=True)
    version = models.PositiveIntegerField(default=0)
    updated_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    updated_at = models.DateTimeField(null=True, blank=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["part"]
        constraints = [models.UniqueConstraint(fields=["engagement", "part"], name="section_one")]

    def __str__(self) -> str:
        return f"{self.part} {self.get_part_display()}" if self.part != Part.OTHER else str(Part.OTHER.label)

    def get_absolute_url(self) -> str:
        return reverse("reports:section", args=[self.engagement_id, self.part])


class DescriptionRevision(EngagementOwned):
    """Every text a part ever had."""

    section = models.ForeignKey(DescriptionSection, on_delete=models.PROTECT, related_name="revisions")
    version = models.PositiveIntegerField()
    body = models.TextField(blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["section", "version"], name="revision_once")]
        triggers = [*EngagementOwned.Meta.triggers, append_only()]

    def __str__(self) -> str:
        return f"{self.section} v{self.version}"


class ManagementStatement(EngagementOwned):
    """A text management signs: the assertion (Section II) or a letter. A new text is a new row.

    The signature is bound to `content_sha256`; `stated_on` is the date the document bears.
    """

    class Kind(models.TextChoices):
        ASSERTION = "assertion", "Management's assertion"
        REPRESENTATION = "representation", "Management representation letter"
        SUBSEQUENT_EVENTS = "subsequent_events", "Subsequent events inquiry"

    kind = models.CharField(max_length=20, choices=Kind.choices)
    modifications = models.TextField("matters for which the assertion does not hold", blank=True)
    basis = models.TextField("basis of management for the assertion", blank=True)
    text = models.TextField("text as signed")
    content_sha256 = models.CharField(max_length=64)
    stated_on = models.DateField("date of the document")
    signatory_name = models.CharField(max_length=120)
    signatory_title = models.CharField(max_length=120)
    signed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField()
    signed_from = models.GenericIPAddressField(null=True, blank=True)
    superseded_at = models.DateTimeField(null=True, blank=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["engagement", "kind"],
                condition=Q(superseded_at__isnull=True),
                name="statement_one_current",
            )
        ]
        triggers = [
            *EngagementOwned.Meta.triggers,
            *stays(
                "signed_stays",
                "kind",
                "modifications",
                "text",
                "content_sha256",
                "stated_on",
                "signed_by",
                "signed_at",
            ),
        ]

    def __str__(self) -> str:
        return str(self.get_kind_display())


class Limb(models.TextChoices):
    DESCRIPTION = "description", "Description"
    DESIGN = "design", "Suitability of design"
    OPERATING = "operating", "Operating effectiveness"


class Conclusion(models.TextChoices):
    UNMODIFIED = "unmodified", "Unmodified"
    QUALIFIED = "qualified", "Qualified"
    ADVERSE = "adverse", "Adverse"
    DISCLAIMED = "disclaimed", "Disclaimed"


class Matter(EngagementOwned):
    """What gives rise to a modification: its cause, its basis in words, the limbs it touches."""

    class Cause(models.TextChoices):
        MISSTATEMENT = "misstatement", "Description misstated"
        DESIGN = "design", "Controls not suitably designed"
        OPERATION = "operation", "Controls did not operate effectively"
        SCOPE = "scope", "Evidence could not be obtained"

    number = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=200)
    cause = models.CharField(max_length=12, choices=Cause.choices)
    pervasive = models.BooleanField("material and pervasive", default=False)
    basis = models.TextField("basis paragraph, as the report will say it")
    limbs: Any = ArrayField(models.CharField(max_length=12, choices=Limb.choices))
    deviations: models.ManyToManyField[Deviation, MatterDeviation] = models.ManyToManyField(
        Deviation, through="MatterDeviation", related_name="matters"
    )
    criteria: models.ManyToManyField[Criterion, MatterCriterion] = models.ManyToManyField(
        Criterion, through="MatterCriterion", related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["engagement", "number"], name="matter_number_once")]

    def __str__(self) -> str:
        return f"Matter {self.number}: {self.title}"


class MatterDeviation(EngagementOwned):
    matter = models.ForeignKey(Matter, on_delete=models.CASCADE, related_name="deviation_links")
    deviation = models.ForeignKey(Deviation, on_delete=models.PROTECT, related_name="matter_links")

    class Meta(EngagementOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["matter", "deviation"], name="matter_deviation_once")]

    def __str__(self) -> str:
        return f"{self.matter_id}: {self.deviation}"


class MatterCriterion(EngagementOwned):
    matter = models.ForeignKey(Matter, on_delete=models.CASCADE, related_name="criterion_links")
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="+")

    class Meta(EngagementOwned.Meta):
        ordering = ["criterion__position"]
        constraints = [models.UniqueConstraint(fields=["matter", "criterion"], name="matter_criterion_once")]

    def __str__(self) -> str:
        return f"{self.matter_id}: {self.criterion_id}"


class Opinion(EngagementOwned):
    """The partner's conclusion on one limb. A new conclusion is a new row; the newest counts."""

    limb = models.CharField(max_length=12, choices=Limb.choices)
    conclusion = models.CharField(max_length=12, choices=Conclusion.choices)
    proposed = models.CharField("proposed when it was formed", max_length=12, choices=Conclusion.choices)
    reason = models.TextField("why other than proposed", blank=True)
    formed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    formed_at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(conclusion=models.F("proposed")) | ~Q(reason=""),
                name="opinion_other_needs_reason",
            )
        ]
        triggers = [*EngagementOwned.Meta.triggers, append_only()]

    def __str__(self) -> str:
        return f"{self.get_limb_display()}: {self.get_conclusion_display()}"


class EmphasisParagraph(EngagementOwned):
    """An emphasis-of-matter or other-matter paragraph, tied to its recorded reason."""

    class Kind(models.TextChoices):
        EMPHASIS = "emphasis", "Emphasis of matter"
        OTHER = "other_matter", "Other matter"

    kind = models.CharField(max_length=12, choices=Kind.choices)
    title = models.CharField(max_length=120)
    text = models.TextField()
    reason = models.TextField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta(EngagementOwned.Meta):
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.title


class QualityReview(EngagementOwned):
    """Completion of the engagement quality review by someone outside of the team (SQMS 2, R53)."""

    significant_judgements = models.TextField("significant judgements considered")
    conclusion = models.TextField()
    content_sha256 = models.CharField("hash of the report's content as reviewed", max_length=64)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["-pk"]
        triggers = [*EngagementOwned.Meta.triggers, append_only()]

    def __str__(self) -> str:
        return f"quality review by {self.by}"


class Report(EngagementOwned):
    """A numbered draft: the content snapshot it was rendered from, its hash, and the PDF."""

    class State(models.TextChoices):
        RENDERING = "rendering", "Being rendered"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"

    number = models.PositiveSmallIntegerField()
    snapshot = models.JSONField()
    content_sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RENDERING)
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    pdf_sha256 = models.CharField(max_length=64, blank=True)
    pages = models.PositiveIntegerField(null=True, blank=True)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    rendered_at = models.DateTimeField(null=True, blank=True)
    # The client sees no draft before it is shown to it for review (R68).
    shown_to_client_at = models.DateTimeField(null=True, blank=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["engagement", "number"], name="draft_number_once")]
        triggers = [
            *EngagementOwned.Meta.triggers,
            *stays("snapshot_stays", "snapshot", "content_sha256", "number"),
        ]

    def __str__(self) -> str:
        return f"Draft {self.number}"


class IssueApproval(EngagementOwned):
    """A second person's word that a draft may be issued, for exactly the content it has."""

    draft = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="approvals")
    content_sha256 = models.CharField("hash of the content as approved", max_length=64)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["engagement", "content_sha256", "by"], name="issue_approved_once_each")
        ]
        triggers = [*EngagementOwned.Meta.triggers, append_only()]

    def __str__(self) -> str:
        return f"approval of {self.draft} by {self.by}"


class Issuance(models.Model):
    """The issued report. Made when the engagement freezes; the PDF's hash is set once, by rendering."""

    class State(models.TextChoices):
        RENDERING = "rendering", "Final report is being rendered"
        FAILED = "failed", "Final rendering failed, nothing was issued"
        CURRENT = "current", "Current"
        SUPERSEDED = "superseded", "Superseded"
        WITHDRAWN = "withdrawn", "Withdrawn"

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="issuances")
    draft = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="+")
    number = models.CharField("report number", max_length=30)
    snapshot = models.JSONField()
    content_sha256 = models.CharField(max_length=64)
    report_date = models.DateField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.RENDERING)
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    pdf_sha256 = models.CharField(max_length=64, blank=True)
    # What readers' copies are made from, since a seal forbids every change, and the places in it (copying.py).
    prepared_sha256 = models.CharField(max_length=64, blank=True)
    prepared = models.JSONField(null=True, blank=True)
    certificate = models.TextField("certificate of the seal, PEM", blank=True)
    authority = models.TextField("certificates of the timestamp authority, PEM", blank=True)
    pages = models.PositiveIntegerField(null=True, blank=True)
    issued_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["engagement"],
                condition=Q(state__in=["rendering", "current"]),
                name="issuance_one_current",
            ),
            models.CheckConstraint(
                condition=~Q(state="current") | (~Q(pdf_sha256="") & Q(released_at__isnull=False)),
                name="issuance_current_has_pdf",
            ),
            models.CheckConstraint(
                condition=~Q(state="current") | (~Q(prepared_sha256="") & Q(prepared__isnull=False)),
                name="issuance_current_has_copies",
            ),
        ]
        triggers = [
            pgtrigger.FSM(
                name="issuance_machine",
                field="state",
                transitions=[
                    ("rendering", "current"),
                    ("rendering", "failed"),
                    ("current", "superseded"),
                    ("current", "withdrawn"),
                ],
            ),
            pgtrigger.Trigger(
                name="issued_stays",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                declare=[
                    (
                        "made",
                        "text[] := '{"
                        + ",".join(
                            "state job_id pdf_sha256 prepared_sha256 prepared certificate authority pages "
                            "released_at".split()
                        )
                        + "}'",
                    )
                ],
                func="""
                    IF TG_OP = 'DELETE' THEN
                        RAISE EXCEPTION 'What is issued is never deleted'
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    IF OLD.state <> 'rendering' AND to_jsonb(NEW) - 'state' <> to_jsonb(OLD) - 'state' THEN
                        RAISE EXCEPTION 'What is issued never changes' USING ERRCODE = 'restrict_violation';
                    END IF;
                    IF to_jsonb(NEW) - made <> to_jsonb(OLD) - made THEN
                        RAISE EXCEPTION 'The content of an issued report never changes'
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="no_truncate",
                level=pgtrigger.Statement,
                when=pgtrigger.Before,
                operation=pgtrigger.Truncate,
                func="RAISE EXCEPTION 'This table is never emptied' USING ERRCODE = 'restrict_violation';",
            ),
        ]

    def __str__(self) -> str:
        return f"Report {self.number}"
