import datetime as dt

from celery import shared_task
from django.utils import timezone

from reports import shelf, storage

# Drafts of a month share parts; older ones are seldom rendered again.
KEPT_FOR = dt.timedelta(days=30)


@shared_task(name="reports.lay_out")
def lay_out(engagement_id: int, name: str) -> None:
    shelf.help_out(engagement_id, name)


@shared_task(name="reports.forget_pieces")
def forget_pieces() -> None:
    storage.forget_pieces(timezone.now() - KEPT_FOR)
