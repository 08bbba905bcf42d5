"""Uploads in parts: what has arrived stays, the rest follows, and the file is received as any other."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from audit.models import Event
from engagements.models import Engagement, Stage
from engagements.roles import end_role
from evidence import policy, resumable, staging
from evidence.models import EvidenceFile, EvidenceRequest, Upload
from jobs.models import Job
from jobs.running import run
from tests import factories as f
from tests.evidence import makers

pytestmark = pytest.mark.django_db

CONTENT = b"disabled 2026-01-09 by owen\n" * 40
VERSION = {"Tus-Resumable": "1.0.0"}


@pytest.fixture(autouse=True)
def own_staging(settings: Settings, tmp_path: Path) -> Path:
    settings.UPLOAD_STAGING = tmp_path / "staging"
    return tmp_path / "staging"


@pytest.fixture
def engagement() -> Engagement:
    return f.at_stage(f.accepted(), Stage.FIELDWORK)


@pytest.fixture
def asked(engagement: Engagement) -> EvidenceRequest:
    return makers.request(engagement)


@pytest.fixture
def owen(engagement: Engagement) -> Client:
    client = Client()
    client.force_login(f.people(engagement)["owen"], backend="django.contrib.auth.backends.ModelBackend")
    return client


def meta(**values: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


def begun(client: Client, engagement: Engagement, *, size: int = len(CONTENT), **values: str) -> Any:
    values = {"filename": "disable-log.txt", "request": "REQ-001", **values}
    headers = {**VERSION, "Upload-Length": str(size), "Upload-Metadata": meta(**values)}
    return client.post(reverse("evidence:begin_upload", args=[engagement.pk]), headers=headers)


def part(client: Client, place: str, data: bytes, at: int, **headers: str) -> Any:
    return client.patch(
        place,
        data,
        content_type="application/offset+octet-stream",
        headers={**VERSION, "Upload-Offset": str(at), **headers},
    )


def offset(client: Client, place: str) -> int:
    return int(client.head(place, headers=VERSION)["Upload-Offset"])


def work() -> None:
    """The worker does what waits."""
    for job in Job.objects.unfinished().order_by("pk"):
        run(job.pk)


def test_parts_become_the_file(engagement: Engagement, asked: EvidenceRequest, owen: Client) -> None:
    answer = begun(owen, engagement, speaks_from="2026-01-01", speaks_to="2026-01-31")
    assert (answer.status_code, answer["Tus-Resumable"]) == (201, "1.0.0")
    place = answer["Location"]
    assert offset(owen, place) == 0
    assert part(owen, place, CONTENT[:100], 0)["Upload-Offset"] == "100"
    assert offset(owen, place) == 100
    assert part(owen, place, CONTENT[100:], 100).status_code == 204
    assert owen.get(place).json()["state"] == "checking"
    work()
    assert owen.get(place).json() == {"state": "done", "name": "disable-log.txt", "message": "E-001 received"}
    file = EvidenceFile.objects.get()
    assert (file.request, file.sha256) == (asked, hashlib.sha256(CONTENT).hexdigest())
    assert (file.speaks_from, file.speaks_to) == (dt.date(2026, 1, 1), dt.date(2026, 1, 31))
    assert Event.objects.filter(action="evidence.received").count() == 1
    with pytest.raises(staging.Missing):
        staging.offset(Upload.objects.get().token)


def test_a_part_goes_where_the_last_one_ended(engagement: Engagement, asked: EvidenceRequest, owen: Client) -> None:
    place = begun(owen, engagement)["Location"]
    part(owen, place, CONTENT[:100], 0)
    for at in (0, 99, 101):
        answer = part(owen, place, b"x", at)
        assert (answer.status_code, answer["Upload-Offset"]) == (409, "100")
    assert part(owen, place, CONTENT[100:] + b"x", 100).status_code == 413
    assert offset(owen, place) == 100


def test_a_damaged_part_is_not_kept(engagement: Engagement, asked: EvidenceRequest, owen: Client) -> None:
    place = begun(owen, engagement)["Location"]
    right = base64.b64encode(hashlib.sha256(CONTENT[:50]).digest()).decode()
    assert part(owen, place, b"y" * 50, 0, **{"Upload-Checksum": f"sha256 {right}"}).status_code == 460
    assert offset(owen, place) == 0
    assert part(owen, place, CONTENT[:50], 0, **{"Upload-Checksum": f"sha256 {right}"}).status_code == 204
    assert part(owen, place, b"z", 50, **{"Upload-Checksum": "md5 AAAA"}).status_code == 422


def test_two_connections_do_not_mix(engagement: Engagement, asked: EvidenceRequest, owen: Client) -> None:
    place = begun(owen, engagement)["Location"]
    token = Upload.objects.get().token

    class Slow:
        """While its first block is read, somebody else tries."""

        sent = False

        def read(self, most: int) -> bytes:
            if self.sent:
                return b""
            self.sent = True
            assert part(owen, place, b"intruder", 0).status_code == 423
            return CONTENT[:10]

    assert staging.append(token, Slow(), at=0, end=len(CONTENT)) == 10
    with staging.opened(token) as arrived:
        assert arrived.read() == CONTENT[:10]


def test_what_arrived_before_the_connection_broke_is_kept(
    engagement: Engagement, asked: EvidenceRequest, owen: Client
) -> None:
    place = begun(owen, engagement)["Location"]
    token = Upload.objects.get().token

    class Broken:
        blocks = iter([CONTENT[:300]])

        def read(self, most: int) -> bytes:
            try:
                return next(self.blocks)
            except StopIteration:
                raise ConnectionResetError from None

    with pytest.raises(ConnectionResetError):
        staging.append(token, Broken(), at=0, end=len(CONTENT))
    assert offset(owen, place) == 300
    part(owen, place, CONTENT[300:], 300)
    work()
    assert EvidenceFile.objects.get().sha256 == hashlib.sha256(CONTENT).hexdigest()


def test_a_server_killed_after_the_last_byte_is_made_up_for(
    engagement: Engagement, asked: EvidenceRequest, owen: Client
) -> None:
    for ask in (lambda place: offset(owen, place), lambda _: resumable.expire()):
        content = CONTENT + str(Upload.objects.count()).encode()
        place = begun(owen, engagement, size=len(content))["Location"]
        upload = Upload.objects.latest("pk")
        staging.append(upload.token, io.BytesIO(content), at=0, end=len(content))
        ask(place)
        upload.refresh_from_db()
        assert upload.state == Upload.State.CHECKING
    work()
    assert EvidenceFile.objects.count() == 2


def test_rights_are_asked_for_every_part(engagement: Engagement, asked: EvidenceRequest, owen: Client) -> None:
    place = begun(owen, engagement)["Location"]
    assert part(owen, place, CONTENT[:9], 0).status_code == 204
    who = f.people(engagement)
    other = Client()
    other.force_login(who["carla"], backend="django.contrib.auth.backends.ModelBackend")
    assert part(other, place, CONTENT[9:], 9).status_code == 404
    assert other.head(place, headers=VERSION).status_code == 404
    asked.assigned_to = who["carla"]
    asked.save(update_fields=["assigned_to"])
    assert part(owen, place, CONTENT[9:], 9).status_code == 403
    end_role(engagement, who["owen"], by=who["petra"])
    assert part(owen, place, CONTENT[9:], 9).status_code == 404
    assert not EvidenceFile.objects.exists()


def test_the_policy_bounds_what_is_begun(
    engagement: Engagement, asked: EvidenceRequest, owen: Client, settings: Settings
) -> None:
    petra = f.people(engagement)["petra"]
    policy.change(engagement, largest_mb=1, quota_gb=1, hold_unscanned=False, by=petra)
    answer = begun(owen, engagement, size=policy.MB + 1)
    assert answer.status_code == 413
    assert b"at most 1 MB" in answer.content
    policy.FilePolicy.objects.all().delete()
    settings.UPLOAD_QUOTA_BYTES = 1500
    assert begun(owen, engagement, size=1000).status_code == 201
    assert begun(owen, engagement, size=1000).status_code == 413
    assert begun(owen, engagement, size=0).status_code == 422
    assert begun(owen, engagement, filename="virus.exe").status_code == 422
    assert Upload.objects.count() == 1


def test_a_file_that_is_not_what_it_says_is_refused_in_words(
    engagement: Engagement, asked: EvidenceRequest, owen: Client
) -> None:
    place = begun(owen, engagement, filename="report.pdf")["Location"]
    part(owen, place, CONTENT, 0)
    work()
    found = owen.get(place).json()
    assert found["state"] == "refused"
    assert "not that of a .pdf file" in found["error"]
    assert not EvidenceFile.objects.exists()
    assert owen.delete(place, headers=VERSION).status_code == 204
    assert not Upload.objects.exists()


def test_unfinished_ones_expire(
    engagement: Engagement, asked: EvidenceRequest, owen: Client, own_staging: Path
) -> None:
    place = begun(owen, engagement)["Location"]
    part(owen, place, CONTENT[:9], 0)
    assert resumable.expire() == 0
    late = timezone.now() + dt.timedelta(hours=100)
    Upload.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert part(owen, place, CONTENT[9:], 9).status_code == 410
    assert resumable.expire(at=late) == 1
    assert owen.head(place, headers=VERSION).status_code == 404
    (own_staging / "5f0f8a52-0000-0000-0000-000000000000.part").write_bytes(b"stray")
    assert resumable.expire(at=late) == 1
    assert not list(own_staging.iterdir())


def test_the_protocol_is_spoken(engagement: Engagement, asked: EvidenceRequest, owen: Client) -> None:
    spoken = owen.options(reverse("evidence:begin_upload", args=[engagement.pk]))
    assert spoken["Tus-Version"] == "1.0.0"
    assert set(spoken["Tus-Extension"].split(",")) == {"creation", "termination", "expiration", "checksum"}
    answer = begun(owen, engagement)
    assert "Upload-Expires" in answer
    place = answer["Location"]
    assert owen.head(place).status_code == 412
    wrong = owen.patch(place, b"x", content_type="text/plain", headers={**VERSION, "Upload-Offset": "0"})
    assert wrong.status_code == 415
    assert part(owen, place, b"x", 0, **{"Upload-Offset": "-1"}).status_code == 422
    bad = owen.post(
        reverse("evidence:begin_upload", args=[engagement.pk]),
        headers={**VERSION, "Upload-Length": "5", "Upload-Metadata": "filename !!!"},
    )
    assert bad.status_code == 422
    assert begun(owen, engagement, request="REQ-999").status_code == 404
    assert begun(owen, engagement, request="").status_code == 403, "the client uploads for a request"
