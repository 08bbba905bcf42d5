"""Listings of populations: CSV, XLSX and JSON read into one strict form, and that form's hash.

The hash of a population does not depend on how its file was packed. Encoding, delimiter, quotes, line ends,
outer spaces and blank rows make no difference; a changed, added, missing or moved row or column does. The
canonical form is itself a CSV file whose SHA-256 is the population's hash, so that anybody can check it with
the tools at hand: UTF-8, the header first, every cell in double quotes (doubled inside), commas between, a
line feed after every row.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import IO, Literal

from django.core.exceptions import ValidationError

from evidence import sandbox
from evidence.disk import on_disk
from evidence.probes import Unfit, texts

Encoding = Literal["utf-8", "utf-16", "cp1252"]
DateOrder = Literal["ymd", "mdy", "dmy"]
Row = tuple[str, ...]

MAX_BYTES = 50 << 20
MAX_ROWS = 100_000
MAX_COLUMNS = 200
MAX_CELL = 32_767
MAX_PROBLEMS = 50
_MAX_NAME = 120

_DELIMITERS = ",;\t"
_CHUNK = 1 << 20
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_READING = sandbox.Limits(processor=60, wait=120)
_WORKBOOK_BUDGET = {"entries": 2_000, "unpacked": 200 << 20, "xml": 50 << 20, "ratio": 100}

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:$|[T\s])")
_YEAR_LAST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?:$|[T,\s])")
_DAY_NAME_YEAR = re.compile(r"(\d{1,2})[-\s]([A-Za-z]{3})[a-z]*[-\s](\d{4})(?:$|[,\s])")
_NAME_DAY_YEAR = re.compile(r"([A-Za-z]{3})[a-z]*\.?\s+(\d{1,2}),?\s+(\d{4})(?:$|[,\s])")
_KEY_NAME = re.compile(r"(^|[\W_])(id|key|no|nr|num|number|ref|reference|ticket|case|uid|uuid|sha|hash)$", re.I)
_NUMBERED = re.compile(r"(.*?)(\d{1,15})", re.DOTALL)


class ListingError(ValidationError):
    """The file cannot be read as a listing; the messages name each problem with its row and column."""

    def __init__(self, *problems: str) -> None:
        shown = list(problems[:MAX_PROBLEMS])
        if len(problems) > MAX_PROBLEMS:
            shown.append(f"... and {len(problems) - MAX_PROBLEMS:,} more problems of this kind.")
        super().__init__(shown)


@dataclass(frozen=True)
class Listing:
    """A header and its rows, all cells text and every row as wide as the header."""

    columns: Row
    rows: tuple[Row, ...]
    # As a spreadsheet counts the rows; empty ones are left out above.
    numbers: tuple[int, ...] = field(default=(), compare=False, repr=False)

    @property
    def row_numbers(self) -> Sequence[int]:
        """By which people find the rows in their file."""
        return self.numbers or range(2, len(self.rows) + 2)

    def column(self, name: str) -> list[str]:
        """The cells of one column from top to bottom. Raises KeyError."""
        if name not in self.columns:
            raise KeyError(name)
        index = self.columns.index(name)
        return [row[index] for row in self.rows]


def read(file: IO[bytes], name: str, *, encoding: Encoding | None = None, sheet: str | None = None) -> Listing:
    """The listing in a CSV, XLSX or JSON file, told apart by the name's ending.

    Text is UTF-8, or UTF-16 with its mark; Windows-1252 only when `encoding` says so, for it would swallow
    anything. `sheet` names the worksheet where a workbook has several. The header is the first row. A JSON
    file is a list of objects, or an object with exactly one such list in it; nested values become JSON text.
    Raises `ListingError` with every problem found, 50 at most. Rows are numbered as a spreadsheet shows them,
    the header being row 1.
    """
    ending = name.rpartition(".")[2].lower()
    if ending == "xlsx":
        return _from_workbook(file, sheet)
    if ending not in ("csv", "tsv", "txt", "json"):
        raise ListingError("A listing must be a CSV, XLSX or JSON file. Export it again in one of these forms.")
    text, codec = _decode(_read_bytes(file), encoding)
    return _from_json(file, codec) if ending == "json" else _from_csv(text)


def from_canonical(data: bytes) -> Listing:
    """The listing whose canonical form this is, as it was frozen. Raises `ListingError`."""
    # Row by row into tuples: a hundred thousand lists at once keep the garbage collector walking.
    header, *rows = map(tuple, csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    listing = Listing(header, tuple(rows))
    if canonical(listing) != data:
        raise ListingError("The stored listing is not in its canonical form.")
    return listing


def canonical(listing: Listing) -> bytes:
    """The one form of a listing; its SHA-256 is `digest`."""
    return b"".join(_lines(listing))


def digest(listing: Listing) -> str:
    """The population's hash, SHA-256 in hex."""
    found = hashlib.sha256()
    for line in _lines(listing):
        found.update(line)
    return found.hexdigest()


