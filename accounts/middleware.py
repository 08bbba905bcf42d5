"""What stands before every page: the sign-in policies of organizations, and a fresh proof for grave acts."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import structlog
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import suspend_request
from allauth.core.internal import ratelimit
from allauth.core.internal.httpkit import get_client_ip
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse

from accounts import proving, single_sign_on, tokens
from accounts.models import User
from accounts.people import left_alone, note_seen
from accounts.policies import demands_on, has_second_factor, signed_in_by

log = structlog.get_logger(__name__)

Answer = Callable[[HttpRequest], HttpResponse]
INTERFACE = "/api/"
OF_LIBRARY = "/account/"
ANSWERS = frozenset({"saml_acs", "saml_finish_acs"})
WRONG_TOKENS = "30/m/ip"
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


class BearerTokens:
    """Lets a program in by `Authorization: Bearer`, at the interface and nowhere else.

    Such a request has no session: whatever cookie comes along is not looked at.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not request.path_info.startswith(INTERFACE):
            return self.get_response(request)
        ip = get_client_ip(request)
        try:
            token = tokens.find(secret.strip(), ip=ip)
        except tokens.Refused as refused:
            return _refuse(request, refused)
        user = token.user
        user.token = token
        request.user = user
        request.by_means_of = f"token {token.prefix}"  # type: ignore[attr-defined]
        if token.engagement_id is not None:
            request.person = f"{user.pk}@{token.engagement_id}"  # type: ignore[attr-defined]
        return self.get_response(request)


def _refuse(request: HttpRequest, refused: tokens.Refused) -> HttpResponse:
    """Wrong tokens are counted by address. A right one is never held up by the wrong ones of others."""
    status, words = refused.status, refused.words
    log.warning("token_refused", reason=words, ip=get_client_ip(request))
    if status == HTTPStatus.UNAUTHORIZED and not ratelimit.consume(
        request, app="accounts", action="wrong_token", config={"wrong_token": WRONG_TOKENS}, limit_get=True
    ):
        status, words = HTTPStatus.TOO_MANY_REQUESTS, "Too many wrong tokens from this address. Wait a minute."
    problem = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": words}
    response = JsonResponse(problem, status=status, content_type="application/problem+json")
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="Attestry", error="invalid_token"'
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        response["Retry-After"] = "60"
    return response


class AtOnce:
    """Whatever is sent to the sign-in and the account happens as a whole or not at all.

    Their views are a library's. So an event that cannot be written keeps a person out and leaves nothing behind.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(OF_LIBRARY):
            return self.get_response(request)
        with transaction.atomic():
            response = self.get_response(request)
            if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                transaction.set_rollback(True)
        return response


class AnswersOfProviders:
    """What the library takes too easily, or not at all, where providers of SAML and everybody else may send.

    Its single log-out believes unsigned words: a link from anywhere would end a session, and lead on to any site.
    We offer none. And it ends in an error where something comes that is no SAML at all.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if request.resolver_match is not None and request.resolver_match.view_name == "saml_sls":
            raise Http404("There is no single log-out")
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        match = request.resolver_match
        if match is None or match.view_name not in ANSWERS:
            return None
        if isinstance(exception, single_sign_on.UsedBefore):
            return render(request, "socialaccount/authentication_error.html", status=HTTPStatus.FORBIDDEN)
        if not isinstance(exception, single_sign_on.UNREADABLE):
            return None
        return single_sign_on.unreadable(request, match.kwargs["organization_slug"], exception)


class BeforeViews:
    """What is asked once it is known which page is wanted, in `process_view`."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)


class SignInPolicies(BeforeViews):
    """Ends sessions that were left alone, or are older than an organization of the person allows.

    Who lacks a demanded second factor is led to its set-up before anything else opens.
    """

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        user = request.user
        if isinstance(user, User) and user.token is not None:
            # What organizations ask was looked at with the token itself.
            tokens.note_use(user.token, ip=get_client_ip(request))
            return None
        if not isinstance(user, User) or getattr(view, "login_required", True) is False:
            return None
        note_seen(user, request.session.session_key, ip=get_client_ip(request))
        demands = demands_on(user)
        request.places = demands.places  # type: ignore[attr-defined]
        if time.time() - proving.signed_in_at(request) > demands.session_hours * 3600:
            logout(request)
            return _elsewhere(request, "account_login", "Your session has ended: sign in again.")
        if left_alone(request.session.session_key, signed_in_at=proving.signed_in_at(request)):
            logout(request)
            return _elsewhere(request, "account_login", "Nobody used your session for a while: sign in again.")
        if demands.provider and not signed_in_by(request, user, demands.provider):
            # "Signed in" is true no more.
            list(messages.get_messages(request))
            logout(request)
            words = "Your organization asks you to sign in with its single sign-on."
            return _elsewhere(request, "accounts:single_sign_on_start", words, demands.provider)
        name = request.resolver_match.view_name if request.resolver_match else ""
        if demands.second_factor and name not in SETTING_UP and not has_second_factor(user):
            return _elsewhere(
                request, "accounts:account", "Your organization asks for a second factor: set one up to go on."
            )
        return None


class GraveActs(BeforeViews):
    """Asks who is there before an act of `settings.GRAVE_ACTS`; with the answer the act goes on as it was sent.

    What is sent to `settings.GRAVE_PAGES` holds secrets and is kept nowhere: there the page itself asks first.
    """

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
        suspend_request(request, methods[0]["url"])
        # The library goes on with what it kept only where the address it is told has no query.
        return HttpResponseRedirect(f"{methods[0]['url']}?{urlencode({'next': request.path})}")


def _elsewhere(request: HttpRequest, name: str, words: str, *of: str) -> HttpResponse:
    """Lead the person to another page, in the manner in which they asked."""
    place = reverse(name, args=of)
    if name != "accounts:account" and request.method == "GET":
        place = f"{place}?{urlencode({'next': request.get_full_path()})}"
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": place})
    if request.path.startswith("/api/") or "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"error": words}, status=HTTPStatus.FORBIDDEN)
    messages.warning(request, words)
    return HttpResponseRedirect(place)
