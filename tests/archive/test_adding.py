"""Addenda to a locked file: who, when, why, what it means for the opinion, with what files, who reviewed (R59)."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from archive import adding, leaves, verify_pack
from archive.models import Addendum, AddendumFile, AddendumReview, FileLock
from archive.waiting import to_review
from audit import checkpoints
from audit.models import Event
from audit.verify_trail import Bad
from engagements.models import Engagement
from engagements.workflow import WrongStage
from evidence import scanning
from evidence.storage import Altered, stored_name
from tests import factories as f
from tests.archive import makers as a

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick")]


@pytest.mark.parametrize(("who", "may"), [("petra", True), ("quinn", True), ("milan", False), ("carla", False)])
def test_they_say_who_when_why_what_and_what_it_means(who: str, may: bool) -> None:
    engagement = a.locked()
    if not may:
        with pytest.raises(PermissionDenied):
            a.added(engagement, who=who)
        return
    with pytest.raises(ValidationError) as error:
        a.added(engagement, who=who, reason=" ", text="", effect="")
    assert set(error.value.message_dict) == {"reason", "text", "effect"}
    first = a.added(engagement, who=who)
    second = a.added(engagement, who=who, reason="It was wrong.", attachments=[])
    assert [first.number, second.number] == [1, 2]
    assert (first.by, first.reason, first.at.date()) == (
        f.people(engagement)[who],
        "Found later.",
        timezone.now().date(),
    )
    file = AddendumFile.objects.get()
    assert (file.addendum, file.name, file.size) == (first, "letter.txt", 9)
    events = Event.objects.filter(engagement_id=engagement.pk, action="file.addendum_added").order_by("seq")
    assert [one.detail["sha256"] for one in events] == [first.sha256, second.sha256]
    lock = FileLock.objects.get(engagement=engagement)
    assert leaves.root_of(engagement, (lock.trail_seq, lock.trail_hash)).root == lock.root


def test_there_are_none_before_the_lock() -> None:
    engagement = a.issued()
    with pytest.raises(WrongStage):
        a.added(engagement)
    assert not Addendum.objects.exists()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("letter.exe", b"MZ", "letter.exe"),
        ("letter.pdf", b"no PDF at all", "letter.pdf"),
        ("letter.txt", b"", "letter.txt"),
    ],
)
def test_files_are_looked_at_as_evidence_is(name: str, content: bytes, words: str) -> None:
    engagement = a.locked()
    good = SimpleUploadedFile("good.txt", b"good")
    with pytest.raises(ValidationError, match=words):
        a.added(engagement, attachments=[good, SimpleUploadedFile(name, content)])
    with pytest.raises(ValidationError, match="At most 20"):
        a.added(engagement, attachments=[good] * 21)
    assert not Addendum.objects.exists()


def test_what_the_scanner_does_not_call_clean_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    engagement = a.locked()
    monkeypatch.setattr(scanning, "configured", lambda: True)

    def away(content: io.BytesIO) -> scanning.Verdict:
        raise scanning.Away("nobody there")

    monkeypatch.setattr(scanning, "scan", away)
    with pytest.raises(ValidationError, match="does not answer"):
        a.added(engagement)
    monkeypatch.setattr(scanning, "scan", lambda _: scanning.Verdict(False, "Found Eicar"))
    with pytest.raises(ValidationError, match="Found Eicar"):
        a.added(engagement)
    assert not Addendum.objects.exists()
    monkeypatch.setattr(scanning, "scan", lambda content: scanning.Verdict(content.read() == b"Dear Sirs"))
    assert a.added(engagement).file_count == 1


def test_somebody_else_reviews_them() -> None:
    engagement = a.locked()
    people = f.people(engagement)
    made = a.added(engagement)
    assert [one.text for one in to_review(people["quinn"])] == [
        "Review addendum 1, which Petra Alder added to the locked file"
    ]
    assert not list(to_review(people["petra"]))
    for who in ("petra", "milan"):
        with pytest.raises(PermissionDenied):
            adding.review(made, conclusion="Fine.", by=people[who])
    with pytest.raises(DatabaseError, match="of their own"), transaction.atomic():
        AddendumReview.objects.create(engagement=engagement, addendum=made, conclusion="Fine.", by=people["petra"])
    with pytest.raises(ValidationError, match="Say what you conclude"):
        adding.review(made, conclusion=" ", by=people["quinn"])
    review = adding.review(made, conclusion="Nothing follows.", by=people["quinn"])
    assert (review.by, review.conclusion) == (people["quinn"], "Nothing follows.")
    with pytest.raises(WrongStage, match="reviewed before"):
        adding.review(made, conclusion="Again.", by=people["quinn"])
    assert not list(to_review(people["quinn"]))
    assert Event.objects.filter(engagement_id=engagement.pk, action="file.addendum_reviewed").count() == 1


def test_the_page_adds_reviews_and_hands_out() -> None:
    engagement = a.locked()
    people = f.people(engagement)
    petra, quinn = Client(), Client()
    petra.force_login(people["petra"])
    quinn.force_login(people["quinn"])
    page = reverse("archive:file", args=[engagement.pk])
    add = reverse("archive:add_addendum", args=[engagement.pk])
    said = {"reason": "Found later.", "text": "The letter.", "effect": "None."}
    refused = petra.post(add, {**said, "attachments": SimpleUploadedFile("letter.exe", b"MZ")})
    assert refused.status_code == 422
    assert "letter.exe" in refused.content.decode()
    assert "The letter." in refused.content.decode(), "what was typed is still there"
    assert (
        petra.post(add, {**said, "attachments": SimpleUploadedFile("letter.txt", b"Dear Sirs")}).status_code == 302
    )
    assert "Review it" not in petra.get(page).content.decode()
    assert "Review it" in quinn.get(page).content.decode()
    quinn.post(reverse("archive:review_addendum", args=[engagement.pk, 1]), {"conclusion": "Nothing follows."})
    shown = petra.get(page).content.decode()
    assert "Reviewed by Quinn" in shown
    assert "Nothing follows." in shown
    url = reverse("archive:addendum_file", args=[engagement.pk, 1, 1])
    taken = petra.get(url)
    assert b"".join(taken.streaming_content) == b"Dear Sirs"  # type: ignore[attr-defined]
    assert taken["Content-Security-Policy"].startswith("sandbox")
    assert Event.objects.filter(engagement_id=engagement.pk, action="file.addendum_downloaded").count() == 1
    for place in (0, 2):
        assert petra.get(reverse("archive:addendum_file", args=[engagement.pk, 1, place])).status_code == 404


def refused(folder: Path) -> str:
    with pytest.raises(Bad) as error:
        verify_pack.verify(verify_pack.Folder(folder), None)
    return str(error.value)


def forged(folder: Path, name: str, content: bytes) -> None:
    """The member changed or, for no bytes, taken away, and the manifest made to fit."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["members"] = [one for one in manifest["members"] if one["name"] != name]
    (folder / name).unlink()
    if content:
        (folder / name).write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        manifest["members"].append({"name": name, "sha256": sha256, "size": len(content)})
    text = verify_pack.canonical_manifest(manifest)
    (folder / "manifest.json").write_bytes(text)
    (folder / "manifest.sha256").write_text(f"{hashlib.sha256(text).hexdigest()}  manifest.json\n")


