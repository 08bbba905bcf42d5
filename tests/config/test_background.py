"""Worker and clock as processes of their own."""

import contextlib
import time
from collections.abc import Iterator

import pytest
from celery import current_app
from django.db import connection

from config import beat
from config.celery import app
from controls.models import Criterion
from jobs.models import Job
from tests.workers import Workers

pytestmark = pytest.mark.services


def test_a_worker_is_woken_through_the_broker(celery_worker_process: Workers) -> None:
    job = Job.objects.create(kind="no-such-kind", key="k", attempts=3)
    current_app.send_task("jobs.run", args=[job.pk])
    deadline = time.monotonic() + 30
    while not job.finished and time.monotonic() < deadline:
        time.sleep(0.1)
        job.refresh_from_db()
    assert job.state == Job.State.FAILED, celery_worker_process.log
    assert "Given up after 3 attempts" in job.error


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("run", [1, 2])
def test_what_a_test_commits_is_gone_and_what_migrations_load_is_there(run: int) -> None:
    assert not Job.objects.exists()
    assert Criterion.objects.count() == 61
    Job.objects.create(kind="k", key="k")


def test_the_schedule_names_tasks_that_exist() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)


@pytest.mark.django_db
@pytest.mark.drill
def test_only_one_beat_holds_the_lock() -> None:
    with another_connection() as first, another_connection() as second:
        assert beat._lock(first)
        assert not beat._lock(second)
        first.close()
        deadline = time.monotonic() + 10
        while not (taken := beat._lock(second)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert taken


@pytest.mark.django_db
@pytest.mark.drill
def test_a_beat_that_lost_its_connection_stops_ticking() -> None:
    with another_connection() as holder:
        assert beat._lock(holder)
        beat.SoleScheduler.holder = holder
        scheduler = beat.SoleScheduler(app=app, lazy=True)
        assert holder.connection is not None
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [holder.connection.info.backend_pid])
        with pytest.raises(Exception, match=r"terminat|closed"):
            scheduler.tick()


@contextlib.contextmanager
def another_connection() -> Iterator[object]:
    copy = connection.copy()
    try:
        yield copy
    finally:
        copy.close()
