"""Working on the sheet: evidence first, then results cell by cell, every change in the trail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from accounts.models import User
from audit.trail import action, record
from engagements.register import guard
from evidence.models import EvidenceFile, FileCheck
from fieldwork.models import (
    Attribute,
    ControlTest,
    Deviation,
    DeviationCell,
    EvidenceCitation,
    ItemResult,
    SheetItem,
)
from fieldwork.testing.planning import held, reopen

CITED = action("test.evidence_cited", "cited {file} in {test}", firm_only=True)
CELL = action("test.result_recorded", "recorded {new} for {cell}, before {old}", firm_only=True)
CELLS = action("test.results_recorded", "recorded {count} results in {test}", firm_only=True)
NOTED = action("test.item_noted", "noted on {item}", firm_only=True)

Outcome = ItemResult.Outcome


@transaction.atomic
def cite(test: ControlTest, file: EvidenceFile, *, note: str = "", by: User) -> EvidenceCitation:
    """Name evidence the test rests on; cells can then refer to it. Citing it again returns what is there.

    Raises ValidationError when the file is another engagement's, was replaced by a newer version, or its
    request was not handed in.
    """
    test = held(test, by=by)
    made, new = _cite(test, file, note, by)
    if new:
        record(CITED, by=by, engagement=test.engagement, target=test, test=str(test), file=file.code)
    return made


def _cite(test: ControlTest, file: EvidenceFile, note: str, by: User) -> tuple[EvidenceCitation, bool]:
    if file.engagement_id != test.engagement_id:
        raise ValidationError("This file belongs to another engagement.")
    standing = EvidenceCitation.objects.filter(test=test, file=file).first()
    if standing is not None:
        return standing, False
    newer = EvidenceFile.objects.filter(replaces=file).first()
    if newer is not None:
        raise ValidationError(f"{file.code} was replaced by {newer.code}: cite that one.")
    if FileCheck.objects.filter(file=file, scan=FileCheck.Scan.QUARANTINED).exists():
        raise ValidationError(f"{file.code} is quarantined: ask for a clean version.")
    if file.request is not None and not EvidenceFile.objects.filter(pk=file.pk).handed_in().exists():
        raise ValidationError(f"{file.code} belongs to {file.request.code}, which the client has not handed in.")
    made = EvidenceCitation.objects.create(
        engagement=test.engagement, test=test, file=file, note=note.strip()[:200], cited_by=by
    )
    return made, True


@transaction.atomic
def cite_for_attribute(attribute: Attribute, file: EvidenceFile, *, by: User) -> EvidenceCitation:
    """Cite a file as what the cells of a column rest on unless they name another."""
    test = held(attribute.test, by=by)
    citation, new = _cite(test, file, "", by)
    attribute.usual_citation = citation
    attribute.save(update_fields=["usual_citation"])
    if new:
        record(CITED, by=by, engagement=test.engagement, target=test, test=str(test), file=file.code)
    return citation


# --- results


@dataclass(frozen=True)
class Entry:
    """What is to be recorded in one cell. None leaves citation, place or note as they are."""

    item: SheetItem
    attribute: Attribute
    outcome: str
    citation: EvidenceCitation | None = None
    place: str | None = None
    note: str | None = None


@transaction.atomic
def record_result(
    item: SheetItem,
    attribute: Attribute,
    outcome: str,
    citation: EvidenceCitation | None = None,
    place: str | None = None,
    note: str | None = None,
    *,
    by: User,
) -> ItemResult:
    """Record one cell: p (pass), d (deviation), n (not applicable), resting on cited evidence (R25, R26).

    Without a citation the cell's own or its column's usual one counts. A deviation needs a note of what was
    found: its own or the item's. Recording the same again changes nothing. Raises PermissionDenied,
    WrongStage, Blocked, ValidationError.
    """
    test = held(item.test, by=by)
    known = {
        (cell.item_id, cell.attribute_id): cell for cell in _cells(test).filter(item=item, attribute=attribute)
    }
    cell, change = _write(test, Entry(item, attribute, outcome, citation, place, note), known, by)
    if change:
        reopen(test)
        record(CELL, by=by, engagement=test.engagement, target=test, **change)
    return cell


@transaction.atomic
def record_many(test: ControlTest, entries: Iterable[Entry], *, by: User) -> list[ItemResult]:
    """Record many cells at once, all or none: a pasted block, a column filled down. One event lists them."""
    test = held(test, by=by)
    known = {(cell.item_id, cell.attribute_id): cell for cell in _cells(test)}
    written = [_write(test, entry, known, by) for entry in entries]
    changes = [change for _, change in written if change]
    if changes:
        reopen(test)
        record(
            CELLS,
            by=by,
            engagement=test.engagement,
            target=test,
            test=str(test),
            count=len(changes),
            cells=changes,
        )
    return [cell for cell, _ in written]


@transaction.atomic
def fill(
    test: ControlTest,
    attribute: Attribute,
    outcome: str,
    *,
    items: Iterable[SheetItem] | None = None,
    citation: EvidenceCitation | None = None,
    place: str = "",
    by: User,
) -> list[ItemResult]:
    """Give the same outcome and evidence to items of a column; by default to those that are still empty."""
    if items is None:
        items = SheetItem.objects.filter(test=test).exclude(results__attribute=attribute)
    entries = [Entry(item, attribute, outcome, citation, place) for item in items]
    return record_many(test, entries, by=by)


def _cells(test: ControlTest) -> models.QuerySet[ItemResult]:
    return ItemResult.objects.filter(item__test=test).select_related("citation__file")


def _write(
    test: ControlTest, entry: Entry, known: dict[tuple[int, int], ItemResult], by: User
) -> tuple[ItemResult, Mapping[str, str] | None]:
    """Write one cell; returns it and the change in words for the trail, None when nothing changed."""
    item, attribute = entry.item, entry.attribute
    name = f"{test} item {item.position} {attribute.letter}"
    if item.test_id != test.pk or attribute.test_id != test.pk:
        raise ValidationError(f"{name}: item and attribute belong to another sheet.")
    if entry.outcome not in Outcome.values:
        raise ValidationError(f"{name}: a result is pass, deviation or not applicable.")
    old = known.get((item.pk, attribute.pk))
    citation = entry.citation or (old.citation if old else None) or attribute.usual_citation
    if citation is None:
        raise ValidationError(f"R26: cite the evidence for attribute {attribute.letter} first, then the result.")
    if citation.test_id != test.pk:
        raise ValidationError(f"{name}: the evidence is cited in another test.")
    note = (entry.note if entry.note is not None else old.note if old else "").strip()
    if entry.outcome == Outcome.DEVIATION and not note:
        note = item.note.strip()
        if not note:
            raise ValidationError(f"{name}: note what was found, then mark the deviation.")
    cell = ItemResult(
        pk=old.pk if old else None,
        engagement=test.engagement,
        item=item,
        attribute=attribute,
        outcome=entry.outcome,
        citation=citation,
        place=(entry.place if entry.place is not None else old.place if old else "").strip()[:60],
        note=note,
        by=by,
        at=timezone.now(),
    )
    guard("record_result", cell)
    if old is not None and _words(old) == _words(cell):
        return old, None
    if old is not None and old.outcome == Outcome.DEVIATION and cell.outcome != Outcome.DEVIATION:
        _must_not_be_raised(old)
    cell.save(force_insert=old is None)
    known[item.pk, attribute.pk] = cell
    if attribute.usual_citation_id is None:
        attribute.usual_citation = citation
        attribute.save(update_fields=["usual_citation"])
    return cell, {"cell": name, "old": _words(old), "new": _words(cell)}


def _words(cell: ItemResult | None) -> str:
    """A cell in words: what the trail says of it."""
    if cell is None:
        return "nothing"
    parts = [cell.get_outcome_display().lower(), cell.citation.file.code, cell.place, cell.note]
    return ", ".join(part for part in parts if part)


def _must_not_be_raised(cell: ItemResult) -> None:
    link = DeviationCell.objects.filter(cell=cell).select_related("deviation").first()
    if link is not None and link.deviation.state != Deviation.State.NOT_A_DEVIATION:
        raise ValidationError(
            f"R33: {link.deviation} rests on this cell and stays. The partner can mark it as no deviation."
        )


@transaction.atomic
def clear_result(item: SheetItem, attribute: Attribute, *, by: User) -> None:
    """Empty a cell that was filled by mistake; what stood there stays in the trail."""
    test = held(item.test, by=by)
    cell = ItemResult.objects.filter(item=item, attribute=attribute).first()
    if cell is None:
        return
    if DeviationCell.objects.filter(cell=cell).exists():
        raise ValidationError("An exception rests on this cell: it is not emptied (R33).")
    words = _words(cell)
    cell.delete()
    reopen(test)
    name = f"{test} item {item.position} {attribute.letter}"
    record(CELL, by=by, engagement=test.engagement, target=test, cell=name, old=words, new="nothing")


@transaction.atomic
def note_item(item: SheetItem, note: str, *, by: User) -> SheetItem:
    """Write the note of a row. Deviations of the row that said the same, say the new words."""
    test = held(item.test, by=by)
    item = SheetItem.objects.select_for_update().get(pk=item.pk)
    new, old = note.strip(), item.note
    if new == old:
        return item
    deviating = ItemResult.objects.filter(item=item, outcome=Outcome.DEVIATION, note=old)
    if not new and deviating.exists():
        raise ValidationError("The note says what was found in a deviation of this item: it cannot be empty.")
    item.note = new
    item.save(update_fields=["note"])
    if old:
        deviating.update(note=new)
    record(
        NOTED,
        by=by,
        engagement=test.engagement,
        target=test,
        item=f"{test} item {item.position}",
        old=old,
        new=new,
    )
    return item
