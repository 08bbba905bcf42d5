"""Forms of what surrounds requests: lists, tables, comments, mail."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.forms import DateInput
from engagements.models import Engagement
from evidence.asking import COVERS, Line
from evidence.comments import LONGEST
from evidence.forms import AssigneeField, check_future, choose
from evidence.models import EvidenceRequest
from evidence.zones import known_zones


class FromListForm(forms.Form):
    """Which lines of a list become requests here."""

    source = forms.CharField(max_length=40)
    lines = forms.TypedMultipleChoiceField(
        coerce=int, error_messages={"required": "Choose at least one request of the list."}
    )
    due = forms.DateField(
        widget=DateInput(),
        label="First ones due",
        help_text="Those that the list has later follow as many days after.",
    )
    assigned_to = AssigneeField(label="Asked of", help_text="Where a control has no owner who can upload.")
    open_now = forms.BooleanField(
        required=False, label="Show them to the client at once", help_text="Otherwise they are drafts."
    )

    def __init__(self, *args: Any, engagement: Engagement, count: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose(self, engagement)
        lines = self.fields["lines"]
        assert isinstance(lines, forms.TypedMultipleChoiceField)
        lines.choices = [(at, str(at)) for at in range(count)]

    def clean(self) -> dict[str, Any]:
        check_future(self)
        return self.cleaned_data


class TableForm(forms.Form):
    """A table of requests to be read."""

    file = forms.FileField(
        label="The table",
        help_text="CSV or XLSX with a row of headings, 400 requests at most.",
        allow_empty_file=True,
    )
    due = forms.DateField(required=False, widget=DateInput(), label="Due, where the table says nothing")

    def clean(self) -> dict[str, Any]:
        check_future(self)
        return self.cleaned_data


class SealedForm(forms.Form):
    """What was shown in the preview, as the page carried it."""

    sealed = forms.CharField(strip=False)
    due = forms.DateField(required=False, widget=DateInput())
    open_now = forms.BooleanField(
        required=False, label="Show them to the client at once", help_text="Otherwise they are drafts."
    )

    def clean(self) -> dict[str, Any]:
        check_future(self)
        return self.cleaned_data


class NewListForm(forms.Form):
    name = forms.CharField(max_length=120)
    source = forms.ChoiceField(label="Begins with")
    file = forms.FileField(
        required=False, allow_empty_file=True, label="The table", help_text="CSV or XLSX, as for the import."
    )

    def __init__(self, *args: Any, engagements: list[Engagement], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        source = self.fields["source"]
        assert isinstance(source, forms.ChoiceField)
        source.choices = [
            ("shipped", "The usual requests that ship with the product"),
            ("file", "A table of your own"),
            *((f"engagement-{one.pk}", f"The requests of {one}, {one.span_label}") for one in engagements),
        ]

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("source") == "file" and not self.cleaned_data.get("file"):
            self.add_error("file", "Choose the table.")
        return self.cleaned_data


class ListForm(forms.Form):
    name = forms.CharField(max_length=120)


class LineForm(forms.Form):
    """One request of a firm's list."""

    title = forms.CharField(max_length=200, required=False)
    detail = forms.CharField(required=False, max_length=5_000, widget=forms.Textarea(attrs={"rows": 2}))
    controls = forms.CharField(required=False, max_length=400)
    covers = forms.ChoiceField(required=False, choices=COVERS.items())
    priority = forms.ChoiceField(choices=EvidenceRequest.Priority.choices, initial=EvidenceRequest.Priority.NORMAL)
    after = forms.IntegerField(min_value=0, max_value=365, initial=0)

    def clean(self) -> dict[str, Any]:
        given = [self.cleaned_data.get(name) for name in ("detail", "controls")]
        if any(given) and not self.cleaned_data.get("title") and "title" not in self.errors:
            self.add_error("title", "Say in a few words what is asked for.")
        return self.cleaned_data

    @property
    def line(self) -> Line | None:
        """None for a row that was left empty."""
        data = self.cleaned_data
        if not data.get("title"):
            return None
        return Line(
            data["title"],
            data["detail"],
            tuple(data["controls"].replace(",", " ").split()),
            data["covers"],
            data["priority"],
            data["after"],
        )


LinesFormSet = forms.formset_factory(LineForm, extra=3, can_delete=True, max_num=400, validate_max=True)


class CommentForm(forms.Form):
    text = forms.CharField(
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Write something first."},
    )
    internal = forms.BooleanField(required=False, widget=forms.HiddenInput)


class MailForm(forms.Form):
    daily = forms.BooleanField(
        required=False,
        label="One mail a day",
        help_text="At seven in the morning, when something has happened. Otherwise none.",
    )
    urgent = forms.BooleanField(
        required=False,
        label="A mail at once when it cannot wait",
        help_text=(
            "A request opened or returned to you that is due within two days or late, a returned one of high "
            "priority, and when you are named on one that presses so."
        ),
    )
    time_zone = forms.ChoiceField(required=False, label="Your time zone")

    def __init__(self, *args: Any, office: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone = self.fields["time_zone"]
        assert isinstance(zone, forms.ChoiceField)
        zone.choices = [
            ("", f"That of the office: {office}"),
            *((name, name.replace("_", " ")) for name in known_zones()),
        ]
