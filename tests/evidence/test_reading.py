"""What machines read in a file: for search, for the preview in its sandbox, for the linter's remarks."""

from __future__ import annotations

import io
import time
from pathlib import Path

import openpyxl
import pytest
from django.conf import settings as configured
from django.core.cache import cache
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse
from PIL import Image

from audit.models import Event
from engagements.models import Engagement, Stage
from evidence import examining, lint, previews, requests, uploads, verifying
from evidence.models import EvidenceFile, FileCheck, FileReading
from evidence.palette import files as palette_files
from evidence.probes import texts
from jobs.models import Job
from jobs.running import run
from tests import factories as f
from tests.evidence import makers
from tests.reports.makers import a_pdf

pytestmark = pytest.mark.django_db


@pytest.fixture
def engagement() -> Engagement:
    return f.at_stage(f.accepted(), Stage.FIELDWORK)


def page_of(engagement: Engagement, who: str, name: str, *args: object) -> str:
    client = Client()
    client.force_login(f.people(engagement)[who], backend="django.contrib.auth.backends.ModelBackend")
    return client.get(reverse(name, args=[engagement.pk, *args])).content.decode()


def workbook() -> bytes:
    book = openpyxl.Workbook()
    book.active.append(["Account", "Created"])
    for number in range(200):
        book.active.append([f"frobnicator{number}", f"2026-01-{1 + number % 28:02d}"])
    hidden = book.create_sheet("Aside")
    hidden.append(["whispered"])
    hidden.sheet_state = "hidden"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_workbook_is_read_and_its_first_rows_shown(engagement: Engagement) -> None:
    file = makers.upload(makers.request(engagement), workbook(), name="accounts.xlsx")
    assert file.rows == 200
    for job in Job.objects.unfinished().filter(kind=uploads.EXAMINE):
        run(job.pk)
    reading = FileReading.objects.get(file=file)
    (table,) = reading.preview["tables"]
    assert (table["name"], table["rows"][0], len(table["rows"]), table["cut"]) == (
        "Sheet",
        ["Account", "Created"],
        60,
        True,
    )
    assert "frobnicator199" in reading.text, "beyond the rows that are shown"
    assert "whispered" not in reading.text
    shown = page_of(engagement, "sana", "evidence:preview", file.code)
    assert "<td>frobnicator7</td>" in shown
    assert "The first rows only" in shown
    found = EvidenceFile.objects.saying("frobnic")
    assert list(found) == [file]
    assert not EvidenceFile.objects.saying("whispered").exists()
    assert "accounts.xlsx" in page_of(engagement, "sana", "evidence:files")


def test_search_looks_where_the_person_may(engagement: Engagement) -> None:
    who = f.people(engagement)
    mine = makers.upload(makers.request(engagement), b"2026-01-01 the quokka, IAM-06 and jumping", name="a.txt")
    other = makers.request(engagement, assigned_to=who["carla"])
    makers.upload(other, b"2026-01-01 quokka too", name="b.txt", by=who["carla"])
    for file in EvidenceFile.objects.all():
        examining.read(file)
    for words, count in (
        ("quokka", 2),
        ("quok", 2),
        ("jumps quokka", 1),
        ("iam-06", 1),
        ("a.txt", 1),
        ("%", 0),
        ("&|!", 0),
    ):
        assert EvidenceFile.objects.saying(words).count() == count, words
    client = Client()
    client.force_login(who["owen"], backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("evidence:files", args=[engagement.pk]), {"text": "quokka"}).content.decode()
    assert "a.txt" in page
    assert "b.txt" not in page
    hits = client.get(reverse("palette"), {"q": "quokka", "engagement": engagement.pk}).json()
    assert [hit["code"] for hit in hits if hit["kind"] == "File"] == [mine.code]
    assert palette_files


