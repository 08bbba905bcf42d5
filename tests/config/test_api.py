"""The interface for programs: same people, same refusals, same flows as the pages."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from audit.models import Event
from engagements import scope
from engagements.models import Engagement, Stage
from evidence import requests
from evidence.models import EvidenceFile, EvidenceRequest
from tests import factories as f

pytestmark = pytest.mark.django_db


@pytest.fixture
def engagement() -> Engagement:
    made = f.accepted()
    people = f.people(made)
    controls = scope.add_from_library(made, ["IAM-06", "IAM-08"], by=people["milan"])
    f.at_stage(made, Stage.FIELDWORK)
    for control, owner in zip(controls, (people["owen"], people["carla"]), strict=True):
        asked = requests.make(
            made,
            title=f"Evidence of {control.number}",
            due=dt.date(2026, 12, 1),
            controls=[control],
            assigned_to=owner,
            by=people["milan"],
        )
        requests.open_requests([asked], by=people["milan"])
    return made


def as_(client: Client, engagement: Engagement, key: str) -> Client:
    client.force_login(f.people(engagement)[key])
    return client


def test_everybody_sees_only_their_engagements(client: Client, engagement: Engagement):
    f.proposed(
        a_client=f.client(f.firm("Other LLP"), "Elsewhere, Inc."),
        partner=f.partner_of(f.firm("Other LLP"), "olga", "Olga"),
    )
    found = as_(client, engagement, "sana").get("/api/engagements/").json()
    assert [one["number"] for one in found] == [engagement.number]
    assert client.get(f"/api/engagements/{engagement.pk}/").json()["role"] == "staff"
    client.force_login(f.person("olga"))
    assert client.get(f"/api/engagements/{engagement.pk}/").status_code == 404
    assert client.get(f"/api/engagements/{engagement.pk}/requests/").status_code == 404
    client.logout()
    assert client.get("/api/engagements/").status_code == 401


def test_what_stands_in_the_way_is_for_the_firm(client: Client, engagement: Engagement):
    answer = as_(client, engagement, "milan").get(f"/api/engagements/{engagement.pk}/standing/issue/")
    assert {"R13", "F01"} <= {finding["rule"] for finding in answer.json()}
    assert client.get(f"/api/engagements/{engagement.pk}/standing/draw/").status_code == 404
    assert (
        as_(client, engagement, "carla").get(f"/api/engagements/{engagement.pk}/standing/issue/").status_code == 403
    )


def test_a_control_owner_hands_in_a_file(client: Client, engagement: Engagement):
    base = f"/api/engagements/{engagement.pk}/requests/"
    found = as_(client, engagement, "owen").get(base).json()
    assert [(one["code"], one["controls"]) for one in found] == [("REQ-001", ["IAM-06"])]
    file = SimpleUploadedFile("leavers.csv", b"Employee,Left on\n1,2026-01-05\n")
    made = client.post(f"{base}REQ-001/files/", {"file": file, "speaks_from": "2026-01-01"})
    assert made.status_code == 201, made.content
    assert EvidenceFile.objects.get().sha256 == made.json()["sha256"]
    assert Event.objects.filter(action__startswith="evidence.", actor__email="owen@example.com").exists()
    assert client.get(f"{base}REQ-001/files/").json()[0]["name"] == "leavers.csv"
    assert client.post(f"{base}REQ-002/files/", {"file": file}).status_code == 404, "another person's request"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [("leavers.csv", b"", "empty"), ("tool.exe", b"MZ", "exe"), ("report.pdf", b"<html>", ".pdf")],
)
def test_a_wrong_file_is_refused_in_words(client: Client, engagement: Engagement, name, content, words):
    url = f"/api/engagements/{engagement.pk}/requests/REQ-001/files/"
    answer = as_(client, engagement, "owen").post(url, {"file": SimpleUploadedFile(name, content)})
    assert answer.status_code == 422
    assert words in " ".join(answer.json()["errors"])
    assert not EvidenceFile.objects.exists()


def test_nothing_is_received_once_issued(client: Client, engagement: Engagement):
    Engagement.objects.filter(pk=engagement.pk).update(frozen_at="2026-11-01T00:00Z")
    url = f"/api/engagements/{engagement.pk}/requests/REQ-001/files/"
    file = SimpleUploadedFile("leavers.csv", b"a,b\n1,2\n")
    assert as_(client, engagement, "owen").post(url, {"file": file}).status_code == 422
    assert EvidenceRequest.objects.count() == 2
