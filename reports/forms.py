"""What people type on this app's pages; the flows decide whether it may be done."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.forms import ProofForm
from controls.models import Criterion
from engagements.models import Engagement
from fieldwork.models import Deviation
from reports.models import Conclusion, EmphasisParagraph, ManagementStatement, Matter
from reports.snapshot import limbs_of


def put(form: forms.Form, error: ValidationError) -> None:
    """Put a flow's refusal on the form: at its fields where it names some, else on top."""
    if hasattr(error, "error_dict"):
        for name, problems in error.error_dict.items():
            form.add_error(name if name in form.fields else None, problems)
    else:
        form.add_error(None, error)


class DayField(forms.DateField):
    def __init__(self, **options: Any) -> None:
        options.setdefault("widget", forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
        super().__init__(**options)


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class SectionForm(forms.Form):
    body = forms.CharField(label="Text", required=False, strip=False, widget=_area(24))
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)


class TitleForm(forms.Form):
    title = forms.CharField(label="Title of the description", max_length=200)


class SignForm(ProofForm):
    modifications = forms.CharField(required=False, widget=_area(4))
    basis = forms.CharField(
        label="What the assertion rests on",
        help_text="For instance monitoring, self-tests, internal audit. Kept on file, not printed.",
        required=False,
        widget=_area(3),
    )
    stated_on = DayField(label="Date of the document")
    signatory_name = forms.CharField(label="Signed by", max_length=120)
    signatory_title = forms.CharField(label="Title", max_length=120)
    seen = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *arguments: Any, kind: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        told = self.fields["modifications"]
        if kind == ManagementStatement.Kind.ASSERTION:
            told.label = "In what respects the assertion does not hold"
            told.help_text = "Empty when it holds. Printed in the assertion."
        elif kind == ManagementStatement.Kind.GENERAL_USE:
            # It has the modifications of the assertion, and no others.
            del self.fields["basis"]
            del self.fields["modifications"]
        else:
            told.label = "What has to be told in addition"
            told.help_text = "Empty when there is nothing to tell."
            del self.fields["basis"]


class MatterForm(forms.Form):
    title = forms.CharField(max_length=200)
    cause = forms.ChoiceField(choices=Matter.Cause.choices)
    pervasive = forms.BooleanField(
        label="Material and pervasive", required=False, help_text="Otherwise: material, not pervasive."
    )
    limbs = forms.MultipleChoiceField(label="Limbs it touches", widget=forms.CheckboxSelectMultiple)
    deviations = forms.ModelMultipleChoiceField(
        Deviation.objects.none(), label="Exceptions behind it", required=False
    )
    criteria = forms.ModelMultipleChoiceField(Criterion.objects.none(), required=False)
    basis = forms.CharField(
        label="Basis paragraph, as the report will print it",
        help_text="What was found, for which control and criterion, when, and with what effect.",
        widget=_area(7),
    )

    def __init__(self, *arguments: Any, engagement: Engagement, **options: Any) -> None:
        super().__init__(*arguments, **options)
        _set_choices(self, "limbs", [(limb.value, limb.label) for limb in limbs_of(engagement)])
        _set_queryset(
            self,
            "deviations",
            Deviation.objects.filter(engagement=engagement).standing(),
        )
        deviations: Any = self.fields["deviations"]
        deviations.label_from_instance = lambda one: f"{one.code} {one.title}"
        _set_queryset(self, "criteria", engagement.criteria())
        criteria: Any = self.fields["criteria"]
        criteria.label_from_instance = lambda one: f"{one.code} {one.title}"


class ReasonForm(forms.Form):
    reason = forms.CharField(widget=_area(3))


class ConclusionForm(forms.Form):
    conclusion = forms.ChoiceField(choices=Conclusion.choices, label="Your conclusion")
    reason = forms.CharField(
        required=False,
        widget=_area(2),
        label="Reason, where it is other than proposed",
    )


class ReportDateForm(forms.Form):
    date = DayField(label="Report date", required=False)


class ParagraphForm(forms.Form):
    kind = forms.ChoiceField(choices=EmphasisParagraph.Kind.choices)
    title = forms.CharField(max_length=120)
    text = forms.CharField(label="Text, as the report will print it", widget=_area(5))
    reason = forms.CharField(label="Why it is needed (kept on file)", widget=_area(2))


class QualityReviewForm(forms.Form):
    significant_judgements = forms.CharField(label="Significant judgements considered", widget=_area(5))
    conclusion = forms.CharField(label="Conclusion of the review", widget=_area(3))


class CommentForm(forms.Form):
    text = forms.CharField(label="Comment", max_length=5000, widget=_area(3))
    internal = forms.BooleanField(label="For the firm alone", required=False)


class SettleForm(forms.Form):
    answer = forms.CharField(label="Answer", required=False, max_length=5000, widget=_area(2))


class ClientReviewForm(forms.Form):
    note = forms.CharField(
        label="What you have to say to the whole",
        required=False,
        max_length=5000,
        widget=_area(3),
        help_text="Empty when your comments at the paragraphs say it all.",
    )


class OwnWordingForm(forms.Form):
    report_type = forms.ChoiceField(
        label="For reports of", required=False, choices=[("", "Both types"), ("1", "Type 1"), ("2", "Type 2")]
    )
    text = forms.CharField(label="Text", strip=False, widget=_area(12))
    note = forms.CharField(
        label="What changes and why",
        help_text="For whoever approves it: where the text is from, and under which licence.",
        required=False,
        widget=_area(3),
    )

    def __init__(self, *arguments: Any, fixed: bool, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if fixed:
            del self.fields["report_type"]


class ApproveForm(ProofForm):
    draft = forms.IntegerField(widget=forms.HiddenInput)


class IssueForm(ApproveForm):
    confirm = forms.CharField(required=False)

    def clean_confirm(self) -> str:
        word: str = self.cleaned_data["confirm"]
        if word.strip().lower() != "issue":
            raise ValidationError("Type the word “issue” to go on.")
        return word


def _set_choices(form: forms.Form, name: str, choices: list[tuple[str, Any]]) -> None:
    field: Any = form.fields[name]
    field.choices = choices


def _set_queryset(form: forms.Form, name: str, queryset: Any) -> None:
    field: Any = form.fields[name]
    field.queryset = queryset


class FactForm(forms.Form):
    known_on = DayField(label="Known since")
    fact = forms.CharField(label="What became known, and how", widget=_area(4))


class DecideForm(ProofForm):
    decision = forms.ChoiceField(label="What follows", widget=forms.RadioSelect)
    reason = forms.CharField(label="Why", widget=_area(3))

    def __init__(self, *args: Any, choices: list[tuple[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _set_choices(self, "decision", choices)
