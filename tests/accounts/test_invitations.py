"""The only way to an account: an invitation that works once."""

from __future__ import annotations

import datetime as dt
import re
from urllib.parse import quote

import pytest
from allauth.usersessions.models import UserSession
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.invitations import find_open
from accounts.models import ClientMember, Firm, FirmMember, Invitation, User
from accounts.people import deactivate
from audit.models import Event
from engagements.models import Engagement, EngagementMember, InvitedRole, Role
from engagements.roles import MATRIX, permissions_of, set_role
from engagements.team import invite_to
from tests import factories as f
from tests.accounts.makers import a_token

pytestmark = pytest.mark.django_db


def invited(
    engagement: Engagement, capture: object, email: str = "nora@example.com", role: str = Role.CONTROL_OWNER
) -> str:
    """Invite and return the path of the link in the e-mail."""
    with capture(execute=True):  # type: ignore[operator]
        invite_to(engagement, email=email, name="Nora Quist", role=role, by=engagement.created_by)
    found = re.search(r"https?://[^/]+(/invitation/\S+)", mail.outbox[-1].body)
    assert found is not None
    return found.group(1)


def test_the_invited_person_joins_with_the_role(client: Client, django_capture_on_commit_callbacks: object) -> None:
    engagement = f.staffed()
    path = invited(engagement, django_capture_on_commit_callbacks)
    assert mail.outbox[-1].to == ["nora@example.com"]
    assert b"Set the password" in client.get(path).content
    answer = client.post(path, {"password": f.PASSWORD, "again": f.PASSWORD})
    assert answer["Location"] == reverse("home")
    nora = User.objects.get(email="nora@example.com")
    assert nora.check_password(f.PASSWORD)
    assert ClientMember.objects.filter(user=nora, organization=engagement.client).exists()
    assert permissions_of(nora, engagement) == MATRIX[Role.CONTROL_OWNER]
    assert client.get(engagement.get_absolute_url()).status_code == 200
    assert client.get(path).status_code == 410
    assert Invitation.objects.get().token_hash not in path


def test_weak_or_different_passwords_are_refused(
    client: Client, django_capture_on_commit_callbacks: object
) -> None:
    path = invited(f.staffed(), django_capture_on_commit_callbacks)
    for password, again in (
        ("short", "short"),
        (f.PASSWORD, "something else altogether"),
        ("password1234", "password1234"),
        ("unbelievable", "unbelievable"),
    ):
        assert client.post(path, {"password": password, "again": again}).status_code == 422
    assert not User.objects.filter(email="nora@example.com").exists()


def test_an_old_or_unknown_link_is_gone(client: Client, django_capture_on_commit_callbacks: object) -> None:
    path = invited(f.staffed(), django_capture_on_commit_callbacks)
    Invitation.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert client.get(path).status_code == 410
    assert client.post(path, {"password": f.PASSWORD, "again": f.PASSWORD}).status_code == 410
    assert client.get(reverse("accounts:invitation", args=["x" * 43])).status_code == 410
    assert find_open("", at=timezone.now()) is None


def test_a_person_with_an_account_joins_signed_in_and_without_a_new_password(
    client: Client, django_capture_on_commit_callbacks: object
) -> None:
    """The link alone joins nobody: an account that took the address by stealth would be brought in by its owner."""
    engagement = f.staffed()
    nora = f.person("nora")
    path = invited(engagement, django_capture_on_commit_callbacks)
    sent = {"password": "a stolen link sets nothing", "again": "a stolen link sets nothing"}
    for somebody in (None, f.people(engagement)["owen"]):
        if somebody:
            client.force_login(somebody)
        assert client.get(path).status_code == 200
        assert client.post(path, sent)["Location"] == f"{reverse('account_login')}?next={quote(path, safe='')}"
    assert not engagement.members.filter(user=nora).exists()
    client.force_login(nora)
    assert client.post(path, sent)["Location"] == reverse("home")
    nora.refresh_from_db()
    assert nora.check_password(f.PASSWORD)
    assert engagement.members.filter(user=nora).exists()
    assert client.get(engagement.get_absolute_url()).status_code == 200


