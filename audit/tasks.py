import structlog
from celery import shared_task

from audit import checkpoints, timestamps

log = structlog.get_logger(__name__)


@shared_task(name="audit.checkpoint")
def checkpoint() -> None:
    checkpoints.write()


@shared_task(name="audit.timestamp")
def timestamp() -> None:
    """An authority that fails is asked again when the clock ticks next; operators see what is missing."""
    if not timestamps.wanted():
        return
    try:
        timestamps.stamp_latest()
    except timestamps.Unavailable as error:
        log.warning("timestamp_unavailable", reason=str(error))
