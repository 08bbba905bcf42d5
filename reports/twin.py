"""The issued report as data: what is printed, and nothing that is not, for those who read it by machine.

`data` is our own form, described by a JSON Schema that is made from the types below; `oscal` is the same as NIST's
OSCAL assessment results. Both are worked out of the frozen content alone, so the same report gives the same bytes.
"""

from __future__ import annotations

import json
import types
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypedDict, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

from reports import content, reading, wording
from reports.book import Attached, dated
from reports.content import Category, Cause, Conclusion, Effect, Limb, Result, Snapshot, TestKind, result_of

FORMAT: Literal["attestry.report-data/1"] = "attestry.report-data/1"
SCHEMA_ID = "urn:attestry:report-data:1"
NAMESPACE = "urn:attestry:soc2"
OSCAL_VERSION = "1.1.3"


class Identity(TypedDict):
    number: str
    type: Literal[1, 2]
    date: str | None
    content_sha256: str  # of the content, as printed on the page “The report at a glance”


class Person(TypedDict):
    name: str
    title: str


class Paragraph(TypedDict):
    element: str
    heading: str
    text: str  # a line a paragraph or list entry


class LimbOpinion(TypedDict):
    limb: Limb
    letter: str
    conclusion: Conclusion
    matters: list[int]


class Matter(TypedDict):
    number: int
    title: str
    cause: Cause
    pervasive: bool
    basis: str
    criteria: list[str]
    controls: list[str]
    exceptions: list[str]


class Opinion(TypedDict):
    limbs: list[LimbOpinion]
    matters: list[Matter]
    paragraphs: list[Paragraph]


class Assertion(TypedDict):
    text: str
    signatory: Person | None
    date: str | None


class Incident(TypedDict):
    date: str
    title: str
    text: str


class Description(TypedDict):
    title: str
    parts: list[content.DescriptionPart]
    components: list[content.Component]
    commitments: list[content.Commitment]
    incidents: list[Incident]
    changes: list[content.Change]
    statements: content.Statements
    user_entity_controls: list[content.ComplementaryControl]
    user_responsibilities: list[str]
    subservices: list[content.Subservice]


class Test(TypedDict):
    kinds: list[TestKind]
    procedure: str
    result: Result
    text: str  # the auditor's words on the result, or why there is none
    items_tested: int | None  # given where an exception was noted
    deviations: int | None
    exceptions: list[str]


class Control(TypedDict):
    number: str
    title: str
    wording: str
    nature: str
    frequency: str
    criteria: list[str]
    tests: list[Test]
    result: Result | None  # over all tests; None in a Type 1
    reason: str


class NotedException(TypedDict):
    code: str
    title: str
    control: str
    criteria: list[str]
    found: str
    items_tested: int | None
    deviations: int | None
    cause: str
    one_cause: list[str]  # the other exceptions that share it
    extent: str
    evaluation: str
    effect: Effect
    failed_criteria: list[str]
    commitments: list[str]
    compensating_control: str | None
    trace: content.Trace
    response: content.Response | None  # management's, unaudited


class ReportData(TypedDict):
    format: Literal["attestry.report-data/1"]
    report: Identity
    firm: content.Firm
    client: content.Client
    system: str
    as_of: str | None
    period: content.Period | None
    categories: list[Category]
    editions: content.Editions
    opinion: Opinion
    assertion: Assertion
    description: Description
    criteria: list[content.Criterion]
    controls: list[Control]
    exceptions: list[NotedException]
    other_information: str
    specified_parties: list[str]
    procedures: content.Procedures


