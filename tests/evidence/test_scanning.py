"""A real clamd looks at every file, and what it has not found clean is trusted by nobody."""

from __future__ import annotations

import io
import shutil
import socket
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from audit.models import Event
from engagements.models import Engagement, Stage
from evidence import examining, policy, requests, scanning, uploads
from evidence.models import AlsoAnswers, EvidenceFile, FileCheck, FileReading
from jobs.models import Job
from jobs.running import run
from tests import clamav
from tests import factories as f
from tests.evidence import makers

pytestmark = [pytest.mark.django_db, pytest.mark.services]

needs_clamd = pytest.mark.skipif(clamav.binary() is None, reason=clamav.MISSING)


@pytest.fixture
def scanner(settings: Settings) -> Iterator[str]:
    # The path of a socket has at most a hundred letters.
    folder = Path(tempfile.mkdtemp(prefix="clam-"))
    with clamav.clamd(folder) as url:
        settings.SCANNER_URL = url
        yield url
    shutil.rmtree(folder)


@pytest.fixture
def engagement() -> Engagement:
    return f.at_stage(f.accepted(), Stage.FIELDWORK)


def examined(file: EvidenceFile) -> FileCheck:
    for job in Job.objects.unfinished().filter(kind=uploads.EXAMINE):
        run(job.pk)
    return FileCheck.objects.get(file=file)


def zipped(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("notes.txt", content)
    return out.getvalue()


@needs_clamd
def test_what_it_finds_is_quarantined_and_opened_by_nobody(engagement: Engagement, scanner: str) -> None:
    asked = makers.request(engagement)
    who = f.people(engagement)
    bad = makers.upload(asked, clamav.EICAR)
    packed = makers.upload(asked, zipped(clamav.EICAR), name="notes.zip")
    clean = makers.upload(asked, b"disabled 2026-01-09")
    assert [examined(one).scan for one in (bad, packed, clean)] == ["quarantined", "quarantined", "clean"]
    assert FileCheck.objects.get(file=bad).note == "Found Local.Eicar-Test.UNOFFICIAL"
    event = Event.objects.filter(action="evidence.quarantined").first()
    assert event is not None
    assert event.actor_id is None
    for person in ("owen", "sana"):
        with pytest.raises(uploads.Withheld, match="quarantined"):
            uploads.download(bad, by=who[person])
        uploads.download(clean, by=who[person]).close()
    assert not FileReading.objects.filter(file=bad).exists(), "what is quarantined is not read either"
    with pytest.raises(uploads.Withheld):
        uploads.verified(bad)
    assert set(EvidenceFile.objects.filter(pk__in=[bad.pk, clean.pk]).handed_in()) == set()
    AlsoAnswers.objects.create(
        engagement=engagement, file=bad, request=makers.submitted(engagement), by=who["owen"]
    )
    assert bad not in EvidenceFile.objects.handed_in(), "nobody relies on it"
    client = Client()
    client.force_login(who["sana"], backend="django.contrib.auth.backends.ModelBackend")
    for name in ("evidence:download", "evidence:file", "evidence:preview", "evidence:request"):
        code = asked.code if name == "evidence:request" else bad.code
        page = client.get(reverse(name, args=[engagement.pk, code]))
        assert page.status_code == (409 if name == "evidence:download" else 200), name
        assert "uarantined" in page.content.decode(), name
        assert clamav.EICAR not in page.content
    with pytest.raises(uploads.ValidationError, match="quarantined"):
        requests.submit(asked, by=who["owen"])


@needs_clamd
def test_what_is_larger_than_it_takes_is_not_called_clean(engagement: Engagement, scanner: str) -> None:
    asked = makers.request(engagement)
    file = makers.upload(asked, b"2026-01-09 nothing\n" * 200_000)
    assert file.size > 2 << 20
    check = examined(file)
    for _ in range(scanning.MOST_ATTEMPTS):
        check = check if check.scan == "quarantined" else scanning.check(file)
    assert check.scan == FileCheck.Scan.QUARANTINED
    assert "scanner" in check.note.lower()


@needs_clamd
def test_files_wait_for_a_scanner_that_is_away(engagement: Engagement, settings: Settings, tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="clam-"))
    settings.SCANNER_URL = f"unix://{folder}/clamd.sock"
    who = f.people(engagement)
    file = makers.upload(makers.request(engagement))
    assert examined(file).scan == FileCheck.Scan.UNSCANNED
    assert FileReading.objects.filter(file=file).exists()
    uploads.download(file, by=who["owen"]).close()
    with pytest.raises(uploads.Withheld, match="not scanned"):
        uploads.download(file, by=who["sana"])
    policy.change(engagement, largest_mb=10, quota_gb=1, hold_unscanned=False, by=who["petra"])
    uploads.download(file, by=who["sana"]).close()
    assert examining.look_after() == 0
    with pytest.raises(CommandError, match="did not answer"):
        call_command("scan_files", stdout=io.StringIO())
    with clamav.clamd(folder):
        assert examining.look_after() == 1
        assert examined(file).scan == FileCheck.Scan.CLEAN
        assert examining.look_after() == 0
    shutil.rmtree(folder)


