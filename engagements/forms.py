"""Forms of the engagement: they clean shape; what may be done is the flows' affair."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.forms import DateInput
from accounts.models import Firm, Office, SectionFour, ServiceOrganization, User
from controls.models import Category, Frequency, Nature
from engagements.models import (
    Commitment,
    Component,
    Control,
    Engagement,
    EngagementMember,
    IndependenceThreat,
    NonAttestService,
    ProviderRelation,
    Role,
    SubserviceOrganization,
)

FURTHER_CATEGORIES = [(category.value, category.label) for category in Category if category != Category.SECURITY]


class ExaminationForm(forms.Form):
    """What is examined: the fields that opening and changing an engagement share."""

    system_name = forms.CharField(
        max_length=120, help_text="As the report's title names it, without the company's name."
    )
    number = forms.CharField(max_length=20, help_text="The firm's number of the engagement.")
    type = forms.ChoiceField(
        choices=[
            (Engagement.Type.TYPE_1.value, "Type 1: design, as of a date"),
            (Engagement.Type.TYPE_2.value, "Type 2: design and operation, throughout a period"),
        ],
        widget=forms.RadioSelect,
        initial=Engagement.Type.TYPE_2.value,
        label="Type of report",
    )
    as_of = forms.DateField(
        label="As-of date",
        widget=DateInput(),
        error_messages={"required": "R09: a Type 1 report speaks as of a date. Give the date."},
    )
    period_start = forms.DateField(
        label="First day of the period",
        widget=DateInput(),
        error_messages={"required": "R09: a Type 2 report speaks of a period. Give its first day."},
    )
    period_end = forms.DateField(
        label="Last day of the period",
        widget=DateInput(),
        error_messages={"required": "R09: a Type 2 report speaks of a period. Give its last day."},
    )
    prior_period_end = forms.DateField(
        label="Last day of the prior report's period",
        required=False,
        widget=DateInput(),
        help_text="If there was one: a gap or an overlap is then shown.",
    )
    categories = forms.MultipleChoiceField(
        label="Categories besides Security",
        choices=FURTHER_CATEGORIES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Security is always examined: it brings the 33 common criteria.",
    )
    report_due = forms.DateField(label="Report due", required=False, widget=DateInput())

    # The browser must not insist on dates that belong to the other type.
    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_bound:
            type_1 = self.data.get("type") == Engagement.Type.TYPE_1
            self.fields["as_of"].required = type_1
            self.fields["period_start"].required = self.fields["period_end"].required = not type_1

    def clean(self) -> dict[str, Any]:
        """Only the dates that belong to the type are kept (R09); Security is always there (R08)."""
        cleaned = super().clean() or {}
        if cleaned.get("type") == Engagement.Type.TYPE_1:
            cleaned["period_start"] = cleaned["period_end"] = cleaned["prior_period_end"] = None
        else:
            cleaned["as_of"] = None
            start, end = cleaned.get("period_start"), cleaned.get("period_end")
            if start and end and start >= end:
                self.add_error("period_end", "R09: the period must end after its first day.")
        cleaned["categories"] = [
            category.value
            for category in Category
            if category == Category.SECURITY or category.value in cleaned.get("categories", [])
        ]
        return cleaned


class OpenForm(ExaminationForm):
    client = forms.ModelChoiceField(
        ServiceOrganization.objects.none(), label="Client", required=False, empty_label="A new client"
    )
    new_client = forms.CharField(
        max_length=200, label="Legal name of the new client", help_text="As the report names it."
    )
    field_order = ["client", "new_client", "system_name", "number"]

    def __init__(self, *args: Any, firm: Firm, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chooser = self.fields["client"]
        assert isinstance(chooser, forms.ModelChoiceField)
        chooser.queryset = ServiceOrganization.objects.filter(firm=firm)
        # Either of the two is enough.
        for field, other in (("client", "new_client"), ("new_client", "client")):
            self.fields[field].required = not (self.is_bound and self.data.get(other, "").strip())
            self.fields[field].error_messages["required"] = "Choose a client, or give the new client's name."


class SettingsForm(ExaminationForm):
    office = forms.ModelChoiceField(
        Office.objects.none(),
        label="Office that signs",
        required=False,
        help_text="The report names its city.",
    )
    section_four = forms.ChoiceField(
        label="Section IV of the report",
        choices=SectionFour.choices,
        required=False,
        help_text="How it is laid out; the words are the same. A draft made before does not have it.",
    )

    def __init__(self, *args: Any, firm: Firm, agreed: frozenset[str] = frozenset(), **kwargs: Any) -> None:
        """`agreed`: what the engagement letter has settled, shown and not changed here."""
        super().__init__(*args, **kwargs)
        for name in agreed:
            self.fields[name].disabled = True
            self.fields[name].required = bool(self.initial.get(name)) and name != "categories"
        chooser = self.fields["office"]
        assert isinstance(chooser, forms.ModelChoiceField)
        chooser.queryset = firm.offices.filter(closed_at__isnull=True)
        chooser.empty_label = f"The main office: {firm.main_office}" if firm.main_office else "None on record"


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = NonAttestService
        fields = ["service", "starts_on", "ends_on", "overseer", "overseer_fitness", "threats", "safeguards"]
        widgets = {"starts_on": DateInput(), "ends_on": DateInput()}
        help_texts = {
            "ends_on": "Empty while it goes on.",
            "overseer": "A person of the client who takes the responsibility for it: name and title.",
            "threats": "Self-review, management participation, advocacy, self-interest, familiarity, pressure.",
            "safeguards": "Who does what so that the threats stay at an acceptable level.",
        }


class RelationForm(forms.ModelForm):  # type: ignore[type-arg]
    kinds = forms.MultipleChoiceField(
        label="What it is", choices=ProviderRelation.Kind.choices, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = ProviderRelation
        fields = ["provider", "kinds", "description", "threats", "safeguards"]
        help_texts = {
            "provider": "Say of the tool in which the client keeps its controls and evidence.",
            "description": "Who gets what from whom, since when, and who of the firm is concerned.",
        }


class ConcludeForm(forms.Form):
    effect = forms.ChoiceField(
        label="What it comes to", choices=IndependenceThreat.Effect.choices, widget=forms.RadioSelect
    )
    conclusion = forms.CharField(label="Why", widget=forms.Textarea(attrs={"rows": 4}))


class AcceptanceForm(forms.Form):
    on = forms.DateField(label="Decided on", widget=DateInput())
    note = forms.CharField(
        label="Grounds",
        widget=forms.Textarea,
        help_text="Integrity of the client; the firm's competence and capacity; independence; why subject matter, "
        "criteria and evidence are suitable.",
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(label="Reason", widget=forms.Textarea)


# -- Controls ---------------------------------------------------------------------------------


def criteria_choices(engagement: Engagement) -> list[tuple[str, str]]:
    return [(criterion.code, f"{criterion.code} {criterion.title}") for criterion in engagement.criteria()]


def owner_choices(engagement: Engagement) -> Any:
    """The people of the client's side."""
    members = EngagementMember.objects.filter(engagement=engagement).exclude(
        role__in=[role.value for role in Role if role.of_firm]
    )
    return User.objects.filter(pk__in=members.values("user")).order_by("name")


