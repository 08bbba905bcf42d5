"""What is being examined, by whom, and where it stands."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from guardian.models import UserObjectPermissionBase

from accounts.models import Firm, Invitation, Office, OneLine, SectionFour, ServiceOrganization, User
from accounts.switching import Place
from controls.models import Category, Criterion, Frequency, LibraryControl, Nature
from engagements.freeze import EngagementOwned, append_only, never_emptied, stays

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Stage(models.TextChoices):
    ACCEPTANCE = "acceptance", "Acceptance"
    SCOPING = "scoping", "Scoping"
    READINESS = "readiness", "Readiness"
    OBSERVATION = "observation", "Observation"
    FIELDWORK = "fieldwork", "Fieldwork"
    REPORTING = "reporting", "Reporting"
    ISSUED = "issued", "Issued"
    LOCKED = "locked", "Locked"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"
    PURGED = "purged", "Purged"

    @property
    def standing(self) -> str:
        """The stage in a sentence: the engagement is "in fieldwork", is "issued"."""
        over = self in {Stage.ISSUED, Stage.LOCKED, *ENDED}
        return self.value if over else f"in {self.value}"


# Nothing follows; a purged file is a locked one whose retention is over.
ENDED = {Stage.DECLINED, Stage.WITHDRAWN, Stage.PURGED}

RAIL = [
    Stage.ACCEPTANCE,
    Stage.SCOPING,
    Stage.READINESS,
    Stage.OBSERVATION,
    Stage.FIELDWORK,
    Stage.REPORTING,
    Stage.ISSUED,
    Stage.LOCKED,
]

# The machine of design.md 3; the database refuses every other step.
TRANSITIONS: list[tuple[str, str]] = [
    (Stage.ACCEPTANCE, Stage.SCOPING),
    (Stage.ACCEPTANCE, Stage.DECLINED),
    (Stage.SCOPING, Stage.READINESS),
    (Stage.SCOPING, Stage.OBSERVATION),
    (Stage.SCOPING, Stage.FIELDWORK),
    (Stage.READINESS, Stage.OBSERVATION),
    (Stage.READINESS, Stage.FIELDWORK),
    (Stage.OBSERVATION, Stage.FIELDWORK),
    (Stage.FIELDWORK, Stage.REPORTING),
    (Stage.REPORTING, Stage.FIELDWORK),
    (Stage.REPORTING, Stage.ISSUED),
    (Stage.ISSUED, Stage.LOCKED),
    # Only to reissue the report, which `frozen_itself` makes sure of.
    (Stage.ISSUED, Stage.REPORTING),
    (Stage.SCOPING, Stage.WITHDRAWN),
    (Stage.READINESS, Stage.WITHDRAWN),
    (Stage.OBSERVATION, Stage.WITHDRAWN),
    (Stage.FIELDWORK, Stage.WITHDRAWN),
    (Stage.REPORTING, Stage.WITHDRAWN),
    (Stage.LOCKED, Stage.PURGED),
    (Stage.WITHDRAWN, Stage.PURGED),
]


class ReportingStep(models.TextChoices):
    """Where the report stands within the reporting stage."""

    DRAFT = "draft", "Draft"
    CLIENT_REVIEW = "client_review", "Client review"
    QUALITY_REVIEW = "quality_review", "Quality review"
    READY = "ready", "Ready to issue"

    @property
    def standing(self) -> str:
        """The step in a sentence: the report is "in quality review"."""
        return {"draft": "a draft", "ready": "ready to issue"}.get(self.value, f"in {str(self.label).lower()}")


class EngagementQuerySet(models.QuerySet["Engagement"]):
    def visible_to(self, user: Any) -> EngagementQuerySet:
        """The engagements in which the person has a role. Being an operator gives no view of any."""
        return self.filter(pk__in=EngagementMember.objects.held_by(user).values("engagement_id"))

    def open_to(self, user: Any) -> EngagementQuerySet:
        """Those of them whose work the person may see: one of the firm's team has confirmed independence (R02)."""
        return self.visible_to(user).exclude(
            pk__in=EngagementMember.objects.unconfirmed(user).values("engagement_id")
        )

    def at_place(self, place: Place | None) -> EngagementQuerySet:
        """Those of one organization of the person who looks; None for all."""
        if place is None:
            return self
        return self.filter(firm_id=place.key) if place.of_firm else self.filter(client_id=place.key)

    def ongoing(self) -> EngagementQuerySet:
        return self.exclude(stage__in=[Stage.ISSUED, Stage.LOCKED, *ENDED])


