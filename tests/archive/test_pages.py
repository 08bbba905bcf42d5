"""The page of the file: what it offers to whom, and what it says of a refusal."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from archive.models import FileLock, LegalHold
from engagements.models import Engagement
from tests import factories as f
from tests.archive import makers as a

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick")]
BACKEND = "django.contrib.auth.backends.ModelBackend"


def page(client: Client, engagement: Engagement, who: str) -> str:
    client.force_login(f.people(engagement)[who], backend=BACKEND)
    return client.get(reverse("archive:file", args=[engagement.pk])).content.decode()


def test_from_open_to_locked_and_packed(client: Client) -> None:
    engagement = a.issued()
    assert "Lock the file" not in page(client, engagement, "milan")
    assert "Lock the file" in page(client, engagement, "petra")
    url = reverse("archive:lock", args=[engagement.pk])
    sent = {"years": 7, "password": f.PASSWORD, "confirm": "yes"}
    refused = client.post(url, sent)
    assert refused.status_code == 422
    assert "Type the word “lock”" in refused.content.decode()
    assert not FileLock.objects.exists()
    shorter = client.post(url, {**sent, "confirm": "lock", "years": 5}).content.decode()
    assert "R60" in shorter
    assert client.post(url, {**sent, "confirm": "Lock"}).status_code == 302
    assert "Locking the file" in page(client, engagement, "petra")
    FileLock.objects.get()


def test_what_a_locked_file_shows(client: Client) -> None:
    engagement = a.locked()
    lock = FileLock.objects.get()
    shown = page(client, engagement, "petra")
    assert lock.root in shown
    for words in ("Add an addendum", "Make a pack", "Place a legal hold"):
        assert words in shown
    assert "Ask for the destruction" not in shown
    staff = page(client, engagement, "sana")
    assert lock.root in staff
    for words in ("Add an addendum", "Make a pack", "Place a legal hold"):
        assert words not in staff
    client.force_login(f.people(engagement)["quinn"], backend=BACKEND)
    client.post(reverse("archive:place_hold", args=[engagement.pk]), {"reason": "Litigation."})
    assert LegalHold.objects.get().placed_by == f.people(engagement)["quinn"]
    a.aged(engagement)
    assert "legal hold" in page(client, engagement, "milan").lower()
