"""Several people in one sheet: what each sends is saved, refused or overtaken, cell by cell.

Whoever changes a cell says up to which change the sheet was seen. When somebody else has changed that cell since,
and to something else, nothing is written: both values go back, and the person decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from accounts.models import User
from audit.trail import record
from evidence.models import EvidenceFile
from fieldwork.models import Attribute, ControlTest, EvidenceCitation, ItemResult, SheetChange, SheetItem
from fieldwork.testing.planning import held
from fieldwork.testing.recording import CITED, finish, name_evidence
from fieldwork.testing.sheetbook import Book, Entry

# As many cells as the largest sheet that is worked on by hand.
MOST = 2_000


@dataclass(frozen=True)
class Change:
    """One cell, or without `attribute` the note of a row. None leaves a part as it is; an outcome "" empties.

    `seen` is the last change of the sheet that the sender knew of.
    """

    item: int
    attribute: str | None = None
    outcome: str | None = None
    file: str = ""
    place: str | None = None
    note: str | None = None
    seen: int = 0


@dataclass(frozen=True)
class Answer:
    """What became of a change: saved, refused with `words`, or overtaken by what stands in `by`'s name."""

    state: str
    words: str = ""
    cell: ItemResult | None = None
    note: str = ""
    by: str = ""
    at: Any = None
    seen: int = 0

    @property
    def saved(self) -> bool:
        return self.state == "saved"


class _NotAll(Exception):
    """One change of a block was refused: none of it is written."""

    def __init__(self, answers: list[Answer]) -> None:
        self.answers = answers
        super().__init__()


def last_change(test: ControlTest) -> int:
    """The number of the sheet's last change. Asked before the cells are read, nothing is missed."""
    return SheetChange.objects.filter(test=test).aggregate(last=Max("pk"))["last"] or 0


def save(
    test: ControlTest, changes: Sequence[Change], *, window: str = "", whole: bool = False, by: User
) -> list[Answer]:
    """Save changes of a sheet, each by itself; with `whole`, all of them or none. An answer for each, in order.

    `window` names the sender's browser window: its own earlier changes never stand against its later ones.
    Raises PermissionDenied, WrongStage, ValidationError for what concerns the sheet as a whole.
    """
    if len(changes) > MOST:
        raise ValidationError(f"At most {MOST:,} cells are saved at once.")
    try:
        return _save(test, changes, window, whole, by)
    except _NotAll as refusal:
        return refusal.answers


@transaction.atomic
def _save(test: ControlTest, changes: Sequence[Change], window: str, whole: bool, by: User) -> list[Answer]:
    test = held(test, by=by)
    desk = _Desk(test, changes, window, by)
    # What a block notes on its rows is what its deviations say.
    order = sorted(range(len(changes)), key=lambda at: changes[at].attribute is not None) if whole else None
    answers: dict[int, Answer] = {}
    for at in order or range(len(changes)):
        answers[at] = desk.take(changes[at])
    found = [answers[at] for at in range(len(changes))]
    if whole and not all(answer.saved for answer in found):
        raise _NotAll(found)
    for file in desk.cited:
        record(CITED, by=by, engagement=test.engagement, target=test, test=str(test), file=file.code)
    finish(desk.book)
    return found


