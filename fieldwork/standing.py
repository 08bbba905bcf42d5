"""What a test sheet says so far: items done, deviations and what they mean for the population."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from fieldwork.models import Attribute, ControlTest, ItemResult, Sample, SheetItem
from fieldwork.statistics import finite_upper_limit, upper_limit

Outcome = ItemResult.Outcome


@dataclass(frozen=True)
class Column:
    """One attribute: items tested (not applicable ones left out), deviations, and the limits they leave.

    `at_most` is the most deviations the whole population can hold at 95%; None without a drawn sample.
    """

    letter: str
    title: str
    tested: int
    deviations: int
    rate: float | None
    upper_90: float | None
    upper_95: float | None
    at_most: int | None


@dataclass(frozen=True)
class Standing:
    """The sheet as a whole. An item deviates when one of its cells does."""

    items: int
    done: int
    cells: int
    filled: int
    deviating_items: int
    columns: list[Column]
    population: int | None
    census: bool
    targeted: bool
    expected: int | None

    @property
    def more_than_expected(self) -> bool:
        """More deviations than the sample was planned with: it does not carry what it was planned to."""
        return self.expected is not None and any(column.deviations > self.expected for column in self.columns)

    @property
    def complete(self) -> bool:
        return self.cells > 0 and self.filled == self.cells

    @property
    def deviating(self) -> list[Column]:
        return [column for column in self.columns if column.deviations]


def standing(test: ControlTest) -> Standing:
    """Counts and limits of a sheet, in three queries. Items that the auditor named or chose are not projected."""
    attributes = list(Attribute.objects.filter(test=test))
    sampled = dict(SheetItem.objects.filter(test=test).values_list("pk", "sample_item_id"))
    cells = list(ItemResult.objects.filter(item__test=test).values_list("item_id", "attribute_id", "outcome"))
    filled = Counter(item for item, _, _ in cells)
    sample = test.sample
    columns = [
        _column(
            attribute,
            [(item, outcome) for item, column, outcome in cells if column == attribute.pk],
            sampled,
            sample,
        )
        for attribute in attributes
    ]
    return Standing(
        items=len(sampled),
        done=sum(1 for item in sampled if attributes and filled[item] == len(attributes)),
        cells=len(sampled) * len(attributes),
        filled=len(cells),
        deviating_items=len({item for item, _, outcome in cells if outcome == Outcome.DEVIATION}),
        columns=columns,
        population=sample.population.row_count if sample else None,
        census=bool(sample and not sample.is_targeted and not sample.projects),
        targeted=bool(sample and sample.is_targeted),
        expected=sample.expected_deviations if sample and sample.projects else None,
    )


def _column(
    attribute: Attribute,
    cells: list[tuple[int, str]],
    sampled: Mapping[int, int | None],
    sample: Sample | None,
) -> Column:
    tested = sum(1 for _, outcome in cells if outcome != Outcome.NOT_APPLICABLE)
    deviations = sum(1 for _, outcome in cells if outcome == Outcome.DEVIATION)
    drawn = [outcome for item, outcome in cells if sampled.get(item) and outcome != Outcome.NOT_APPLICABLE]
    drawn_deviations = sum(1 for outcome in drawn if outcome == Outcome.DEVIATION)
    projected = sample is not None and bool(drawn) and sample.projects
    return Column(
        letter=attribute.letter,
        title=attribute.title,
        tested=tested,
        deviations=deviations,
        rate=deviations / tested if tested else None,
        upper_90=upper_limit(len(drawn), drawn_deviations, 0.90) if projected else None,
        upper_95=upper_limit(len(drawn), drawn_deviations, 0.95) if projected else None,
        at_most=(
            finite_upper_limit(sample.population.row_count, len(drawn), drawn_deviations, 0.95)
            if projected and sample is not None
            else None
        ),
    )
