"""The whole way of evidence with its bytes in an S3-compatible store: a real one."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from config import environment
from engagements.models import Engagement, Stage
from evidence import populations, previews, verifying
from evidence.models import EvidenceFile, FileCheck, FileReading, Upload
from jobs.models import Job
from jobs.running import run
from tests import factories as f
from tests import seaweed
from tests.evidence import makers
from tests.evidence.test_resumable import VERSION, meta

pytestmark = [pytest.mark.django_db, pytest.mark.services, seaweed.needs_weed]


@pytest.fixture
def bucket(settings: Settings, tmp_path: Path) -> Iterator[None]:
    settings.UPLOAD_STAGING = tmp_path / "staging"
    (tmp_path / "weed").mkdir()
    with seaweed.store(tmp_path / "weed") as url:
        settings.STORAGES = {**settings.STORAGES, **environment.storages(url, tmp_path)}
        call_command("create_bucket", verbosity=0)
        yield


def signed_in(engagement: Engagement, who: str) -> Client:
    client = Client()
    client.force_login(f.people(engagement)[who], backend="django.contrib.auth.backends.ModelBackend")
    return client


def two_pages(words: str) -> bytes:
    document = pikepdf.new()
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    for page in (document.add_blank_page(), document.add_blank_page()):
        page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
        page.Contents = pikepdf.Stream(document, b"BT /F1 12 Tf 72 700 Td (%s) Tj ET" % words.encode())
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def work() -> None:
    while waiting := list(Job.objects.unfinished().order_by("pk")):
        for job in waiting:
            run(job.pk)


def sent(client: Client, engagement: Engagement, name: str, data: bytes) -> EvidenceFile:
    """In two parts, broken off in between, and looked at by a worker."""
    begun = client.post(
        reverse("evidence:begin_upload", args=[engagement.pk]),
        headers={
            **VERSION,
            "Upload-Length": str(len(data)),
            "Upload-Metadata": meta(filename=name, request="REQ-001"),
        },
    )
    place, half = begun.headers["Location"], len(data) // 2
    for at, part in ((0, data[:half]), (half, data[half:])):
        assert client.head(place, headers=VERSION).headers["Upload-Offset"] == str(at)
        answer = client.patch(
            place,
            part,
            content_type="application/offset+octet-stream",
            headers={**VERSION, "Upload-Offset": str(at)},
        )
        assert answer.status_code == 204
    work()
    upload = Upload.objects.latest("pk")
    assert upload.file is not None, upload.problems
    return upload.file


@pytest.mark.drill
def test_from_upload_to_download(bucket: None, settings: Settings, tmp_path: Path) -> None:
    engagement = f.at_stage(f.accepted(), Stage.FIELDWORK)
    makers.request(engagement)
    owen, sana = signed_in(engagement, "owen"), signed_in(engagement, "sana")
    data = two_pages("Quarterly access review of the ledger, 2026-01-09")
    file = sent(owen, engagement, "review.pdf", data)
    assert not (tmp_path / "evidence").exists(), "nothing lies on this disk"
    assert not list((tmp_path / "staging").iterdir())
    store = storages["evidence"]
    assert store.size(file.storage_name) == len(data)

    # the worker has read it and drawn its pages
    assert "Quarterly access review" in FileReading.objects.get(file=file).text
    assert store.exists(previews.name_of(file, 1))
    frame = owen.get(reverse("evidence:preview", args=[engagement.pk, file.code]))
    assert "preview/1/" in frame.content.decode()
    for number in (1, 2):
        page = owen.get(reverse("evidence:preview_page", args=[engagement.pk, file.code, number]))
        assert (page.status_code, page.content[:4]) == (200, b"RIFF")
    found = owen.get(reverse("evidence:files", args=[engagement.pk]), {"text": "quarterly"})
    assert file.code in found.content.decode()

    # the night finds it whole
    assert verifying.begin_all() == 1
    work()
    assert Job.objects.get(kind=verifying.JOB).result == {"looked_at": 1, "of": 1, "altered": 0}

    download = reverse("evidence:download", args=[engagement.pk, file.code])
    answer = owen.get(download)
    assert b"".join(answer) == data  # type: ignore[call-overload]
    assert answer.headers["Content-Length"] == str(len(data))
    again = sent(owen, engagement, "the same.pdf", data)
    assert again.sha256 == file.sha256 == hashlib.sha256(data).hexdigest()
    assert store.listdir(f"{engagement.pk}/{file.sha256[:2]}")[1] == [file.sha256]

    # a listing and its canonical form, read again to be accepted
    population = makers.population(engagement)
    assert populations.rows(population).columns[0] == "ticket"
    populations.accept(population, conclusion="Complete.", precision_adequate=True, by=f.people(engagement)["sana"])

    # what somebody changed or took away in the store is noticed by the night and by whoever asks
    store.delete(file.storage_name)
    store.save(file.storage_name, ContentFile(data.replace(b"PDF", b"FDP")))
    assert "altered" in verifying.verify_one(file)
    assert sana.get(download).status_code == 409
    store.delete(file.storage_name)
    assert "missing" in verifying.verify_one(file)
    assert sana.get(download).status_code == 409
    # and as on a disk, what is received lies there afterwards, whatever lay there before
    for number, damage in enumerate((None, data[:-1])):
        if damage:
            store.delete(file.storage_name)
            store.save(file.storage_name, ContentFile(damage))
        makers.upload(engagement, data, name=f"once more {number}.pdf")
        assert verifying.verify_one(file) == ""
        assert FileCheck.objects.get(file=file).altered == ""
        with file.open() as stored:
            assert stored.read() == data
