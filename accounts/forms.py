"""Forms of the firm's record and of invitations, and what all forms share."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from cryptography.x509 import load_pem_x509_certificate
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts import proving
from accounts.models import (
    ClientMember,
    Firm,
    FirmMember,
    IdentityProvider,
    Licence,
    Office,
    QualityTrigger,
    SectionFour,
    ServiceOrganization,
    User,
)
from accounts.tokens import networks_of


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
            "peer_review_on",
        ]
        widgets = {"peer_review_on": DateInput()}
        help_texts = {
            "legal_name": "As it signs reports.",
            "peer_review_on": "A warning shows before issue when it is more than three years old.",
        }


class OfficeForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Office
        fields = ["city", "state"]
        help_texts = {"state": "City and state stand under the signature of the report."}


class SwitchesField(forms.MultipleChoiceField):
    """Boxes to tick, of which none may be."""

    widget = forms.CheckboxSelectMultiple
    none_is_an_answer = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)


class FirmPoliciesForm(forms.ModelForm):  # type: ignore[type-arg]
    """How the firm works, beyond what standards demand."""

    quality_triggers = SwitchesField(
        label="A quality review is needed when",
        choices=QualityTrigger.choices,
        help_text="Also wherever a quality reviewer is named.",
    )
    section_four = forms.ChoiceField(
        label="Section IV of new engagements",
        choices=SectionFour.choices,
        required=False,
        help_text="Each engagement may have the other one.",
    )

    def clean_section_four(self) -> str:
        chosen: str = self.cleaned_data["section_four"]
        return chosen or self.instance.section_four

    class Meta:
        model = Firm
        fields = ["retention_years", "quality_triggers", "two_to_issue", "section_four"]
        labels = {"retention_years": "Years that files are kept after release"}
        help_texts = {
            "two_to_issue": "The manager or the quality reviewer approves a draft; the partner issues that one. "
            "Switched off, it still holds for the engagements opened until then.",
        }


class CertificateForm(forms.Form):
    """A PKCS#12 file with its password, neither of which is shown again."""

    file = forms.FileField(
        label="PKCS#12 file", help_text="Key, certificate and the certificates above it: .p12 or .pfx."
    )
    password = forms.CharField(
        label="Password of the file",
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )


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
        labels = {"is_admin": "Administers the firm"}


class ClientMemberForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ClientMember
        fields = ["is_admin"]


class SingleSignOnForm(forms.Form):
    """Where an organization's people sign in; which fields are asked for depends on the kind."""

    NEEDED: ClassVar[dict[str, tuple[str, ...]]] = {
        IdentityProvider.Kind.OIDC: ("server_url", "client_id"),
        IdentityProvider.Kind.SAML: ("entity_id", "sso_url", "certificate"),
    }

    kind = forms.ChoiceField(choices=IdentityProvider.Kind.choices)
    server_url = forms.URLField(
        label="Issuer",
        required=False,
        assume_scheme="https",
        help_text="https://… of the provider.",
    )
    client_id = forms.CharField(label="Client ID", required=False, max_length=191)
    secret = forms.CharField(
        label="Client secret",
        required=False,
        max_length=191,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Leave it empty to keep the one there is.",
    )
    entity_id = forms.CharField(label="Entity ID of the provider", required=False, max_length=500)
    sso_url = forms.URLField(label="Sign-in address of the provider", required=False, assume_scheme="https")
    certificate = forms.CharField(
        label="Signing certificate",
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="PEM, as in the provider's metadata.",
    )
    vouches_for_addresses = forms.BooleanField(
        label="It serves nobody but this organization",
        required=False,
        help_text="Then an e-mail address counts even when the provider does not mark it as verified.",
    )
    demanded = forms.BooleanField(
        label="People sign in this way only",
        required=False,
        help_text="Except administrators, who could not repair it otherwise, and people of several organizations.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in (name for names in self.NEEDED.values() for name in names):
            # Needed by one kind of provider: not called optional beside it.
            self.fields[name].or_another = True  # type: ignore[attr-defined]

    def clean_sso_url(self) -> str:
        url: str = self.cleaned_data["sso_url"]
        if url and not url.startswith("https://"):
            raise ValidationError("The address must begin with https://.")
        return url

    def clean_certificate(self) -> str:
        text: str = self.cleaned_data["certificate"].strip()
        if text:
            pem = text if "BEGIN" in text else f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----"
            try:
                load_pem_x509_certificate(pem.encode())
            except ValueError as error:
                raise ValidationError("This is no certificate: paste the whole PEM text.") from error
        return text

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in self.NEEDED.get(cleaned.get("kind", ""), ()):
            if not cleaned.get(name) and name not in self.errors:
                self.add_error(name, "This is needed.")
        return cleaned


class ProofForm(forms.Form):
    """A form of an act that is bound to a proof of who acts: a secret, or a confirmation of a moment ago.

    `back` is the page to which a person returns who has to confirm on another one first.
    """

    password = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, request: HttpRequest, back: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        user = request.user
        assert isinstance(user, User)
        self.confirmed = proving.confirmed(request)
        self.asks = proving.secret_asked(user)
        self.other_way = not self.asks or proving.has_passkey(user)
        self.confirm_url = f"{reverse('accounts:confirm')}?{urlencode({'next': back})}"
        field = self.fields["password"]
        field.label, field.required = self.asks or "Proof that it is you", bool(self.asks) and not self.confirmed

    def clean_password(self) -> str:
        """The secret as typed, or a ticket for the confirmation of a moment ago."""
        typed: str = self.cleaned_data["password"]
        proof = typed or proving.ticket(self.request)
        if not proof:
            raise ValidationError("Confirm first that it is you.")
        return proof


class TokenForm(forms.Form):
    """A token for a program. `choices` are the engagements it can be narrowed to."""

    name = forms.CharField(max_length=80, help_text="Where it is used: “CI of the ledger”.")
    engagement = forms.ChoiceField(required=False, label="For")
    may_read = forms.BooleanField(label="Read engagements and requests", required=False, initial=True)
    may_upload = forms.BooleanField(label="Hand in evidence to requests", required=False)
    expires_on = forms.DateField(label="Until", widget=DateInput(), help_text="A year at most.")
    networks = forms.CharField(
        label="Only from these addresses",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "203.0.113.0/24"}),
        help_text="One address or network a line. Empty: from anywhere.",
    )

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["engagement"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "All my engagements"), *choices]
        today = timezone.localdate()
        self.fields["expires_on"].initial = today + dt.timedelta(days=90)

    def clean_networks(self) -> list[str]:
        return networks_of(self.cleaned_data["networks"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not (cleaned.get("may_read") or cleaned.get("may_upload")):
            self.add_error("may_read", "Choose what the token is for.")
        return cleaned


class FindSingleSignOnForm(forms.Form):
    name = forms.SlugField(label="Your organization's name for sign-in", help_text="Its administrator knows it.")


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
