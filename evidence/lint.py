"""What a careful reader would remark on a file as it comes in. Remarks, not refusals.

Pure: everything comes in as values, so that the same findings can be derived again later. `findings` needs what
is known when the file is received; `in_text` what a worker has read in it a moment later.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

# Row counts at which programs cut an export off without a word: pages of web interfaces, and the ends of old and
# new worksheets. With the header, a listing at its limit has one row less below it.
CUTS = frozenset({500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 65_536, 100_000, 500_000, 1_000_000, 1_048_576})

# The words for places where nothing real happens, as they stand in names of files and systems.
ELSEWHERE = {
    **dict.fromkeys(("staging", "stage", "stg"), "staging"),
    **dict.fromkeys(("test", "testing", "tst", "qa"), "test"),
    **dict.fromkeys(("uat", "acceptance"), "acceptance test"),
    **dict.fromkeys(("dev", "develop", "development"), "development"),
    **dict.fromkeys(("sandbox", "sbx"), "sandbox"),
    **dict.fromkeys(("demo", "sample", "example", "dummy"), "demonstration"),
    **dict.fromkeys(("preprod", "nonprod", "nonproduction"), "non-production"),
}
# "Restore test", "test of the plan": a test that is itself the evidence.
_TESTED = frozenset(
    """restore restoration recovery backup bcp drp dr penetration pen pentest plan failover tabletop phishing
    result results report case cases continuity incident response control controls unit load stress evidence
    fire""".split()
)
_MONTHS = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?"
)
_DATE = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d[-/.](?:0?[1-9]|1[0-2])(?:[-/.](?:0?[1-9]|[12]\d|3[01]))?"
    r"|(?:0?[1-9]|[12]\d|3[01])[-/.](?:0?[1-9]|[12]\d|3[01])[-/.](?:(?:19|20)\d\d|\d\d)"
    r"|20[0-4]\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(?!\d)"
    rf"|\b(?:{_MONTHS})\.?,?\s+(?:\d{{1,2}}(?:st|nd|rd|th)?,?\s+)?(?:19|20)\d\d\b"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?[\s.-]+(?:{_MONTHS})[\s.,-]+(?:(?:19|20)\d\d|\d\d)\b"
    rf"|\b(?:{_MONTHS})\s+\d{{1,2}}\s+\d\d:\d\d"
    # seconds since 1970, as logs have them
    r"|(?<!\d)1[5-9]\d{8}(?:\d{3})?(?!\d)",
    re.IGNORECASE,
)
# The days that can be read one way only.
_DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)[-/.](0[1-9]|1[0-2])[-/.](0[1-9]|[12]\d|3[01])(?!\d)")
# Bounded, or a page of figures would be gone through again from each of them.
_NUMBER = r"\d[\d,.]{0,15}"
_WHOLE = r"\d[\d,]{0,15}"
_MORE = re.compile(
    rf"\b{_NUMBER} more (?:rows|results|records|items|entries|lines)\b"
    rf"|(?:^|\n|\()\s{{0,20}}(?:\.{{3}}|…)\s{{0,20}}(?:and )?{_NUMBER} (?:more|others)\b"
    r"|\b(?:results?|output|export|list(?:ing)?|report|table|data|file) "
    r"(?:was |were |is |has been |have been )?truncated\b"
    rf"|\b(?:showing|displaying) (?:only )?(?:the )?(?:first|top) {_NUMBER} (?:of|rows|results|records|entries)\b"
    rf"|\b(?:row|record|result|export) limit (?:was |has been |of {_NUMBER} )?(?:reached|exceeded)\b"
    rf"|\b(?:only )?the first {_NUMBER} (?:rows|records|results|entries) (?:are|were) (?:shown|exported|listed)\b"
    r"|\[truncated\]|<truncated>|\bload more\b",
    re.IGNORECASE,
)
_SHOWING = re.compile(
    rf"\b(?:showing|displaying)\s+({_WHOLE})\s*(?:-|–|to)\s*({_WHOLE})\s+of\s+({_WHOLE})", re.IGNORECASE
)


@dataclass(frozen=True)
class Remark:
    """One finding: a code for filters and tests, and the words for people."""

    code: str
    message: str

    def plain(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message}


def findings(
    *,
    kind: str,
    facts: Mapping[str, Any],
    speaks_from: dt.date | None = None,
    speaks_to: dt.date | None = None,
    period_start: dt.date | None = None,
    period_end: dt.date | None = None,
    same_content: Sequence[tuple[str, str]] = (),
    name: str = "",
    former_rows: int | None = None,
) -> list[Remark]:
    """The remarks on a file of this kind with these facts (`evidence.validation.Inspected`).

    `speaks_from` and `speaks_to` are the dates the evidence speaks of, either may be missing. The period is
    the engagement's; a Type 1 has only `period_end`, its as-of date. `same_content` names other files of the
    same engagement with the same SHA-256 (never of another one: R69), each with the other request it lies on, if
    any. `former_rows` are the rows of the version that this one replaces.
    """
    rows = rows_of(kind, facts)
    return [
        *_dates(speaks_from, speaks_to, period_start, period_end),
        *_emptiness(kind, facts),
        *_sheets(facts.get("sheets", ())),
        *_round(rows),
        *_unlike(rows, former_rows),
        *_duplicates(same_content),
        *_environment(name),
    ]


def in_text(*, kind: str, text: str, name: str = "") -> list[Remark]:
    """The remarks on what the file says.

    `text` is what a machine can read in it; a picture or a scan gives none, and of what cannot be read nothing is
    remarked. A date in the name counts: exports are named so.
    """
    return [*_undated(kind, text, name), *_cut(text)]


def days_in_text(text: str, *, period_start: dt.date | None, period_end: dt.date | None) -> list[Remark]:
    """The remark on a file of which nobody said what days it speaks of, when all that can be read lie
    elsewhere (R23)."""
    days = list(_days(text))
    if not days or period_end is None:
        return []
    asked = "Say which days it speaks of, or hand in what covers the period."
    if period_start is not None and max(days) < period_start:
        words = f"The latest date in it is {max(days)}, before the period {period_start} to {period_end}. {asked}"
    elif min(days) > period_end:
        words = f"The earliest date in it is {min(days)}, after the end of the period on {period_end}. {asked}"
        if period_start is None:
            words = f"The earliest date in it is {min(days)}, after the as-of date {period_end}. {asked}"
    else:
        return []
    return [Remark("read_outside_period", words)]


def _days(text: str) -> Iterator[dt.date]:
    for match in _DAY.finditer(text):
        with suppress(ValueError):
            yield dt.date(*map(int, match.groups()))


def rows_of(kind: str, facts: Mapping[str, Any]) -> int | None:
    """The rows below the header of a listing, or of the longest sheet; None for what is no listing."""
    if kind == "csv":
        return max(0, int(facts["lines"]) - 1) if "lines" in facts else None
    if kind == "xlsx" and facts.get("sheets"):
        return max(0, max(int(sheet["rows"]) for sheet in facts["sheets"]) - 1)
    return None


def _round(rows: int | None) -> list[Remark]:
    """An export that ends at a limit has probably left something out."""
    if rows is None or not CUTS & {rows, rows + 1}:
        return []
    limit = rows if rows in CUTS else rows + 1
    return [
        Remark(
            "cut_off",
            f"It has {_count(rows, 'row')}: {limit:,} is where many programs cut an export off. Make sure that "
            "nothing is missing.",
        )
    ]


def _unlike(rows: int | None, former: int | None) -> list[Remark]:
    """A newer version of a listing has about as many rows as the one before, or somebody knows why not."""
    if rows is None or former is None or rows == former:
        return []
    if abs(rows - former) <= max(3, former // 4):
        return []
    return [
        Remark(
            "rows_unlike", f"It has {_count(rows, 'row')}; the version that it replaces had {former:,}. Say why."
        )
    ]


def _environment(name: str) -> list[Remark]:
    """Evidence from a place that is not production says so in its name more often than anywhere else."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.rpartition(".")[0]).lower())
    if not {"prod", "production"}.isdisjoint(words):
        return [] if {"non", "pre"}.isdisjoint(words) else [_elsewhere("non-production")]
    for index, word in enumerate(words):
        around = {*words[max(0, index - 2) : index], *words[index + 1 : index + 3]}
        if word in ELSEWHERE and not (ELSEWHERE[word] == "test" and around & _TESTED):
            return [_elsewhere(ELSEWHERE[word])]
    return []