def test_pages_and_pictures_are_made_here(engagement: Engagement) -> None:
    asked = makers.request(engagement)
    paper = makers.upload(asked, a_pdf(10), name="policy.pdf")
    out = io.BytesIO()
    Image.new("RGBA", (3000, 100), (0, 0, 0, 0)).save(out, "PNG")
    picture = makers.upload(asked, out.getvalue(), name="screen.png")
    for file in (paper, picture):
        examining.read(file)
    client = Client()
    client.force_login(f.people(engagement)["sana"], backend="django.contrib.auth.backends.ModelBackend")
    shown = client.get(reverse("evidence:preview", args=[engagement.pk, paper.code]))
    policy = shown["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-same-origin; default-src 'none'; img-src 'self'")
    assert "script-src" not in policy
    assert shown["X-Frame-Options"] == "SAMEORIGIN"
    assert shown.content.decode().count("<img") == 10
    store = storages["evidence"]
    assert store.exists(previews.name_of(paper, previews.FIRST))
    assert not store.exists(previews.name_of(paper, 9))
    for file, number in ((paper, 1), (paper, 9), (picture, 1)):
        answer = client.get(reverse("evidence:preview_page", args=[engagement.pk, file.code, number]))
        assert answer["Content-Type"] == "image/webp"
        with Image.open(io.BytesIO(answer.content)) as image:
            assert image.format == "WEBP"
            assert image.width == previews.WIDTH
            assert image.getpixel((0, 0)) == (255, 255, 255)
    assert store.exists(previews.name_of(paper, 9))
    missing = client.get(reverse("evidence:preview_page", args=[engagement.pk, paper.code, 11]))
    assert missing.status_code == 404
    assert "frame-src" in str(configured.CONTENT_SECURITY_POLICY)


def test_who_looks_is_on_record_or_does_not_see(engagement: Engagement, monkeypatch: pytest.MonkeyPatch) -> None:
    file = makers.upload(makers.request(engagement))
    examining.read(file)

    def full_disk(event: Event, **options: object) -> None:
        raise DatabaseError("No space left on device")

    client = Client(raise_request_exception=False)
    client.force_login(f.people(engagement)["owen"], backend="django.contrib.auth.backends.ModelBackend")
    url = reverse("evidence:preview", args=[engagement.pk, file.code])
    with monkeypatch.context() as patch:
        patch.setattr(Event, "save", full_disk)
        assert client.get(url).status_code == 500
    assert "disabled 2026-01-09" in client.get(url).content.decode()
    client.get(url)
    assert Event.objects.filter(action="evidence.viewed").count() == 1, "once a day"
    cache.clear()
    page_of(engagement, "sana", "evidence:preview", file.code)
    assert Event.objects.get(action="evidence.viewed_by_firm").audience == Event.Audience.FIRM


def test_markup_in_evidence_is_shown_as_text(engagement: Engagement) -> None:
    content = b"2026-01-01,<script>alert(1)</script>\n2026-01-02,<img src=x onerror=alert(1)>\n"
    file = makers.upload(makers.request(engagement), content, name="bad.csv")
    examining.read(file)
    shown = page_of(engagement, "owen", "evidence:preview", file.code)
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


def test_remarks_on_the_text_come_before_submitting_and_are_answered(engagement: Engagement) -> None:
    asked = makers.request(engagement)
    file = makers.upload(asked, b"All accounts are active\n", name="accounts.txt")
    examining.read(file)
    file.refresh_from_db()
    (finding,) = file.findings
    assert finding["code"] == "no_date"
    owen = f.people(engagement)["owen"]
    page = page_of(engagement, "owen", "evidence:request", asked.code)
    assert "No date is to be seen" in page
    assert "1 remark above" in page
    client = Client()
    client.force_login(owen, backend="django.contrib.auth.backends.ModelBackend")
    url = reverse("evidence:explain_finding", args=[engagement.pk, file.code])
    client.post(url, {"finding": finding["message"], "words": "The portal shows none; run on 3 March 2026."})
    examining.read(file)
    file.refresh_from_db()
    assert file.findings[0]["answer"].startswith("The portal shows none"), "kept when it is read again"
    assert not file.unexplained
    assert "Owen Pike: The portal shows none" in page_of(engagement, "sana", "evidence:file", file.code)
    with pytest.raises(uploads.PermissionDenied):
        uploads.explain(file, finding=finding["message"], words="x", by=f.people(engagement)["sana"])
    with pytest.raises(uploads.ValidationError):
        uploads.explain(file, finding="Another", words="x", by=owen)
    requests.submit(asked, by=owen)
    requests.accept(asked, by=f.people(engagement)["sana"])
    with pytest.raises(uploads.ValidationError):
        uploads.explain(file, finding=finding["message"], words="x", by=owen)
    assert Event.objects.filter(action="evidence.explained").count() == 1


