"""JSON as a listing: a list of objects becomes a header and rows of text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evidence.probes import Unfit
from evidence.probes.structured import load

_NAMED = 50


def examine(path: Path, *, encoding: str, rows: int, columns: int) -> list[list[Any]]:
    """Rows that hold something as [number, text, text, ...], the header being row 1. Raises `Unfit`."""
    records = _records(load(path.read_text(encoding=encoding)))
    if len(records) > rows:
        raise Unfit(f"The listing has more than {rows:,} rows. Split it by date.")
    strangers = [number for number, record in enumerate(records, start=1) if not isinstance(record, dict)]
    if strangers:
        raise Unfit(
            *(
                f"Entry {number} of the JSON list is not an object with named values."
                for number in strangers[:_NAMED]
            )
        )
    header = _header(records, columns)
    found: list[list[Any]] = [[1, *header]]
    for number, record in enumerate(records, start=2):
        cells = [_flat(record.get(column)) for column in header]
        if any(cells):
            found.append([number, *cells])
    return found


def _records(value: Any) -> list[Any]:
    if isinstance(value, list):
        found = [value]
    elif isinstance(value, dict):
        found = [inner for inner in value.values() if isinstance(inner, list)]
    else:
        found = []
    if len(found) != 1:
        raise Unfit("The JSON must be a list of objects, or an object holding exactly one such list.")
    if not found[0]:
        raise Unfit(
            "The JSON list is empty, so its columns are unknown. For a population of zero give a CSV with only "
            "the header."
        )
    return found[0]


def _header(records: list[dict[str, Any]], most: int) -> list[str]:
    """All names, in the order in which they come up; refused before every row gets a cell for each."""
    names: dict[str, None] = {}
    for record in records:
        names |= dict.fromkeys(record)
        if len(names) > most:
            raise Unfit(f"The objects of the JSON list have more than {most} names. Leave out the rest.")
    return list(names)


def _flat(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
