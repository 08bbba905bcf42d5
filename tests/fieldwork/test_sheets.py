"""Planning a test and working on its sheet: evidence first, every change in the trail, nothing out of turn."""

from __future__ import annotations

import io
import itertools
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.models import Event
from engagements.models import Engagement, Stage
from engagements.register import Blocked
from engagements.workflow import WrongStage
from evidence import requests, uploads
from fieldwork import testing
from fieldwork.models import ControlTest, ItemResult, SheetItem
from fieldwork.standing import standing
from tests import factories as f
from tests.fieldwork import makers as m
from tests.remembered import remembered

pytestmark = pytest.mark.django_db

Result = ControlTest.Result


def by(test: ControlTest, key: str = "sana") -> Any:
    return f.people(test.engagement)[key]


@pytest.fixture
@remembered
def test_() -> ControlTest:
    made = m.planned(m.at_fieldwork())
    testing.cite(made, m.evidence(made.engagement, made.control), by=by(made))
    return made


# --- planning


def test_planned_with_items_and_attributes() -> None:
    engagement = m.at_fieldwork()
    test = m.planned(engagement, kinds=["reperformance", "inspection"])
    assert str(test) == "IAM-06.1"
    assert test.kinds == ["inspection", "reperformance"]
    assert [item.label for item in test.items.all()] == ["First", "Second", "Third"]
    assert Event.objects.get(action="test.planned").audience == Event.Audience.FIRM
    assert str(m.planned(engagement, test.control)) == "IAM-06.2"


def test_inquiry_alone_is_refused_for_operation() -> None:
    engagement = m.at_fieldwork()
    with pytest.raises(Blocked, match="R24"):
        m.planned(engagement, kinds=["inquiry"])
    assert m.planned(engagement, m.control(engagement, "GOV-01"), kinds=["inquiry"], phase="design").pk


def test_no_test_before_the_letter() -> None:
    engagement = m.at_fieldwork()
    Engagement.objects.filter(pk=engagement.pk).update(letter_on=None)
    with pytest.raises(Blocked, match="R07"):
        m.planned(engagement)


def test_type_1_has_no_operating_test() -> None:
    engagement = m.at_fieldwork(type="1")
    with pytest.raises(ValidationError, match="design only"):
        m.planned(engagement, phase="operating")


def test_not_before_the_engagement_is_accepted() -> None:
    engagement = f.staffed()
    with pytest.raises(WrongStage):
        m.planned(engagement)


@pytest.mark.parametrize("key", ["carla", "owen", "quinn", "ray"])
def test_planning_needs_the_right(key: str) -> None:
    engagement = m.at_fieldwork()
    with pytest.raises(PermissionDenied):
        testing.plan_test(
            m.control(engagement),
            phase="operating",
            kinds=["inspection"],
            procedure="x",
            by=f.people(engagement)[key],
        )


def test_only_the_firms_team_is_assigned() -> None:
    engagement = m.at_fieldwork()
    for number, key in enumerate(("carla", "quinn")):
        control = m.control(engagement, f"NB-{number}")
        with pytest.raises(ValidationError, match="does not test here"):
            m.planned(engagement, control, assigned_to=f.people(engagement)[key])


def test_sample_comes_whole_and_is_not_exchanged() -> None:
    engagement = m.at_fieldwork()
    control = m.control(engagement)
    sample = m.sample(engagement, control)
    test = m.planned(engagement, control, items=())
    testing.use_sample(test, sample, by=by(test))
    assert list(test.items.values_list("sample_item", flat=True)) == list(sample.items.values_list("pk", flat=True))
    other = m.control(engagement, "CHG-01")
    with pytest.raises(ValidationError, match="another control"):
        testing.use_sample(test, m.sample(engagement, other, count=50), by=by(test))


# --- evidence


def test_evidence_of_a_request_that_was_not_handed_in_is_refused() -> None:
    test = m.planned(m.at_fieldwork())
    who = f.people(test.engagement)
    request = requests.make(
        test.engagement, title="Logs", due=timezone.localdate(), assigned_to=who["owen"], by=who["sana"]
    )
    (request,) = requests.open_requests([request], by=who["sana"])
    file = uploads.receive(request, file=io.BytesIO(b"log\n"), name="log.txt", by=who["owen"])
    with pytest.raises(ValidationError, match="not handed in"):
        testing.cite(test, file, by=who["sana"])


def test_replaced_evidence_is_refused() -> None:
    test = m.planned(m.at_fieldwork())
    sana = by(test)
    old = uploads.receive(test.engagement, file=io.BytesIO(b"a\n"), name="a.txt", by=sana, obtained_by_auditor=True)
    uploads.receive(
        test.engagement, file=io.BytesIO(b"b\n"), name="b.txt", by=sana, obtained_by_auditor=True, replaces=old
    )
    with pytest.raises(ValidationError, match="was replaced by"):
        testing.cite(test, old, by=sana)