# --- what a listing tells about itself


@dataclass(frozen=True)
class DateColumn:
    """A column of dates and how they are written; `order` is None where day and month cannot be told apart."""

    name: str
    order: DateOrder | None


@dataclass(frozen=True)
class Duplicate:
    """A value that stands in more than one row (rows numbered as in the file)."""

    value: str
    rows: tuple[int, ...]


def date_columns(listing: Listing) -> list[DateColumn]:
    """The columns that hold nothing but dates (or nothing at all in fewer than half of the rows)."""
    found = []
    for name in listing.columns:
        cells = listing.column(name)
        if not any(cells) or cells.count("") * 2 > len(cells):
            continue
        filled = set(cells) - {""}
        orders: list[DateOrder] = [order for order in ("mdy", "dmy") if _all_dates(filled, order)]
        if orders:
            plain = _all_dates(filled, "ymd")
            found.append(DateColumn(name, "ymd" if plain else orders[0] if len(orders) == 1 else None))
    return found


def column_dates(listing: Listing, column: str, *, order: DateOrder | None = None) -> list[date | None]:
    """The dates of a column, None for empty cells; a time of day and its zone are left aside.

    Year first and named months need no `order`; 03/04/2025 does ("mdy" or "dmy"). Raises `ListingError`
    with the rows that hold no date.
    """
    dates: list[date | None] = []
    problems = []
    # A year's listing says the same days again and again.
    known: dict[str, date | None] = {"": None}
    for number, cell in zip(listing.row_numbers, listing.column(column), strict=True):
        if cell not in known:
            known[cell] = parse_date(cell, order or "ymd")
        found = known[cell]
        if cell and found is None:
            hint = "" if order or not _YEAR_LAST.match(cell) else " Say whether the day or the month comes first."
            problems.append(f"Row {number}, column {column!r}: {_short(cell)} is not a date.{hint}")
        dates.append(found)
    if problems:
        raise ListingError(*problems)
    return dates


def parse_date(text: str, order: DateOrder = "ymd") -> date | None:
    """The date a cell begins with, or None. Two-digit years are never guessed."""
    if found := _YEAR_FIRST.match(text):
        return _date(found[1], int(found[2]), found[3])
    if (found := _DAY_NAME_YEAR.match(text)) and found[2].lower() in _MONTHS:
        return _date(found[3], _MONTHS.index(found[2].lower()) + 1, found[1])
    if (found := _NAME_DAY_YEAR.match(text)) and found[1].lower() in _MONTHS:
        return _date(found[3], _MONTHS.index(found[1].lower()) + 1, found[2])
    if (found := _YEAR_LAST.match(text)) and order != "ymd":
        day, month = (found[2], found[1]) if order == "mdy" else (found[1], found[2])
        return _date(found[3], int(month), day)
    return None


def key_columns(listing: Listing) -> list[str]:
    """Columns that name each row once, those called an id, number, key or reference first."""
    unique = [
        name
        for name in listing.columns
        if listing.rows and all(cells := listing.column(name)) and len(set(cells)) == len(cells)
    ]
    return sorted(unique, key=lambda name: _KEY_NAME.search(name) is None)


def nested(listing: Listing) -> list[tuple[str, int]]:
    """The columns in which a JSON file holds lists or objects, each with the first such row; kept as JSON text."""
    found = []
    for name, cells in zip(listing.columns, zip(*listing.rows, strict=True), strict=False):
        rows = zip(listing.row_numbers, cells, strict=True)
        first = next((number for number, cell in rows if cell[:1] in ("[", "{") and _is_nested(cell)), None)
        if first is not None:
            found.append((name, first))
    return found


