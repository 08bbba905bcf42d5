"""The linter remarks on what a careful reader would see, and only on that."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.lint import CUTS, ELSEWHERE, days_in_text, findings, in_text, rows_of
from evidence.validation import inspect

YEARS = (dt.datetime(1990, 1, 1), dt.datetime(2049, 12, 31))  # noqa: DTZ001 (hypothesis wants them so)
PERIOD: dict[str, Any] = {"period_start": dt.date(2025, 1, 1), "period_end": dt.date(2025, 12, 31)}


def day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def codes(**values: Any) -> list[str]:
    return [remark.code for remark in findings(**{"kind": "pdf", "facts": {}, **values})]


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
    (remark,) = findings(kind="pdf", facts={}, same_content=[("E-004", ""), ("E-009", "REQ-002")])
    assert remark.code == "duplicate"
    assert "E-004, E-009 (for REQ-002)" in remark.message


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
        ("hidden_rows", "Sheet 'Sheet' hides 1 row. Show them, or say why not."),
        ("hidden_columns", "Sheet 'Sheet' hides 1 column. Show them, or say why not."),
        ("hidden_sheet", "Sheet 'Raw' is hidden and holds 1 row. Show it, or say what it is."),
        ("empty_sheet", "Sheet 'Blank' is empty. If nothing belongs there, say so."),
    ]


def test_filtered_sheet() -> None:
    def filter_rows(book: Any) -> None:
        book.active.auto_filter.ref = "A1:C4"
        book.active.auto_filter.add_filter_column(1, ["Ana"])
        book.active.row_dimensions[3].hidden = book.active.row_dimensions[4].hidden = True

    assert findings(kind="xlsx", facts=workbook_facts(filter_rows))[0].message == (
        "Sheet 'Sheet' is filtered, which hides 2 rows. Take the filter off, so that all is there."
    )

    def only_buttons(book: Any) -> None:
        book.active.auto_filter.ref = "A1:C4"

    assert codes(kind="xlsx", facts=workbook_facts(only_buttons)) == []


def test_nothing_below_the_header() -> None:
    assert codes(kind="xlsx", facts=workbook_facts(lambda book: book.active.delete_rows(2, 3))) == ["empty"]
    assert codes(kind="csv", facts=inspect(io.BytesIO(b"a,b\n,\n"), "x.csv").facts) == ["empty"]
    assert codes(kind="csv", facts=inspect(io.BytesIO(b"a,b\n1,2"), "x.csv").facts) == []
    assert codes(kind="json", facts=inspect(io.BytesIO(b"[]"), "x.json").facts) == ["empty"]


@given(rows=st.integers(0, 1_200_000))
def test_round_ends_are_remarked_and_no_others(rows: int) -> None:
    found = codes(kind="csv", facts={"lines": rows + 1})
    assert ("cut_off" in found) == (rows in CUTS or rows + 1 in CUTS)


@pytest.mark.parametrize("rows", [1_000, 999, 65_535, 65_536, 1_048_575, 10_000])
def test_limits_of_programs_are_known(rows: int) -> None:
    assert "cut_off" in codes(kind="csv", facts={"lines": rows + 1})


@given(rows=st.integers(0, 10_000), former=st.integers(0, 10_000))
def test_counts_are_alike_within_a_quarter(rows: int, former: int) -> None:
    unlike = "rows_unlike" in codes(kind="csv", facts={"lines": rows + 1}, former_rows=former)
    assert unlike == (abs(rows - former) > max(3, former // 4))
    assert "rows_unlike" not in codes(kind="pdf", facts={"pages": rows}, former_rows=former)


@given(place=st.sampled_from(sorted(ELSEWHERE)), before=st.sampled_from(["users", "db", ""]))
def test_other_environments_are_read_from_the_name(place: str, before: str) -> None:
    for name in (f"{before}-{place}-listing.csv", f"{before}_{place.upper()}.xlsx", f"{place}.{before} export.pdf"):
        assert codes(name=name) == ["environment"], name
        assert codes(name=f"production {name}") == []


@pytest.mark.parametrize(
    "name",
    [
        "restore test 2026-03.pdf",
        "pen-test-report.pdf",
        "DR test results.docx",
        "latest users.csv",
        "device list.csv",
        "attestation.pdf",
        "contestants.csv",
        "developers.csv",
        "protest.txt",
        "",
    ],
)
def test_words_that_only_look_like_environments(name: str) -> None:
    assert codes(name=name) == []


@pytest.mark.parametrize(
    "name", ["nonprod-users.csv", "non-prod users.csv", "pre-production.csv", "usersTest.csv", "UAT_users.csv"]
)
def test_what_is_not_production_says_so(name: str) -> None:
    assert codes(name=name) == ["environment"]


@given(moment=st.datetimes(*YEARS))
def test_a_date_is_seen_however_it_is_written(moment: dt.datetime) -> None:
    for form in (
        "%Y-%m-%d",
        "%Y-%m-%dT%H:%M:%S",
        "%d.%m.%Y",
        "%m/%d/%Y",
        "%Y/%m/%d",
        "%d %b %Y",
        "%d-%b-%y",
        "%B %d, %Y",
        "%b %Y",
    ):
        text = f"As of {moment.strftime(form)} all users"
        assert in_text(kind="pdf", text=text) == [], text


@pytest.mark.parametrize(
    "text", ["All users are active", "Version 1.2.3 of 10.0.0.1", "Ticket 4411, page 3 of 12", "12:30"]
)
def test_what_has_no_date_is_remarked(text: str) -> None:
    assert [one.code for one in in_text(kind="pdf", text=text)] == ["no_date"]
    assert in_text(kind="pdf", text=text, name="users_2026-03-31.pdf") == []


@given(text=st.text(), kind=st.sampled_from(["pdf", "png", "csv", "zip", "docx"]))
@pytest.mark.drill
def test_any_text_is_read_without_a_fault(text: str, kind: str) -> None:
    for remark in in_text(kind=kind, text=text, name=text):
        assert remark.message.endswith(".")
    findings(kind=kind, facts={}, name=text)


def test_of_what_cannot_be_read_nothing_is_said() -> None:
    assert in_text(kind="png", text="") == []


@pytest.mark.parametrize(
    "text",
    [
        "1 Jan 2026\n... and 240 more",
        "2026-01-01 (12 more rows)",
        "2026-01-01 results truncated",
        "2026-01-01 Showing 1-50 of 1,240",
        "2026-01-01 Displaying 51 to 100 of 100",
        "2026-01-01 Showing the first 100 rows",
        "2026-01-01 export limit of 5000 reached",
        "2026-01-01 Load more",
    ],
)
def test_what_says_it_is_not_complete(text: str) -> None:
    assert [one.code for one in in_text(kind="pdf", text=text)] == ["truncated"]


@pytest.mark.parametrize("text", ["2026-01-01 Showing 1-50 of 50", "2026-01-01 no more than 3 accounts"])
def test_what_is_complete(text: str) -> None:
    assert in_text(kind="pdf", text=text) == []


def test_rows_of_listings_only() -> None:
    assert rows_of("csv", {"lines": 4}) == 3
    assert rows_of("csv", {"lines": 0}) == 0
    assert rows_of("xlsx", {"sheets": [{"rows": 3}, {"rows": 9}]}) == 8
    assert rows_of("pdf", {"pages": 3}) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run 2024-03-01\nand 2024-12-31", "The latest date in it is 2024-12-31, before the period 2025-01-01"),
        ("run 2026/01/05", "The earliest date in it is 2026-01-05, after the end of the period on 2025-12-31"),
        ("asked 2024-12-31, given 2025-01-01", ""),
        ("born 1980-02-29, joined 2025-06-01, ends 2031-01-01", ""),
        ("from 2024-12-31 to 2026-01-01", ""),
        ("2024-02-30 is no day", ""),
        ("12.05.2024 is May or December", ""),
    ],
)
def test_days_that_can_be_read_are_held_against_the_period(text: str, expected: str) -> None:
    found = days_in_text(text, **PERIOD)
    assert [one.code for one in found] == ["read_outside_period"] * bool(expected)
    assert all(one.message.startswith(expected) for one in found)
    as_of = days_in_text(text, period_start=None, period_end=PERIOD["period_end"])
    assert bool(as_of) == expected.startswith("The earliest")
    assert days_in_text(text, period_start=None, period_end=None) == []
