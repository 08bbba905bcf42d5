"""What follows when people sign in and out and change how they do so: sessions end, and the trail tells it.

The library that signs people in tells these functions (`accounts.apps`); they run in the transaction of the request
(`settings.AT_ONCE`), so that what cannot be told does not happen.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import (
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import transaction
from django.http import HttpRequest

from accounts import proving
from accounts.models import User
from accounts.people import end_sessions, firm_of
from audit.refusals import GUESSING, PASSKEY, note
from audit.trail import Action, action, record

SIGNED_IN = action("session.opened", "signed in")
SIGNED_OUT = action("session.closed", "signed out")
SIGN_IN_FAILED = action("session.refused", "refused a sign-in as {target}")
CODE_FAILED = action("session.code_refused", "gave a wrong code of the second factor")
PROVED = action("session.proved", "proved anew who they are")
RECOVERY_USED = action("factor.recovery_used", "used a recovery code")
FACTOR_ADDED = action("factor.added", "set up a second factor")
FACTOR_REMOVED = action("factor.removed", "removed a second factor")
FACTOR_TAKEN = action("factor.taken", "took the second factor of {target} away")
FACTOR_RENEWED = action("factor.renewed", "made new recovery codes")
FACTOR_RENAMED = action("factor.renamed", "renamed a passkey")
PASSWORD_CHANGED = action("password.changed", "changed their password")
RESET_ASKED = action("password.reset_asked", "sent a link for a new password to {target}")
ADDRESS_PROVED = action("address.proved", "proved that {address} is theirs")
ADDRESS_ASKED = action("address.asked", "was asked to prove an e-mail address")
ADDRESS_CHANGED = action("address.changed", "changed their e-mail address")


def note_sign_in(request: HttpRequest, user: User, **_: Any) -> None:
    proving.note_sign_in(request, user)


def signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    _tell(SIGNED_IN, user, by_way_of=_ways(request))


def _ways(request: HttpRequest) -> list[str]:
    """By what the person has shown who they are, in order: "password", "totp", the name of a single sign-on."""
    records = request.session.get("account_authentication_methods") or []
    return [str(one.get("type") or one.get("provider") or one["method"]) for one in records]


def signed_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        _tell(SIGNED_OUT, user)


def sign_in_failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """A wrong password; what was typed as the address is not kept where nobody has it.

    The work is the same whether somebody has it or not, so that time does not tell.
    """
    if request is None:
        return
    address = str(credentials.get("email") or credentials.get("username") or "").lower()
    user = User.objects.filter(email=address).first()
    firm = firm_of(user or User(pk=0))
    with transaction.atomic():
        record(SIGN_IN_FAILED, by=None, firm=firm, target=user)


def code_failed(user: User, reauthentication: bool, **_: Any) -> None:
    _tell(CODE_FAILED, user)


def step_completed(request: HttpRequest, user: User, method: str, **detail: Any) -> None:
    """One step of a sign-in, or of a proof in an open session."""
    if detail.get("type") == Authenticator.Type.RECOVERY_CODES:
        _tell(RECOVERY_USED, user)
    if detail.get("reauthenticated"):
        _tell(PROVED, user, by_way_of=str(detail.get("type") or method))


def factor_added(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Sessions that were opened without the new factor end; the one in which it was set up goes on."""
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        end_sessions(user, but=request.session.session_key)


# The library speaks of factors when all is over; the rows themselves are written in the transaction.
def factor_saved(instance: Authenticator, created: bool, **_: Any) -> None:
    if created:
        recovery = instance.type == Authenticator.Type.RECOVERY_CODES
        _tell(FACTOR_RENEWED if recovery else FACTOR_ADDED, instance.user, kind=str(instance.type))


def factor_deleted(instance: Authenticator, **_: Any) -> None:
    if instance.type != Authenticator.Type.RECOVERY_CODES and not getattr(instance, "taken", False):
        _tell(FACTOR_REMOVED, instance.user, kind=str(instance.type))


@transaction.atomic
def take_away(user: User) -> None:
    """For a person who has lost them: every factor goes, recovery codes too, and every session ends.

    Only a command does it. Where an organization demands a factor the password opens its set-up and nothing else.
    """
    for one in Authenticator.objects.select_for_update().filter(user=user):
        one.taken = True
        one.delete()
    end_sessions(user)
    text = (
        "Whoever runs this installation of Attestry has taken the second factor of your account away, passkeys and"
        " recovery codes too. Set up another one when you sign in. If you did not ask for it, tell them at once."
    )
    transaction.on_commit(lambda: send_mail("Your second factor was taken away", text, None, [user.email]))
    record(FACTOR_TAKEN, by=None, firm=firm_of(user), target=user)


def held_back(address: str) -> None:
    """Too many guesses. The work is the same whether somebody has the address or not."""
    user = User.objects.filter(email=address).first()
    note(GUESSING, firm=firm_of(user or User(pk=0)), target=user)


class Told:
    """Refused codes and passkeys leave a record; the library itself speaks of wrong codes only (`code_failed`)."""

    user: User | None

    @contextlib.contextmanager
    def telling(self, wrong: Action | None = None) -> Iterator[None]:
        try:
            yield
        except ValidationError as error:
            if error.code == "too_many_login_attempts":
                note(GUESSING, by=self.user)
            elif wrong is not None:
                note(wrong, by=self.user)
            raise


class CodeForm(Told, AuthenticateForm):  # type: ignore[misc]
    def clean_code(self) -> str:
        with self.telling():
            return str(super().clean_code())


class CodeAgainForm(Told, ReauthenticateForm):  # type: ignore[misc]
    def clean_code(self) -> str:
        with self.telling():
            return str(super().clean_code())


class PasskeyForm(Told, AuthenticateWebAuthnForm):  # type: ignore[misc]
    def clean_credential(self) -> Authenticator:
        with self.telling(PASSKEY):
            return super().clean_credential()


class PasskeyAgainForm(PasskeyForm, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """In an open session."""


class PasskeyAloneForm(PasskeyForm, LoginWebAuthnForm):  # type: ignore[misc]
    """Whose passkey it is shows only when it is right."""


class PasskeyNameForm(EditWebAuthnForm):  # type: ignore[misc]
    """The library's form for the name of a passkey (`settings.MFA_FORMS`)."""

    def save(self) -> Authenticator:
        saved: Authenticator = super().save()
        _tell(FACTOR_RENAMED, saved.user)
        return saved


def reset_asked(user: User | None) -> None:
    """Whoever asks has proved nothing yet; an address that nobody has is not kept."""
    firm = firm_of(user or User(pk=0))
    with transaction.atomic():
        record(RESET_ASKED, by=None, firm=firm, target=user)


def password_changed(user: User, **_: Any) -> None:
    _tell(PASSWORD_CHANGED, user)


def address_proved(email_address: EmailAddress, **_: Any) -> None:
    _tell(ADDRESS_PROVED, email_address.user, address=email_address.email)


def address_asked(confirmation: Any, **_: Any) -> None:
    _tell(ADDRESS_ASKED, confirmation.email_address.user)


def address_changed(user: User, **_: Any) -> None:
    _tell(ADDRESS_CHANGED, user)


def _tell(what: Action, user: User, **detail: Any) -> None:
    with transaction.atomic():
        record(what, by=user, firm=firm_of(user), **detail)
