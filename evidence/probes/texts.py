"""Plain text and listings as text, read without any parser that could be led astray: also in this process."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

LONGEST_ROW = 1 << 20
_SNIFFED = 50


class Endless(csv.Error):
    """A row goes on beyond any honest one, as when a quote has no second one."""


class Rows:
    """The rows of a listing, none longer than LONGEST_ROW; `line` is the one that was read last.

    Iterating raises csv.Error, Endless.
    """

    def __init__(self, text: str, delimiter: str, *, strict: bool = False) -> None:
        self._taken = 0
        self._reader = csv.reader(self._lines(text), delimiter=delimiter, strict=strict)

    def __iter__(self) -> Iterator[list[str]]:
        for row in self._reader:
            self._taken = 0
            yield row

    @property
    def line(self) -> int:
        return self._reader.line_num

    def _lines(self, text: str) -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            self._taken += len(line)
            if self._taken > LONGEST_ROW:
                raise Endless(f"longer than {LONGEST_ROW} characters")
            yield line


def delimiter_of(text: str, delimiters: str) -> str:
    """The delimiter by which most of the first rows fall into the same number of cells, more than one.

    Not the standard library's Sniffer: its expressions take hours over a few thousand quotes.
    """

    def agreement(delimiter: str) -> tuple[bool, float, int]:
        try:
            widths = [len(row) for row in islice(Rows(text, delimiter), _SNIFFED) if any(row)]
        except csv.Error:
            return (False, 0.0, 0)
        if not widths:
            return (False, 0.0, 0)
        usual, agreeing = Counter(widths).most_common(1)[0]
        return (usual > 1, agreeing / len(widths), usual)

    return max(delimiters, key=agreement)


class Enough(Exception):
    """The budget is used up."""


class Budget:
    """Collects text up to so many bytes of UTF-8."""

    def __init__(self, most: int) -> None:
        self.left = most
        self.parts: list[str] = []

    def add(self, text: str) -> None:
        encoded = text.encode("utf-8", "replace")
        self.parts.append(encoded[: self.left].decode("utf-8", "ignore"))
        self.left -= len(encoded)
        if self.left <= 0:
            raise Enough

    def text(self) -> str:
        # PostgreSQL takes no zero bytes
        return "".join(self.parts).replace("\0", " ")


def plain(path: Path, budget: Budget, found: dict[str, Any], encoding: str, shape: dict[str, int]) -> None:
    with path.open(encoding=encoding, errors="replace", newline=None) as file:
        while block := file.read(1 << 16):
            budget.add(block)


def listing(path: Path, budget: Budget, found: dict[str, Any], encoding: str, shape: dict[str, int]) -> None:
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        head = file.read(1 << 16)
    lines = head.splitlines(keepends=True)
    delimiter = delimiter_of(head, ",;\t|")
    # the last line of the head may be half a line
    whole = lines if len(head) < 1 << 16 else lines[:-1]
    table = []
    with suppress(csv.Error):
        for number, row in enumerate(csv.reader(whole, delimiter=delimiter)):
            if number > shape["rows"]:
                break
            table.append([value[: shape["cell"]] for value in row[: shape["columns"]]])
    cut = len(table) > shape["rows"] or len(whole) < len(lines)
    found["tables"].append({"name": "", "rows": table[: shape["rows"]], "cut": cut})
    plain(path, budget, found, encoding, shape)


def read(path: Path, *, kind: str, encoding: str, most: int, rows: int, columns: int, cell: int) -> dict[str, Any]:
    """As `evidence.probes.reading.examine`, for the kinds txt and csv."""
    found: dict[str, Any] = {"tables": [], "pages": 0, "cut": False}
    budget = Budget(most)
    try:
        reader = listing if kind == "csv" else plain
        reader(path, budget, found, encoding, {"rows": rows, "columns": columns, "cell": cell})
    except Enough:
        found["cut"] = True
    return {"text": budget.text(), **found}