def test_what_can_only_be_of_other_days_is_remarked_until_somebody_says(engagement: Engagement) -> None:
    file = makers.upload(makers.request(engagement), b"Reviewed on 2019-04-01 by owen\n", name="review.txt")
    examining.read(file)
    file.refresh_from_db()
    (finding,) = file.findings
    assert finding["code"] == "read_outside_period"
    assert "The latest date in it is 2019-04-01, before the period" in finding["message"]
    start = engagement.period_start
    assert start is not None
    uploads.date(file, speaks_from=start, speaks_to=start, by=f.people(engagement)["owen"])
    examining.read(file)
    file.refresh_from_db()
    assert file.findings == []


def test_a_newer_version_with_far_fewer_rows_is_remarked(engagement: Engagement) -> None:
    asked = makers.request(engagement)
    rows = b"".join(b"OFF-%d,2026-01-01\n" % number for number in range(80))
    first = makers.upload(asked, b"ticket,day\n" + rows, name="leavers.csv")
    second = makers.upload(asked, b"ticket,day\n" + rows[:180], name="leavers.csv", replaces=first)
    assert [one["code"] for one in second.findings] == ["rows_unlike"]


def test_every_night_every_file_is_read(engagement: Engagement, own_store: Path) -> None:
    asked = makers.request(engagement)
    good, bad, gone = (makers.upload(asked, b"2026-01-01 %d" % number) for number in range(3))
    assert verifying.begin_all() == 1
    (job,) = Job.objects.unfinished().filter(kind=verifying.JOB)
    assert verifying.begin_all() == 1, "asking twice is one job"
    (own_store / bad.storage_name).write_bytes(b"2026-01-01 X")
    (own_store / gone.storage_name).unlink()
    done = run(job.pk)
    assert done is not None
    assert done.result == {"looked_at": 3, "of": 3, "altered": 2}
    assert FileCheck.objects.get(file=good).altered == ""
    assert "was altered" in FileCheck.objects.get(file=bad).altered
    assert "missing" in FileCheck.objects.get(file=gone).altered
    assert "2 stored files are not what was received" in page_of(engagement, "sana", "evidence:files")
    assert "not what was received" not in page_of(engagement, "owen", "evidence:files")
    out = io.StringIO()
    with pytest.raises(CommandError, match="backup"):
        call_command("verify_files", stdout=out)
    assert bad.code in out.getvalue()
    (own_store / bad.storage_name).write_bytes(b"2026-01-01 1")
    (own_store / gone.storage_name).write_bytes(b"2026-01-01 2")
    call_command("verify_files", stdout=out)
    assert not FileCheck.objects.exclude(altered="").exists()


@pytest.mark.parametrize(
    "text",
    [',"x' * 20_000, "1," * 100_000, "\n" * 100_000, "showing 1 to " + "9" * 5_000 + " of 5 rows"],
    ids=["quotes", "figures", "blank lines", "digits"],
)
def test_reading_and_remarks_end_whatever_the_text_says(tmp_path: Path, text: str) -> None:
    """A listing is read in the worker itself: an expression that goes back and forth would hold it for hours."""
    path = tmp_path / "a.csv"
    path.write_text(text)
    before = time.process_time()
    found = texts.read(path, kind="csv", encoding="utf-8", most=400_000, rows=60, columns=30, cell=200)
    lint.in_text(kind="csv", text=found["text"], name="a.csv")
    assert time.process_time() - before < 5
