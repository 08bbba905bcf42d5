"""A test sheet taken in hand: every cell and row read once, changed in memory, written together."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from accounts.models import User
from engagements.register import guard
from fieldwork.models import (
    Attribute,
    ControlTest,
    Deviation,
    DeviationCell,
    EvidenceCitation,
    ItemResult,
    SheetChange,
    SheetItem,
)

Outcome = ItemResult.Outcome
Place = tuple[int, int | None]


@dataclass(frozen=True)
class Entry:
    """What is to be recorded in one cell. None leaves citation, place or note as they are."""

    item: SheetItem
    attribute: Attribute
    outcome: str
    citation: EvidenceCitation | None = None
    place: str | None = None
    note: str | None = None


def words_of(cell: ItemResult | None) -> str:
    """A cell in words: what the trail says of it."""
    if cell is None:
        return "nothing"
    parts = [cell.get_outcome_display().lower(), cell.citation.file.code, cell.place, cell.note]
    return ", ".join(part for part in parts if part)


class Book:
    """The cells of a locked test. `put`, `clear` and `note` check and change; `write` saves what was changed.

    Nothing reaches the database before `write`, so that what is refused leaves no trace. Only the cells of `rows`
    are read, where they are named: a sheet has thousands.
    """

    def __init__(
        self, test: ControlTest, *, by: User, window: str = "", rows: Collection[int] | None = None
    ) -> None:
        self.test, self.by, self.window = test, by, window
        cells = ItemResult.objects.filter(item__test=test).select_related("citation__file")
        if rows is not None:
            cells = cells.filter(item__in=rows)
        self.cells = {(cell.item_id, cell.attribute_id): cell for cell in cells}
        self.raised = _raised(cells)
        self.written: dict[tuple[int, int], ItemResult] = {}
        self.cleared: list[int] = []
        self.noted: dict[int, SheetItem] = {}
        self.resting: dict[int, Attribute] = {}
        self.touched: dict[Place, None] = {}
        self.changes: list[dict[str, str]] = []
        self.notes: list[dict[str, str]] = []

    def name(self, item: SheetItem, attribute: Attribute) -> str:
        return f"{self.test} item {item.position} {attribute.letter}"

    def put(self, entry: Entry) -> ItemResult:
        """The cell as it stands after the entry, which is checked first. Raises Blocked, ValidationError."""
        item, attribute, name = entry.item, entry.attribute, self.name(entry.item, entry.attribute)
        if item.test_id != self.test.pk or attribute.test_id != self.test.pk:
            raise ValidationError(f"{name}: item and attribute belong to another sheet.")
        if entry.outcome not in Outcome.values:
            raise ValidationError(f"{name}: a result is pass, deviation or not applicable.")
        old = self.cells.get((item.pk, attribute.pk))
        citation = entry.citation or (old.citation if old else None) or attribute.usual_citation
        if citation is None:
            raise ValidationError(
                f"R26: cite the evidence for attribute {attribute.letter} first, then the result."
            )
        if citation.test_id != self.test.pk:
            raise ValidationError(f"{name}: the evidence is cited in another test.")
        note = (entry.note if entry.note is not None else old.note if old else "").strip()
        if entry.outcome == Outcome.DEVIATION and not note:
            note = item.note.strip()
            if not note:
                raise ValidationError(f"{name}: note what was found, then mark the deviation.")
        cell = ItemResult(
            pk=old.pk if old else None,
            engagement=self.test.engagement,
            item=item,
            attribute=attribute,
            outcome=entry.outcome,
            citation=citation,
            place=(entry.place if entry.place is not None else old.place if old else "").strip()[:60],
            note=note,
            by=self.by,
            at=timezone.now(),
        )
        guard("record_result", cell)
        if old is not None and words_of(old) == words_of(cell):
            return old
        if old is not None and old.outcome == Outcome.DEVIATION and cell.outcome != Outcome.DEVIATION:
            self._must_not_be_raised(old)
        self.cells[item.pk, attribute.pk] = self.written[item.pk, attribute.pk] = cell
        if attribute.usual_citation_id is None:
            attribute.usual_citation = citation
            self.resting[attribute.pk] = attribute
        self._changed(item, attribute, words_of(old), words_of(cell))
        return cell

    def _must_not_be_raised(self, cell: ItemResult) -> None:
        deviation = self.raised.get(cell.pk)
        if deviation is not None and deviation.state != Deviation.State.NOT_A_DEVIATION:
            raise ValidationError(
                f"R33: {deviation} rests on this cell and stays. The partner can mark it as no deviation."
            )

    def clear(self, item: SheetItem, attribute: Attribute) -> None:
        """Empty a cell that was filled by mistake. Raises ValidationError when an exception rests on it."""
        old = self.cells.get((item.pk, attribute.pk))
        if old is None:
            return
        if old.pk in self.raised:
            raise ValidationError("An exception rests on this cell: it is not emptied (R33).")
        del self.cells[item.pk, attribute.pk]
        self.written.pop((item.pk, attribute.pk), None)
        if old.pk:
            self.cleared.append(old.pk)
        self._changed(item, attribute, words_of(old), "nothing")

    def _changed(self, item: SheetItem, attribute: Attribute, old: str, new: str) -> None:
        self.touched[item.pk, attribute.pk] = None
        self.changes.append({"cell": self.name(item, attribute), "old": old, "new": new})

    def note(self, item: SheetItem, note: str) -> None:
        """Write the note of a row. Deviations of the row that said the same, say the new words."""
        new, old = note.strip(), item.note
        if new == old:
            return
        same = [
            cell
            for (item_pk, _), cell in self.cells.items()
            if item_pk == item.pk and cell.outcome == Outcome.DEVIATION and cell.note == old
        ]
        if not new and same:
            raise ValidationError("The note says what was found in a deviation of this item: it cannot be empty.")
        item.note = new
        if old:
            for cell in same:
                cell.note = new
                self.written[cell.item_id, cell.attribute_id] = cell
        self.noted[item.pk] = item
        self.touched[item.pk, None] = None
        self.notes.append({"item": f"{self.test} item {item.position}", "old": old, "new": new})

    def write(self) -> None:
        """Save all of it, in a fixed number of queries."""
        new = [cell for cell in self.written.values() if not cell.pk]
        changed = [cell for cell in self.written.values() if cell.pk]
        ItemResult.objects.filter(pk__in=self.cleared).delete()
        ItemResult.objects.bulk_create(new)
        # Not bulk_update, which takes seconds to spell out hundreds of cells.
        ItemResult.objects.bulk_create(
            changed,
            update_conflicts=True,
            unique_fields=["item", "attribute"],
            update_fields=["outcome", "citation", "place", "note", "by", "at"],
        )
        SheetItem.objects.bulk_update(self.noted.values(), ["note"])
        Attribute.objects.bulk_update(self.resting.values(), ["usual_citation"])
        SheetChange.objects.bulk_create(
            SheetChange(
                engagement=self.test.engagement,
                test=self.test,
                item_id=item,
                attribute_id=attribute,
                window=self.window,
                by=self.by,
            )
            for item, attribute in self.touched
        )


def _raised(cells: models.QuerySet[ItemResult]) -> dict[int | None, Deviation]:
    deviating: Iterable[DeviationCell] = DeviationCell.objects.filter(cell__in=cells).select_related("deviation")
    return {link.cell_id: link.deviation for link in deviating}
