"""What the report says, why, and how it became this PDF."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.urls import reverse

from accounts.models import Firm, User
from audit.models import NEVER_EMPTIED
from controls.models import Criterion
from engagements.freeze import OF_ROW, UNLESS_PURGED, EngagementOwned, append_only, stays
from engagements.models import Engagement
from evidence.models import EvidenceFile
from fieldwork.models import Deviation
from jobs.models import Job
from reports.lattice import INQUIRY_DAYS


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


# The dates that there are stand in order when a report is issued (R47 to R54), whatever code asks for it; which of
# them have to be there is for the rules (reports/lattice.py). Days are those of UTC, like the application's.
DATES_IN_ORDER = f"""
    SELECT * INTO e FROM engagements_engagement WHERE id = NEW.engagement_id;
    ends := COALESCE(e.as_of, e.period_end);
    SELECT min(at) INTO first_test FROM fieldwork_itemresult WHERE engagement_id = e.id;
    SELECT max(at) INTO review FROM fieldwork_signoff
        WHERE engagement_id = e.id AND voided_at IS NULL AND step <> 'prepared';
    SELECT max(file.uploaded_at) INTO evidence FROM fieldwork_evidencecitation cited
        JOIN evidence_evidencefile file ON file.id = cited.file_id WHERE cited.engagement_id = e.id;
    SELECT max(at) INTO quality FROM reports_qualityreview WHERE engagement_id = e.id;
    SELECT stated_on INTO assertion FROM reports_managementstatement
        WHERE engagement_id = e.id AND superseded_at IS NULL AND kind = 'assertion';
    SELECT stated_on INTO representation FROM reports_managementstatement
        WHERE engagement_id = e.id AND superseded_at IS NULL AND kind = 'representation';
    SELECT stated_on INTO inquiry FROM reports_managementstatement
        WHERE engagement_id = e.id AND superseded_at IS NULL AND kind = 'subsequent_events';
    SELECT max("on") INTO amended FROM engagements_letteramendment WHERE engagement_id = e.id;
    today := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    broken := CASE
        WHEN NEW.state NOT IN ('rendering', 'current') THEN NULL
        WHEN e.accepted_on > e.letter_on OR (first_test AT TIME ZONE 'UTC')::date < e.letter_on THEN 'R47'
        WHEN amended < e.letter_on OR amended > NEW.report_date THEN 'R15'
        WHEN NEW.report_date <> e.report_date OR NEW.report_date < ends
            OR (e.type = '2' AND NEW.report_date = ends) THEN 'R48'
        WHEN assertion > NEW.report_date OR assertion < ends OR (e.type = '2' AND assertion = ends) THEN 'R49'
        WHEN representation <> NEW.report_date THEN 'R50'
        WHEN (review AT TIME ZONE 'UTC')::date > NEW.report_date
            OR (evidence AT TIME ZONE 'UTC')::date > NEW.report_date THEN 'R51'
        WHEN inquiry > NEW.report_date OR inquiry < NEW.report_date - {INQUIRY_DAYS} THEN 'R52'
        WHEN quality > clock_timestamp() OR quality > NEW.released_at THEN 'R53'
        WHEN NEW.report_date > today OR NEW.report_date > (NEW.released_at AT TIME ZONE 'UTC')::date THEN 'R54'
    END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'The dates of this engagement are not in order (%)', broken
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""  # noqa: S608 - the only thing put in is a number of ours


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
        GENERAL_USE = "general_use", "Management's assertion for general use (SOC 3)"

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
            ),
        ]
        triggers = [
            *EngagementOwned.Meta.triggers,
            # R49, and what holds of the letters alike: it speaks of a time that was over.
            pgtrigger.Trigger(
                name="speaks_of_what_is_over",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("e", "engagements_engagement%ROWTYPE")],
                func="""
                    SELECT * INTO e FROM engagements_engagement WHERE id = NEW.engagement_id;
                    IF NEW.stated_on < e.as_of OR NEW.stated_on <= e.period_end THEN
                        RAISE EXCEPTION 'It speaks of a time that was not over on that day (R49)'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    IF NEW.stated_on > (NEW.signed_at AT TIME ZONE 'UTC')::date THEN
                        RAISE EXCEPTION 'A document is not dated ahead of the day it is signed'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
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


class EngagementLetter(EngagementOwned):
    """The engagement letter (number 0) or an amendment of it, with the terms that it agrees.

    Drafted from the engagement's data, it is in force once both have signed it here, or once it is recorded, with
    its file, that both signed it elsewhere. The file alone is there when the firm wrote the letter itself.
    """

    number = models.PositiveSmallIntegerField("amendment, 0 for the letter")
    terms = models.JSONField("what is agreed with it")
    changes = models.JSONField("what it changes, old and new", default=list)
    reason = models.TextField("why the terms change", blank=True)
    fees = models.TextField(blank=True)
    further = models.TextField("further terms", blank=True)
    text = models.TextField("text for signature", blank=True)
    content_sha256 = models.CharField("hash of the text", max_length=64, blank=True)
    drafted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    drafted_at = models.DateTimeField()
    file = models.ForeignKey(
        EvidenceFile,
        verbose_name="copy signed elsewhere",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    signed_for_client = models.CharField("signed for the client by", max_length=120, blank=True)
    signed_for_firm = models.CharField("signed for the firm by", max_length=120, blank=True)
    executed_on = models.DateField("in force since", null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_because = models.TextField(blank=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["number", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["engagement"],
                condition=Q(executed_on__isnull=True, withdrawn_at__isnull=True),
                name="letter_one_to_sign",
            ),
            models.UniqueConstraint(
                fields=["engagement", "number"], condition=Q(withdrawn_at__isnull=True), name="letter_number_once"
            ),
            models.CheckConstraint(
                condition=Q(executed_on__isnull=True) | Q(withdrawn_at__isnull=True), name="letter_one_end"
            ),
            models.CheckConstraint(
                condition=Q(executed_on__isnull=True) | ~Q(signed_for_client="") & ~Q(signed_for_firm=""),
                name="letter_names_both",
            ),
            models.CheckConstraint(condition=~Q(text="") | Q(file__isnull=False), name="letter_says_something"),
            models.CheckConstraint(
                condition=Q(number=0) | ~Q(reason="") & ~Q(changes=[]), name="amendment_says_what_and_why"
            ),
        ]
        triggers = [
            *EngagementOwned.Meta.triggers,
            *stays(
                "drafted_stays",
                *("engagement", "number", "terms", "changes", "reason", "fees", "further"),
                *("text", "content_sha256", "drafted_by", "drafted_at"),
            ),
            pgtrigger.Protect(
                name="settled_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__executed_on__isnull=False)
                | pgtrigger.Q(old__withdrawn_at__isnull=False),
            ),
            pgtrigger.Trigger(
                name="in_force_when_both_signed",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func="""
                    IF NEW.executed_on IS NOT NULL AND NEW.file_id IS NULL AND (
                        SELECT count(DISTINCT side) FROM reports_lettersignature
                        WHERE letter_id = NEW.id AND content_sha256 = NEW.content_sha256
                    ) <> 2 THEN
                        RAISE EXCEPTION 'Nothing is agreed until both have signed it (R07, R15)'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"amendment {self.number} of the engagement letter" if self.number else "engagement letter"

    def get_absolute_url(self) -> str:
        return reverse("reports:letter", args=[self.engagement_id, self.pk])

    @property
    def title(self) -> str:
        return f"Amendment {self.number}" if self.number else "Engagement letter"

    @property
    def to_sign(self) -> bool:
        """Whether it waits for signatures."""
        return self.executed_on is None and self.withdrawn_at is None


class LetterSignature(EngagementOwned):
    """One side's signature under a letter: by whom, to which text, when and from where."""

    class Side(models.TextChoices):
        FIRM = "firm", "For the firm"
        CLIENT = "client", "For the client"

    letter = models.ForeignKey(EngagementLetter, on_delete=models.PROTECT, related_name="signatures")
    side = models.CharField(max_length=6, choices=Side.choices)
    name = models.CharField(max_length=120)
    title = models.CharField(max_length=120)
    intent = models.TextField("what was declared")
    content_sha256 = models.CharField("hash of the text", max_length=64)
    signed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField()
    signed_from = models.GenericIPAddressField(null=True, blank=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["letter", "side"], name="letter_each_side_once"),
            models.UniqueConstraint(fields=["letter", "signed_by"], name="letter_two_people"),
        ]
        triggers = [
            *EngagementOwned.Meta.triggers,
            append_only(),
            pgtrigger.Trigger(
                name="signs_what_is_open",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF EXISTS (
                        SELECT FROM reports_engagementletter
                        WHERE id = NEW.letter_id AND (
                            content_sha256 <> NEW.content_sha256
                            OR executed_on IS NOT NULL OR withdrawn_at IS NOT NULL
                        )
                    ) THEN
                        RAISE EXCEPTION 'This text does not wait for a signature'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_side_display()}: {self.name}"


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


class OwnWordingQuerySet(models.QuerySet["OwnWording"]):
    def in_force(self, firm: Firm, report_type: str) -> list[OwnWording]:
        """The firm's approved words for reports of a type: those for this type before those for both."""
        found: dict[str, OwnWording] = {}
        for one in self.filter(firm=firm, state=OwnWording.State.APPROVED, report_type__in=["", report_type]):
            if one.element not in found or one.report_type:
                found[one.element] = one
        return [found[element] for element in sorted(found)]


class OwnWording(models.Model):
    """A paragraph of Section I in the firm's own words, e.g. those of a text that it has licensed.

    Draft, proposed, approved by a partner who has not written it; an approved version never changes, the next one
    retires it. Reports keep the version that they were made with in their content.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        PROPOSED = "proposed", "To be approved"
        APPROVED = "approved", "In force"
        RETIRED = "retired", "Retired"

    firm = models.ForeignKey(Firm, on_delete=models.CASCADE, related_name="wordings")
    element = models.CharField("paragraph", max_length=30)
    report_type = models.CharField(
        "for", max_length=1, blank=True, choices=[("", "Both types"), ("1", "Type 1"), ("2", "Type 2")]
    )
    version = models.PositiveSmallIntegerField()
    text = models.TextField()
    note = models.TextField("what changes and why", blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    written_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField()
    approved_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    objects = OwnWordingQuerySet.as_manager()

    class Meta:
        ordering = ["element", "report_type", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["firm", "element", "version"], name="own_wording_once"),
            models.UniqueConstraint(
                fields=["firm", "element", "report_type"],
                condition=Q(state="approved"),
                name="own_wording_one_in_force",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "retired"])
                | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="own_wording_approved_by_somebody",
            ),
        ]
        triggers = [
            pgtrigger.FSM(
                name="own_wording_machine",
                field="state",
                transitions=[
                    ("draft", "proposed"),
                    ("proposed", "draft"),
                    ("proposed", "approved"),
                    ("approved", "retired"),
                ],
            ),
            pgtrigger.Trigger(
                name="approved_wording_stays",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__state__in=["approved", "retired"]),
                func="""
                    IF TG_OP = 'DELETE'
                        OR to_jsonb(NEW) - 'state' - 'retired_at' <> to_jsonb(OLD) - 'state' - 'retired_at' THEN
                        RAISE EXCEPTION 'What was approved never changes' USING ERRCODE = 'restrict_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.element.replace('_', ' ')} v{self.version}"


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


class ReportComment(EngagementOwned):
    """A remark at a paragraph of a draft. The firm's own are not shown to the client where `internal` says so."""

    draft = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="comments")
    place = models.CharField("anchor of the paragraph", max_length=80)
    text = models.TextField()
    internal = models.BooleanField(default=False)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    of_firm = models.BooleanField()
    at = models.DateTimeField(auto_now_add=True)
    answer = models.TextField(blank=True)
    settled_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(of_firm=True) | Q(internal=False), name="comment_of_client_is_seen")
        ]
        triggers = [
            *EngagementOwned.Meta.triggers,
            *stays("said_stays", "draft", "place", "text", "internal", "by", "of_firm", "at"),
        ]

    def __str__(self) -> str:
        return f"comment on {self.draft}"


