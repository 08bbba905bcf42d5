from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.checkpoints import Broken, write


class Command(BaseCommand):
    help = "Sign the heads of all chains of the audit trail and add the checkpoint to AUDIT_CHECKPOINTS."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            checkpoint = write(always=True)
        except Broken as error:
            raise CommandError(f"Checkpoint {error.number} {error.reason}. Nothing was added.") from error
        assert checkpoint is not None
        self.stdout.write(
            f"checkpoint {checkpoint.number} over {len(checkpoint.heads)} chains\n"
            f"sha256 {checkpoint.sha256}\nkey    {checkpoint.statement['key']}"
        )
