"""How each control was tested, what came out, and who reviewed it."""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from accounts.models import Firm, User
from controls.models import Criterion
from engagements.freeze import EngagementOwned, append_only, never_deleted, stays
from engagements.models import Commitment, Control
from evidence.models import EvidenceFile, Population


class SamplingProfileQuerySet(models.QuerySet["SamplingProfile"]):
    def approved_for(self, firm: Firm) -> SamplingProfile | None:
        """The profile the firm last approved, or None: then nothing can be drawn."""
        return self.filter(firm=firm, state=SamplingProfile.State.APPROVED).order_by("-approved_at").first()


class SamplingProfile(models.Model):
    """Sample sizes by frequency, population and risk. Firm policy: the AICPA prescribes none (domain 3.3).

    Profiles without a firm ship with the product as proposals; a firm approves a copy of its own, or writes one:
    draft, proposed, approved by somebody else. An approved version never changes; the next one retires it.
    """

    class State(models.TextChoices):
        SHIPPED = "shipped", "Shipped"
        DRAFT = "draft", "Draft"
        PROPOSED = "proposed", "To be approved"
        APPROVED = "approved", "Approved"
        RETIRED = "retired", "Retired"

    firm = models.ForeignKey(
        Firm, null=True, blank=True, on_delete=models.CASCADE, related_name="sampling_profiles"
    )
    code = models.CharField(max_length=60)
    version = models.PositiveSmallIntegerField(default=1)
    name = models.CharField(max_length=120)
    source = models.CharField(max_length=200, blank=True)
    sizes = models.JSONField("sizes, as in the shipped file")
    state = models.CharField(max_length=10, choices=State.choices, default=State.SHIPPED)
    note = models.TextField("what changes and why", blank=True)
    # The version it was written from: what its differences are shown against.
    based_on = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    written_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField(null=True, blank=True)
    proposed_at = models.DateTimeField(null=True, blank=True)
    returned_reason = models.TextField("why it was returned", blank=True)
    approved_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True)

    objects = SamplingProfileQuerySet.as_manager()

    class Meta:
        ordering = ["code", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["firm", "code", "version"], nulls_distinct=False, name="sampling_profile_once"
            ),
            models.UniqueConstraint(
                fields=["firm"], condition=Q(state="approved"), name="sampling_profile_one_approved"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "retired"])
                | (Q(approved_by__isnull=False) & Q(approved_at__isnull=False)),
                name="sampling_profile_approved_by_somebody",
            ),
        ]
        triggers = [
            # Samples are tied to the version they were drawn by: what was approved stays as it was.
            pgtrigger.Trigger(
                name="approved_stays",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF OLD.state IN ('approved', 'retired') AND (
                        TG_OP = 'DELETE' OR to_jsonb(NEW) - 'state' <> to_jsonb(OLD) - 'state'
                        OR NEW.state NOT IN ('approved', 'retired')) THEN
                        RAISE EXCEPTION 'Sampling profile % is approved: write a new version', OLD.code
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("fieldwork:profile_version", args=[self.pk])


class SampleQuerySet(models.QuerySet["Sample"]):
    def living(self) -> SampleQuerySet:
        return self.filter(voided_at__isnull=True)

    def drawn(self) -> SampleQuerySet:
        """Living ones drawn by seed, or census: of one control and population there is one."""
        return self.living().exclude(method=Sample.Method.TARGETED)


class Sample(EngagementOwned):
    """Items drawn from an accepted population. Anybody can draw it again from the listing and `seed`.

    A targeted sample is chosen by the auditor with a reason: no seed, no profile, and nothing is projected from it.
    """

    class Risk(models.TextChoices):
        LOW = "low", "Low"
        NORMAL = "normal", "Normal"
        HIGH = "high", "High, or deviation in the prior period"

    class Method(models.TextChoices):
        STRATIFIED = "stratified", "Random, stratified over time"
        RANDOM = "random", "Random"
        SYSTEMATIC = "systematic", "Systematic"
        CENSUS = "census", "All items"
        TARGETED = "targeted", "Targeted, chosen by the auditor"

    control = models.ForeignKey(Control, on_delete=models.PROTECT, related_name="samples")
    population = models.ForeignKey(Population, on_delete=models.PROTECT, related_name="samples")
    profile = models.ForeignKey(
        SamplingProfile, null=True, blank=True, on_delete=models.PROTECT, related_name="samples"
    )
    risk = models.CharField(max_length=6, choices=Risk.choices, default=Risk.NORMAL)
    method = models.CharField(max_length=10, choices=Method.choices, default=Method.STRATIFIED)
    seed = models.CharField(max_length=64, blank=True)
    population_sha256 = models.CharField(max_length=64)
    proposed_size = models.PositiveIntegerField(default=0)
    size = models.PositiveIntegerField()
    proposal_reason = models.TextField("why so many, or why these")
    expected_deviations = models.PositiveIntegerField("deviations expected when it was planned", default=0)
    smaller_reason = models.TextField("why smaller than the profile", blank=True)
    drawn_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    drawn_at = models.DateTimeField(auto_now_add=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_reason = models.CharField(max_length=200, blank=True)

    objects = SampleQuerySet.as_manager()

    class Meta(EngagementOwned.Meta):
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["control", "population"],
                condition=Q(voided_at__isnull=True) & ~Q(method="targeted"),
                name="sample_once",
            ),
            models.CheckConstraint(
                condition=Q(method="targeted", seed="", profile__isnull=True)
                | (~Q(method="targeted") & ~Q(seed="") & Q(profile__isnull=False)),
                name="sample_drawn_or_targeted",
            ),
            models.CheckConstraint(
                condition=Q(size__gte=F("proposed_size")) | ~Q(smaller_reason=""),
                name="sample_smaller_needs_reason",
            ),
        ]
        triggers = [
            *EngagementOwned.Meta.triggers,
            *stays(
                "drawn_stays",
                "seed",
                "size",
                "population",
                "control",
                "method",
                "population_sha256",
                "drawn_by",
                "drawn_at",
                "profile",
                "proposal_reason",
                "expected_deviations",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.control} {'selection' if self.is_targeted else 'sample'} of {self.size}"

    def get_absolute_url(self) -> str:
        return reverse("fieldwork:sample", args=[self.engagement_id, self.pk])

    @property
    def is_targeted(self) -> bool:
        return self.method == self.Method.TARGETED

    @property
    def projects(self) -> bool:
        """Whether it says something about the rest: not when all items are tested, not when they were chosen."""
        return not self.is_targeted and self.total < self.population.row_count

    @property
    def total(self) -> int:
        """The items first drawn and all further ones."""
        return self.size + sum(one.size for one in self.expansions.all())


class SampleExpansion(EngagementOwned):
    """Further items of a sample, drawn by the same seed after deviations were found. The first ones stay (R22)."""

    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, related_name="expansions")
    number = models.PositiveSmallIntegerField()
    size = models.PositiveIntegerField("further items")
    reason = models.TextField("why it is expanded")
    drawn_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    drawn_at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["sample", "number"], name="expansion_number_once"),
            models.CheckConstraint(condition=Q(size__gt=0), name="expansion_not_empty"),
            models.CheckConstraint(condition=~Q(reason=""), name="expansion_with_reason"),
        ]
        triggers = [*EngagementOwned.Meta.triggers, append_only()]

    def __str__(self) -> str:
        return f"{self.size} further items of {self.sample}"


