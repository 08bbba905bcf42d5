from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.demo_data import people
from config.demo_data.build import build
from engagements.models import Engagement


class Command(BaseCommand):
    help = "Makes the demonstration engagements through the product's flows. Needs a running worker."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("Demonstration data have no place in production.")
        if Engagement.objects.exists():
            raise CommandError(
                "There are engagements already; the demonstration is made once, in an empty database."
            )
        build(say=self.stdout.write)
        folder = settings.ATTESTRY_HOME / "demo"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "logins.txt").write_text(people.logins() + "\n")
