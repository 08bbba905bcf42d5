"""Single sign-on of one firm or client: setting it up, and who may come in by it.

An organization's provider vouches for the organization's own people. A person who belongs to another one as
well, or runs this installation, never comes in by it: else its administrator could become that person elsewhere.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import requests
from allauth.account.internal.flows.login import record_authentication
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.saml.provider import SAMLProvider
from allauth.socialaccount.providers.saml.utils import build_auth
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.crypto import salted_hmac
from django.utils.dateparse import parse_datetime
from django.utils.text import slugify
from lxml import etree
from onelogin.saml2.errors import OneLogin_Saml2_Error

from accounts.models import ClientMember, Firm, FirmMember, IdentityProvider, ServiceOrganization, User
from accounts.people import administers_itself
from accounts.sealed import resealed, seal, unseal
from audit.refusals import SINGLE_SIGN_ON, note
from audit.trail import action, record

PROVIDER_SET = action("single_sign_on.set", "set up the {target}")
PROVIDER_REMOVED = action("single_sign_on.removed", "removed the {target}")
LINKED = action("single_sign_on.linked", "signed in by single sign-on for the first time")

PURPOSE = "single sign-on"
SAML_NAMES = "{urn:oasis:names:tc:SAML:2.0:assertion}"
# How far the clock of a provider may be behind ours.
SKEW_SECONDS = 120


def check_address(url: str) -> None:
    """Raise ValidationError unless our server may ask at this address: by https, and on the open internet."""
    parts = urlsplit(url)
    if settings.SINGLE_SIGN_ON_PRIVATE:
        return
    if parts.scheme != "https" or not parts.hostname:
        raise ValidationError("The address must begin with https://.")
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, proto=socket.IPPROTO_TCP)
    except OSError as error:
        raise ValidationError(f"{parts.hostname} is not known to our server.") from error
    if not all(ipaddress.ip_address(str(one[4][0]).partition("%")[0]).is_global for one in found):
        raise ValidationError(f"{parts.hostname} is inside a private network: the operator can allow such.")


class Guarded(requests.adapters.HTTPAdapter):
    """Asks no address that `check_address` refuses, on the way of redirections either."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            check_address(request.url or "")
        except ValidationError as error:
            raise requests.exceptions.InvalidURL(" ".join(error.messages)) from error
        return super().send(request, *args, **kwargs)


def slug_for(place: Firm | ServiceOrganization) -> str:
    """The name for sign-in of an organization that has set nothing up yet.

    It is known before: providers want our addresses before they tell theirs.
    """
    of = salted_hmac(PURPOSE, f"{type(place).__name__} {place.pk}").hexdigest()[:6]
    return f"{slugify(str(place))[:40].strip('-')}-{of}"


@transaction.atomic
def set_up(
    place: Firm | ServiceOrganization,
    *,
    kind: str,
    by: User,
    demanded: bool,
    vouches_for_addresses: bool = False,
    server_url: str = "",
    client_id: str = "",
    secret: str = "",
    entity_id: str = "",
    sso_url: str = "",
    certificate: str = "",
) -> IdentityProvider:
    """Set up or change the single sign-on of a firm or client; an empty secret keeps the one there is.

    Raises PermissionDenied but for administrators, ValidationError.
    """
    _must_own(place, by)
    of = {"firm": place} if isinstance(place, Firm) else {"organization": place}
    known = IdentityProvider.objects.select_for_update().filter(**of).first()
    slug = known.slug if known else slug_for(place)
    app = known.app if known else SocialApp()
    before = (app.provider, app.settings)
    app.provider, app.provider_id, app.name = kind, slug, str(place)[:40]
    if kind == IdentityProvider.Kind.OIDC:
        try:
            check_address(server_url)
        except ValidationError as error:
            raise ValidationError({"server_url": error.messages}) from error
        app.client_id = client_id
        app.settings = {"server_url": server_url, "oauth_pkce_enabled": True}
    else:
        app.client_id, secret = slug, ""
        app.settings = {
            "idp": {"entity_id": entity_id, "sso_url": sso_url, "x509cert": certificate},
            "use_nameid_for_email": True,
            # Only an answer to a question of ours counts, and only what the provider has signed.
            "advanced": {
                "want_assertion_signed": True,
                "reject_idp_initiated_sso": True,
                "strict": True,
                "allow_single_label_domains": True,
            },
        }
    app.save()
    if before != (app.provider, app.settings):
        # Another provider may give the same numbers to other people.
        SocialAccount.objects.filter(provider=slug).delete()
    provider, _ = IdentityProvider.objects.update_or_create(
        **of,
        defaults={
            "slug": slug,
            "demanded": demanded,
            "vouches_for_addresses": vouches_for_addresses or kind == IdentityProvider.Kind.SAML,
            **({"sealed_secret": seal(secret.encode(), purpose=PURPOSE)} if secret else {}),
        },
    )
    if kind == IdentityProvider.Kind.SAML and provider.sealed_secret:
        provider.sealed_secret = ""
        provider.save(update_fields=["sealed_secret"])
    record(PROVIDER_SET, by=by, firm=provider.in_trail_of, target=provider, kind=kind, demanded=demanded)
    return provider