class SampleItem(EngagementOwned):
    """A drawn row of the listing, with its values as they stood. Never substituted (R22)."""

    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, related_name="items")
    expansion = models.ForeignKey(
        SampleExpansion, null=True, blank=True, on_delete=models.PROTECT, related_name="items"
    )
    position = models.PositiveIntegerField()
    row = models.PositiveIntegerField("row of the listing, from 1")
    key = models.CharField(max_length=300)
    values = models.JSONField()
    reason = models.CharField("why this one was chosen", max_length=300, blank=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["sample", "row"], name="sample_item_once"),
            models.UniqueConstraint(fields=["sample", "position"], name="sample_position_once"),
        ]
        triggers = [*EngagementOwned.Meta.triggers, append_only()]

    def __str__(self) -> str:
        return self.key


class Procedure(models.TextChoices):
    INQUIRY = "inquiry", "Inquiry"
    INSPECTION = "inspection", "Inspection"
    OBSERVATION = "observation", "Observation"
    REPERFORMANCE = "reperformance", "Reperformance"


class ControlTest(EngagementOwned):
    """A test of one control: what is done, on which items, and what came out."""

    class Phase(models.TextChoices):
        DESIGN = "design", "Design and implementation"
        OPERATING = "operating", "Operating effectiveness"

    class Result(models.TextChoices):
        """Closed vocabulary of the report (domain 1.8)."""

        NONE = "", "No result yet"
        NO_EXCEPTIONS = "no_exceptions", "No exceptions noted"
        EXCEPTIONS = "exceptions", "Exceptions noted"
        DID_NOT_OPERATE = "did_not_operate", "Did not operate in the period"
        NOT_TESTED = "not_tested", "Not tested"

    control = models.ForeignKey(Control, on_delete=models.PROTECT, related_name="tests")
    number = models.PositiveSmallIntegerField(default=1)
    phase = models.CharField(max_length=10, choices=Phase.choices)
    kinds: Any = ArrayField(models.CharField(max_length=16, choices=Procedure.choices))
    procedure = models.TextField("what is done, as the report will say it")
    inquired_of = models.CharField("inquired of or observed with", max_length=200, blank=True)
    sample = models.ForeignKey(Sample, null=True, blank=True, on_delete=models.PROTECT, related_name="tests")
    # "Did not operate" rests on a population of zero (R35).
    empty_population = models.ForeignKey(
        Population, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    result = models.CharField(max_length=16, choices=Result.choices, blank=True, default=Result.NONE)
    conclusion = models.TextField("conclusion", blank=True)
    concluded_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    concluded_at = models.DateTimeField(null=True, blank=True)
    assigned_to = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    origin = models.CharField("where the programme is from", max_length=200, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["control__number", "number"]
        constraints = [models.UniqueConstraint(fields=["control", "number"], name="test_number_once")]

    def __str__(self) -> str:
        return f"{self.control}.{self.number}"

    def get_absolute_url(self) -> str:
        return reverse("fieldwork:test", args=[self.engagement_id, self.pk])

    @property
    def kind_labels(self) -> list[str]:
        return [str(kind.label) for kind in Procedure if kind.value in self.kinds]


class Attribute(EngagementOwned):
    """A column of the test sheet: A, B, C..., with the rule for a pass."""

    test = models.ForeignKey(ControlTest, on_delete=models.CASCADE, related_name="attributes")
    letter = models.CharField(max_length=2)
    title = models.CharField(max_length=60)
    pass_rule = models.TextField()
    evidence_expected = models.TextField("evidence expected", blank=True)
    origin = models.CharField("where it is from", max_length=200, blank=True)
    # What a cell of this column rests on when the auditor names nothing else.
    usual_citation = models.ForeignKey(
        "EvidenceCitation", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta(EngagementOwned.Meta):
        ordering = ["letter"]
        constraints = [models.UniqueConstraint(fields=["test", "letter"], name="attribute_letter_once")]

    def __str__(self) -> str:
        return f"{self.test} {self.letter}"


class SheetItem(EngagementOwned):
    """A row of the test sheet: a sample item, or something named by the auditor (a configuration, one instance)."""

    class Unobtainable(models.TextChoices):
        DEVIATION = "deviation", "A deviation"
        LIMITATION = "limitation", "A limitation of the scope"

    test = models.ForeignKey(ControlTest, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    label = models.CharField(max_length=300)
    sample_item = models.ForeignKey(
        SampleItem, null=True, blank=True, on_delete=models.PROTECT, related_name="test_items"
    )
    note = models.TextField(blank=True)
    # R22: what cannot be had is not exchanged for another item. It deviates, or it limits the scope.
    unobtainable = models.TextField("why it cannot be obtained", blank=True)
    unobtainable_as = models.CharField(max_length=10, choices=Unobtainable.choices, blank=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["position"]
        constraints = [
            models.CheckConstraint(
                condition=Q(unobtainable="", unobtainable_as="") | (~Q(unobtainable="") & ~Q(unobtainable_as="")),
                name="test_item_unobtainable_with_effect",
            ),
            models.UniqueConstraint(fields=["test", "position"], name="test_item_position_once"),
            models.UniqueConstraint(
                fields=["test", "sample_item"], condition=Q(sample_item__isnull=False), name="test_item_once"
            ),
        ]

    def __str__(self) -> str:
        return self.label


class EvidenceCitation(EngagementOwned):
    """Evidence a test rests on; cells refer to one of these (R25)."""

    test = models.ForeignKey(ControlTest, on_delete=models.CASCADE, related_name="citations")
    file = models.ForeignKey(EvidenceFile, on_delete=models.PROTECT, related_name="citations")
    note = models.CharField(max_length=200, blank=True)
    cited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    cited_at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["test", "file"], name="citation_once")]

    def __str__(self) -> str:
        return f"{self.test} cites {self.file}"


class ItemResult(EngagementOwned):
    """One cell of the sheet. Every change of it is an audit event with the old value."""

    class Outcome(models.TextChoices):
        PASS = "p", "Pass"
        DEVIATION = "d", "Deviation"
        NOT_APPLICABLE = "n", "Not applicable"

    item = models.ForeignKey(SheetItem, on_delete=models.CASCADE, related_name="results")
    attribute = models.ForeignKey(Attribute, on_delete=models.CASCADE, related_name="results")
    outcome = models.CharField(max_length=1, choices=Outcome.choices)
    citation = models.ForeignKey(EvidenceCitation, on_delete=models.PROTECT, related_name="results")
    place = models.CharField("page, row or cell", max_length=60, blank=True)
    note = models.TextField(blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta(EngagementOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["item", "attribute"], name="cell_once"),
            models.CheckConstraint(condition=~Q(outcome="d") | ~Q(note=""), name="deviation_cell_has_note"),
        ]

    def __str__(self) -> str:
        return f"{self.item} {self.attribute.letter}: {self.get_outcome_display()}"


class SheetChange(EngagementOwned):
    """Which cell or note of a sheet was changed, in order: by this others see it, and nobody writes over it unseen.

    The values are in the cell and in the trail. A test is locked while it is written to, so that within one
    sheet the keys come in the order in which the changes were committed.
    """

    test = models.ForeignKey(ControlTest, on_delete=models.CASCADE, related_name="changes")
    item = models.ForeignKey(SheetItem, on_delete=models.CASCADE, related_name="+")
    # Empty: the note of the row.
    attribute = models.ForeignKey(Attribute, null=True, on_delete=models.CASCADE, related_name="+")
    window = models.CharField("the browser window it came from", max_length=36, blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["pk"]
        indexes = [models.Index(fields=["test", "id"], name="sheet_changes_in_order")]

    def __str__(self) -> str:
        return f"change of {self.item_id}"


class ProcedureRecord(EngagementOwned):
    """An inquiry, an observation or a reperformance: who, when, what came of it, and what corroborates it."""

    test = models.ForeignKey(ControlTest, on_delete=models.CASCADE, related_name="procedures")
    kind = models.CharField(
        max_length=16,
        choices=[choice for choice in Procedure.choices if choice[0] != "inspection"],
    )
    people = models.CharField("with whom", max_length=200)
    on = models.DateField("when")
    what = models.TextField("what was asked, watched or done again")
    outcome = models.TextField("what came of it")
    corroborated_by = models.ForeignKey(
        EvidenceCitation, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    place = models.CharField("page, row or cell", max_length=60, blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["on", "pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.on}"

    @property
    def supports_design_only(self) -> bool:
        """What is watched shows that moment only: outside the period nothing of operation (R23)."""
        engagement = self.engagement
        return (
            self.kind == Procedure.OBSERVATION
            and engagement.is_type_2
            and not engagement.starts_on <= self.on <= engagement.ends_on
        )


class DeviationQuerySet(models.QuerySet["Deviation"]):
    def standing(self) -> DeviationQuerySet:
        """Neither dismissed nor merged into another: what is to be concluded and what the report prints."""
        return self.exclude(state__in=Deviation.GONE)

    def of_one_cause(self, deviation: Deviation) -> DeviationQuerySet:
        """This one and those that share its cause, in the order in which they were raised."""
        first = deviation.cause_shared_with_id or deviation.pk
        return self.filter(Q(pk=first) | Q(cause_shared_with=first)).order_by("pk")


class Deviation(EngagementOwned):
    """A deviation raised from cells (on screen and in the report: an exception). Never deleted (R33)."""

    class Type(models.TextChoices):
        ISOLATED = "isolated", "Isolated"
        SYSTEMATIC = "systematic", "Systematic"
        INTENTIONAL = "intentional", "Intentional"

    class Marker(models.TextChoices):
        """What makes deviations more than single misses: any one is enough (`evaluation.propose_cause`)."""

        SAME_CAUSE = "same_cause", "The same root cause came back"
        CONCENTRATED = (
            "concentrated",
            "Concentrated in one person or system so that it defeats the control's purpose",
        )
        PERSISTENT = "persistent", "It went on through the period, not in one bounded episode"
        DESIGN = "design", "The control as designed could not have caught it"

    class State(models.TextChoices):
        RAISED = "raised", "Raised"
        EVALUATED = "evaluated", "Evaluated"
        CONCLUDED = "concluded", "Concluded"
        NOT_A_DEVIATION = "not_a_deviation", "Not a deviation"
        MERGED = "merged", "Merged"

    GONE = ("not_a_deviation", "merged")

    class Effect(models.TextChoices):
        """Effect on the control and upwards, as concluded (domain 3.6)."""

        CONTROL_EFFECTIVE = "control_effective", "Control still operated effectively"
        COMPENSATED = "compensated", "Control failed, compensated by another"
        CRITERION_FAILED = "criterion_failed", "Criterion not met for the affected part"

    code = models.CharField(max_length=12)
    control = models.ForeignKey(Control, on_delete=models.PROTECT, related_name="deviations")
    test = models.ForeignKey(ControlTest, on_delete=models.PROTECT, related_name="deviations")
    cells: models.ManyToManyField[ItemResult, DeviationCell] = models.ManyToManyField(
        ItemResult, through="DeviationCell", related_name="deviations"
    )
    title = models.CharField(max_length=200)
    description = models.TextField("what was found, as the report will say it")
    # Of an exception that no cell shows: the control did not happen when it was due (R34).
    expected_occurrences = models.PositiveIntegerField(null=True, blank=True)
    missing_occurrences = models.PositiveIntegerField(null=True, blank=True)
    cause = models.TextField(blank=True)
    type = models.CharField(max_length=12, choices=Type.choices, blank=True)
    markers: Any = ArrayField(models.CharField(max_length=12, choices=Marker.choices), default=list, blank=True)
    extent = models.TextField("extent", blank=True)
    evaluation = models.TextField("evaluation", blank=True)
    compensating_control = models.ForeignKey(
        Control, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    effect = models.CharField(max_length=20, choices=Effect.choices, blank=True)
    failed_criteria: models.ManyToManyField[Criterion, FailedCriterion] = models.ManyToManyField(
        Criterion, through="FailedCriterion", related_name="+"
    )
    touched_commitments: models.ManyToManyField[Commitment, TouchedCommitment] = models.ManyToManyField(
        Commitment, through="TouchedCommitment", related_name="+"
    )
    softer_reason = models.TextField("why softer than proposed", blank=True)
    dismissal_reason = models.TextField("why it is no deviation", blank=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.RAISED)
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged")
    # Exceptions of several sheets with one cause are evaluated and concluded once; all name the first of them here.
    cause_shared_with = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="sharing_its_cause"
    )
    released_at = models.DateTimeField("released to the client", null=True, blank=True)
    raised_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    raised_at = models.DateTimeField(auto_now_add=True)
    evaluated_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    evaluated_at = models.DateTimeField(null=True, blank=True)
    concluded_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    concluded_at = models.DateTimeField(null=True, blank=True)

    objects = DeviationQuerySet.as_manager()

    class Meta(EngagementOwned.Meta):
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["engagement", "code"], name="deviation_code_once"),
            models.CheckConstraint(
                condition=Q(state="merged", merged_into__isnull=False)
                | (~Q(state="merged") & Q(merged_into__isnull=True)),
                name="deviation_merged_into_another",
            ),
            models.CheckConstraint(
                condition=Q(cause_shared_with__isnull=True)
                | (~Q(cause_shared_with=F("id")) & ~Q(state__in=["not_a_deviation", "merged"])),
                name="deviation_shares_while_it_stands",
            ),
            models.CheckConstraint(
                condition=~Q(state="not_a_deviation") | ~Q(dismissal_reason=""),
                name="deviation_dismissed_with_reason",
            ),
        ]
        triggers = [
            *EngagementOwned.Meta.triggers,
            never_deleted(),
        ]

    def __str__(self) -> str:
        return self.code

    def get_absolute_url(self) -> str:
        return reverse("fieldwork:exception", args=[self.engagement_id, self.code])

    @property
    def stands(self) -> bool:
        return self.state not in self.GONE

    @property
    def of_design(self) -> bool:
        """A finding on design and implementation, not on operation: the only kind in a Type 1."""
        return self.test.phase == ControlTest.Phase.DESIGN

    @property
    def effect_words(self) -> str:
        """The effect as said of this control: one tested for design was not seen to operate."""
        if not self.effect:
            return ""
        return effect_words(self.effect, design=self.of_design)


def effect_words(effect: str, *, design: bool) -> str:
    """An effect in words, of design or of operation."""
    label = str(Deviation.Effect(effect).label)
    if design and effect == Deviation.Effect.CONTROL_EFFECTIVE:
        return "Control still suitably designed"
    return label.replace("Control failed", "Control not suitably designed") if design else label


class DeviationCell(EngagementOwned):
    deviation = models.ForeignKey(Deviation, on_delete=models.PROTECT, related_name="cell_links")
    cell = models.ForeignKey(ItemResult, on_delete=models.PROTECT, related_name="deviation_links")

    class Meta(EngagementOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["cell"], name="cell_in_one_deviation")]

    def __str__(self) -> str:
        return f"{self.deviation}: {self.cell_id}"


class FailedCriterion(EngagementOwned):
    deviation = models.ForeignKey(Deviation, on_delete=models.PROTECT, related_name="failed_links")
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="+")

    class Meta(EngagementOwned.Meta):
        ordering = ["criterion__position"]
        constraints = [models.UniqueConstraint(fields=["deviation", "criterion"], name="failed_criterion_once")]

    def __str__(self) -> str:
        return f"{self.deviation}: {self.criterion_id}"


class TouchedCommitment(EngagementOwned):
    """A service commitment or system requirement that is not achieved because of an exception."""

    deviation = models.ForeignKey(Deviation, on_delete=models.PROTECT, related_name="touched_links")
    commitment = models.ForeignKey(Commitment, on_delete=models.PROTECT, related_name="+")

    class Meta(EngagementOwned.Meta):
        ordering = ["commitment_id"]
        constraints = [models.UniqueConstraint(fields=["deviation", "commitment"], name="touched_commitment_once")]

    def __str__(self) -> str:
        return f"{self.deviation}: {self.commitment}"


class Regrouping(EngagementOwned):
    """Exceptions merged, split, joined by their cause or parted, as they stood before: nothing is overwritten."""

    class Kind(models.TextChoices):
        MERGED = "merged", "Merged"
        SPLIT = "split", "Split"
        JOINED = "joined", "Joined by one cause"
        PARTED = "parted", "Parted"

    kind = models.CharField(max_length=6, choices=Kind.choices)
    source = models.ForeignKey(Deviation, on_delete=models.PROTECT, related_name="regrouped_from")
    target = models.ForeignKey(Deviation, on_delete=models.PROTECT, related_name="regrouped_to")
    cells = models.JSONField("the cells that changed their exception")
    before = models.JSONField("both as they stood")
    reason = models.TextField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["pk"]
        triggers = [*EngagementOwned.Meta.triggers, append_only()]

    def __str__(self) -> str:
        return f"{self.source} {self.get_kind_display().lower()}, {self.target}"


class ManagementResponse(EngagementOwned):
    """Management's answer to an exception (Section V, unaudited). The newest counts; none is overwritten."""

    deviation = models.ForeignKey(Deviation, on_delete=models.PROTECT, related_name="responses")
    text = models.TextField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["-pk"]
        triggers = [*EngagementOwned.Meta.triggers, append_only()]

    def __str__(self) -> str:
        return f"response to {self.deviation}"


class SignOffManager(models.Manager["SignOff"]):
    def get_queryset(self) -> models.QuerySet[SignOff]:
        """Without the content, which is as large as the sheet: it is read where it is looked at."""
        return super().get_queryset().defer("content")


class SignOff(EngagementOwned):
    """A signature under a test's workpaper, bound to the hash of what was signed (R28-R31)."""

    class Step(models.TextChoices):
        PREPARED = "prepared", "Prepared"
        REVIEWED = "reviewed", "Reviewed"
        PARTNER = "partner", "Partner"
        QUALITY = "quality", "Quality review"

    test = models.ForeignKey(ControlTest, on_delete=models.PROTECT, related_name="sign_offs")
    step = models.CharField(max_length=10, choices=Step.choices)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    content_sha256 = models.CharField(max_length=64)
    # What was signed, as plain data: it hashes to the above, and shows what changed since.
    content = models.JSONField(default=dict)
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_reason = models.CharField(max_length=300, blank=True)

    objects = SignOffManager()

    class Meta(EngagementOwned.Meta):
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["test", "step"], condition=Q(voided_at__isnull=True), name="sign_off_once"
            ),
            # R28 also in the database: one person stands once under one workpaper.
            models.UniqueConstraint(
                fields=["test", "by"], condition=Q(voided_at__isnull=True), name="sign_off_different_people"
            ),
        ]
        triggers = [
            *EngagementOwned.Meta.triggers,
            *stays("signed_stays", "test", "step", "by", "at", "content_sha256", "content"),
        ]

    def __str__(self) -> str:
        return f"{self.test} {self.step} by {self.by}"


class ReviewNote(EngagementOwned):
    """A reviewer's note: open, answered, cleared by whoever raised it. The client never sees it (R68)."""

    # What it is at, as "kind:key" (`fieldwork.noting`), and its name at that time; `test` too when it is a test.
    target = models.CharField(max_length=80)
    label = models.CharField(max_length=120, blank=True)
    test = models.ForeignKey(ControlTest, null=True, blank=True, on_delete=models.PROTECT, related_name="notes")
    text = models.TextField()
    raised_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    raised_at = models.DateTimeField(auto_now_add=True)
    answer = models.TextField(blank=True)
    answered_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(null=True, blank=True)
    cleared_at = models.DateTimeField(null=True, blank=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(test__isnull=True) | Q(target__startswith="test:"), name="note_at_its_test"
            )
        ]
        indexes = [models.Index(fields=["engagement", "target"], name="note_target")]
        triggers = [
            *EngagementOwned.Meta.triggers,
            *stays("raised_stays", "target", "text", "raised_by", "raised_at"),
        ]

    def __str__(self) -> str:
        return f"note on {self.label}"


