"""Draw samples again from their stored listings and compare them with the record."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.context import EVERYBODY, acting_for
from fieldwork import drawing
from fieldwork.models import Sample


class Command(BaseCommand):
    help = (
        "Draw samples again from their stored listings and compare them with the record. Changes nothing; ends "
        "with an error when one differs. For whoever has no access here there is fieldwork/redraw.py."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("engagement", nargs="?", help="the engagement's number; without it every engagement")
        parser.add_argument("--control", help="only samples of this control")

    def handle(self, *args: Any, **options: Any) -> None:
        with acting_for(EVERYBODY):
            differing = self._verify(options["engagement"], options["control"])
        if differing:
            raise CommandError(
                f"{differing} sample{'' if differing == 1 else 's'} cannot be drawn again as recorded."
            )

    def _verify(self, engagement: str | None, control: str | None) -> int:
        samples = Sample.objects.select_related("engagement__firm", "control", "population").order_by("pk")
        if engagement:
            samples = samples.filter(engagement__number=engagement)
        if control:
            samples = samples.filter(control__number=control)
        if not samples.exists():
            raise CommandError("There is no such sample.")
        differing = 0
        for sample in samples.iterator(chunk_size=100):
            comparison = drawing.compare(sample)
            differing += not comparison.equal
            self.stdout.write(_line(sample, comparison))
        return differing


def _line(sample: Sample, comparison: drawing.Comparison) -> str:
    name = f"{sample.engagement.number} {sample} from {sample.population} ({sample.get_method_display().lower()})"
    void = ", void" if sample.voided_at else ""
    if comparison.equal:
        return f"same       {name}{void}: rows {', '.join(map(str, comparison.drawn))}"
    why = comparison.problem or f"recorded {comparison.recorded}, drawn {comparison.drawn}"
    return f"DIFFERENT  {name}{void}: {why}"
