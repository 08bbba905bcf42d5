"""What the clock wakes (config/celery.py): thin, all decisions are in the modules they call."""

from celery import shared_task

from audit.context import EVERYBODY, acting_for
from evidence import digest, examining, resumable, verifying


@shared_task(name="evidence.expire")
def expire() -> None:
    with acting_for(EVERYBODY):
        resumable.expire()


@shared_task(name="evidence.look_after")
def look_after() -> None:
    with acting_for(EVERYBODY):
        examining.look_after()


@shared_task(name="evidence.verify_all")
def verify_all() -> None:
    with acting_for(EVERYBODY):
        verifying.begin_all()


@shared_task(name="evidence.digests")
def digests() -> None:
    with acting_for(EVERYBODY):
        digest.begin_due()