def test_joining_a_further_organization_ends_what_the_former_ones_provider_opened(
    client: Client, django_capture_on_commit_callbacks: object
) -> None:
    """Its administrator could be the person until then, and would be so at the new organization too."""
    engagement = f.staffed()
    nora, other = f.person("nora"), f.client(f.firm("Ostrom CPA"), "Harbor Mills")
    ClientMember.objects.create(organization=other, user=nora)
    path = invited(engagement, django_capture_on_commit_callbacks)
    elsewhere = Client()
    elsewhere.force_login(nora)
    elsewhere.get(reverse("home"))
    UserSession.objects.create(user=nora, session_key=elsewhere.session.session_key, ip="203.0.113.9")
    _, made_so = a_token(nora, provider="harbor-mills-1a2b")
    _, made_here = a_token(nora)
    client.force_login(nora)
    client.post(path)
    assert engagement.members.filter(user=nora).exists()
    assert elsewhere.get(reverse("home")).status_code == 302
    for secret, status in ((made_so, 401), (made_here, 200)):
        answer = Client().get(reverse("api:engagements"), headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == status


def test_an_invitation_is_withdrawn_or_falls_with_who_invited(
    client: Client, django_capture_on_commit_callbacks: object
) -> None:
    engagement = f.staffed()
    who = f.people(engagement)
    path = invited(engagement, django_capture_on_commit_callbacks, role=Role.STAFF)
    url = reverse("engagements:team_withdraw", args=[engagement.pk, Invitation.objects.get().pk])
    client.force_login(who["carla"])
    assert client.post(url).status_code == 403
    assert client.get(path).status_code == 200, "the firm's people are no business of the client's administrator"
    client.force_login(engagement.created_by)
    assert url in client.get(reverse("engagements:team", args=[engagement.pk])).content.decode()
    client.post(url)
    assert client.get(path).status_code == 410
    assert Event.objects.get(action="person.invitation_withdrawn").actor == engagement.created_by
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        invite_to(engagement, email="ivo@example.com", name="Ivo", role=Role.SIGNATORY, by=who["carla"])
    path = re.findall(r"https?://[^/]+(/invitation/\S+)", mail.outbox[-1].body)[0]
    assert client.get(path).status_code == 200
    deactivate(who["carla"], by=engagement.created_by)
    assert client.get(path).status_code == 410


def test_who_may_no_longer_give_a_role_gives_none_by_an_invitation(
    client: Client, django_capture_on_commit_callbacks: object
) -> None:
    engagement = f.staffed()
    carla = f.people(engagement)["carla"]
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        invite_to(engagement, email="nora@example.com", name="Nora", role=Role.SIGNATORY, by=carla)
    set_role(engagement, carla, Role.CONTROL_OWNER, by=engagement.created_by)
    path = re.findall(r"https?://[^/]+(/invitation/\S+)", mail.outbox[-1].body)[0]
    client.post(path, {"password": f.PASSWORD, "again": f.PASSWORD})
    nora = User.objects.get(email="nora@example.com")
    assert ClientMember.objects.filter(user=nora).exists()
    assert not engagement.members.filter(user=nora).exists()


def test_names_of_several_lines_reach_no_header(client: Client, django_capture_on_commit_callbacks: object) -> None:
    engagement = f.staffed()
    Firm.objects.filter(pk=engagement.firm_id).update(legal_name="A\nBcc: evil@example.com")
    path = invited(engagement, django_capture_on_commit_callbacks, role=Role.STAFF)
    assert client.get(path).status_code == 200
    assert mail.outbox[-1].subject == "Your access to A Bcc: evil@example.com"
    client.force_login(engagement.created_by)
    sent = {"legal_name": "Alder\r\nX: y", "city": "Salem", "state": "Oregon", "retention_years": 7}
    client.post(reverse("accounts:firm"), sent)
    engagement.firm.refresh_from_db()
    assert engagement.firm.legal_name == "Alder X: y"
    named = f.proposed(number="2027-1\r\nX: y")
    assert named.number == "2027-1 X: y"
    Engagement.objects.filter(pk=engagement.pk).update(number='a"\r\nX: y')
    assert client.get(reverse("distribution:log", args=[engagement.pk])).status_code == 200


def test_who_belongs_there_gets_the_role_at_once() -> None:
    engagement = f.proposed()
    f.staffed(system_name="Payroll")
    made = invite_to(engagement, email="SANA@example.com", name="Sana", role=Role.STAFF, by=engagement.created_by)
    assert isinstance(made, EngagementMember)
    assert not InvitedRole.objects.exists()
    with pytest.raises(ValidationError, match="role here already"):
        invite_to(engagement, email="sana@example.com", name="S", role=Role.MANAGER, by=engagement.created_by)


def test_only_who_manages_the_team_invites() -> None:
    engagement = f.staffed()
    for key in ("milan", "carla", "sana"):
        with pytest.raises(PermissionDenied):
            invite_to(engagement, email="x@example.com", name="X", role=Role.STAFF, by=f.people(engagement)[key])
    with pytest.raises(ValidationError, match="with another role first"):
        invite_to(engagement, email="x@example.com", name="X", role=Role.PARTNER, by=engagement.created_by)
    assert not Invitation.objects.exists()


def test_an_invited_auditor_belongs_to_the_firm_and_confirms_independence_first(
    client: Client, django_capture_on_commit_callbacks: object
) -> None:
    engagement = f.staffed()
    path = invited(engagement, django_capture_on_commit_callbacks, role=Role.STAFF)
    client.post(path, {"password": f.PASSWORD, "again": f.PASSWORD})
    nora = User.objects.get(email="nora@example.com")
    assert FirmMember.objects.filter(user=nora, firm=engagement.firm).exists()
    assert client.get(reverse("engagements:controls", args=[engagement.pk])).status_code == 403


def test_the_clients_administrator_brings_in_its_own_people_and_no_others(
    client: Client, django_capture_on_commit_callbacks: object
) -> None:
    engagement = f.staffed()
    client.force_login(f.people(engagement)["carla"])
    url = reverse("engagements:team_invite", args=[engagement.pk])
    assert url in client.get(reverse("engagements:team", args=[engagement.pk])).content.decode()
    assert b"Staff" not in client.get(url).content
    sent = {"name": "Nora Quist", "email": "nora@example.com", "title": "Head of IT", "role": Role.CONTROL_OWNER}
    assert client.post(url, sent | {"role": Role.STAFF}).status_code == 422
    assert client.post(url, sent | {"email": f.people(engagement)["ray"].email}).status_code == 422
    assert not Invitation.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        assert client.post(url, sent).status_code == 302
    assert Invitation.objects.get().organization == engagement.client
    assert "Carla" in mail.outbox[-1].body


def test_nobody_of_the_firm_joins_on_the_clients_side() -> None:
    engagement = f.proposed()
    tess = f.person("tess")
    FirmMember.objects.create(firm=engagement.firm, user=tess)
    with pytest.raises(ValidationError, match="examines the client"):
        invite_to(engagement, email=tess.email, name="T", role=Role.SIGNATORY, by=engagement.created_by)
