from celery import shared_task
from django.utils import timezone

from archive import reminding, retention


@shared_task(name="archive.remind")
def remind() -> None:
    reminding.remind(timezone.localdate())


@shared_task(name="archive.carry_on")
def carry_on() -> None:
    retention.carry_on()