def reseal(provider: IdentityProvider) -> None:
    """Put the client secret under the present SECRET_KEY. Raises Unreadable."""
    if provider.sealed_secret:
        provider.sealed_secret = resealed(provider.sealed_secret, purpose=PURPOSE)
        provider.save(update_fields=["sealed_secret"])


@transaction.atomic
def remove(provider: IdentityProvider, *, by: User) -> None:
    """End the single sign-on: people sign in by password or passkey again. Raises PermissionDenied."""
    _must_own(provider.place, by)
    record(PROVIDER_REMOVED, by=by, firm=provider.in_trail_of, target=provider)
    SocialAccount.objects.filter(provider=provider.slug).delete()
    app = provider.app
    provider.delete()
    app.delete()


def may_come_in(user: User, provider: IdentityProvider) -> bool:
    """Whether the person belongs to the provider's organization and to no other."""
    firms = set(FirmMember.objects.filter(user=user).values_list("firm_id", flat=True))
    clients = set(ClientMember.objects.filter(user=user).values_list("organization_id", flat=True))
    own: tuple[set[Any], set[Any]] = (
        ({provider.firm_id}, set()) if provider.firm_id else (set(), {provider.organization_id})
    )
    return user.is_active and not user.is_staff and (firms, clients) == own


class Adapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Nobody gets an account by single sign-on: people are invited."""
        return False

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """The library's records with their secrets, which are stored sealed and apart from them."""
        apps: list[SocialApp] = super().list_apps(request, provider=provider, client_id=client_id)
        sealed = dict(
            IdentityProvider.objects.filter(slug__in=[one.provider_id for one in apps])
            .exclude(sealed_secret="")
            .values_list("slug", "sealed_secret")
        )
        for app in apps:
            if app.provider_id in sealed:
                app.secret = unseal(sealed[app.provider_id], purpose=PURPOSE).decode()
        return apps

    def get_requests_session(self) -> requests.Session:
        session: requests.Session = super().get_requests_session()
        session.mount("https://", Guarded())
        session.mount("http://", Guarded())
        return session

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        """An answer that does not count: not asked for, not signed, not for us, too old."""
        if error != AuthError.CANCELLED:
            errors = (extra_context or {}).get("saml_errors") or [type(exception).__name__ if exception else error]
            app = getattr(provider, "app", None)
            _note(
                _known(app.provider_id) if app else None,
                f"an answer that does not count: {', '.join(map(str, errors))}",
            )

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Find the invited person whom the provider speaks of. Raises ImmediateHttpResponse for anybody else."""
        provider = _known(sociallogin.account.provider)
        process = sociallogin.state.get("process")
        if provider is None or process not in {AuthProcess.LOGIN, AuthProcess.REDIRECT}:
            raise ImmediateHttpResponse(_refused(request, provider))
        told = asked_at(sociallogin)
        if process == AuthProcess.REDIRECT:
            _confirm(request, sociallogin, provider, told)
            return
        # A provider that asked nobody just now proves no more than that somebody sat there then.
        request.proved_elsewhere_at = told  # type: ignore[attr-defined]
        if sociallogin.is_existing:
            if not may_come_in(sociallogin.user, provider):
                raise ImmediateHttpResponse(_refused(request, provider))
            return
        user = _by_address(sociallogin, provider)
        if user is None or not may_come_in(user, provider):
            raise ImmediateHttpResponse(_refused(request, provider))
        with transaction.atomic():
            sociallogin.connect(request, user)
            record(LINKED, by=user, firm=provider.in_trail_of)


def _known(slug: str) -> IdentityProvider | None:
    return IdentityProvider.objects.select_related("firm", "organization__firm").filter(slug=slug).first()


def _by_address(sociallogin: SocialLogin, provider: IdentityProvider) -> User | None:
    """The person with an address that the provider vouches for."""
    for address in sociallogin.email_addresses:
        if address.verified or provider.vouches_for_addresses:
            return User.objects.filter(email=address.email.lower()).first()
    return None


def _note(provider: IdentityProvider | None, why: str, by: User | None = None) -> None:
    """Somebody was not let in: on record at the firm of the provider."""
    firm = provider.in_trail_of if provider is not None else None
    note(SINGLE_SIGN_ON, by=by, firm=firm, target=provider, why=why)


def _refused(request: HttpRequest, provider: IdentityProvider | None) -> HttpResponse:
    """The same words for everybody who does not come in: whether there is an account is not told."""
    _note(provider, "not a person whom it may let in")
    return render(request, "accounts/single_sign_on_refused.html", status=403)


def asked_at(sociallogin: SocialLogin) -> float | None:
    """When the provider last asked the person for a proof (seconds since 1970); None where it does not say."""
    told = sociallogin.account.extra_data
    token = told.get("id_token") if isinstance(told, dict) else None
    moment = token.get("auth_time") if isinstance(token, dict) else getattr(sociallogin, "authn_instant", None)
    return float(moment) if isinstance(moment, int | float) else None


def _confirm(
    request: HttpRequest, sociallogin: SocialLogin, provider: IdentityProvider, told: float | None
) -> None:
    """The person who is signed in came back from the provider to prove it. Raises ImmediateHttpResponse for
    anybody else, and where the provider says that it asked nobody since."""
    user = request.user
    sent = float(sociallogin.state.get("sent_at") or 0)
    fresh = told is None or told >= sent - SKEW_SECONDS
    if not (
        isinstance(user, User)
        and sociallogin.is_existing
        and sociallogin.user == user
        and may_come_in(user, provider)
        and fresh
    ):
        _note(provider, "it did not confirm who is signed in", by=user if isinstance(user, User) else None)
        raise ImmediateHttpResponse(render(request, "accounts/not_confirmed.html", status=403))
    record_authentication(
        request,
        user,
        "socialaccount",
        provider=sociallogin.account.provider,
        uid=sociallogin.account.uid,
        reauthenticated=True,
    )


class OpenIDConnect(OpenIDConnectProvider):  # type: ignore[misc]
    """The library's provider, which asks the person anew where it is a proof that is wanted."""

    def redirect(self, request: HttpRequest, process: str, *args: Any, **options: Any) -> HttpResponse:
        if process == AuthProcess.REDIRECT:
            wanted = {"prompt": "login", "max_age": "0"}
            options["auth_params"] = {**(options.get("auth_params") or self.get_auth_params()), **wanted}
            options["sent_at"] = time.time()
        answer: HttpResponse = super().redirect(request, process, *args, **options)
        return answer


