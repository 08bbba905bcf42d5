"""The shape of a report's content: plain data that holds everything the report prints.

A snapshot is JSON (dates as ISO strings, whole numbers, no floats), so that it can be stored, hashed by
RFC 8785 and rendered again years later to the same bytes. `validate` checks shape and references; the
watermark of a draft and the file's fonts are not content and not in here.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import types
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Literal, TypedDict, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

import rfc8785

FORMAT: Literal["attestry.report/1"] = "attestry.report/1"
# The unit of a deviation that no item shows: the control did not happen when it was due.
EXPECTED = "expected occurrences"

# The values are those of reports.models (Limb, Conclusion, Matter.Cause) and fieldwork.models; a test compares.
Limb = Literal["description", "design", "operating"]
Conclusion = Literal["unmodified", "qualified", "adverse", "disclaimed"]
Cause = Literal["misstatement", "design", "operation", "scope"]
Category = Literal["security", "availability", "confidentiality", "processing_integrity", "privacy"]
TestKind = Literal["inquiry", "inspection", "observation", "reperformance"]
Result = Literal["no_exceptions", "exceptions", "did_not_operate", "not_tested", "carved_out"]
DeviationType = Literal["", "isolated", "systematic", "intentional"]
Effect = Literal["", "control_effective", "compensated", "criterion_failed"]
ComponentKind = Literal["infrastructure", "software", "people", "data", "procedures"]

Reference = tuple[str, str, Iterable[str]]  # whose it is, to what kind of thing, the codes


class ContentError(ValueError):
    """The snapshot cannot be printed. `problems` lists why, in words."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class ReportIdentity(TypedDict):
    number: str  # the report's number, as on the cover
    type: Literal[1, 2]
    addressee: str  # "" means the management of the service organization
    section_four: Literal["criterion", "control"]  # how Section IV is laid out


class Firm(TypedDict):
    name: str
    city: str
    state: str
    license: str  # in words, e.g. "Oregon license 4711"; "" when not on record
    peer_review: str  # standing of the last peer review in words; "" when not on record


class Client(TypedDict):
    legal_name: str
    short_name: str  # "" means that the legal name is used throughout


class System(TypedDict):
    name: str
    description_title: str  # exact title of Section III, quoted in I and II


class Period(TypedDict):
    start: str
    end: str


class Dates(TypedDict):
    report: str | None  # date of the auditor's report; None while it is not set
    engagement_letter: str | None


class Editions(TypedDict):
    """Editions of the two sets of criteria, as printed in I, II and IV."""

    criteria: str  # e.g. "TSP section 100, 2017 (points of focus revised 2022)"
    description: str  # e.g. "DC section 200, 2018 (implementation guidance revised 2022)"


class Criterion(TypedDict):
    code: str
    category: Category
    series: str  # e.g. "CC6"
    series_title: str  # e.g. "Logical and physical access"
    title: str
    paraphrase: str
    relevant: bool
    reason: str  # why it is not relevant (DC8); "" when it is


class Test(TypedDict):
    id: str  # e.g. "IAM-06.1"
    kinds: list[TestKind]
    procedure: str
    population: int | None
    unit: str  # what the items are, in the plural: "departures"; "" when it needs no saying
    items_tested: int | None
    deviations: int | None
    result: Result
    result_text: str  # the auditor's words after the standard phrase; "" when there is nothing to add
    reason: str  # why not tested, or why it did not operate; "" otherwise
    deviation_codes: list[str]


class Control(TypedDict):
    number: str
    title: str
    wording: str  # as stated by management; printed character for character in III and IV (R36)
    nature: str  # in words
    frequency: str  # in words
    criteria: list[str]
    tests: list[Test]  # empty in a Type 1
    result: Result | None  # only of a control without a test: why there is none
    reason: str


class Trace(TypedDict):
    """Where an exception can be followed into the workpapers."""

    test: str
    items: list[str]  # keys of the sample items
    evidence: list[str]  # codes of the evidence files


class Response(TypedDict):
    text: str
    by: str
    title: str
    date: str | None


