"""The report as data: says what the PDF says and nothing else, fits its schema and OSCAL, travels in the PDF."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pikepdf
import pytest
from django.conf import settings
from trestle.oscal.assessment_results import AssessmentResults

from reports import prose, reading, twin
from reports.book import book_of
from reports.content import Snapshot
from reports.copying import Reader, copy, prepare
from reports.rendering import typeset
from reports.wording import day
from tests.reports import snapshots
from tests.reports.pdf import texts
from tests.reports.printing import PRESS, SHELF

SAMPLES = {
    "type 1": snapshots.type_1,
    "type 2": snapshots.type_2,
    "qualified": snapshots.qualified,
    "full": snapshots.full,
}


@pytest.fixture(scope="module")
def issued() -> bytes:
    """The report as it is issued, with its data inside."""
    snapshot = snapshots.qualified()
    book = replace(book_of(snapshot, draft=None), attached=twin.attached(snapshot))
    return typeset(book, SHELF, PRESS).pdf


@pytest.mark.parametrize("make", SAMPLES.values(), ids=SAMPLES)
def test_the_data_fit_their_schema(make: Callable[[], Snapshot]) -> None:
    jsonschema.Draft202012Validator(twin.schema()).validate(json.loads(twin.text_of(make(), "json")))


def test_the_schema_is_strict() -> None:
    data: Any = json.loads(twin.text_of(snapshots.type_2(), "json"))
    data["controls"][0]["tests"][0]["result"] = "fine"
    with pytest.raises(jsonschema.ValidationError, match="'fine'"):
        jsonschema.validate(data, twin.schema())
    jsonschema.Draft202012Validator.check_schema(twin.schema())


def test_the_published_schema_is_that_of_the_code() -> None:
    published = Path(settings.BASE_DIR) / "docs" / "report-data-1.schema.json"
    assert json.loads(published.read_text()) == twin.schema()


@pytest.mark.parametrize("make", SAMPLES.values(), ids=SAMPLES)
def test_oscal_is_assessment_results(make: Callable[[], Snapshot]) -> None:
    snapshot = make()
    document = json.loads(twin.text_of(snapshot, "oscal"))
    results = AssessmentResults.model_validate(document["assessment-results"])
    (result,) = results.results
    tests = [test for control in snapshot["controls"] for test in control["tests"]]
    assert len(result.observations or []) == len(tests)
    known = {one.uuid for one in result.observations or []}
    for finding in result.findings or []:
        assert {one.observation_uuid for one in finding.related_observations} <= known
    ids = re.findall(r'"uuid": "([^"]+)"', twin.text_of(snapshot, "oscal"))
    assert len(ids) == len(set(ids))


def test_a_failed_control_is_not_satisfied_and_what_was_not_tested_is_no_finding() -> None:
    (result,) = twin.oscal(snapshots.full())["assessment-results"]["results"]
    states = {one["target"]["target-id"]: one["target"]["status"]["state"] for one in result["findings"]}
    assert states["control-IAM-06"] == "not-satisfied"
    assert states["control-IAM-08"] == "satisfied"  # with an exception that the control withstood
    assert "control-INC-04" not in states  # did not operate
    assert "control-PHY-02" not in states  # carved out


def test_without_an_opinion_on_operation_there_are_no_findings() -> None:
    snapshot = snapshots.modify(snapshots.type_2(), "operating", "disclaimed", cause="scope")
    (result,) = twin.oscal(snapshot)["assessment-results"]["results"]
    assert "findings" not in result
    assert {"name": "conclusion-operating", "ns": twin.NAMESPACE, "value": "disclaimed"} in result["props"]


def test_the_same_report_gives_the_same_bytes() -> None:
    for form in twin.FORMS:
        assert twin.text_of(snapshots.full(), form) == twin.text_of(json.loads(json.dumps(snapshots.full())), form)


def test_what_is_not_printed_is_not_in_the_data() -> None:
    snapshot = snapshots.qualified()
    snapshot["incidents"][1]["title"] = "SECRET incident"
    snapshot["incidents"][0]["reason"] = "SECRET reason"
    snapshot["paragraphs"] = [
        {"kind": "emphasis", "title": "Period", "text": "It is short.", "reason": "SECRET reason"}
    ]
    snapshot["controls"][0]["tests"][0].update(population=987654, items_tested=876543)
    snapshot["statements"] = {"no_incidents": "SECRET: none", "no_changes": "SECRET: none"}
    for form in twin.FORMS:
        text = twin.text_of(snapshot, form)
        assert "SECRET" not in text
        assert "987654" not in text
        assert "876543" not in text


def squeezed(text: str) -> str:
    """Without spaces, and without hyphens, which a reader of PDF takes out at the end of a line."""
    return re.sub(r"[-\s\x02\u00ad\u200b\ufffe]+", "", text).casefold()


# Words of the data that stand for something the report says in other words.
VOCABULARY = re.compile(r"^(|attestry\..*|[0-9a-f]{64}|\d{4}-\d{2}-\d{2}|[a-z_]+|not-.*|DC\d)$")


def printed_forms(text: str) -> Iterator[str]:
    """A text as the report prints it, block by block: Markdown without its marks."""
    yield from reading.plain(prose.to_html(text)).splitlines()


@pytest.mark.parametrize("make", SAMPLES.values(), ids=SAMPLES)
def test_every_text_of_the_data_is_printed(make: Callable[[], Snapshot]) -> None:
    snapshot = make()
    page = squeezed(reading.plain(book_of(snapshot, draft=None).html))
    missing = [
        text
        for text in twin.texts(twin.data(snapshot))
        if not VOCABULARY.match(text)
        and not all(squeezed(line) in page for line in printed_forms(text))
        and squeezed(text) not in page
    ]
    assert missing == []


def test_text_of_the_pdf_and_data_agree(issued: bytes) -> None:
    """Control by control and exception by exception, in the text that the file holds."""
    snapshot = snapshots.qualified()
    data: Any = json.loads(attachment(issued, "report-data.json"))
    pages = squeezed(" ".join(texts(issued)))
    for control in data["controls"]:
        assert pages.count(squeezed(control["wording"])) == 2, control["number"]  # Sections III and IV
        for test in control["tests"]:
            assert squeezed(test["procedure"]) in pages
    for one in data["exceptions"]:
        words = f"Tested: {one['items_tested']} "
        assert squeezed(one["found"]) in pages
        assert squeezed(words) in pages
        assert squeezed(f"deviations: {one['deviations']}.") in pages
        assert squeezed(one["response"]["text"]) in pages
    noted = [test for control in data["controls"] for test in control["tests"] if test["result"] == "exceptions"]
    assert len(noted) == len(data["exceptions"]) == 2
    tested = sum(len(control["tests"]) for control in data["controls"])
    assert pages.count(squeezed("No exceptions noted.")) == tested - len(noted)
    assert squeezed(day(data["report"]["date"])) in pages
    assert data["report"]["content_sha256"] in pages
    assert data["report"]["number"] == snapshot["report"]["number"]
    for one in data["opinion"]["paragraphs"]:
        for line in one["text"].splitlines():
            assert squeezed(line) in pages or len(line) > 400, line


def attachment(pdf: bytes, name: str) -> bytes:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return document.attachments[name].get_file().read_bytes()


def test_the_pdf_carries_both_forms_as_associated_files(issued: bytes) -> None:
    snapshot = snapshots.qualified()
    for form, (name, relation, _) in twin.FORMS.items():
        assert attachment(issued, name).decode() == twin.text_of(snapshot, form)
        with pikepdf.open(io.BytesIO(issued)) as document:
            spec = document.attachments[name].obj
            assert str(spec.AFRelationship) == f"/{relation}"
            assert str(spec.EF.F.Subtype) == "/application/json"
            assert spec.EF.F.Params.Size == len(twin.text_of(snapshot, form).encode())
            assert spec.objgen in [one.objgen for one in document.Root.AF]


def test_a_file_inside_changes_no_page(issued: bytes) -> None:
    without = typeset(book_of(snapshots.qualified(), draft=None), SHELF, PRESS).pdf
    assert texts(without) == texts(issued)
    with pikepdf.open(io.BytesIO(without)) as document:
        assert "/AF" not in document.Root
        assert not document.attachments


def test_a_readers_copy_carries_the_data_too(issued: bytes) -> None:
    made = prepare(issued, name="Marlowe & Finch LLP", reason="Reader's copy", location="Portland")
    at = dt.datetime(2026, 12, 1, 9, 30, tzinfo=dt.UTC)
    reader = Reader("Rita Reader", "rita@example.com", "7", at, hashlib.sha256(issued).hexdigest())
    theirs = copy(made.content, made.places, reader, None)
    for form, (name, _, _) in twin.FORMS.items():
        assert attachment(theirs, name).decode() == twin.text_of(snapshots.qualified(), form)
