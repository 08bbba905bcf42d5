"""The operators' area: off unless asked for, behind a second factor, and empty of everything of any engagement."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from audit import checkpoints
from audit.context import acting_for
from audit.models import Event
from config import operator_urls
from engagements.models import Engagement
from jobs.models import Job
from tests import factories as f
from tests.accounts.makers import a_token, is_in, sign_in, verified, with_app, with_second_factor

pytestmark = pytest.mark.django_db

PAGES = ("operators:overview", "operators:jobs", "operators:people")


@pytest.fixture
def opal() -> User:
    user = verified(f.person("opal", "Opal Root"))
    User.objects.filter(pk=user.pk).update(is_staff=True)
    user.refresh_from_db()
    return user


def at_work(user: User) -> Client:
    """In a session with a second factor."""
    client = Client()
    client.force_login(user)
    session = client.session
    with_second_factor(session, user)
    session.save()
    return client


@pytest.mark.parametrize("name", PAGES)
def test_it_is_there_for_operators_with_a_second_factor_where_it_is_on(
    name: str, opal: User, settings: Settings
) -> None:
    page = reverse(name)
    client = Client()
    client.force_login(opal)
    refused = client.get(page)
    assert refused.status_code == 403
    assert "second factor" in refused.content.decode()
    assert at_work(opal).get(page).status_code == 200
    assert at_work(f.partner_of(f.firm(), "petra", "Petra Alder")).get(page).status_code == 404
    settings.OPERATORS = False
    assert at_work(opal).get(page).status_code == 404
    assert "Operations" not in at_work(opal).get(reverse("home")).content.decode()


def test_it_is_off_by_default() -> None:
    environment = {key: value for key, value in os.environ.items() if key not in {"ATTESTRY_ENV", "OPERATORS"}}
    script = "from config import settings; print(settings.OPERATORS)"
    told = [
        subprocess.run(
            [sys.executable, "-c", script],
            env=environment | extra,
            cwd=settings.BASE_DIR,
            capture_output=True,
            encoding="utf-8",
            check=True,
        ).stdout.strip()
        for extra in ({}, {"OPERATORS": "1"})
    ]
    assert told == ["False", "True"]


def test_a_second_factor_given_now_opens_it(opal: User) -> None:
    with_app(opal)
    client = Client()
    client.force_login(opal)
    page = client.get(reverse("operators:people")).content.decode()
    assert f"{reverse('mfa_reauthenticate')}?next={reverse('operators:people')}" in page


def test_nothing_of_an_engagement_is_shown(opal: User) -> None:
    engagement = f.staffed(system_name="Unmistakable Ledger")
    Job.objects.create(
        kind="reports.render",
        key="k",
        state=Job.State.FAILED,
        error="IntegrityError: duplicate key\nDETAIL: Key (name)=(secret finding)",
        engagement_id=engagement.pk,
        payload={"title": "secret finding"},
    )
    client = at_work(opal)
    pages = [client.get(reverse(name)).content.decode() for name in PAGES]
    for page in pages:
        assert "Unmistakable" not in page
        assert "secret finding" not in page
        assert engagement.number not in page
    assert "duplicate key" in pages[1]
    assert "You see no engagement here" in pages[0]
    with acting_for(opal):
        assert not Engagement.objects.exists()
    assert client.get(reverse("engagements:overview", args=[engagement.pk])).status_code == 404


def test_what_is_shown_and_what_is_not_for_sending(opal: User, settings: Settings, tmp_path: Path) -> None:
    settings.AUDIT_CHECKPOINTS, settings.AUDIT_KEY_FILE = tmp_path / "c.jsonl", tmp_path / "audit.key"
    f.staffed()
    checkpoints.write()
    settings.TIMESTAMP_URL = "http://127.0.0.1:1/"
    for state in Job.State.values:
        Job.objects.create(kind=f"kind.{state}", key=state, state=state)
    client = at_work(opal)
    overview = client.get(reverse("operators:overview")).content.decode()
    for words in ("PostgreSQL", "Broker", "Alder &amp; Finch LLP", "kind.failed", "Checkpoint 1 waits"):
        assert words in overview
    failed = client.get(reverse("operators:jobs"), {"state": "failed"}).content.decode()
    assert "kind.failed" in failed
    assert "kind.done" not in failed
    people = client.get(reverse("operators:people"), {"q": "carla"}).content.decode()
    assert "Carla Nord" in people
    assert "Petra Alder" not in people
    (tmp_path / "c.jsonl").write_text("spoiled\n")
    assert "cannot be read" in client.get(reverse("operators:overview")).content.decode()
    for name in PAGES:
        assert client.post(reverse(name)).status_code == 405


def test_a_person_is_shut_out_by_the_flow_and_by_name(opal: User) -> None:
    f.staffed()
    owen = verified(f.person("owen"))
    desk = Client()
    sign_in(desk, owen)
    token, _ = a_token(owen)
    client = at_work(opal)
    client.post(reverse("operators:deactivate", args=[owen.pk]))
    assert not is_in(desk)
    token.refresh_from_db()
    assert token.ended_at is not None
    assert Event.objects.get(action="person.deactivated").actor == opal
    client.post(reverse("operators:reactivate", args=[owen.pk]))
    sign_in(desk, owen)
    assert is_in(desk)
    assert client.post(reverse("operators:deactivate", args=[opal.pk])).status_code == 403
    session = client.session
    session["signed_in_at"] -= 3600
    session.save()
    asked = client.post(reverse("operators:deactivate", args=[owen.pk]))
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    owen.refresh_from_db()
    assert owen.is_active


def test_every_view_is_guarded() -> None:
    for pattern in operator_urls.urlpatterns:
        assert "for_operators" in unwrapped(pattern.callback), pattern.name


def unwrapped(view: Any) -> set[str]:
    """The decorators around a view, by the functions that made them."""
    found = set()
    while hasattr(view, "__wrapped__"):
        found.add(view.__code__.co_qualname.partition(".")[0])
        view = view.__wrapped__
    return found


def test_a_command_makes_and_ends_operators() -> None:
    out = StringIO()
    with pytest.raises(CommandError, match="give a name"):
        call_command("make_operator", "root@example.com")
    call_command("make_operator", "Root@example.com", name="Rosa Root", stdout=out)
    rosa = User.objects.get(email="root@example.com")
    assert rosa.is_staff
    assert not rosa.is_superuser
    assert not rosa.has_usable_password()
    assert "ask for a password at" in out.getvalue()
    Client().post(reverse("account_reset_password"), {"email": rosa.email})
    assert "password" in str(mail.outbox[-1].body)
    link = re.search(r"http\S+", str(mail.outbox[-1].body))
    assert link is not None
    assert "/account/password/reset/key/" in link.group()
    call_command("make_operator", "root@example.com", stdout=out)
    desk = Client()
    desk.force_login(rosa)
    call_command("make_operator", "root@example.com", undo=True, stdout=out)
    rosa.refresh_from_db()
    assert not rosa.is_staff
    with pytest.raises(CommandError, match="No operator"):
        call_command("make_operator", "root@example.com", undo=True)
    assert Event.objects.filter(action="operator.made").count() == 2
    assert Event.objects.filter(action="operator.ended").count() == 1