def data(snapshot: Snapshot) -> ReportData:
    """The report as plain data."""
    s, type_2 = snapshot, snapshot["report"]["type"] == 2
    words = wording.Phrases(s)
    signed = s["assertion"]["signed_at"] is not None
    disclosed = [one for one in s["incidents"] if one["disclosed"]]
    return ReportData(
        format=FORMAT,
        report=Identity(
            number=s["report"]["number"],
            type=s["report"]["type"],
            date=s["dates"]["report"],
            content_sha256=content.digest(s),
        ),
        firm=s["firm"],
        client=s["client"],
        system=s["system"]["name"],
        as_of=s["as_of"],
        period=s["period"],
        categories=s["categories"],
        editions=s["editions"],
        opinion=Opinion(
            limbs=[
                LimbOpinion(
                    limb=text.limb,
                    letter=text.letter,
                    conclusion=text.conclusion,
                    matters=[matter["number"] for matter in text.matters],
                )
                for text in words.limbs
            ],
            matters=[
                Matter(
                    number=matter["number"],
                    title=matter["title"],
                    cause=matter["cause"],
                    pervasive=matter["pervasive"],
                    basis=matter["basis"],
                    criteria=matter["criteria"],
                    controls=matter["controls"],
                    exceptions=matter["deviations"],
                )
                for matter, _ in words.matters
            ],
            paragraphs=[
                Paragraph(element=one.key, heading=one.heading, text=one.text) for one in reading.opinion(s)
            ],
        ),
        assertion=Assertion(
            text=s["assertion"]["text"] or wording.assertion_text(s),
            signatory=Person(name=s["assertion"]["signatory"], title=s["assertion"]["signatory_title"])
            if signed
            else None,
            date=s["assertion"]["date"] if signed else None,
        ),
        description=Description(
            title=s["system"]["description_title"],
            parts=[part for part in s["description"] if part["text"].strip()],
            components=s["components"],
            commitments=s["commitments"],
            incidents=[Incident(date=one["date"], title=one["title"], text=one["text"]) for one in disclosed],
            changes=s["changes"],
            statements=content.Statements(
                no_incidents="" if disclosed else s["statements"]["no_incidents"],
                no_changes="" if s["changes"] else s["statements"]["no_changes"],
            ),
            user_entity_controls=s["cuecs"],
            user_responsibilities=s["user_responsibilities"],
            subservices=s["subservices"],
        ),
        criteria=s["criteria"],
        controls=[_control(control, type_2) for control in s["controls"]],
        exceptions=[_exception(one) for one in s["deviations"]],
        other_information=s["other_information"],
        specified_parties=s["specified_parties"],
        procedures=s["procedures"] if type_2 else content.Procedures(sampling="", sizes=[], listings=[], others=""),
    )


def _control(control: content.Control, type_2: bool) -> Control:
    return Control(
        number=control["number"],
        title=control["title"],
        wording=control["wording"],
        nature=control["nature"],
        frequency=control["frequency"],
        criteria=control["criteria"],
        tests=[_test(test) for test in control["tests"]],
        result=result_of(control) if type_2 else None,
        reason=control["reason"] if type_2 and not control["tests"] else "",
    )


def _test(test: content.Test) -> Test:
    noted = test["result"] == "exceptions"
    said = (test["result_text"],) if noted else (test["reason"], test["result_text"])
    return Test(
        kinds=test["kinds"],
        procedure=test["procedure"],
        result=test["result"],
        text=" ".join(filter(None, said)),
        items_tested=test["items_tested"] if noted else None,
        deviations=test["deviations"] if noted else None,
        exceptions=test["deviation_codes"],
    )


def _exception(one: content.Deviation) -> NotedException:
    return NotedException(
        code=one["code"],
        title=one["title"],
        control=one["control"],
        criteria=one["criteria"],
        found=one["found"],
        items_tested=one["items_tested"],
        deviations=one["deviations"],
        cause=one["cause"],
        one_cause=one["one_cause"],
        extent=one["extent"],
        evaluation=one["evaluation"],
        effect=one["effect"],
        failed_criteria=one["failed_criteria"],
        commitments=one["commitments"],
        compensating_control=one["compensating_control"],
        trace=one["trace"],
        response=one["response"],
    )


