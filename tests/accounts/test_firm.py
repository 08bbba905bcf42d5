"""The firm's record and its clients: who changes them."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.clients import add_client, change_firm
from accounts.models import Firm
from audit.models import Event
from tests import factories as f
from tests.accounts.makers import is_in, sign_in

pytestmark = pytest.mark.django_db

RECORD = {
    "legal_name": "Alder & Finch LLP",
    "peer_review_on": "2026-02-01",
}


def test_an_administrator_changes_the_record(client: Client) -> None:
    engagement = f.staffed()
    client.force_login(engagement.created_by)
    client.post(reverse("accounts:firm"), RECORD)
    assert str(Firm.objects.get().peer_review_on) == "2026-02-01"
    event = Event.objects.filter(action="firm.changed").get()
    assert event.detail["values"]["peer_review_on"] == ["2025-03-14", "2026-02-01"]


def test_colleagues_read_and_the_client_does_not(client: Client) -> None:
    engagement = f.staffed()
    people = f.people(engagement)
    client.force_login(people["sana"])
    assert client.get(reverse("accounts:firm")).status_code == 200
    assert client.post(reverse("accounts:firm"), RECORD).status_code == 403
    assert str(Firm.objects.get().peer_review_on) == "2025-03-14"
    with pytest.raises(PermissionDenied):
        change_firm(engagement.firm, by=people["sana"], two_to_issue=True)
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


def test_licences_are_rows_of_their_own_and_the_reports_name_that_of_the_state(client: Client) -> None:
    engagement = f.staffed()
    firm = engagement.firm
    client.force_login(engagement.created_by)
    new = {"jurisdiction": "Washington", "number": "W-77", "expires_on": "2031-01-31"}
    assert client.post(reverse("accounts:licence_new"), new).status_code == 302
    assert client.post(reverse("accounts:licence_new"), new).status_code == 422
    assert str(firm.licence_in("oregon")) == "Oregon F-10442"
    assert str(firm.licence_in("Washington")) == "Washington W-77"
    assert str(firm.licence_in("Idaho")) == "Washington W-77"
    licence = firm.licences.get(number="F-10442")
    client.force_login(f.person("sana"))
    remove = reverse("accounts:licence_remove", args=[licence.pk])
    assert client.post(remove).status_code == 403
    assert client.post(reverse("accounts:licence_new"), new | {"number": "W-78"}).status_code == 403
    client.force_login(engagement.created_by)
    client.post(remove)
    assert [one.number for one in firm.licences.all()] == ["W-77"]
    assert Event.objects.filter(action__in=["licence.added", "licence.removed"]).count() == 2


def test_a_new_installation_begins_with_a_command() -> None:
    out = StringIO()
    with pytest.raises(CommandError, match="give a name"):
        call_command("make_firm", "Alder & Co. LLP", "ada@alder.example")
    call_command(
        "make_firm", "Alder  & Co. LLP", "Ada@alder.example", name="Ada Alder", title="Partner", stdout=out
    )
    firm = Firm.objects.get(legal_name="Alder & Co. LLP")
    member = firm.members.get()
    assert (member.user.email, member.title) == ("ada@alder.example", "Partner")
    assert member.is_admin
    assert member.may_accept
    assert not member.user.has_usable_password()
    assert "ask for a password at" in out.getvalue()
    event = Event.objects.get(firm_id=firm.pk)
    assert (event.action, event.actor_name) == ("firm.made", "Attestry")
    assert event.detail == {"administrator": "ada@alder.example"}
    with pytest.raises(CommandError, match="is there already"):
        call_command("make_firm", "alder & co. llp", "eve@alder.example", name="Eve")
    member.user.set_password(f.PASSWORD)
    member.user.save()
    desk = Client()
    sign_in(desk, member.user)
    assert is_in(desk)
    call_command("make_firm", "Alder West LLP", "ada@alder.example", stdout=out)
    assert not is_in(desk), "who joins a further organization signs in anew"
    assert add_client(firm, name="Bright Books", by=member.user).firm == firm
