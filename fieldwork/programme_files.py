"""Test programmes from a CSV or XLSX file: one row an attribute, read whole before anything is planned."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from audit.trail import action, record
from engagements.models import Control, Engagement
from engagements.roles import require
from evidence.tables import Form, Table
from fieldwork.models import ControlTest, Procedure
from fieldwork.programmes import of_control
from fieldwork.testing.planning import Column, plan_test

IMPORTED = action("test.programmes_imported", "imported test programmes from {file}: {tests} tests", firm_only=True)

FORM = Form(
    "programmes",
    {
        "control": ("Control", ("control id", "control number", "control code", "number", "ref")),
        "letter": ("Letter", ("id", "attribute letter", "att")),
        "attribute": ("Attribute", ("title", "attribute title", "test attribute", "name")),
        "pass rule": ("Pass rule", ("pass when", "pass criteria", "rule", "passes when", "description")),
        "evidence expected": ("Evidence expected", ("evidence", "typical evidence", "expected evidence")),
        "procedure": ("Procedure", ("test procedure", "test", "what is done")),
        "kinds": ("Kinds", ("kind", "method", "methods", "procedures", "type")),
        "phase": ("Phase", ("tests", "objective")),
    },
    needed=("control", "attribute", "pass rule"),
    most=2_000,
)
COLUMNS = tuple(heading for heading, _ in FORM.columns.values())
_LETTERS = {"i": "inquiry", "s": "inspection", "o": "observation", "r": "reperformance"}
_PHASES = {
    "operating": ControlTest.Phase.OPERATING,
    "operating effectiveness": ControlTest.Phase.OPERATING,
    "operation": ControlTest.Phase.OPERATING,
    "design": ControlTest.Phase.DESIGN,
    "design and implementation": ControlTest.Phase.DESIGN,
}


@dataclass
class Wanted:
    """A test to be planned: the rows of one control."""

    control: Control
    row: int
    columns: list[Column] = field(default_factory=list)
    procedure: str = ""
    kinds: list[str] = field(default_factory=list)
    phase: str = ""
    standing: int = 0

    @property
    def kind_labels(self) -> list[str]:
        return [str(Procedure(kind).label) for kind in self.kinds]


@dataclass
class Sheet:
    """What a file asks for, and every row that cannot be done as (row, column, words)."""

    wanted: list[Wanted]
    problems: list[tuple[int, str, str]]

    @property
    def faulty(self) -> int:
        return len({row for row, _, _ in self.problems})

    @property
    def attributes(self) -> int:
        return sum(len(one.columns) for one in self.wanted)


def read(engagement: Engagement, table: Table) -> Sheet:
    """What the rows ask for."""
    controls = {
        control.number.upper(): control
        for control in Control.objects.filter(engagement=engagement).select_related("library_control")
    }
    reader = _Reader(engagement, controls, table.name)
    for number, cells in table.rows:
        reader.take(number, cells)
    return reader.done()


class _Reader:
    """Takes row after row and notes what is wrong with each; nothing is written."""

    def __init__(self, engagement: Engagement, controls: dict[str, Control], name: str) -> None:
        self.engagement, self.controls, self.name = engagement, controls, name
        self.wanted: dict[int, Wanted] = {}
        self.problems: list[tuple[int, str, str]] = []

    def wrong(self, row: int, column: str, words: str) -> None:
        self.problems.append((row, column, words))

    def take(self, row: int, cells: dict[str, str]) -> None:
        number = cells["control"].upper()
        control = self.controls.get(number)
        if control is None:
            self.wrong(row, "Control", f"There is no control {number or 'without a number'} in this engagement.")
            return
        if control.removed_at is not None:
            self.wrong(row, "Control", f"{control} is out of scope.")
            return
        one = self.wanted.setdefault(control.pk, Wanted(control, row))
        self._plan(one, row, cells)
        title, rule, letter = cells["attribute"], cells["pass rule"], cells.get("letter", "").upper()
        if not title or len(title) > 60:
            self.wrong(row, "Attribute", "Give a title of 1 to 60 characters.")
        elif any(column.title.lower() == title.lower() for column in one.columns):
            self.wrong(row, "Attribute", f"{control} has an attribute “{title}” already in this file.")
        elif not rule:
            self.wrong(row, "Pass rule", "Say when an item passes.")
        elif letter and (not letter.isalpha() or len(letter) > 2):
            self.wrong(row, "Letter", f"“{letter}” is no letter; A to Z, or nothing.")
        elif letter and any(column.letter == letter for column in one.columns):
            self.wrong(row, "Letter", f"{control} has the letter {letter} twice.")
        else:
            evidence = cells.get("evidence expected", "")
            one.columns.append(Column(letter, title, rule, evidence, f"{self.name}, row {row}"[:200]))

    def _plan(self, one: Wanted, row: int, cells: dict[str, str]) -> None:
        one.procedure = one.procedure or cells.get("procedure", "")
        if said := cells.get("phase", ""):
            phase = _PHASES.get(said.lower())
            if phase is None:
                self.wrong(row, "Phase", f"“{said}” is neither design nor operating.")
            elif one.phase and one.phase != phase:
                self.wrong(row, "Phase", f"{one.control} is {one.phase} in a row above.")
            else:
                one.phase = phase
        for part in cells.get("kinds", "").replace("/", ",").replace("+", ",").replace(";", ",").split(","):
            kind = part.strip().lower()
            kind = _LETTERS.get(kind, kind)
            if kind and kind not in Procedure.values:
                self.wrong(row, "Kinds", f"“{part.strip()}” is no inquiry, inspection, observation, reperformance.")
            elif kind and kind not in one.kinds:
                one.kinds.append(kind)

    def done(self) -> Sheet:
        usual = ControlTest.Phase.OPERATING if self.engagement.is_type_2 else ControlTest.Phase.DESIGN
        standing: dict[int, int] = {}
        for control_id in ControlTest.objects.filter(control__in=self.wanted).values_list("control_id", flat=True):
            standing[control_id] = standing.get(control_id, 0) + 1
        for one in self.wanted.values():
            one.phase = one.phase or usual
            one.standing = standing.get(one.control.pk, 0)
            suggested = of_control(one.control) if not one.procedure or not one.kinds else None
            one.procedure = one.procedure or (suggested.procedure if suggested else "")
            one.kinds = one.kinds or (suggested.kinds if suggested else [])
            self._check(one)
        return Sheet([one for one in self.wanted.values() if one.columns], sorted(self.problems))

    def _check(self, one: Wanted) -> None:
        if not one.procedure:
            self.wrong(
                one.row, "Procedure", f"Say what is done for {one.control}: the library has no words for it."
            )
        if one.phase == ControlTest.Phase.OPERATING:
            if not self.engagement.is_type_2:
                self.wrong(
                    one.row, "Phase", "A Type 1 examines design only: operating effectiveness is not tested."
                )
            elif one.kinds == [Procedure.INQUIRY]:
                self.wrong(one.row, "Kinds", "R24: inquiry alone shows nothing of operation.")


@transaction.atomic
def plan_all(engagement: Engagement, table: Table, *, by: User) -> list[ControlTest]:
    """Plan the tests that a file asks for: all of them, or none while a row is wrong.

    Raises PermissionDenied, WrongStage, Blocked, ValidationError with the rows.
    """
    require(engagement, by, "record_tests")
    sheet = read(engagement, table)
    if sheet.problems:
        raise ValidationError([f"Row {row}, {column}: {words}" for row, column, words in sheet.problems[:50]])
    if not sheet.wanted:
        raise ValidationError("The file asks for nothing.")
    made = [_planned(engagement, one, table.name, by) for one in sheet.wanted]
    record(IMPORTED, by=by, engagement=engagement, file=table.name, tests=len(made), attributes=sheet.attributes)
    return made


def _planned(engagement: Engagement, one: Wanted, name: str, by: User) -> ControlTest:
    one.control.engagement = engagement
    return plan_test(
        one.control,
        phase=one.phase,
        kinds=one.kinds,
        procedure=one.procedure,
        attributes=one.columns,
        origin=f"{name}, from row {one.row}",
        by=by,
    )


def example() -> Iterator[str]:
    """A file to begin with, line by line."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerow(
        [
            "IAM-06",
            "A",
            "Ticket",
            "A ticket was raised on or before the last day.",
            "Leaver ticket with its dates",
            "Inspected tickets and directory logs of the leavers selected.",
            "inspection",
            "operating",
        ]
    )
    writer.writerow(
        ["IAM-06", "B", "Disabled", "The account was disabled within one day.", "Directory log", "", "", ""]
    )
    yield out.getvalue()