class Engagement(OneLine):
    """One SOC 2 examination: a system of a service organization, as of a date or throughout a period."""

    class Type(models.TextChoices):
        TYPE_1 = "1", "Type 1"
        TYPE_2 = "2", "Type 2"

    firm = models.ForeignKey(Firm, on_delete=models.PROTECT, related_name="engagements")
    client = models.ForeignKey(ServiceOrganization, on_delete=models.PROTECT, related_name="engagements")
    number = models.CharField(max_length=20)
    system_name = models.CharField(max_length=120)
    type = models.CharField(max_length=1, choices=Type.choices)
    as_of = models.DateField("as-of date", null=True, blank=True)
    period_start = models.DateField("first day of the period", null=True, blank=True)
    period_end = models.DateField("last day of the period", null=True, blank=True)
    prior_period_end = models.DateField("last day of the prior report's period", null=True, blank=True)
    categories: Any = ArrayField(models.CharField(max_length=24, choices=Category.choices))
    stage = models.CharField(max_length=12, choices=Stage.choices, default=Stage.ACCEPTANCE)
    reporting_step = models.CharField(max_length=16, choices=ReportingStep.choices, default=ReportingStep.DRAFT)
    report_due = models.DateField(null=True, blank=True)
    section_four = models.CharField(
        "Section IV of the report", max_length=10, choices=SectionFour.choices, default=SectionFour.CRITERION
    )
    office = models.ForeignKey(
        Office, verbose_name="office that signs", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    accepted_on = models.DateField("acceptance decided on", null=True, blank=True)
    accepted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    acceptance_note = models.TextField("grounds of the acceptance", blank=True)
    letter_on = models.DateField("engagement letter executed on", null=True, blank=True)
    letter_signed_for_client = models.CharField("signed for the client by", max_length=120, blank=True)
    letter_signed_for_firm = models.CharField("signed for the firm by", max_length=120, blank=True)
    report_date = models.DateField(null=True, blank=True)
    incidents_none_statement = models.TextField("client's statement that there was no incident", blank=True)
    changes_none_statement = models.TextField("client's statement that there was no change", blank=True)

    frozen_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField("declined or withdrawn at", null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EngagementQuerySet.as_manager()

    # Attached by `roles.engagement_for`: the role and the rights of the person who asks.
    member: EngagementMember
    may: frozenset[str]

    class Meta:
        ordering = ["-created_at"]
        permissions = [
            # The matrix of engagements/roles.py gives these out; nothing else decides.
            ("see_engagement", "Open the engagement"),
            ("see_fieldwork", "See tests, draft results, review notes and the firm's notes"),
            ("see_trail", "See the engagement's activity"),
            ("accept_engagement", "Accept, decline or withdraw"),
            ("manage_engagement", "Set dates, stage and letters"),
            ("manage_team", "Give and take roles"),
            ("invite_own", "Invite people of its own organization"),
            ("edit_scope", "Choose and map controls, keep the firm's side of the scope"),
            (
                "edit_registers",
                "Word controls, keep components, incidents, changes and complementary controls",
            ),
            ("manage_requests", "Make, accept and return requests"),
            ("upload_evidence", "Upload evidence"),
            ("provide_populations", "Provide population listings"),
            ("accept_populations", "Accept or refuse population listings"),
            ("draw_samples", "Draw samples"),
            ("approve_samples", "Approve a sample smaller than the profile's"),
            ("record_tests", "Write tests and record results"),
            ("sign_prepared", "Sign as prepared"),
            ("sign_reviewed", "Sign as reviewed"),
            ("sign_partner", "Sign as partner"),
            ("evaluate_deviations", "Evaluate deviations"),
            ("conclude_deviations", "Conclude on deviations"),
            ("see_exceptions", "See exceptions released to the client"),
            ("respond_exceptions", "Write management's response to exceptions"),
            ("edit_description", "Write the system description and other information"),
            ("see_description", "Read the system description"),
            ("sign_assertion", "Sign the assertion and letters for the client"),
            ("form_opinion", "Form the opinion and set the report date"),
            ("render_report", "Render drafts of the report"),
            ("see_report", "Read drafts of the report"),
            ("complete_quality_review", "Complete the engagement quality review"),
            ("approve_issue", "Approve the issue, where the firm asks for two people"),
            ("issue_report", "Issue the report"),
            ("close_file", "Lock the file, and hold it back from destruction"),
            ("add_addenda", "Add addenda to the locked file"),
            ("take_pack", "Take the whole file along as a pack"),
            ("purge_file", "Ask for or approve the destruction of the file"),
            ("manage_distribution", "Invite readers, keep the non-disclosure agreement"),
            ("see_distribution", "See who received the report"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["firm", "number"], name="engagement_number_once_per_firm"),
            models.CheckConstraint(
                condition=Q(categories__contains=[Category.SECURITY]), name="engagement_security_always_r08"
            ),
            models.CheckConstraint(
                condition=Q(type="1", as_of__isnull=False, period_start__isnull=True, period_end__isnull=True)
                | Q(
                    type="2",
                    as_of__isnull=True,
                    period_start__isnull=False,
                    period_end__isnull=False,
                    period_start__lt=F("period_end"),
                ),
                name="engagement_dates_of_type_r09",
            ),
            models.CheckConstraint(
                condition=Q(letter_on__isnull=True) | Q(accepted_on__isnull=False, accepted_on__lte=F("letter_on")),
                name="engagement_accepted_before_letter_r47",
            ),
            models.CheckConstraint(
                condition=Q(report_date__isnull=True)
                | Q(type="1", report_date__gte=F("as_of"))
                | Q(type="2", report_date__gt=F("period_end")),
                name="engagement_report_after_period_r48",
            ),
            models.CheckConstraint(
                condition=Q(stage="acceptance") | Q(stage="declined") | Q(accepted_on__isnull=False),
                name="engagement_work_after_acceptance_r01",
            ),
        ]
        triggers = [
            pgtrigger.FSM(name="stage_machine", field="stage", transitions=TRANSITIONS),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            never_emptied(),
            pgtrigger.Trigger(
                name="frozen_itself",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                declare=[
                    ("moving", "text[] := '{stage,frozen_at,reporting_step}'"),
                    (
                        "blanked",
                        (
                            "text[] := '{stage,acceptance_note,incidents_none_statement,changes_none_statement,"
                            "letter_signed_for_client,letter_signed_for_firm}'"
                        ),
                    ),
                ],
                # Only the stage moves on after issue. A failed final rendering thaws what is not issued, and the
                # decision to reissue what is (R58); what is locked never thaws. A purge blanks what was written.
                func="""
                    IF OLD.frozen_at IS NOT NULL THEN
                        IF attestry_purging(OLD.id) AND to_jsonb(NEW) - blanked = to_jsonb(OLD) - blanked THEN
                            RETURN NEW;
                        END IF;
                        IF NEW.frozen_at IS NULL AND OLD.stage <> 'reporting' AND NOT (
                            OLD.stage = 'issued' AND NEW.stage = 'reporting' AND attestry_reissuing(OLD.id)) THEN
                            RAISE EXCEPTION 'Engagement % is issued: it stays frozen', OLD.id
                                USING ERRCODE = 'restrict_violation';
                        END IF;
                        IF NEW.frozen_at IS NOT NULL THEN
                            moving := '{stage}';
                        END IF;
                        IF to_jsonb(NEW) - moving <> to_jsonb(OLD) - moving THEN
                            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.id
                                USING ERRCODE = 'restrict_violation';
                        END IF;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.client.short}"

    def get_absolute_url(self) -> str:
        return reverse("engagements:overview", args=[self.pk])

    def clean(self) -> None:
        if self.office is not None and self.office.firm_id != self.firm_id:
            raise ValidationError({"office": f"{self.office} is no office of {self.firm}."})

    @property
    def signing_office(self) -> Office | None:
        """The office whose city the report names: the chosen one, else the firm's main office."""
        return self.office or self.firm.main_office

    @property
    def is_type_2(self) -> bool:
        return self.type == self.Type.TYPE_2

    @property
    def ends_on(self) -> dt.date:
        """Last day that the examination speaks of: the period's end or the as-of date."""
        day = self.period_end if self.is_type_2 else self.as_of
        assert day is not None  # engagement_dates_of_type_r09
        return day

    @property
    def starts_on(self) -> dt.date:
        day = self.period_start if self.is_type_2 else self.as_of
        assert day is not None  # engagement_dates_of_type_r09
        return day

    @property
    def span_label(self) -> str:
        """The period or the as-of date in words."""
        if self.is_type_2:
            return f"{_day(self.starts_on)} – {_day(self.ends_on)}"
        return f"as of {_day(self.ends_on)}"

    @property
    def category_labels(self) -> list[StrOrPromise]:
        return [category.label for category in Category if category.value in self.categories]

    def criteria(self) -> models.QuerySet[Criterion]:
        """The criteria of the examination (R12)."""
        return Criterion.objects.in_scope(self.categories)

    @property
    def frozen(self) -> bool:
        return self.frozen_at is not None

    @property
    def standing(self) -> str:
        """The stage in a sentence: the engagement is "in fieldwork", is "issued"."""
        return Stage(self.stage).standing

    @property
    def ended(self) -> bool:
        """Declined, withdrawn, or purged."""
        return self.stage in ENDED


def _day(day: dt.date) -> str:
    return f"{day.day} {day:%b %Y}"


class EngagementUserPermission(UserObjectPermissionBase):
    """Object permissions by direct foreign key; written only by `roles.set_role`."""

    content_object = models.ForeignKey(Engagement, on_delete=models.CASCADE)


class Role(models.TextChoices):
    PARTNER = "partner", "Engagement partner"
    MANAGER = "manager", "Manager"
    STAFF = "staff", "Staff"
    QUALITY_REVIEWER = "quality_reviewer", "Engagement quality reviewer"
    PEER_REVIEWER = "peer_reviewer", "Peer reviewer"
    CLIENT_ADMIN = "client_admin", "Client administrator"
    CONTROL_OWNER = "control_owner", "Control owner"
    SIGNATORY = "signatory", "Signatory"
    SUBSERVICE_CONTACT = "subservice_contact", "Subservice contact"

    @property
    def of_firm(self) -> bool:
        return self in FIRM_ROLES


FIRM_ROLES = frozenset({Role.PARTNER, Role.MANAGER, Role.STAFF, Role.QUALITY_REVIEWER, Role.PEER_REVIEWER})


class EngagementMemberQuerySet(models.QuerySet["EngagementMember"]):
    def held_by(self, user: Any) -> EngagementMemberQuerySet:
        """The roles in which the person acts: with a token for one engagement, in that one only."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        mine = self.filter(user=user)
        if user.token is not None and user.token.engagement_id is not None:
            mine = mine.filter(engagement=user.token.engagement_id)
        return mine

    def unconfirmed(self, user: Any) -> EngagementMemberQuerySet:
        """The person's roles on the firm's side for which it has not confirmed independence yet (R02)."""
        return self.filter(user=user, role__in=FIRM_ROLES, independence_confirmed_at__isnull=True)


class EngagementMember(models.Model):
    """A person's one role in an engagement; written only by `roles.set_role`. Does not freeze: readers may come."""

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="members")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="roles")
    role = models.CharField(max_length=20, choices=Role.choices)
    independence_confirmed_at = models.DateTimeField(null=True, blank=True)

    objects = EngagementMemberQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["engagement", "user"], name="member_one_role"),
            models.UniqueConstraint(fields=["engagement"], condition=Q(role="partner"), name="member_one_partner"),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display()}"

    @property
    def of_firm(self) -> bool:
        return self.role in FIRM_ROLES

    @property
    def unconfirmed(self) -> bool:
        """Of the firm's side, and independence not confirmed yet: nothing of the work opens (R02)."""
        return self.of_firm and self.independence_confirmed_at is None

    def confirms_again(self, engagement: Engagement) -> bool:
        """Whether what this member confirmed is too old for the issue (R03)."""
        if self.independence_confirmed_at is None:
            return False  # R01 says so
        confirmed = timezone.localdate(self.independence_confirmed_at)
        return confirmed <= engagement.ends_on or (
            engagement.report_date is not None and confirmed < engagement.report_date
        )


