"""Scan stored files for malware again, as after new signatures or a scanner that was away."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.context import act_for_everybody
from evidence import scanning
from evidence.models import EvidenceFile, FileCheck
from evidence.storage import Altered


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="also those found clean before")
        parser.add_argument("--engagement", type=int, help="only files of this one")

    def handle(self, *args: Any, **options: Any) -> None:
        act_for_everybody()
        if not scanning.configured():
            raise CommandError("No scanner is configured: set SCANNER_URL.")
        files = EvidenceFile.objects.select_related("engagement").order_by("pk")
        if options["engagement"]:
            files = files.filter(engagement_id=options["engagement"])
        if not options["all"]:
            files = files.exclude(checked__scan=FileCheck.Scan.CLEAN)
        counts = dict.fromkeys(FileCheck.Scan.values, 0)
        for file in files.iterator(chunk_size=200):
            try:
                check = scanning.check(file)
            except Altered as error:
                self.stderr.write(f"{file.engagement_id} {file.code}: {error}")
                continue
            counts[check.scan] += 1
            if check.scan != FileCheck.Scan.CLEAN:
                self.stdout.write(
                    f"{file.engagement_id} {file.code} {check.get_scan_display().lower()}: {check.note}"
                )
        self.stdout.write(", ".join(f"{number} {state}" for state, number in counts.items()))
        if counts[FileCheck.Scan.UNSCANNED]:
            raise CommandError("The scanner did not answer for all of them; they stay unscanned.")