class _Desk:
    """Everything that changes of a sheet are held against, asked once."""

    def __init__(self, test: ControlTest, changes: Sequence[Change], window: str, by: User) -> None:
        self.test, self.by = test, by
        rows = {change.item for change in changes}
        self.book = Book(test, by=by, window=window, rows=rows)
        self.items = {item.pk: item for item in SheetItem.objects.filter(test=test, pk__in=rows)}
        attributes = Attribute.objects.filter(test=test).select_related("usual_citation__file")
        self.attributes = {attribute.letter: attribute for attribute in attributes}
        self.files = _files(test, {change.file for change in changes if change.file})
        self.citations = {
            citation.file.code: citation
            for citation in EvidenceCitation.objects.filter(test=test).select_related("file")
        }
        self.cited: list[EvidenceFile] = []
        since = min((change.seen for change in changes), default=0)
        others = SheetChange.objects.filter(test=test, pk__gt=since).select_related("by")
        self.others = {
            (change.item_id, change.attribute_id): change
            for change in others
            if not window or change.window != window
        }

    def take(self, change: Change) -> Answer:
        item = self.items.get(change.item)
        attribute = self.attributes.get(change.attribute or "")
        if item is None or (change.attribute is not None and attribute is None):
            return Answer("refused", "This row or column is no longer on the sheet. Load the page again.")
        overtaken = self._overtaken(change, item, attribute)
        if overtaken is not None:
            return overtaken
        try:
            if attribute is None:
                self.book.note(item, change.note or "")
                return Answer("saved", note=item.note)
            return self._cell(change, item, attribute)
        except ValidationError as refusal:
            return Answer("refused", " ".join(refusal.messages))

    def _overtaken(self, change: Change, item: SheetItem, attribute: Attribute | None) -> Answer | None:
        other = self.others.get((item.pk, attribute.pk if attribute else None))
        if other is None or other.pk <= change.seen:
            return None
        cell = self.book.cells.get((item.pk, attribute.pk)) if attribute else None
        if self._the_same(change, item, cell):
            return None
        name = "You, in another window," if other.by_id == self.by.pk else str(other.by)
        what = f"attribute {attribute.letter} of item {item.position}" if attribute else f"item {item.position}"
        return Answer(
            "overtaken", f"{name} changed {what} meanwhile.", cell, item.note, str(other.by), other.at, other.pk
        )

    def _the_same(self, change: Change, item: SheetItem, cell: ItemResult | None) -> bool:
        """Two people who say the same are no conflict; nor is one's own answer that got lost on its way."""
        if change.attribute is None:
            return item.note == (change.note or "").strip()
        if change.outcome is not None and change.outcome != (cell.outcome if cell else ""):
            return False
        if change.file and (cell is None or cell.citation.file.code != change.file):
            return False
        if change.note and (cell is None or cell.note != change.note.strip()):
            return False
        return not change.place or (cell is not None and cell.place == change.place.strip()[:60])

    def _cell(self, change: Change, item: SheetItem, attribute: Attribute) -> Answer:
        old = self.book.cells.get((item.pk, attribute.pk))
        if change.outcome == "":
            self.book.clear(item, attribute)
            return Answer("saved")
        citation = self._citation(change.file) if change.file else None
        if change.outcome is None and old is None:
            if citation is None:
                raise ValidationError("Choose a file to cite.")
            attribute.usual_citation = citation
            self.book.resting[attribute.pk] = attribute
            return Answer("saved", f"Attribute {attribute.letter} rests on {change.file} from here on.")
        outcome = change.outcome if change.outcome is not None else old.outcome if old else ""
        place = change.place if change.file or change.place else None
        return Answer("saved", cell=self.book.put(Entry(item, attribute, outcome, citation, place, change.note)))

    def _citation(self, code: str) -> EvidenceCitation:
        if code in self.citations:
            return self.citations[code]
        file = self.files.get(code)
        if file is None:
            raise ValidationError(f"There is no evidence {code} in this engagement.")
        made, new = name_evidence(self.test, file, "", self.by)
        if new:
            self.cited.append(file)
        self.citations[code] = made
        return made


def _files(test: ControlTest, codes: Iterable[str]) -> dict[str, EvidenceFile]:
    wanted = EvidenceFile.objects.filter(engagement_id=test.engagement_id, code__in=codes)
    return {file.code: file for file in wanted.select_related("request")}


@dataclass(frozen=True)
class News:
    """A cell or a row's note as it stands now, and who changed it last."""

    change: SheetChange
    cell: ItemResult | None

    @property
    def note(self) -> str:
        return self.change.item.note


def news(test: ControlTest, *, since: int, window: str = "") -> tuple[int, list[News]]:
    """The number of the last change, and what others changed after `since`, each place once."""
    found = SheetChange.objects.filter(test=test, pk__gt=since).select_related("item", "attribute", "by")
    latest: dict[tuple[int, int | None], SheetChange] = {}
    last = since
    for change in found:
        last = change.pk
        latest[change.item_id, change.attribute_id] = change
    foreign = [change for change in latest.values() if not window or change.window != window]
    items = {change.item_id for change in foreign if change.attribute_id is not None}
    cells = (
        {
            (cell.item_id, cell.attribute_id): cell
            for cell in ItemResult.objects.filter(item__in=items).select_related("citation__file")
        }
        if items
        else {}
    )
    return last, [
        News(change, cells.get((change.item_id, change.attribute_id)) if change.attribute_id else None)
        for change in foreign
    ]