class InvitedRole(models.Model):
    """The role that an invited person gets in the engagement as soon as the invitation is accepted."""

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="invited")
    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=20, choices=Role.choices)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["engagement", "invitation"], name="invited_role_once")]

    def __str__(self) -> str:
        return f"{self.invitation.name}, {self.get_role_display()}"


class LetterAmendment(EngagementOwned):
    """An amendment of the engagement letter, signed by both, for a change of what was agreed (R15)."""

    number = models.PositiveSmallIntegerField()
    on = models.DateField("amendment executed on")
    reason = models.TextField("why the terms change")
    signed_for_client = models.CharField("signed for the client by", max_length=120)
    signed_for_firm = models.CharField("signed for the firm by", max_length=120)
    changes = models.JSONField(default=dict)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["engagement", "number"], name="amendment_number_once")]
        triggers = [*EngagementOwned.Meta.triggers, append_only()]

    def __str__(self) -> str:
        return f"amendment {self.number} of {_day(self.on)}"


class ControlQuerySet(models.QuerySet["Control"]):
    def in_scope(self) -> ControlQuerySet:
        return self.filter(removed_at__isnull=True)


class Control(EngagementOwned):
    """A control of the service organization in scope of the engagement, in the client's wording.

    Taken out of scope it stays as a row (`removed_at`), so that its number is never given to another.
    """

    number = models.CharField(max_length=20)
    title = models.CharField(max_length=200)
    wording = models.TextField("control as stated by management")
    nature = models.CharField(max_length=2, choices=Nature.choices)
    frequency = models.CharField(max_length=4, choices=Frequency.choices)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    library_control = models.ForeignKey(
        LibraryControl, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    typical_evidence = models.TextField(blank=True)
    typical_test = models.TextField(blank=True)
    criteria: models.ManyToManyField[Criterion, ControlCriterion] = models.ManyToManyField(
        Criterion, through="ControlCriterion", related_name="+"
    )
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = ControlQuerySet.as_manager()

    class Meta(EngagementOwned.Meta):
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["engagement", "number"], name="control_number_once"),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("engagements:control", args=[self.engagement_id, self.number])


