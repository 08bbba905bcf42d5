"""Guessing passwords is limited, does not lock the owner out, and tells nothing about who has an account."""

from __future__ import annotations

import statistics
import time
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.hashers import get_hasher
from django.contrib.auth.models import AnonymousUser
from django.core import mail
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from audit.context import current_ip
from audit.middleware import RequestContext
from tests import factories as f
from tests.accounts.makers import is_in, sign_in, verified

pytestmark = pytest.mark.django_db
TOO_MANY = "Too many failed login attempts"


def guess(address: str, user: User, times: int) -> list[str]:
    return [sign_in(Client(), user, "wrong", REMOTE_ADDR=address).content.decode() for _ in range(times)]


def test_guesses_from_one_network_are_stopped_and_the_owner_still_gets_in() -> None:
    petra = verified(f.person("petra"))
    pages = guess("203.0.113.9", petra, 6)
    assert TOO_MANY not in pages[4]
    assert TOO_MANY in pages[5]
    stopped = sign_in(Client(), petra, REMOTE_ADDR="203.0.113.9")
    assert TOO_MANY in stopped.content.decode()
    owner = Client(REMOTE_ADDR="198.51.100.4")
    sign_in(owner, petra)
    assert is_in(owner)


@pytest.mark.drill
def test_guesses_from_many_networks_are_stopped_but_not_for_a_browser_of_the_owner() -> None:
    petra = verified(f.person("petra"))
    owner = Client(REMOTE_ADDR="198.51.100.4")
    sign_in(owner, petra)
    owner.post(reverse("account_logout"))
    for network in range(34):
        guess(f"203.0.{network}.1", petra, 3)
    assert TOO_MANY in guess("192.0.2.77", petra, 1)[0]
    sign_in(owner, petra)
    assert is_in(owner)


def test_a_browser_is_known_for_one_account_only() -> None:
    petra, sana = verified(f.person("petra")), verified(f.person("sana"))
    insider = Client(REMOTE_ADDR="203.0.113.9")
    sign_in(insider, petra)
    insider.post(reverse("account_logout"))
    pages = [sign_in(insider, sana, "wrong").content.decode() for _ in range(6)]
    assert TOO_MANY in pages[5]


def test_addresses_that_a_client_makes_up_do_not_help() -> None:
    petra = verified(f.person("petra"))
    pages = [
        sign_in(Client(), petra, "wrong", HTTP_X_FORWARDED_FOR=f"192.0.2.{at}").content.decode() for at in range(6)
    ]
    assert TOO_MANY in pages[5]


def test_behind_our_own_proxy_the_clients_address_counts(settings: Any) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    petra = verified(f.person("petra"))
    for _ in range(6):
        page = sign_in(Client(), petra, "wrong", HTTP_X_FORWARDED_FOR="6.6.6.6, 203.0.113.9").content.decode()
    assert TOO_MANY in page
    owner = Client(HTTP_X_FORWARDED_FOR="198.51.100.4")
    sign_in(owner, petra)
    assert is_in(owner)


def test_the_trail_keeps_the_clients_address_and_not_the_proxys(settings: Any) -> None:
    forwarded = RequestFactory().get("/", HTTP_X_FORWARDED_FOR="6.6.6.6, 203.0.113.9")
    forwarded.user = AnonymousUser()
    told = RequestContext(lambda _: HttpResponse(str(current_ip())))
    assert told(forwarded).content == b"127.0.0.1"
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert told(forwarded).content == b"203.0.113.9"


def without_secrets(response: Any, address: str) -> str:
    lines = response.content.decode().replace(address, "ADDRESS").splitlines()
    return "\n".join(line for line in lines if "csrf" not in line.lower())


def test_signing_in_tells_nothing_about_who_has_an_account() -> None:
    known = verified(f.person("petra"))
    gone = verified(f.person("gone"))
    User.objects.filter(pk=gone.pk).update(is_active=False)
    unknown = User(email="nobody@example.com")
    answers, work = [], []
    for user in (known, gone, unknown):
        with mock.patch.object(get_hasher().__class__, "encode", autospec=True, side_effect=encode) as hashed:
            response = sign_in(Client(), user, "wrong")
        answers.append((response.status_code, without_secrets(response, user.email)))
        work.append(hashed.call_count)
    assert answers[0] == answers[1] == answers[2]
    # Hashing is all that takes time.
    assert work[0] == work[1] == work[2] > 0


encode = get_hasher().__class__.encode


@pytest.mark.drill
@pytest.mark.parametrize("route", ["account_login", "account_reset_password"])
def test_time_tells_nothing_about_who_has_an_account(route: str, settings: Any) -> None:
    """Real hashing, and medians of turns: a difference of a tenth would not be found over a network."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "1000/m/ip", "reset_password": "1000/m/ip"}
    f.staffed()
    known = verified(f.person("timed"))
    known.set_password(f.PASSWORD)
    known.save()
    took: dict[str, list[float]] = {known.email: [], "nobody@example.com": []}
    for _ in range(9):
        for address, times in took.items():
            data = {"login": address, "email": address, "password": "wrong"}
            begun = time.perf_counter()
            Client().post(reverse(route), data)
            times.append(time.perf_counter() - begun)
    medians = sorted(statistics.median(times[1:]) for times in took.values())
    assert medians[1] / medians[0] < 1.5


def test_asking_for_a_new_password_tells_nothing_about_who_has_an_account() -> None:
    known = verified(f.person("petra"))
    answers = []
    for address in (known.email, "nobody@example.com"):
        response = Client().post(reverse("account_reset_password"), {"email": address}, follow=True)
        answers.append((response.redirect_chain, without_secrets(response, address)))
    assert answers[0] == answers[1]
    assert len(mail.outbox) == 2


def test_an_address_that_is_not_proved_signs_nobody_in() -> None:
    client = Client()
    response = sign_in(client, f.person("nemo"))
    assert response["Location"] == reverse("account_email_verification_sent")
    assert not is_in(client)
    assert "show that this address is yours" in mail.outbox[0].body
