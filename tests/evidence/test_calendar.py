"""The calendar at its secret address: what stands in it for whom, and when it ends."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from icalendar import Calendar

from accounts.models import User
from accounts.people import deactivate
from audit.models import Event
from engagements.models import Engagement, EngagementMember, Stage
from evidence import feeds, requests
from tests import factories as f
from tests.evidence import makers
from tests.permissions.world import BACKEND

pytestmark = pytest.mark.django_db

DUE = dt.date(2099, 1, 31)


@pytest.fixture
def engagement() -> Engagement:
    return f.at_stage(f.accepted(report_due=dt.date(2026, 11, 30)), Stage.FIELDWORK)


def entries(user: User) -> dict[str, str]:
    """Day by title, as a calendar program reads them."""
    content = Calendar.from_ical(feeds.calendar_of(user, today=timezone.localdate()))
    return {str(event["summary"]): event.decoded("dtstart").isoformat() for event in content.walk("VEVENT")}


def test_each_sees_what_is_theirs(engagement: Engagement) -> None:
    who = f.people(engagement)
    makers.request(engagement, title="Logs", due=DUE)
    makers.request(engagement, title="Policies", due=DUE, assigned_to=who["carla"])
    makers.request(engagement, title="Drafted", due=DUE, open_=False)
    makers.submitted(engagement, title="Handed in", due=DUE)
    dates = {
        "Northwind Books, Inc.: Period begins": "2025-10-01",
        "Northwind Books, Inc.: Period ends": "2026-09-30",
        "Northwind Books, Inc.: Report due": "2026-11-30",
    }
    assert entries(who["owen"]) == dates | {"Northwind Books, Inc.: REQ-001 Logs due": "2099-01-31"}
    for key in ("carla", "sana"):
        assert entries(who[key]) == dates | {"Northwind Books, Inc.: 2 requests due": "2099-01-31"}
    assert entries(who["sub"]) == dates
    assert entries(f.person("nemo")) == {}
    EngagementMember.objects.filter(user=who["sana"]).update(independence_confirmed_at=None)
    assert entries(who["sana"]) == {}


def test_a_day_has_one_entry_that_stays_the_same(engagement: Engagement) -> None:
    sana = f.people(engagement)["sana"]
    for at in range(30):
        makers.request(engagement, title=f"Listing; with, signs\\ {at}", due=DUE)
    first, second = (Calendar.from_ical(feeds.calendar_of(sana, today=timezone.localdate())) for _ in range(2))
    (event,) = [one for one in first.walk("VEVENT") if "30 requests" in one["summary"]]
    assert "Listing; with, signs\\ 0" in event["description"]
    assert "and 10 more" in event["description"]
    assert [one["uid"] for one in first.walk("VEVENT")] == [one["uid"] for one in second.walk("VEVENT")]


def test_the_address_ends(engagement: Engagement) -> None:
    who = f.people(engagement)
    client = Client()
    client.force_login(who["owen"], backend=BACKEND)
    made = client.post(reverse("evidence:make_calendar"))
    url = made.context["address"].removeprefix("http://127.0.0.1:8000")
    stranger = Client()
    answer = stranger.get(url)
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer.content.startswith(b"BEGIN:VCALENDAR")
    assert "no-store" in answer["Cache-Control"]
    stranger.get(url)
    assert Event.objects.filter(action="calendar.read").count() == 1
    assert stranger.get("/calendar/guessed.ics").status_code == 404
    # A new address ends the one before.
    new = client.post(reverse("evidence:make_calendar")).context["address"].removeprefix("http://127.0.0.1:8000")
    assert (stranger.get(url).status_code, stranger.get(new).status_code) == (404, 200)
    client.post(reverse("evidence:end_calendar"))
    assert stranger.get(new).status_code == 404


def test_who_is_shut_out_reads_nothing(engagement: Engagement) -> None:
    who = f.people(engagement)
    _, secret = feeds.make(who["owen"])
    assert feeds.find(secret)
    deactivate(who["owen"], by=who["petra"])
    assert feeds.find(secret) is None
    assert feeds.current(who["owen"]) is None


def test_what_is_settled_is_not_due(engagement: Engagement) -> None:
    owen, sana = f.people(engagement)["owen"], f.people(engagement)["sana"]
    asked = makers.request(engagement, due=DUE)
    assert any("due" in title and "REQ" in title for title in entries(owen))
    requests.cancel(asked, reason="x", by=sana)
    assert not any("REQ" in title for title in entries(owen))