class ControlCriterion(EngagementOwned):
    control = models.ForeignKey(Control, on_delete=models.CASCADE, related_name="mappings")
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="+")

    class Meta(EngagementOwned.Meta):
        ordering = ["criterion__position"]
        constraints = [models.UniqueConstraint(fields=["control", "criterion"], name="mapping_once")]

    def __str__(self) -> str:
        return f"{self.control} {self.criterion_id}"


class NotRelevantCriterion(EngagementOwned):
    """A criterion of a selected category that is not relevant to the system, and why (DC8)."""

    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()

    class Meta(EngagementOwned.Meta):
        ordering = ["criterion__position"]
        constraints = [models.UniqueConstraint(fields=["engagement", "criterion"], name="not_relevant_once")]

    def __str__(self) -> str:
        return f"{self.criterion_id} not relevant"


class Component(EngagementOwned):
    """A part of the system (DC3), inside the boundary or outside of it for a reason."""

    class Kind(models.TextChoices):
        INFRASTRUCTURE = "infrastructure", "Infrastructure"
        SOFTWARE = "software", "Software"
        PEOPLE = "people", "People"
        DATA = "data", "Data"
        PROCEDURES = "procedures", "Procedures"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    in_boundary = models.BooleanField("inside the system's boundary", default=True)
    reason = models.TextField("why it is inside or outside", blank=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name


class Commitment(EngagementOwned):
    """A principal service commitment or system requirement (DC2) with its source."""

    class Kind(models.TextChoices):
        COMMITMENT = "commitment", "Service commitment"
        REQUIREMENT = "requirement", "System requirement"

    kind = models.CharField(max_length=12, choices=Kind.choices)
    category = models.CharField(max_length=24, choices=Category.choices)
    text = models.TextField()
    source = models.CharField(max_length=200)

    class Meta(EngagementOwned.Meta):
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.text[:80]


class SubserviceOrganization(EngagementOwned):
    """A vendor whose controls are necessary, with the client's own, to achieve the commitments (DC7)."""

    class Method(models.TextChoices):
        CARVE_OUT = "carve_out", "Carve-out"
        INCLUSIVE = "inclusive", "Inclusive"

    name = models.CharField(max_length=200)
    services = models.TextField("services used")
    method = models.CharField(max_length=10, choices=Method.choices)
    monitoring_controls: models.ManyToManyField[Control, MonitoringControl] = models.ManyToManyField(
        Control, through="MonitoringControl", related_name="monitored_subservices"
    )
    report_period_start = models.DateField("its report covers from", null=True, blank=True)
    report_period_end = models.DateField("its report covers to", null=True, blank=True)
    assertion_received_on = models.DateField("its assertion received on", null=True, blank=True)
    representation_received_on = models.DateField("its representation letter received on", null=True, blank=True)
    independence_confirmed_on = models.DateField("independence of it confirmed on", null=True, blank=True)
    assertion = models.TextField("its assertion, as it is printed", blank=True)
    signatory = models.CharField("who signed its assertion, name and title", max_length=200, blank=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["engagement", "name"], name="subservice_once")]

    def __str__(self) -> str:
        return self.name


