"""docs/asvs.csv says how each item is met and which test shows it: every item, every test, no empty cell.

Below it, what no other test shows.
"""

from __future__ import annotations

import ast
import csv
import datetime as dt
import json
import logging
import platform
import re
from collections import Counter
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import new_token
from audit.models import Event
from config.celery import app
from config.logs import logging_config
from config.management.commands import sbom
from engagements.models import Engagement
from tests import factories as f
from tests.accounts.makers import sign_in, verified, with_app

ROOT = Path(__file__).resolve().parents[2]
# OWASP ASVS 5.0: the items that bite here, levels 1 and 2 whole, of level 3 those on files, rights and records.
ITEMS = """
1.2.10 1.3.1 1.3.4 1.3.6 1.5.1 1.5.2
2.3.1 2.3.3 2.3.5 2.4.1
3.3.1 3.3.2 3.3.3 3.3.4 3.4.1 3.4.3 3.4.4 3.4.5 3.4.6 3.5.1
5.1.1 5.2.1 5.2.2 5.2.3 5.2.4 5.2.5 5.2.6 5.3.1 5.3.2 5.3.3 5.4.1 5.4.2 5.4.3
6.1.1 6.2.4 6.2.12 6.3.3 6.3.8 6.4.3 6.4.6 6.5.1 6.8.1 6.8.2 6.8.3
7.2.4 7.3.1 7.3.2 7.4.1 7.4.2 7.4.3 7.5.1 7.5.2 7.5.3
8.1.1 8.1.2 8.2.1 8.2.2 8.2.3 8.3.1 8.3.2 8.4.1
13.2.2 13.3.1 13.4.1 13.4.2 13.4.3 13.4.4 13.4.5 13.4.6 13.4.7
14.2.1 14.3.2
15.1.2 15.2.2 15.2.5 15.3.3 15.4.2
16.2.1 16.2.2 16.2.3 16.2.4 16.2.5 16.3.1 16.3.2 16.3.3 16.3.4 16.4.1 16.4.2 16.4.3 16.5.1 16.5.2 16.5.3 16.5.4
""".split()
# What is not met yet, by level. Nobody adds to these silently.
NOT_MET: dict[str, set[str]] = {"1": set(), "2": set(), "3": set()}


def rows() -> list[dict[str, str]]:
    with (ROOT / "docs" / "asvs.csv").open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@cache
def named_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{one.name}" for one in node.body if isinstance(one, ast.FunctionDef)}
    return {name for name in found if name.rpartition("::")[2].startswith("test_")}


def test_every_item_has_its_row_and_no_cell_is_empty() -> None:
    assert Counter(row["id"] for row in rows()) == Counter(ITEMS)
    for row in rows():
        assert all(cell.strip() for cell in row.values()), row["id"]
        assert row["level"] in {"1", "2", "3"}
        assert row["state"] in {"met", "not met", "does not apply"}


def test_every_test_that_is_named_is_there() -> None:
    for row in rows():
        named = [] if row["tests"] == "-" else row["tests"].split()
        assert named or row["state"] != "met", f"{row['id']} is met and no test shows it"
        for name in named:
            path, _, test = name.partition("::")
            assert test in named_in(path), f"{row['id']}: there is no {name}"


def test_what_is_not_met_is_known() -> None:
    for level, known in NOT_MET.items():
        assert {row["id"] for row in rows() if row["state"] == "not met" and row["level"] == level} == known


# What the rows name and no other file shows


def written(record: logging.LogRecord) -> dict[str, Any]:
    """The line of the log, as production writes it."""
    options = dict(logging_config(json=True, level="INFO")["formatters"]["structured"])
    formatter = options.pop("()")(**options)
    found: dict[str, Any] = json.loads(formatter.format(record))
    return found


@pytest.mark.django_db
def test_a_post_without_its_token_is_refused() -> None:
    engagement = f.staffed()
    client = Client(enforce_csrf_checks=True)
    client.force_login(engagement.created_by)
    url = reverse("engagements:team", args=[engagement.pk])
    refused = client.post(url, {"user": "1", "role": "staff"})
    assert refused.status_code == 403
    # In our own words and look: Django's page has styles that our policy forbids, and speaks of DEBUG.
    assert "This form is too old" in refused.content.decode()
    assert "DEBUG" not in refused.content.decode()


