"""Passkeys from adding to signing in, with an authenticator that Chromium plays; the account's pages looked at."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import reverse

from accounts import single_sign_on
from accounts.clients import change_sign_in_policy
from tests import factories as f
from tests.accounts.makers import administrator_of, code_now, verified
from tests.browser.conftest import Sit

pytestmark = [pytest.mark.django_db(transaction=True)]
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(autouse=True)
def on_this_machine(settings: Any) -> None:
    """Passkeys belong to a name, never to an address in numbers."""
    settings.SITE_URL = "http://127.0.0.1:8000"
    cache.clear()


def with_authenticator(page: Any) -> Any:
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    return tools, tools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})["authenticatorId"]


@pytest.mark.drill
def test_a_passkey_is_added_signs_in_alone_and_confirms(sit: Sit) -> None:
    engagement = f.staffed()
    petra = verified(engagement.created_by)
    change_sign_in_policy(engagement.firm, demands_second_factor=True, session_hours=12, by=petra)
    desk = sit()
    page = desk.page
    tools, authenticator = with_authenticator(page)

    desk.open(reverse("account_login"))
    desk.look()
    desk.fill(login=petra.email, password=f.PASSWORD)
    desk.press("Sign in")
    desk.says("Set up a second factor to go on")
    desk.look(narrow=True)
    desk.follow("Add a passkey")
    desk.says("Nobody can phish it")
    desk.look()
    desk.fill(name="Petra's laptop")
    desk.press("Add the passkey")
    desk.says("Recovery codes")
    desk.look()
    assert len(tools.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})["credentials"]) == 1
    desk.follow("I have kept them")
    desk.says("Petra's laptop", "signs in alone", "10 left")
    desk.look(narrow=True)

    desk.open(reverse("account_logout"))
    page.locator("main").get_by_role("button", name="Sign out").click()
    desk.open(reverse("account_login"))
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(re.compile(r"localhost:\d+/$"))
    desk.open(reverse("accounts:account"))
    desk.says("Petra's laptop")

    # As a second factor after the password.
    desk.open(reverse("account_logout"))
    page.locator("main").get_by_role("button", name="Sign out").click()
    desk.open(reverse("account_login"))
    desk.fill(login=petra.email, password=f.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    desk.says("Your second factor")
    desk.look()
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(re.compile(r"localhost:\d+/$"))

    # And as a proof before a grave act.
    desk.open(reverse("mfa_reauthenticate_webauthn") + "?next=" + reverse("accounts:firm"))
    desk.look()
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(re.compile(r"localhost:\d+/firm/$"))
    desk.look(narrow=True)


@pytest.mark.drill
def test_an_authenticator_app_and_the_pages_of_organizations(sit: Sit) -> None:
    engagement = f.staffed()
    petra = verified(engagement.created_by)
    provider = {"kind": "saml", "entity_id": "https://idp.example", "sso_url": "https://idp.example/sso"}
    adele = verified(administrator_of(engagement.client))
    single_sign_on.set_up(engagement.client, certificate="x", demanded=False, by=adele, **provider)
    desk = sit(petra)
    desk.open(reverse("mfa_activate_totp"))
    desk.look()
    desk.page.get_by_text("I cannot scan it").click()
    desk.fill(code=code_now(desk.page.locator("code.code").inner_text()))
    desk.press("Turn it on")
    desk.says("Recovery codes")
    for name, args in (
        ("accounts:account", []),
        ("accounts:firm", []),
        ("accounts:organization", [engagement.client_id]),
        ("accounts:firm_single_sign_on", []),
        ("accounts:single_sign_on", []),
        ("accounts:firm_member", [engagement.firm.members.get(user__email="sana@example.com").pk]),
        ("mfa_generate_recovery_codes", []),
        ("mfa_deactivate_totp", []),
        ("account_email", []),
        ("account_reauthenticate", []),
        ("mfa_reauthenticate", []),
        ("mfa_list_webauthn", []),
    ):
        desk.open(reverse(name, args=args))
        desk.look(narrow=True)
    desk = sit(adele)
    desk.open(reverse("accounts:organization_single_sign_on", args=[engagement.client_id]))
    desk.look(narrow=True)