class MonitoringControl(EngagementOwned):
    """A control by which the client watches a subservice organization."""

    subservice = models.ForeignKey(SubserviceOrganization, on_delete=models.CASCADE, related_name="monitoring")
    control = models.ForeignKey(Control, on_delete=models.CASCADE, related_name="+")

    class Meta(EngagementOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["subservice", "control"], name="monitoring_once")]

    def __str__(self) -> str:
        return f"{self.control} monitors {self.subservice}"


class ComplementaryControl(EngagementOwned):
    """A control assumed at user entities (CUEC, DC6) or at a subservice organization (CSOC, DC7)."""

    class Kind(models.TextChoices):
        CUEC = "cuec", "Complementary user entity control"
        CSOC = "csoc", "Complementary subservice organization control"

    kind = models.CharField(max_length=4, choices=Kind.choices)
    number = models.CharField(max_length=20)
    text = models.TextField()
    subservice = models.ForeignKey(
        SubserviceOrganization, null=True, blank=True, on_delete=models.CASCADE, related_name="complementary"
    )
    criteria: models.ManyToManyField[Criterion, ComplementaryCriterion] = models.ManyToManyField(
        Criterion, through="ComplementaryCriterion", related_name="+"
    )

    class Meta(EngagementOwned.Meta):
        ordering = ["kind", "number"]
        constraints = [
            models.UniqueConstraint(fields=["engagement", "number"], name="complementary_number_once"),
            models.CheckConstraint(
                condition=Q(kind="cuec", subservice__isnull=True) | Q(kind="csoc", subservice__isnull=False),
                name="complementary_side",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class ComplementaryCriterion(EngagementOwned):
    complementary = models.ForeignKey(ComplementaryControl, on_delete=models.CASCADE, related_name="mappings")
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="+")

    class Meta(EngagementOwned.Meta):
        ordering = ["criterion__position"]
        constraints = [
            models.UniqueConstraint(fields=["complementary", "criterion"], name="complementary_mapping_once")
        ]

    def __str__(self) -> str:
        return f"{self.complementary} {self.criterion_id}"


class Incident(EngagementOwned):
    """An incident of the period with the decision whether the description discloses it (DC4)."""

    occurred_on = models.DateField()
    title = models.CharField(max_length=200)
    nature = models.TextField("nature, timing, extent or effect, disposition")
    from_control_failure = models.BooleanField("controls not suitably designed or not operating", default=False)
    failed_commitment = models.BooleanField("significant failure to meet a commitment", default=False)
    notification_required = models.BooleanField("public or legal notification required", default=False)
    disclosed = models.BooleanField("disclosed in the description", null=True, blank=True)
    reason = models.TextField("reason of the decision", blank=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["occurred_on", "pk"]

    def __str__(self) -> str:
        return self.title


class NoIncidentReview(EngagementOwned):
    """What the firm looked at to corroborate the client's statement that there was no incident (R43).

    It speaks of the statement as it was read; another statement or an incident withdraws it.
    """

    statement = models.TextField("statement it corroborates")
    source = models.TextField("source, and how it was looked at")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["engagement"],
                condition=Q(withdrawn_at__isnull=True),
                name="no_incident_review_one_standing_r43",
            ),
        ]
        triggers = [
            *EngagementOwned.Meta.triggers,
            *stays("reviewed_stays", "engagement", "statement", "source", "by", "at"),
            pgtrigger.Protect(
                name="withdrawn_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__withdrawn_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return "review that there was no incident"


class SystemChange(EngagementOwned):
    """A significant change to the system or its controls during the period (DC9, Type 2)."""

    effective_on = models.DateField()
    title = models.CharField(max_length=200)
    description = models.TextField()

    class Meta(EngagementOwned.Meta):
        ordering = ["effective_on", "pk"]

    def __str__(self) -> str:
        return self.title


class IndependenceThreat(EngagementOwned):
    """Something between firm and client that may impair independence, with what the partner concludes of it."""

    class Effect(models.TextChoices):
        NONE = "none", "No threat above an acceptable level"
        SAFEGUARDED = "safeguarded", "Safeguards bring the threats to an acceptable level"
        IMPAIRS = "impairs", "Independence is impaired"

    threats = models.TextField("threats to independence")
    safeguards = models.TextField(blank=True)
    effect = models.CharField(max_length=12, choices=Effect.choices, blank=True)
    conclusion = models.TextField(blank=True)
    concluded_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    concluded_at = models.DateTimeField(null=True, blank=True)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        abstract = True
        ordering = ["pk"]

    # The register in which it is kept, as addresses name it.
    slug: ClassVar[str]

    def get_absolute_url(self) -> str:
        return reverse("engagements:threat", args=[self.engagement_id, self.slug, self.pk])

    @property
    def impairs(self) -> bool:
        return self.effect == self.Effect.IMPAIRS


class NonAttestService(IndependenceThreat):
    """Another service that the firm gives the client, with the person there who oversees it (R04)."""

    slug = "services"

    service = models.CharField("service", max_length=200)
    starts_on = models.DateField("given from")
    ends_on = models.DateField("given to", null=True, blank=True)
    overseer = models.CharField("overseen for the client by", max_length=120)
    overseer_fitness = models.TextField("skill, knowledge and experience of that person")

    class Meta(IndependenceThreat.Meta):
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")), name="non_attest_service_days"
            )
        ]

    def __str__(self) -> str:
        return self.service


