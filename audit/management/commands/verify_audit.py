from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.models import Event
from audit.verification import verify


class Command(BaseCommand):
    help = "Recompute every hash of the audit trail and name the first bad event of each chain."

    def handle(self, *args: Any, **options: Any) -> None:
        faults = verify()
        for fault in faults:
            self.stderr.write(f"{fault.chain} event {fault.seq}: {fault.reason}")
        if faults:
            raise CommandError(f"{len(faults)} chain(s) do not verify")
        self.stdout.write(f"{Event.objects.count()} events verified")
