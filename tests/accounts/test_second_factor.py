"""Second factors: asked for, counted once, demanded by organizations."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from unittest import mock

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core import mail
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.clients import change_sign_in_policy
from accounts.models import ClientMember, User
from accounts.people import left_alone
from audit.models import Event
from tests import factories as f
from tests.accounts.makers import code_now, is_in, sign_in, verified, with_app, with_recovery_codes

pytestmark = pytest.mark.django_db
ASK = "mfa_authenticate"


def answered(user: User, code: str) -> bool:
    """Whether the password and then this code sign the person in."""
    client = Client()
    assert sign_in(client, user)["Location"] == reverse(ASK)
    assert not is_in(client)
    client.post(reverse(ASK), {"code": code})
    return is_in(client)


def test_the_code_is_asked_after_the_password_and_counts_once() -> None:
    petra = verified(f.person("petra"))
    code = code_now(with_app(petra))
    assert not answered(petra, "000000" if code != "000000" else "111111")
    assert answered(petra, code)
    assert not answered(petra, code)


def test_a_recovery_code_counts_once() -> None:
    petra = verified(f.person("petra"))
    with_app(petra)
    code, other = with_recovery_codes(petra)[:2]
    assert answered(petra, code)
    assert not answered(petra, code)
    assert answered(petra, other)


@pytest.mark.django_db(transaction=True)
def test_a_recovery_code_used_twice_at_once_counts_once() -> None:
    petra = verified(f.person("petra"))
    with_app(petra)
    code = with_recovery_codes(petra)[0]
    clients = [Client(), Client()]
    for client in clients:
        sign_in(client, petra)

    def answer(client: Client) -> bool:
        try:
            client.post(reverse(ASK), {"code": code})
            return is_in(client)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(answer, clients)) == [False, True]


@pytest.mark.drill
def test_codes_are_not_guessed() -> None:
    petra = verified(f.person("petra"))
    secret = with_app(petra)
    client = Client()
    sign_in(client, petra)
    for at in range(6):
        client.post(reverse(ASK), {"code": f"{at:06}"})
    client.post(reverse(ASK), {"code": code_now(secret)})
    assert not is_in(client)


@pytest.mark.django_db(transaction=True)
def test_setting_one_up_wants_a_fresh_proof_and_ends_other_sessions(client: Client) -> None:
    petra = verified(f.person("petra"))
    other = Client()
    for one in (client, other):
        sign_in(one, petra)
    session = client.session
    session["signed_in_at"] -= 3600
    session.save()
    page = client.get(reverse("mfa_activate_totp"))
    assert page.status_code == 302
    assert page["Location"].startswith(reverse("account_reauthenticate"))
    client.post(reverse("account_reauthenticate"), {"password": f.PASSWORD})
    client.get(reverse("mfa_activate_totp"))
    code = code_now(client.session["mfa.totp.secret"])
    done = client.post(reverse("mfa_activate_totp"), {"code": code})
    assert done["Location"] == reverse("mfa_view_recovery_codes")
    assert is_in(client)
    assert not is_in(other)
    assert UserSession.objects.filter(user=petra).count() == 1
    assert Event.objects.filter(action="factor.added", actor=petra).exists()
    assert "authenticator app" in mail.outbox[-1].subject
    codes = client.get(reverse("mfa_view_recovery_codes")).content.decode()
    assert codes.count('<li class="code">') == 10
    account = client.get(reverse("accounts:account")).content.decode()
    assert "10 left" in account


def test_a_firm_that_demands_one_leads_its_people_there_first(client: Client) -> None:
    engagement = f.staffed()
    sana, petra = f.person("sana"), engagement.created_by
    client.force_login(sana)
    page = reverse("engagements:overview", args=[engagement.pk])
    assert client.get(page).status_code == 200
    change_sign_in_policy(engagement.firm, demands_second_factor=True, session_hours=12, by=petra)
    led = client.get(page)
    assert led["Location"] == reverse("accounts:account")
    assert "Set up a second factor to go on" in client.get(led["Location"]).content.decode()
    assert client.post(reverse("account_change_password"), {}).status_code == 302
    fragment = client.get(page, headers={"HX-Request": "true"})
    assert fragment["HX-Redirect"] == reverse("accounts:account")
    assert client.get(page, headers={"Accept": "application/json"}).status_code == 403
    for allowed in ("mfa_activate_totp", "mfa_add_webauthn"):
        verified(sana)
        assert client.get(reverse(allowed)).status_code == 200
    with_app(sana)
    assert client.get(page).status_code == 200
    # It does not ask the client's people.
    client.force_login(f.person("carla"))
    assert client.get(page).status_code == 200


def test_recovery_codes_alone_are_no_second_factor(client: Client) -> None:
    engagement = f.staffed()
    client.force_login(f.person("carla"))
    change_sign_in_policy(engagement.client, demands_second_factor=True, session_hours=12, by=engagement.created_by)
    with_recovery_codes(f.person("carla"))
    assert client.get(reverse("home"))["Location"] == reverse("accounts:account")


def test_a_session_ends_when_the_strictest_organization_says_so(client: Client) -> None:
    engagement = f.staffed()
    carla = f.person("carla")
    ClientMember.objects.create(organization=f.client(name="Southgate Labs, Inc."), user=carla)
    client.force_login(carla)
    session = client.session
    assert is_in(client)
    session["signed_in_at"] -= 3 * 3600
    session.save()
    assert is_in(client)
    change_sign_in_policy(engagement.client, demands_second_factor=False, session_hours=2, by=engagement.created_by)
    assert client.get(reverse("home"))["Location"] == f"{reverse('account_login')}?next=%2F"
    assert "_auth_user_id" not in client.session


def test_a_session_left_alone_ends(client: Client) -> None:
    f.staffed()
    client.force_login(f.person("carla"))
    assert is_in(client)
    session = client.session
    session["signed_in_at"] -= 3 * 3600
    session.save()
    assert is_in(client), "it was used a moment ago"
    cache.clear()
    assert client.get(reverse("home"))["Location"] == f"{reverse('account_login')}?next=%2F"
    assert "_auth_user_id" not in client.session


def test_that_a_session_is_used_is_written_down_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now, written = time.time(), list[object]()
    keep = cache.set
    monkeypatch.setattr(cache, "set", lambda *args, **options: (written.append(args), keep(*args, **options)))
    for second in (0, 1, 59, 61, 62, 123):
        monkeypatch.setattr("accounts.people.time", mock.Mock(time=lambda at=second: now + at))
        assert not left_alone("key", signed_in_at=now)
    assert len(written) == 3


def test_an_organization_is_changed_by_its_administrators(client: Client) -> None:
    engagement = f.staffed()
    carla, owen = f.person("carla"), f.person("owen")
    page = reverse("accounts:organization", args=[engagement.client_id])
    sent = {"demands_second_factor": "on", "session_hours": "8"}
    client.force_login(owen)
    assert client.get(page).status_code == 200
    assert client.post(page, sent).status_code == 403
    ClientMember.objects.filter(user=carla).update(is_admin=True)
    client.force_login(carla)
    assert client.post(page, {"session_hours": "13"}).status_code == 422
    assert client.post(page, sent).status_code == 302
    engagement.client.refresh_from_db()
    assert (engagement.client.demands_second_factor, engagement.client.session_hours) == (True, 8)
    event = Event.objects.get(action="policy.changed")
    assert (event.actor_id, event.detail["session_hours"]) == (carla.pk, 8)
    client.force_login(f.partner_of(f.firm("Other LLP"), "olga", "Olga Berg"))
    assert client.get(page).status_code == 404


def test_who_has_lost_every_factor_begins_anew() -> None:
    user = verified(f.person("carla"))
    with_app(user)
    codes = with_recovery_codes(user)
    desk = Client()
    sign_in(desk, user)
    assert not is_in(desk)
    desk.post(reverse("mfa_authenticate"), {"code": codes[0]})
    assert is_in(desk)
    with pytest.raises(CommandError, match="Nobody"):
        call_command("take_second_factor", "nobody@example.com")
    call_command("take_second_factor", user.email, stdout=StringIO())
    assert not Authenticator.objects.filter(user=user).exists()
    assert not is_in(desk)
    told = Event.objects.filter(action__in=["factor.taken", "factor.removed"])
    assert [(one.action, one.actor_name) for one in told] == [("factor.taken", "Attestry")]
    sign_in(desk, user)
    assert is_in(desk)
