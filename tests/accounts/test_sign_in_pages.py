"""Sign-in and passwords, as the person sees them."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client
from django.urls import reverse

from tests import factories as f
from tests.accounts.makers import verified

pytestmark = pytest.mark.django_db
EMAIL, PASSWORD = "dana@lakeshore.example", "a long enough pass phrase"


@pytest.fixture
def dana() -> None:
    get_user_model().objects.create_user(email=EMAIL, name="Dana Kerr", password=PASSWORD)


def test_the_sign_in_page_needs_nothing_but_itself(client: Client) -> None:
    page = client.get(reverse("account_login")).content.decode()
    assert "Sign in</h1>" in page
    assert 'name="login"' in page
    assert "Accounts are made by invitation" in page
    assert not re.search(r"\sstyle=|<script(?![^>]*src=)", page)


def test_a_wrong_password_is_told_on_top_and_keeps_the_address(client: Client, dana: None) -> None:
    page = client.post(reverse("account_login"), {"login": EMAIL, "password": "wrong"}).content.decode()
    assert 'class="errors" role="alert"' in page
    assert EMAIL in page


def test_a_forgotten_password_is_replaced_by_mail(client: Client, dana: None) -> None:
    client.post(reverse("account_reset_password"), {"email": EMAIL})
    body = mail.outbox[0].body
    link = re.search(r"http\S+", body)
    assert link is not None
    page = client.get(link.group(), follow=True)
    assert "Choose a new password" in page.content.decode()
    action = page.request["PATH_INFO"]
    new = {"password1": "another long pass phrase", "password2": "another long pass phrase"}
    done = client.post(action, new, follow=True).content.decode()
    assert "Your password is changed" in done
    assert client.login(email=EMAIL, password=new["password1"])


def test_an_unknown_address_gets_the_same_page(client: Client) -> None:
    page = client.post(reverse("account_reset_password"), {"email": "nobody@example.com"}, follow=True)
    assert "Look in your mail" in page.content.decode()


def test_an_address_is_changed_in_a_session_of_its_account_only(client: Client) -> None:
    """Who has a stranger confirm the stranger's own address would get what is sent there, invitations too."""
    owen = verified(f.person("owen"))
    client.force_login(owen)
    client.post(reverse("account_email"), {"action_add": "", "email": "victim@example.com"})
    link = re.search(r"http://[^/]+(/\S+)", str(mail.outbox[-1].body))
    assert link is not None
    for somebody in (None, verified(f.person("victor"))):
        other = Client()
        if somebody:
            other.force_login(somebody)
        other.get(link[1])
        other.post(link[1])
        owen.refresh_from_db()
        assert owen.email == "owen@example.com"
    client.post(link[1])
    owen.refresh_from_db()
    assert owen.email == "victim@example.com"


def test_nobody_signs_up_alone(client: Client) -> None:
    assert "Accounts are made by invitation" in client.get(reverse("account_signup")).content.decode()


def test_signing_out_asks_first(client: Client, dana: None) -> None:
    client.login(email=EMAIL, password=PASSWORD)
    assert "Sign out?" in client.get(reverse("account_logout")).content.decode()
    client.post(reverse("account_logout"))
    assert "_auth_user_id" not in client.session
