"""Whatever changes how somebody is or gets signed in leaves an event, or does not happen: the library's routes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit.models import Event
from tests import factories as f
from tests.accounts.makers import code_now, sign_in, verified, with_app, with_recovery_codes
from tests.accounts.passkeys import Passkey
from tests.permissions.table import TABLE
from tests.permissions.test_events import OF_LIBRARY, full_disk, kept

pytestmark = pytest.mark.django_db

NEW = "another long pass phrase"
Send = Callable[[], Any]
Prepare = Callable[[Client, User], Send]
ACTS: dict[str, tuple[str, Prepare]] = {}

# Routes of the library that take POST and change nothing that is on record, each with its reason.
NOTHING_CHANGES = {
    "account_signup": "nobody signs up; the page says so",
    "account_confirm_login_code": "signing in by a code in a mail is off",
    "socialaccount_login_cancelled": "leads back to the sign-in page",
    "mfa_index": "leads to one's account",
    "mfa_download_recovery_codes": "takes GET only",
    "openid_connect_login": "leads to the provider; the state is the browser's own session",
    "openid_connect_callback": "the provider sends back by GET: test_single_sign_on.py has the event",
    "saml_login": "leads to the provider; the question is the browser's own session",
    "saml_acs": "keeps the answer in a session of its own, for the next request to look at",
    "saml_finish_acs": "the browser comes here by GET: test_single_sign_on.py has the event",
    "saml_sls": "is not there: we offer no single log-out",
    "saml_metadata": "shows our own metadata",
}


def act(route: str, action: str) -> Callable[[Prepare], Prepare]:
    def register(prepare: Prepare) -> Prepare:
        ACTS[route] = (action, prepare)
        return prepare

    return register


def signed_in(client: Client, user: User) -> None:
    client.force_login(user)


@act("account_login", "session.opened")
def log_in(client: Client, user: User) -> Send:
    return lambda: sign_in(client, user)


@act("account_logout", "session.closed")
def log_out(client: Client, user: User) -> Send:
    signed_in(client, user)
    return lambda: client.post(reverse("account_logout"))


@act("account_reauthenticate", "session.proved")
def prove_again(client: Client, user: User) -> Send:
    signed_in(client, user)
    return lambda: client.post(reverse("account_reauthenticate"), {"password": f.PASSWORD})


@act("account_email", "address.asked")
def new_address(client: Client, user: User) -> Send:
    signed_in(client, user)
    return lambda: client.post(reverse("account_email"), {"action_add": "", "email": "new@example.com"})


@act("account_confirm_email", "address.proved")
def prove_address(client: Client, user: User) -> Send:
    address = EmailAddress.objects.get(user=user)
    address.verified = False
    address.save()
    return lambda: client.post(reverse("account_confirm_email", args=[EmailConfirmationHMAC(address).key]))


@act("account_change_password", "password.changed")
def change_password(client: Client, user: User) -> Send:
    signed_in(client, user)
    data = {"oldpassword": f.PASSWORD, "password1": NEW, "password2": NEW}
    return lambda: client.post(reverse("account_change_password"), data)


@act("account_set_password", "password.changed")
def set_password(client: Client, user: User) -> Send:
    user.set_unusable_password()
    user.save()
    signed_in(client, user)
    return lambda: client.post(reverse("account_set_password"), {"password1": NEW, "password2": NEW})


@act("account_reset_password", "password.reset_asked")
def ask_for_password(client: Client, user: User) -> Send:
    return lambda: client.post(reverse("account_reset_password"), {"email": user.email})


@act("account_reset_password_from_key", "password.changed")
def new_password(client: Client, user: User) -> Send:
    client.post(reverse("account_reset_password"), {"email": user.email})
    link = re.search(r"http\S+", str(mail.outbox[-1].body))
    assert link is not None
    place = client.get(link.group())["Location"]
    return lambda: client.post(place, {"password1": NEW, "password2": NEW})


@act("mfa_authenticate", "session.opened")
def give_code(client: Client, user: User) -> Send:
    secret = with_app(user)
    sign_in(client, user)
    return lambda: client.post(reverse("mfa_authenticate"), {"code": code_now(secret)})


@act("mfa_reauthenticate", "session.proved")
def give_code_again(client: Client, user: User) -> Send:
    secret = with_app(user)
    signed_in(client, user)
    return lambda: client.post(reverse("mfa_reauthenticate"), {"code": code_now(secret)})


@act("mfa_activate_totp", "factor.added")
def turn_app_on(client: Client, user: User) -> Send:
    signed_in(client, user)
    client.get(reverse("mfa_activate_totp"))
    secret = client.session["mfa.totp.secret"]
    return lambda: client.post(reverse("mfa_activate_totp"), {"code": code_now(secret)})


@act("mfa_deactivate_totp", "factor.removed")
def turn_app_off(client: Client, user: User) -> Send:
    with_app(user)
    signed_in(client, user)
    return lambda: client.post(reverse("mfa_deactivate_totp"))


@act("mfa_generate_recovery_codes", "factor.renewed")
def new_codes(client: Client, user: User) -> Send:
    with_app(user)
    with_recovery_codes(user)
    signed_in(client, user)
    return lambda: client.post(reverse("mfa_generate_recovery_codes"))


@act("mfa_add_webauthn", "factor.added")
def add_passkey(client: Client, user: User) -> Send:
    passkey = Passkey(user)
    signed_in(client, user)
    client.get(reverse("mfa_add_webauthn"))
    return lambda: client.post(
        reverse("mfa_add_webauthn"), {"name": "Key", "passwordless": "on", "credential": passkey.registers(client)}
    )


def with_passkey(client: Client, user: User) -> tuple[Passkey, int]:
    """The person has a passkey and is signed in."""
    passkey = Passkey(user)
    signed_in(client, user)
    client.get(reverse("mfa_add_webauthn"))
    client.post(
        reverse("mfa_add_webauthn"), {"name": "Key", "passwordless": "on", "credential": passkey.registers(client)}
    )
    return passkey, Authenticator.objects.get(user=user, type=Authenticator.Type.WEBAUTHN).pk


@act("mfa_edit_webauthn", "factor.renamed")
def rename_passkey(client: Client, user: User) -> Send:
    _, pk = with_passkey(client, user)
    return lambda: client.post(reverse("mfa_edit_webauthn", args=[pk]), {"name": "Laptop"})


@act("mfa_remove_webauthn", "factor.removed")
def remove_passkey(client: Client, user: User) -> Send:
    _, pk = with_passkey(client, user)
    return lambda: client.post(reverse("mfa_remove_webauthn", args=[pk]))


@act("mfa_reauthenticate_webauthn", "session.proved")
def show_passkey_again(client: Client, user: User) -> Send:
    passkey, _ = with_passkey(client, user)
    client.get(reverse("mfa_reauthenticate_webauthn"))
    return lambda: client.post(reverse("mfa_reauthenticate_webauthn"), {"credential": passkey.signs(client)})


@act("mfa_login_webauthn", "session.opened")
def passkey_alone(client: Client, user: User) -> Send:
    passkey, _ = with_passkey(client, user)
    client.post(reverse("account_logout"))
    client.get(reverse("mfa_login_webauthn"), headers={"X-Requested-With": "XMLHttpRequest"})
    return lambda: client.post(reverse("mfa_login_webauthn"), {"credential": passkey.signs(client)})


def a_person() -> User:
    f.staffed()
    return verified(f.person("petra"))


def test_every_route_of_the_library_is_here() -> None:
    routes = {row.name for row in TABLE.values() if row.post is not None and row.name.startswith(OF_LIBRARY)}
    assert routes == {*ACTS, *NOTHING_CHANGES}


@pytest.mark.parametrize("route", ACTS)
def test_it_leaves_its_event_or_does_not_happen(route: str, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.SITE_URL = "http://localhost"
    action, prepare = ACTS[route]
    user = a_person()
    client = Client(raise_request_exception=False)
    send = prepare(client, user)
    before, count = kept(), Event.objects.filter(action=action).count()
    with monkeypatch.context() as patch:
        patch.setattr(Event, "save", full_disk)
        refused = send()
    assert refused.status_code == 500, refused.content.decode()[:2000]
    assert kept() == before
    cache.clear()
    response = send()
    assert Event.objects.filter(action=action).count() == count + 1, response.content.decode()[:2000]
    event = Event.objects.filter(action=action).latest("pk")
    assert event.firm_id == user.firm_memberships.get().firm_id
    assert event.chain_id == f"firm:{event.firm_id}"
    if action != "password.reset_asked":
        assert event.actor == user


@pytest.mark.parametrize("route", ["account_signup", "account_confirm_login_code", "mfa_index", "saml_acs"])
def test_these_change_nothing(route: str) -> None:
    user = a_person()
    client = Client()
    client.force_login(user)
    before = kept()
    client.post(reverse(route, args=["unknown"] if route.startswith("saml") else []), {"email": "a@example.com"})
    assert kept() == before


def test_how_one_has_signed_in_is_told() -> None:
    user = a_person()
    secret = with_app(user)
    client = Client()
    sign_in(client, user)
    assert not Event.objects.filter(action="session.opened").exists()
    client.post(reverse("mfa_authenticate"), {"code": code_now(secret)})
    assert Event.objects.get(action="session.opened").detail == {"by_way_of": ["password", "totp"]}


def test_refused_sign_ins_are_told_and_keep_no_strangers_words() -> None:
    user = a_person()
    sign_in(Client(), user, "wrong", REMOTE_ADDR="203.0.113.9")
    known = Event.objects.get(action="session.refused")
    assert (known.actor, known.target_label, known.ip) == (None, str(user), "203.0.113.9")
    assert known.firm_id == user.firm_memberships.get().firm_id
    Client().post(reverse("account_login"), {"login": "my-secret@example.com", "password": "another secret"})
    unknown = Event.objects.filter(action="session.refused").latest("pk")
    assert (unknown.chain_id, unknown.target, unknown.detail) == ("installation", "", {})
    with_app(user)
    client = Client()
    sign_in(client, user)
    client.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert Event.objects.get(action="session.code_refused").actor == user


def test_a_used_recovery_code_is_told() -> None:
    user = a_person()
    with_app(user)
    codes = with_recovery_codes(user)
    client = Client()
    sign_in(client, user)
    client.post(reverse("mfa_authenticate"), {"code": codes[0]})
    assert Event.objects.filter(action="factor.recovery_used", actor=user).count() == 1
    assert Event.objects.get(action="session.opened").detail["by_way_of"] == ["password", "recovery_codes"]
