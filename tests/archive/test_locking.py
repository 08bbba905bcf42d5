"""Closing the file: decided by the partner, read and locked by a worker, and then nothing moves (R55, R59, R61)."""

from __future__ import annotations

import hashlib

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.storage import storages
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.utils import timezone

from archive import adding, leaves, locking
from archive.models import FileLock, years_after
from audit.models import Event
from engagements import workflow
from engagements.models import Engagement, EngagementUserPermission, Stage
from engagements.register import Blocked, findings
from engagements.workflow import WrongStage
from evidence.storage import stored_name
from jobs.models import Job
from jobs.running import run
from reports.models import Issuance
from tests import factories as f
from tests.archive import makers as a
from tests.database import as_owner
from tests.engagements.test_frozen import OWNED

ADD_A_FILE = """
    INSERT INTO archive_addendumfile (engagement_id, addendum_id, name, size, sha256, content_type)
    SELECT engagement_id, id, 'b.txt', 1, 'b', 'text/plain' FROM archive_addendum WHERE engagement_id = {pk}
"""

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick")]


def test_the_partner_locks_and_the_root_stands_in_the_trail() -> None:
    engagement = a.issued()
    made = a.lock(engagement)
    assert (made.state, engagement.stage) == (FileLock.State.LOCKED, Stage.LOCKED)
    event = Event.objects.get(engagement_id=engagement.pk, action="file.locked")
    assert (event.detail["root"], event.detail["leaves"]) == (made.root, made.leaves)
    assert made.retain_until == years_after(made.released_on, engagement.firm.retention_years)
    # Anybody computes it again, whatever was added to the trail meanwhile.
    assert leaves.root_of(engagement, (made.trail_seq, made.trail_hash)).root == made.root
    assert leaves.root_of(engagement, leaves.trail_head(engagement)).root != made.root


@pytest.mark.parametrize("who", ["milan", "sana", "quinn", "ray", "carla"])
def test_nobody_else_locks(who: str) -> None:
    engagement = a.issued()
    with pytest.raises(PermissionDenied):
        locking.lock(engagement, by=f.people(engagement)[who], password=f.PASSWORD)


def test_what_is_refused_leaves_the_file_open() -> None:
    engagement = a.issued()
    petra = f.people(engagement)["petra"]
    with pytest.raises(ValidationError, match="not your password"):
        locking.lock(engagement, by=petra, password="guess")
    with pytest.raises(ValidationError, match="R60"):
        locking.lock(engagement, by=petra, password=f.PASSWORD, years=engagement.firm.retention_years - 1)
    a.known(engagement)
    with pytest.raises(Blocked, match="R58"):
        locking.lock(engagement, by=petra, password=f.PASSWORD)
    assert not FileLock.objects.exists()


def test_a_missing_byte_locks_nothing_and_is_named() -> None:
    engagement = a.issued()
    storages["evidence"].delete(stored_name(engagement.pk, hashlib.sha256(b"abc").hexdigest()))
    made = a.lock(engagement)
    assert (made.state, engagement.stage) == (FileLock.State.FAILED, Stage.ISSUED)
    assert "missing" in Job.objects.get(pk=made.job_id).error
    a.stored(engagement.pk)
    assert a.lock(engagement).locked


def test_what_became_known_while_the_worker_read_stops_it() -> None:
    engagement = a.issued()
    made = locking.lock(engagement, by=f.people(engagement)["petra"], password=f.PASSWORD)
    a.known(engagement)
    assert made.job_id is not None
    run(made.job_id)
    made.refresh_from_db()
    assert made.state == FileLock.State.FAILED


def test_it_is_locked_once_and_a_second_run_changes_nothing() -> None:
    engagement = a.locked()
    lock = FileLock.objects.get(engagement=engagement)
    with pytest.raises(WrongStage):
        locking.lock(engagement, by=f.people(engagement)["petra"], password=f.PASSWORD)
    assert lock.job is not None
    assert locking.assemble(lock.job) == {"root": lock.root}
    assert FileLock.objects.count() == 1


