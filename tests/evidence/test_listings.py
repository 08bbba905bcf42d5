"""A population's listing is read strictly, and its hash does not depend on the file's packing."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH

from evidence.listings import (
    DateColumn,
    Duplicate,
    Listing,
    ListingError,
    canonical,
    column_dates,
    date_columns,
    digest,
    duplicates,
    from_canonical,
    key_columns,
    nested,
    read,
    sequence_gaps,
)
from evidence.probes import Unfit, workbooks

CSV = "Ticket,Opened,Owner\nCHG-1,2025-01-03,Ana\nCHG-2,2025-01-04,Łukasz\n"
LISTING = Listing(
    ("Ticket", "Opened", "Owner"), (("CHG-1", "2025-01-03", "Ana"), ("CHG-2", "2025-01-04", "Łukasz"))
)


def moment(iso: str) -> dt.datetime:
    """Spreadsheets know no zones."""
    return dt.datetime.fromisoformat(iso)


def from_bytes(data: bytes, name: str = "changes.csv", **options: Any) -> Listing:
    return read(io.BytesIO(data), name, **options)


def problems(data: bytes | str, name: str = "changes.csv", **options: Any) -> list[str]:
    with pytest.raises(ListingError) as caught:
        from_bytes(data.encode() if isinstance(data, str) else data, name, **options)
    return caught.value.messages


def workbook(fill: Callable[[Any], None]) -> bytes:
    book = openpyxl.Workbook()
    fill(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def sheet_of(*rows: list[Any]) -> bytes:
    def fill(book: Any) -> None:
        for row in rows:
            book.active.append(row)

    return workbook(fill)


def edited(data: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            content = old.read(info)
            new.writestr(info.filename, change(content) if info.filename == part else content)
    return out.getvalue()


# --- one hash for one content


@pytest.mark.parametrize(
    "packed",
    [
        CSV.encode(),
        CSV.encode("utf-8-sig"),
        CSV.encode("utf-16"),
        "\ufeff".encode("utf-16-be") + CSV.encode("utf-16-be"),
        CSV.replace("\n", "\r\n").encode(),
        CSV.rstrip("\n").encode(),
        CSV.replace(",", ";").encode(),
        CSV.replace(",", "\t").encode(),
        CSV.replace("Ana", '"Ana"').replace("CHG-1", "  CHG-1 ").encode(),
        CSV.replace("\n", ",,\n").encode(),
        CSV.replace("CHG-2", "\n,,\nCHG-2").encode(),
        canonical(LISTING),
    ],
)
def test_packing_makes_no_difference(packed: bytes) -> None:
    assert from_bytes(packed) == LISTING
    assert digest(from_bytes(packed)) == digest(LISTING)


def test_workbook_and_json_give_the_same_hash_as_the_csv() -> None:
    rows = [["CHG-1", moment("2025-01-03"), "Ana"], ["CHG-2", dt.date(2025, 1, 4), "Łukasz"]]
    book = sheet_of(["Ticket", "Opened", "Owner"], *rows)
    assert from_bytes(book, "changes.xlsx") == LISTING
    records = [dict(zip(LISTING.columns, row, strict=True)) for row in LISTING.rows]
    for form in (records, {"value": records, "count": 2}):
        assert from_bytes(json.dumps(form).encode(), "changes.json") == LISTING


@pytest.mark.parametrize(
    "other",
    [
        CSV.replace("Ana", "ana"),
        CSV.replace("CHG-2,2025-01-04,Łukasz\n", ""),
        "Ticket,Opened,Owner\nCHG-2,2025-01-04,Łukasz\nCHG-1,2025-01-03,Ana\n",
        CSV.replace("Owner", "Assignee"),
    ],
)
def test_changed_content_changes_the_hash(other: str) -> None:
    assert digest(from_bytes(other.encode())) != digest(LISTING)


def test_hash_is_the_sha256_of_the_canonical_file() -> None:
    assert canonical(LISTING) == (
        '"Ticket","Opened","Owner"\n"CHG-1","2025-01-03","Ana"\n"CHG-2","2025-01-04","Łukasz"\n'.encode()
    )
    assert digest(LISTING) == hashlib.sha256(canonical(LISTING)).hexdigest()


cell = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], include_characters="\n"), max_size=12).map(
    lambda text: text.strip()
)


@settings(max_examples=80, deadline=None)
@given(st.data(), st.integers(1, 4))
def test_canonical_form_reads_back_as_the_same_listing(data: st.DataObject, width: int) -> None:
    header = data.draw(
        st.lists(cell.filter(bool), min_size=width, max_size=width, unique_by=lambda name: name.casefold())
    )
    rows = data.draw(st.lists(st.lists(cell, min_size=width, max_size=width).filter(any), max_size=8))
    listing = Listing(tuple(header), tuple(tuple(row) for row in rows))
    assert from_bytes(canonical(listing)) == listing
    assert from_canonical(canonical(listing)) == listing


# --- strictness


def test_empty_file_and_file_of_blanks() -> None:
    assert "empty" in problems(b"")[0]
    assert "no rows" in problems("\n\n , \n")[0]
    assert "empty" in problems(b"", "x.xlsx")[0]


def test_population_of_zero_is_a_header() -> None:
    assert from_bytes(b"Ticket,Opened\n") == Listing(("Ticket", "Opened"), ())


def test_every_problem_is_named_with_its_row() -> None:
    found = problems("A,B\n1,2\n1,2,3\n4\n5,\x07\n")
    assert found == [
        "Row 3 has 3 cells, the header has 2. A cell with the separator in it must be in quotes.",
        "Row 4 has 1 cells, the header has 2. A cell with the separator in it must be in quotes.",
        "Row 5, column 'B': the text holds characters that cannot be shown.",
    ]


def test_no_more_than_fifty_problems_are_listed() -> None:
    found = problems("A,B\n" + "1,2,3\n" * 120)
    assert len(found) == 51
    assert "70 more" in found[-1]


def test_header_rules() -> None:
    assert problems("A,,B\n1,2,3\n") == ["Column 2 has no heading. Give every column a name in the first row."]
    assert problems("Name,Date,name\n1,2,3\n") == ["Columns 1 and 3 are both called 'name'. Name them apart."]
    assert "column 2" in problems("A,B\x01\n1,2\n")[0]
    assert "201 columns" in problems(",".join(f"c{i}" for i in range(201)) + "\n")[0]


def test_title_above_the_header_is_pointed_out() -> None:
    assert "title" in problems("Access review Q2\nuser,role\nana,admin\n")[0]


def test_quotes_that_do_not_pair_up() -> None:
    assert "quotes" in problems('A,B\n"1,2\n3,4\n')[0]
    assert "quotes" in problems('A,B\n"1"x,2\n')[0]


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evidence.listings.MAX_ROWS", 3)
    assert len(from_bytes(b"A,B\n" + b"1,2\n" * 3).rows) == 3
    assert "more than 3 rows" in problems("A,B\n" + "1,2\n" * 4)[0]
    assert "more than 3 rows" in problems(json.dumps([{"a": 1}] * 4), "x.json")[0]
    assert "more than 3" in problems(sheet_of(["A"], *[[n] for n in range(4)]), "x.xlsx")[0]
    monkeypatch.setattr("evidence.listings.MAX_CELL", 5)
    assert "longer than 5" in problems("A,B\n123456,1\n")[0]
    monkeypatch.setattr("evidence.listings.MAX_BYTES", 1 << 20)
    assert "larger than 1 MB" in problems("A\n" + "1\n" * (1 << 19))[0]


def test_encodings() -> None:
    windows = "Owner,Role\nJosé,Administrateur\n".encode("cp1252")
    assert "not UTF-8 (line 2)" in problems(windows)[0]
    assert "Windows-1252" in problems(windows)[0]
    assert from_bytes(windows, encoding="cp1252").rows == (("José", "Administrateur"),)
    assert "zero bytes" in problems(CSV.encode("utf-16-le"))[0]


def test_other_endings_are_refused() -> None:
    assert "CSV, XLSX or JSON" in problems(b"x", "listing.pdf")[0]
    assert "CSV, XLSX or JSON" in problems(b"x", "listing")[0]


# --- workbooks


def test_numbers_dates_and_truth_values() -> None:
    book = sheet_of(
        ["a", "b", "c", "d", "e", "f"],
        [5, 5.0, 0.1, True, moment("2025-03-01T10:30"), dt.time(9, 5)],
        [2.5e20, -3, "007", False, dt.date(2024, 2, 29), None],
    )
    assert from_bytes(book, "x.xlsx").rows == (
        ("5", "5", "0.1", "TRUE", "2025-03-01 10:30:00", "09:05:00"),
        ("2.5e+20", "-3", "007", "FALSE", "2024-02-29", ""),
    )


def test_formula_gives_its_stored_result_or_is_refused() -> None:
    book = sheet_of(["a", "b"], [1, "=A2*2"])
    assert problems(book, "x.xlsx") == [
        (
            "Cell B2 holds a formula without a stored result. Open the workbook in Excel, let it calculate, save "
            "it and upload it again."
        )
    ]

    def calculated(part: bytes) -> bytes:
        assert b"<v></v>" in part or b"<v />" in part or b"<v/>" in part
        for empty in (b"<v></v>", b"<v />", b"<v/>"):
            part = part.replace(empty, b"<v>2</v>")
        return part

    stored = edited(book, "xl/worksheets/sheet1.xml", calculated)
    assert from_bytes(stored, "x.xlsx").rows == (("1", "2"),)


def test_error_values_are_refused_with_their_cell() -> None:
    def fill(book: Any) -> None:
        book.active.append(["a", "b"])
        book.active["A2"], book.active["B2"] = 1, "#REF!"
        book.active["B2"].data_type = "e"

    assert problems(workbook(fill), "x.xlsx") == ["Cell B2 shows an error instead of a value. Repair it."]


def test_sheet_must_be_clear() -> None:
    def fill(book: Any) -> None:
        book.active.append(["a"])
        book.create_sheet("Second").append(["b"])
        book.create_sheet("Empty")

    assert "'Sheet', 'Second'" in problems(workbook(fill), "x.xlsx")[0]
    assert from_bytes(workbook(fill), "x.xlsx", sheet="Second").columns == ("b",)
    assert "no sheet 'Third'" in problems(workbook(fill), "x.xlsx", sheet="Third")[0]


def test_wrong_dimension_does_not_cut_rows_off() -> None:
    book = sheet_of(["a"], ["1"], ["2"], ["3"])
    cut = edited(book, "xl/worksheets/sheet1.xml", lambda part: part.replace(b'ref="A1:A4"', b'ref="A1:A2"'))
    assert cut != book
    assert len(from_bytes(cut, "x.xlsx").rows) == 3


def test_rows_out_of_order_are_refused_not_dropped() -> None:
    book = sheet_of(["a"], ["1"], ["2"])
    doubled = edited(
        book,
        "xl/worksheets/sheet1.xml",
        lambda part: part.replace(b'<row r="3"', b'<row r="2"').replace(b'r="A3"', b'r="A2"'),
    )
    assert "out of order" in problems(doubled, "x.xlsx")[0]


@pytest.mark.drill
def test_far_away_cells_do_not_exhaust_the_reader() -> None:
    def far(row: int) -> Callable[[bytes], bytes]:
        return lambda part: part.replace(b'<row r="2"', f'<row r="{row}"'.encode()).replace(
            b'r="A2"', f'r="A{row}"'.encode()
        )

    book = sheet_of(["a"], ["1"])
    assert from_bytes(edited(book, "xl/worksheets/sheet1.xml", far(1_048_576)), "x.xlsx").rows == (("1",),)
    assert problems(edited(book, "xl/worksheets/sheet1.xml", far(9_999_999)), "x.xlsx")
    wide = workbook(lambda book: book.active.cell(1, 16_384, "x"))
    assert "16,384 columns" in problems(wide, "x.xlsx")[0]


@pytest.mark.parametrize(
    "declaration",
    [
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
    ],
)
@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml"])
def test_entities_are_refused(declaration: bytes, part: str) -> None:
    book = sheet_of(["a"], ["1"])

    def declare(content: bytes) -> bytes:
        head, mark, rest = content.partition(b"?>")
        return head + mark + declaration + rest if mark else declaration + content

    assert "entities" in problems(edited(book, part, declare), "x.xlsx")[0]


FORMATS = ["General", "0.00", "@", "yyyy-mm-dd", "d/m/yy h:mm", "[h]:mm:ss", "[Red]0", '"due "0', "mmm-yy", "h:mm"]
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**14), 10**14),
    st.floats(-1e300, 1e300),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8).filter(
        lambda text: not text.startswith("=") and "_x" not in text and "#" not in text
    ),
    st.datetimes(dt.datetime.fromisoformat("1950-01-01"), dt.datetime.fromisoformat("2090-01-01")),
    st.dates(dt.date(1950, 1, 1), dt.date(2090, 1, 1)),
    st.times(),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.tuples(values, st.sampled_from(FORMATS)), min_size=1, max_size=4), max_size=5),
    st.booleans(),
)
@example(rows=[[(-0.0, "General")]], since_1904=False)
def test_same_values_as_openpyxl_reads(tmp_path: Path, rows: Any, since_1904: bool) -> None:
    book = openpyxl.Workbook()
    book.epoch = MAC_EPOCH if since_1904 else WINDOWS_EPOCH
    for y, row in enumerate(rows, start=1):
        for x, (value, shown) in enumerate(row, start=1):
            cell = book.active.cell(y, x, value)
            if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 50_000:
                cell.number_format = shown
    path = tmp_path / "x.xlsx"
    book.save(path)
    reread = openpyxl.load_workbook(path, data_only=True)
    theirs = [
        [number, *(workbooks.as_text(v) if isinstance(v, FORMATTED) else plain(v) for v in row)]
        for number, row in enumerate(reread.active.iter_rows(values_only=True), start=1)
    ]
    width = max((len(row) for row in theirs), default=0)
    expected = [row for row in theirs if any(row[1:])]
    if not expected:
        with pytest.raises(Unfit, match="no visible sheet with content"):
            workbooks.examine(path, sheet=None, **BUDGET)
        return
    ours = workbooks.examine(path, sheet=None, **BUDGET)
    padded = [row + [""] * (width - len(row)) for row in ours]
    assert [[row[0], *map(str.strip, row[1:])] for row in padded] == [
        [row[0], *map(str.strip, row[1:])] for row in expected
    ]


FORMATTED = (float, dt.datetime, dt.date, dt.time, dt.timedelta)


def plain(value: Any) -> str:
    if value is None:
        return ""
    return str(value).upper() if isinstance(value, bool) else str(value)


BUDGET: dict[str, Any] = {
    "rows": 100,
    "columns": 20,
    "entries": 2_000,
    "unpacked": 50 << 20,
    "xml": 50 << 20,
    "ratio": 100,
}
WHOLE = sheet_of(["a", "b"], ["1", dt.date(2025, 1, 1)], [2.5, "x"])
PARTS = ("xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml", "xl/_rels/workbook.xml.rels")


def damaged(data: st.DataObject, content: bytes) -> bytes:
    harmed = bytearray(content)
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, 1 << 16), st.sampled_from(b'<>"=0189 -x\0\xff/')), max_size=5)
    ):
        harmed[place % len(harmed)] = value
    return bytes(harmed)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.sampled_from(PARTS), st.booleans())
def test_damaged_workbooks_are_refused_in_words(
    tmp_path: Path, data: st.DataObject, part: str, inside: bool
) -> None:
    book = edited(WHOLE, part, lambda content: damaged(data, content)) if inside else damaged(data, WHOLE)
    path = tmp_path / "x.xlsx"
    path.write_bytes(book)
    with suppress(Unfit):
        rows = workbooks.examine(path, sheet=None, **BUDGET)
        assert all(isinstance(cell, str) for _, *cells in rows for cell in cells)


# --- JSON


def test_json_keeps_numbers_as_written_and_flattens_what_is_nested() -> None:
    first = '{"id": 1.50, "n": 123456789012345678901, "ok": true, "tags": {"b": 1, "a": [null]}}'
    text = f'{{"Records": [{first}, {{"id": 2}}]}}'
    listing = from_bytes(text.encode(), "x.json")
    assert listing.columns == ("id", "n", "ok", "tags")
    assert listing.rows == (
        ("1.50", "123456789012345678901", "true", '{"a":[null],"b":"1"}'),
        ("2", "", "", ""),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not valid JSON"),
        ("[1, 2]", "Entry 1"),
        ("{}", "list of objects"),
        ('{"a": [{}], "b": [{}]}', "exactly one"),
        ("[]", "empty"),
        ('[{"a": 1, "a": 2}]', "twice"),
        ('[{"a": NaN}]', "NaN"),
        ("[" * 100_000, "deep"),
        ('[{"a": "\\ud800"}]', "cannot be shown"),
        ('[{"a": 1, "A": 2}]', "Name them apart"),
    ],
)
def test_json_that_is_no_listing(text: str, words: str) -> None:
    assert words in " ".join(problems(text, "x.json"))


# --- what a listing tells about itself


def table(**columns: list[str]) -> Listing:
    return Listing(tuple(columns), tuple(zip(*columns.values(), strict=True)))


def test_date_columns_and_their_order() -> None:
    listing = table(
        iso=["2025-01-31", "2025-02-01T10:00:00Z"],
        us=["01/31/2025", "02/01/2025 10:00"],
        eu=["31.01.2025", "01.02.2025"],
        unclear=["01/02/2025", "03/04/2025"],
        named=["3 Feb 2025", "Mar 4, 2025"],
        none=["2025-13-01", "x"],
        sparse=["2025-01-01", ""],
    )
    assert date_columns(listing) == [
        DateColumn("iso", "ymd"),
        DateColumn("us", "mdy"),
        DateColumn("eu", "dmy"),
        DateColumn("unclear", None),
        DateColumn("named", "ymd"),
        DateColumn("sparse", "ymd"),
    ]
    assert column_dates(listing, "us", order="mdy") == [dt.date(2025, 1, 31), dt.date(2025, 2, 1)]
    assert column_dates(listing, "unclear", order="dmy")[0] == dt.date(2025, 2, 1)
    assert column_dates(listing, "sparse") == [dt.date(2025, 1, 1), None]


def test_cells_that_are_no_dates_are_named() -> None:
    listing = table(day=["2025-01-31", "03/04/2025", "n/a"])
    with pytest.raises(ListingError) as caught:
        column_dates(listing, "day")
    assert caught.value.messages == [
        "Row 3, column 'day': '03/04/2025' is not a date. Say whether the day or the month comes first.",
        "Row 4, column 'day': 'n/a' is not a date.",
    ]


def test_keys_duplicates_and_gaps() -> None:
    listing = table(
        owner=["a", "b", "c", "d"],
        ticket=["CHG-101", "CHG-102", "CHG-104", "CHG-108"],
        system=["x", "x", "y", ""],
    )
    assert key_columns(listing) == ["ticket", "owner"]
    assert duplicates(listing, "system") == [Duplicate("x", (2, 3))]
    assert sequence_gaps(listing, "ticket") == ["CHG-103", "CHG-105 to CHG-107"]


def test_scattered_numbers_are_names_not_a_sequence() -> None:
    assert sequence_gaps(table(id=["7", "90", "3000"]), "id") == []


def test_json_of_ever_new_names_is_refused_before_it_is_a_table() -> None:
    records = b"[" + b",".join(b'{"n%d": 1}' % number for number in range(60_000)) + b"]"
    with pytest.raises(ListingError, match="more than 200 names"):
        read(io.BytesIO(records), "a.json")


@pytest.mark.parametrize("line", [b",", b'"\n",'])
def test_a_row_without_an_end_is_refused_before_it_is_cells(line: bytes) -> None:
    with pytest.raises(ListingError, match=r"does not end within|more than 100,000 rows"):
        read(io.BytesIO(b"a,b\n1," + line * (4 << 20)), "a.csv")


def test_columns_that_hold_lists_or_objects_are_named_with_their_first_row() -> None:
    text = '[{"id": "1", "who": "[on call]", "labels": []}, {"id": "2", "who": {"login": "ada"}, "labels": ["x"]}]'
    listing = read(io.BytesIO(text.encode()), "changes.json")
    assert nested(listing) == [("who", 3), ("labels", 2)]