def _is_nested(cell: str) -> bool:
    try:
        return isinstance(json.loads(cell), list | dict)
    except (ValueError, RecursionError):
        return False


def duplicates(listing: Listing, column: str) -> list[Duplicate]:
    """Values of the column in more than one row, empty cells aside, in the order of the listing."""
    cells = listing.column(column)
    rows: dict[str, list[int]] = {cell: [] for cell, times in Counter(cells).items() if cell and times > 1}
    for number, cell in zip(listing.row_numbers, cells, strict=True) if rows else ():
        if cell in rows:
            rows[cell].append(number)
    return [Duplicate(value, tuple(numbers)) for value, numbers in rows.items()]


def sequence_gaps(listing: Listing, column: str) -> list[str]:
    """Numbers missing from a running sequence such as CHG-101, CHG-103; ranges are joined ("CHG-7 to CHG-9").

    Numbers count as a sequence per prefix when at least half of those between the lowest and the highest
    are there; otherwise they are only names, and nothing is missing.
    """
    numbers: dict[str, set[int]] = {}
    for cell in listing.column(column):
        if found := _NUMBERED.fullmatch(cell):
            numbers.setdefault(found[1], set()).add(int(found[2]))
    gaps = []
    for prefix, present in numbers.items():
        if len(present) < 2 or len(present) * 2 < max(present) - min(present) + 1:
            continue
        for before, after in pairwise(sorted(present)):
            if after - before == 2:
                gaps.append(f"{prefix}{before + 1}")
            elif after - before > 2:
                gaps.append(f"{prefix}{before + 1} to {prefix}{after - 1}")
    return gaps


# --- reading


def _read_bytes(file: IO[bytes]) -> bytes:
    file.seek(0)
    data = b""
    parts = []
    size = 0
    while data := file.read(_CHUNK):
        size += len(data)
        if size > MAX_BYTES:
            raise ListingError(f"The file is larger than {MAX_BYTES >> 20} MB. Split it by date.")
        parts.append(data)
    file.seek(0)
    if not size:
        raise ListingError("The file is empty. Export it again; a listing without rows still has its header.")
    return b"".join(parts)


def _decode(data: bytes, encoding: Encoding | None) -> tuple[str, str]:
    """The text, and the codec that reads it."""
    codec = encoding or ("utf-16" if data.startswith(_UTF16_BOMS) else "utf-8")
    reads = "utf-8-sig" if codec == "utf-8" else codec
    try:
        text = data.decode(reads)
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise ListingError(
            f"The text is not {codec.upper()} (line {row}). In Excel save it as 'CSV UTF-8', or as "
            "XLSX. Where the form asks for the characters of the file, Windows-1252 can be chosen instead."
        ) from error
    if "\0" in text:
        raise ListingError("The file is not text: it holds zero bytes. Save it as 'CSV UTF-8' or as XLSX.")
    return text, reads


def _from_csv(text: str) -> Listing:
    numbered = []
    found = texts.Rows(text, texts.delimiter_of(text, _DELIMITERS), strict=True)
    try:
        for number, row in enumerate(found, start=1):
            cells = tuple(map(_clean, row))
            if any(cells):
                numbered.append((number, cells))
            if len(numbered) > MAX_ROWS + 1:
                raise ListingError(_too_many_rows())
    except texts.Endless as error:
        raise ListingError(
            f"Line {found.line}: a row does not end within {texts.LONGEST_ROW:,} characters. Do its quotes pair?"
        ) from error
    except csv.Error as error:
        raise ListingError(
            f"Line {found.line}: the quotes do not pair up ({error}). Cells with quotes in them must be "
            "quoted and their quotes doubled; a spreadsheet's own export does this."
        ) from error
    return _build(numbered)