def test_evidence_of_another_engagement_is_refused() -> None:
    test = m.planned(m.at_fieldwork())
    with pytest.raises(ValidationError, match="another engagement"):
        testing.cite(test, m.evidence(m.at_fieldwork()), by=by(test))


def test_no_result_without_evidence() -> None:
    test = m.planned(m.at_fieldwork())
    with pytest.raises(ValidationError, match="R26"):
        m.cell(test, 1, "A")
    assert not ItemResult.objects.exists()


def test_evidence_received_later_carries_no_result(test_: ControlTest) -> None:
    citation = test_.citations.get()
    file = citation.file
    file.uploaded_at = timezone.now() + timezone.timedelta(hours=1)  # type: ignore[attr-defined]
    citation.file = file
    with pytest.raises(Blocked, match="R26"):
        m.cell(test_, 1, "A", citation=citation)


# --- results


def test_a_cell_with_its_trail(test_: ControlTest) -> None:
    m.cell(test_, 1, "A", "p", place="row 3")
    m.cell(test_, 1, "A", "d", place="row 4", note="Nine days late")
    cell = ItemResult.objects.get()
    assert (cell.outcome, cell.place, cell.note, cell.by) == ("d", "row 4", "Nine days late", by(test_))
    first, second = Event.objects.filter(action="test.result_recorded").order_by("pk")
    assert first.detail["old"] == "nothing"
    assert second.detail["old"].startswith("pass, E-")
    assert "Nine days late" in second.detail["new"]


def test_the_same_again_changes_nothing(test_: ControlTest) -> None:
    before = m.cell(test_, 1, "A").at
    assert m.cell(test_, 1, "A").at == before
    assert Event.objects.filter(action="test.result_recorded").count() == 1


def test_a_deviation_needs_a_note(test_: ControlTest) -> None:
    with pytest.raises(ValidationError, match="note what was found"):
        m.cell(test_, 1, "A", "d")
    testing.note_item(SheetItem.objects.get(test=test_, position=1), "Nine days late", by=by(test_))
    assert m.cell(test_, 1, "A", "d").note == "Nine days late"
    cell = ItemResult.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        ItemResult.objects.filter(pk=cell.pk).update(note="")


def test_the_note_of_a_deviation_is_not_emptied(test_: ControlTest) -> None:
    item = SheetItem.objects.get(test=test_, position=1)
    testing.note_item(item, "Nine days late", by=by(test_))
    m.cell(test_, 1, "A", "d")
    with pytest.raises(ValidationError, match="cannot be empty"):
        testing.note_item(item, "", by=by(test_))
    testing.note_item(item, "Ten days late", by=by(test_))
    assert ItemResult.objects.get().note == "Ten days late"


def test_the_column_remembers_its_evidence(test_: ControlTest) -> None:
    attribute = test_.attributes.get(letter="B")
    file = m.evidence(test_.engagement, name="other.txt")
    testing.cite_for_attribute(attribute, file, by=by(test_))
    item = SheetItem.objects.get(test=test_, position=2)
    attribute.refresh_from_db()
    assert testing.record_result(item, attribute, "p", by=by(test_)).citation.file == file


def test_fill_down_leaves_what_is_filled(test_: ControlTest) -> None:
    m.cell(test_, 2, "A", "d", place="p. 1", note="Late")
    written = testing.fill(
        test_, test_.attributes.get(letter="A"), "p", citation=test_.citations.get(), by=by(test_)
    )
    assert len(written) == 2
    assert ItemResult.objects.get(item__position=2).outcome == "d"
    assert Event.objects.get(action="test.results_recorded").detail["count"] == 2


def test_many_are_recorded_all_or_none(test_: ControlTest) -> None:
    attribute, items = test_.attributes.get(letter="A"), list(test_.items.all())
    entries = [testing.Entry(item, attribute, "p") for item in items] + [testing.Entry(items[0], attribute, "d")]
    with pytest.raises(ValidationError):
        testing.record_many(test_, entries, by=by(test_))
    assert not ItemResult.objects.exists()


def test_an_item_of_another_sheet_is_refused(test_: ControlTest) -> None:
    other = m.planned(test_.engagement, m.control(test_.engagement, "CHG-01"))
    with pytest.raises(ValidationError, match="another sheet"):
        testing.record_result(
            test_.items.first(),  # type: ignore[arg-type]
            other.attributes.get(letter="A"),
            "p",
            test_.citations.get(),
            by=by(test_),
        )


