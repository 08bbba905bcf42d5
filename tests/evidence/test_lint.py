"""The linter remarks on what a careful reader would see, and only on that."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import openpyxl
import pytest

from evidence.lint import findings
from evidence.validation import inspect

PERIOD: dict[str, Any] = {"period_start": dt.date(2025, 1, 1), "period_end": dt.date(2025, 12, 31)}


def day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def codes(**given: Any) -> list[str]:
    return [remark.code for remark in findings(**{"kind": "pdf", "facts": {}, **given})]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2025-01-01", "2025-12-31", []),
        ("2025-06-01", None, []),
        (None, "2025-06-01", []),
        (None, None, []),
        ("2026-01-01", "2026-01-05", ["outside_period"]),
        (None, "2024-12-31", ["outside_period"]),
        ("2024-12-31", "2025-01-02", ["partly_outside_period"]),
        ("2025-12-31", "2026-01-02", ["partly_outside_period"]),
    ],
)
def test_dates_spoken_of_against_the_period(first: str | None, last: str | None, expected: list[str]) -> None:
    assert codes(speaks_from=day(first), speaks_to=day(last), **PERIOD) == expected


def test_remark_says_what_such_evidence_is_good_for() -> None:
    (remark,) = findings(kind="pdf", facts={}, speaks_from=dt.date(2024, 5, 1), **PERIOD)
    assert remark.message == (
        "It speaks of 2024-05-01, before the period 2025-01-01 to 2025-12-31. It can support the design of a "
        "control, not that it operated."
    )


def test_as_of_date_has_no_start() -> None:
    end = dt.date(2025, 6, 30)
    assert codes(speaks_from=dt.date(2020, 1, 1), period_end=end) == []
    assert codes(speaks_from=dt.date(2025, 7, 1), period_end=end) == ["outside_period"]


def test_same_content_is_named() -> None:
    (remark,) = findings(kind="pdf", facts={}, same_content=["E-004", "E-009"])
    assert remark.code == "duplicate"
    assert "E-004, E-009" in remark.message


def workbook_facts(change: Any) -> dict[str, Any]:
    book = openpyxl.Workbook()
    for row in (["Ticket", "Owner", "Note"], [1, "Ana", "x"], [2, "Bo", "y"], [3, "Cy", "z"]):
        book.active.append(row)
    change(book)
    out = io.BytesIO()
    book.save(out)
    return inspect(out, "listing.xlsx").facts


def test_ordinary_workbook_has_no_remarks() -> None:
    def hide_the_unused(book: Any) -> None:
        book.active.column_dimensions.group("E", "XFD", hidden=True)

    assert codes(kind="xlsx", facts=workbook_facts(hide_the_unused)) == []


def test_hidden_rows_columns_and_sheets() -> None:
    def hide(book: Any) -> None:
        book.active.row_dimensions[3].hidden = True
        book.active.column_dimensions["B"].hidden = True
        second = book.create_sheet("Raw")
        second.append(["secret"])
        second.sheet_state = "veryHidden"
        book.create_sheet("Blank")

    remarks = findings(kind="xlsx", facts=workbook_facts(hide))
    assert [(remark.code, remark.message) for remark in remarks] == [
        ("hidden_rows", "Sheet 'Sheet' hides 1 row."),
        ("hidden_columns", "Sheet 'Sheet' hides 1 column."),
        ("hidden_sheet", "Sheet 'Raw' is hidden and holds 1 row."),
        ("empty_sheet", "Sheet 'Blank' is empty."),
    ]


def test_filtered_sheet() -> None:
    def filter_rows(book: Any) -> None:
        book.active.auto_filter.ref = "A1:C4"
        book.active.auto_filter.add_filter_column(1, ["Ana"])
        book.active.row_dimensions[3].hidden = book.active.row_dimensions[4].hidden = True

    assert findings(kind="xlsx", facts=workbook_facts(filter_rows))[0].message == (
        "Sheet 'Sheet' is filtered, which hides 2 rows. Ask for it without the filter."
    )

    def only_buttons(book: Any) -> None:
        book.active.auto_filter.ref = "A1:C4"

    assert codes(kind="xlsx", facts=workbook_facts(only_buttons)) == []


def test_nothing_below_the_header() -> None:
    assert codes(kind="xlsx", facts=workbook_facts(lambda book: book.active.delete_rows(2, 3))) == ["empty"]
    assert codes(kind="csv", facts=inspect(io.BytesIO(b"a,b\n,\n"), "x.csv").facts) == ["empty"]
    assert codes(kind="csv", facts=inspect(io.BytesIO(b"a,b\n1,2"), "x.csv").facts) == []
    assert codes(kind="json", facts=inspect(io.BytesIO(b"[]"), "x.json").facts) == ["empty"]
