"""The pack proves itself without us: a bare Python verifies it, and any flipped byte fails it."""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
import zipfile
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.storage import storages

from accounts.models import FirmMember
from archive import leaves, locking, packing, verify_pack
from archive.models import FileLock, Pack
from archive.pages import file_of
from archive.verify_pack import Archive, verify
from audit import checkpoints
from audit.models import Event
from audit.verify_trail import Bad
from engagements.workflow import WrongStage
from evidence.storage import stored_name
from jobs.models import Job
from tests import factories as f
from tests.archive import makers as a

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick")]


def pack(folder: Path) -> Path:
    path = folder / "pack.zip"
    path.write_bytes(a.pack_bytes())
    return path


def refused(path: Path) -> str:
    with path.open("rb") as file, pytest.raises((Bad, ValueError, KeyError, TypeError, AttributeError)) as error:
        verify(Archive(file), None)
    return str(error.value)


def flipped(path: Path, at: int) -> Path:
    """A copy with one bit of a byte turned over."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << (at % 8)
    other = path.with_name("flipped.zip")
    other.write_bytes(content)
    return other


def test_a_worker_makes_it_and_a_bare_python_verifies_it(tmp_path: Path) -> None:
    engagement = a.locked()
    made = a.packed(engagement)
    lock = FileLock.objects.get(engagement=engagement)
    assert (made.state, made.root) == (Pack.State.READY, lock.root)
    path = tmp_path / "pack.zip"
    with storages["reports"].open(made.storage_name, "rb") as file, path.open("wb") as copy:
        shutil.copyfileobj(file, copy)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == made.sha256
    script = a.script(tmp_path)
    unpacked(path, tmp_path / "folder")
    # On the archive, and as the one inside that looks at its own folder.
    for done in (a.verified(script, path), a.verified(tmp_path / "folder" / "verify_pack.py")):
        assert done.returncode == 0, done.stderr
        assert lock.root in done.stdout
        assert "Everything holds." in done.stdout
    assert (tmp_path / "folder" / "verify_pack.py").read_text() == script.read_text()
    key = done.stdout.partition("signed with ")[2].partition(":")[0]
    with path.open("rb") as file:
        assert verify(Archive(file), key)
    other = a.verified(script, path, "--key", "0" * 64)
    assert other.returncode == 1
    actions = Event.objects.of_engagement(engagement.pk).order_by("seq").values_list("action", flat=True)
    assert list(actions)[-2:] == ["file.pack_requested", "file.pack_made"]


def unpacked(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
        file.extractall(folder)
    return folder


def test_everything_is_in_it(tmp_path: Path) -> None:
    engagement = a.locked()
    checkpoints.write()
    with zipfile.ZipFile(a.archive_of(engagement, tmp_path / "pack.zip")) as file:
        names = set(file.namelist())
        assert {
            "index.html",
            "style.css",
            "manifest.json",
            "manifest.sha256",
            "verify_pack.py",
            "trail.jsonl",
        } <= names
        assert file.read("evidence/E-1/a.txt") == b"abc"
        assert "pages/controls/IAM-01.html" in names
        report = next(name for name in names if name.startswith("reports/") and "draft" not in name)
        assert file.read(report).startswith(b"%PDF")
        for model in leaves.tables():
            label = model._meta.label_lower
            lines = file.read(f"data/{label}.jsonl").splitlines()
            assert len(lines) == leaves.rows_of(model, engagement).count()
            assert not lines or f"pages/tables/{label}.html" in names
        sheet = file.read("pages/controls/IAM-01.html").decode()
        for words in ("Sana Wolfe", "Milan Finch", "REQ-2", "../../evidence/E-1/a.txt", "No exceptions noted"):
            assert words in sheet
        index = file.read("index.html").decode()
        assert FileLock.objects.get(engagement=engagement).root in index
        for name in names:
            if name.endswith(".html"):
                text = file.read(name).decode()
                for foreign in ("http://", "https://", "<script"):
                    assert foreign not in text, name
                assert "token_hash" not in text
        events = sum(b'"kind":"event"' in line for line in file.read("trail.jsonl").splitlines())
        assert events == Event.objects.of_engagement(engagement.pk).count()


def test_its_links_lead_somewhere(tmp_path: Path) -> None:
    folder = unpacked(pack(tmp_path), tmp_path / "folder")
    looked = 0
    for page in folder.rglob("*.html"):
        text = page.read_text()
        for part in text.split('href="')[1:]:
            target, _, anchor = part.partition('"')[0].replace("&amp;", "&").partition("#")
            place = page.parent / target if target else page
            assert place.exists(), f"{page.name}: {target}"
            if anchor:
                assert f'id="{anchor}"' in place.read_text(), f"{page.name}: {target}#{anchor}"
            looked += 1
    assert looked > 100


@pytest.mark.drill
def test_the_same_file_makes_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engagement = a.locked()
    monkeypatch.setattr("audit.export.timezone.now", lambda: engagement.created_at)
    checkpoints.write()
    first = a.archive_of(engagement, tmp_path / "pack.zip").read_bytes()
    assert a.archive_of(engagement, tmp_path / "pack.zip").read_bytes() == first


def test_a_byte_flipped_in_any_member_fails_it(tmp_path: Path) -> None:
    path = pack(tmp_path)
    with path.open("rb") as file:
        archive = Archive(file)
        places = dict(archive.places)
        verify(archive, None)
    assert len(places) > 60
    # All members once, with the cheap half of the proof; the drill asks everything of many places.
    content = path.read_bytes()
    generator = random.Random(7)
    for name, (start, size) in places.items():
        if size:
            assert name in refused_fast(content, start + generator.randrange(size))


def refused_fast(content: bytes, at: int) -> str:
    changed = bytearray(content)
    changed[at] ^= 1 << (at % 8)
    with pytest.raises(Bad) as error:
        Archive(io_of(bytes(changed)))
    return str(error.value)


def io_of(content: bytes) -> io.BytesIO:
    return io.BytesIO(content)


def test_headers_and_directory_have_one_form_only(tmp_path: Path) -> None:
    path = pack(tmp_path)
    content = path.read_bytes()
    with path.open("rb") as file:
        places = sorted(Archive(file).places.values())
    first_start = places[0][0]
    end = places[-1][0] + places[-1][1]
    for at in [*range(first_start), *range(end, end + 60), *range(len(content) - 22, len(content))]:
        refused_fast(content, at)
    for longer in (content + b"\0", content[:-1], b"\0" + content):
        with pytest.raises(Bad):
            Archive(io_of(longer))


def bad(folder: Path) -> str:
    with pytest.raises(Bad) as error:
        verify(verify_pack.Folder(folder), None)
    return str(error.value)


def test_an_unpacked_folder_is_looked_at_as_a_whole(tmp_path: Path) -> None:
    folder = unpacked(pack(tmp_path), tmp_path / "folder")
    target, manifest = folder / "evidence/E-1/a.txt", folder / "manifest.json"
    whole = manifest.read_text()
    assert verify(verify_pack.Folder(folder), None)
    target.write_bytes(b"abd")
    assert "a.txt was changed" in bad(folder)
    target.unlink()
    assert "a.txt is missing" in bad(folder)
    target.write_bytes(b"abc")
    (folder / "evidence/E-1/b.txt").write_bytes(b"b")
    assert "b.txt is not part of the pack" in bad(folder)
    (folder / "evidence/E-1/b.txt").unlink()
    manifest.write_text(whole.replace(hashlib.sha256(b"abc").hexdigest(), "0" * 64))
    assert "manifest.json or manifest.sha256 was changed" in bad(folder)


def test_a_manifest_forged_with_its_hash_still_meets_the_root_of_the_trail(tmp_path: Path) -> None:
    """Somebody changes evidence, and every hash in the pack with it: the trail holds another root."""
    folder = unpacked(pack(tmp_path), tmp_path / "folder")
    (folder / "evidence/E-1/a.txt").write_bytes(b"abd")
    old, new = (hashlib.sha256(word).hexdigest() for word in (b"abc", b"abd"))
    manifest = json.loads((folder / "manifest.json").read_text().replace(old, new))
    hashes = list(verify_pack.leaves(verify_pack.Folder(folder), manifest))
    for place in ("tree", "lock"):
        manifest[place]["root"] = verify_pack.tree_root(hashes)
    content = verify_pack.canonical_manifest(manifest)
    (folder / "manifest.json").write_bytes(content)
    (folder / "manifest.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  manifest.json\n")
    assert "the trail does not hold the root" in bad(folder)


def test_no_pack_is_made_of_a_file_that_is_not_the_one_that_was_locked() -> None:
    engagement = a.locked()
    a.tampered(
        "engagements_control",
        f"UPDATE engagements_control SET title = 'Other' WHERE engagement_id = {engagement.pk}",  # noqa: S608
    )
    made = a.packed(engagement)
    assert made.state == Pack.State.FAILED
    assert "not the one that was locked" in Job.objects.get(pk=made.job_id).error
    storages["evidence"].delete(stored_name(engagement.pk, hashlib.sha256(b"abc").hexdigest()))
    assert "missing" in Job.objects.get(pk=a.packed(engagement).job_id).error


def test_before_the_lock_it_says_so(tmp_path: Path) -> None:
    engagement = a.issued()
    checkpoints.write()
    path = a.archive_of(engagement, tmp_path / "pack.zip")
    with path.open("rb") as file:
        assert any("NOT LOCKED YET" in line for line in verify(Archive(file), None))


@pytest.mark.parametrize(("who", "may"), [("petra", True), ("quinn", True), ("milan", False), ("ray", False)])
def test_who_takes_it(who: str, may: bool) -> None:
    engagement = a.locked()
    user = f.people(engagement)[who]
    if may:
        assert packing.ask(engagement, by=user).state == Pack.State.MAKING
        return
    with pytest.raises(PermissionDenied):
        packing.ask(engagement, by=user)
    FirmMember.objects.filter(user=user).update(is_admin=True)
    assert packing.ask(engagement, by=user)


@pytest.mark.drill
def test_asking_twice_makes_one_and_only_the_newest_is_kept() -> None:
    engagement = a.locked()
    petra = f.people(engagement)["petra"]
    assert packing.ask(engagement, by=petra) == packing.ask(engagement, by=petra)
    first = a.packed(engagement)
    second = a.packed(engagement)
    first.refresh_from_db()
    assert (first.state, second.state) == (Pack.State.GONE, Pack.State.READY)
    with pytest.raises(WrongStage):
        packing.download(first, by=petra)
    with packing.download(second, by=petra) as file:
        assert file.read(2) == b"PK"


def test_no_pack_while_anything_can_change() -> None:
    engagement = f.accepted()
    with pytest.raises(WrongStage):
        packing.ask(engagement, by=engagement.created_by)
    assert not locking.is_locked(engagement)


@pytest.mark.drill
def test_bytes_flipped_at_a_thousand_places(tmp_path: Path) -> None:
    path = pack(tmp_path)
    size = path.stat().st_size
    generator = random.Random(11)
    for at in sorted(generator.sample(range(size), 1000)):
        refused(flipped(path, at))


@pytest.mark.parametrize("numbers", [("Д-1", "Б-1"), ("AC 1", "AC_1"), ("ac-1", "AC-1")])
def test_no_two_controls_share_a_page(numbers: tuple[str, str]) -> None:
    one, other = (file_of(number) for number in numbers)
    assert one.isascii()
    assert one.casefold() != other.casefold()
    assert file_of("IAM-01") == "IAM-01"
