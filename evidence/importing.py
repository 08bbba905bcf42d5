"""Requests from a table that somebody has filled in: every fault named by row and column, shown, then made."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone
from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font
from openpyxl.worksheet.datavalidation import DataValidation

from accounts.models import User
from engagements.models import Control, Engagement
from evidence import listings
from evidence.asking import Line
from evidence.models import EvidenceRequest
from evidence.requests import Asked, assignees
from evidence.tables import Form, Table

# The columns of the form: heading, other headings that mean it, what stands in it.
COLUMNS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "title": (
        "Request",
        ("title", "item", "request title", "subject"),
        "What is asked for, in a few words. Needed.",
    ),
    "detail": (
        "What is needed",
        ("detail", "details", "description"),
        "Which system, which form, how it is to be exported.",
    ),
    "covers_from": ("From", ("covers from", "start", "period start"), "First day it is asked for, as 2026-01-31."),
    "covers_to": ("To", ("covers to", "end", "period end", "through"), "Last day it is asked for."),
    "controls": ("Controls", ("control", "control numbers"), "Numbers of controls in scope, with commas between."),
    "owner": ("Owner", ("asked of", "assigned to", "assignee"), "Name or e-mail of a person of the client's team."),
    "due": ("Due", ("due date", "due on"), "As 2026-01-31. Empty: the date chosen on the page."),
    "priority": ("Priority", (), "normal or high. Empty: normal."),
}
FORM = Form(
    "requests",
    {key: (heading, others) for key, (heading, others, _) in COLUMNS.items()},
    needed=("title",),
    most=400,
)
_LIMITS = {"title": 200, "detail": 5_000}


@dataclasses.dataclass(frozen=True)
class Problem:
    """What is wrong in a cell; row 0 stands for the file as a whole."""

    row: int
    column: str
    words: str


@dataclasses.dataclass(frozen=True)
class Read:
    """What a table says: a request for each row without fault, and all faults. `remarks` hinder nothing."""

    rows: list[tuple[int, Asked]]
    problems: list[Problem]
    remarks: list[Problem]


def read(engagement: Engagement, table: Table, *, due: dt.date | None) -> Read:
    """The requests of a table for this engagement. Nothing is changed."""
    people = assignees(engagement)
    controls = {one.number.casefold(): one for one in Control.objects.in_scope().filter(engagement=engagement)}
    there = {
        " ".join(one.title.casefold().split()): one.code
        for one in EvidenceRequest.objects.filter(engagement=engagement).exclude(
            state=EvidenceRequest.State.CANCELLED
        )
    }
    found = Read([], [], [])
    seen: dict[str, int] = {}
    for number, cells in table.rows:
        row = _Row(number, cells, people, controls, due)
        asked = row.asked()
        found.problems.extend(row.problems)
        if asked is None:
            continue
        found.rows.append((number, asked))
        words = " ".join(asked.title.casefold().split())
        if words in there:
            found.remarks.append(Problem(number, "Request", f"{there[words]} asks for the same already."))
        elif words in seen:
            found.remarks.append(Problem(number, "Request", f"Row {seen[words]} asks for the same."))
        seen.setdefault(words, number)
    if not table.rows:
        found.problems.append(Problem(0, "", "The table has no rows below its headings."))
    return found


class _Row:
    """One row on its way to a request; every cell is looked at, so that all faults are told at once."""

    def __init__(
        self,
        number: int,
        cells: Mapping[str, str],
        people: Sequence[User],
        controls: Mapping[str, Control],
        due: dt.date | None,
    ) -> None:
        self.number, self.cells, self.people, self.controls, self.due = number, cells, people, controls, due
        self.problems: list[Problem] = []

    def asked(self) -> Asked | None:
        title, detail = self.text("title"), self.text("detail")
        if not title:
            self.fault("title", "Say in a few words what is asked for.")
        first, last = self.date("covers_from"), self.date("covers_to")
        if first and last and first > last:
            self.fault("covers_to", f"{last} lies before {first}.")
        due = self.due_of()
        controls, owner, priority = self.controls_of(), self.owner(), self.priority()
        if self.problems or due is None:
            return None
        return Asked(title, due, detail, controls, first, last, owner, None, priority)

    def fault(self, key: str, words: str) -> None:
        self.problems.append(Problem(self.number, COLUMNS[key][0], words))

    def text(self, key: str) -> str:
        text = self.cells.get(key, "").strip()
        if len(text) > _LIMITS[key]:
            self.fault(key, f"{len(text):,} characters: {_LIMITS[key]:,} at most.")
        return text

    def date(self, key: str) -> dt.date | None:
        text = self.cells.get(key, "").strip()
        if not text:
            return None
        found = {listings.parse_date(text, order) for order in ("mdy", "dmy")}
        days = found - {None}
        if not days:
            self.fault(key, f"“{_short(text)}” is no date. Write it as 2026-01-31.")
            return None
        if len(days) > 1:
            one, other = sorted(day for day in days if day)
            self.fault(key, f"“{_short(text)}” may be {one} or {other}. Write the year first.")
            return None
        return days.pop()

    def due_of(self) -> dt.date | None:
        given = bool(self.cells.get("due", "").strip())
        due = self.date("due") if given else self.due
        if not given and due is None:
            self.fault("due", "It is empty, and no due date was chosen for such rows.")
        if given and due is not None and due < timezone.localdate():
            self.fault("due", f"{due} lies in the past.")
        return due

    def controls_of(self) -> list[Control]:
        found: dict[int, Control] = {}
        for number in re.split(r"[\s,;]+", self.cells.get("controls", "").strip()):
            control = self.controls.get(number.casefold())
            if control is not None:
                found[control.pk] = control
            elif number:
                self.fault("controls", f"No control {_short(number)} is in scope.")
        return list(found.values())

    def owner(self) -> User | None:
        text = " ".join(self.cells.get("owner", "").split()).casefold()
        if not text:
            return None
        found = [
            one for one in self.people if text in {one.email.casefold(), " ".join(one.name.split()).casefold()}
        ]
        if len(found) == 1:
            return found[0]
        if found:
            self.fault("owner", f"More than one person is called {_short(self.cells['owner'])}: give the e-mail.")
        else:
            self.fault("owner", f"{_short(self.cells['owner'])} is not in the client's team of this engagement.")
        return None

    def priority(self) -> str:
        text = self.cells.get("priority", "").strip().casefold() or "normal"
        if text not in EvidenceRequest.Priority.values:
            self.fault("priority", f"“{_short(text)}” is neither normal nor high.")
        return text


def as_lines(table: Table) -> tuple[list[Line], list[Problem]]:
    """A table as a list of the firm's: dates and people belong to an engagement and are left out."""
    lines, problems = [], []
    for number, cells in table.rows:
        row = _Row(number, cells, [], {}, None)
        title, detail, priority = row.text("title"), row.text("detail"), row.priority()
        if not title:
            row.fault("title", "Say in a few words what is asked for.")
        problems += row.problems
        controls = tuple(dict.fromkeys(re.findall(r"[^\s,;]+", cells.get("controls", ""))))
        given = bool(cells.get("covers_from", "").strip())
        covers = (
            "end" if given and cells.get("covers_from") == cells.get("covers_to") else "period" if given else ""
        )
        lines.append(Line(title, detail, controls, covers, priority))
    return lines, problems


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