def _from_workbook(file: IO[bytes], sheet: str | None) -> Listing:
    with on_disk(file, suffix=".xlsx") as path:
        if not path.stat().st_size:
            raise ListingError("The file is empty. Export it again.")
        if path.stat().st_size > MAX_BYTES:
            raise ListingError(f"The file is larger than {MAX_BYTES >> 20} MB. Split it by date.")
        try:
            rows = sandbox.run(
                "workbooks",
                path,
                limits=_READING,
                sheet=sheet,
                rows=MAX_ROWS + 1,
                columns=MAX_COLUMNS,
                **_WORKBOOK_BUDGET,
            )
        except Unfit as refusal:
            raise ListingError(*refusal.problems) from refusal
        except sandbox.Exhausted as error:
            raise ListingError(
                "The workbook needs more time or memory to read than a listing may. Save the sheet as CSV."
            ) from error
    return _build([(number, tuple(map(_clean, cells))) for number, *cells in rows])


def _from_json(file: IO[bytes], codec: str) -> Listing:
    with on_disk(file, suffix=".json") as path:
        try:
            rows = sandbox.run("records", path, limits=_READING, encoding=codec, rows=MAX_ROWS, columns=MAX_COLUMNS)
        except Unfit as refusal:
            raise ListingError(*refusal.problems) from refusal
        except sandbox.Exhausted as error:
            raise ListingError(
                "The JSON needs more time or memory to read than a listing may. Save it as CSV."
            ) from error
    return _build([(number, tuple(map(_clean, cells))) for number, *cells in rows])


# --- checking


def _build(numbered: list[tuple[int, Row]]) -> Listing:
    """The listing of numbered rows, the first being the header; raises with every problem found."""
    if not numbered:
        raise ListingError("The file holds no rows. A listing without rows still has its header.")
    (_, header), *body = numbered
    ragged = [(number, cells) for number, cells in body if len(cells) != len(header)]
    whole = [(number, cells) for number, cells in body if len(cells) == len(header)]
    reach = max(_reach(cells) for _, cells in [numbered[0], *whole])
    header = header[:reach]
    problems = [_width_problem(number, cells, header) for number, cells in ragged]
    problems += _header_problems(header)
    for number, cells in whole:
        for name, cell in zip(header, cells, strict=False):
            if len(cell) > MAX_CELL:
                problems.append(f"Row {number}, column {name!r}: the text is longer than {MAX_CELL:,} characters.")
            elif _FORBIDDEN.search(cell):
                problems.append(f"Row {number}, column {name!r}: the text holds characters that cannot be shown.")
    if problems:
        raise ListingError(*problems)
    numbers = tuple(number for number, _ in whole)
    return Listing(header, tuple(cells[:reach] for _, cells in whole), numbers)


def _width_problem(number: int, cells: Row, header: Row) -> str:
    hint = (
        "Does the header stand in the first row, without a title above it?"
        if len(header) == 1
        else "A cell with the separator in it must be in quotes."
    )
    return f"Row {number} has {len(cells)} cells, the header has {len(header)}. {hint}"


def _header_problems(header: Row) -> list[str]:
    problems = []
    if len(header) > MAX_COLUMNS:
        problems.append(f"The listing has {len(header):,} columns, more than {MAX_COLUMNS}. Leave out the rest.")
    seen: dict[str, int] = {}
    for number, name in enumerate(header, start=1):
        if not name:
            problems.append(f"Column {number} has no heading. Give every column a name in the first row.")
        elif _FORBIDDEN.search(name) or len(name) > _MAX_NAME:
            problems.append(f"The heading of column {number} is too long or cannot be shown.")
        elif name.casefold() in seen:
            problems.append(
                f"Columns {seen[name.casefold()]} and {number} are both called {name!r}. Name them apart."
            )
        seen.setdefault(name.casefold(), number)
    return problems


def _reach(cells: Row) -> int:
    """The number of the last cell that holds something; spreadsheets export empty columns behind it."""
    return max((number for number, cell in enumerate(cells, start=1) if cell), default=0)


def _clean(cell: str) -> str:
    return cell.strip().replace("\r\n", "\n").replace("\r", "\n")


def _lines(listing: Listing) -> Iterator[bytes]:
    for row in (listing.columns, *listing.rows):
        yield (",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n").encode()


def _all_dates(cells: Collection[str], order: DateOrder) -> bool:
    return all(parse_date(cell, order) for cell in cells)


def _date(year: str, month: int, day: str) -> date | None:
    try:
        return date(int(year), month, int(day))
    except ValueError:
        return None


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else cell[:37] + "...")


def _too_many_rows() -> str:
    return f"The listing has more than {MAX_ROWS:,} rows. Split it by date."
