from __future__ import annotations

from django import forms
from django.core.files.uploadedfile import UploadedFile

from distribution.granting import DAYS, DEFAULT_DAYS
from distribution.models import PartyClass

LARGEST = 100 * 2**20


class AgreementForm(forms.Form):
    text = forms.CharField(
        label="Text of the agreement",
        widget=forms.Textarea(attrs={"rows": 16}),
        help_text="Readers see exactly this text. A new text is a new version, which readers accept anew.",
    )


class InviteForm(forms.Form):
    name = forms.CharField(label="Reader's name", max_length=120, help_text="Stands on every page of the copy.")
    email = forms.EmailField(label="E-mail address", help_text="The link goes there and proves the address.")
    company = forms.CharField(max_length=200)
    purpose = forms.CharField(label="Why this reader needs the report", max_length=200, required=False)
    days = forms.IntegerField(
        label="Days of access", min_value=DAYS.start, max_value=DAYS.stop - 1, initial=DEFAULT_DAYS
    )


class AcceptForm(forms.Form):
    """What a reader declares. Errors of meaning come from the flow; this only shapes the input."""

    agreement_sha256 = forms.CharField(widget=forms.HiddenInput)
    party_class = forms.ChoiceField(
        label="I read the report as",
        choices=[("", "Choose"), *PartyClass.choices],
        error_messages={"required": "Say which of the specified parties you are."},
    )
    knows = forms.BooleanField(
        label="I have enough knowledge of the services, of how the system works with its users and subservice "
        "organizations, of internal control and its limits, and of the complementary controls the report names.",
        error_messages={"required": "The report is for readers who know these things; confirm that you do."},
    )
    typed_name = forms.CharField(
        label="Your name, as your signature",
        max_length=120,
        error_messages={"required": "Type your name as in the invitation."},
    )
    # The server's words say more than the browser's.
    use_required_attribute = False


class VerifyForm(forms.Form):
    file = forms.FileField(
        label="The PDF you hold",
        widget=forms.ClearableFileInput(attrs={"accept": "application/pdf"}),
        help_text="The report as the firm gave it to you, or your own copy. The file is looked at and not kept.",
    )

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > LARGEST:
            raise forms.ValidationError("A report is smaller than 100 MB; this file is larger.")
        return file
