"""Real workers that are killed in the middle of their work: nothing is lost and nothing is done twice."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from celery import current_app
from django.core.files.storage import storages
from django.db import connection, transaction
from django.utils import timezone
from kombu import pools

from audit.context import act_for_everybody
from audit.models import Event
from config.celery import app
from jobs import queue
from jobs.models import MAX_ATTEMPTS, Job, Outbox
from reports import drafting
from reports.models import Report
from tests import factories as f
from tests.reports import makers
from tests.workers import Workers

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

PATIENCE = 120.0


def until(what: Callable[[], Any], workers: Workers | None = None) -> Any:
    """Waits for something to come true; never a limit on speed, only an end to waiting."""
    deadline = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < deadline, workers.log if workers else "waited in vain"
        time.sleep(0.02)
    return found


def children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, check=False)
    return [int(line) for line in found.stdout.split()]


def rendering_in(worker: subprocess.Popen[bytes]) -> tuple[int, int] | None:
    """The worker's process that does the job, and the process which renders for it."""
    for pool in children(worker.pid):
        for child in children(pool):
            return pool, child
    return None


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One that is dead and not yet collected counts as gone.
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=False)
    return bool(shown.stdout) and not shown.stdout.startswith(b"Z")


def asked_for() -> Report:
    """A draft that waits for its worker."""
    engagement = makers.in_scope()
    makers.described(engagement)
    return drafting.request_draft(engagement, by=f.people(engagement)["milan"])


def pdfs() -> set[str]:
    """What is stored; tests before this one have left theirs, for the numbers of engagements begin anew."""
    store = storages["reports"]
    folders = store.listdir("")[0] if store.exists("") else []
    return {f"{folder}/{name}" for folder in folders for name in store.listdir(folder)[1]}


def rendered(draft: Report) -> int:
    return Event.objects.filter(engagement_id=draft.engagement_id, action=drafting.RENDERED.code).count()


def swept() -> None:
    """The sweeper comes by; for it all signs of life are too old."""
    queue.sweep(silent_for=dt.timedelta(0), queued_for=dt.timedelta(0))


@pytest.mark.drill
def test_a_worker_killed_while_rendering_loses_nothing_and_doubles_nothing(workers: Workers) -> None:
    before = pdfs()
    first = workers.start()
    draft = asked_for()
    _, renderer = until(lambda: rendering_in(first), workers)
    workers.kill(first)
    until(lambda: not alive(renderer))
    draft.refresh_from_db()
    assert draft.job is not None
    assert (draft.state, draft.job.state, draft.job.attempts) == ("rendering", Job.State.RUNNING, 1)
    assert pdfs() == before

    workers.start()
    swept()
    until(lambda: Job.objects.get(pk=draft.job_id).finished, workers)
    draft.refresh_from_db()
    assert draft.job is not None
    assert (draft.state, draft.job.state, draft.job.attempts) == ("ready", Job.State.DONE, 2)
    assert pdfs() - before == {f"{draft.engagement_id}/{draft.pdf_sha256}.pdf"}
    assert Report.objects.count() == Job.objects.count() == rendered(draft) == 1
    # The message of the first time comes again some day: there is nothing left to do then.
    current_app.send_task("jobs.run", args=[draft.job_id])
    until(lambda: workers.log.count(" succeeded in ") >= 2, workers)
    assert rendered(draft) == 1


@pytest.mark.drill
def test_a_job_that_kills_whoever_does_it_is_given_up_with_words(workers: Workers) -> None:
    before = pdfs()
    worker = workers.start()
    draft = asked_for()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        until(lambda tried=attempt: Job.objects.get(pk=draft.job_id).attempts == tried, workers)
        until(lambda: rendering_in(worker), workers)
        # One does the job, and another may help it: both have a process that renders for them.
        doing = children(worker.pid)
        rendering = [pid for pool in doing for pid in children(pool)]
        for pool in doing:
            os.kill(pool, signal.SIGKILL)
        until(lambda pids=rendering: not any(map(alive, pids)))
        swept()
    until(lambda: Job.objects.get(pk=draft.job_id).finished, workers)
    draft.refresh_from_db()
    assert draft.job is not None
    assert (draft.state, draft.job.state, draft.job.attempts) == ("failed", Job.State.FAILED, MAX_ATTEMPTS)
    assert draft.job.error == "Given up after 3 attempts: the worker was lost each time."
    assert pdfs() == before
    assert rendered(draft) == 0
    assert worker.poll() is None


@pytest.mark.drill
def test_what_was_asked_while_the_broker_was_down_reaches_a_worker_afterwards(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(app.conf, "broker_write_url", "redis+socket:///nowhere/valkey.sock")
        without_connections()
        with transaction.atomic():
            # Its attempts are used up: the worker that gets it says so, and that is all.
            job = Job.objects.create(kind="k", key="k", attempts=MAX_ATTEMPTS)
            Outbox.objects.create(job=job)
            transaction.on_commit(queue.nudge)
    without_connections()
    assert Outbox.objects.filter(published_at__isnull=True).count() == 1
    workers.start()
    assert queue.relay() == 1
    until(lambda: Job.objects.get(pk=job.pk).finished, workers)
    assert queue.relay() == 0


def test_a_worker_does_first_what_somebody_waits_for(workers: Workers) -> None:
    # Their attempts are used up: the worker that gets them says so, and that is all.
    with transaction.atomic():
        unawaited = [
            Job.objects.create(kind="evidence.digest", key=str(n), attempts=MAX_ATTEMPTS) for n in range(5)
        ]
        awaited = Job.objects.create(kind="k", key="k", attempts=MAX_ATTEMPTS)
        Outbox.objects.bulk_create(Outbox(job=job) for job in [*unawaited, awaited])
    assert queue.relay() == len(unawaited) + 1
    workers.start()
    until(lambda: all(job.finished for job in Job.objects.all()), workers)
    assert [job.pk for job in Job.objects.order_by("finished_at")] == [awaited.pk, *(job.pk for job in unawaited)]


def without_connections() -> None:
    """Forget the connections to the broker: the next message makes a new one."""
    pools.reset()
    app._pool = app.amqp._producer_pool = None


def test_two_sweepers_at_once_find_a_lost_job_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current_app, "send_task", lambda *_, **__: None)
    job = Job.objects.create(kind="k", key="k", state=Job.State.RUNNING, attempts=1, heartbeat_at=timezone.now())
    later = timezone.now() + dt.timedelta(minutes=5)
    assert sum(at_once(lambda: queue.sweep(at=later))) == 1
    assert Outbox.objects.filter(job=job).count() == 1


def test_two_relays_at_once_publish_every_call_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []

    def send(_name: str, args: list[int], **_: Any) -> None:
        time.sleep(0.01)
        sent.append(args[0])

    monkeypatch.setattr(current_app, "send_task", send)
    with transaction.atomic():
        jobs = [Job.objects.create(kind="k", key=str(number)) for number in range(10)]
        Outbox.objects.bulk_create(Outbox(job=job) for job in jobs)
    assert sum(at_once(queue.relay)) == len(jobs)
    assert sorted(sent) == [job.pk for job in jobs]


def at_once(act: Callable[[], int], times: int = 2) -> list[int]:
    """What the act gives in several threads that begin together, each with a connection of its own."""
    barrier = threading.Barrier(times)
    given: list[int] = []

    def begin() -> None:
        act_for_everybody()
        try:
            barrier.wait()
            given.append(act())
        finally:
            connection.close()

    threads = [threading.Thread(target=begin) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(given) == times
    return given
