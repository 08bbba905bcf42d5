"""The only way to an account: an invitation that works once."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.invitations import find_open
from accounts.models import ClientMember, FirmMember, Invitation, User
from engagements.models import Engagement, EngagementMember, InvitedRole, Role
from engagements.roles import MATRIX, permissions_of
from engagements.team import invite_to
from tests import factories as f

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


def test_a_person_with_an_account_joins_without_a_new_password(
    client: Client, django_capture_on_commit_callbacks: object
) -> None:
    engagement = f.staffed()
    nora = f.person("nora")
    path = invited(engagement, django_capture_on_commit_callbacks)
    answer = client.post(path, {"password": "a stolen link sets nothing", "again": "a stolen link sets nothing"})
    assert answer["Location"] == reverse("account_login")
    nora.refresh_from_db()
    assert nora.check_password(f.PASSWORD)
    assert engagement.members.filter(user=nora).exists()
    assert "_auth_user_id" not in client.session


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
    with pytest.raises(ValidationError, match="has a partner"):
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
