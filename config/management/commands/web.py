import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config.processes import web_command


class Command(BaseCommand):
    help = "Serves the web application with granian."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--workers", type=int, default=1, help="processes (1)")

    def handle(self, *args: Any, host: str, port: int, workers: int, **options: Any) -> None:
        command = web_command(host, port, workers)
        sys.stdout.flush()
        os.execv(command[0], command)  # noqa: S606 (no shell: this process becomes the server)
