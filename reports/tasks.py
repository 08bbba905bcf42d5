from celery import shared_task

from reports import shelf


@shared_task(name="reports.lay_out")
def lay_out(engagement_id: int, name: str) -> None:
    shelf.help_out(engagement_id, name)
