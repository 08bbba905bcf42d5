"""Two people at once, or one and a worker: a number is given once, a file received once, nobody is stuck."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, transaction

from audit.context import act_for_everybody
from engagements.models import Engagement, Stage
from engagements.workflow import locked
from evidence import examining
from evidence.models import EvidenceFile, EvidenceRequest
from tests import factories as f
from tests.evidence import makers

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def at_once(number: int, work: Callable[[int], object]) -> None:
    """Run work(0), work(1)... in threads that begin together."""
    start = Barrier(number)

    def run(index: int) -> None:
        act_for_everybody()
        start.wait()
        try:
            work(index)
        finally:
            connection.close()

    with ThreadPoolExecutor(number) as threads:
        list(threads.map(run, range(number)))


@pytest.fixture
def engagement() -> Engagement:
    return f.at_stage(f.accepted(), Stage.FIELDWORK)


def test_codes_stay_unique(engagement: Engagement) -> None:
    asked = makers.request(engagement)
    at_once(4, lambda index: makers.upload(asked, f"file {index}".encode(), name=f"{index}.txt"))
    assert sorted(EvidenceFile.objects.values_list("code", flat=True)) == ["E-001", "E-002", "E-003", "E-004"]
    at_once(4, lambda index: makers.request(engagement, title=f"Request {index}"))
    assert EvidenceRequest.objects.count() == 5


def test_same_file_at_once_is_received_once(engagement: Engagement) -> None:
    asked = makers.request(engagement)
    at_once(4, lambda _: makers.upload(asked))
    assert EvidenceFile.objects.count() == 1


def test_a_file_is_read_while_somebody_refers_to_it(engagement: Engagement) -> None:
    file = makers.upload(makers.request(engagement), b"Nothing here says when it was made.", name="undated.txt")

    def read() -> None:
        act_for_everybody()
        try:
            examining.read(EvidenceFile.objects.get(pk=file.pk))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            locked(engagement)
            reading = threads.submit(read)
            until_somebody_waits()
            with connection.cursor() as cursor:
                # As the database does by itself when a row that points at the file is committed.
                cursor.execute("SELECT 1 FROM evidence_evidencefile WHERE id = %s FOR KEY SHARE", [file.pk])
        reading.result()
    file.refresh_from_db()
    assert [one["code"] for one in file.findings] == ["no_date"]


def until_somebody_waits() -> None:
    """Another connection has come to a lock of this one; never a limit on speed, only an end to waiting."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            # Not pg_stat_activity: what a transaction has once seen of it stays as it was.
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("nobody came to wait")