class Deviation(TypedDict):
    code: str
    title: str
    control: str
    criteria: list[str]  # criteria that the control meets and the exception touches
    found: str
    items_tested: int | None
    deviations: int | None
    unit: str
    cause: str
    one_cause: list[str]  # the other exceptions that share it: evaluated and concluded with this one
    type: DeviationType
    extent: str
    evaluation: str
    effect: Effect  # "" while not concluded
    failed_criteria: list[str]
    commitments: list[str]  # service commitments and system requirements that were not achieved because of it
    compensating_control: str | None
    trace: Trace
    response: Response | None


class ComplementaryControl(TypedDict):
    code: str
    text: str
    criteria: list[str]


class Subservice(TypedDict):
    name: str
    services: str
    method: Literal["carve_out", "inclusive"]
    criteria: list[str]
    csocs: list[ComplementaryControl]
    monitoring: list[str]  # numbers of the service organization's own controls over it
    report_period: Period | None  # what the subservice organization's own report covers, where there is one
    assertion: str  # its own assertion (inclusive method); "" when none
    signatory: str  # who signed that assertion, name and title


class Component(TypedDict):
    kind: ComponentKind
    name: str
    description: str
    in_boundary: bool
    reason: str


class Commitment(TypedDict):
    kind: Literal["commitment", "requirement"]
    category: Category
    text: str
    source: str


class Incident(TypedDict):
    """An incident with its DC4 decision. Only what is disclosed is printed."""

    date: str
    title: str
    text: str  # nature, timing, extent or effect, disposition
    disclosed: bool
    reason: str


class Change(TypedDict):
    date: str
    title: str
    text: str


class DescriptionPart(TypedDict):
    code: str  # DC1 to DC9
    title: str
    text: str  # Markdown


class Assertion(TypedDict):
    text: str  # as signed (Markdown); "" prints the proposed text, marked as unsigned
    modifications: str  # in what respects the assertion does not hold (Markdown); "" when it holds
    signatory: str
    signatory_title: str
    date: str | None
    signed_at: str | None  # ISO time in UTC; None while unsigned


class LimbConclusion(TypedDict):
    limb: Limb
    conclusion: Conclusion
    matters: list[int]


class Matter(TypedDict):
    number: int
    title: str
    cause: Cause
    pervasive: bool
    basis: str  # Markdown
    criteria: list[str]
    controls: list[str]
    deviations: list[str]


class Opinion(TypedDict):
    limbs: list[LimbConclusion]
    matters: list[Matter]


class Paragraph(TypedDict):
    """Emphasis-of-matter or other-matter paragraph. The reason is on record, not in print."""

    kind: Literal["emphasis", "other_matter"]
    title: str
    text: str  # Markdown
    reason: str


class Listing(TypedDict):
    """Information produced by the service organization that tests rest on."""

    code: str
    name: str
    source: str
    rows: int | None
    evaluation: str
    controls: list[str]


class SampleSize(TypedDict):
    occurrences: str  # e.g. "Quarterly (4 a year)"
    items: str  # e.g. "2"


class Procedures(TypedDict):
    """What the introduction to Section IV says about the auditor's method."""

    sampling: str  # name and edition of the firm's approved profile
    sizes: list[SampleSize]
    listings: list[Listing]
    others: str  # use of internal audit or specialists; "" when none


class Statements(TypedDict):
    """What management says where a register is empty; "" when it has entries."""

    no_incidents: str
    no_changes: str


class Wording(TypedDict):
    """A paragraph of Section I in the firm's own words, as the version that was approved has it."""

    element: str  # e.g. "scope", or "limb_design" for the sentence of a limb
    version: int
    text: str  # Markdown with the names of facts in braces; of a limb: plain text


class Snapshot(TypedDict):
    format: Literal["attestry.report/1"]
    report: ReportIdentity
    firm: Firm
    client: Client
    system: System
    as_of: str | None  # Type 1
    period: Period | None  # Type 2
    dates: Dates
    categories: list[Category]
    editions: Editions
    criteria: list[Criterion]  # in the order of printing
    controls: list[Control]
    deviations: list[Deviation]
    subservices: list[Subservice]
    cuecs: list[ComplementaryControl]
    user_responsibilities: list[str]
    components: list[Component]
    commitments: list[Commitment]
    incidents: list[Incident]
    changes: list[Change]
    statements: Statements
    description: list[DescriptionPart]
    assertion: Assertion
    opinion: Opinion
    paragraphs: list[Paragraph]
    other_information: str  # Markdown; management's, unaudited
    specified_parties: list[str]
    procedures: Procedures
    wording: list[Wording]  # the firm's own paragraphs; empty: the product's words


