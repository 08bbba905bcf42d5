"""Single sign-on: whom it lets in, and that nothing of it counts twice."""

from __future__ import annotations

import base64
import datetime as dt
import html
import json
import re
import secrets
import time
import zlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from allauth.socialaccount.models import SocialAccount
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django.core.cache import cache
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from accounts import proving, single_sign_on
from accounts.models import ClientMember, IdentityProvider, User
from audit.models import Event
from tests import factories as f
from tests.accounts.makers import administrator_of, is_in, sign_in, verified

pytestmark = pytest.mark.django_db
ISSUER = "https://login.northwind.example"
HOST = "attestry.example"
SITE = f"http://{HOST}"


@pytest.fixture(autouse=True)
def no_network(settings: Any) -> None:
    settings.SINGLE_SIGN_ON_PRIVATE = True
    settings.ALLOWED_HOSTS = [HOST, "testserver"]


# -- OpenID Connect -------------------------------------------------------------------------------


class Answer:
    status_code = 200
    headers = {"content-type": "application/json"}

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.text = json.dumps(data)

    def json(self) -> dict[str, Any]:
        return self.data

    def raise_for_status(self) -> None:
        pass


class Provider:
    """What an OpenID provider answers, without a network; `claims` are about the person who signs in there."""

    def __init__(self, client_id: str, **claims: Any) -> None:
        self.client_id, self.claims, self.asked = client_id, claims, []  # type: ignore[var-annotated]

    def __enter__(self) -> Provider:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get(self, url: str, **_: Any) -> Answer:
        if url.endswith("openid-configuration"):
            return Answer(
                {
                    "issuer": ISSUER,
                    "authorization_endpoint": f"{ISSUER}/authorize",
                    "token_endpoint": f"{ISSUER}/token",
                    "userinfo_endpoint": f"{ISSUER}/userinfo",
                    "jwks_uri": f"{ISSUER}/keys",
                }
            )
        return Answer(self.claims)

    def request(self, method: str, url: str, data: dict[str, Any] | None = None, **_: Any) -> Answer:
        self.asked.append(data)
        token = {
            "iss": ISSUER,
            "aud": self.client_id,
            "exp": timezone.now() + dt.timedelta(minutes=5),
            **self.claims,
        }
        signed = jwt.encode(token, "a secret that only the provider has, of 32 bytes", "HS256")
        return Answer({"access_token": "token", "id_token": signed})


@pytest.fixture
def oidc(monkeypatch: pytest.MonkeyPatch) -> IdentityProvider:
    engagement = f.staffed()
    provider = single_sign_on.set_up(
        engagement.client,
        kind="openid_connect",
        server_url=ISSUER,
        client_id="attestry",
        secret="of the client",
        demanded=False,
        by=administrator_of(engagement.client),
    )
    provider.refresh_from_db()
    return provider


def told(monkeypatch: pytest.MonkeyPatch, email: str, **claims: Any) -> Provider:
    """Let the provider say that this person has signed in."""
    made = Provider("attestry", **{"sub": f"sub-{email}", "email": email, "email_verified": True, **claims})
    monkeypatch.setattr(single_sign_on.Adapter, "get_requests_session", lambda _: made)
    return made


def go(client: Client, provider: IdentityProvider) -> str:
    """To the provider and back: the address at which the provider sends the person back."""
    start = client.get(reverse("accounts:single_sign_on_start", args=[provider.slug])).content.decode()
    login = reverse("openid_connect_login", args=[provider.slug])
    assert login in start
    sent = urlsplit(client.get(login)["Location"])
    query = parse_qs(sent.query)
    assert sent.geturl().startswith(f"{ISSUER}/authorize")
    assert query["code_challenge_method"] == ["S256"]
    back = reverse("openid_connect_callback", args=[provider.slug])
    return f"{back}?state={query['state'][0]}&code=abc"


