"""Where a file or a population is relied on: known further right, shown here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from evidence.models import EvidenceFile, Population


@dataclass(frozen=True)
class Use:
    """A place that rests on a file or population: a test, a sample."""

    code: str
    label: str
    url: str


Look = Callable[[EvidenceFile | Population], Iterable[Use]]
_LOOKS: list[Look] = []


def uses(look: Look) -> Look:
    """Register a function that says where a file or population is relied on. For the firm's eyes only."""
    _LOOKS.append(look)
    return look


def uses_of(subject: EvidenceFile | Population) -> list[Use]:
    return [use for look in _LOOKS for use in look(subject)]
