"""Plain text and listings as text, read without any parser that could be led astray: also in this process."""

from __future__ import annotations

import csv
from contextlib import suppress
from pathlib import Path
from typing import Any


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
    try:
        dialect: Any = csv.Sniffer().sniff("".join(lines[:20]), delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    # the last line of the head may be half a line
    whole = lines if len(head) < 1 << 16 else lines[:-1]
    table = []
    with suppress(csv.Error):
        for number, row in enumerate(csv.reader(whole, dialect)):
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
