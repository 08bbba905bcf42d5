"""The firm's record and its clients: who changes them."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.urls import reverse

from accounts.clients import add_client, change_firm
from accounts.models import Firm
from audit.models import Event
from tests import factories as f

pytestmark = pytest.mark.django_db

RECORD = {
    "legal_name": "Alder & Finch LLP",
    "city": "Salem",
    "state": "Oregon",
    "licence_jurisdiction": "Oregon",
    "licence_number": "F-1",
    "retention_years": "7",
}


def test_an_administrator_changes_the_record(client: Client) -> None:
    engagement = f.staffed()
    client.force_login(engagement.created_by)
    client.post(reverse("accounts:firm"), RECORD)
    assert Firm.objects.get().city == "Salem"
    event = Event.objects.filter(action="firm.changed").get()
    assert event.detail["values"]["city"] == ["Portland", "Salem"]


def test_colleagues_read_and_the_client_does_not(client: Client) -> None:
    engagement = f.staffed()
    people = f.people(engagement)
    client.force_login(people["sana"])
    assert client.get(reverse("accounts:firm")).status_code == 200
    client.post(reverse("accounts:firm"), RECORD)
    assert Firm.objects.get().city == "Portland"
    with pytest.raises(PermissionDenied):
        change_firm(engagement.firm, by=people["sana"], city="Salem")
    client.force_login(people["carla"])
    assert client.get(reverse("accounts:firm")).status_code == 404


def test_clients_are_added_once_by_those_who_open_engagements() -> None:
    engagement = f.staffed()
    with pytest.raises(PermissionDenied):
        add_client(engagement.firm, name="Harbor Mills", by=f.person("sana"))
    add_client(engagement.firm, name="Harbor Mills", by=engagement.created_by)
    with pytest.raises(ValidationError):
        add_client(engagement.firm, name="Harbor Mills", by=engagement.created_by)
    other = f.firm("Other LLP")
    add_client(other, name="Harbor Mills", by=f.partner_of(other, "olga", "Olga Berg"))
