"""Tokens: a program acts for a person, within what the token is for, and for no longer than it should."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import people, tokens
from accounts.clients import change_sign_in_policy
from accounts.models import ApiToken, ClientMember, FirmMember, IdentityProvider, User
from audit.context import acting_for
from audit.models import Event
from engagements.models import Control, Engagement, Role, Stage
from engagements.roles import end_role, set_role
from evidence.models import EvidenceFile
from tests import factories as f
from tests.accounts.makers import a_token, with_app, with_second_factor
from tests.evidence import makers as evidence

pytestmark = pytest.mark.django_db


def call(secret: str, url: str = "/api/engagements/", **options: Any) -> HttpResponse:
    """As a program does: no cookie, and CSRF checked as in earnest."""
    return Client(enforce_csrf_checks=True).get(url, headers={"Authorization": f"Bearer {secret}"}, **options)


def send(secret: str, url: str, **options: Any) -> HttpResponse:
    file = {"file": SimpleUploadedFile("log.txt", b"disabled 2026-01-09 by owen\n")}
    client = Client(enforce_csrf_checks=True)
    return client.post(url, file, headers={"Authorization": f"Bearer {secret}"}, **options)


@pytest.fixture
def engagement() -> Engagement:
    made = f.accepted()
    f.at_stage(made, Stage.FIELDWORK)
    evidence.request(made, title="Open", assigned_to=f.people(made)["owen"])
    return made


def files_of(engagement: Engagement) -> str:
    return f"/api/engagements/{engagement.pk}/requests/REQ-001/files/"


def test_the_secret_is_kept_nowhere_and_lets_in(engagement: Engagement) -> None:
    owen = f.people(engagement)["owen"]
    token, secret = a_token(owen)
    assert secret.startswith(f"{token.prefix}_")
    drawn = secret.removeprefix(f"{token.prefix}_")
    assert len(drawn) == 43
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(t)::text FROM accounts_apitoken t")
        (kept,) = cursor.fetchone()
    assert drawn not in kept
    answer = call(secret)
    assert answer.status_code == 200
    assert [one["number"] for one in answer.json()] == [engagement.number]
    assert "Set-Cookie" not in answer.headers


def test_a_program_hands_in_evidence_and_the_trail_says_by_what_means(engagement: Engagement) -> None:
    token, secret = a_token(f.people(engagement)["owen"])
    made = send(secret, files_of(engagement))
    assert made.status_code == 201, made.content
    assert EvidenceFile.objects.get().sha256 == made.json()["sha256"]
    event = Event.objects.filter(engagement_id=engagement.pk, actor__email="owen@example.com").latest("pk")
    assert event.detail["by_means_of"] == f"token {token.prefix}"


@pytest.mark.parametrize(("scopes", "read", "written"), [((True, False), 200, 403), ((False, True), 403, 201)])
def test_scopes_narrow_it(engagement: Engagement, scopes: tuple[bool, bool], read: int, written: int) -> None:
    _, secret = a_token(f.people(engagement)["owen"], may_read=scopes[0], may_upload=scopes[1])
    assert call(secret).status_code == read
    assert send(secret, files_of(engagement)).status_code == written
    assert EvidenceFile.objects.exists() is (written == 201)


def test_one_engagement_is_all_that_it_and_the_database_show(engagement: Engagement) -> None:
    petra = engagement.created_by
    other = f.proposed(a_client=f.client(name="Southgate Labs, Inc."), partner=petra)
    token, secret = a_token(petra, engagement_id=engagement.pk, covers=engagement.number)
    assert [one["id"] for one in call(secret).json()] == [engagement.pk]
    assert call(secret, f"/api/engagements/{other.pk}/").status_code == 404
    assert len(call(a_token(petra)[1]).json()) == 2
    # A query that forgets to ask whose rows it wants gets no other either, and none of the firm's trail.
    with acting_for(f"{petra.pk}@{engagement.pk}"):
        assert Engagement.objects.get() == engagement
        assert not Event.objects.exclude(engagement_id=engagement.pk).exclude(actor=petra).exists()
        assert not Event.objects.filter(engagement_id=other.pk).exists()
        assert Control.objects.exclude(engagement=engagement).count() == 0
    with acting_for(f"{petra.pk}@{other.pk + 1000}"):
        assert not Engagement.objects.exists()
    assert token.engagement_id == engagement.pk


def test_it_can_do_no_more_than_its_person_at_each_request(engagement: Engagement) -> None:
    who = f.people(engagement)
    _, secret = a_token(who["owen"])
    standing = f"/api/engagements/{engagement.pk}/standing/issue/"
    assert call(secret, standing).status_code == 403
    end_role(engagement, who["owen"], by=who["petra"])
    assert call(secret).json() == []
    assert send(secret, files_of(engagement)).status_code == 404
    set_role(engagement, who["owen"], Role.CLIENT_ADMIN, by=who["petra"])
    assert len(call(secret).json()) == 1


def test_it_opens_no_page_and_makes_no_token(engagement: Engagement) -> None:
    petra = engagement.created_by
    _, secret = a_token(petra)
    for name in ("home", "accounts:account", "engagements:token_new", "engagements:list"):
        answer = call(secret, reverse(name))
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("account_login"))
    client = Client()
    headers = {"Authorization": f"Bearer {secret}"}
    made = client.post(reverse("engagements:token_new"), {"name": "More", "may_read": "on"}, headers=headers)
    assert made["Location"].startswith(reverse("account_login"))
    assert ApiToken.objects.count() == 1


def test_a_cookie_beside_the_token_counts_for_nothing(engagement: Engagement) -> None:
    client = Client()
    client.force_login(engagement.created_by)
    assert len(client.get("/api/engagements/").json()) == 1
    nemo = a_token(f.person("nemo"))[1]
    assert client.get("/api/engagements/", headers={"Authorization": f"Bearer {nemo}"}).json() == []
    assert client.get("/api/engagements/", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_what_does_not_count_is_told_in_words() -> None:
    token, secret = a_token(f.person("nemo"))
    without = Client().get("/api/engagements/")
    assert (without.status_code, without["WWW-Authenticate"]) == (401, 'Bearer realm="Attestry"')
    wrong = call(secret[:-1] + ("A" if secret[-1] != "A" else "B"))
    assert wrong["Content-Type"] == "application/problem+json"
    assert "invalid_token" in wrong["WWW-Authenticate"]
    problem = {"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": "This token is not known."}
    assert wrong.json() == problem
    ApiToken.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert "expired" in call(secret).json()["detail"]
    tokens.end(token, by=token.user)
    assert call(secret).json()["detail"] == "This token was ended."
    assert call(token.token_hash).status_code == 401


def test_wrong_tokens_are_limited_and_hold_up_nobody_else() -> None:
    _, secret = a_token(f.person("nemo"))
    answers = [call(f"attestry_{at}", REMOTE_ADDR="203.0.113.9").status_code for at in range(31)]
    assert answers == [401] * 30 + [429]
    assert call(secret, REMOTE_ADDR="203.0.113.9").status_code == 200
    assert call("attestry_x", REMOTE_ADDR="198.51.100.1").status_code == 401


@pytest.mark.parametrize(
    ("ip", "status"), [("203.0.113.7", 200), ("198.51.100.9", 200), ("203.0.114.1", 403), ("2001:db8::1", 403)]
)
def test_it_can_be_bound_to_addresses(ip: str, status: int) -> None:
    networks = tokens.networks_of("203.0.113.0/24\n198.51.100.9")
    assert call(a_token(f.person("nemo"), networks=networks)[1], REMOTE_ADDR=ip).status_code == status
    with pytest.raises(ValidationError, match="no address"):
        tokens.networks_of("example.com")


def test_the_owner_and_who_administers_all_of_the_owners_places_end_it(engagement: Engagement) -> None:
    who = f.people(engagement)
    owen, carla, petra = who["owen"], who["carla"], who["petra"]
    ClientMember.objects.filter(user=carla).update(is_admin=True)
    for by, allowed in ((owen, True), (carla, True), (petra, True), (who["sana"], False), (who["sub"], False)):
        token, secret = a_token(owen)
        if allowed:
            tokens.end(token, by=by)
        else:
            with pytest.raises(PermissionDenied):
                tokens.end(token, by=by)
        assert call(secret).status_code == (401 if allowed else 200)
    ClientMember.objects.create(organization=f.client(f.firm("Other LLP"), "Harbor Mills"), user=owen)
    for by in (carla, petra):
        with pytest.raises(PermissionDenied):
            tokens.end(token, by=by)
    assert Event.objects.filter(action="token.ended").count() == 3


@pytest.mark.parametrize("how", ["flow", "command", "by hand"])
def test_deactivation_ends_it_at_once(engagement: Engagement, how: str) -> None:
    owen = f.people(engagement)["owen"]
    _, secret = a_token(owen)
    assert call(secret).status_code == 200
    if how == "flow":
        people.deactivate(owen, by=engagement.created_by)
    elif how == "command":
        call_command("deactivate_person", owen.email)
    else:
        User.objects.filter(pk=owen.pk).update(is_active=False)
    assert call(secret).status_code == 401
    if how != "by hand":
        people.reactivate(owen, by=None)
        assert call(secret).status_code == 401, "it does not come back with the person"


def test_what_the_organization_demands_counts_for_tokens_too(engagement: Engagement) -> None:
    who = f.people(engagement)
    owen = who["owen"]
    _, before = a_token(owen)
    change_sign_in_policy(engagement.client, demands_second_factor=True, session_hours=12, by=who["petra"])
    refused = call(before)
    assert refused.status_code == 403
    assert "second factor" in refused.json()["detail"]
    with pytest.raises(ValidationError, match="second factor"):
        a_token(owen)
    with_app(owen)
    assert call(before).status_code == 403, "it was made without"
    _, after = a_token(owen, second_factor=True)
    assert call(after).status_code == 200
    IdentityProvider.objects.create(organization=engagement.client, slug="northwind", demanded=True)
    assert "single sign-on" in call(after).json()["detail"]
    assert call(a_token(owen, second_factor=True, provider="northwind")[1]).status_code == 200


def test_use_is_noted_and_told_once_a_day() -> None:
    nemo = f.person("nemo")
    token, secret = a_token(nemo)
    for ip in ("203.0.113.7", "203.0.113.7", "203.0.113.8"):
        call(secret, REMOTE_ADDR=ip)
    token.refresh_from_db()
    assert token.last_used_ip == "203.0.113.8"
    (event,) = Event.objects.filter(action="token.used")
    assert (event.ip, event.actor) == ("203.0.113.7", nemo)
    ApiToken.objects.update(last_used_at=timezone.now() - dt.timedelta(days=1))
    call(secret)
    assert Event.objects.filter(action="token.used").count() == 2


# -- Pages ----------------------------------------------------------------------------------------


def sent(**data: Any) -> dict[str, Any]:
    until = timezone.localdate() + dt.timedelta(days=30)
    return {"name": "CI", "may_read": "on", "engagement": "", "expires_on": until.isoformat(), **data}


def test_a_person_makes_one_and_sees_it_once(engagement: Engagement, client: Client) -> None:
    owen = f.people(engagement)["owen"]
    client.force_login(owen)
    page = reverse("engagements:token_new")
    assert f"{engagement.number} " in client.get(page).content.decode()
    made = client.post(page, sent(engagement=engagement.pk, networks="203.0.113.0/24"))
    assert made.status_code == 201
    assert "no-store" in made["Cache-Control"]
    token = ApiToken.objects.get()
    assert (token.user, token.engagement_id, token.networks) == (owen, engagement.pk, ["203.0.113.0/24"])
    secret = made.content.decode().partition(f"{token.prefix}_")[2][:43]
    assert tokens.find(f"{token.prefix}_{secret}", ip="203.0.113.1") == token
    account = client.get(reverse("accounts:account")).content.decode()
    assert token.prefix in account
    assert "never used" in account
    assert secret not in account
    client.post(reverse("accounts:token_end", args=[token.pk]))
    assert token.prefix not in client.get(reverse("accounts:account")).content.decode()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"expires_on": "2020-01-01"}, "a year at most"),
        ({"expires_on": "2099-01-01"}, "a year at most"),
        ({"may_read": ""}, "what the token is for"),
        ({"networks": "everywhere"}, "no address or network"),
        ({"engagement": "999999"}, "valid choice"),
        ({"name": " "}, "required"),
    ],
)
def test_bad_input_is_told_where_it_was_made(client: Client, wrong: dict[str, str], words: str) -> None:
    client.force_login(f.person("nemo"))
    answer = client.post(reverse("engagements:token_new"), sent(**wrong))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_making_one_wants_a_fresh_proof(client: Client) -> None:
    nemo = f.person("nemo")
    client.force_login(nemo)
    session = client.session
    session["signed_in_at"] -= 3600
    session.save()
    page = reverse("engagements:token_new")
    asked = client.post(page, sent())
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    assert not ApiToken.objects.exists()
    client.post(asked["Location"], {"password": f.PASSWORD, "next": page})
    assert ApiToken.objects.get().user == nemo


def test_the_page_keeps_how_one_had_signed_in(engagement: Engagement, client: Client) -> None:
    owen = f.people(engagement)["owen"]
    change_sign_in_policy(engagement.client, demands_second_factor=True, session_hours=12, by=engagement.created_by)
    with_app(owen)
    client.force_login(owen)
    assert "sign in with it once more" in client.post(reverse("engagements:token_new"), sent()).content.decode()
    session = client.session
    with_second_factor(session, owen)
    session.save()
    assert client.post(reverse("engagements:token_new"), sent()).status_code == 201
    assert ApiToken.objects.get().second_factor


def test_administrators_see_and_end_those_of_their_people(engagement: Engagement, client: Client) -> None:
    who = f.people(engagement)
    token, _ = a_token(who["sana"])
    member = FirmMember.objects.get(user=who["sana"])
    client.force_login(who["petra"])
    assert token.prefix in client.get(reverse("accounts:firm_member", args=[member.pk])).content.decode()
    client.force_login(f.partner_of(f.firm("Other LLP"), "olga", "Olga Berg"))
    assert client.post(reverse("accounts:token_end", args=[token.pk])).status_code == 404
    client.force_login(who["petra"])
    done = client.post(reverse("accounts:token_end", args=[token.pk]))
    assert done["Location"] == reverse("accounts:firm_member", args=[member.pk])
    token.refresh_from_db()
    assert token.ended_at is not None