# -- The blank form ---------------------------------------------------------------------------


def blank_form(engagement: Engagement) -> bytes:
    """A workbook with the columns, what stands in each, and the controls and people to choose from."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Requests"
    widths = {"title": 42, "detail": 60, "controls": 22, "owner": 26}
    for at, (key, (heading, _, help_text)) in enumerate(COLUMNS.items(), start=1):
        cell = sheet.cell(row=1, column=at, value=heading)
        cell.font = Font(bold=True)
        cell.comment = Comment(help_text, "Attestry")
        letter = cell.column_letter
        sheet.column_dimensions[letter].width = widths.get(key, 14)
        for row in range(2, 202):
            below = sheet.cell(row=row, column=at)
            below.alignment = Alignment(vertical="top", wrap_text=key in {"title", "detail"})
            if key in {"covers_from", "covers_to", "due"}:
                below.number_format = "yyyy-mm-dd"
    sheet.freeze_panes = "A2"
    _choices(book, sheet, engagement)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _choices(book: Workbook, sheet: Any, engagement: Engagement) -> None:
    """A hidden sheet with what may stand in the columns, and the lists that offer it."""
    people = [user.name for user in assignees(engagement)]
    numbers = list(Control.objects.in_scope().filter(engagement=engagement).values_list("number", flat=True))
    known = book.create_sheet("Choices")
    known.sheet_state = "hidden"
    keys = list(COLUMNS)
    for at, (key, values, exact) in enumerate(
        [("owner", people, True), ("controls", numbers, False), ("priority", ["normal", "high"], True)], start=1
    ):
        for row, value in enumerate(values, start=1):
            cell = known.cell(row=row, column=at)
            assert isinstance(cell, Cell)
            # Somebody's name is never a formula.
            cell.value, cell.data_type = value, "s"
        if values:
            letter = known.cell(row=1, column=at).column_letter
            rule = DataValidation(
                type="list",
                formula1=f"Choices!${letter}$1:${letter}${len(values)}",
                allow_blank=True,
                # Several controls may stand in one cell.
                showErrorMessage=exact,
            )
            sheet.add_data_validation(rule)
            column = sheet.cell(row=1, column=keys.index(key) + 1).column_letter
            rule.add(f"{column}2:{column}201")