class ProviderRelation(IndependenceThreat):
    """A relation of the firm to the provider of a tool that the examination or the client rests on (R05)."""

    class Kind(models.TextChoices):
        REFERRAL = "referral", "Referral, or a fee for it"
        BUNDLED = "bundled_fee", "Its price and our fee are bundled"
        EXCLUSIVE = "exclusivity", "Exclusivity"
        PROMOTION = "promotion", "Promotion of one by the other"
        LIMITS = "evidence_limits", "It limits the evidence we can see"
        OWNERSHIP = "ownership", "Ownership, investment or common management"
        OTHER = "other", "Another relation"

    slug = "providers"

    provider = models.CharField("provider and tool", max_length=200)
    kinds: Any = ArrayField(models.CharField(max_length=16, choices=Kind.choices))
    description = models.TextField("what the relation is")

    class Meta(IndependenceThreat.Meta):
        pass

    def __str__(self) -> str:
        return self.provider

    @property
    def kind_labels(self) -> list[StrOrPromise]:
        return [kind.label for kind in self.Kind if kind.value in self.kinds]


class NoThreatStatement(EngagementOwned):
    """Somebody of the firm has looked and states that there is nothing of the kind."""

    class Kind(models.TextChoices):
        SERVICES = "services", "The firm gives the client no other service"
        PROVIDERS = "providers", "The firm has no relation to the provider of a tool in use"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        ordering = ["-pk"]
        triggers = [*EngagementOwned.Meta.triggers, append_only()]

    def __str__(self) -> str:
        return str(self.get_kind_display())


class RuleOverride(EngagementOwned):
    """A warning that somebody overrode, with the reason."""

    rule = models.CharField(max_length=4)
    subject = models.CharField(max_length=120)
    text = models.TextField()
    reason = models.TextField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta(EngagementOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["engagement", "rule", "subject"], name="override_once"),
        ]
        triggers = [
            *EngagementOwned.Meta.triggers,
            append_only(),
        ]

    def __str__(self) -> str:
        return f"{self.rule} overridden"
