"""What the broker can wake: thin, all decisions are in the modules they call."""

from celery import shared_task

from jobs import queue, running


@shared_task(name="jobs.run")
def run(job_id: int) -> None:
    running.run(job_id)


@shared_task(name="jobs.relay")
def relay() -> None:
    queue.relay()


@shared_task(name="jobs.sweep")
def sweep() -> None:
    queue.sweep()
