from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.chain import stamp
from audit.text import plain
from audit.verification import Verdict, verify


class Command(BaseCommand):
    help = "Recompute the audit trail, compare it with its checkpoints, and name the first bad event of each chain."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--strict", action="store_true", help="fail without a checkpoint too")

    def _timestamps(self, verdict: Verdict) -> None:
        if verdict.stamped_at is not None:
            self.stdout.write(
                f"{verdict.stamped} timestamps of a third party verified, the last over checkpoint "
                f"{verdict.stamped_to} at {stamp(verdict.stamped_at)}"
            )
        if verdict.unchecked:
            self.stderr.write(f"{verdict.unchecked} timestamps were not checked: set TIMESTAMP_CA.")

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
            self._timestamps(verdict)
            return
        missing = "There is no checkpoint: a chain that was rewritten as a whole would not be found."
        if options["strict"]:
            raise CommandError(missing)
        self.stderr.write(missing)