class ClientReview(EngagementOwned):
    """The client's word on a draft that was shown to it."""

    draft = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="client_reviews")
    content_sha256 = models.CharField("hash of the content as read", max_length=64)
    note = models.TextField(blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["draft", "by"], name="client_review_once_each")]
        triggers = [*EngagementOwned.Meta.triggers, append_only()]

    def __str__(self) -> str:
        return f"review of {self.draft} by {self.by}"


class LikenessCheck(EngagementOwned):
    """A draft compared with the firm's reports for other clients (R45): how much of its text recurs there."""

    draft = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="likeness_checks")
    content_sha256 = models.CharField(max_length=64)
    compared = models.PositiveIntegerField("engagements it was compared with")
    # By section: the share of its words that recur, in which engagement (its number), and the longest passages,
    # which are this engagement's own text.
    found = models.JSONField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["-pk"]
        triggers = [*EngagementOwned.Meta.triggers, append_only()]

    def __str__(self) -> str:
        return f"comparison of {self.draft}"


class IssueApproval(EngagementOwned):
    """A second person's word that a draft may be issued, for exactly the content it has."""

    draft = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="approvals")
    content_sha256 = models.CharField("hash of the content as approved", max_length=64)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_because = models.TextField("why it is withdrawn", blank=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["engagement", "content_sha256", "by"],
                condition=Q(withdrawn_at__isnull=True),
                name="issue_approved_once_each",
            )
        ]
        triggers = [
            *EngagementOwned.Meta.triggers,
            *stays("approval_stays", "draft", "content_sha256", "by", "at"),
            pgtrigger.Protect(
                name="withdrawn_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__withdrawn_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"approval of {self.draft} by {self.by}"


class IssuedDocument(models.Model):
    """What the firm gives away: rendered once, sealed, and from then on only superseded or withdrawn.

    `SEALED_AS`: the words before and after the number in the reason that the seal gives.
    """

    SEALED_AS: ClassVar[tuple[str, str]]

    class State(models.TextChoices):
        RENDERING = "rendering", "Being rendered"
        FAILED = "failed", "Rendering failed, nothing was issued"
        CURRENT = "current", "Current"
        SUPERSEDED = "superseded", "Superseded"
        WITHDRAWN = "withdrawn", "Withdrawn"

    state = models.CharField(max_length=10, choices=State.choices, default=State.RENDERING)
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    pdf_sha256 = models.CharField(max_length=64, blank=True)
    certificate = models.TextField("certificate of the seal, PEM", blank=True)
    authority = models.TextField("certificates of the timestamp authority, PEM", blank=True)
    pages = models.PositiveIntegerField(null=True, blank=True)
    issued_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        ordering = ["-pk"]

    @classmethod
    def reason_of(cls, number: str) -> str:
        """The reason that the seal of the document with this number gives."""
        return number.join(cls.SEALED_AS)

    @classmethod
    def number_in(cls, reason: str) -> str:
        """The number in the reason of a seal; "" when it is none of such a document."""
        before, after = cls.SEALED_AS
        number = reason.removeprefix(before).removesuffix(after)
        return number if number and reason == cls.reason_of(number) else ""


# What rendering and recalling set; all else of an issued document is there from the start.
SET_LATER = ("state", "job_id", "pdf_sha256", "certificate", "authority", "pages", "released_at")


def one_at_a_time(name: str) -> list[models.BaseConstraint]:
    """Constraints of an issued document: one is current, one is being rendered, and a current one has its PDF."""
    return [
        models.UniqueConstraint(fields=["engagement"], condition=Q(state="current"), name=f"{name}_one_current"),
        models.UniqueConstraint(
            fields=["engagement"], condition=Q(state="rendering"), name=f"{name}_one_rendering"
        ),
        models.CheckConstraint(
            condition=~Q(state="current") | (~Q(pdf_sha256="") & Q(released_at__isnull=False)),
            name=f"{name}_current_has_pdf",
        ),
    ]


def never_changes(machine: str, stays: str, *set_later: str) -> list[pgtrigger.Trigger]:
    """Triggers of an issued document: its states in order, and nothing else changed but what comes later."""
    return [
        pgtrigger.FSM(
            name=machine,
            field="state",
            transitions=[
                ("rendering", "current"),
                ("rendering", "failed"),
                ("current", "superseded"),
                ("current", "withdrawn"),
            ],
        ),
        pgtrigger.Trigger(
            name=stays,
            when=pgtrigger.Before,
            operation=pgtrigger.Update | pgtrigger.Delete,
            declare=[("made", f"text[] := '{{{','.join(set_later)}}}'")],
            func=f"""
                {UNLESS_PURGED.format(engagement=OF_ROW)}
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
        NEVER_EMPTIED,
    ]


class Issuance(IssuedDocument):
    """The issued report. Made when the engagement freezes; the PDF's hash is set once, by rendering."""

    SEALED_AS = ("Report ", ", issued")

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="issuances")
    draft = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="+")
    number = models.CharField("report number", max_length=30)
    snapshot = models.JSONField()
    content_sha256 = models.CharField(max_length=64)
    report_date = models.DateField()
    # What readers' copies are made from, since a seal forbids every change, and the places in it (copying.py).
    prepared_sha256 = models.CharField(max_length=64, blank=True)
    prepared = models.JSONField(null=True, blank=True)

    class Meta(IssuedDocument.Meta):
        constraints = [
            *one_at_a_time("issuance"),
            models.CheckConstraint(
                condition=~Q(state="current") | (~Q(prepared_sha256="") & Q(prepared__isnull=False)),
                name="issuance_current_has_copies",
            ),
        ]
        triggers = [
            *never_changes("issuance_machine", "issued_stays", *SET_LATER, "prepared_sha256", "prepared"),
            pgtrigger.Trigger(
                name="dates_in_order",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                declare=[
                    ("e", "engagements_engagement%ROWTYPE"),
                    *(
                        (name, "date")
                        for name in ("ends", "assertion", "representation", "inquiry", "amended", "today")
                    ),
                    *((name, "timestamptz") for name in ("first_test", "review", "evidence", "quality")),
                    ("broken", "text"),
                ],
                func=DATES_IN_ORDER,
            ),
        ]

    def __str__(self) -> str:
        return f"Report {self.number}"


class GeneralUseReport(IssuedDocument):
    """The SOC 3 report of an issued SOC 2 report: the same conclusions in the short form, for general use.

    It has no content of its own: it is printed from the snapshot of the report it belongs to and the assertion that
    management signed for it, and it is current no longer than that report.
    """

    SEALED_AS = ("SOC 3 report ", ", issued")

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="general_use_reports")
    issuance = models.ForeignKey(Issuance, on_delete=models.PROTECT, related_name="general_use_reports")
    statement = models.ForeignKey(ManagementStatement, on_delete=models.PROTECT, related_name="+")
    number = models.CharField("report number", max_length=40)
    content_sha256 = models.CharField("hash of the content it is taken from", max_length=64)

    class Meta(IssuedDocument.Meta):
        constraints = one_at_a_time("general_use")
        triggers = [
            *never_changes("general_use_machine", "general_use_stays", *SET_LATER),
            pgtrigger.Trigger(
                name="general_use_of_current",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                declare=[("whole", "reports_issuance%ROWTYPE")],
                # Never without the report it is taken from, and of its very content.
                func="""
                    SELECT * INTO whole FROM reports_issuance WHERE id = NEW.issuance_id;
                    IF NEW.content_sha256 <> whole.content_sha256 THEN
                        RAISE EXCEPTION 'A SOC 3 report has the content of the report it belongs to'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    IF NEW.state IN ('rendering', 'current') AND whole.state <> 'current' THEN
                        RAISE EXCEPTION 'The report it belongs to is not current'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"SOC 3 report {self.number}"

    @property
    def report_date(self) -> dt.date:
        """It bears the date of the report it belongs to."""
        return self.issuance.report_date


class DiscoveredFact(models.Model):
    """A fact that became known after the report was issued, and what the partner decided to do about it (R58).

    It does not freeze with the engagement: it comes when that is frozen already.
    """

    class Decision(models.TextChoices):
        STANDS = "stands", "The report stands"
        WITHDRAW = "withdraw", "Withdraw the report"
        REISSUE = "reissue", "Reissue: the report stays current until a new one replaces it"
        WITHDRAW_REISSUE = "withdraw_reissue", "Withdraw now, and reissue"

    WITHDRAWING: ClassVar[set[str]] = {Decision.WITHDRAW, Decision.WITHDRAW_REISSUE}
    REISSUING: ClassVar[set[str]] = {Decision.REISSUE, Decision.WITHDRAW_REISSUE}

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="discovered_facts")
    issuance = models.ForeignKey(Issuance, on_delete=models.PROTECT, related_name="+")
    known_on = models.DateField("known since")
    fact = models.TextField("what became known")
    opened_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(auto_now_add=True)
    decision = models.CharField(max_length=16, choices=Decision.choices, blank=True)
    reason = models.TextField("why", blank=True)
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["engagement"], condition=Q(closed_at__isnull=True), name="discovered_fact_one_open"
            ),
            models.CheckConstraint(
                condition=Q(decision="") | (~Q(reason="") & Q(decided_by__isnull=False, decided_at__isnull=False)),
                name="discovered_fact_decided_with_reason",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | ~Q(decision=""), name="discovered_fact_closed_when_decided"
            ),
        ]
        triggers = [
            *stays("fact_stays", "engagement", "issuance", "known_on", "fact", "opened_by", "opened_at"),
            pgtrigger.Protect(
                name="decided_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.decision <> '' AND NEW.decision <> OLD.decision"),
            ),
            pgtrigger.Protect(
                name="closed_stays", operation=pgtrigger.Update, condition=pgtrigger.Q(old__closed_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"Fact known since {self.known_on.day} {self.known_on:%b %Y}"

    @property
    def withdraws(self) -> bool:
        return self.decision in self.WITHDRAWING

    @property
    def reissues(self) -> bool:
        return self.decision in self.REISSUING
