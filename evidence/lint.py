"""What a careful reader would remark on a file as it comes in. Remarks, not refusals.

Pure: everything comes in as values, so that the same findings can be derived again later.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Remark:
    """One finding: a code for filters and tests, and the words for people."""

    code: str
    message: str


def findings(
    *,
    kind: str,
    facts: Mapping[str, Any],
    speaks_from: dt.date | None = None,
    speaks_to: dt.date | None = None,
    period_start: dt.date | None = None,
    period_end: dt.date | None = None,
    same_content: Sequence[str] = (),
) -> list[Remark]:
    """The remarks on a file of this kind with these facts (`evidence.validation.Inspected`).

    `speaks_from` and `speaks_to` are the dates the evidence speaks of, either may be missing. The period is
    the engagement's; a Type 1 has only `period_end`, its as-of date. `same_content` names other files of the
    same engagement with the same SHA-256 (never of another one: R69).
    """
    return [
        *_dates(speaks_from, speaks_to, period_start, period_end),
        *_emptiness(kind, facts),
        *_sheets(facts.get("sheets", ())),
        *_duplicates(same_content),
    ]


def _dates(
    speaks_from: dt.date | None, speaks_to: dt.date | None, start: dt.date | None, end: dt.date | None
) -> list[Remark]:
    """Evidence from outside the period may support the design only (R23)."""
    first, last = speaks_from or speaks_to, speaks_to or speaks_from
    if first is None or last is None or end is None:
        return []
    spoken = f"{first}" if first == last else f"{first} to {last}"
    if first > end or (start is not None and last < start):
        span = f"the as-of date {end}" if start is None else f"the period {start} to {end}"
        place = "after" if first > end else "before"
        return [
            Remark(
                "outside_period",
                f"It speaks of {spoken}, {place} {span}. It can support the design of a control, not that it "
                "operated.",
            )
        ]
    if last > end or (start is not None and first < start):
        span = f"the as-of date {end}" if start is None else f"the period {start} to {end}"
        return [Remark("partly_outside_period", f"It speaks of {spoken}, partly outside {span}.")]
    return []


def _emptiness(kind: str, facts: Mapping[str, Any]) -> list[Remark]:
    if kind == "csv" and facts.get("lines", 2) <= 1:
        return [Remark("empty", "The listing has no rows below its header. If nothing occurred, say so.")]
    if kind in ("txt", "json") and (facts.get("lines") == 0 or facts.get("entries") == 0):
        return [Remark("empty", "The file has no content.")]
    return []


def _sheets(sheets: Sequence[Mapping[str, Any]]) -> list[Remark]:
    if sheets and not any(sheet["rows"] > 1 for sheet in sheets):
        return [Remark("empty", "The workbook has no sheet with rows below a header. If nothing occurred, say so.")]
    remarks = []
    for sheet in sheets:
        name = f"Sheet {sheet['name']!r}"
        if sheet["rows"] == 0:
            remarks.append(Remark("empty_sheet", f"{name} is empty."))
            continue
        if sheet["hidden"]:
            remarks.append(Remark("hidden_sheet", f"{name} is hidden and holds {_count(sheet['rows'], 'row')}."))
        if sheet["filtered"]:
            hidden = f", which hides {_count(sheet['hidden_rows'], 'row')}" if sheet["hidden_rows"] else ""
            remarks.append(Remark("filtered", f"{name} is filtered{hidden}. Ask for it without the filter."))
        elif sheet["hidden_rows"]:
            remarks.append(Remark("hidden_rows", f"{name} hides {_count(sheet['hidden_rows'], 'row')}."))
        if sheet["hidden_columns"]:
            remarks.append(Remark("hidden_columns", f"{name} hides {_count(sheet['hidden_columns'], 'column')}."))
    return remarks


def _duplicates(same_content: Sequence[str]) -> list[Remark]:
    if not same_content:
        return []
    return [Remark("duplicate", f"The same content is already here: {', '.join(same_content)}.")]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