def test_a_cell_is_emptied_with_its_trail(test_: ControlTest) -> None:
    m.cell(test_, 1, "A")
    testing.clear_result(
        SheetItem.objects.get(test=test_, position=1), test_.attributes.get(letter="A"), by=by(test_)
    )
    assert not ItemResult.objects.exists()
    assert Event.objects.filter(action="test.result_recorded").latest("pk").detail["new"] == "nothing"


def test_a_raised_deviation_is_neither_emptied_nor_passed(test_: ControlTest) -> None:
    cell = m.cell(test_, 1, "A", "d", note="Late")
    m.raised(test_, [cell])
    with pytest.raises(ValidationError, match="R33"):
        m.cell(test_, 1, "A", "p")
    with pytest.raises(ValidationError, match="R33"):
        testing.clear_result(cell.item, cell.attribute, by=by(test_))


def test_not_at_other_stages(test_: ControlTest) -> None:
    f.at_stage(test_.engagement, Stage.SCOPING)
    with pytest.raises(WrongStage):
        m.cell(test_, 1, "A")


# --- conclusion


def test_no_exceptions_needs_a_full_sheet_without_deviation(test_: ControlTest) -> None:
    with pytest.raises(ValidationError, match="9 cells are empty"):
        testing.conclude_test(test_, Result.NO_EXCEPTIONS, by=by(test_))
    for number, letter in list(itertools.product((1, 2, 3), "ABC"))[1:]:
        m.cell(test_, number, letter)
    with pytest.raises(ValidationError, match="1 cell is empty"):
        testing.conclude_test(test_, Result.NO_EXCEPTIONS, by=by(test_))
    m.worked(test_, deviating=[(1, "B")])
    with pytest.raises(ValidationError, match="has deviations"):
        testing.conclude_test(test_, Result.NO_EXCEPTIONS, by=by(test_))
    assert testing.conclude_test(test_, Result.EXCEPTIONS, by=by(test_)).concluded_by == by(test_)


def test_exceptions_need_a_deviation(test_: ControlTest) -> None:
    m.worked(test_)
    with pytest.raises(ValidationError, match="no deviation"):
        testing.conclude_test(test_, Result.EXCEPTIONS, by=by(test_))


def test_a_later_change_takes_the_conclusion_back(test_: ControlTest) -> None:
    m.worked(test_)
    testing.conclude_test(test_, Result.NO_EXCEPTIONS, by=by(test_))
    m.cell(test_, 1, "A", "n")
    test_.refresh_from_db()
    assert test_.result == ""


def test_did_not_operate_needs_an_accepted_empty_population() -> None:
    engagement = m.at_fieldwork()
    test = m.planned(engagement, items=())
    with pytest.raises(ValidationError, match="R35"):
        testing.conclude_test(test, Result.DID_NOT_OPERATE, "No incident occurred.", by=by(test))
    m.provided(engagement, test.control, count=0)
    with pytest.raises(ValidationError, match="R35"):
        testing.conclude_test(test, Result.DID_NOT_OPERATE, "No incident occurred.", by=by(test))
    empty = m.population(engagement, test.control, count=0, name="Incidents")
    with pytest.raises(ValidationError, match="Say why"):
        testing.conclude_test(test, Result.DID_NOT_OPERATE, by=by(test))
    done = testing.conclude_test(test, Result.DID_NOT_OPERATE, "No incident occurred.", by=by(test))
    assert done.empty_population == empty


def test_not_tested_says_why_and_has_no_results(test_: ControlTest) -> None:
    with pytest.raises(ValidationError, match="Say why"):
        testing.conclude_test(test_, Result.NOT_TESTED, by=by(test_))
    m.cell(test_, 1, "A")
    with pytest.raises(ValidationError, match="was tested"):
        testing.conclude_test(test_, Result.NOT_TESTED, "New control.", by=by(test_))


# --- what the sheet says


def test_standing_gives_rate_and_limits() -> None:
    engagement = m.at_fieldwork()
    control = m.control(engagement)
    sample = m.sample(engagement, control, size=25)
    test = m.planned(engagement, control, a_sample=sample)
    m.worked(test, deviating=[(5, "B"), (10, "B"), (13, "B")])
    so_far = standing(test)
    assert (so_far.items, so_far.done, so_far.deviating_items, so_far.population) == (25, 25, 3, 41)
    (column,) = so_far.deviating
    assert column.letter == "B"
    assert column.rate == 3 / 25
    assert column.upper_90 == pytest.approx(0.2484, abs=0.0005)
    assert column.upper_95 == pytest.approx(0.282, abs=0.0005)
    assert column.at_most is not None
    assert 3 <= column.at_most < 41 - 22 + 1


def test_items_named_by_the_auditor_are_not_projected(test_: ControlTest) -> None:
    m.worked(test_, deviating=[(1, "A")])
    (column,) = standing(test_).deviating
    assert column.upper_90 is None
    assert column.at_most is None
