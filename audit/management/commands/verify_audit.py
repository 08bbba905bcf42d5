from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.chain import stamp
from audit.text import plain
from audit.verification import verify


class Command(BaseCommand):
    help = "Recompute the audit trail, compare it with its checkpoints, and name the first bad event of each chain."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--strict", action="store_true", help="fail without a checkpoint too")

    def handle(self, *args: Any, **options: Any) -> None:
        verdict = verify()
        for fault in verdict.faults:
            self.stderr.write(plain(str(fault)))
        if verdict.faults:
            raise CommandError(f"{len(verdict.faults)} of the chains and checkpoints do not verify")
        self.stdout.write(f"{verdict.events} events verified")
        if verdict.until is not None:
            self.stdout.write(
                f"{verdict.checkpoints} checkpoints verified, the last of {stamp(verdict.until)}; "
                f"{verdict.events - verdict.covered} events are newer"
            )
            return
        missing = "There is no checkpoint: a chain that was rewritten as a whole would not be found."
        if options["strict"]:
            raise CommandError(missing)
        self.stderr.write(missing)
