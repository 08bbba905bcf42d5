from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.chain import stamp
from audit.text import plain
from distribution.verifying import verify


class Command(BaseCommand):
    help = "Say of a PDF whether it is a report issued here, current, superseded or withdrawn, and check its seal."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            pdf = file.read_bytes()
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}") from error
        verdict = verify(pdf)
        self.stdout.write(f"SHA-256 {verdict.sha256}")
        for seal in verdict.seals:
            sound = "sound, nothing changed since" if seal.sound else f"not sound: {seal.words}"
            stated = f", {stamp(seal.at)} by the timestamp authority" if seal.at else ""
            self.stdout.write(plain(f"Seal of {seal.subject}: {sound}{stated}"))
        if verdict.grant:
            self.stdout.write(plain(f"Grant {verdict.grant.pk}: {verdict.grant}, {verdict.grant.email}"))
        if not verdict.genuine:
            raise CommandError(verdict.words)
        self.stdout.write(verdict.words)
