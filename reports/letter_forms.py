"""What people type on the pages of the engagement letter; the flows decide whether it may be done."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.forms import DateInput, ProofForm
from engagements.forms import ExaminationForm


class DraftForm(forms.Form):
    fees = forms.CharField(
        label="Fees",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What the examination costs and when it is paid. Printed as a paragraph of its own.",
    )
    further = forms.CharField(
        label="Further terms",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What else the two of you agree, as it is printed. Empty when there is nothing.",
    )


class AmendForm(ExaminationForm):
    """The terms that stand on the engagement itself, and why they change."""

    reason = forms.CharField(
        label="Why the terms change",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Printed in the amendment. Less scope than agreed needs a reason that holds.",
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for name in ("number", "prior_period_end", "report_due"):
            del self.fields[name]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        cleaned.pop("prior_period_end", None)
        return cleaned


class ElsewhereForm(forms.Form):
    file = forms.FileField(label="Signed copy", help_text="A scan with both signatures: PDF, PNG or JPEG.")
    on = forms.DateField(label="Signed on", widget=DateInput(), help_text="The day of the last signature.")
    for_client = forms.CharField(label="Signed for the client by", max_length=120)
    for_firm = forms.CharField(label="Signed for the firm by", max_length=120)


class SignLetterForm(ProofForm):
    title = forms.CharField(label="Your title", max_length=120)
    agreed = forms.BooleanField(error_messages={"required": "Say that you agree to the text, or do not sign it."})
    seen = forms.CharField(widget=forms.HiddenInput, max_length=64)


class WithdrawForm(forms.Form):
    reason = forms.CharField(label="Why", widget=forms.Textarea(attrs={"rows": 2}))