def canonical(snapshot: Snapshot) -> bytes:
    """The snapshot as bytes by RFC 8785, the form that is hashed.

    >>> canonical(cast(Snapshot, {"b": 1, "a": "ä"})).decode()
    '{"a":"ä","b":1}'
    """
    return rfc8785.dumps(cast(Any, snapshot))


def digest(snapshot: Snapshot) -> str:
    """SHA-256 of the canonical bytes, in hex."""
    return hashlib.sha256(canonical(snapshot)).hexdigest()


def limb(snapshot: Snapshot, name: Limb) -> LimbConclusion | None:
    """The conclusion on a limb, or None when the report has none (operating effectiveness in a Type 1)."""
    return next((one for one in snapshot["opinion"]["limbs"] if one["limb"] == name), None)


def has_other_information(snapshot: Snapshot) -> bool:
    """Whether there is a Section V: management's other information or a response to an exception (R40)."""
    return bool(snapshot["other_information"].strip()) or any(
        deviation["response"] is not None for deviation in snapshot["deviations"]
    )


def result_of(control: Control) -> Result:
    """The result of a control over its tests: an exception anywhere shows, what was not tested does not hide."""
    if not control["tests"]:
        return control["result"] or "not_tested"
    results = {test["result"] for test in control["tests"]}
    order: tuple[Result, ...] = ("exceptions", "not_tested", "did_not_operate", "carved_out", "no_exceptions")
    return next(result for result in order if result in results)


def validate(data: object) -> Snapshot:
    """The data as a Snapshot, or ContentError with everything that is wrong with it.

    Checks the shape (missing and unknown keys, types, closed vocabularies) and, when the shape is right, that
    dates are dates, references resolve, and the parts fit the report's type (R09, domain 1.9).
    """
    problems = list(_misshapen(data, Snapshot, "snapshot"))
    if not problems:
        snapshot = cast(Snapshot, data)
        problems = [*_bad_dates(snapshot), *_of_wrong_type(snapshot), *_dangling(snapshot)]
        if not problems:
            return snapshot
    raise ContentError(problems)


def _misshapen(value: object, shape: Any, path: str) -> Iterator[str]:
    """What does not fit the type, as sentences that begin with the path of the value."""
    origin = get_origin(shape)
    if is_typeddict(shape):
        yield from _misshapen_object(value, shape, path)
    elif origin is list:
        if not isinstance(value, list):
            yield f"{path} must be a list"
            return
        for position, item in enumerate(value):
            yield from _misshapen(item, get_args(shape)[0], f"{path}[{position}]")
    elif origin is Literal:
        if value not in get_args(shape) or isinstance(value, bool):
            yield f"{path} is {value!r}, not one of {', '.join(map(repr, get_args(shape)))}"
    elif origin in (Union, types.UnionType):
        if value is not None:
            (wanted,) = (option for option in get_args(shape) if option is not types.NoneType)
            yield from _misshapen(value, wanted, path)
    elif type(value) is not shape:
        yield f"{path} must be {({str: 'text', int: 'a whole number', bool: 'true or false'})[shape]}"


def _misshapen_object(value: object, shape: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path} must be an object"
        return
    fields = _fields(shape)
    yield from (f"{path}.{name} is missing" for name in sorted(fields.keys() - value.keys()))
    yield from (f"{path}.{name} is unknown" for name in sorted(value.keys() - fields.keys(), key=str))
    for name, wanted in fields.items():
        if name in value:
            yield from _misshapen(value[name], wanted, f"{path}.{name}")


@cache
def _fields(shape: Any) -> dict[str, Any]:
    # Read once: a report has thousands of objects of few shapes.
    return get_type_hints(shape)


def _bad_dates(snapshot: Snapshot) -> Iterator[str]:
    for name, value in _dates(snapshot):
        if value is not None and not _is_date(value):
            yield f"{name} is {value!r}, not a date like 2026-09-30"


