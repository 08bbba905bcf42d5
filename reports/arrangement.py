"""Section IV in the order of printing: by series, by criterion, each control in full once.

A control that meets several criteria is printed in full at the first of them and referred to at the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reports.content import Control, Criterion, Deviation, Matter, Snapshot
from reports.wording import LimbText, Phrases


@dataclass
class CriterionPart:
    criterion: Criterion
    controls: list[Control] = field(default_factory=list)  # in full here
    references: list[tuple[Control, str]] = field(default_factory=list)  # printed in full at that criterion
    continued: bool = False  # the criterion began on an earlier page


@dataclass
class Series:
    code: str
    title: str
    parts: list[CriterionPart] = field(default_factory=list)

    @property
    def name(self) -> str:
        """ "CC6 Logical and physical access"; a series whose title is no more than its code is not doubled."""
        return self.code if self.title in ("", self.code) else f"{self.code} {self.title}"


@dataclass(frozen=True)
class ExceptionLine:
    """An exception with what it leads to: the matters that cite it, and the limbs those modify.

    `also` are those that share its cause: one entry of the list, each with its own control and figures.
    """

    deviation: Deviation
    matters: Sequence[Matter]
    limbs: Sequence[LimbText]
    also: Sequence[Deviation] = ()

    @property
    def all(self) -> list[Deviation]:
        return [self.deviation, *self.also]


def by_series(snapshot: Snapshot) -> list[Series]:
    series: dict[str, Series] = {}
    parts: dict[str, CriterionPart] = {}
    for criterion in snapshot["criteria"]:
        group = series.setdefault(criterion["series"], Series(criterion["series"], criterion["series_title"]))
        parts[criterion["code"]] = CriterionPart(criterion)
        group.parts.append(parts[criterion["code"]])
    order = [criterion["code"] for criterion in snapshot["criteria"] if criterion["relevant"]]
    for control in snapshot["controls"]:
        met = [code for code in order if code in control["criteria"]]
        for code in met:
            if code == met[0]:
                parts[code].controls.append(control)
            else:
                parts[code].references.append((control, met[0]))
    return list(series.values())


# In place of a criterion, where controls stand by themselves.
NONE = Criterion(
    code="", category="security", series="", series_title="", title="", paraphrase="", relevant=True, reason=""
)


@dataclass(frozen=True)
class MatrixRow:
    """A criterion and the controls that meet it."""

    criterion: Criterion
    controls: Sequence[str]


def by_control(snapshot: Snapshot) -> list[Series]:
    """The controls one after the other, those without a criterion too."""
    return [Series("controls", "", [CriterionPart(NONE, list(snapshot["controls"]))])]


def matrix(snapshot: Snapshot) -> list[tuple[Series, list[MatrixRow]]]:
    """The criteria by series, each with all controls that meet it."""
    return [
        (
            group,
            [
                MatrixRow(
                    part.criterion,
                    [one["number"] for one in snapshot["controls"] if part.criterion["code"] in one["criteria"]],
                )
                for part in group.parts
            ],
        )
        for group in by_series(snapshot)
    ]


def unmapped(snapshot: Snapshot) -> list[Control]:
    """Controls that meet no relevant criterion (R14 only warns): printed apart, so that none is dropped."""
    relevant = {criterion["code"] for criterion in snapshot["criteria"] if criterion["relevant"]}
    return [control for control in snapshot["controls"] if not relevant.intersection(control["criteria"])]


def exceptions(snapshot: Snapshot) -> list[ExceptionLine]:
    words = Phrases(snapshot)
    lines = []
    placed: set[str] = set()
    for deviation in snapshot["deviations"]:
        if deviation["code"] in placed:
            continue
        also = [one for one in snapshot["deviations"] if one["code"] in deviation["one_cause"]]
        codes = {deviation["code"], *deviation["one_cause"]}
        placed |= codes
        cited = [(matter, limbs) for matter, limbs in words.matters if codes.intersection(matter["deviations"])]
        touched = {limb.limb for _, limbs in cited for limb in limbs}
        lines.append(
            ExceptionLine(
                deviation,
                [matter for matter, _ in cited],
                [text for text in words.limbs if text.limb in touched],
                also,
            )
        )
    return lines
