"""Single sign-on of one firm or client: setting it up, and who may come in by it.

An organization's provider vouches for the organization's own people. A person who belongs to another one as
well, or runs this installation, never comes in by it: else its administrator could become that person elsewhere.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.saml.provider import SAMLProvider
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import slugify

from accounts.models import ClientMember, Firm, FirmMember, IdentityProvider, ServiceOrganization, User
from accounts.people import administers
from audit.trail import action, record

PROVIDER_SET = action("single_sign_on.set", "set up the {target}")
PROVIDER_REMOVED = action("single_sign_on.removed", "removed the {target}")
LINKED = action("single_sign_on.linked", "signed in by single sign-on for the first time")


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
    _must_administer(place, by)
    of = {"firm": place} if isinstance(place, Firm) else {"organization": place}
    known = IdentityProvider.objects.select_for_update().filter(**of).first()
    slug = known.slug if known else f"{slugify(str(place))[:40].strip('-')}-{secrets.token_hex(2)}"
    app = known.app if known else SocialApp()
    before = (app.provider, app.settings)
    app.provider, app.provider_id, app.name = kind, slug, str(place)[:40]
    if kind == IdentityProvider.Kind.OIDC:
        try:
            check_address(server_url)
        except ValidationError as error:
            raise ValidationError({"server_url": error.messages}) from error
        app.client_id, app.secret = client_id, secret or app.secret
        app.settings = {"server_url": server_url, "oauth_pkce_enabled": True}
    else:
        app.client_id, app.secret = slug, ""
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
        },
    )
    firm = place if isinstance(place, Firm) else place.firm
    record(PROVIDER_SET, by=by, firm=firm, target=provider, kind=kind, demanded=demanded)
    return provider


@transaction.atomic
def remove(provider: IdentityProvider, *, by: User) -> None:
    """End the single sign-on: people sign in by password or passkey again. Raises PermissionDenied."""
    place = provider.place
    _must_administer(place, by)
    record(PROVIDER_REMOVED, by=by, firm=place if isinstance(place, Firm) else place.firm, target=provider)
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

    def get_requests_session(self) -> requests.Session:
        session: requests.Session = super().get_requests_session()
        session.mount("https://", Guarded())
        session.mount("http://", Guarded())
        return session

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Find the invited person whom the provider speaks of. Raises ImmediateHttpResponse for anybody else."""
        provider = (
            IdentityProvider.objects.select_related("firm", "organization__firm")
            .filter(slug=sociallogin.account.provider)
            .first()
        )
        if provider is None or sociallogin.state.get("process") != "login":
            raise ImmediateHttpResponse(_refused(request))
        if sociallogin.is_existing:
            if not may_come_in(sociallogin.user, provider):
                raise ImmediateHttpResponse(_refused(request))
            return
        user = _by_address(sociallogin, provider)
        if user is None or not may_come_in(user, provider):
            raise ImmediateHttpResponse(_refused(request))
        with transaction.atomic():
            sociallogin.connect(request, user)
            firm = provider.firm or (provider.organization and provider.organization.firm)
            record(LINKED, by=user, firm=firm)


def _by_address(sociallogin: SocialLogin, provider: IdentityProvider) -> User | None:
    """The person with an address that the provider vouches for."""
    for address in sociallogin.email_addresses:
        if address.verified or provider.vouches_for_addresses:
            return User.objects.filter(email=address.email.lower()).first()
    return None


def _refused(request: HttpRequest) -> HttpResponse:
    """The same words for everybody who does not come in: whether there is an account is not told."""
    return render(request, "accounts/single_sign_on_refused.html", status=403)


class SAML(SAMLProvider):  # type: ignore[misc]
    """The library's provider, which takes each assertion once."""

    def sociallogin_from_response(self, request: HttpRequest, response: Any) -> SocialLogin:
        until = response.get_last_assertion_not_on_or_after() or time.time() + 3600
        key = f"saml:{self.app.client_id}:{response.get_last_assertion_id()}"
        if not cache.add(key, True, timeout=max(until - time.time(), 0) + 600):
            raise PermissionDenied("This answer of the identity provider was used already.")
        return super().sociallogin_from_response(request, response)


def _must_administer(place: Firm | ServiceOrganization, by: User) -> None:
    if not administers(by, place):
        raise PermissionDenied(f"Only an administrator of {place} changes this.")