def _dates(snapshot: Snapshot) -> Iterator[tuple[str, str | None]]:
    yield "as_of", snapshot["as_of"]
    yield "assertion.date", snapshot["assertion"]["date"]
    yield from cast(dict[str, str | None], snapshot["dates"]).items()
    periods = [("period", snapshot["period"])]
    periods += [(subservice["name"], subservice["report_period"]) for subservice in snapshot["subservices"]]
    for name, period in periods:
        if period:
            yield f"{name} start", period["start"]
            yield f"{name} end", period["end"]
    for event in [*snapshot["incidents"], *snapshot["changes"]]:
        yield event["title"], event["date"]
    for deviation in snapshot["deviations"]:
        if deviation["response"]:
            yield f"response to {deviation['code']}", deviation["response"]["date"]


def _is_date(value: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return False
    try:
        dt.date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _of_wrong_type(snapshot: Snapshot) -> Iterator[str]:
    """Parts that do not belong to the report's type."""
    type_2 = snapshot["report"]["type"] == 2
    if type_2 and (snapshot["period"] is None or snapshot["as_of"] is not None):
        yield "a Type 2 report has a period and no as-of date (R09)"
    if not type_2 and (snapshot["as_of"] is None or snapshot["period"] is not None):
        yield "a Type 1 report has an as-of date and no period (R09)"
    if not type_2 and any(control["tests"] for control in snapshot["controls"]):
        yield "a Type 1 report prints no tests of operation"
    limbs = [one["limb"] for one in snapshot["opinion"]["limbs"]]
    wanted = ["description", "design", "operating"] if type_2 else ["description", "design"]
    if limbs != wanted:
        yield f"the opinion has the limbs {', '.join(limbs) or 'none'} instead of {', '.join(wanted)}"


def _dangling(snapshot: Snapshot) -> Iterator[str]:
    """Doubles, and references that lead nowhere."""
    known = _codes(snapshot)
    for kind, codes in known.items():
        yield from (f"{kind} {code} is there twice" for code, times in Counter(codes).items() if times > 1)
    present = {kind: set(codes) for kind, codes in known.items()}
    for owner, kind, referred in _references(snapshot):
        for code in referred:
            if code not in present[kind]:
                yield f"{owner} refers to {kind} {code}, which the report does not have"


def _codes(snapshot: Snapshot) -> dict[str, list[str]]:
    csocs = [csoc for subservice in snapshot["subservices"] for csoc in subservice["csocs"]]
    return {
        "criterion": [one["code"] for one in snapshot["criteria"]],
        "control": [one["number"] for one in snapshot["controls"]],
        "exception": [one["code"] for one in snapshot["deviations"]],
        "test": [test["id"] for control in snapshot["controls"] for test in control["tests"]],
        "matter": [str(one["number"]) for one in snapshot["opinion"]["matters"]],
        "complementary control": [one["code"] for one in [*snapshot["cuecs"], *csocs]],
        "paragraph of its own for": [one["element"] for one in snapshot["wording"]],
    }


def _references(snapshot: Snapshot) -> Iterator[Reference]:
    for control in snapshot["controls"]:
        yield f"control {control['number']}", "criterion", control["criteria"]
        for test in control["tests"]:
            yield f"test {test['id']}", "exception", test["deviation_codes"]
    for deviation in snapshot["deviations"]:
        yield from _references_of(deviation)
    for subservice in snapshot["subservices"]:
        yield subservice["name"], "criterion", subservice["criteria"]
        yield subservice["name"], "control", subservice["monitoring"]
        yield from ((csoc["code"], "criterion", csoc["criteria"]) for csoc in subservice["csocs"])
    yield from ((cuec["code"], "criterion", cuec["criteria"]) for cuec in snapshot["cuecs"])
    for one in snapshot["opinion"]["limbs"]:
        yield f"limb {one['limb']}", "matter", map(str, one["matters"])
    for matter in snapshot["opinion"]["matters"]:
        owner = f"matter {matter['number']}"
        yield owner, "criterion", matter["criteria"]
        yield owner, "control", matter["controls"]
        yield owner, "exception", matter["deviations"]
    for listing in snapshot["procedures"]["listings"]:
        yield f"listing {listing['code']}", "control", listing["controls"]


def _references_of(deviation: Deviation) -> Iterator[Reference]:
    owner = f"exception {deviation['code']}"
    compensating = deviation["compensating_control"]
    yield owner, "control", [deviation["control"], *([compensating] if compensating else [])]
    yield owner, "criterion", [*deviation["criteria"], *deviation["failed_criteria"]]
    yield owner, "test", [deviation["trace"]["test"]]
