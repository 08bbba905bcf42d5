"""Forms of requests, uploads and populations: they clean shape, the flows decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from accounts.forms import DateInput
from accounts.models import User
from engagements.models import FIRM_ROLES, Control, Engagement, EngagementMember
from engagements.roles import roles_with
from evidence.bulk import Act
from evidence.listings import Listing, date_columns, key_columns
from evidence.models import EvidenceFile, EvidenceRequest, Population
from evidence.reasons import STOCK, words


class ControlsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Controls in scope of the engagement, by number and title."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Control.objects.none(), **kwargs)

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.number} {obj.title}"


class AssigneeField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A person of the client's side."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("empty_label", "Nobody yet: the client's administrator decides")
        super().__init__(User.objects.none(), required=False, **kwargs)


class ReviewerField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A person of the firm who accepts and returns."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("empty_label", "Whoever of the team comes first")
        super().__init__(User.objects.none(), required=False, **kwargs)


class FilesField(forms.FileField):
    """Several files at once."""

    class Input(forms.ClearableFileInput):
        allow_multiple_selected = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=self.Input(), allow_empty_file=True, **kwargs)

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        """A list of files; an empty file is for the validators to refuse, in their words."""
        if not data and not self.required:
            return []
        one_by_one = data if isinstance(data, (list, tuple)) else [data]
        return [super(FilesField, self).clean(one, initial) for one in one_by_one]


def in_scope(engagement: Engagement) -> Any:
    return Control.objects.in_scope().filter(engagement=engagement)


def choose(form: forms.BaseForm, engagement: Engagement) -> None:
    """Offer this engagement's controls and people, never another's."""
    for field in form.fields.values():
        if isinstance(field, ControlsField):
            field.queryset = in_scope(engagement)
        elif isinstance(field, AssigneeField):
            field.queryset = _people(engagement, without=FIRM_ROLES)
        elif isinstance(field, ReviewerField):
            field.queryset = _people(engagement, within=roles_with("manage_requests"))


def _people(engagement: Engagement, *, within: Any = None, without: Any = ()) -> Any:
    """As `evidence.requests.assignees` and `reviewers` name them, in the query itself."""
    members = EngagementMember.objects.filter(engagement=engagement).exclude(role__in=without)
    if within is not None:
        members = members.filter(role__in=within)
    return User.objects.filter(is_active=True, pk__in=members.values("user_id")).order_by("name", "pk")


def check_future(form: forms.Form) -> None:
    due = form.cleaned_data.get("due")
    if due and due < timezone.localdate():
        form.add_error("due", "The due date lies in the past.")


class RequestForm(forms.Form):
    title = forms.CharField(max_length=200, help_text="A few words by which the client knows what is meant.")
    detail = forms.CharField(
        label="What is needed",
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="Say which system and in which form.",
    )
    covers_from = forms.DateField(required=False, widget=DateInput(), label="For the days from")
    covers_to = forms.DateField(required=False, widget=DateInput(), label="to")
    controls = ControlsField(required=False, label="For the controls")
    assigned_to = AssigneeField(label="Asked of")
    due = forms.DateField(widget=DateInput())
    priority = forms.ChoiceField(choices=EvidenceRequest.Priority.choices, initial=EvidenceRequest.Priority.NORMAL)
    reviewer = ReviewerField(label="Looked at by", help_text="Of the firm. The client does not see it.")

    def __init__(self, *args: Any, engagement: Engagement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose(self, engagement)

    def clean(self) -> dict[str, Any]:
        if "due" in self.changed_data:
            check_future(self)
        return self.cleaned_data


class FromControlsForm(forms.Form):
    controls = ControlsField(error_messages={"required": "Choose the controls to ask about."})
    due = forms.DateField(widget=DateInput())
    assigned_to = AssigneeField(label="Asked of", help_text="Where a control has no owner who can upload.")
    group = forms.BooleanField(
        required=False, initial=True, label="One request for controls that leave the same evidence"
    )
    open_now = forms.BooleanField(
        required=False, label="Show them to the client at once", help_text="Otherwise they are drafts."
    )

    def __init__(self, *args: Any, engagement: Engagement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose(self, engagement)

    def clean(self) -> dict[str, Any]:
        check_future(self)
        return self.cleaned_data


class BulkForm(forms.Form):
    """What is done with the requests picked in the list."""

    act = forms.ChoiceField(choices=Act.choices)
    ids = forms.ModelMultipleChoiceField(
        EvidenceRequest.objects.none(), error_messages={"required": "Pick at least one request."}
    )
    assigned_to = AssigneeField(empty_label="Assign to…")
    reviewer = ReviewerField(empty_label="Whoever comes first")
    due = forms.DateField(required=False, widget=DateInput())
    priority = forms.ChoiceField(required=False, choices=[("", "Priority…"), *EvidenceRequest.Priority.choices])
    stock = forms.ChoiceField(required=False, choices=[("", "Usual reasons…"), *STOCK.items()])
    reason = forms.CharField(required=False, max_length=2000)

    def __init__(self, *args: Any, engagement: Engagement, requests: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose(self, engagement)
        picked = self.fields["ids"]
        assert isinstance(picked, forms.ModelMultipleChoiceField)
        picked.queryset = EvidenceRequest.objects.none() if requests is None else requests

    def clean(self) -> dict[str, Any]:
        act = self.cleaned_data.get("act")
        if act == Act.ASSIGN and not self.cleaned_data.get("assigned_to"):
            self.add_error("assigned_to", "Choose the person to assign to.")
        if act == Act.DUE:
            if not self.cleaned_data.get("due") and "due" not in self.errors:
                self.add_error("due", "Give the new due date.")
            check_future(self)
        if act == Act.PRIORITY and not self.cleaned_data.get("priority"):
            self.add_error("priority", "Choose the priority.")
        if act in {Act.RETURN, Act.CANCEL}:
            reason = self.cleaned_data.get("reason", "")
            if act == Act.RETURN:
                reason = words(self.cleaned_data.get("stock", ""), reason)
            if not reason.strip():
                self.add_error("reason", "Say why: the client reads it.")
            self.cleaned_data["reason"] = reason
        return self.cleaned_data


class AssignForm(forms.Form):
    assigned_to = AssigneeField(label="Asked of")

    def __init__(self, *args: Any, engagement: Engagement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose(self, engagement)


class DatesForm(forms.Form):
    """The days that evidence speaks of, apart from the day of its upload."""

    speaks_from = forms.DateField(required=False, widget=DateInput(), label="Speaks of the days from")
    speaks_to = forms.DateField(required=False, widget=DateInput(), label="to")


class RequestsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Requests by code and title."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(EvidenceRequest.objects.none(), to_field_name="code", **kwargs)

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.code} {obj.title}"


class AlsoForm(forms.Form):
    """Further requests that a file answers."""

    requests = RequestsField(label="Requests")

    def __init__(self, *args: Any, requests: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chooser = self.fields["requests"]
        assert isinstance(chooser, RequestsField)
        chooser.queryset = requests


class MatchForm(DatesForm):
    """What one of several dropped files answers."""

    requests = RequestsField(required=False, label="Answers")

    def __init__(self, *args: Any, requests: Any, choices: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chooser = self.fields["requests"]
        assert isinstance(chooser, RequestsField)
        chooser.queryset, chooser.choices = requests, choices


class ExplainForm(forms.Form):
    finding = forms.CharField(max_length=2000, strip=False)
    words = forms.CharField(required=False, max_length=500)


class PolicyForm(forms.Form):
    largest_mb = forms.IntegerField(label="Largest file, in MB", min_value=1)
    quota_gb = forms.IntegerField(label="All files together, in GB", min_value=1)
    hold_unscanned = forms.BooleanField(
        required=False,
        label="Until the scanner has found a file clean, only its uploader opens it",
        help_text="Quarantined files are opened by nobody in any case.",
    )


class UploadForm(DatesForm):
    file = FilesField(error_messages={"required": "Choose at least one file."})
    replaces = forms.CharField(required=False)

    field_order = ["file", "speaks_from", "speaks_to"]


class ReturnForm(forms.Form):
    """Why a request is returned: a usual reason, own words, or both."""

    stock = forms.ChoiceField(
        required=False, choices=[("", "In my own words"), *STOCK.items()], label="Usual reasons"
    )
    reason = forms.CharField(
        required=False,
        label="Own words",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The client reads it.",
        max_length=2000,
    )

    def clean(self) -> dict[str, Any]:
        if not self.errors:
            self.cleaned_data["reason"] = words(self.cleaned_data.get("stock", ""), self.cleaned_data["reason"])
            if not self.cleaned_data["reason"]:
                self.add_error("reason", "Say what is missing or wrong: the client reads it.")
        return self.cleaned_data


class ReasonForm(forms.Form):
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The client reads it.",
        error_messages={"required": "Say what is missing or wrong: the client reads it."},
    )


class ReceivedField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A file that is here already."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(EvidenceFile.objects.none(), required=False, **kwargs)

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.code} {obj.name}"


class ListingForm(forms.Form):
    """The file of a population, and how to read it."""

    file = forms.FileField(
        label="The listing",
        required=False,
        allow_empty_file=True,
        help_text="CSV, XLSX or JSON with the column names in the first row, unfiltered and complete.",
    )
    received = ReceivedField(label="Or a file that was uploaded already", empty_label="The file above")
    sheet = forms.CharField(
        required=False, max_length=120, help_text="Of a workbook with several sheets: the one with the listing."
    )
    encoding = forms.ChoiceField(
        required=False,
        choices=[("", "UTF-8 or UTF-16"), ("cp1252", "Windows-1252")],
        label="Characters",
        help_text="Of a CSV from an older Windows program.",
    )

    def __init__(self, *args: Any, received: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chooser = self.fields["received"]
        assert isinstance(chooser, ReceivedField)
        chooser.queryset = received
        for name in ("file", "received"):  # one of the two is needed
            self.fields[name].or_another = True  # type: ignore[attr-defined]
        if not received.exists():
            del self.fields["received"]
            self.fields["file"].required = True

    def clean(self) -> dict[str, Any]:
        given = [name for name in ("file", "received") if self.cleaned_data.get(name)]
        if len(given) != 1 and not self.errors:
            self.add_error("file", "Choose one file: a new one, or one that was uploaded already.")
        return self.cleaned_data


class PopulationForm(forms.ModelForm):  # type: ignore[type-arg]
    """What the listing is and where it comes from: its IPE record."""

    controls = ControlsField(label="Population of the controls")
    key_column = forms.ChoiceField(label="Column that names each row")
    date_column = forms.ChoiceField(
        required=False,
        label="Column with the date of the occurrence",
        help_text="None for a listing as of one day.",
    )

    proof = FilesField(
        required=False,
        label="Pictures of how it was obtained",
        help_text="The query or report with its parameters and filters, and the count that the system shows.",
    )

    class Meta:
        model = Population
        fields = [
            "name",
            "date_order",
            "ipe_type",
            "source_system",
            "environment",
            "query",
            "parameters",
            "run_by",
            "run_at",
            "observed",
            "system_row_count",
            "covers_from",
            "covers_to",
            "reconciliation",
            "reconciled_row_count",
            "difference_explained",
        ]
        widgets = {
            "covers_from": DateInput(),
            "covers_to": DateInput(),
            "run_at": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
            "query": forms.Textarea(attrs={"rows": 3}),
            "parameters": forms.Textarea(attrs={"rows": 2}),
            "reconciliation": forms.Textarea(attrs={"rows": 2}),
            "difference_explained": forms.Textarea(attrs={"rows": 2}),
        }
        labels = {
            "name": "What it lists",
            "date_order": "Order of day and month",
            "covers_from": "Covers the days from",
            "covers_to": "to",
        }
        help_texts = {
            "name": "Such as leavers, merged changes or incidents.",
            "date_order": "Where dates are written in figures with the year last.",
            "query": "As it can be run again: the report's name, or the query in full.",
            "parameters": "Dates, entities, states: everything that leaves rows out.",
            "system_row_count": "The count that the system itself shows, not that of the file.",
            "reconciliation": "The second source, such as the HR roster for a list of accounts.",
            "difference_explained": "Why counts differ, or why the listing does not cover the whole period.",
        }

    def __init__(
        self, *args: Any, engagement: Engagement, listing: Listing, may_observe: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        choose(self, engagement)
        if not may_observe:
            del self.fields["observed"]
        dates = [column.name for column in date_columns(listing)]
        self._columns("key_column", key_columns(listing), listing)
        self._columns("date_column", dates, listing, none="No date column")
        order = self.fields["date_order"]
        assert isinstance(order, forms.ChoiceField)
        order.choices = [("", "Clear from the dates"), *Population.DateOrder.choices]

    def _columns(self, name: str, fitting: Sequence[str], listing: Listing, none: str = "") -> None:
        """All columns to choose from, those that fit first."""
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        ordered = [*fitting, *(column for column in listing.columns if column not in fitting)]
        field.choices = [*([("", none)] if none else []), *((column, column) for column in ordered)]
        if fitting:
            field.initial = fitting[0]

    def _post_clean(self) -> None:
        """The record is checked as a whole by the flow, which knows what the form does not ask."""

    def record(self) -> dict[str, Any]:
        """The IPE record as the flow takes it."""
        names = [name for name in self._meta.fields or () if name not in {"name", "date_order"}]
        return {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}


class ProofForm(forms.Form):
    """Files that show how a listing was obtained: new ones, or one that is here."""

    file = FilesField(required=False, label="Pictures or logs of the query, its parameters and its count")
    received = ReceivedField(label="or a file that was uploaded already", empty_label="None: the files above")

    def __init__(self, *args: Any, received: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chooser = self.fields["received"]
        assert isinstance(chooser, ReceivedField)
        chooser.queryset = received

    def clean(self) -> dict[str, Any]:
        if not (self.cleaned_data.get("file") or self.cleaned_data.get("received") or self.errors):
            self.add_error("file", "Choose a file.")
        return self.cleaned_data


class AcceptForm(forms.Form):
    conclusion = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Conclusion on completeness and accuracy",
        help_text="The firm's note: the client does not see it.",
    )
    observed = forms.BooleanField(required=False, label="The auditor watched it run")
    precision_adequate = forms.BooleanField(
        label="It is precise enough for the test",
        error_messages={"required": "A listing that is not precise enough for the test is refused, not accepted."},
    )
    difference_explained = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 2}), label="Explanation of differences or gaps"
    )
