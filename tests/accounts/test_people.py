"""How a person's access ends, and who says who administers what."""

from __future__ import annotations

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts import people
from accounts.models import ClientMember, FirmMember, User
from audit.models import Event
from tests import factories as f
from tests.accounts.makers import is_in, sign_in, verified

pytestmark = pytest.mark.django_db


def test_deactivation_ends_every_session_at_once(client: Client) -> None:
    engagement = f.staffed()
    owen = verified(f.person("owen"))
    desks = [Client(), Client()]
    for desk in desks:
        sign_in(desk, owen)
    keys = [desk.session.session_key for desk in desks]
    client.force_login(engagement.created_by)
    told: list[User] = []
    people.when_deactivated(told.append)
    try:
        done = client.post(reverse("accounts:deactivate", args=[owen.pk]))
    finally:
        people._WHEN_DEACTIVATED.remove(told.append)
    assert done.status_code == 302
    assert told == [owen]
    assert not any(is_in(desk) for desk in desks)
    assert not Session.objects.filter(session_key__in=keys).exists()
    assert not UserSession.objects.filter(user=owen).exists()
    assert not is_in(desks[0])
    sign_in(desks[0], owen)
    assert not is_in(desks[0])
    assert Event.objects.filter(action="person.deactivated", actor=engagement.created_by).exists()
    client.post(reverse("accounts:reactivate", args=[owen.pk]))
    sign_in(desks[0], owen)
    assert is_in(desks[0])


def test_nobody_shuts_out_a_person_who_works_for_others_too() -> None:
    engagement = f.staffed()
    owen, petra = f.person("owen"), engagement.created_by
    other = f.firm("Other LLP")
    ClientMember.objects.create(organization=f.client(other, "Harbor Mills"), user=owen)
    for by in (petra, f.partner_of(other, "olga", "Olga Berg"), f.person("sana"), owen):
        with pytest.raises(PermissionDenied):
            people.deactivate(owen, by=by)
    with pytest.raises(PermissionDenied):
        people.deactivate(petra, by=petra)
    call_command("deactivate_person", owen.email.upper())
    owen.refresh_from_db()
    assert not owen.is_active


def test_a_person_of_another_firm_is_not_there(client: Client) -> None:
    engagement = f.staffed()
    client.force_login(f.partner_of(f.firm("Other LLP"), "olga", "Olga Berg"))
    owen = f.person("owen")
    for name in ("deactivate", "reactivate"):
        assert client.post(reverse(f"accounts:{name}", args=[owen.pk])).status_code == 404
    member = ClientMember.objects.get(user=owen)
    assert client.get(reverse("accounts:organization_member", args=[member.pk])).status_code == 404
    colleague = FirmMember.objects.get(user=f.person("sana"))
    assert client.get(reverse("accounts:firm_member", args=[colleague.pk])).status_code == 404
    assert engagement.client.members.filter(user=owen).exists()


def test_the_firm_keeps_an_administrator(client: Client) -> None:
    engagement = f.staffed()
    petra = FirmMember.objects.get(user=engagement.created_by)
    sana = FirmMember.objects.get(user=f.person("sana"))
    with pytest.raises(ValidationError):
        people.change_firm_member(petra, is_admin=False, may_accept=True, by=petra.user)
    with pytest.raises(PermissionDenied):
        people.change_firm_member(sana, is_admin=True, may_accept=True, by=sana.user)
    client.force_login(petra.user)
    page = reverse("accounts:firm_member", args=[sana.pk])
    assert client.post(page, {"is_admin": "on"}).status_code == 302
    sana.refresh_from_db()
    assert (sana.is_admin, sana.may_accept) == (True, False)
    assert client.post(reverse("accounts:firm_member", args=[petra.pk]), {}).status_code == 302
    assert Event.objects.filter(action="person.rights_changed").count() == 2
    assert client.get(page).status_code == 403


def test_people_see_and_end_their_own_sessions_only(client: Client) -> None:
    owen, carla = verified(f.person("owen")), verified(f.person("carla"))
    other, stranger = Client(), Client()
    for desk, user in ((client, owen), (other, owen), (stranger, carla)):
        sign_in(desk, user)
    page = client.get(reverse("accounts:account")).content.decode()
    assert page.count("· since") == 2
    theirs = UserSession.objects.get(user=carla)
    assert client.post(reverse("accounts:end_session", args=[theirs.pk])).status_code == 404
    mine = UserSession.objects.get(session_key=other.session.session_key)
    assert client.post(reverse("accounts:end_session", args=[mine.pk])).status_code == 302
    assert (is_in(client), is_in(other), is_in(stranger)) == (True, False, True)
    sign_in(other, owen)
    client.post(reverse("accounts:end_sessions"))
    assert (is_in(client), is_in(other)) == (True, False)


def test_a_person_of_two_firms_sees_both(client: Client) -> None:
    first, second = f.firm(), f.firm("Other LLP")
    petra = f.partner_of(first, "petra", "Petra Alder")
    f.partner_of(second, "petra", "Petra Alder")
    client.force_login(petra)
    assert "Other LLP" in client.get(reverse("accounts:firm")).content.decode()
    page = client.get(f"{reverse('accounts:firm')}?firm={second.pk}").content.decode()
    assert "<h1>Other LLP</h1>" in page
    third = f.firm("Third LLP")
    assert client.get(f"{reverse('accounts:firm')}?firm={third.pk}").status_code == 404