# JSON Schema


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of `data`, made from its types."""
    definitions: dict[str, Any] = {}
    top = _schema_of(ReportData, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Data of a SOC 2 report",
        "description": "What an issued report prints, as data. Dates are ISO 8601; texts of people are Markdown.",
        **top,
        "$defs": dict(sorted(definitions.items())),
    }


def schema_text() -> str:
    return json.dumps(schema(), ensure_ascii=False, indent=1) + "\n"


def _schema_of(shape: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin = get_origin(shape)
    if is_typeddict(shape):
        name = shape.__name__
        if name not in definitions:
            definitions[name] = {}
            fields = {key: _schema_of(one, definitions) for key, one in get_type_hints(shape).items()}
            definitions[name] = {
                "type": "object",
                "properties": fields,
                "required": list(fields),
                "additionalProperties": False,
            }
        return {"$ref": f"#/$defs/{name}"}
    if origin is list:
        return {"type": "array", "items": _schema_of(get_args(shape)[0], definitions)}
    if origin is Literal:
        return {"enum": list(get_args(shape))}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema_of(one, definitions) for one in get_args(shape)]}
    return {"type": {str: "string", int: "integer", bool: "boolean", types.NoneType: "null"}[shape]}


# OSCAL


METHODS: dict[TestKind, str] = {
    "inquiry": "INTERVIEW",
    "observation": "EXAMINE",
    "inspection": "EXAMINE",
    "reperformance": "TEST",
}
# Results of which a finding can be made: what was not tested neither satisfies nor fails.
CONCLUSIVE = {"no_exceptions", "exceptions"}


def oscal(snapshot: Snapshot) -> dict[str, Any]:
    """The report as OSCAL assessment results: an observation for each test, a finding for each control tested."""
    return _Oscal(snapshot).document()


class _Oscal:
    def __init__(self, snapshot: Snapshot) -> None:
        self.s = snapshot
        self.words = wording.Phrases(snapshot)
        self.digest = content.digest(snapshot)
        self.moment = f"{dated(snapshot).isoformat()}T00:00:00Z"

    def id(self, *of: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, ":".join((NAMESPACE, self.digest, *of))))

    def document(self) -> dict[str, Any]:
        s, w = self.s, self.words
        firm, client, plan = self.id("firm"), self.id("client"), self.id("report")
        start, end = (s["period"]["start"], s["period"]["end"]) if s["period"] else (s["as_of"], s["as_of"])
        result: dict[str, Any] = {
            "uuid": self.id("result"),
            "title": f"SOC 2 Type {s['report']['type']} examination of the {w.system}",
            "description": f"{w.legal_name}, {w.time}; {w.categories}; {s['editions']['criteria']}.",
            "start": f"{start}T00:00:00Z",
            "end": f"{end}T23:59:59Z",
            "props": [
                *(_prop(f"conclusion-{text.limb}", text.conclusion) for text in w.limbs),
                _prop("report-type", str(s["report"]["type"])),
                _prop("content-sha256", self.digest),
            ],
            "reviewed-controls": {
                "control-selections": [
                    {
                        "include-controls": [
                            {"control-id": _token("control", one["number"])} for one in s["controls"]
                        ]
                    }
                    if s["controls"]
                    else {"include-all": {}}
                ]
            },
        }
        observations = [self._observation(control, test) for control in s["controls"] for test in control["tests"]]
        findings = [self._finding(control) for control in s["controls"] if self._conclusive(control)]
        if observations:
            result["observations"] = observations
        if findings:
            result["findings"] = findings
        return {
            "assessment-results": {
                "uuid": self.id("assessment-results"),
                "metadata": {
                    "title": f"Report {s['report']['number']}: SOC 2 Type {s['report']['type']}, {w.legal_name}",
                    "last-modified": self.moment,
                    "version": s["report"]["number"],
                    "oscal-version": OSCAL_VERSION,
                    "roles": [
                        {"id": "assessor", "title": "Independent service auditor"},
                        {"id": "asset-owner", "title": "Service organization"},
                    ],
                    "parties": [
                        {"uuid": firm, "type": "organization", "name": s["firm"]["name"]},
                        {"uuid": client, "type": "organization", "name": w.legal_name},
                    ],
                    "responsible-parties": [
                        {"role-id": "assessor", "party-uuids": [firm]},
                        {"role-id": "asset-owner", "party-uuids": [client]},
                    ],
                },
                "import-ap": {"href": f"#{plan}"},
                "results": [result],
                "back-matter": {
                    "resources": [
                        {
                            "uuid": plan,
                            "title": f"Report {s['report']['number']}",
                            "description": "The signed report (PDF) whose data these are. It alone is the report.",
                        }
                    ]
                },
            }
        }

    def _observation(self, control: content.Control, test: content.Test) -> dict[str, Any]:
        told = _test(test)
        made: dict[str, Any] = {
            "uuid": self.id("test", test["id"]),
            "title": f"Test {test['id']}",
            "description": test["procedure"] or "Test of the control.",
            "props": [_prop("result", test["result"]), _prop("control", control["number"])],
            "methods": list(dict.fromkeys(METHODS[kind] for kind in test["kinds"])) or ["UNKNOWN"],
            "types": ["control-objective"],
            "collected": self.moment,
        }
        for name in ("items_tested", "deviations"):
            if told[name] is not None:
                made["props"].append(_prop(name.replace("_", "-"), str(told[name])))
        made["props"] += [_prop("exception", code) for code in test["deviation_codes"]]
        if told["text"]:
            made["remarks"] = told["text"]
        return made

    def _conclusive(self, control: content.Control) -> bool:
        """A finding is made of what was tested, unless no opinion on operation is expressed."""
        if self.words.no_opinion_on_operation or not self.words.type_2:
            return False
        return result_of(control) in CONCLUSIVE

    def _finding(self, control: content.Control) -> dict[str, Any]:
        number = control["number"]
        exceptions = [one for one in self.s["deviations"] if one["control"] == number]
        failed = [one for one in exceptions if one["effect"] != "control_effective"]
        status: dict[str, Any] = {"state": "not-satisfied" if failed else "satisfied"}
        if exceptions:
            status["remarks"] = " ".join(f"{one['code']}: {one['title']}. {one['found']}" for one in exceptions)
        return {
            "uuid": self.id("finding", number),
            "title": f"{number} {control['title']}",
            "description": control["wording"],
            "props": [
                _prop("result", result_of(control)),
                *(_prop("criterion", code) for code in control["criteria"]),
            ],
            "target": {"type": "objective-id", "target-id": _token("control", number), "status": status},
            "related-observations": [
                {"observation-uuid": self.id("test", test["id"])} for test in control["tests"]
            ],
        }


def _prop(name: str, value: str) -> dict[str, str]:
    return {"name": name, "ns": NAMESPACE, "value": value}


def _token(kind: str, code: str) -> str:
    return wording.anchor(kind, code)


# Files


FORMS: Mapping[str, tuple[str, str, str]] = {
    "json": ("report-data.json", "Alternative", "The report as data (JSON)"),
    "oscal": ("oscal-assessment-results.json", "Data", "The report as OSCAL assessment results"),
}


def text_of(snapshot: Snapshot, form: str) -> str:
    """The report in a form of `FORMS`, as the text of its file: the same for the same content."""
    made: Any = data(snapshot) if form == "json" else oscal(snapshot)
    return json.dumps(cast(Any, made), ensure_ascii=False, indent=1) + "\n"


def attached(snapshot: Snapshot) -> tuple[Attached, ...]:
    """The files that the issued PDF carries."""
    return tuple(
        Attached(name, "application/json", relation, about, text_of(snapshot, form))
        for form, (name, relation, about) in FORMS.items()
    )


def texts(value: Any) -> Iterable[str]:
    """Every text in the data."""
    if isinstance(value, Mapping):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, str):
        yield value
