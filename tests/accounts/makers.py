"""People who really sign in, with codes as their apps would show them."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import tokens
from accounts.models import ApiToken, ClientMember, ServiceOrganization, User
from tests import factories as f

STEP = 30


def verified(user: User) -> User:
    """With an address that is known to be the person's."""
    EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})
    return user


def with_app(user: User) -> str:
    """Set up an authenticator app; returns its secret."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def with_recovery_codes(user: User) -> list[str]:
    return list(RecoveryCodes.activate(user).generate_codes())


def code_now(secret: str) -> str:
    """What the app shows, waiting for the next code when this one is about to end."""
    if time.time() % STEP > STEP - 3:
        time.sleep(4)
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // STEP)))


def sign_in(client: Client, user: User, password: str = f.PASSWORD, **headers: Any) -> Any:
    return client.post(reverse("account_login"), {"login": user.email, "password": password}, **headers)


def with_second_factor(session: Any, user: User) -> None:
    """As if the session had been opened with an authenticator app too."""
    session["account_authentication_methods"] = [{"method": "mfa", "at": time.time(), "type": "totp"}]
    session["account_authentication_methods_user"] = str(user.pk)


def a_token(user: User, **fields: Any) -> tuple[ApiToken, str]:
    """A token for reading and handing in, for a month, and its secret."""
    fields = {"name": "CI", "may_upload": True, "expires_at": timezone.now() + dt.timedelta(days=30), **fields}
    return tokens.make(by=user, **fields)


def administrator_of(place: ServiceOrganization) -> User:
    """A person of the client who administers it from within."""
    user = f.person("adele", "Adele Moss")
    ClientMember.objects.update_or_create(organization=place, user=user, defaults={"is_admin": True})
    return user


def is_in(client: Client) -> bool:
    # Behind the same door as every page, and it does little.
    return bool(client.get(reverse("palette")).status_code == 200)
