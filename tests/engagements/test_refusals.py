"""What was refused leaves a record that outlives it, and a flood of attempts does not fill the trail."""

from __future__ import annotations

import base64
import io
import logging
import zipfile
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from audit.models import Event
from audit.refusals import ACT, counted, note
from engagements.models import Engagement
from engagements.refusing import Refusals
from evidence import resumable, uploads, validation
from evidence.models import Upload
from jobs.models import Job
from jobs.running import run
from tests import factories as f
from tests.accounts.makers import sign_in, verified, with_app
from tests.accounts.passkeys import Passkey
from tests.evidence import makers as evidence

pytestmark = pytest.mark.django_db


def only(action: str) -> Event:
    return Event.objects.get(action=action)


@pytest.fixture
def engagement() -> Engagement:
    return f.accepted()


def a_bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.txt", b"0" * (60 << 20))
    return packed.getvalue()


def test_a_refused_post_is_an_event_of_its_engagement(engagement: Engagement, client: Client) -> None:
    who = f.people(engagement)
    client.force_login(who["owen"])
    assert client.post(reverse("engagements:settings", args=[engagement.pk]), {}).status_code == 403
    told = only("refused.act")
    assert (told.engagement_id, told.actor, told.ip) == (engagement.pk, who["owen"], "127.0.0.1")
    assert told.detail == {"asked": "POST engagements:settings"}
    assert told.audience == Event.Audience.FIRM
    client.get(reverse("engagements:settings", args=[engagement.pk]))
    assert Event.objects.filter(action="refused.act").count() == 1, "whoever only looks is in the log"


def test_one_without_its_token_is_told_too(engagement: Engagement) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(engagement.created_by)
    assert client.post(reverse("engagements:team_invite", args=[engagement.pk]), {}).status_code == 403
    assert only("refused.act").detail["asked"] == "POST engagements:team_invite"


def test_of_another_firms_engagement_it_stands_at_the_persons_own_firm(client: Client) -> None:
    f.staffed()
    olga = f.partner_of(f.firm("Ostrom CPA"), "olga", "Olga Ostrom")
    client.force_login(f.people(f.staffed())["sana"])
    sent = client.post(reverse("accounts:firm_policies"), {"retention_years": 9})
    assert sent.status_code == 403
    told = only("refused.act")
    assert (told.engagement_id, told.chain_id) == (None, f"firm:{told.firm_id}")
    assert told.firm_id != olga.firm_memberships.get().firm_id


def test_strangers_at_no_firms_door_are_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        stranger = Client(enforce_csrf_checks=True)
        assert stranger.post(reverse("distribution:open_link", args=["the-secret-of-a-link"])).status_code == 403
    assert "refused.act" in caplog.text
    assert not Event.objects.filter(action="refused.act").exists()


def test_the_record_outlives_the_transaction_that_was_refused(engagement: Engagement) -> None:
    def view(request: Any) -> HttpResponse:
        try:
            with transaction.atomic():
                Engagement.objects.filter(pk=engagement.pk).update(system_name="Half done")
                note(ACT, by=engagement.created_by, asked="something")
                raise ValidationError("No.")
        except ValidationError:
            return HttpResponse(status=422)

    request = RequestFactory().post("/")
    request.user = AnonymousUser()
    request.resolver_match = None
    assert Refusals(view)(request).status_code == 422
    engagement.refresh_from_db()
    assert engagement.system_name != "Half done"
    assert only("refused.act").actor == engagement.created_by


def test_a_flood_is_told_by_its_number(engagement: Engagement, client: Client) -> None:
    client.force_login(f.people(engagement)["owen"])
    for _ in range(11):
        client.post(reverse("engagements:settings", args=[engagement.pk]), {})
    told = Event.objects.filter(action="refused.act").order_by("seq")
    assert [one.detail.get("count", 1) for one in told] == [1, 10]
    cache.clear()
    assert [number for _ in range(1000) if (number := counted(ACT, "somebody"))] == [1, 10, 100, 1000]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.pdf", b"no pdf at all"), ("a.html", b"<html>"), ("a.zip", a_bomb()), ("empty.csv", b"")],
)
def test_a_refused_file_is_told(engagement: Engagement, client: Client, name: str, content: bytes) -> None:
    asked = evidence.request(engagement)
    client.force_login(f.people(engagement)["owen"])
    url = reverse("evidence:upload", args=[engagement.pk, asked.code])
    assert client.post(url, {"file": SimpleUploadedFile(name, content)}).status_code == 422
    told = only("refused.upload")
    assert (told.engagement_id, told.detail["name"]) == (engagement.pk, name)
    assert len(told.detail["why"]) > 10


