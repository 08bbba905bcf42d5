from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from config.celery import app


class Command(BaseCommand):
    help = "Does background work: renders reports, relays and sweeps jobs. Start as many as you like."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--concurrency", type=int, default=2, help="jobs at the same time (2)")

    def handle(self, *args: Any, concurrency: int, **options: Any) -> None:
        level = settings.LOGGING["root"]["level"]
        # Workers need not know of one another: the Job rows say who does what.
        app.worker_main(
            [
                "worker",
                f"--concurrency={concurrency}",
                f"--loglevel={level}",
                "--without-gossip",
                "--without-mingle",
            ]
        )