def packed(engagement: Engagement, folder: Path) -> Path:
    checkpoints.write()
    folder.mkdir()
    with zipfile.ZipFile(a.archive_of(engagement, folder / "pack.zip")) as file:
        file.extractall(folder / "whole")
    return folder / "whole"


@pytest.mark.drill
def test_the_pack_holds_them_and_whoever_changes_one_meets_the_trail(tmp_path: Path) -> None:
    engagement = a.locked()
    made = a.added(engagement)
    adding.review(made, conclusion="Nothing follows.", by=f.people(engagement)["quinn"])
    a.added(engagement, reason="It was wrong.", attachments=[])
    folder = packed(engagement, tmp_path / "pack")
    letter, rows = "addenda/1/1 letter.txt", "later/archive.addendum.jsonl"
    assert (folder / letter).read_bytes() == b"Dear Sirs"
    done = a.verified(a.script(tmp_path), folder)
    assert done.returncode == 0, done.stderr
    assert "2 addenda after the lock" in done.stdout
    index = (folder / "index.html").read_text()
    for words in ("addenda/1/1%20letter.txt", "None: it says the same.", "Reviewed by Quinn", "Not reviewed."):
        assert words in index
    first, second = (folder / rows).read_bytes().splitlines(keepends=True)
    other = first.replace(b"Found later.", b"Asked for it.")
    for name, content, words in (
        (letter, b"Dear Sir", "files of addendum 1 are not those"),
        (rows, other + second, "addendum 1 is not the one that the trail knows"),
        (rows, first, "addendum 2 is not the one that the trail knows"),
        ("later/archive.addendumfile.jsonl", b"", "files of addendum 1 are not those"),
    ):
        shutil.copytree(folder, changed := tmp_path / "changed")
        forged(changed, name, content)
        assert words in refused(changed)
        shutil.rmtree(changed)


def test_a_file_that_was_altered_makes_no_pack_and_is_not_handed_out(tmp_path: Path) -> None:
    engagement = a.locked()
    a.added(engagement)
    file = AddendumFile.objects.get()
    leaves.storages["evidence"].delete(stored_name(engagement.pk, file.sha256))
    with pytest.raises(leaves.Altered, match="missing"):
        a.archive_of(engagement, tmp_path / "pack.zip")
    with pytest.raises(Altered):
        adding.download(file, by=f.people(engagement)["petra"])
