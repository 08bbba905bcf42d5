"""What the sheets of a workbook hold and hide, read from its parts without building the workbook."""

from __future__ import annotations

import posixpath
import re
import zipfile
from dataclasses import dataclass, field

from evidence.probes import Unfit
from evidence.probes.markup import local, parse

_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships id"
_STRICT_RELATION = "http://purl.oclc.org/ooxml/officeDocument/relationships id"
_TRUE = ("1", "true")
_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_NAMED = 50
# Excel takes 32,767 letters.
_LONGEST = 1 << 16
MAX_ROW = 1 << 20


@dataclass
class Sheet:
    """One sheet: how many rows hold something, how far it reaches, and what a reader would not see."""

    name: str
    part: str
    hidden: bool
    rows: int = 0
    last_row: int = 0
    last_column: int = 0
    hidden_rows: int = 0
    hidden_columns: int = 0
    filtered: bool = False
    uncalculated: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def describe(archive: zipfile.ZipFile) -> list[Sheet]:
    """The worksheets in the order of their tabs (charts and dialogs left out). Raises `Unfit`."""
    sheets = tabs(archive)
    for sheet in sheets:
        Reader(sheet).read(archive)
    return sheets


def tabs(archive: zipfile.ZipFile) -> list[Sheet]:
    """The worksheets by name and part, not yet looked into."""
    book = workbook_part(archive)
    folder = posixpath.dirname(book)
    targets: dict[str, str] = {}
    found: list[tuple[str, str, bool]] = []

    def relation(tag: str, attributes: dict[str, str]) -> None:
        if attributes.get("Type", "").endswith("/worksheet"):
            target = attributes.get("Target", "")
            path = target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
            targets[attributes.get("Id", "")] = posixpath.normpath(path)

    def tab(tag: str, attributes: dict[str, str]) -> None:
        if local(tag) == "sheet":
            relation_id = attributes.get(_RELATION) or attributes.get(_STRICT_RELATION, "")
            hidden = attributes.get("state", "visible") != "visible"
            found.append((attributes.get("name", ""), relation_id, hidden))

    parse(archive, posixpath.join(folder, "_rels", posixpath.basename(book) + ".rels"), relation)
    parse(archive, book, tab)
    sheets = [
        Sheet(name, targets[relation_id], hidden) for name, relation_id, hidden in found if relation_id in targets
    ]
    if not sheets:
        raise Unfit("The workbook holds no worksheet. Save the listing in a sheet of its own.")
    return sheets


def workbook_part(archive: zipfile.ZipFile) -> str:
    """The path of the workbook's main part."""
    found: list[str] = []

    def relation(tag: str, attributes: dict[str, str]) -> None:
        if attributes.get("Type", "").endswith("/officeDocument"):
            found.append(attributes.get("Target", "").lstrip("/"))

    parse(archive, "_rels/.rels", relation)
    if not found:
        raise Unfit("The workbook's main part is missing. Save it again from the original.")
    return posixpath.normpath(found[0])


class Reader:
    """Follows one sheet's elements; a row counts when one of its cells holds a value.

    A subclass may take the cells in `take_cell` and the rows in `take_row`.
    """

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.row = 0
        self.column = 0
        self.type = ""
        self.style = ""
        self.value = ""
        self.holds = False
        self.formula = False
        self.hidden = False
        self.hidden_columns: list[tuple[int, int]] = []
        self.reads_value = False
        self.aside = False

    def read(self, archive: zipfile.ZipFile) -> None:
        """Fills in the sheet. Raises `Unfit` where rows or cells are out of order."""
        parse(archive, self.sheet.part, self._start, end=self._end, text=self._text)
        reach = self.sheet.last_column
        # to hide all that lies right of the table is a habit, not a concealment
        self.sheet.hidden_columns = sum(max(0, min(last, reach) - first + 1) for first, last in self.hidden_columns)

    def take_cell(self) -> None:
        """A cell with a value has ended: `row`, `column`, `type`, `style`, `value`."""

    def take_row(self) -> None:
        """A row with a value in it has ended."""

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        if name == "c":
            self._cell(attributes)
        elif name in ("v", "t"):
            self.reads_value = not self.aside
        elif name == "f":
            self.formula = True
        elif name == "row":
            self._row(attributes)
        elif name == "rPh":
            self.aside = True
        elif name == "col" and attributes.get("hidden") in _TRUE:
            self.hidden_columns.append((_number(attributes.get("min", "")), _number(attributes.get("max", ""))))
        elif name == "filterColumn":
            self.sheet.filtered = True

    def _row(self, attributes: dict[str, str]) -> None:
        number = _number(attributes["r"]) if "r" in attributes else self.row + 1
        if not self.row < number <= MAX_ROW:
            raise Unfit(f"The rows of sheet {self.sheet.name!r} are out of order. Open it and save it again.")
        self.row, self.column, self.holds = number, 0, False
        self.hidden = attributes.get("hidden") in _TRUE

    def _cell(self, attributes: dict[str, str]) -> None:
        self.column += 1
        if "r" in attributes:
            reference = _REFERENCE.fullmatch(attributes["r"])
            if reference is None or int(reference[2]) != self.row or column(reference[1]) < self.column:
                raise Unfit(f"The cells of sheet {self.sheet.name!r} are out of order. Open it and save it again.")
            self.column = column(reference[1])
        self.value = ""
        self.formula = False
        self.type = attributes.get("t", "n")
        self.style = attributes.get("s", "")

    def _text(self, text: str) -> None:
        if self.reads_value:
            self.value += text
            if len(self.value) > _LONGEST:
                where = f"{letters(self.column)}{self.row}"
                raise Unfit(
                    f"Cell {where} of sheet {self.sheet.name!r} holds more text than a cell can. Shorten it."
                )

    def _end(self, tag: str) -> None:
        name = local(tag)
        if name in ("v", "t"):
            self.reads_value = False
        elif name == "c":
            self._end_cell()
        elif name == "rPh":
            self.aside = False
        elif name == "row" and self.holds:
            self.sheet.rows += 1
            self.sheet.last_row = self.row
            self.sheet.hidden_rows += self.hidden
            self.take_row()

    def _end_cell(self) -> None:
        held = bool(self.value.strip())
        # a text formula may well come to nothing, a number that is missing was never computed
        uncalculated = self.formula and not held and self.type != "str"
        if not (held or uncalculated):
            return
        self.holds = True
        self.sheet.last_column = max(self.sheet.last_column, self.column)
        if uncalculated:
            self._note(self.sheet.uncalculated)
        elif self.type == "e":
            self._note(self.sheet.errors)
        else:
            self.take_cell()

    def _note(self, places: list[str]) -> None:
        if len(places) < _NAMED:
            places.append(f"{letters(self.column)}{self.row}")


def column(letters_: str) -> int:
    """A is 1, XFD is 16384."""
    number = 0
    for letter in letters_:
        number = number * 26 + ord(letter) - 64
    return number


def letters(number: int) -> str:
    """1 is A, 16384 is XFD."""
    found = ""
    while number:
        number, rest = divmod(number - 1, 26)
        found = chr(65 + rest) + found
    return found


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 7 else 0
