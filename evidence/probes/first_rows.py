"""As `evidence.probes.reading`, for workbooks: apart, because importing what reads them takes long."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from evidence.probes.reading import read_by
from evidence.probes.sheets import Sheet, tabs
from evidence.probes.texts import Budget
from evidence.probes.workbooks import Book, Cells


def examine(
    path: Path, *, kind: str, encoding: str, most: int, rows: int, columns: int, cell: int
) -> dict[str, Any]:
    """As `evidence.probes.reading.examine`, for the kind xlsx."""
    return read_by(_xlsx, path, encoding, most, {"rows": rows, "columns": columns, "cell": cell})


def _xlsx(path: Path, budget: Budget, found: dict[str, Any], encoding: str, shape: dict[str, int]) -> None:
    with zipfile.ZipFile(path) as archive:
        book = Book(archive)
        for sheet in tabs(archive)[:20]:
            if sheet.hidden:
                continue
            reader = _FirstRows(sheet, book, budget, shape)
            found["tables"].append(reader.table)
            try:
                reader.read(archive)
            except _Full:
                continue


class _Full(Exception):
    """The sheet has more rows than are shown and read."""


class _FirstRows(Cells):
    """The first rows of a sheet as they are shown, and its text as far as the budget goes."""

    def __init__(self, sheet: Sheet, book: Book, budget: Budget, shape: dict[str, int]) -> None:
        super().__init__(sheet, book, 1 << 20, 1 << 14)
        self.budget, self.shape = budget, shape
        self.table: dict[str, Any] = {"name": sheet.name[:80], "rows": [], "cut": False}
        self.budget.add(f"{sheet.name}\n")

    def take_row(self) -> None:
        cells, self.cells = self.cells, {}
        shown = self.table["rows"]
        if len(shown) < self.shape["rows"]:
            width = min(self.shape["columns"], max(cells, default=0))
            shown.append([cells.get(column, "")[: self.shape["cell"]] for column in range(1, width + 1)])
        else:
            self.table["cut"] = True
        self.budget.add("\t".join(cells.values()) + "\n")
