"""Home: what waits for whom, most urgent first."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from engagements import registers
from engagements.models import EngagementMember, Stage
from engagements.waiting import Urgency, Waiting, waiting_for
from tests import factories as f

pytestmark = pytest.mark.django_db

TODAY = dt.date(2026, 11, 22)


def words(key: str) -> list[str]:
    return [one.text for one in waiting_for(f.person(key), today=TODAY)]


def registers_of(key: str) -> list[str]:
    return [one.text for one in waiting_for(f.person(key), today=TODAY) if "/scope/" in one.url]


def test_the_partner_confirms_and_decides() -> None:
    f.proposed()
    assert words("petra") == ["Confirm your independence", "Decide about acceptance"]
    assert words("nemo") == []


def test_what_waits_follows_from_role_and_stage() -> None:
    engagement = f.staffed()
    assert "Decide about acceptance" not in words("milan")
    f.at_stage(f.accepted(system_name="Payroll"), Stage.OBSERVATION)
    assert "The period has ended: move to fieldwork" in words("milan")
    assert "The period has ended: move to fieldwork" not in words("sana")
    EngagementMember.objects.filter(engagement=engagement, role="staff").update(independence_confirmed_at=None)
    assert "Confirm your independence" in words("sana")


def test_the_client_settles_its_registers_before_the_report() -> None:
    engagement = f.accepted()
    assert registers_of("carla") == []
    engagement = f.at_stage(engagement, Stage.FIELDWORK)
    assert registers_of("carla") == [
        "Record the period’s incidents, or that there was none",
        "Record the period’s changes, or that there was none",
    ]
    carla = f.people(engagement)["carla"]
    registers.add_incident(engagement, occurred_on=dt.date(2026, 3, 1), title="T", nature="N", by=carla)
    registers.state_no_change(engagement, statement="None.", by=carla)
    assert registers_of("carla") == ["Decide whether the incidents are disclosed"]
    assert registers_of("owen") == []


def test_urgency_follows_from_the_due_date() -> None:
    engagement = f.proposed()

    def pressing(days: int | None, urgency: Urgency | None = None) -> Urgency:
        due = None if days is None else TODAY + dt.timedelta(days=days)
        return Waiting(engagement, "test", "T", "/", due=due, urgency=urgency).pressing(TODAY)

    assert pressing(-1) == Urgency.LATE
    assert pressing(-1, Urgency.LATER) == Urgency.LATE
    assert pressing(0) == Urgency.NOW
    assert pressing(7) == Urgency.SOON
    assert pressing(8) == Urgency.LATER
    assert pressing(None) == Urgency.LATER
    assert pressing(3, Urgency.RETURNED) == Urgency.RETURNED


def test_closed_engagements_are_in_the_list_only(client: Client) -> None:
    engagement = f.at_stage(f.accepted(), Stage.LOCKED)
    client.force_login(engagement.created_by)
    assert engagement.number not in client.get(reverse("home")).content.decode()
    assert engagement.number in client.get(reverse("engagements:list")).content.decode()


def test_without_scripts_the_list_is_filtered_on_the_server(client: Client) -> None:
    first, second = f.accepted(), f.accepted(system_name="Payroll")
    client.force_login(first.created_by)
    page = client.get(reverse("engagements:list"), {"q": "payroll", "nojs": "1"}).content.decode()
    assert second.number in page
    assert first.number not in page
