"""Who may invite readers, when, and what is refused."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.utils import timezone

from audit.models import Event
from distribution import agreements, granting
from distribution.models import AccessEvent, Grant
from engagements.workflow import WrongStage
from tests import factories as f
from tests.distribution import makers

pytestmark = pytest.mark.django_db


def test_only_the_clients_administrator_manages_distribution():
    engagement = makers.issued()
    people = f.people(engagement)
    for key in ("petra", "milan", "sana", "quinn", "owen", "sig"):
        with pytest.raises(PermissionDenied):
            agreements.publish(engagement, text="Terms", by=people[key])
    grant = makers.reader(engagement)
    for key in ("petra", "milan", "owen", "sig"):
        with pytest.raises(PermissionDenied):
            granting.revoke(grant, by=people[key])
    assert Event.objects.filter(action="reader.invited", actor=people["carla"]).count() == 1


def test_nobody_is_invited_before_issue():
    engagement = f.accepted()
    carla = f.people(engagement)["carla"]
    agreements.publish(engagement, text="Terms", by=carla)
    with pytest.raises(WrongStage):
        makers.reader(engagement)
    assert not Grant.objects.exists()


def test_nobody_is_invited_without_terms():
    engagement = makers.issued()
    with pytest.raises(ValidationError, match="agreement first"):
        granting.invite(
            engagement,
            email="rita@prospect.example",
            name="Rita Reader",
            company="Prospect Ltd",
            by=f.people(engagement)["carla"],
            read_url=makers.READ_URL,
        )


@pytest.mark.parametrize("days", [0, -1, 366])
def test_days_are_limited(days):
    with pytest.raises(ValidationError, match="365"):
        makers.reader(makers.issued(), days=days)
    assert not Grant.objects.exists()


def test_a_reader_has_one_living_grant():
    engagement = makers.issued()
    first = makers.reader(engagement)
    with pytest.raises(ValidationError, match="may read until"):
        makers.reader(engagement, email="RITA@prospect.example")
    Grant.objects.filter(pk=first.pk).update(expires_at=timezone.now() - dt.timedelta(days=1))
    second = makers.reader(engagement)
    assert second.pk != first.pk
    assert Grant.objects.live(at=timezone.now()).get() == second


def test_the_same_terms_are_not_published_twice():
    engagement = makers.issued()
    carla = f.people(engagement)["carla"]
    agreements.publish(engagement, text="Terms\r\nhere", by=carla)
    with pytest.raises(ValidationError, match="already"):
        agreements.publish(engagement, text=" Terms\nhere ", by=carla)
    assert agreements.publish(engagement, text="Other", by=carla).version == 2


def test_page_log_and_refusals_in_the_browser(client: Client):
    engagement = makers.issued()
    people = f.people(engagement)
    makers.reader(engagement, name="=HYPERLINK(0)")
    base = f"/engagements/{engagement.pk}/distribution/"
    client.force_login(people["carla"])
    assert "Prospect Ltd" in client.get(base).content.decode()
    log = client.get(f"{base}log.csv").content.decode()
    assert "'=HYPERLINK(0)" in log, "a name that a spreadsheet would run is made harmless"
    bad = client.post(f"{base}invite/", {"name": "R", "email": "no address", "company": "C", "days": 5})
    assert bad.status_code == 422
    assert "no address" in bad.content.decode(), "what was typed is kept"
    client.force_login(people["petra"])
    assert client.get(base).status_code == 200
    assert client.post(f"{base}invite/", {}).status_code == 403
    client.force_login(people["sana"])
    assert client.get(base).status_code == 200
    client.force_login(people["owen"])
    assert client.get(base).status_code == 403
    client.force_login(f.person("nemo"))
    assert client.get(base).status_code == 404


def test_grants_of_another_engagement_do_not_exist_here(client: Client):
    engagement, other = makers.issued(), makers.issued()
    grant = makers.reader(other)
    client.force_login(f.people(engagement)["carla"])
    answer = client.post(f"/engagements/{engagement.pk}/distribution/readers/{grant.pk}/revoke/")
    assert answer.status_code == 404
    assert not AccessEvent.objects.filter(kind="revoked").exists()
