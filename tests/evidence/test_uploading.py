"""What becomes of an uploaded file: looked at, stored under its hash, numbered, versioned, never overwritten."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.storage import storages
from django.db import DatabaseError, transaction

from audit.models import Event
from engagements.models import Engagement, Stage
from engagements.workflow import WrongStage
from evidence import requests, uploads
from evidence.models import EvidenceFile
from evidence.storage import Altered
from evidence.validation import Refused
from tests import factories as f
from tests.evidence import makers

pytestmark = pytest.mark.django_db


@pytest.fixture
def engagement() -> Engagement:
    return f.at_stage(f.accepted(), Stage.FIELDWORK)


def stored(file: EvidenceFile) -> Path:
    return Path(storages["evidence"].path(file.storage_name))


def stored_files(engagement: Engagement) -> list[Path]:
    root = Path(storages["evidence"].path(str(engagement.pk)))
    return [path for path in root.rglob("*") if path.is_file()]


class TestReceived:
    def test_bytes_lie_under_their_hash(self, engagement: Engagement) -> None:
        content = b"disabled 2026-01-09 by owen\n"
        file = makers.upload(makers.request(engagement), content)
        digest = hashlib.sha256(content).hexdigest()
        assert (file.code, file.version, file.sha256, file.size) == ("E-001", 1, digest, len(content))
        assert (file.kind, file.content_type, file.name) == ("txt", "text/plain", "disable-log.txt")
        assert stored(file).read_bytes() == content
        assert stored(file).stat().st_mode & 0o077 == 0
        assert file.storage_name == f"{engagement.pk}/{digest[:2]}/{digest}"
        with uploads.verified(file) as opened:
            assert opened.read() == content

    def test_event_names_file_and_hash(self, engagement: Engagement) -> None:
        file = makers.upload(makers.request(engagement))
        event = Event.objects.get(action="evidence.received")
        assert event.detail["sha256"] == file.sha256
        assert event.detail["request"] == "REQ-001"
        assert event.audience == Event.Audience.ALL

    def test_numbers_run_through_requests(self, engagement: Engagement) -> None:
        first, second = makers.request(engagement), makers.request(engagement)
        assert (first.code, second.code) == ("REQ-001", "REQ-002")
        codes = [makers.upload(to, content).code for to, content in ((first, b"a"), (second, b"b"), (first, b"c"))]
        assert codes == ["E-001", "E-002", "E-003"]

    def test_same_file_again_is_received_once(self, engagement: Engagement) -> None:
        to = makers.request(engagement)
        assert makers.upload(to) == makers.upload(to)
        assert EvidenceFile.objects.count() == 1
        assert Event.objects.filter(action="evidence.received").count() == 1
        assert len(stored_files(engagement)) == 1

    def test_same_bytes_on_another_request_are_remarked_on(self, engagement: Engagement) -> None:
        makers.upload(makers.request(engagement))
        second = makers.upload(makers.request(engagement))
        assert [one["code"] for one in second.findings] == ["duplicate"]
        assert "E-001" in second.findings[0]["message"]
        assert len(stored_files(engagement)) == 1

    def test_same_bytes_in_another_engagement_share_nothing(self, engagement: Engagement) -> None:
        other = f.at_stage(f.accepted(a_client=f.client(name="Southlake Press LLC")), Stage.FIELDWORK)
        first = makers.upload(makers.request(engagement))
        second = makers.upload(makers.request(other))
        assert second.findings == []
        assert stored(first) != stored(second)

    def test_dates_outside_of_the_period_are_remarked_on(self, engagement: Engagement) -> None:
        file = makers.upload(makers.request(engagement), speaks_to=dt.date(2025, 3, 1))
        assert [one["code"] for one in file.findings] == ["outside_period"]
        file = uploads.date(file, speaks_from=None, speaks_to=dt.date(2026, 3, 1), by=f.people(engagement)["owen"])
        assert file.findings == []

    def test_altered_bytes_are_refused(self, engagement: Engagement) -> None:
        file = makers.upload(makers.request(engagement))
        stored(file).write_bytes(b"something else")
        with pytest.raises(Altered, match="was altered"):
            file.open()
        stored(file).unlink()
        with pytest.raises(Altered, match="missing"):
            uploads.verified(file)


class TestVersions:
    def test_replacement_is_a_new_row(self, engagement: Engagement) -> None:
        to = makers.request(engagement)
        old = makers.upload(to, b"first")
        new = makers.upload(to, b"second", replaces=old)
        assert (new.code, new.version, new.replaces) == ("E-002", 2, old)
        assert list(EvidenceFile.objects.current()) == [new]
        assert stored(old).read_bytes() == b"first"

    def test_only_the_newest_is_replaced(self, engagement: Engagement) -> None:
        to = makers.request(engagement)
        old = makers.upload(to, b"first")
        makers.upload(to, b"second", replaces=old)
        with pytest.raises(ValidationError, match="newer version"):
            makers.upload(to, b"third", replaces=old)

    def test_each_side_replaces_its_own(self, engagement: Engagement) -> None:
        to = makers.request(engagement)
        old = makers.upload(to, b"first")
        with pytest.raises(ValidationError, match="own files"):
            makers.upload(to, b"second", replaces=old, by=f.people(engagement)["sana"], obtained_by_auditor=True)

    def test_not_on_another_request(self, engagement: Engagement) -> None:
        old = makers.upload(makers.request(engagement), b"first")
        with pytest.raises(ValidationError, match="where it lies"):
            makers.upload(makers.request(engagement), b"second", replaces=old)

    @pytest.mark.parametrize("field", ["sha256", "name", "size", "version", "code"])
    def test_what_was_received_stays(self, engagement: Engagement, field: str) -> None:
        file = makers.upload(makers.request(engagement))
        with pytest.raises(DatabaseError, match="received_stays"), transaction.atomic():
            EvidenceFile.objects.filter(pk=file.pk).update(**{field: "7"})

    def test_nothing_is_deleted(self, engagement: Engagement) -> None:
        file = makers.upload(makers.request(engagement))
        with pytest.raises(DatabaseError, match="never_deleted"), transaction.atomic():
            EvidenceFile.objects.filter(pk=file.pk).delete()


class TestRefused:
    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("empty.txt", b"", "empty"),
            ("virus.exe", b"MZ", "not accepted"),
            ("picture.pdf", makers.PNG, "its name says"),
            ("page.html", b"<html>", "not accepted"),
            ("page.txt", b"<html><script>", "web page"),
        ],
    )
    def test_wrong_files(self, engagement: Engagement, name: str, content: bytes, words: str) -> None:
        with pytest.raises(Refused, match=words):
            makers.upload(makers.request(engagement), content, name=name)
        assert not EvidenceFile.objects.exists()
        assert stored_files(engagement) == []
        assert not Event.objects.filter(action="evidence.received").exists()

    def test_too_large(self, engagement: Engagement, settings: object) -> None:
        settings.UPLOAD_MAX_BYTES = 1 << 20  # type: ignore[attr-defined]
        with pytest.raises(Refused, match="larger than 1 MB"):
            makers.upload(makers.request(engagement), b"a" * (1 << 20) + b"b")
        assert stored_files(engagement) == []

    def test_name_is_never_a_path(self, engagement: Engagement) -> None:
        file = makers.upload(makers.request(engagement), name="../../etc/pass\u202ewd.txt")
        assert file.name == "passwd.txt"
        assert stored_files(engagement) == [stored(file)]

    def test_dates_in_order(self, engagement: Engagement) -> None:
        with pytest.raises(ValidationError, match="before the first"):
            makers.upload(
                makers.request(engagement), speaks_from=dt.date(2026, 2, 1), speaks_to=dt.date(2026, 1, 1)
            )

    def test_a_failure_later_leaves_no_row(self, engagement: Engagement, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object, **__: object) -> None:
            raise OSError("the disk is full")

        monkeypatch.setattr(uploads, "record", fail)
        with pytest.raises(OSError, match="disk"):
            makers.upload(makers.request(engagement))
        assert not EvidenceFile.objects.exists()

    def test_no_half_file_when_storing_fails(self, engagement: Engagement, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_: int) -> None:
            raise OSError("the disk is full")

        to = makers.request(engagement)
        monkeypatch.setattr("os.fsync", fail)
        with pytest.raises(OSError, match="disk"):
            makers.upload(to)
        assert stored_files(engagement) == []
        assert not EvidenceFile.objects.exists()


class TestWho:
    def test_the_firm_marks_what_it_obtained(self, engagement: Engagement) -> None:
        to, sana = makers.request(engagement), f.people(engagement)["sana"]
        with pytest.raises(PermissionDenied, match="obtained themselves"):
            makers.upload(to, by=sana)
        file = makers.upload(to, by=sana, obtained_by_auditor=True)
        assert Event.objects.get(action="evidence.obtained").audience == Event.Audience.FIRM
        engagement.may, engagement.member = (
            frozenset({"see_engagement"}),
            engagement.members.get(role="client_admin"),
        )
        assert file not in EvidenceFile.objects.visible_as(engagement, f.people(engagement)["carla"])

    def test_the_client_never_marks_it_so(self, engagement: Engagement) -> None:
        with pytest.raises(PermissionDenied):
            makers.upload(makers.request(engagement), obtained_by_auditor=True)

    @pytest.mark.parametrize("key", ["quinn", "ray"])
    def test_reviewers_only_read(self, engagement: Engagement, key: str) -> None:
        with pytest.raises(PermissionDenied):
            makers.upload(makers.request(engagement), by=f.people(engagement)[key], obtained_by_auditor=True)

    def test_control_owner_only_on_own_requests(self, engagement: Engagement) -> None:
        with pytest.raises(PermissionDenied, match="someone else"):
            makers.upload(makers.request(engagement, assigned_to=f.people(engagement)["carla"]))

    def test_client_admin_on_any_open_request(self, engagement: Engagement) -> None:
        carla = f.people(engagement)["carla"]
        assert makers.upload(makers.request(engagement), by=carla).uploaded_by == carla
        with pytest.raises(PermissionDenied, match="not open"):
            makers.upload(makers.request(engagement, open_=False), by=carla)

    def test_outsiders(self, engagement: Engagement) -> None:
        with pytest.raises(PermissionDenied):
            makers.upload(makers.request(engagement), by=f.person("nemo"))


class TestWhen:
    def test_not_on_an_accepted_request(self, engagement: Engagement) -> None:
        to = requests.accept(makers.submitted(engagement), by=f.people(engagement)["sana"])
        with pytest.raises(WrongStage, match="returned before"):
            makers.upload(to, b"late")

    @pytest.mark.parametrize("stage", [Stage.ACCEPTANCE, Stage.ISSUED, Stage.LOCKED, Stage.WITHDRAWN])
    def test_not_at_other_stages(self, engagement: Engagement, stage: Stage) -> None:
        to = makers.request(engagement)
        to.engagement = f.at_stage(engagement, stage)
        with pytest.raises(WrongStage):
            makers.upload(to)

    def test_a_stage_that_passed_in_between(self, engagement: Engagement) -> None:
        """The request in hand was fetched before the engagement moved on."""
        to = makers.request(engagement)
        Engagement.objects.filter(pk=engagement.pk).update(stage=Stage.WITHDRAWN)
        with pytest.raises(WrongStage):
            uploads.receive(to, file=io.BytesIO(b"late"), name="late.txt", by=f.people(engagement)["owen"])
        assert not EvidenceFile.objects.exists()
