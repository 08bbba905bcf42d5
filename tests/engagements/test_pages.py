"""Every page opens for those who may see it, with words and without a query per row."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from engagements.models import Component, Engagement, EngagementMember
from tests import factories as f
from tests.engagements.makers import control, scoped

pytestmark = pytest.mark.django_db

PAGES = [
    ("overview", []),
    ("acceptance", []),
    ("letter", []),
    ("settings", []),
    ("stage", ["fieldwork"]),
    ("leave", []),
    ("scope", []),
    ("criterion", ["CC6.1"]),
    ("criterion", ["CC1.1"]),
    *[
        ("register", [slug])
        for slug in ("subservice", "csoc", "cuec", "components", "commitments", "incidents", "changes")
    ],
    ("register_add", ["subservice"]),
    ("register_add", ["components"]),
    ("register_none", ["incidents"]),
    ("controls", []),
    ("library", []),
    ("control_add", []),
    ("control", ["NB-01"]),
    ("control_mapping", ["NB-01"]),
    ("control_owner", ["NB-01"]),
    ("control_remove", ["NB-01"]),
    ("team", []),
    ("team_invite", []),
    ("activity", []),
]
CLIENT_PAGES = [
    "overview",
    "letter",
    "scope",
    "criterion",
    "register",
    "register_add",
    "register_none",
    "controls",
    "control",
    "control_owner",
    "team",
    "team_invite",
    "activity",
]


def opened(client: Client, engagement: Engagement) -> dict[str, int]:
    """The status of every page for whoever is signed in."""
    found = {}
    for name, args in PAGES:
        answer = client.get(reverse(f"engagements:{name}", args=[engagement.pk, *args]))
        found[" ".join([name, *args])] = answer.status_code
        assert "style=" not in answer.content.decode()
    return found


@pytest.mark.drill
def test_the_partner_opens_every_page_but_the_clients_own(client: Client) -> None:
    engagement = scoped()
    client.force_login(engagement.created_by)
    statuses = opened(client, engagement)
    refused = {"register_add components", "register_none incidents"}
    assert {page for page, status in statuses.items() if status != 200} == refused
    assert {statuses[page] for page in refused} == {403}


def test_the_client_administrator_opens_its_own_only(client: Client) -> None:
    engagement = scoped()
    client.force_login(f.people(engagement)["carla"])
    statuses = opened(client, engagement)
    expected = {
        page: 200 if page.split()[0] in CLIENT_PAGES and page != "register_add subservice" else 403
        for page in statuses
    }
    assert statuses == expected


def test_a_control_owner_sees_controls_and_no_scope(client: Client) -> None:
    engagement = scoped()
    client.force_login(f.people(engagement)["owen"])
    statuses = opened(client, engagement)
    allowed = {"overview", "controls", "control NB-01", "team"}
    assert {page for page, status in statuses.items() if status == 200} == allowed
    assert {status for page, status in statuses.items() if page not in allowed} == {403}


def test_outsiders_find_nothing(client: Client) -> None:
    engagement = scoped()
    client.force_login(f.person("nemo"))
    assert set(opened(client, engagement).values()) == {404}


def test_strangers_are_sent_to_sign_in(client: Client) -> None:
    engagement = scoped()
    assert set(opened(client, engagement).values()) == {302}


def test_without_independence_only_acceptance_opens(client: Client) -> None:
    engagement = scoped()
    milan = f.people(engagement)["milan"]
    EngagementMember.objects.filter(user=milan).update(independence_confirmed_at=None)
    client.force_login(milan)
    statuses = opened(client, engagement)
    assert {page for page, status in statuses.items() if status == 200} == {"overview", "acceptance", "team"}
    assert b"Confirm your independence first" in client.get(engagement.get_absolute_url()).content
    client.post(reverse("engagements:independence", args=[engagement.pk]))
    assert client.get(reverse("engagements:scope", args=[engagement.pk])).status_code == 200


def test_an_entry_opens_for_its_keeper_and_for_readers(client: Client) -> None:
    engagement = scoped()
    entry = Component.objects.get(engagement=engagement)
    url = reverse("engagements:register_edit", args=[engagement.pk, "components", entry.pk])
    client.force_login(f.people(engagement)["carla"])
    assert b"Save" in client.get(url).content
    client.force_login(engagement.created_by)
    answer = client.get(url)
    assert answer.status_code == 200
    assert b"Save" not in answer.content


@pytest.mark.parametrize("name", ["home", "engagements:list", "engagements:open", "rules", "accounts:firm"])
def test_pages_outside_of_an_engagement(client: Client, name: str) -> None:
    engagement = scoped()
    client.force_login(engagement.created_by)
    assert client.get(reverse(name)).status_code == 200


def test_an_empty_home_says_so(client: Client) -> None:
    client.force_login(f.person("nemo"))
    answer = client.get(reverse("home"))
    assert b"Nothing waits for you" in answer.content
    assert b"You see an engagement here as soon as" in answer.content


@pytest.mark.parametrize("name", ["controls", "scope", "library", "overview"])
@pytest.mark.drill
def test_queries_do_not_grow_with_controls(client: Client, name: str) -> None:
    engagement = scoped(3)
    client.force_login(engagement.created_by)
    url = reverse(f"engagements:{name}", args=[engagement.pk])
    client.get(url)
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get(url)
    for number in range(100, 130):
        control(engagement, f"NB-{number}", criteria=["CC7.1", "A1.1"])
    with CaptureQueriesContext(connection) as many:
        client.get(url)
    assert len(many) <= len(few) + 1
    assert len(many) < 40


def test_the_palette_finds_controls_criteria_and_people(client: Client) -> None:
    engagement = scoped()
    client.force_login(engagement.created_by)
    url = reverse("palette")
    assert [hit["code"] for hit in client.get(url, {"q": "nb-03", "engagement": engagement.pk}).json()] == ["NB-03"]
    assert "CC6.1" in [hit["code"] for hit in client.get(url, {"q": "CC6", "engagement": engagement.pk}).json()]
    assert client.get(url, {"q": "Carla", "engagement": engagement.pk}).json()[0]["kind"] == "Person"
    assert "Controls" in [hit["label"] for hit in client.get(url, {"q": "", "engagement": engagement.pk}).json()]
    assert client.get(url, {"q": engagement.number}).json()[0]["kind"] == "Engagement"
    client.force_login(f.person("nemo"))
    assert client.get(url, {"q": "NB", "engagement": engagement.pk}).status_code == 404
    assert client.get(url, {"q": ""}).json() == []