def _elsewhere(place: str) -> Remark:
    return Remark(
        "environment", f"By its name it comes from {place}. Evidence is wanted from the production environment."
    )


def _undated(kind: str, text: str, name: str) -> list[Remark]:
    if not text.strip() or kind == "zip" or _DATE.search(text) or _DATE.search(name.replace("_", " ")):
        return []
    return [
        Remark("no_date", "No date is to be seen in it. Show when it was made: a date, or the clock of the screen.")
    ]


def _cut(text: str) -> list[Remark]:
    for found in _more(text):
        return [Remark("truncated", f"It says of itself that it is not complete: “{found}”. Export all of it.")]
    return []


def _more(text: str) -> Iterator[str]:
    for match in _MORE.finditer(text):
        yield " ".join(match[0].split()).strip("( ")
    for match in _SHOWING.finditer(text):
        first, last, total = (int(number.replace(",", "")) for number in match.groups())
        if first > 1 or last < total:
            yield " ".join(match[0].split())


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
            remarks.append(Remark("empty_sheet", f"{name} is empty. If nothing belongs there, say so."))
            continue
        if sheet["hidden"]:
            remarks.append(
                Remark(
                    "hidden_sheet",
                    f"{name} is hidden and holds {_count(sheet['rows'], 'row')}. Show it, or say what it is.",
                )
            )
        if sheet["filtered"]:
            hidden = f", which hides {_count(sheet['hidden_rows'], 'row')}" if sheet["hidden_rows"] else ""
            remarks.append(
                Remark("filtered", f"{name} is filtered{hidden}. Take the filter off, so that all is there.")
            )
        elif sheet["hidden_rows"]:
            remarks.append(
                Remark(
                    "hidden_rows", f"{name} hides {_count(sheet['hidden_rows'], 'row')}. Show them, or say why not."
                )
            )
        if sheet["hidden_columns"]:
            remarks.append(
                Remark(
                    "hidden_columns",
                    f"{name} hides {_count(sheet['hidden_columns'], 'column')}. Show them, or say why not.",
                )
            )
    return remarks


def _duplicates(same_content: Sequence[tuple[str, str]]) -> list[Remark]:
    if not same_content:
        return []
    others = ", ".join(code + (f" (for {request})" if request else "") for code, request in same_content)
    return [
        Remark(
            "duplicate",
            f"The same content is already here: {others}. Is it the right file? "
            "One file can answer several requests.",
        )
    ]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
