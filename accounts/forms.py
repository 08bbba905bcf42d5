"""Forms of the firm's record and of invitations, and what all forms share."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.models import ClientMember, Firm, FirmMember, Licence, ServiceOrganization, User


class DateInput(forms.DateInput):
    """The browser's own date picker."""

    input_type = "date"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%Y-%m-%d", **kwargs)


def refuse(form: forms.BaseForm, error: ValidationError) -> None:
    """Put a flow's refusal on the form: at the fields it names, else on top."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, errors in error.error_dict.items():
        form.add_error(name if name in form.fields else None, errors)


class FirmForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Firm
        fields = [
            "legal_name",
            "city",
            "state",
            "peer_review_on",
            "retention_years",
        ]
        widgets = {"peer_review_on": DateInput()}
        help_texts = {
            "legal_name": "As it signs reports.",
            "state": "City and state stand under the signature of every report.",
            "peer_review_on": "A warning shows before issue when it is more than three years old.",
            "retention_years": "How long files are kept after the report's release.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # No report is signed without them (R46).
        self.fields["city"].required = self.fields["state"].required = True


class LicenceForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Licence
        fields = ["jurisdiction", "number", "expires_on"]
        widgets = {"expires_on": DateInput()}
        help_texts = {"jurisdiction": "The state or board, as reports name it."}


POLICY = {
    "fields": ["demands_second_factor", "session_hours"],
    "help_texts": {
        "demands_second_factor": "Whoever has none is led to set one up before anything else opens.",
        "session_hours": "1 to 12. A session ends then, whatever is open.",
    },
}


class FirmPolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Firm
        fields = POLICY["fields"]
        help_texts = POLICY["help_texts"]


class OrganizationForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ServiceOrganization
        fields = POLICY["fields"]
        help_texts = POLICY["help_texts"]


class FirmMemberForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = FirmMember
        fields = ["is_admin", "may_accept"]
        labels = {"is_admin": "administers the firm"}


class ClientMemberForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ClientMember
        fields = ["is_admin"]


class PasswordForm(forms.Form):
    """The password that an invited person chooses."""

    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters; a sentence works well.",
    )
    again = forms.CharField(
        label="Password again", widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, self.user)
        return password

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("password") and cleaned.get("again") and cleaned["password"] != cleaned["again"]:
            self.add_error("again", "The two passwords differ.")
        return cleaned
