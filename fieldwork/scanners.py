"""What a cloud scanner wrote (Prowler CSV, OCSF JSON), read defensively into one plain form; no database here.

A finding is a line of evidence. Whether a control worked is never concluded from it: a scan shows one moment, and
only what its checks happen to look at.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

MOST_BYTES = 100 << 20
MOST_FINDINGS = 100_000
MOST_PROBLEMS = 20

PROWLER_CSV, OCSF = "prowler_csv", "ocsf"
_NEEDED = ("CHECK_ID", "STATUS")
_STATUS = {"pass": "pass", "passed": "pass", "fail": "fail", "failed": "fail", "manual": "manual", "info": "manual"}
# SOC2: cc_6_1 in Prowler's own notation, cc_a_1_1 and cc_c_1_2 for A1.1 and C1.2, CC6.1 in everybody else's.
_CRITERION = re.compile(
    r"(?<![A-Za-z0-9_])(?:cc_)?(?P<series>cc|a|c|pi|p)[_ ]?(?P<number>\d)[_.](?P<part>\d)", re.IGNORECASE
)
_SOC2 = re.compile(r"soc[-_ ]?2", re.IGNORECASE)
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Line:
    """One finding as the file has it; `row` counts a CSV's rows from the header's 1, a list's entries from 1."""

    row: int
    check_id: str
    title: str
    status: str
    muted: bool
    severity: str
    service: str
    account: str
    region: str
    resource: str
    detail: str
    criteria: tuple[str, ...]
    at: dt.datetime | None


@dataclass(frozen=True)
class Scan:
    """A whole file: who wrote it, and its findings."""

    format: str
    tool: str
    version: str
    lines: list[Line]

    @property
    def ran(self) -> tuple[dt.datetime | None, dt.datetime | None]:
        times = [line.at for line in self.lines if line.at is not None]
        return (min(times), max(times)) if times else (None, None)


class Unreadable(ValidationError):
    """The file is not what a scanner writes; the messages name the places."""


def looks_like(name: str, head: str) -> bool:
    """Whether the first characters of a file are those of a scanner that is known here."""
    if name.lower().endswith(".csv"):
        first = head.split("\n", 1)[0].upper()
        return all(column in first for column in _NEEDED) and "FINDING_UID" in first
    return name.lower().endswith(".json") and '"class_uid"' in head and '"finding_info"' in head


