"""The cells of one sheet as text: dates in ISO, numbers as written, formulas by their stored results.

Read in one streaming pass. openpyxl builds a tree of every row, which takes ten times as long on the large
listings that populations are, and leaves out rows that are out of order; its knowledge of number formats and
dates is used here, and a test compares the two readings.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from datetime import date, datetime, time, timedelta
from math import isfinite
from pathlib import Path
from typing import Any

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel

from evidence.probes import Unfit
from evidence.probes.markup import local, parse
from evidence.probes.office import open_document
from evidence.probes.sheets import Reader, Sheet, tabs, workbook_part

_WHOLE = re.compile(r"-?\d{1,18}")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_STRINGS = "/sharedStrings"
_STYLES = "/styles"


def examine(
    path: Path,
    *,
    sheet: str | None,
    rows: int,
    columns: int,
    entries: int,
    unpacked: int,
    xml: int,
    ratio: int,
) -> list[list[Any]]:
    """The rows of the sheet that hold something, each as [row number, text, text, ...], all equally long.

    Without `sheet` the workbook must have exactly one visible sheet with content. Raises `Unfit` for a sheet
    beyond the limits and for cells whose value nobody can know.
    """
    with open_document(path, kind="xlsx", entries=entries, unpacked=unpacked, xml=xml, ratio=ratio) as archive:
        book = Book(archive)
        chosen = _choose(archive, book, sheet, rows, columns)
    _check(chosen)
    width = chosen.sheet.last_column
    return [[number, *(cells.get(column, "") for column in range(1, width + 1))] for number, cells in chosen.rows]


class Book:
    """What cells refer to: the table of texts, and which styles show a number as a date or a duration."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.texts: list[str] = []
        self.dates: set[str] = set()
        self.durations: set[str] = set()
        self.epoch = WINDOWS_EPOCH
        main = workbook_part(archive)
        parse(archive, main, self._workbook)
        for kind, target in _related(archive, main):
            if kind.endswith(_STRINGS):
                self._read_texts(archive, target)
            elif kind.endswith(_STYLES):
                self._read_styles(archive, target)

    def _workbook(self, tag: str, attributes: dict[str, str]) -> None:
        if local(tag) == "workbookPr" and attributes.get("date1904") in ("1", "true"):
            self.epoch = MAC_EPOCH

    def _read_texts(self, archive: zipfile.ZipFile, part: str) -> None:
        pieces: list[str] = []
        inside: list[str] = []

        def start(tag: str, attributes: dict[str, str]) -> None:
            inside.append(local(tag))
            if inside[-1] == "si":
                pieces.clear()

        def end(tag: str) -> None:
            if inside.pop() == "si":
                self.texts.append("".join(pieces))

        def text(text: str) -> None:
            # rPh holds how a Japanese text is read aloud, beside the text itself
            if inside[-1:] == ["t"] and "rPh" not in inside:
                pieces.append(text)

        parse(archive, part, start, end=end, text=text)

    def _read_styles(self, archive: zipfile.ZipFile, part: str) -> None:
        formats = dict(BUILTIN_FORMATS)
        inside: list[str] = []
        used: list[int] = []

        def start(tag: str, attributes: dict[str, str]) -> None:
            name = local(tag)
            if name == "numFmt" and inside[-1:] == ["numFmts"]:
                formats[_number(attributes.get("numFmtId", ""))] = attributes.get("formatCode", "")
            elif name == "xf" and inside[-1:] == ["cellXfs"]:
                used.append(_number(attributes.get("numFmtId", "")))
            inside.append(name)

        def end(tag: str) -> None:
            inside.pop()

        parse(archive, part, start, end=end)
        for index, number in enumerate(used):
            if is_date_format(formats.get(number)):
                self.dates.add(str(index))
            if is_timedelta_format(formats.get(number)):
                self.durations.add(str(index))


