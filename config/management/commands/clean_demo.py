from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.demo import Failed, clean


class Command(BaseCommand):
    help = "Ends a running demonstration and deletes its data."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("There is no demonstration to delete in production.")
        try:
            clean(settings.ATTESTRY_HOME, say=self.stdout.write)
        except Failed as error:
            raise CommandError(str(error)) from None
