from typing import Any

from django.core.management.base import BaseCommand

from config import beat


class Command(BaseCommand):
    help = "Wakes the periodic tasks. Further ones stand by and take over when the first ends."

    def handle(self, *args: Any, **options: Any) -> None:
        beat.run()
