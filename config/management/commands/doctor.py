import sys
from itertools import chain
from typing import Any

from django.core.management.base import BaseCommand

from config import doctor


class Command(BaseCommand):
    help = "Checks everything the product needs, and says what is missing and what then does not work."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        cannot_start = doctor.services()
        missing = False
        for finding in chain([cannot_start] if cannot_start else [], doctor.examine()):
            mark = "ok     " if finding.found else "MISSING" if finding.essential else "absent "
            self.stdout.write(f"{mark}  {finding.name}: {finding.detail}")
            if not finding.found:
                self.stdout.write(f"         {finding.without}")
                missing = missing or finding.essential
        if missing:
            sys.exit(1)
