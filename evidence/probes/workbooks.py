"""The cells of one sheet as text: dates in ISO, numbers as written, formulas by their stored results."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
from defusedxml.common import DefusedXmlException
from openpyxl.utils.exceptions import InvalidFileException

from evidence.probes import Unfit
from evidence.probes.office import open_document
from evidence.probes.sheets import Sheet, describe

_MALFORMED = (
    ArithmeticError,
    AttributeError,
    DefusedXmlException,
    InvalidFileException,
    LookupError,
    SyntaxError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
)
_EXACT = 1e15


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
    """The rows of the sheet that hold something, each as [row number, text, text, ...].

    Without `sheet` the workbook must have exactly one visible sheet with content. Raises `Unfit` for a sheet
    beyond the limits and for cells whose value nobody can know.
    """
    with open_document(path, kind="xlsx", entries=entries, unpacked=unpacked, xml=xml, ratio=ratio) as archive:
        chosen = _choose(describe(archive), sheet)
    if chosen.rows > rows:
        raise Unfit(f"The sheet has {chosen.rows:,} rows, more than {rows:,}. Split it by date.")
    if chosen.last_column > columns:
        raise Unfit(f"The sheet reaches over {chosen.last_column:,} columns, more than {columns}.")
    if chosen.uncalculated or chosen.errors:
        raise Unfit(
            *(
                f"Cell {where} holds a formula without a stored result. Open the workbook in Excel, let it "
                "calculate, save it and upload it again."
                for where in chosen.uncalculated
            ),
            *(f"Cell {where} shows an error instead of a value. Repair its formula." for where in chosen.errors),
        )
    try:
        return list(_cells(path, chosen))
    except _MALFORMED as error:
        raise Unfit("The workbook is damaged. Open it in Excel, save it and upload it again.") from error


def _choose(sheets: list[Sheet], name: str | None) -> Sheet:
    if name is not None:
        for sheet in sheets:
            if sheet.name == name:
                return sheet
        raise Unfit(f"The workbook has no sheet {name!r}; it has {_quoted(sheets)}.")
    full = [sheet for sheet in sheets if sheet.rows and not sheet.hidden]
    if not full:
        raise Unfit("The workbook holds no visible sheet with content.")
    if len(full) > 1:
        raise Unfit(f"Several sheets hold something: {_quoted(full)}. Say which one is the listing.")
    return full[0]


def _cells(path: Path, sheet: Sheet) -> Iterator[list[Any]]:
    with warnings.catch_warnings():
        # openpyxl warns of styles and extensions that it leaves out; no value depends on them
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
        page = book[sheet.name]
        # what a sheet says of its own size is often wrong, and openpyxl would cut it there
        page.reset_dimensions()
        values = page.iter_rows(max_row=sheet.last_row, max_col=sheet.last_column, values_only=True)
        for number, row in enumerate(values, start=1):
            texts = [as_text(value) for value in row]
            if any(texts):
                yield [number, *texts]
        book.close()


def as_text(value: object) -> str:
    """One cell's value as text; a date-time at midnight is a date, a whole number has no point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
    if isinstance(value, datetime):
        # serial numbers carry no more than fractions of a second of rounding
        moment = (value + timedelta(microseconds=500_000)).replace(microsecond=0)
        return moment.date().isoformat() if moment.time() == time() else moment.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat(timespec="seconds")
    return str(value)


def _quoted(sheets: list[Sheet]) -> str:
    return ", ".join(repr(sheet.name) for sheet in sheets)