class CriteriaField(forms.MultipleChoiceField):
    """Several criteria of the engagement; the choices are set when the form is made."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.SelectMultiple(attrs={"data-select": "1"}), **kwargs)


class ControlForm(forms.Form):
    number = forms.CharField(max_length=20, help_text="Given once, never again in this engagement.")
    title = forms.CharField(max_length=200)
    wording = forms.CharField(
        label="Control as stated by management",
        widget=forms.Textarea,
        help_text="Who does what, how often, and what shows it. The client words it; this is where it starts.",
    )
    nature = forms.ChoiceField(choices=Nature.choices)
    frequency = forms.ChoiceField(choices=Frequency.choices)
    criteria = CriteriaField(required=False)
    owner = forms.ModelChoiceField(User.objects.none(), required=False, empty_label="Nobody yet")
    typical_evidence = forms.CharField(label="Usual evidence", widget=forms.Textarea, required=False)
    typical_test = forms.CharField(label="Usual test", widget=forms.Textarea, required=False)

    def __init__(self, *args: Any, engagement: Engagement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fill_choices(self, engagement)


class WordingForm(forms.Form):
    title = forms.CharField(max_length=200)
    wording = forms.CharField(label="Control as stated by management", widget=forms.Textarea)


class MappingForm(forms.Form):
    criteria = CriteriaField(required=False)

    def __init__(self, *args: Any, engagement: Engagement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fill_choices(self, engagement)


class OwnerForm(forms.Form):
    owner = forms.ModelChoiceField(User.objects.none(), required=False, empty_label="Nobody")

    def __init__(self, *args: Any, engagement: Engagement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fill_choices(self, engagement)


def fill_choices(form: forms.Form, engagement: Engagement) -> None:
    """Give the fields that depend on the engagement their choices."""
    for field in form.fields.values():
        if isinstance(field, CriteriaField):
            field.choices = criteria_choices(engagement)
    if isinstance(owner := form.fields.get("owner"), forms.ModelChoiceField):
        owner.queryset = owner_choices(engagement)
    if isinstance(monitoring := form.fields.get("monitoring"), forms.MultipleChoiceField):
        controls = Control.objects.in_scope().filter(engagement=engagement)
        monitoring.choices = [(control.number, f"{control.number} {control.title}") for control in controls]
    if isinstance(category := form.fields.get("category"), forms.ChoiceField):
        category.choices = [(one.value, str(one.label)) for one in Category if one.value in engagement.categories]
    if isinstance(subservice := form.fields.get("subservice"), forms.ModelChoiceField):
        subservice.queryset = SubserviceOrganization.objects.filter(
            engagement=engagement, method=SubserviceOrganization.Method.CARVE_OUT
        )


# -- Registers --------------------------------------------------------------------------------


class RegisterForm(forms.Form):
    """A form whose choices depend on the engagement."""

    def __init__(self, *args: Any, engagement: Engagement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fill_choices(self, engagement)


class ComponentForm(RegisterForm):
    kind = forms.ChoiceField(choices=Component.Kind.choices)
    name = forms.CharField(max_length=120)
    description = forms.CharField(widget=forms.Textarea, required=False)
    in_boundary = forms.BooleanField(label="Inside the system's boundary", required=False, initial=True)
    reason = forms.CharField(
        label="Why inside or outside",
        widget=forms.Textarea,
        required=False,
        help_text="Needed for what is outside.",
    )


class CommitmentForm(RegisterForm):
    kind = forms.ChoiceField(choices=Commitment.Kind.choices)
    category = forms.ChoiceField()
    text = forms.CharField(widget=forms.Textarea)
    source = forms.CharField(max_length=200, help_text="Contract, service level, law: where it is written.")


class SubserviceForm(RegisterForm):
    name = forms.CharField(max_length=200)
    method = forms.ChoiceField(choices=SubserviceOrganization.Method.choices)
    services = forms.CharField(label="Services used", widget=forms.Textarea)
    monitoring = forms.MultipleChoiceField(
        label="Controls by which the client watches it",
        required=False,
        widget=forms.SelectMultiple(attrs={"data-select": "1"}),
    )
    report_period_start = forms.DateField(label="Its report covers from", required=False, widget=DateInput())
    report_period_end = forms.DateField(label="Its report covers to", required=False, widget=DateInput())
    assertion_received_on = forms.DateField(
        label="Its assertion received on", required=False, widget=DateInput(), help_text="Inclusive method."
    )
    representation_received_on = forms.DateField(
        label="Its representation letter received on",
        required=False,
        widget=DateInput(),
        help_text="Inclusive method.",
    )
    independence_confirmed_on = forms.DateField(
        label="Independence of it confirmed on", required=False, widget=DateInput(), help_text="Inclusive method."
    )
    assertion = forms.CharField(
        label="Its assertion, word for word",
        required=False,
        widget=forms.Textarea,
        help_text="Inclusive method: printed after management's own in Section II.",
    )
    signatory = forms.CharField(
        label="Who signed it, name and title", required=False, max_length=200, help_text="Inclusive method."
    )


class CuecForm(RegisterForm):
    text = forms.CharField(
        label="Control assumed at user entities",
        widget=forms.Textarea,
        help_text="Only what is necessary for a commitment; good practice belongs to user responsibilities.",
    )
    criteria = CriteriaField()


class CsocForm(RegisterForm):
    subservice = forms.ModelChoiceField(SubserviceOrganization.objects.none(), label="Subservice organization")
    text = forms.CharField(label="Control assumed there", widget=forms.Textarea)
    criteria = CriteriaField()


class IncidentForm(RegisterForm):
    occurred_on = forms.DateField(widget=DateInput())
    title = forms.CharField(max_length=200)
    nature = forms.CharField(label="Nature, timing, extent or effect, disposition", widget=forms.Textarea)
    from_control_failure = forms.BooleanField(
        label="Controls were not suitably designed or did not operate", required=False
    )
    failed_commitment = forms.BooleanField(
        label="It was a significant failure to meet a commitment", required=False
    )
    notification_required = forms.BooleanField(label="Public or legal notification was required", required=False)
    disclosed = forms.TypedChoiceField(
        label="Disclosed in the description",
        choices=[("", "Not decided yet"), ("yes", "Yes"), ("no", "No")],
        coerce=lambda value: {"yes": True, "no": False}[value],
        empty_value=None,
        required=False,
    )
    reason = forms.CharField(label="Reason of the decision", widget=forms.Textarea, required=False)


class ChangeForm(RegisterForm):
    effective_on = forms.DateField(widget=DateInput())
    title = forms.CharField(max_length=200)
    description = forms.CharField(widget=forms.Textarea)


class StatementForm(forms.Form):
    statement = forms.CharField(widget=forms.Textarea, required=False)


class NoIncidentReviewForm(forms.Form):
    source = forms.CharField(label="Source, and how you looked at it", widget=forms.Textarea)


# -- Team -------------------------------------------------------------------------------------


class RoleForm(forms.Form):
    """A role for a person of the firm or of the client."""

    user = forms.ModelChoiceField(User.objects.none(), label="Person")
    role = forms.ChoiceField(choices=Role.choices)

    def __init__(self, *args: Any, engagement: Engagement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        taken = EngagementMember.objects.filter(engagement=engagement).values("user")
        people = User.objects.filter(is_active=True, firm_memberships__firm=engagement.firm) | User.objects.filter(
            is_active=True, client_memberships__organization=engagement.client
        )
        chooser = self.fields["user"]
        assert isinstance(chooser, forms.ModelChoiceField)
        chooser.queryset = people.exclude(pk__in=taken).distinct().order_by("name")


class InviteForm(forms.Form):
    name = forms.CharField(max_length=120)
    email = forms.EmailField(label="E-mail address")
    title = forms.CharField(max_length=80, required=False)
    role = forms.ChoiceField()

    def __init__(self, *args: Any, of_firm: bool, **kwargs: Any) -> None:
        """`of_firm`: whether the firm's roles are offered too."""
        super().__init__(*args, **kwargs)
        offered = [(role.value, str(role.label)) for role in Role if of_firm or not role.of_firm]
        # Nobody becomes partner, or administrator of the client, because that stood first in the list.
        self.fields["role"] = forms.ChoiceField(
            choices=[("", "Choose"), *offered], help_text="The side follows from the role." if of_firm else ""
        )