@pytest.mark.django_db
def test_an_address_without_a_page_says_so(client: Client) -> None:
    engagement = f.staffed()
    client.force_login(engagement.created_by)
    url = reverse("engagements:independence", args=[engagement.pk])
    opened = client.get(url, headers={"accept": "text/html"})
    assert opened.status_code == 405
    assert "There is no page at this address" in opened.content.decode()
    assert client.get(url).content == b""


@pytest.mark.django_db
def test_signing_in_begins_a_new_session(client: Client) -> None:
    user = f.person("petra")
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)
    client.get(reverse("account_login"))
    session = client.session
    session["before"] = "1"
    session.save()
    former = session.session_key
    client.cookies["attestry"] = former
    client.post(reverse("account_login"), {"login": user.email, "password": f.PASSWORD})
    assert client.session.session_key != former
    client.cookies["attestry"] = former
    assert client.get(reverse("home")).status_code == 302


@pytest.mark.django_db
def test_a_new_password_ends_every_other_session(client: Client) -> None:
    petra, other = verified(f.person("petra")), Client()
    for one in (client, other):
        sign_in(one, petra)
    new = "another long pass phrase"
    client.post(reverse("account_change_password"), {"oldpassword": f.PASSWORD, "password1": new, "password2": new})
    petra.refresh_from_db()
    assert petra.check_password(new)
    assert other.get(reverse("home")).status_code == 302


def test_messages_and_sessions_are_json() -> None:
    assert set(app.conf.accept_content) == {"json"}
    assert app.conf.task_serializer == "json"
    assert settings.SESSION_SERIALIZER == "django.contrib.sessions.serializers.JSONSerializer"


def test_a_session_that_was_ended_opens_nothing(client: Client) -> None:
    client.force_login(f.person("petra"))
    key = client.session.session_key
    assert client.get(reverse("home")).status_code == 200
    client.post(reverse("account_logout"))
    client.cookies["attestry"] = key
    assert client.get(reverse("home")).status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/.git/config", "/static/", "/static/../manage.py", "/manage.py", "/docs/"])
def test_no_file_of_the_house_is_served(client: Client, path: str) -> None:
    client.force_login(f.person("petra"))
    assert client.get(path).status_code == 404


def test_the_image_holds_no_history() -> None:
    left_out = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".venv", "var", "tests"} <= set(left_out)


def test_files_for_browsers_are_of_their_kinds_only() -> None:
    names = [Path(name) for finder in get_finders() for name, _ in finder.list(["CVS", ".*", "*~"])]
    assert len(names) > 50
    kinds = {".css", ".js", ".svg", ".png", ".woff", ".woff2", ".ttf", ".eot", ".txt", ".map"}
    assert {name for name in names if name.suffix not in kinds} == {Path("vendor/SHA256SUMS")}


@pytest.mark.django_db
def test_nothing_tells_the_versions_of_what_runs_behind() -> None:
    engagement = f.staffed()
    person, stranger = Client(), Client(enforce_csrf_checks=True)
    person.force_login(f.people(engagement)["owen"])
    answers = [
        stranger.get(reverse("account_login")),
        stranger.post(reverse("account_login"), {}),
        stranger.get(reverse("api:engagements")),
        stranger.get("/nowhere/"),
        person.get(reverse("home")),
        person.get("/nowhere/"),
        person.get(reverse("engagements:settings", args=[engagement.pk])),
        person.get(reverse("healthz")),
    ]
    versions = {version(name) for name in ("django", "django-allauth", "djangorestframework", "psycopg2-binary")}
    versions |= {platform.python_version()}
    for answer in answers:
        told = answer.content.decode() + "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
        assert not {one for one in versions if re.search(rf"(?<![\d.]){re.escape(one)}(?![\d.])", told)}
        assert not {"Server", "X-Powered-By", "Via"} & set(answer.headers)


@pytest.mark.django_db
def test_a_new_password_by_mail_does_not_pass_the_second_factor_by(client: Client) -> None:
    petra = verified(f.person("petra"))
    with_app(petra)
    client.post(reverse("account_reset_password"), {"email": petra.email})
    link = re.search(r"http\S+", str(mail.outbox[0].body))
    assert link is not None
    place = client.get(link.group())["Location"]
    new = "another long pass phrase"
    client.post(place, {"password1": new, "password2": new})
    assert client.get(reverse("home")).status_code == 302
    asked = sign_in(client, petra, new)
    assert asked["Location"] == reverse("mfa_authenticate")
    assert client.get(reverse("home")).status_code == 302
    assert Authenticator.objects.filter(user=petra, type=Authenticator.Type.TOTP).exists()