def test_one_that_is_too_large_is_told_before_it_is_sent(engagement: Engagement, client: Client) -> None:
    asked = evidence.request(engagement)
    client.force_login(f.people(engagement)["owen"])
    url = reverse("evidence:begin_upload", args=[engagement.pk])
    sent = {"Tus-Resumable": "1.0.0", "Upload-Metadata": f"filename YS50eHQ=,request {_64(asked.code)}"}
    assert client.post(url, headers={**sent, "Upload-Length": str(10**12)}).status_code == 413
    assert only("refused.upload").detail["name"] == "a.txt"


def _64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_what_a_worker_refuses_is_told(engagement: Engagement) -> None:
    owen, content = f.people(engagement)["owen"], b"not a picture"
    upload = resumable.begin(evidence.request(engagement), name="a.png", size=len(content), by=owen)
    resumable.take(upload, io.BytesIO(content), at=0, by=owen)
    run(Job.objects.unfinished().get(kind=resumable.JOB).pk)
    assert Upload.objects.get(pk=upload.pk).state == Upload.State.REFUSED
    told = only("refused.upload")
    assert (told.actor, told.engagement_id, told.detail["name"]) == (owen, engagement.pk, "a.png")
    with pytest.raises(validation.Refused):
        uploads.receive(evidence.request(engagement), file=io.BytesIO(b""), name="b.txt", by=owen)
    assert Event.objects.filter(action="refused.upload").count() == 1, "outside of a request it is in the log"


def test_a_wrong_password_in_an_open_session_is_told(engagement: Engagement, client: Client) -> None:
    petra = verified(engagement.created_by)
    client.force_login(petra)
    client.post(reverse("account_reauthenticate"), {"password": "wrong"})
    told = only("refused.proof")
    assert (told.actor, told.chain_id) == (petra, f"firm:{engagement.firm_id}")


def test_guesses_that_are_held_back_are_told() -> None:
    petra = verified(f.staffed().created_by)
    for _ in range(6):
        sign_in(Client(), petra, "wrong", REMOTE_ADDR="203.0.113.9")
    told = only("refused.guessing")
    assert (told.actor, told.target_label, told.ip) == (None, str(petra), "203.0.113.9")
    with_app(petra)
    client = Client()
    sign_in(client, petra)
    for _ in range(6):
        client.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert Event.objects.filter(action="refused.guessing", actor=petra).count() == 1


def test_a_wrong_passkey_is_told(client: Client, settings: Any) -> None:
    settings.SITE_URL = "http://localhost"
    petra = verified(f.staffed().created_by)
    passkey = Passkey(petra)
    client.force_login(petra)
    client.get(reverse("mfa_add_webauthn"))
    data = {"name": "Key", "passwordless": "on", "credential": passkey.registers(client)}
    client.post(reverse("mfa_add_webauthn"), data)
    client.get(reverse("mfa_reauthenticate_webauthn"))
    answer = passkey.signs(client)
    # The question has changed meanwhile: an answer that somebody kept.
    client.get(reverse("mfa_reauthenticate_webauthn"))
    client.post(reverse("mfa_reauthenticate_webauthn"), {"credential": answer})
    assert only("refused.passkey").actor == petra
    stranger = Client()
    stranger.get(reverse("mfa_login_webauthn"), headers={"X-Requested-With": "XMLHttpRequest"})
    stranger.post(reverse("mfa_login_webauthn"), {"credential": answer})
    told = Event.objects.filter(action="refused.passkey").latest("pk")
    assert (told.actor, told.chain_id) == (None, "installation")
