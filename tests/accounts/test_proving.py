"""Grave acts want a proof of who one is, of the last minutes or in the act itself."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from accounts.models import FirmMember
from accounts.proving import TRIES, prove, secret_asked
from engagements.models import EngagementMember, Role
from tests import factories as f
from tests.accounts.makers import code_now, with_app, with_recovery_codes

pytestmark = pytest.mark.django_db


def age(client: Client, seconds: int) -> None:
    session = client.session
    session["signed_in_at"] -= seconds
    session.save()


def test_a_change_of_roles_goes_on_after_the_proof_as_it_was_sent(client: Client) -> None:
    engagement = f.staffed()
    owen = f.person("owen")
    client.force_login(engagement.created_by)
    age(client, settings.ACCOUNT_REAUTHENTICATION_TIMEOUT + 1)
    url = reverse("engagements:team_role", args=[engagement.pk, owen.pk])

    def role() -> str:
        return EngagementMember.objects.get(engagement=engagement, user=owen).role

    asked = client.post(url, {"role": Role.SIGNATORY})
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    assert role() == Role.CONTROL_OWNER
    client.post(asked["Location"], {"password": "wrong"})
    assert role() == Role.CONTROL_OWNER
    client.post(asked["Location"], {"password": f.PASSWORD, "next": url})
    assert role() == Role.SIGNATORY
    assert client.post(url, {"role": Role.CONTROL_OWNER})["Location"].startswith("/engagements/")
    assert role() == Role.CONTROL_OWNER


def test_an_act_at_an_address_with_a_query_goes_on_too(client: Client) -> None:
    firm = f.staffed().firm
    client.force_login(f.person("petra"))
    FirmMember.objects.filter(firm=firm, user__email__startswith="petra").update(is_admin=True)
    age(client, settings.ACCOUNT_REAUTHENTICATION_TIMEOUT + 1)
    asked = client.post(f"{reverse('accounts:firm_policy')}?firm={firm.pk}", {"session_hours": 7})["Location"]
    wrong = client.post(asked, {"password": "wrong"}).content.decode()
    back = re.search(r'name="next" value="([^"]+)"', wrong)
    assert back is not None
    client.post(reverse("account_reauthenticate"), {"password": f.PASSWORD, "next": back[1]})
    firm.refresh_from_db()
    assert firm.session_hours == 7


def test_every_grave_act_is_the_address_of_something() -> None:
    named = {"engagements:team": 1, "reports:form_opinion": 2, "accounts:firm_policy": 0}
    assert set(named) <= settings.GRAVE_ACTS
    for name in settings.GRAVE_ACTS:
        assert any(reverses(name, count) for count in range(3)), name


def reverses(name: str, count: int) -> bool:
    for kinds in ([1] * count, [*[1] * (count - 1), "x"][:count]):
        try:
            reverse(name, args=kinds)
        except Exception:  # noqa: BLE001, S112
            continue
        return True
    return False


def test_password_or_a_code_that_counts_once_proves_it() -> None:
    petra = f.person("petra")
    prove(petra, f.PASSWORD)
    secret = with_app(petra)
    assert secret_asked(petra) == "Your password or a code of your authenticator app"
    code, recovery = code_now(secret), with_recovery_codes(petra)[0]
    for good in (code, recovery):
        prove(petra, good)
        with pytest.raises(ValidationError):
            prove(petra, good)


def test_an_open_session_is_no_place_to_guess() -> None:
    petra = f.person("petra")
    for _ in range(TRIES):
        with pytest.raises(ValidationError, match="not your password"):
            prove(petra, "wrong")
    with pytest.raises(ValidationError, match="Too many"):
        prove(petra, f.PASSWORD)