def read(data: bytes, kind: str) -> Scan:
    """The findings of a file of this kind (csv, json). Raises Unreadable."""
    if len(data) > MOST_BYTES:
        raise Unreadable(f"The file is larger than {MOST_BYTES >> 20} MB. Scan account by account.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"The file is not UTF-8 (byte {error.start:,}).") from error
    scan = _csv(text) if kind == "csv" else _json(text)
    if not scan.lines:
        raise Unreadable("The file has no finding in it.")
    return scan


def _csv(text: str) -> Scan:
    delimiter = ";" if text.split("\n", 1)[0].count(";") >= text.split("\n", 1)[0].count(",") else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines: list[Line] = []
    problems: list[str] = []
    version = ""
    try:
        names = {str(name).strip().upper(): name for name in reader.fieldnames or ()}
        missing = [name for name in _NEEDED if name not in names]
        if missing:
            raise Unreadable(
                f"The file has no column {' and none '.join(missing)}: it is not what Prowler writes as CSV."
            )
        for row, cells in enumerate(reader, start=2):
            if len(lines) >= MOST_FINDINGS:
                raise Unreadable(f"The file has more than {MOST_FINDINGS:,} findings. Scan account by account.")
            if None in cells:
                problems.append(f"Row {row}: more cells than the header has columns.")
                continue
            found = _of_row(row, {name: _text(cells.get(key)) for name, key in names.items()})
            if isinstance(found, str):
                problems.append(found)
                continue
            lines.append(found)
            version = version or _text(cells.get(names.get("PROWLER_VERSION", "")))
    except csv.Error as error:
        raise Unreadable(f"Line {reader.line_num}: the quotes do not pair up ({error}).") from error
    _refuse(problems)
    return Scan(PROWLER_CSV, "Prowler", version[:60], lines)


def _of_row(row: int, cells: dict[str, str]) -> Line | str:
    check, status = cells["CHECK_ID"], cells["STATUS"]
    if not check or len(check) > 120:
        return f"Row {row}: no check."
    if not status:
        return f"Row {row}: no status."
    return Line(
        row=row,
        check_id=check,
        title=cells.get("CHECK_TITLE", "")[:300],
        status=_STATUS.get(status.lower(), "other"),
        muted=cells.get("MUTED", "").lower() == "true",
        severity=cells.get("SEVERITY", "").lower()[:20],
        service=cells.get("SERVICE_NAME", "")[:60],
        account=cells.get("ACCOUNT_UID", "")[:120],
        region=cells.get("REGION", "")[:60],
        resource=(cells.get("RESOURCE_UID", "") or cells.get("RESOURCE_NAME", ""))[:300],
        detail=cells.get("STATUS_EXTENDED", "")[:2_000],
        criteria=criteria_in(
            part.partition(":")[2] for part in cells.get("COMPLIANCE", "").split("|") if _SOC2.search(part)
        ),
        at=_time(cells.get("TIMESTAMP", "")),
    )


def _json(text: str) -> Scan:
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise Unreadable(f"The file is not JSON ({error}).") from error
    if isinstance(data, dict):
        data = [data]
    if not isinstance(data, list):
        raise Unreadable("An OCSF file is a list of findings.")
    if len(data) > MOST_FINDINGS:
        raise Unreadable(f"The file has more than {MOST_FINDINGS:,} findings. Scan account by account.")
    lines: list[Line] = []
    problems: list[str] = []
    tool, version = "", ""
    for row, one in enumerate(data, start=1):
        found = _of_object(row, one)
        if isinstance(found, str):
            problems.append(found)
            continue
        lines.append(found)
        product = _part(one, "metadata", "product")
        tool, version = tool or _text(product.get("name")), version or _text(product.get("version"))
    _refuse(problems)
    return Scan(OCSF, tool[:60] or "OCSF", version[:60], lines)


def _of_object(row: int, one: Any) -> Line | str:
    if not isinstance(one, dict):
        return f"Entry {row} is no finding."
    metadata, info, cloud = _part(one, "metadata"), _part(one, "finding_info"), _part(one, "cloud")
    resources = one.get("resources")
    resource = resources[0] if isinstance(resources, list) and resources and isinstance(resources[0], dict) else {}
    check = _text(metadata.get("event_code")) or _text(_part(one, "compliance").get("control"))
    status = _text(one.get("status_code")) or _text(_part(one, "compliance").get("status"))
    if not check or len(check) > 120:
        return f"Entry {row}: no check (metadata.event_code)."
    if not status:
        return f"Entry {row}: no outcome (status_code)."
    compliance = _part(one, "unmapped").get("compliance")
    named = compliance.items() if isinstance(compliance, dict) else ()
    return Line(
        row=row,
        check_id=check,
        title=_text(info.get("title"))[:300],
        status=_STATUS.get(status.lower(), "other"),
        muted=_text(one.get("status")).lower() == "suppressed",
        severity=_text(one.get("severity")).lower()[:20],
        service=_text(_part(resource, "group").get("name"))[:60],
        account=_text(_part(cloud, "account").get("uid"))[:120],
        region=_text(resource.get("region") or cloud.get("region"))[:60],
        resource=(_text(resource.get("uid")) or _text(resource.get("name")))[:300],
        detail=(_text(one.get("status_detail")) or _text(one.get("message")))[:2_000],
        criteria=criteria_in(
            _text(code)
            for name, codes in named
            if _SOC2.search(str(name)) and isinstance(codes, list)
            for code in codes
        ),
        at=_time(_text(one.get("time_dt")) or _text(info.get("created_time_dt"))) or _epoch(one.get("time")),
    )


def _part(one: Any, *names: str) -> dict[str, Any]:
    for name in names:
        one = one.get(name) if isinstance(one, dict) else None
    return one if isinstance(one, dict) else {}


def _text(value: object) -> str:
    """Words of a cell; whatever is no plain value counts as nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return _UNFIT.sub(" ", str(value)).strip()


def _time(text: str) -> dt.datetime | None:
    """A time with its zone, UTC where none is given; None for what is no time."""
    try:
        found = dt.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def _epoch(value: object) -> dt.datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e13:
        return None
    return dt.datetime.fromtimestamp(value / 1000 if value > 1e11 else value, dt.UTC)


def _refuse(problems: list[str]) -> None:
    if problems:
        more = [f"... and {len(problems) - MOST_PROBLEMS:,} more."] if len(problems) > MOST_PROBLEMS else []
        raise Unreadable([*problems[:MOST_PROBLEMS], *more])


def criteria_in(texts: Iterable[str]) -> tuple[str, ...]:
    """The criteria named in words such as "cc_6_1, cc_a_1_1" or "CC6.1"; each once, in their order."""
    found: dict[str, None] = {}
    for text in texts:
        for match in _CRITERION.finditer(text):
            found[f"{match['series'].upper()}{match['number']}.{match['part']}"] = None
    return tuple(found)


def mapped(data: bytes) -> dict[str, set[str]]:
    """The criteria of each check in a map: Prowler's own compliance file, or criteria with their checks by name.

    Raises Unreadable.
    """
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise Unreadable(f"The map is not JSON ({error}).") from error
    found: dict[str, set[str]] = {}
    for codes, checks in _requirements(content):
        for check in checks:
            if isinstance(check, str) and 0 < len(check) <= 120:
                found.setdefault(check, set()).update(codes)
    if not found:
        raise Unreadable("No check and criterion were found in it: it is no map of SOC 2 criteria to checks.")
    return found


def _requirements(content: Any) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    if not isinstance(content, dict):
        return
    listed = content.get("Requirements")
    pairs: Iterable[tuple[Any, Any]] = (
        ((one.get("Id"), one) for one in listed if isinstance(one, dict))
        if isinstance(listed, list)
        else content.items()
    )
    for name, one in pairs:
        if not isinstance(one, dict):
            continue
        checks = one.get("Checks", one.get("checks"))
        codes = criteria_in([_text(one.get("criterion")) or _text(name)])
        if codes and isinstance(checks, list):
            yield codes, checks