def test_an_invited_person_comes_in_and_the_state_counts_once(
    oidc: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified(f.person("carla"))
    provider = told(monkeypatch, "carla@example.com")
    client = Client()
    back = go(client, oidc)
    stranger = Client()
    assert "did not work" in stranger.get(back).content.decode()
    assert not is_in(stranger)
    assert client.get(back).status_code == 302
    assert is_in(client)
    assert provider.asked[0]["code_verifier"]
    assert Event.objects.get(action="session.opened").detail == {"by_way_of": [oidc.slug]}
    client.post(reverse("account_logout"))
    assert "did not work" in client.get(back).content.decode()
    assert not is_in(client)
    assert len(provider.asked) == 1
    assert Event.objects.filter(action="single_sign_on.linked", actor=f.person("carla")).count() == 1
    client.get(go(client, oidc))
    assert is_in(client)
    assert SocialAccount.objects.count() == 1


def test_a_state_of_one_provider_is_no_state_of_another(
    oidc: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = f.firm("Other LLP")
    theirs = single_sign_on.set_up(
        other,
        kind="openid_connect",
        server_url=ISSUER,
        client_id="attestry",
        demanded=False,
        by=f.partner_of(other, "olga", "Olga Berg"),
    )
    told(monkeypatch, "carla@example.com")
    client = Client()
    back = go(client, oidc).replace(oidc.slug, theirs.slug)
    assert "did not work" in client.get(back).content.decode()


@pytest.mark.parametrize("key", ["petra", "nobody", "olga", "operator", "gone", "both"])
def test_nobody_else_comes_in_and_all_get_the_same_answer(
    oidc: IdentityProvider, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Neither the auditor nor a stranger, an operator, a deactivated person, or one who works for others too."""
    if key == "olga":
        f.partner_of(f.firm("Other LLP"), "olga", "Olga Berg")
    if key in {"operator", "gone", "both"}:
        user = f.person(key)
        ClientMember.objects.create(organization=oidc.place, user=user)
        User.objects.filter(pk=user.pk).update(is_staff=key == "operator", is_active=key != "gone")
    if key == "both":
        ClientMember.objects.create(organization=f.client(f.firm("Other LLP"), "Harbor Mills"), user=user)
    told(monkeypatch, f"{key}@example.com")
    client = Client()
    answer = client.get(go(client, oidc))
    assert answer.status_code == 403
    assert "You were not let in" in answer.content.decode()
    assert not is_in(client)
    assert not SocialAccount.objects.exists()


def test_whoever_is_not_let_in_leaves_a_record(oidc: IdentityProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, "nobody@example.com")
    client = Client()
    back = go(client, oidc)
    client.get(back)
    event = Event.objects.get(action="refused.single_sign_on")
    assert (event.actor, event.firm_id, event.target_label) == (None, oidc.in_trail_of.pk, str(oidc))
    assert "nobody" not in str(event.detail)
    cache.clear()
    client.get(back)
    again = Event.objects.filter(action="refused.single_sign_on").latest("pk")
    assert again.pk != event.pk
    assert "does not count" in again.detail["why"]


def test_the_auditor_does_not_say_how_the_clients_people_sign_in(oidc: IdentityProvider, client: Client) -> None:
    """Else the auditor's administrator could be the client's signatory and sign what the auditor examines."""
    engagement = f.staffed()
    with pytest.raises(PermissionDenied):
        single_sign_on.remove(oidc, by=engagement.created_by)
    client.force_login(engagement.created_by)
    url = reverse("accounts:organization_single_sign_on", args=[engagement.client_id])
    assert client.get(url).status_code == 403
    assert client.post(url, {"act": "remove"}).status_code == 403
    assert url not in client.get(reverse("accounts:organization", args=[engagement.client_id])).content.decode()


def test_who_joins_another_organization_comes_in_no_more(
    oidc: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(monkeypatch, "owen@example.com")
    client = Client()
    client.get(go(client, oidc))
    assert is_in(client)
    ClientMember.objects.create(organization=f.client(f.firm("Other LLP"), "Harbor Mills"), user=f.person("owen"))
    again = Client()
    assert again.get(go(again, oidc)).status_code == 403


def test_an_address_that_the_provider_has_not_verified_does_not_count(
    oidc: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(monkeypatch, "carla@example.com", email_verified=False)
    client = Client()
    assert client.get(go(client, oidc)).status_code == 403
    IdentityProvider.objects.update(vouches_for_addresses=True)
    client.get(go(client, oidc))
    assert is_in(client)


def test_an_organization_that_demands_it_ends_other_sessions_but_its_administrators(
    oidc: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    owen, carla = verified(f.person("owen")), verified(f.person("carla"))
    by_password, administrator = Client(), Client()
    sign_in(by_password, owen)
    sign_in(administrator, carla)
    ClientMember.objects.filter(user=carla).update(is_admin=True)
    assert is_in(by_password)
    IdentityProvider.objects.update(demanded=True)
    # Led to where they sign in, and not told in the same breath that they have signed in.
    start = reverse("accounts:single_sign_on_start", args=[oidc.slug])
    assert by_password.get("/engagements/")["Location"] == f"{start}?next=%2Fengagements%2F"
    assert is_in(administrator)
    sign_in(by_password, owen)
    shown = by_password.get("/engagements/", follow=True).content.decode()
    assert "Your organization asks you to sign in with its single sign-on" in shown
    assert "Successfully signed in" not in shown
    assert "next=%2Fengagements%2F" in shown
    told(monkeypatch, owen.email)
    client = Client()
    client.get(go(client, oidc))
    assert is_in(client)


# -- Proving it again -----------------------------------------------------------------------------


@pytest.fixture
def only_by_provider(oidc: IdentityProvider, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Sigrid, who signs, in an old session of the organization's provider: she has no password and no app."""
    sig = verified(f.person("sig"))
    sig.set_unusable_password()
    sig.save()
    IdentityProvider.objects.update(demanded=True)
    told(monkeypatch, sig.email)
    client = Client()
    client.get(go(client, oidc))
    assert is_in(client)
    session = client.session
    session["signed_in_at"] -= 3600
    session.save()
    return client


def prove_at_provider(client: Client, page: str) -> str:
    """From our page to the provider, which is told to ask anew; the address at which it sends the person back."""
    shown = client.get(page)
    link = re.search(r'href="([^"]*openid[^"]*|[^"]*process=redirect[^"]*)"', shown.content.decode())
    assert link, shown.content.decode()[-2000:]
    sent = urlsplit(client.get(html.unescape(link[1]))["Location"])
    query = parse_qs(sent.query)
    assert (query["prompt"], query["max_age"]) == (["login"], ["0"])
    slug = IdentityProvider.objects.get().slug
    return f"{reverse('openid_connect_callback', args=[slug])}?state={query['state'][0]}&code=abc"


def test_who_has_only_the_provider_proves_it_there_and_the_act_goes_on(
    only_by_provider: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f.client()
    ClientMember.objects.filter(user__email="sig@example.com").update(is_admin=True)
    url = reverse("accounts:organization", args=[place.pk])
    asked = only_by_provider.post(url, {"session_hours": "3"})
    assert asked["Location"].startswith(reverse("accounts:confirm"))
    place.refresh_from_db()
    assert place.session_hours == 12
    told(monkeypatch, "sig@example.com", auth_time=int(time.time()))
    back = only_by_provider.get(prove_at_provider(only_by_provider, asked["Location"]))
    done = only_by_provider.get(back["Location"])
    assert done["Location"] == url
    place.refresh_from_db()
    assert place.session_hours == 3
    assert is_in(only_by_provider)


@pytest.mark.parametrize("case", ["another", "long ago"])
def test_somebody_else_or_an_old_sign_in_at_the_provider_proves_nothing(
    only_by_provider: Client, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    page = reverse("accounts:confirm")
    who, then = ("owen@example.com", time.time()) if case == "another" else ("sig@example.com", time.time() - 3000)
    told(monkeypatch, who, auth_time=int(then))
    answer = only_by_provider.get(prove_at_provider(only_by_provider, page))
    assert answer.status_code == 403
    assert "did not confirm" in answer.content.decode()
    assert only_by_provider.get(reverse("accounts:confirmed"))["Location"].startswith(page)


def test_a_confirmation_stands_for_the_password_of_one_act(
    only_by_provider: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sig = f.person("sig")
    told(monkeypatch, sig.email, auth_time=int(time.time()))
    only_by_provider.get(prove_at_provider(only_by_provider, f"{reverse('accounts:confirm')}?next=/engagements/"))
    request = only_by_provider.get(reverse("home")).wsgi_request
    assert proving.secret_asked(sig) == ""
    assert proving.confirmed(request)
    one = proving.ticket(request)
    with pytest.raises(ValidationError):
        proving.prove(f.person("owen"), one)
    proving.prove(sig, one)
    with pytest.raises(ValidationError):
        proving.prove(sig, one)


def test_a_sign_in_by_an_old_session_of_the_provider_is_no_fresh_proof(
    oidc: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    carla = verified(f.person("carla"))
    for then, fresh in ((time.time() - 7200, False), (time.time(), True)):
        told(monkeypatch, carla.email, auth_time=int(then))
        client = Client()
        client.get(go(client, oidc))
        assert is_in(client)
        assert proving.proved_recently(client.get(reverse("home")).wsgi_request) is fresh


# -- SAML -----------------------------------------------------------------------------------------

ENTITY = "https://idp.northwind.example/saml"


@pytest.fixture(scope="module")
def keys() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2040, 1, 1, tzinfo=dt.UTC))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture
def saml(keys: tuple[str, str]) -> IdentityProvider:
    engagement = f.staffed()
    return single_sign_on.set_up(
        engagement.client,
        kind="saml",
        entity_id=ENTITY,
        sso_url=f"{ENTITY}/sso",
        certificate=keys[1],
        demanded=False,
        by=administrator_of(engagement.client),
    )


def asked(client: Client, provider: IdentityProvider) -> str:
    """Begin at us; returns the number of our question."""
    sent = urlsplit(client.get(reverse("saml_login", args=[provider.slug]))["Location"])
    xml = zlib.decompress(base64.b64decode(parse_qs(sent.query)["SAMLRequest"][0]), -15).decode()
    return xml.partition('ID="')[2].partition('"')[0]


def answers(request: str) -> str:
    return f' InResponseTo="{request}"' if request else ""


def assertion(
    provider: IdentityProvider, keys: tuple[str, str], request: str, email: str, *, sign: bool = True
) -> str:
    acs = SITE + reverse("saml_acs", args=[provider.slug])
    audience = SITE + reverse("saml_metadata", args=[provider.slug])
    now, soon = timezone.now(), timezone.now() + dt.timedelta(minutes=5)
    xml = (
        f'<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_{secrets.token_hex(8)}" '
        f'Version="2.0" IssueInstant="{now:%Y-%m-%dT%H:%M:%SZ}"><saml:Issuer>{ENTITY}</saml:Issuer><saml:Subject>'
        f'<saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">{email}</saml:NameID>'
        f'<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData '
        f'NotOnOrAfter="{soon:%Y-%m-%dT%H:%M:%SZ}" Recipient="{acs}"{answers(request)}/>'
        f"</saml:SubjectConfirmation></saml:Subject><saml:Conditions "
        f'NotBefore="{now - dt.timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}" NotOnOrAfter="{soon:%Y-%m-%dT%H:%M:%SZ}">'
        f"<saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction>"
        f'</saml:Conditions><saml:AuthnStatement AuthnInstant="{now:%Y-%m-%dT%H:%M:%SZ}" SessionIndex="_1">'
        f"<saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
        f"</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>"
        f'<saml:Attribute Name="mail"><saml:AttributeValue>{email}</saml:AttributeValue></saml:Attribute>'
        f"</saml:AttributeStatement></saml:Assertion>"
    )
    if not sign:
        return xml
    signed = OneLogin_Saml2_Utils.add_sign(xml, *keys)
    return signed.decode() if isinstance(signed, bytes) else str(signed)


def answer(provider: IdentityProvider, request: str, inner: str) -> str:
    acs = SITE + reverse("saml_acs", args=[provider.slug])
    inner = inner.partition("?>")[2] if inner.startswith("<?xml") else inner
    xml = (
        f'<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" '
        f'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_{secrets.token_hex(8)}" Version="2.0" '
        f'IssueInstant="{timezone.now():%Y-%m-%dT%H:%M:%SZ}" Destination="{acs}"{answers(request)}>'
        f"<saml:Issuer>{ENTITY}</saml:Issuer><samlp:Status><samlp:StatusCode "
        f'Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>{inner}</samlp:Response>'
    )
    return base64.b64encode(xml.encode()).decode()


def post(client: Client, provider: IdentityProvider, response: str) -> Any:
    return client.post(reverse("saml_acs", args=[provider.slug]), {"SAMLResponse": response}, follow=True)


def test_an_assertion_signs_in_once(saml: IdentityProvider, keys: tuple[str, str]) -> None:
    client = Client(HTTP_HOST=HOST)
    question = asked(client, saml)
    inner = assertion(saml, keys, question, "carla@example.com")
    post(client, saml, answer(saml, question, inner))
    assert is_in(client)
    assert Event.objects.get(action="session.opened").detail == {"by_way_of": [saml.slug]}
    client.post(reverse("account_logout"))
    # The same answer again; and the same assertion as the answer to another question, in this browser or another.
    again = post(client, saml, answer(saml, question, inner))
    assert again.status_code == 403
    assert b"was used before" in again.content
    for other in (client, Client(HTTP_HOST=HOST)):
        post(other, saml, answer(saml, asked(other, saml), inner))
        assert not is_in(other)


def test_a_proof_by_saml_asks_the_provider_to_ask_anew(saml: IdentityProvider, keys: tuple[str, str]) -> None:
    client = Client(HTTP_HOST=HOST)
    question = asked(client, saml)
    post(client, saml, answer(saml, question, assertion(saml, keys, question, "carla@example.com")))
    login = reverse("saml_login", args=[saml.slug])
    back = f"{reverse('accounts:confirmed')}?next=/engagements/"
    sent = urlsplit(client.get(login, {"process": "redirect", "next": back})["Location"])
    xml = zlib.decompress(base64.b64decode(parse_qs(sent.query)["SAMLRequest"][0]), -15).decode()
    assert 'ForceAuthn="true"' in xml
    question = xml.partition('ID="')[2].partition('"')[0]
    done = post(client, saml, answer(saml, question, assertion(saml, keys, question, "carla@example.com")))
    assert [place for place, _ in done.redirect_chain][-1] == "/engagements/"
    assert proving.confirmed(client.get(reverse("home")).wsgi_request)


def test_an_assertion_that_names_no_question_counts_once_too(saml: IdentityProvider, keys: tuple[str, str]) -> None:
    """Anybody can write the unsigned part around it, and so make it the answer to another question."""
    client, thief = Client(HTTP_HOST=HOST), Client(HTTP_HOST=HOST)
    inner = assertion(saml, keys, "", "carla@example.com")
    post(client, saml, answer(saml, asked(client, saml), inner))
    assert is_in(client)
    assert post(thief, saml, answer(saml, asked(thief, saml), inner)).status_code == 403
    assert not is_in(thief)


def test_what_was_not_asked_for_or_signed_or_meant_for_us_does_not_count(
    saml: IdentityProvider, keys: tuple[str, str]
) -> None:
    client = Client(HTTP_HOST=HOST)
    post(client, saml, answer(saml, "", assertion(saml, keys, "", "carla@example.com")))
    assert not is_in(client)
    question = asked(client, saml)
    unsigned = assertion(saml, keys, question, "carla@example.com", sign=False)
    post(client, saml, answer(saml, question, unsigned))
    assert not is_in(client)
    changed = assertion(saml, keys, question, "owen@example.com").replace("owen@", "carla@")
    post(client, saml, answer(saml, question, changed))
    assert not is_in(client)
    # None of it was refused for another reason.
    post(client, saml, answer(saml, question, assertion(saml, keys, question, "carla@example.com")))
    assert is_in(client)
    client.post(reverse("account_logout"))
    question = asked(client, saml)
    post(client, saml, answer(saml, question, assertion(saml, keys, question, "petra@example.com")))
    assert not is_in(client)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"foo",
        b"<x/>",
        b"<x>",
        b"\xff\xfe\x00",
        b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        b"<x " + b"a" * 100_000,
    ],
)
def test_what_is_no_answer_at_all_is_refused_like_one_that_does_not_count(
    saml: IdentityProvider, sent: bytes
) -> None:
    """Anybody may send there: it is no error of ours, and on record as what it is."""
    client = Client(HTTP_HOST=HOST, raise_request_exception=False)
    for place, name in (("saml_acs", "SAMLResponse"), ("saml_sls", "SAMLResponse"), ("saml_sls", "SAMLRequest")):
        for text in (base64.b64encode(sent).decode(), "%%%" + sent[:9].decode("latin-1"), "\u2026"):
            url = reverse(place, args=[saml.slug])
            for answered in (
                client.post(url, {name: text}, follow=True),
                client.get(url, {name: text}, follow=True),
            ):
                assert answered.status_code < 500, (place, name, text)
    assert Event.objects.filter(action="refused.single_sign_on").exists()


LOGOUT = {
    "SAMLRequest": ("LogoutRequest", "<saml:NameID>carla@example.com</saml:NameID>"),
    "SAMLResponse": (
        "LogoutResponse",
        '<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>',
    ),
}


@pytest.mark.parametrize("name", LOGOUT)
def test_nobody_signs_a_person_out_by_a_link(saml: IdentityProvider, keys: tuple[str, str], name: str) -> None:
    """There is no single log-out: an unsigned word of it, in a link, ends no session and leads nowhere."""
    client = Client(HTTP_HOST=HOST)
    question = asked(client, saml)
    post(client, saml, answer(saml, question, assertion(saml, keys, question, "carla@example.com")))
    assert is_in(client)
    place = reverse("saml_sls", args=[saml.slug])
    kind, inner = LOGOUT[name]
    xml = (
        f'<samlp:{kind} xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_x" Version="2.0" '
        f'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" IssueInstant="{timezone.now():%Y-%m-%dT%H:%M:%SZ}" '
        f'Destination="{SITE}{place}"><saml:Issuer>{ENTITY}</saml:Issuer>{inner}</samlp:{kind}>'
    )
    deflated = zlib.compress(xml.encode())[2:-4]
    said = client.get(place, {name: base64.b64encode(deflated).decode(), "RelayState": "https://evil.example/"})
    assert is_in(client)
    assert said.status_code == 404


# -- Setting it up --------------------------------------------------------------------------------


def test_administrators_set_it_up_and_take_it_away(client: Client, keys: tuple[str, str]) -> None:
    engagement = f.staffed()
    page = reverse("accounts:organization_single_sign_on", args=[engagement.client_id])
    client.force_login(f.person("owen"))
    assert client.get(page).status_code == 403
    client.force_login(administrator_of(engagement.client))
    assert client.post(page, {"kind": "saml", "entity_id": ENTITY}).status_code == 422
    # A provider wants our addresses before it tells its own.
    before = client.get(page).content.decode()
    sent = {"kind": "openid_connect", "server_url": ISSUER, "client_id": "attestry", "secret": "of the client"}
    assert client.post(page, sent).status_code == 302
    shown = client.get(page).content.decode()
    provider = IdentityProvider.objects.get()
    for name in ("openid_connect_callback", "saml_acs", "saml_metadata"):
        assert f"{reverse(name, args=[provider.slug])}</span>" in before
    assert reverse("openid_connect_callback", args=[provider.slug]) in shown
    assert "of the client" not in shown
    client.post(page, sent | {"secret": ""})
    assert single_sign_on.Adapter().get_app(None, provider=provider.slug).secret == "of the client"
    assert provider.app.secret == ""
    assert "of the client" not in provider.sealed_secret
    saml = {"kind": "saml", "entity_id": ENTITY, "sso_url": f"{ENTITY}/sso", "certificate": keys[1]}
    assert client.post(page, saml).status_code == 302
    metadata = client.get(reverse("saml_metadata", args=[provider.slug]), HTTP_HOST=HOST)
    assert b"AssertionConsumerService" in metadata.content
    found = client.get(reverse("accounts:single_sign_on"), {"name": provider.slug})
    assert found["Location"] == reverse("accounts:single_sign_on_start", args=[provider.slug])
    client.post(page, {"act": "remove"})
    assert not IdentityProvider.objects.exists()
    with pytest.raises(PermissionDenied):
        single_sign_on.set_up(engagement.client, kind="saml", demanded=True, by=f.person("owen"))


@pytest.mark.parametrize(
    "url",
    ["http://login.example.com", "https://127.0.0.1", "https://[::1]", "https://10.0.0.7", "https://localhost"],
)
def test_our_server_asks_nobody_inside_its_own_network(settings: Any, url: str) -> None:
    settings.SINGLE_SIGN_ON_PRIVATE = False
    with pytest.raises(ValidationError):
        single_sign_on.check_address(url)
    session = single_sign_on.Adapter().get_requests_session()
    with pytest.raises(single_sign_on.requests.exceptions.InvalidURL):
        session.get(url)
