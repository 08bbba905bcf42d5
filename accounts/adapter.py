"""How sign-in works here: by e-mail and password or by passkey, for invited people only."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core.internal import ratelimit
from allauth.core.internal.httpkit import get_client_ip
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts import browsers, factors, proving
from accounts.models import User
from accounts.single_sign_on import provider_of
from audit.refusals import PROOF, note

UNKNOWN_ADDRESS = "0.0.0.0"  # noqa: S104


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up: accounts come from invitations (`accounts.invitations`)."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The client behind our own proxies; who comes over a socket without an address shares one limit."""
        return get_client_ip(request) or UNKNOWN_ADDRESS

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Guesses are counted by account and browser or, for a browser never seen, by account and network.

        So whoever guesses from elsewhere does not lock the owner out.
        """
        login = str(credentials.get("email", "")).lower()
        return f"{login}:{browsers.known_as(request, login) or ratelimit.get_ip(request)}"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse too many guesses, before the password is looked at. Raises ValidationError."""
        login = str(credentials.get("email", "")).lower()
        try:
            self._count(request, login, credentials)
        except ValidationError:
            factors.held_back(login)
            raise

    def _count(self, request: HttpRequest, login: str, credentials: dict[str, Any]) -> None:
        super().pre_authenticate(request, **credentials)
        self._guess = None
        if not browsers.known_as(request, login):
            self._guess = ratelimit.consume(
                request, app="allauth.account", action="login_failed_anywhere", key=f"anywhere:{login}"
            )
            if not self._guess:
                raise self.validation_error("too_many_login_attempts")

    def _rollback_login_failed_rl_usage(self) -> None:
        super()._rollback_login_failed_rl_usage()
        if self._guess:
            self._guess.rollback()

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        browsers.remember(response, user)
        return response

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Who changes the address proves it in a session of the account.

        Else somebody who had another person's address sent a link would own it when that person follows the link,
        and with it what is sent there later, invitations among it.
        """
        others = EmailAddress.objects.filter(user=email_address.user_id, verified=True).exclude(pk=email_address.pk)
        if others.exists() and request.user.pk != email_address.user_id:
            messages.error(request, "Sign in with the account for which the address is to change, then confirm it.")
            return False
        proved: bool = super().confirm_email(request, email_address)
        return proved

    def reauthenticate(self, user: User, password: str) -> bool:
        right: bool = super().reauthenticate(user, password)
        if not right:
            note(PROOF, by=user)
        return right

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        super().send_password_reset_mail(user, email, context)
        factors.reset_asked(user)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        super().send_mail(template_prefix, email, context)
        if template_prefix == "account/email/unknown_account":
            factors.reset_asked(None)

    def is_reauthentication_required(self, app: str) -> bool:
        """A sign-in of a moment ago is proof enough; else the library looks for a later proof in the session."""
        return not proving.signed_in_recently(self.request)

    def get_reauthentication_methods(self, user: User | AnonymousUser) -> list[dict[str, str]]:
        """The library's ways (password, code, passkey), and the single sign-on of the person's organization."""
        methods: list[dict[str, str]] = super().get_reauthentication_methods(user)
        if isinstance(user, User) and provider_of(user) is not None:
            words = "Use your organization's single sign-on"
            methods.append({"id": "single_sign_on", "description": words, "url": reverse("accounts:confirm")})
        return methods


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Passkeys belong to the name of the installation, never to what a Host header says.

        They cannot belong to an address in numbers: on one's own machine they work at http://localhost.
        """
        host = urlsplit(settings.SITE_URL).hostname or "localhost"
        return {"id": "localhost" if host in {"127.0.0.1", "::1"} else host, "name": "Attestry"}

    def generate_authenticator_name(self, user: User, type: str) -> str:  # noqa: A002
        """What a new passkey is called until the person says otherwise."""
        count = Authenticator.objects.filter(user=user, type=type).count()
        return f"Passkey {count + 1}" if count else "Passkey"
