"""Where a file or a population is relied on in fieldwork."""

from __future__ import annotations

from collections.abc import Iterable

from evidence.citing import Use, uses
from evidence.models import EvidenceFile, Population
from fieldwork.models import ControlTest, Sample


@uses
def tests_and_samples(subject: EvidenceFile | Population) -> Iterable[Use]:
    """The tests that cite a file or rest on an empty population, the samples drawn from a population."""
    if isinstance(subject, EvidenceFile):
        tests = ControlTest.objects.filter(citations__file=subject)
    else:
        tests = ControlTest.objects.filter(empty_population=subject)
        for sample in Sample.objects.filter(population=subject).select_related("control"):
            name = "Selection" if sample.is_targeted else "Sample"
            label = f"{name} of {sample.size}{', void' if sample.voided_at else ''}"
            yield Use(sample.control.number, label, sample.get_absolute_url())
    for test in tests.select_related("control"):
        yield Use(str(test), test.control.title, test.get_absolute_url())
