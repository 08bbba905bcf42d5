"""Putting work into the queue, and the relay that publishes it to the broker."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import structlog
from celery import current_app
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from jobs.models import Job, Outbox

log = structlog.get_logger(__name__)

Handler = Callable[[Job], dict[str, Any]]
_HANDLERS: dict[str, Handler] = {}
_GIVE_UP: dict[str, Callable[[Job], None]] = {}
_UNAWAITED: set[str] = set()

# The broker's transport hands out the lower number first (kombu: 0, 3, 6 and 9; 0 where none is given).
AWAITED, UNAWAITED = 0, 6


def handler(kind: str, *, awaited: bool = True) -> Callable[[Handler], Handler]:
    """Register the function that does the jobs of a kind. It returns the job's result (plain JSON data).

    Nobody sits before a page until a job that is not `awaited` is done: such jobs let all others go first.
    """

    def register(function: Handler) -> Handler:
        if _HANDLERS.setdefault(kind, function) is not function:
            raise ValueError(f"Two handlers for jobs of kind {kind}")
        if not awaited:
            _UNAWAITED.add(kind)
        return function

    return register


def on_failure(kind: str) -> Callable[[Callable[[Job], None]], Callable[[Job], None]]:
    """Register what happens, in the same transaction, when a job of the kind has failed for good."""

    def register(function: Callable[[Job], None]) -> Callable[[Job], None]:
        _GIVE_UP[kind] = function
        return function

    return register


def handler_of(kind: str) -> Handler:
    return _HANDLERS[kind]


def give_up_of(kind: str) -> Callable[[Job], None] | None:
    return _GIVE_UP.get(kind)


@transaction.atomic
def enqueue(
    kind: str,
    *,
    key: str,
    by: Any = None,
    engagement_id: int | None = None,
    payload: dict[str, Any] | None = None,
) -> Job:
    """Make a job and its wake-up call in the caller's transaction; publish when that commits.

    Returns the unfinished job with the same `key` when there is one: asking twice does the work once.
    Raises KeyError for a kind without a handler.
    """
    handler_of(kind)
    job, created = Job.objects.unfinished().get_or_create(
        key=key, defaults={"kind": kind, "by": by, "engagement_id": engagement_id, "payload": payload or {}}
    )
    if created:
        Outbox.objects.create(job=job)
        transaction.on_commit(nudge)
    return job


def nudge() -> None:
    """Publish at once what was just committed. A broker that is down is the relay's business, not the caller's."""
    try:
        relay()
    except OperationalError as error:
        log.warning("broker_unreachable", error=str(error))


def relay(limit: int = 200) -> int:
    """Publish unpublished calls; several relays at once publish each call once. Returns how many."""
    with transaction.atomic():
        calls = list(
            Outbox.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(published_at__isnull=True)
            .select_related("job")
            .order_by("pk")[:limit]
        )
        for call in calls:
            priority = UNAWAITED if call.job.kind in _UNAWAITED else AWAITED
            current_app.send_task("jobs.run", args=[call.job_id], priority=priority)
        Outbox.objects.filter(pk__in=[call.pk for call in calls]).update(published_at=timezone.now())
    return len(calls)


def sweep(
    *,
    at: dt.datetime | None = None,
    queued_for: dt.timedelta = dt.timedelta(seconds=60),
    silent_for: dt.timedelta = dt.timedelta(seconds=60),
) -> int:
    """Call again for lost jobs: published but never begun, or begun by a worker that died. Returns how many."""
    at = at or timezone.now()
    with transaction.atomic():
        lost = list(
            Job.objects.select_for_update(skip_locked=True).lost(
                at=at, queued_for=queued_for, silent_for=silent_for
            )
        )
        for job in lost:
            job.state, job.woken_at, job.heartbeat_at = Job.State.QUEUED, at, None
            job.save(update_fields=["state", "woken_at", "heartbeat_at"])
            Outbox.objects.create(job=job)
        transaction.on_commit(nudge)
    return len(lost)
