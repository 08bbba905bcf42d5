from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.demo import Demo, Failed


class Command(BaseCommand):
    help = "Builds the demonstration engagements where they are missing, and serves them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--serve", type=int, choices=(0, 1), default=1, help="0: build, and end")

    def handle(self, *args: Any, port: int, serve: int, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("A demonstration has no place in production.")
        try:
            Demo(settings.ATTESTRY_HOME, port=port, say=self._say).run(serve=bool(serve))
        except Failed as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            self._say("\nAttestry has stopped; its data stays for the next make demo.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
