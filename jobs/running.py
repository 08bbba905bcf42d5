"""One execution of a job: claim, work, finish. Safe to be called twice or to die anywhere."""

from __future__ import annotations

import threading
from types import TracebackType

import structlog
from django.db import connection, transaction
from django.utils import timezone

from audit.context import EVERYBODY, acting_for
from jobs.models import MAX_ATTEMPTS, Job
from jobs.queue import give_up_of, handler_of

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 10


class Unrecoverable(Exception):
    """The work can never succeed as it stands; the message is shown to the person who asked for it."""


class Superseded(Exception):
    """Another execution has taken the job over: this one must leave no effect."""


def claim(job_id: int) -> Job | None:
    """Take a queued job: counts the attempt in its own transaction. None when there is nothing to do."""
    with transaction.atomic():
        job = Job.objects.select_for_update(skip_locked=True).filter(pk=job_id).first()
        if job is None or job.state != Job.State.QUEUED:
            return None
        if job.attempts >= MAX_ATTEMPTS:
            _fail(job, f"Given up after {MAX_ATTEMPTS} attempts: the worker was lost each time.")
            return None
        now = timezone.now()
        job.state, job.attempts, job.progress = Job.State.RUNNING, job.attempts + 1, 0
        job.started_at = job.heartbeat_at = now
        job.save(update_fields=["state", "attempts", "progress", "started_at", "heartbeat_at"])
    return job


def report_progress(job: Job, percent: int, message: str = "") -> None:
    """Show how far the work is; also a sign of life. Only outside of a transaction is it seen at once."""
    job.progress, job.message, job.heartbeat_at = percent, message[:200], timezone.now()
    Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, attempts=job.attempts).update(
        progress=job.progress, message=job.message, heartbeat_at=job.heartbeat_at
    )


def hold(job: Job) -> Job:
    """Lock the job inside the transaction that makes its effect.

    Raises Superseded when another execution owns it by now, so an effect is made once however often it is run.
    """
    current = Job.objects.select_for_update().get(pk=job.pk)
    if current.state != Job.State.RUNNING or current.attempts != job.attempts:
        raise Superseded(f"Job {job.pk} was taken over")
    return current


def finish(job: Job, result: dict[str, object]) -> None:
    """Mark done, in the transaction of the effect (call `hold` first there)."""
    job.state, job.progress, job.result = Job.State.DONE, 100, result
    job.finished_at = timezone.now()
    job.save(update_fields=["state", "progress", "result", "finished_at"])


def run(job_id: int) -> Job | None:
    """Do a job. Its handler makes the effect; returns the job afterwards, or None when it was not ours to do.

    `Unrecoverable` fails the job at once; any other exception is logged and the job is queued again until its
    attempts are used up, then failed with the error in words. The exception is raised again for the worker's log.
    """
    job = claim(job_id)
    if job is None:
        return None
    log.info("job_started", job=job.pk, kind=job.kind, attempt=job.attempts)
    try:
        with acting_for(job.by or EVERYBODY), Heartbeat(job):
            result = handler_of(job.kind)(job)
    except Superseded:
        log.warning("job_superseded", job=job.pk)
        return None
    except Unrecoverable as error:
        _end_attempt(job, str(error), final=True)
        return Job.objects.get(pk=job_id)
    except Exception as error:
        _end_attempt(job, f"{type(error).__name__}: {error}", final=job.attempts >= MAX_ATTEMPTS)
        raise
    with transaction.atomic():
        current = Job.objects.select_for_update().get(pk=job.pk)
        if current.state == Job.State.RUNNING and current.attempts == job.attempts:
            finish(current, result)
    return Job.objects.get(pk=job_id)


def _end_attempt(job: Job, words: str, *, final: bool) -> None:
    with transaction.atomic():
        current = Job.objects.select_for_update().get(pk=job.pk)
        if current.state != Job.State.RUNNING or current.attempts != job.attempts:
            return
        if final:
            _fail(current, words)
        else:
            current.state, current.error, current.heartbeat_at = Job.State.QUEUED, words, None
            current.woken_at = timezone.now()
            current.save(update_fields=["state", "error", "heartbeat_at", "woken_at"])


def _fail(job: Job, words: str) -> None:
    job.state, job.error, job.finished_at = Job.State.FAILED, words, timezone.now()
    job.save(update_fields=["state", "error", "finished_at"])
    give_up = give_up_of(job.kind)
    if give_up is not None:
        give_up(job)


class Heartbeat:
    """Signs of life from a thread of its own, over its own connection, while the work goes on."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._beat, name=f"heartbeat-{job.pk}", daemon=True)

    def _beat(self) -> None:
        try:
            while not self.stop.wait(HEARTBEAT_SECONDS):
                Job.objects.filter(pk=self.job.pk, attempts=self.job.attempts).update(heartbeat_at=timezone.now())
        finally:
            connection.close()

    def __enter__(self) -> Heartbeat:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop.set()
        self.thread.join()
