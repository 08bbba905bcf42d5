"""Listings and evidence files of the fictional clients: the same from run to run for the same dates."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import random
import textwrap
from collections.abc import Callable, Iterable
from typing import NamedTuple

import openpyxl
from PIL import Image, ImageDraw

Row = dict[str, str]

FIRST = (
    "Ada Bruno Clara Dmitri Elif Farid Greta Hugo Imani Jonas Kamala Liam Mina Noor Oskar Priya Quentin Rosa Samir "
    "Tara Umar Vera Wes Xenia Yusuf Zoe"
).split()
LAST = (
    "Abbott Barros Chen Dahl Eriksen Fofana Grant Haddad Ibarra Jansen Kowalski Lindqvist Moreau Novak Okafor Patel "
    "Quist Rossi Silva Tanaka Ueda Vance Weiss Yilmaz Zhang"
).split()
DEPARTMENTS = ("Engineering", "Operations", "Support", "Success", "Finance", "People", "Security", "Sales")
SYSTEMS = ("ledger-api", "ledger-web", "reconciler", "documents", "identity", "pipeline")


class Listing(NamedTuple):
    """A population as the client would provide it: where it comes from, and its rows."""

    name: str
    system: str
    query: str
    key: str
    date: str
    rows: list[Row]


class Spec(NamedTuple):
    name: str
    system: str
    query: str
    key: str
    date: str
    volume: int | str  # rows in a year, or the rhythm of a periodic control
    row: Callable[[random.Random, int, dt.date], Row]


def _person(rng: random.Random) -> str:
    return f"{rng.choice(FIRST)} {rng.choice(LAST)}"


def _staff(date: str) -> Callable[[random.Random, int, dt.date], Row]:
    def make(rng: random.Random, number: int, day: dt.date) -> Row:
        return {
            "Employee": f"{300 + number * 3:04d}",
            "Name": _person(rng),
            "Department": rng.choice(DEPARTMENTS),
            date: day.isoformat(),
        }

    return make


def _ticket(
    key: str, prefix: str, date: str, **choices: Iterable[str]
) -> Callable[[random.Random, int, dt.date], Row]:
    def make(rng: random.Random, number: int, day: dt.date) -> Row:
        row = {key: f"{prefix}-{1000 + number}", date: day.isoformat()}
        for column, values in choices.items():
            row[column.replace("_", " ")] = rng.choice(list(values))
        row["Owner"] = _person(rng)
        return row

    return make


def _change(rng: random.Random, number: int, day: dt.date) -> Row:
    return {
        "Change": f"PR-{4200 + number}",
        "Repository": rng.choice(SYSTEMS),
        "Author": _person(rng),
        "Merged": day.isoformat(),
    }


def _periodic(key: str, what: str) -> Callable[[random.Random, int, dt.date], Row]:
    def make(rng: random.Random, number: int, day: dt.date) -> Row:
        return {key: f"{what}-{number + 1:03d}", "Performed": day.isoformat(), "Performed by": _person(rng)}

    return make


_SEVERITIES = ("critical", "high", "medium", "medium", "medium")

SPECS: dict[str, Spec] = {
    "GOV-01": Spec(
        "Joiners",
        "Personnel system",
        "Report 'Joiners by start date'",
        "Employee",
        "Started",
        38,
        _staff("Started"),
    ),
    "GOV-03": Spec(
        "Committee meetings",
        "Board portal",
        "Meetings of the audit and risk committee",
        "Meeting",
        "Performed",
        "Q",
        _periodic("Meeting", "ARC"),
    ),
    "GOV-08": Spec(
        "Policy exceptions",
        "Compliance register",
        "Exceptions opened in the period",
        "Exception",
        "Opened",
        6,
        _ticket("Exception", "PEX", "Opened", Policy=("Access control", "Data", "Endpoint")),
    ),
    "HR-06": Spec(
        "Contractors engaged",
        "Personnel system",
        "Report 'Contractors by start date'",
        "Employee",
        "Started",
        9,
        _staff("Started"),
    ),
    "COM-02": Spec(
        "Contracts signed",
        "Contract register",
        "Customer contracts by signature date",
        "Contract",
        "Signed",
        96,
        _ticket("Contract", "MSA", "Signed", Plan=("Small", "Medium", "Bookkeeper")),
    ),
    "RSK-02": Spec(
        "Risk reviews",
        "Compliance register",
        "Quarterly reviews of the risk register",
        "Review",
        "Performed",
        "Q",
        _periodic("Review", "RR"),
    ),
    "MON-03": Spec(
        "Control deficiencies",
        "Compliance register",
        "Deficiencies logged in the period",
        "Deficiency",
        "Logged",
        17,
        _ticket("Deficiency", "DEF", "Logged", Severity=("low", "medium", "high")),
    ),
    "MON-04": Spec(
        "Weekly monitoring reviews",
        "Ticket system",
        "project = SEC and type = 'Weekly review'",
        "Review",
        "Performed",
        "W",
        _periodic("Review", "WR"),
    ),
    "IAM-05": Spec(
        "Access grants",
        "Identity provider",
        "Group additions, all in-scope groups",
        "Grant",
        "Granted",
        126,
        _ticket("Grant", "ACC", "Granted", Group=("production-read", "support", "billing", "deploy")),
    ),
    "IAM-06": Spec(
        "Leavers",
        "Personnel system",
        "Report 'Leavers by last working day'",
        "Employee",
        "Left on",
        41,
        _staff("Left on"),
    ),
    "IAM-07": Spec(
        "Transfers",
        "Personnel system",
        "Report 'Changes of department'",
        "Employee",
        "Moved on",
        14,
        _staff("Moved on"),
    ),
    "IAM-08": Spec(
        "Access reviews",
        "Ticket system",
        "project = IAM and type = 'Access review'",
        "Review",
        "Performed",
        "Q",
        _periodic("Review", "AR"),
    ),
    "IAM-09": Spec(
        "Privileged access reviews",
        "Ticket system",
        "project = IAM and type = 'Privileged review'",
        "Review",
        "Performed",
        "Q",
        _periodic("Review", "PAR"),
    ),
    "IAM-12": Spec(
        "Service account reviews",
        "Ticket system",
        "project = IAM and type = 'Service accounts'",
        "Review",
        "Performed",
        "Q",
        _periodic("Review", "SAR"),
    ),
    "PHY-03": Spec(
        "Disposals",
        "Asset register",
        "Assets with status 'disposed'",
        "Asset",
        "Disposed",
        8,
        _ticket("Asset", "AST", "Disposed", Kind=("laptop", "disk", "phone")),
    ),
    "NET-02": Spec(
        "Firewall rule reviews",
        "Ticket system",
        "project = NET and type = 'Rule review'",
        "Review",
        "Performed",
        "SA",
        _periodic("Review", "FW"),
    ),
    "VUL-01": Spec(
        "Monthly scans", "Scanner", "Completed scans by month", "Scan", "Performed", "M", _periodic("Scan", "SCAN")
    ),
    "VUL-02": Spec(
        "Vulnerability findings",
        "Scanner",
        "Findings of medium or higher severity",
        "Finding",
        "Detected",
        312,
        _ticket("Finding", "VF", "Detected", Severity=_SEVERITIES, Asset=SYSTEMS),
    ),
    "VUL-04": Spec(
        "Patch rounds",
        "Fleet manager",
        "Patch rounds by month",
        "Round",
        "Performed",
        "M",
        _periodic("Round", "PATCH"),
    ),
    "LOG-03": Spec(
        "Security alerts",
        "Alert manager",
        "Alerts with label 'security'",
        "Alert",
        "Raised",
        640,
        _ticket("Alert", "AL", "Raised", Severity=("low", "medium", "high"), Source=SYSTEMS),
    ),
    "LOG-04": Spec(
        "Administrator log reviews",
        "Ticket system",
        "project = SEC and type = 'Admin log review'",
        "Review",
        "Performed",
        "M",
        _periodic("Review", "ALR"),
    ),
    "INC-02": Spec(
        "Incidents",
        "Ticket system",
        "project = INC, severity medium or higher",
        "Incident",
        "Detected",
        3,
        _ticket("Incident", "INC", "Detected", Severity=("medium", "high")),
    ),
    "CHG-01": Spec(
        "Merged changes",
        "Source control",
        "Merged into main, all in-scope repositories",
        "Change",
        "Merged",
        1482,
        _change,
    ),
    "CHG-06": Spec(
        "Infrastructure changes",
        "Source control",
        "Merged into main, infrastructure repository",
        "Change",
        "Merged",
        218,
        _change,
    ),
    "BCP-03": Spec(
        "Daily backups",
        "Backup service",
        "Backup jobs of the ledger database",
        "Job",
        "Performed",
        "D",
        _periodic("Job", "BK"),
    ),
    "BCP-04": Spec(
        "Restore tests",
        "Ticket system",
        "project = OPS and type = 'Restore test'",
        "Test",
        "Performed",
        "Q",
        _periodic("Test", "RST"),
    ),
    "AVL-02": Spec(
        "Capacity reviews",
        "Ticket system",
        "project = OPS and type = 'Capacity review'",
        "Review",
        "Performed",
        "Q",
        _periodic("Review", "CAP"),
    ),
    "VND-01": Spec(
        "New vendors",
        "Vendor register",
        "Vendors with access to customer data, by contract date",
        "Vendor",
        "Signed",
        5,
        _ticket("Vendor", "VEN", "Signed", Tier=("critical", "standard")),
    ),
    "VND-03": Spec(
        "Vendor contracts",
        "Vendor register",
        "Contracts in force with access to customer data",
        "Contract",
        "Signed",
        12,
        _ticket("Contract", "VC", "Signed", Tier=("critical", "standard")),
    ),
    "CON-02": Spec(
        "Ended contracts",
        "Contract register",
        "Customer contracts by end date",
        "Contract",
        "Ended",
        11,
        _ticket("Contract", "MSA", "Ended", Plan=("Small", "Medium", "Bookkeeper")),
    ),
    "CON-03": Spec(
        "Exports of customer data",
        "Support console",
        "Export jobs by staff",
        "Export",
        "Exported",
        13,
        _ticket("Export", "EXP", "Exported", Purpose=("support case", "legal request", "migration")),
    ),
    # Populations of zero: these controls had nothing to operate on.
    "GOV-02": Spec(
        "Disciplinary cases",
        "Personnel system",
        "Cases opened in the period",
        "Case",
        "Opened",
        0,
        _ticket("Case", "DC", "Opened"),
    ),
    "CHG-04": Spec(
        "Emergency changes",
        "Ticket system",
        "project = CHG and label = 'emergency'",
        "Change",
        "Made",
        0,
        _ticket("Change", "EC", "Made"),
    ),
    "INC-03": Spec(
        "Major incidents",
        "Ticket system",
        "project = INC and severity = major",
        "Incident",
        "Detected",
        0,
        _ticket("Incident", "INC", "Detected"),
    ),
    "INC-04": Spec(
        "Notifiable incidents",
        "Ticket system",
        "project = INC and label = 'notifiable'",
        "Incident",
        "Detected",
        0,
        _ticket("Incident", "INC", "Detected"),
    ),
}

# These controls are tested on the population of another.
SHARED = {"HR-01": "GOV-01", "HR-02": "GOV-01", "HR-03": "GOV-01", "STA-01": "INC-02"}

_STEPS = {"D": 1, "W": 7}
_MONTHS = {"M": 1, "Q": 3, "SA": 6}


def _days(spec: Spec, rng: random.Random, start: dt.date, end: dt.date, missing: int) -> list[dt.date]:
    length = (end - start).days + 1
    if isinstance(spec.volume, int):
        return sorted(
            start + dt.timedelta(days=rng.randrange(length)) for _ in range(round(spec.volume * length / 365))
        )
    if spec.volume in _STEPS:
        return [start + dt.timedelta(days=offset) for offset in range(0, length, _STEPS[spec.volume])]
    step = _MONTHS[spec.volume] * 30.4375
    days = [start + dt.timedelta(days=round(step * (place + 1)) - 6) for place in range(round(length / step))]
    return [day for place, day in enumerate(days) if day <= end and place != missing]


def listing(code: str, start: dt.date, end: dt.date, *, seed: str = "", missing: int = -1) -> Listing:
    """The population of a control for a period; `missing` leaves out that occurrence of a periodic control."""
    spec = SPECS[code]
    rng = random.Random(f"{seed}{code}")
    rows = [spec.row(rng, number, day) for number, day in enumerate(_days(spec, rng, start, end, missing))]
    return Listing(spec.name, spec.system, spec.query, spec.key, spec.date, rows)


def columns(code: str) -> list[str]:
    """Column names, also of a listing without rows."""
    return list(SPECS[code].row(random.Random(0), 0, dt.date(2020, 1, 1)))


def as_csv(names: list[str], rows: list[Row]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, names)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def as_xlsx(names: list[str], rows: list[Row]) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Listing")
    sheet.append(names)
    for row in rows:
        sheet.append([row[name] for name in names])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_text(title: str, lines: Iterable[str]) -> bytes:
    return "\n".join([title, "=" * len(title), "", *lines, ""]).encode()


def as_json(data: dict[str, object]) -> bytes:
    return json.dumps(data, indent=2).encode()


def as_picture(title: str, lines: list[str], kind: str = "PNG") -> bytes:
    """A picture of a console with its clock in view, as a screenshot would show it; "PNG" or "PDF"."""
    image = Image.new("RGB", (1280, 640), "#f4f6f8")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 1280, 54), fill="#16323a")
    draw.text((24, 16), title, fill="#ffffff", font_size=20)
    for place, line in enumerate(lines):
        draw.text((40, 84 + place * 30), line, fill="#16202b", font_size=18)
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def as_scan(text: str, signatures: list[str]) -> bytes:
    """Pages of paper with a text and two signatures under it, as a scanner would make a PDF of them."""
    plain = [*text.replace("#", "").replace("*", "").splitlines(), "", "", *signatures]
    lines = [part for line in plain for part in textwrap.wrap(line, 92) or [""]]
    pages = []
    for first in range(0, len(lines), 48):
        page = Image.new("L", (1000, 1414), 252)
        draw = ImageDraw.Draw(page)
        for place, line in enumerate(lines[first : first + 48]):
            draw.text((90, 90 + place * 25), line, fill=40, font_size=18)
        pages.append(page)
    out = io.BytesIO()
    pages[0].save(out, "PDF", save_all=True, append_images=pages[1:])
    return out.getvalue()