class CheckCriterion(models.Model):
    """Which criterion a check of a scanner speaks to, as the firm took it over from a map: a hint."""

    firm = models.ForeignKey(Firm, on_delete=models.CASCADE, related_name="check_criteria")
    check_id = models.CharField(max_length=120)
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=200)

    class Meta:
        ordering = ["check_id", "criterion__position"]
        constraints = [
            models.UniqueConstraint(fields=["firm", "check_id", "criterion"], name="check_criterion_once")
        ]

    def __str__(self) -> str:
        return f"{self.check_id}: {self.criterion_id}"


class ScanReport(EngagementOwned):
    """What a scanner wrote, read from a file of evidence, which stays as it was received."""

    class Format(models.TextChoices):
        PROWLER_CSV = "prowler_csv", "Prowler CSV"
        OCSF = "ocsf", "OCSF JSON"

    file = models.OneToOneField(EvidenceFile, on_delete=models.PROTECT, related_name="scan_report")
    format = models.CharField(max_length=12, choices=Format.choices)
    tool = models.CharField(max_length=60)
    tool_version = models.CharField(max_length=60, blank=True)
    ran_from = models.DateTimeField(null=True)
    ran_to = models.DateTimeField(null=True)
    read_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    read_at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"scan {self.file}"

    def get_absolute_url(self) -> str:
        return reverse("fieldwork:scan", args=[self.engagement_id, self.pk])


