"""Read every stored file and compare its hash with the one under which it was received."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.context import act_for_everybody
from evidence.models import EvidenceFile
from evidence.verifying import verify_one


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--engagement", type=int, help="only files of this one")

    def handle(self, *args: Any, **options: Any) -> None:
        act_for_everybody()
        files = EvidenceFile.objects.order_by("pk")
        if options["engagement"]:
            files = files.filter(engagement_id=options["engagement"])
        looked, altered = 0, 0
        for file in files.iterator(chunk_size=200):
            looked += 1
            if wrong := verify_one(file):
                altered += 1
                self.stdout.write(f"{file.engagement_id} {file.code} {file.name}: {wrong}")
        self.stdout.write(f"{looked} files read, {altered} altered")
        if altered:
            raise CommandError("Stored files are not what was received: restore them from a backup.")
