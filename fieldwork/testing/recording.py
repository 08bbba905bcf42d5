"""Working on the sheet: evidence first, then results cell by cell, every change in the trail."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from audit.trail import action, record
from evidence.models import EvidenceFile, FileCheck
from fieldwork.models import Attribute, ControlTest, EvidenceCitation, ItemResult, SheetItem
from fieldwork.testing.planning import held, reopen
from fieldwork.testing.sheetbook import Book, Entry

CITED = action("test.evidence_cited", "cited {file} in {test}", firm_only=True)
CELL = action("test.result_recorded", "recorded {new} for {cell}, before {old}", firm_only=True)
CELLS = action("test.results_recorded", "recorded {count} results in {test}", firm_only=True)
NOTED = action("test.item_noted", "noted on {item}", firm_only=True)
NOTES = action("test.items_noted", "noted on {count} items of {test}", firm_only=True)


@transaction.atomic
def cite(test: ControlTest, file: EvidenceFile, *, note: str = "", by: User) -> EvidenceCitation:
    """Name evidence the test rests on; cells can then refer to it. Citing it again returns what is there.

    Raises ValidationError when the file is another engagement's, was replaced by a newer version, or its
    request was not handed in.
    """
    test = held(test, by=by)
    made, new = name_evidence(test, file, note, by)
    if new:
        record(CITED, by=by, engagement=test.engagement, target=test, test=str(test), file=file.code)
    return made


def name_evidence(test: ControlTest, file: EvidenceFile, note: str, by: User) -> tuple[EvidenceCitation, bool]:
    """The citation of a file in a locked test, and whether it is new. Raises as `cite` does."""
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
    citation, new = name_evidence(test, file, "", by)
    attribute.usual_citation = citation
    attribute.save(update_fields=["usual_citation"])
    if new:
        record(CITED, by=by, engagement=test.engagement, target=test, test=str(test), file=file.code)
    return citation


# --- results


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
    book = Book(held(item.test, by=by), by=by, rows=[item.pk])
    cell = book.put(Entry(item, attribute, outcome, citation, place, note))
    finish(book)
    return cell


@transaction.atomic
def record_many(test: ControlTest, entries: Iterable[Entry], *, by: User) -> list[ItemResult]:
    """Record many cells at once, all or none: a column filled down. One event lists them."""
    book = Book(held(test, by=by), by=by)
    cells = [book.put(entry) for entry in entries]
    finish(book)
    return cells


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


@transaction.atomic
def clear_result(item: SheetItem, attribute: Attribute, *, by: User) -> None:
    """Empty a cell that was filled by mistake; what stood there stays in the trail."""
    book = Book(held(item.test, by=by), by=by, rows=[item.pk])
    book.clear(item, attribute)
    finish(book)


@transaction.atomic
def note_item(item: SheetItem, note: str, *, by: User) -> SheetItem:
    """Write the note of a row. Deviations of the row that said the same, say the new words."""
    test = held(item.test, by=by)
    item = SheetItem.objects.select_for_update().get(pk=item.pk)
    book = Book(test, by=by, rows=[item.pk])
    book.note(item, note)
    finish(book)
    return item


def finish(book: Book) -> None:
    """Write a book; what it changed reopens a conclusion and goes into the trail."""
    book.write()
    test, by = book.test, book.by
    if book.changes:
        reopen(test)
    if len(book.changes) == 1:
        record(CELL, by=by, engagement=test.engagement, target=test, **book.changes[0])
    elif book.changes:
        record(
            CELLS,
            by=by,
            engagement=test.engagement,
            target=test,
            test=str(test),
            count=len(book.changes),
            cells=book.changes,
        )
    if len(book.notes) == 1:
        record(NOTED, by=by, engagement=test.engagement, target=test, **book.notes[0])
    elif book.notes:
        record(
            NOTES,
            by=by,
            engagement=test.engagement,
            target=test,
            test=str(test),
            count=len(book.notes),
            notes=book.notes,
        )
