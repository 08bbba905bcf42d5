"""The clock of the periodic tasks. However many are started, one ticks: the holder of a database lock."""

import time
from typing import Any

import structlog
from celery.beat import Scheduler, Service
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from config.celery import app

log = structlog.get_logger(__name__)

# Any number that nothing else locks: "beat" in ASCII.
LOCK = 0x62656174
WAIT_SECONDS = 5.0


class SoleScheduler(Scheduler):
    """Makes sure before every tick that the session which holds the lock is still alive."""

    holder: BaseDatabaseWrapper

    def tick(self, *args: Any, **kwargs: Any) -> float:
        with self.holder.cursor() as cursor:
            cursor.execute("SELECT 1")
        return float(super().tick(*args, **kwargs))


def run() -> None:
    """Ticks until the process is told to end; waits first while another beat holds the lock.

    Raises OperationalError when the database goes away, and with it the lock: start it again then.
    """
    holder = connection.copy()
    try:
        waiting = False
        while not _lock(holder):
            if not waiting:
                log.info("beat_stands_by")
            waiting = True
            time.sleep(WAIT_SECONDS)
        log.info("beat_starts")
        SoleScheduler.holder = holder
        Service(app=app, scheduler_cls=SoleScheduler).start()
    finally:
        holder.close()


def _lock(holder: BaseDatabaseWrapper) -> bool:
    with holder.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        row = cursor.fetchone()
    return bool(row and row[0])
