"""Populations: what makes a listing acceptable, what freezes, what a newer version does."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.storage import storages
from django.db import DatabaseError, transaction

from audit.models import Event
from engagements.models import Engagement, Stage
from engagements.register import Blocked
from engagements.workflow import WrongStage
from evidence import populations
from evidence.models import EvidenceFile, Population
from evidence.storage import Altered, stored_name
from tests import factories as f
from tests.evidence import makers

pytestmark = pytest.mark.django_db


@pytest.fixture
def engagement() -> Engagement:
    return f.at_stage(f.accepted(), Stage.FIELDWORK)


def accept(population: Population, key: str = "sana", **fields: Any) -> Population:
    values: dict[str, Any] = {"conclusion": "Watched it run; counts agree.", "precision_adequate": True, **fields}
    return populations.accept(population, by=f.people(population.engagement)[key], **values)


def place(population: Population) -> Path:
    return Path(storages["evidence"].path(stored_name(population.engagement_id, population.sha256)))


class TestProvided:
    def test_counted_hashed_and_readable(self, engagement: Engagement) -> None:
        made = makers.population(engagement)
        assert (made.code, made.version, made.state, made.row_count) == ("POP-001", 1, "provided", 3)
        assert made.columns == ["ticket", "employee", "left on"]
        assert hashlib.sha256(place(made).read_bytes()).hexdigest() == made.sha256
        assert populations.rows(made).column("ticket") == ["OFF-1", "OFF-2", "OFF-3"]
        assert made.file.speaks_to == dt.date(2026, 9, 30)
        assert populations.remarks(made) == []
        assert Event.objects.get(action="population.provided").detail["sha256"] == made.sha256

    def test_packing_does_not_change_the_hash(self, engagement: Engagement) -> None:
        first = makers.population(engagement)
        second = makers.population(engagement, makers.LEAVERS.replace(b",", b";").replace(b"\n", b"\r\n"))
        assert second.code == "POP-002"
        assert second.sha256 == first.sha256

    def test_from_a_file_that_is_here(self, engagement: Engagement) -> None:
        file = makers.upload(makers.request(engagement), makers.LEAVERS, name="leavers.csv")
        made = populations.provide(
            engagement,
            name="Leavers",
            controls=[makers.control(engagement)],
            file=file,
            key_column="ticket",
            ipe=makers.ipe(),
            by=f.people(engagement)["owen"],
        )
        assert made.file == file

    def test_none_occurred(self, engagement: Engagement) -> None:
        made = accept(makers.population(engagement, b"ticket,employee,left on\n", ipe={"system_row_count": 0}))
        assert made.is_zero

    def test_observed_is_the_auditors_to_say(self, engagement: Engagement) -> None:
        with pytest.raises(PermissionDenied):
            makers.population(engagement, ipe={"observed": True})
        made = makers.population(engagement, by=f.people(engagement)["sana"], ipe={"observed": True})
        assert made.observed
        assert made.file.obtained_by_auditor

    @pytest.mark.parametrize(
        ("content", "fields", "at", "words"),
        [
            (b"ticket,employee\nOFF-1\n", {}, "file", "Row 2 has 1 cells"),
            (b"", {}, "file", "empty"),
            (makers.LEAVERS, {"key_column": "id"}, "key_column", "no column 'id'"),
            (makers.LEAVERS + b"OFF-2,Dan,2026-02-01\n", {}, "key_column", "Rows 3, 5, column 'ticket': 'OFF-2'"),
            (makers.LEAVERS + b",Dan,2026-02-01\n", {}, "key_column", "Row 5, column 'ticket': empty"),
            (makers.LEAVERS + b"OFF-4,Dan,soon\n", {}, "date_column", "Row 5, column 'left on'"),
            (makers.LEAVERS, {"controls": []}, "controls", "which control"),
            (makers.LEAVERS, {"name": " "}, "name", "blank"),
            (makers.LEAVERS, {"ipe": {"source_system": ""}}, "source_system", "blank"),
            (makers.LEAVERS, {"ipe": {"covers_from": dt.date(2026, 10, 1)}}, "covers_to", "before the first"),
            (makers.LEAVERS, {"ipe": {"covers_to": dt.date(2026, 10, 3)}}, "covers_to", "after the one"),
            (
                makers.LEAVERS,
                {"ipe": {"run_at": dt.datetime(2999, 1, 1, tzinfo=dt.UTC)}},
                "run_at",
                "in the future",
            ),
            (b"ticket,employee,left on\n", {}, "system_row_count", "the file holds none"),
        ],
    )
    def test_refused_in_words_at_the_field(
        self, engagement: Engagement, content: bytes, fields: dict[str, Any], at: str, words: str
    ) -> None:
        with pytest.raises(ValidationError) as refusal:
            makers.population(engagement, content, **fields)
        assert words in " ".join(refusal.value.message_dict[at])
        assert not Population.objects.exists()
        assert not EvidenceFile.objects.exists()

    @pytest.mark.parametrize("key", ["sub", "sig", "ray", "quinn"])
    def test_who_may_not(self, engagement: Engagement, key: str) -> None:
        with pytest.raises(PermissionDenied):
            makers.population(engagement, by=f.people(engagement)[key])

    def test_not_at_other_stages(self, engagement: Engagement) -> None:
        makers.control(engagement)
        f.at_stage(engagement, Stage.ISSUED)
        with pytest.raises(WrongStage):
            makers.population(engagement)

    def test_files_of_other_engagements(self, engagement: Engagement) -> None:
        other = f.at_stage(f.accepted(a_client=f.client(name="Southlake Press LLC")), Stage.FIELDWORK)
        file = makers.upload(makers.request(other), makers.LEAVERS, name="leavers.csv")
        with pytest.raises(ValidationError, match="another engagement"):
            populations.provide(
                engagement,
                name="Leavers",
                controls=[makers.control(engagement)],
                file=file,
                key_column="ticket",
                ipe=makers.ipe(),
                by=f.people(engagement)["owen"],
            )


class TestAccepted:
    def test_frozen_with_its_record(self, engagement: Engagement) -> None:
        made = accept(makers.population(engagement))
        assert (made.state, made.decided_by) == ("accepted", f.people(engagement)["sana"])
        for change in ({"row_count": 4}, {"sha256": "0" * 64}, {"query": "another"}, {"conclusion": "x"}):
            with pytest.raises(DatabaseError, match="is accepted"), transaction.atomic():
                Population.objects.filter(pk=made.pk).update(**change)

    def test_twice_is_once(self, engagement: Engagement) -> None:
        made = accept(makers.population(engagement))
        assert accept(made, "milan").decided_by == f.people(engagement)["sana"]
        assert Event.objects.filter(action="population.accepted").count() == 1

    @pytest.mark.parametrize("key", ["owen", "carla", "ray"])
    def test_only_by_the_firms_team(self, engagement: Engagement, key: str) -> None:
        with pytest.raises(PermissionDenied):
            accept(makers.population(engagement), key)

    @pytest.mark.parametrize(
        ("content", "ipe", "words"),
        [
            (makers.LEAVERS, {"system_row_count": 4}, "the system counts 4"),
            (makers.LEAVERS, {"reconciled_row_count": 5}, "reconciled with 5"),
            (makers.LEAVERS + b"OFF-4,Dan,2025-09-01\n", {"system_row_count": 4}, "row 5 (1 Sep 2025)"),
            (makers.LEAVERS, {"covers_from": dt.date(2025, 10, 10)}, "R20: It covers days from 10 Oct 2025"),
            (makers.LEAVERS, {"covers_to": dt.date(2026, 7, 31)}, "R20: It covers days to 31 Jul 2026"),
        ],
    )
    def test_only_with_differences_explained(
        self, engagement: Engagement, content: bytes, ipe: dict[str, Any], words: str
    ) -> None:
        made = makers.population(engagement, content, ipe=ipe)
        with pytest.raises(ValidationError) as refusal:
            accept(made)
        assert words in " ".join(refusal.value.messages)
        made.refresh_from_db()
        assert made.state == "provided"
        assert accept(made, difference_explained="Looked into; see the memo.").state == "accepted"

    def test_coverage_is_a_rule(self, engagement: Engagement) -> None:
        made = makers.population(engagement, ipe={"covers_to": dt.date(2026, 7, 31)})
        with pytest.raises(Blocked) as refusal:
            accept(made)
        assert [finding.rule for finding in refusal.value.findings] == ["R20"]

    def test_gaps_in_the_numbers_are_only_remarked_on(self, engagement: Engagement) -> None:
        made = makers.population(engagement, makers.LEAVERS.replace(b"OFF-3", b"OFF-4"))
        assert [remark.kind for remark in populations.remarks(made)] == ["gaps"]
        assert accept(made).state == "accepted"

    @pytest.mark.parametrize(
        ("fields", "words"),
        [({"conclusion": " "}, "complete and accurate"), ({"precision_adequate": False}, "precise enough")],
    )
    def test_only_with_a_conclusion(self, engagement: Engagement, fields: dict[str, Any], words: str) -> None:
        with pytest.raises(ValidationError, match=words):
            accept(makers.population(engagement), **fields)

    def test_not_when_the_listing_was_altered(self, engagement: Engagement) -> None:
        made = makers.population(engagement)
        place(made).write_bytes(place(made).read_bytes().replace(b"Ada", b"Eve"))
        with pytest.raises(Altered):
            accept(made)


class TestRefused:
    def test_with_a_reason(self, engagement: Engagement) -> None:
        sana, made = f.people(engagement)["sana"], makers.population(engagement)
        with pytest.raises(ValidationError, match="missing or wrong"):
            populations.refuse(made, reason="", by=sana)
        made = populations.refuse(made, reason="Contractors are missing.", by=sana)
        assert (made.state, made.refusal) == ("refused", "Contractors are missing.")
        with pytest.raises(WrongStage, match="is refused"):
            accept(made)

    def test_accepted_is_not_refused(self, engagement: Engagement) -> None:
        made = accept(makers.population(engagement))
        with pytest.raises(WrongStage):
            populations.refuse(made, reason="no", by=f.people(engagement)["sana"])


class TestNewerVersion:
    @pytest.fixture
    def voided(self, monkeypatch: pytest.MonkeyPatch) -> list[Population]:
        found: list[Population] = []
        monkeypatch.setattr(populations, "_ON_SUPERSEDED", [lambda population, _: found.append(population)])
        return found

    def test_replaces_what_was_not_accepted_at_once(self, engagement: Engagement, voided: list[Population]) -> None:
        old = makers.population(engagement)
        new = makers.population(engagement, makers.LEAVERS, replaces=old)
        old.refresh_from_db()
        assert (old.state, new.code, new.version, str(new)) == ("superseded", "POP-001", 2, "POP-001 v2")
        assert voided == []

    def test_accepted_stands_until_the_newer_is_accepted(
        self, engagement: Engagement, voided: list[Population]
    ) -> None:
        old = accept(makers.population(engagement))
        more = makers.LEAVERS + b"OFF-4,Dan,2026-02-01\n"
        new = makers.population(engagement, more, replaces=old, ipe={"system_row_count": 4})
        old.refresh_from_db()
        assert (old.state, voided) == ("accepted", [])
        accept(new)
        old.refresh_from_db()
        assert old.state == "superseded"
        assert voided == [old]

    def test_refused_in_between(self, engagement: Engagement, voided: list[Population]) -> None:
        old = accept(makers.population(engagement))
        second = makers.population(engagement, replaces=old)
        second = populations.refuse(second, reason="Nothing new.", by=f.people(engagement)["sana"])
        third = makers.population(engagement, replaces=second)
        accept(third)
        states = Population.objects.order_by("version").values_list("state", flat=True)
        assert list(states) == ["superseded", "superseded", "accepted"]
        assert voided == [old]

    def test_hook_is_part_of_the_transaction(self, engagement: Engagement, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(population: Population, by: object) -> None:
            raise RuntimeError("samples could not be voided")

        old = accept(makers.population(engagement))
        new = makers.population(engagement, replaces=old)
        monkeypatch.setattr(populations, "_ON_SUPERSEDED", [fail])
        with pytest.raises(RuntimeError):
            accept(new)
        old.refresh_from_db()
        new.refresh_from_db()
        assert (old.state, new.state) == ("accepted", "provided")

    def test_only_of_the_newest(self, engagement: Engagement) -> None:
        old = makers.population(engagement)
        makers.population(engagement, replaces=old)
        with pytest.raises(ValidationError, match="newer version already"):
            makers.population(engagement, replaces=old)

    def test_next_code_after_versions(self, engagement: Engagement) -> None:
        first = makers.population(engagement)
        makers.population(engagement)
        makers.population(engagement, replaces=first)
        assert makers.population(engagement).code == "POP-003"


def test_reading_without_keeping(engagement: Engagement) -> None:
    listing = populations.read(engagement, io.BytesIO(makers.LEAVERS), name="leavers.csv")
    assert listing.columns == ("ticket", "employee", "left on")
    assert not EvidenceFile.objects.exists()
