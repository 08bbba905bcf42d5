"""Section IV by criterion or by control: another order of the same words."""

import copy
import re

import pytest
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string

from engagements import workflow
from engagements.models import Commitment
from fieldwork.models import Deviation, TouchedCommitment
from reports import arrangement, reading
from reports.book import LISTED, SHORT, Book, book_of, cut
from reports.content import Snapshot
from reports.layout import oracle
from reports.rendering import RenderOptions
from reports.snapshot import build
from tests import factories as f
from tests.reports import makers as m
from tests.reports import pdf, printing, snapshots

# A control with its tests and results as it is printed.
CONTROL = re.compile(r'<tbody id="(control-[^"]+)".*?</tbody>', re.DOTALL)


def by_control(snapshot: Snapshot) -> Snapshot:
    changed = copy.deepcopy(snapshot)
    changed["report"]["section_four"] = "control"
    return changed


def printed_controls(book: Book) -> dict[str, str]:
    """What Section IV says of each control, tests and results included."""
    found: dict[str, str] = {}
    for chunk in book.chunks:
        if chunk.name.startswith(("tests-", "unmapped")):
            for row in CONTROL.finditer(chunk.body):
                assert row[1] not in found, "printed twice"
                found[row[1]] = row[0]
    return found


def with_everything() -> Snapshot:
    """Exceptions, a control that meets nothing, one without a test."""
    data = snapshots.full(60)
    data["controls"][3]["criteria"] = []
    data["controls"][5].update(tests=[], result="not_tested", reason="Only its design could be tested.")
    return data


@pytest.mark.parametrize("make", [snapshots.qualified, snapshots.type_1, with_everything])
def test_tests_and_results_are_word_for_word_the_same(make: object) -> None:
    assert callable(make)
    snapshot = make()
    one, other = book_of(snapshot, draft=None), book_of(by_control(snapshot), draft=None)
    assert printed_controls(one) == printed_controls(other)
    assert len(printed_controls(other)) == len(snapshot["controls"])
    same = ("glance", "opinion", "assertion", "description-0", "exceptions", "other")
    for name in same:
        texts = [
            re.sub(r"[0-9a-f]{64}", "", chunk.body)
            for book in (one, other)
            for chunk in book.chunks
            if chunk.name == name
        ]
        assert len(texts) in (0, 2)
        assert len(set(texts)) <= 1, name


def test_in_the_order_of_their_numbers_after_the_matrix() -> None:
    snapshot = by_control(with_everything())
    book = book_of(snapshot, draft=None)
    names = [chunk.name for chunk in book.chunks]
    assert names.index("matrix") < names.index("tests-0")
    assert list(printed_controls(book)) == [f"control-{one['number']}" for one in snapshot["controls"]]
    matrix = next(chunk.body for chunk in book.chunks if chunk.name == "matrix")
    for criterion in snapshot["criteria"]:
        row = re.search(rf'id="criterion-{criterion["code"]}".*?</tbody>', matrix, re.DOTALL)
        assert row is not None
        met = [one["number"] for one in snapshot["controls"] if criterion["code"] in one["criteria"]]
        if criterion["relevant"]:
            assert re.findall(r'href="#control-([^"]+)"', row[0]) == met
    assert f'href="#control-{snapshot["controls"][3]["number"]}"' in matrix


@pytest.mark.parametrize("controls", [20, 400])
def test_cut_nothing_is_lost_and_a_result_moves_no_cut(controls: int) -> None:
    snapshot = snapshots.full(controls)
    runs = cut(arrangement.by_control(snapshot), LISTED, SHORT)
    cuts = [[one["number"] for segment in run for part in segment.parts for one in part.controls] for run in runs]
    assert all(cuts)
    assert [number for run in cuts for number in run] == [one["number"] for one in snapshot["controls"]]
    for control in snapshot["controls"]:
        for test in control["tests"]:
            test["result_text"] = "Inspected again, at length, with the same outcome as before."
    again = cut(arrangement.by_control(snapshot), LISTED, SHORT)
    assert [sum(len(part.controls) for one in run for part in one.parts) for run in again] == [
        len(run) for run in cuts
    ]


@pytest.mark.drill
def test_linked_it_is_what_plain_rendering_makes_of_it() -> None:
    snapshot = by_control(snapshots.qualified())
    made, options = printing.printed(snapshot), RenderOptions()
    plain = oracle(book_of(snapshot, draft=None).html, options.assets, options.fonts)
    one, other = pdf.texts(made.pdf), pdf.texts(plain)
    assert [sorted(page.split()) for page in one] == [sorted(page.split()) for page in other]


@pytest.mark.django_db
def test_a_new_engagement_takes_the_firms_and_may_have_its_own() -> None:
    firm = f.firm()
    firm.section_four = "control"
    firm.save(update_fields=["section_four"])
    engagement = f.proposed(a_client=f.client(firm))
    assert engagement.section_four == "control"
    changed = workflow.change(engagement, by=engagement.created_by, section_four="criterion")
    assert changed.section_four == "criterion"
    with pytest.raises(ValidationError):
        workflow.change(engagement, by=engagement.created_by, section_four="other")


@pytest.mark.django_db
def test_commitments_that_were_not_achieved_are_printed_with_the_exception() -> None:
    engagement = m.in_scope()
    m.worked(engagement, deviating=True)
    assert build(engagement)["deviations"][0]["commitments"] == []
    promise = Commitment.objects.get(engagement=engagement)
    TouchedCommitment.objects.create(
        engagement=engagement, deviation=Deviation.objects.get(engagement=engagement), commitment=promise
    )
    snapshot = build(engagement)
    assert snapshot["deviations"][0]["commitments"] == [promise.text]
    body = next(one.body for one in book_of(snapshot, draft=1).chunks if one.name == "exceptions")
    assert f"Because of it the following was not achieved: “{promise.text}”" in body


def test_the_text_to_comment_on_names_each_finding_at_its_control() -> None:
    data = snapshots.with_exceptions(snapshots.type_2())
    (tests,) = [part.passages for part in reading.parts(data) if part.section.key == "controls"]
    said = {one["code"]: one for passage in tests for one in passage.exceptions}
    assert list(said.values()) == data["deviations"]
    (leavers,) = [passage for passage in tests if passage.control == snapshots.find(data, "IAM-06")]
    row = {"control": leavers.control, "exceptions": leavers.exceptions, "type_2": True}
    page = render_to_string("reports/_passage_control.html", row)
    assert f"Access removed late.</b> {said['EX-01']['found']}" in page
