"""The SOC 3 report in the closed file: under the root, in the pack, purged with it and still known by its hash."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError

from archive import leaves, locking, retention
from archive.models import FileLock, PurgeCertificate
from audit import checkpoints
from distribution import publishing
from distribution.models import Publication
from distribution.verifying import verify
from engagements.models import Stage
from engagements.register import Blocked
from engagements.workflow import WrongStage
from jobs.running import run
from reports import general_use, storage
from reports.models import GeneralUseReport
from tests import factories as f
from tests.archive import makers as a
from tests.reports import makers as reports

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick")]


@pytest.mark.drill
def test_it_is_locked_packed_held_and_purged_with_the_file(tmp_path: Path) -> None:
    engagement = a.issued()
    people = f.people(engagement)
    made = reports.short_form(engagement)
    publishing.publish(engagement, by=people["carla"])
    whole, pdf = made.issuance.number, storage.pdf_of(engagement.pk, made.pdf_sha256)
    assert a.lock(engagement).locked
    engagement.refresh_from_db()
    assert made.pdf_sha256 in {one.sha256 for one in leaves.reports_of(engagement)}
    with pytest.raises(WrongStage, match="before the file is locked"):
        general_use.issue(engagement, by=people["petra"], password=f.PASSWORD)

    checkpoints.write()
    with zipfile.ZipFile(a.archive_of(engagement, tmp_path / "pack.zip")) as file:
        assert file.read(f"reports/{made.number}.pdf") == pdf
        assert f"reports/{made.number}.pdf" in file.read("index.html").decode()
        assert f"reports/{made.number}.pdf" in file.read("pages/tables/reports.generalusereport.html").decode()
        assert made.number in file.read("data/reports.generalusereport.jsonl").decode()

    a.aged(engagement)
    hold = retention.place_hold(engagement, reason="Litigation.", by=people["quinn"])
    with pytest.raises(Blocked, match="hold"):
        retention.ask_purge(engagement, reason="R", by=people["petra"], password=f.PASSWORD)
    assert verify(pdf).general == made
    retention.lift_hold(hold, reason="Settled.", by=people["petra"])
    retention.ask_purge(engagement, reason="R", by=people["petra"], password=f.PASSWORD)
    purge = retention.approve_purge(engagement, by=people["milan"], password=f.PASSWORD)
    assert purge.job_id is not None
    run(purge.job_id)
    engagement.refresh_from_db()
    assert engagement.stage == Stage.PURGED
    assert not GeneralUseReport.objects.exists()
    assert not Publication.objects.exists()
    with pytest.raises(storage.Altered):
        storage.pdf_of(engagement.pk, made.pdf_sha256)
    told = json.loads(PurgeCertificate.objects.get().text)["destroyed"]["reports"]
    assert [(one["number"], one["general_use"]) for one in told] == [(whole, False), (made.number, True)]
    verdict = verify(pdf)
    assert verdict.genuine
    assert f"SOC 3 report {made.number}" in verdict.words


def test_the_file_is_not_locked_while_it_is_being_rendered() -> None:
    engagement = a.issued()
    petra = f.people(engagement)["petra"]
    general_use.issue(engagement, by=petra, password=f.PASSWORD)
    with pytest.raises(ValidationError, match="belongs into the file"):
        locking.lock(engagement, by=petra, password=f.PASSWORD)
    assert not FileLock.objects.exists()