def test_no_role_of_the_application_writes_to_a_locked_file() -> None:
    """By SQL, as the role that serves pages and as the owner of the tables: no row comes, changes or goes."""
    engagement = a.locked()
    refused = 0
    for model in OWNED:
        table = model._meta.db_table
        row = leaves.rows_of(model, engagement).first()
        sql = [f'INSERT INTO "{table}" (engagement_id) VALUES ({engagement.pk})']  # noqa: S608
        if row is not None:
            sql += [
                f'UPDATE "{table}" SET engagement_id = engagement_id WHERE id = {row.pk}',  # noqa: S608
                f'DELETE FROM "{table}" WHERE id = {row.pk}',  # noqa: S608
            ]
        for statement in sql:
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
            with pytest.raises(DatabaseError), transaction.atomic():
                as_owner(statement)
            refused += 1
    assert refused > len(OWNED) + 20


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE engagements_engagement SET frozen_at = NULL WHERE id = {pk}",
        "UPDATE engagements_engagement SET frozen_at = NULL, stage = 'reporting' WHERE id = {pk}",
        "UPDATE engagements_engagement SET stage = 'issued' WHERE id = {pk}",
        "UPDATE engagements_engagement SET acceptance_note = '' WHERE id = {pk}",
        "DELETE FROM engagements_engagement WHERE id = {pk}",
        "UPDATE reports_issuance SET snapshot = '{{}}' WHERE engagement_id = {pk}",
        "DELETE FROM reports_issuance WHERE engagement_id = {pk}",
        "UPDATE archive_filelock SET root = '0' WHERE engagement_id = {pk}",
        "UPDATE archive_filelock SET retain_until = retain_until - 1 WHERE engagement_id = {pk}",
        "UPDATE archive_filelock SET state = 'failed' WHERE engagement_id = {pk}",
        "DELETE FROM archive_filelock WHERE engagement_id = {pk}",
        "TRUNCATE archive_filelock CASCADE",
        "UPDATE archive_addendum SET text = 'Other' WHERE engagement_id = {pk}",
        "DELETE FROM archive_addendum WHERE engagement_id = {pk}",
        "TRUNCATE archive_addendum CASCADE",
        "UPDATE archive_addendumfile SET name = 'other.txt' WHERE engagement_id = {pk}",
        "DELETE FROM archive_addendumfile WHERE engagement_id = {pk}",
        "UPDATE archive_addendumreview SET conclusion = 'Other' WHERE engagement_id = {pk}",
        ADD_A_FILE,
    ],
)
def test_the_lock_itself_and_addenda_stand(statement: str) -> None:
    engagement = a.locked()
    adding.review(a.added(engagement), conclusion="Nothing follows.", by=f.people(engagement)["quinn"])
    a.constraints_now()
    with pytest.raises(DatabaseError), transaction.atomic():
        as_owner(statement.format(pk=engagement.pk))
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(pk=engagement.pk))


def test_a_lock_cannot_be_forged_or_dated_back() -> None:
    engagement = a.issued()
    petra = f.people(engagement)["petra"]
    today = timezone.localdate()
    of = {"engagement": engagement, "asked_by": petra, "retention_years": 7}
    with pytest.raises(DatabaseError, match="by its worker"), transaction.atomic():
        FileLock.objects.create(
            **of, released_on=today, retain_until=years_after(today, 7), state="locked", root="0", leaves=1,
            locked_at=timezone.now(),
        )  # fmt: skip
    with pytest.raises(DatabaseError, match="count from the release"), transaction.atomic():
        FileLock.objects.create(**of, released_on=years_after(today, -8), retain_until=today)
    with pytest.raises(DatabaseError, match="7 years at least"), transaction.atomic():
        FileLock.objects.create(**of, released_on=today, retain_until=years_after(today, 6))


def test_r61_a_withdrawn_engagement_is_locked_too() -> None:
    engagement = workflow.leave(
        f.accepted(), reason="No access.", by=f.partner_of(f.firm(), "petra", "Petra Alder")
    )
    assert [one.rule for one in findings("file_audit", engagement)] == ["R61"]
    assert locking.due_on(engagement) is not None
    made = a.lock(engagement)
    assert (made.locked, engagement.stage, engagement.frozen) == (True, Stage.WITHDRAWN, True)
    assert not findings("file_audit", engagement)
    with pytest.raises(DatabaseError), transaction.atomic():
        Engagement.objects.filter(pk=engagement.pk).update(frozen_at=None)


def test_r55_lateness_is_told_and_blocks_nothing() -> None:
    engagement = a.issued()
    a.released(engagement, 60)
    assert not findings("lock", engagement)
    a.released(engagement, 61)
    assert [one.text.rpartition(", ")[2] for one in findings("lock", engagement)] == ["1 day ago."]
    made = a.lock(engagement)
    assert made.locked
    assert Event.objects.get(engagement_id=engagement.pk, action="file.locked").detail["days"] == 61
    assert Issuance.objects.get(engagement=engagement).state == Issuance.State.CURRENT


def test_who_loses_the_role_while_waiting_does_not_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    engagement = a.issued()
    petra = f.people(engagement)["petra"]
    there = locking.locked

    def late(found: Engagement) -> Engagement:
        EngagementUserPermission.objects.filter(content_object=found, user=petra).delete()
        return there(found)

    monkeypatch.setattr(locking, "locked", late)
    with pytest.raises(PermissionDenied):
        locking.lock(engagement, by=petra, password=f.PASSWORD)
    assert not FileLock.objects.exists()
