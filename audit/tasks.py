from celery import shared_task

from audit import checkpoints


@shared_task(name="audit.checkpoint")
def checkpoint() -> None:
    checkpoints.write()
