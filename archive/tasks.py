from celery import shared_task
from django.utils import timezone

from archive import reminding


@shared_task(name="archive.remind")
def remind() -> None:
    reminding.remind(timezone.localdate())