class UsedBefore(PermissionDenied):
    """An assertion that has signed somebody in already."""


class SAML(SAMLProvider):  # type: ignore[misc]
    """The library's provider, which takes each assertion once, and asks anew where a proof is wanted."""

    def redirect(
        self, request: HttpRequest, process: str, next_url: str | None = None, data: Any = None, **options: Any
    ) -> HttpResponse:
        auth = build_auth(request, self)
        place = auth.login(return_to="", force_authn=process == AuthProcess.REDIRECT)
        self.stash_redirect_state(
            request,
            process,
            next_url,
            data,
            state_id=auth.get_last_request_id(),
            sent_at=time.time(),
            **options,
        )
        return HttpResponseRedirect(place)

    def sociallogin_from_response(self, request: HttpRequest, response: Any) -> SocialLogin:
        until = response.get_last_assertion_not_on_or_after() or time.time() + 3600
        key = f"saml:{self.app.client_id}:{response.get_last_assertion_id()}"
        if not cache.add(key, True, timeout=max(until - time.time(), 0) + 600):
            _note(_known(self.app.provider_id), "an answer that was used before")
            raise UsedBefore("This answer of the identity provider was used already.")
        made = super().sociallogin_from_response(request, response)
        made.authn_instant = _authn_instant(response.get_last_response_xml())
        return made


# What the library lets through of what is sent in place of an answer: no XML, a DTD in it, bytes that are no text.
UNREADABLE = (etree.XMLSyntaxError, ValueError, OneLogin_Saml2_Error)


def unreadable(request: HttpRequest, slug: str, exception: Exception) -> HttpResponse:
    """Anybody may send anything to where answers go: it is refused like an answer that does not count."""
    provider = get_adapter(request).get_provider(request, slug)
    answer: HttpResponse = render_authentication_error(request, provider, exception=exception)
    return answer


def _authn_instant(xml: str | bytes | None) -> float | None:
    """When the provider says that it asked the person, of an answer whose signature was checked before."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    tree = etree.fromstring(xml.encode() if isinstance(xml, str) else xml or b"<none/>", parser)
    found = tree.find(f".//{SAML_NAMES}AuthnStatement")
    moment = parse_datetime(found.get("AuthnInstant", "")) if found is not None else None
    return moment.timestamp() if moment is not None else None


def provider_of(user: User) -> IdentityProvider | None:
    """The single sign-on by which the person has come in before and may again; None for who has none."""
    slugs = SocialAccount.objects.filter(user=user).values("provider")
    provider = IdentityProvider.objects.filter(slug__in=slugs).first()
    return provider if provider is not None and may_come_in(user, provider) else None


def _must_own(place: Firm | ServiceOrganization, by: User) -> None:
    if not administers_itself(by, place):
        raise PermissionDenied(
            f"Only an administrator of {place}, of its own people, says how they sign in elsewhere."
        )
