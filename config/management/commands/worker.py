from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config.celery import app


class Command(BaseCommand):
    help = "Does background work: renders reports, relays and sweeps jobs. Start as many as you like."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--concurrency", type=int, default=2, help="jobs at the same time (2)")

    def handle(self, *args: Any, concurrency: int, **options: Any) -> None:
        # Workers need not know of one another, and a job's messages are no news to a heartbeat.
        arguments = ["--without-gossip", "--without-mingle", "--loglevel=INFO"]
        app.worker_main(["worker", f"--concurrency={concurrency}", *arguments])
