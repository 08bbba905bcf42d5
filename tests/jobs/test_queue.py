"""Jobs without a worker: asked for once, done once, given up in the end, found again when lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from jobs import queue, running
from jobs.models import MAX_ATTEMPTS, Job, Outbox

pytestmark = pytest.mark.django_db

done: list[int] = []
given_up: list[int] = []
trouble: list[Exception] = []


@queue.handler("trial")
def _work(job: Job) -> dict[str, Any]:
    if trouble:
        raise trouble[0]
    running.report_progress(job, 50, "half way")
    done.append(job.pk)
    return {"answer": job.payload.get("question", "") + "!"}


queue.handler("trial.unawaited", awaited=False)(_work)


@queue.on_failure("trial")
def _gave_up(job: Job) -> None:
    given_up.append(job.pk)


@pytest.fixture(autouse=True)
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """What was sent to the broker."""
    done.clear()
    given_up.clear()
    trouble.clear()
    sent: list[int] = []
    monkeypatch.setattr(current_app, "send_task", lambda _name, args, **_: sent.append(args[0]))
    return sent


def test_a_job_is_asked_for_once() -> None:
    job = queue.enqueue("trial", key="one")
    assert queue.enqueue("trial", key="one") == job
    assert queue.enqueue("trial", key="two") != job
    assert Outbox.objects.count() == 2


def test_after_the_end_the_same_may_be_asked_for_again() -> None:
    job = queue.enqueue("trial", key="one")
    running.run(job.pk)
    assert queue.enqueue("trial", key="one") != job


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KeyError):
        queue.enqueue("no such kind", key="one")
    assert not Job.objects.exists()


def test_what_is_rolled_back_was_never_asked_for(calls: list[int]) -> None:
    with transaction.atomic():
        queue.enqueue("trial", key="one")
        transaction.set_rollback(True)
    assert not Job.objects.exists()
    assert queue.relay() == 0
    assert calls == []


def test_the_call_goes_out_on_commit_and_once(calls: list[int], django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job = queue.enqueue("trial", key="one")
    assert calls == [job.pk]
    assert queue.relay() == 0
    assert calls == [job.pk]


def test_what_nobody_waits_for_lets_the_others_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(current_app, "send_task", lambda _name, args, priority: sent.append((args[0], priority)))
    later, first = queue.enqueue("trial.unawaited", key="one"), queue.enqueue("trial", key="two")
    queue.relay()
    assert sent == [(later.pk, queue.UNAWAITED), (first.pk, queue.AWAITED)]
    # The broker's transport hands out the lower number first.
    assert queue.AWAITED < queue.UNAWAITED


def test_a_broker_that_is_down_loses_nothing(
    calls: list[int], monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def down(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(current_app, "send_task", down)
        with django_capture_on_commit_callbacks(execute=True):
            job = queue.enqueue("trial", key="one")
    assert Outbox.objects.filter(published_at__isnull=True).count() == 1
    assert queue.relay() == 1
    assert calls == [job.pk]


def test_a_job_is_done_once_however_often_it_is_called() -> None:
    job = queue.enqueue("trial", key="one", payload={"question": "why"})
    finished = running.run(job.pk)
    assert finished is not None
    assert (finished.state, finished.progress, finished.result) == ("done", 100, {"answer": "why!"})
    assert finished.message == "half way"
    assert running.run(job.pk) is None
    assert done == [job.pk]


def test_what_fails_is_tried_again_and_then_given_up() -> None:
    job = queue.enqueue("trial", key="one")
    trouble.append(RuntimeError("the disk is full"))
    for attempt in range(1, MAX_ATTEMPTS + 1):
        with pytest.raises(RuntimeError):
            running.run(job.pk)
        job.refresh_from_db()
        assert job.attempts == attempt
        assert job.state == (Job.State.FAILED if attempt == MAX_ATTEMPTS else Job.State.QUEUED)
    assert job.error == "RuntimeError: the disk is full"
    assert given_up == [job.pk]
    assert running.run(job.pk) is None


def test_what_can_never_succeed_fails_at_once() -> None:
    job = queue.enqueue("trial", key="one")
    trouble.append(running.Unrecoverable("The snapshot is empty."))
    failed = running.run(job.pk)
    assert failed is not None
    assert (failed.state, failed.error, failed.attempts) == ("failed", "The snapshot is empty.", 1)
    assert given_up == [job.pk]


def test_a_job_that_kills_its_worker_ends_as_failed() -> None:
    job = queue.enqueue("trial", key="one")
    later = timezone.now()
    for _ in range(MAX_ATTEMPTS):
        assert running.claim(job.pk) is not None  # and the worker dies
        later += dt.timedelta(minutes=5)
        assert queue.sweep(at=later) == 1
    assert running.run(job.pk) is None
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "worker was lost" in job.error
    assert done == []
    assert given_up == [job.pk]


def test_the_sweeper_leaves_living_jobs_alone() -> None:
    fresh, running_job = queue.enqueue("trial", key="one"), queue.enqueue("trial", key="two")
    claimed = running.claim(running_job.pk)
    assert claimed is not None
    assert queue.sweep() == 0
    soon = timezone.now() + dt.timedelta(seconds=90)
    Job.objects.filter(pk=running_job.pk).update(heartbeat_at=soon)
    assert queue.sweep(at=soon) == 1
    fresh.refresh_from_db()
    assert fresh.state == Job.State.QUEUED
    assert Outbox.objects.filter(job=fresh).count() == 2
    assert Outbox.objects.filter(job=running_job).count() == 1


def test_who_was_taken_over_makes_no_effect() -> None:
    job = queue.enqueue("trial", key="one")
    first = running.claim(job.pk)
    assert first is not None
    queue.sweep(at=timezone.now() + dt.timedelta(minutes=5))
    second = running.claim(job.pk)
    assert second is not None
    with pytest.raises(running.Superseded):
        running.hold(first)
    running.report_progress(first, 99, "I am still here")
    job.refresh_from_db()
    assert job.progress == 0
    assert running.hold(second).pk == job.pk


def test_only_one_of_two_claims_wins() -> None:
    job = queue.enqueue("trial", key="one")
    assert running.claim(job.pk) is not None
    assert running.claim(job.pk) is None
    assert running.claim(0) is None