@pytest.mark.django_db
def test_times_of_trail_and_log_are_in_utc(caplog: pytest.LogCaptureFixture, client: Client) -> None:
    engagement = f.staffed()
    event = Event.objects.of_engagement(engagement.pk).with_text()[0]
    with timezone.override("America/New_York"):
        assert event.at.utcoffset() == dt.timedelta(0)
        assert event.fields()["at"] == f"{event.at:%Y-%m-%dT%H:%M:%S.%f}Z"
        with caplog.at_level(logging.WARNING, logger="django.request"):
            client.get("/nowhere/")
        assert written(caplog.records[-1])["timestamp"].endswith("Z")


def test_the_log_goes_to_standard_error_and_nowhere_else() -> None:
    config = logging_config(json=True, level="INFO")
    assert [one["class"] for one in config["handlers"].values()] == ["logging.StreamHandler"]
    assert all("stream" not in one for one in config["handlers"].values())
    used = [config["root"], *config["loggers"].values()]
    assert {name for one in used for name in one.get("handlers", [])} == {"console"}


@pytest.mark.django_db
@pytest.mark.parametrize("route", ["accounts:invitation", "distribution:open_link", "account_confirm_email"])
def test_the_log_holds_no_link_that_lets_in(route: str, caplog: pytest.LogCaptureFixture) -> None:
    secret = new_token()
    path = reverse(route, args=[secret])
    with caplog.at_level(logging.INFO):
        Client(enforce_csrf_checks=True).post(path, {"password": "short"})
        Client().get(f"{path}?next={path}")
        logging.getLogger("django.request").warning("Gone: %s", path)
    assert any(secret in record.getMessage() for record in caplog.records)
    lines = [json.dumps(written(record)) for record in caplog.records]
    assert lines
    assert not [line for line in lines if secret in line]


@pytest.mark.django_db
def test_trace_is_not_answered(client: Client) -> None:
    client.force_login(f.person("petra"))
    for name in ("home", "rules", "healthz", "engagements:list"):
        assert client.trace(reverse(name)).status_code == 405


@pytest.mark.django_db
def test_health_says_no_more_than_that(client: Client) -> None:
    assert len(client.get(reverse("healthz")).content) < 40


@pytest.mark.django_db
def test_what_people_see_is_not_kept(client: Client) -> None:
    engagement = f.staffed()
    client.force_login(engagement.created_by)
    for url in (
        reverse("home"),
        engagement.get_absolute_url(),
        reverse("engagements:activity", args=[engagement.pk]),
        reverse("engagements:activity_export", args=[engagement.pk, "csv"]),
        reverse("api:engagements"),
        reverse("engagements:overview", args=[engagement.pk + 1]),
    ):
        assert "no-store" in client.get(url).headers.get("Cache-Control", ""), url


def test_the_inventory_lists_every_locked_part(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("sbom")
    found = json.loads(capsys.readouterr().out)
    locked = re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text(), re.M)
    packages = [path for path in json.loads((ROOT / "package-lock.json").read_text())["packages"] if path]
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    assert len(found["components"]) == len(locked) + len(packages) > 80
    assert len({one["bom-ref"] for one in found["components"]}) == len(found["components"])
    assert all(one["hashes"] for one in found["components"] if one["purl"].startswith("pkg:pypi/"))
    assert sbom.inventory(ROOT) == found


@pytest.mark.django_db
def test_a_refusal_is_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    engagement = f.staffed()
    client.force_login(f.people(engagement)["owen"])
    url = reverse("engagements:settings", args=[engagement.pk])
    with caplog.at_level(logging.WARNING, logger="django.request"):
        assert client.get(url).status_code == 403
    assert any(url in record.getMessage() for record in caplog.records)


@pytest.mark.django_db
def test_an_error_tells_the_log_and_not_the_person(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    engagement = f.staffed()
    client = Client(raise_request_exception=False)
    client.force_login(engagement.created_by)

    def fail(*args: Any, **options: Any) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr(Engagement, "get_stage_display", fail, raising=False)
    monkeypatch.setattr("engagements.views.lifecycle.frame", fail)
    with caplog.at_level(logging.ERROR, logger="django.request"):
        answer = client.get(engagement.get_absolute_url())
    assert answer.status_code == 500
    assert b"42" not in answer.content
    assert b"Traceback" not in answer.content
    assert any(record.exc_info for record in caplog.records)
    assert client.get(reverse("rules")).status_code == 200, "the next request is answered as ever"