class Cells(Reader):
    """Keeps the cells of a sheet as text, row by row."""

    def __init__(self, sheet: Sheet, book: Book, rows: int, columns: int) -> None:
        super().__init__(sheet)
        self.book = book
        self.limits = (rows, columns)
        self.cells: dict[int, str] = {}
        self.rows: list[tuple[int, dict[int, str]]] = []

    def take_cell(self) -> None:
        if self.column > self.limits[1]:
            raise Unfit(f"The sheet reaches over {self.column:,} columns, more than {self.limits[1]}.")
        try:
            self.cells[self.column] = self._as_text()
        except (ArithmeticError, LookupError, ValueError):
            self._note(self.sheet.errors)

    def take_row(self) -> None:
        self.rows.append((self.row, self.cells))
        self.cells = {}
        if len(self.rows) > self.limits[0]:
            raise Unfit(f"The sheet has more than {self.limits[0] - 1:,} rows below its header. Split it by date.")

    def _as_text(self) -> str:
        value = self.value
        if self.type == "s":
            return _unescaped(self.book.texts[int(value)])
        if self.type in ("str", "inlineStr"):
            return _unescaped(value)
        if self.type == "b":
            return "TRUE" if int(value) else "FALSE"
        if self.type == "d":
            return as_text(datetime.fromisoformat(value))
        if self.style in self.book.dates:
            duration = self.style in self.book.durations
            return as_text(from_excel(float(value), self.book.epoch, timedelta=duration))
        if _WHOLE.fullmatch(value):
            # "-0" is what some programs write
            return str(int(value))
        number = float(value)
        if not isfinite(number):
            raise ValueError(f"{value} is no number")
        return as_text(number)


def _choose(archive: zipfile.ZipFile, book: Book, name: str | None, rows: int, columns: int) -> Cells:
    sheets = tabs(archive)
    wanted = [sheet for sheet in sheets if (not sheet.hidden if name is None else sheet.name == name)]
    if name is not None and not wanted:
        raise Unfit(f"The workbook has no sheet {name!r}; it has {_quoted(sheets)}.")
    full = []
    for sheet in wanted:
        cells = Cells(sheet, book, rows, columns)
        cells.read(archive)
        if sheet.rows:
            full.append(cells)
    if not full:
        raise Unfit("The workbook holds no visible sheet with content.")
    if len(full) > 1:
        filled = _quoted([cells.sheet for cells in full])
        raise Unfit(f"Several sheets hold something: {filled}. Say which one is the listing.")
    return full[0]


def _check(chosen: Cells) -> None:
    if chosen.sheet.uncalculated or chosen.sheet.errors:
        raise Unfit(
            *(
                f"Cell {where} holds a formula without a stored result. Open the workbook in Excel, let it "
                "calculate, save it and upload it again."
                for where in chosen.sheet.uncalculated
            ),
            *(f"Cell {where} shows an error instead of a value. Repair it." for where in chosen.sheet.errors),
        )


def as_text(value: float | date | time | timedelta) -> str:
    """A value as text; a date-time at midnight is a date, a whole number has no point."""
    if isinstance(value, float):
        # minus zero is zero
        return repr(value or 0.0).removesuffix(".0")
    if isinstance(value, datetime):
        # serial numbers carry no more than fractions of a second of rounding
        moment = (value + timedelta(microseconds=500_000)).replace(microsecond=0)
        return moment.date().isoformat() if moment.time() == time() else moment.isoformat(sep=" ")
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    if isinstance(value, time):
        return value.isoformat(timespec="seconds")
    return value.isoformat()


def _related(archive: zipfile.ZipFile, main: str) -> list[tuple[str, str]]:
    """The kinds and paths of the parts that belong to the workbook."""
    folder, name = posixpath.split(main)
    found: list[tuple[str, str]] = []

    def relation(tag: str, attributes: dict[str, str]) -> None:
        target = attributes.get("Target", "")
        path = target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
        found.append((attributes.get("Type", ""), posixpath.normpath(path)))

    parse(archive, posixpath.join(folder, "_rels", f"{name}.rels"), relation)
    return found


def _unescaped(text: str) -> str:
    """Office writes characters that XML cannot hold as _x000D_."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 7 else -1


def _quoted(sheets: list[Sheet]) -> str:
    return ", ".join(repr(sheet.name) for sheet in sheets)