@needs_clamd
def test_everything_can_be_scanned_again(engagement: Engagement, scanner: str) -> None:
    file = makers.upload(makers.request(engagement))
    FileCheck.objects.create(file=file, scan=FileCheck.Scan.QUARANTINED, note="Found Something.Else")
    out = io.StringIO()
    call_command("scan_files", stdout=out)
    assert "1 clean" in out.getvalue()
    assert Event.objects.filter(action="evidence.released").exists()
    call_command("scan_files", "--all", stdout=out)


@pytest.mark.parametrize("known", [FileCheck.Scan.CLEAN, FileCheck.Scan.QUARANTINED])
def test_a_scanner_that_is_away_does_not_take_back_what_is_known(
    engagement: Engagement, settings: Settings, tmp_path: Path, known: str
) -> None:
    settings.SCANNER_URL = f"unix://{tmp_path}/nobody.sock"
    file = makers.upload(makers.request(engagement))
    seen = timezone.now()
    FileCheck.objects.create(file=file, scan=known, note="as it was", attempts=4, scanned_at=seen)
    for _ in range(scanning.MOST_ATTEMPTS + 1):
        assert scanning.check(file).scan == known
    check = FileCheck.objects.get(file=file)
    assert (check.scan, check.note, check.attempts, check.scanned_at) == (known, "as it was", 4, seen)
    assert not Event.objects.filter(action__in=["evidence.quarantined", "evidence.released"]).exists()
    assert examining.look_after() == 0, "what is known is not asked for again"


@pytest.mark.parametrize(
    ("answer", "clean"),
    [
        (b"stream: OK\0", True),
        (b"stream: Win.Test FOUND\0", False),
        (b"INSTREAM size limit exceeded. ERROR\0", False),
        (b"stream: OK but not quite\0", None),
        (b"UNKNOWN COMMAND\0", None),
        (b"", None),
    ],
)
def test_only_its_plain_word_makes_a_file_clean(settings: Settings, answer: bytes, clean: bool | None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.SCANNER_URL = f"tcp://127.0.0.1:{server.getsockname()[1]}"

        def speak() -> None:
            connection, _ = server.accept()
            with connection:
                received = b""
                while not received.endswith(b"\0\0\0\0"):
                    received += connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=speak)
        thread.start()
        try:
            if clean is None:
                with pytest.raises(scanning.Away):
                    scanning.scan(io.BytesIO(b"content"))
            else:
                assert scanning.scan(io.BytesIO(b"content")).clean is clean
        finally:
            thread.join()


def test_without_a_scanner_files_are_unscanned_and_open(engagement: Engagement) -> None:
    file = makers.upload(makers.request(engagement))
    assert examined(file).scan == FileCheck.Scan.UNSCANNED
    uploads.download(file, by=f.people(engagement)["sana"]).close()
    with pytest.raises(CommandError, match="SCANNER_URL"):
        call_command("scan_files")
