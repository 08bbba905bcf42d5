"""What people fill in to close a file, to add to it, to hold it back, to destroy it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.forms import ProofForm
from evidence.forms import FilesField


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class WordForm(ProofForm):
    """A final act: its word is typed, and who acts is proved."""

    word = ""
    confirm = forms.CharField(required=False)

    def clean_confirm(self) -> str:
        typed: str = self.cleaned_data["confirm"]
        if typed.strip().lower() != self.word:
            raise ValidationError(f"Type the word “{self.word}” to go on.")
        return typed


class LockForm(WordForm):
    word = "lock"
    years = forms.IntegerField(label="Years to keep the file, from the release on")

    def __init__(self, *args: Any, least: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["years"].initial = least
        self.fields["years"].help_text = f"The firm's policy is {least}; longer is possible, shorter is not."


class AddendumForm(forms.Form):
    reason = forms.CharField(label="Why it is added now", widget=_area(2))
    text = forms.CharField(label="What is added", widget=_area(6))
    effect = forms.CharField(label="What it means for the opinion; if nothing, why", widget=_area(2))
    attachments = FilesField(
        label="Files",
        required=False,
        help_text="PDF, PNG, JPEG, CSV, TXT, JSON, XLSX, DOCX, PPTX or ZIP, as evidence.",
    )


class ReviewForm(forms.Form):
    conclusion = forms.CharField(label="What you conclude", widget=_area(2))


class HoldForm(forms.Form):
    reason = forms.CharField(label="Matter, and who asked for the hold", widget=_area(2))


class LiftForm(forms.Form):
    reason = forms.CharField(label="Why it ends, and who said so", widget=_area(2))


class AskPurgeForm(WordForm):
    word = "destroy"
    reason = forms.CharField(label="Why", widget=_area(2))


class ApprovePurgeForm(WordForm):
    word = "destroy"
