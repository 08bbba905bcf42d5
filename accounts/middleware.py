"""What stands before every page: the sign-in policies of organizations, and a fresh proof for grave acts."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import suspend_request
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse

from accounts import proving
from accounts.models import User
from accounts.policies import demands_on, has_second_factor, signed_in_by

Answer = Callable[[HttpRequest], HttpResponse]
# A person who must set up a second factor gets at these only: to set it up, or to leave.
SETTING_UP = {
    "account_logout",
    "account_reauthenticate",
    "account_email_verification_sent",
    "account_confirm_email",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "accounts:account",
    "accounts:confirm",
    "accounts:confirmed",
}


class SignInPolicies:
    """Ends sessions older than an organization of the person allows, and leads who lacks a demanded second
    factor to its set-up before anything else opens."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        user = request.user
        if not isinstance(user, User) or getattr(view, "login_required", True) is False:
            return None
        demands = demands_on(user)
        request.places = demands.places  # type: ignore[attr-defined]
        if time.time() - proving.signed_in_at(request) > demands.session_hours * 3600:
            logout(request)
            return _elsewhere(request, "account_login", "Your session has ended: sign in again.")
        if demands.provider and not signed_in_by(request, user, demands.provider):
            logout(request)
            return _elsewhere(
                request, "account_login", "Your organization asks you to sign in with its single sign-on."
            )
        name = request.resolver_match.view_name if request.resolver_match else ""
        if demands.second_factor and name not in SETTING_UP and not has_second_factor(user):
            return _elsewhere(
                request, "accounts:account", "Your organization asks for a second factor: set one up to go on."
            )
        return None


class GraveActs:
    """Asks who is there before an act of `settings.GRAVE_ACTS`; with the answer the act goes on as it was sent.

    What is sent to `settings.GRAVE_PAGES` holds secrets and is kept nowhere: there the page itself asks first.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        name = request.resolver_match.view_name if request.resolver_match else ""
        page = name in settings.GRAVE_PAGES
        if not page and (request.method != "POST" or name not in settings.GRAVE_ACTS):
            return None
        if not isinstance(request.user, User) or proving.proved_recently(request):
            return None
        methods = get_adapter(request).get_reauthentication_methods(request.user)
        if not methods:
            logout(request)
            return _elsewhere(request, "account_login", "Sign in again, then do it once more.")
        if page:
            return HttpResponseRedirect(f"{methods[0]['url']}?{urlencode({'next': request.get_full_path()})}")
        answer: HttpResponse = suspend_request(request, methods[0]["url"])
        return answer


def _elsewhere(request: HttpRequest, name: str, words: str) -> HttpResponse:
    """Lead the person to another page, in the manner in which they asked."""
    place = reverse(name)
    if name == "account_login" and request.method == "GET":
        place = f"{place}?{urlencode({'next': request.get_full_path()})}"
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": place})
    if request.path.startswith("/api/") or "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"error": words}, status=HTTPStatus.FORBIDDEN)
    messages.warning(request, words)
    return HttpResponseRedirect(place)