class ScanFinding(EngagementOwned):
    """One line of a scanner: a check of a resource. What it means for a control, an auditor says in a test."""

    class Status(models.TextChoices):
        FAIL = "fail", "Failed"
        PASS = "pass", "Passed"
        MANUAL = "manual", "To be looked at"
        OTHER = "other", "Other"

    report = models.ForeignKey(ScanReport, on_delete=models.CASCADE, related_name="findings")
    row = models.PositiveIntegerField("row or place in the file, from 1")
    check_id = models.CharField(max_length=120)
    title = models.CharField(max_length=300, blank=True)
    status = models.CharField(max_length=6, choices=Status.choices)
    muted = models.BooleanField(default=False)
    severity = models.CharField(max_length=20, blank=True)
    service = models.CharField(max_length=60, blank=True)
    account = models.CharField(max_length=120, blank=True)
    region = models.CharField(max_length=60, blank=True)
    resource = models.CharField(max_length=300, blank=True)
    detail = models.TextField(blank=True)
    criteria: Any = ArrayField(models.CharField(max_length=8), default=list)

    class Meta(EngagementOwned.Meta):
        ordering = ["row"]
        constraints = [models.UniqueConstraint(fields=["report", "row"], name="scan_finding_once")]
        indexes = [models.Index(fields=["report", "check_id"], name="scan_findings_by_check")]

    def __str__(self) -> str:
        return f"{self.check_id}, row {self.row}"
