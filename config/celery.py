"""The Celery application. Job rows in PostgreSQL are the truth; a message is only the wake-up call."""

import os

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("attestry")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

app.conf.beat_schedule = {
    "relay": {"task": "jobs.relay", "schedule": 5.0, "options": {"expires": 5}},
    "sweep": {"task": "jobs.sweep", "schedule": 30.0, "options": {"expires": 30}},
    "timestamp": {"task": "audit.timestamp", "schedule": 300.0, "options": {"expires": 300}},
    "checkpoint": {"task": "audit.checkpoint", "schedule": 900.0, "options": {"expires": 900}},
    "expire_uploads": {"task": "evidence.expire", "schedule": 3600.0, "options": {"expires": 3600}},
    "scan_again": {"task": "evidence.look_after", "schedule": 60.0, "options": {"expires": 60}},
    "forget_pieces": {"task": "reports.forget_pieces", "schedule": crontab(hour="3", minute="30")},
    # Every hour: what was said before is not said again, and a clock that stood still loses no day.
    "remind_to_lock": {"task": "archive.remind", "schedule": crontab(minute="10")},
    "carry_on_destroying": {"task": "archive.carry_on", "schedule": crontab(minute="40")},
    "daily_mail": {"task": "evidence.digests", "schedule": 600.0, "options": {"expires": 600}},
    "verify_files": {"task": "evidence.verify_all", "schedule": crontab(hour="2", minute="30")},
}
