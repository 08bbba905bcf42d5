"""Controls and their mapping: who may, what is refused, what the trail says."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from audit.models import Event
from controls.models import LibraryControl
from engagements import scope
from engagements.coverage import by_series, coverage
from engagements.models import Control, Engagement, NotRelevantCriterion, Stage
from engagements.workflow import WrongStage
from tests import factories as f
from tests.engagements.makers import control

pytestmark = pytest.mark.django_db


def last(engagement: Engagement) -> Event:
    event = Event.objects.filter(engagement_id=engagement.pk).first()
    assert event is not None
    return event


def test_library_controls_come_with_their_mapping_in_scope() -> None:
    engagement = f.accepted()
    added = scope.add_from_library(engagement, ["GOV-01", "BCP-01"], by=engagement.created_by)
    assert [one.number for one in added] == ["GOV-01", "BCP-01"]
    backup = Control.objects.get(engagement=engagement, number="BCP-01")
    entry = LibraryControl.objects.get(code="BCP-01")
    in_scope = set(engagement.criteria().values_list("code", flat=True))
    assert set(backup.mappings.values_list("criterion_id", flat=True)) == in_scope & {
        one.code for one in entry.criteria.all()
    }
    assert backup.wording == f"{entry.title}."
    assert backup.typical_test == entry.test
    assert last(engagement).detail == {"count": 2, "numbers": ["GOV-01", "BCP-01"]}


def test_asking_twice_adds_nothing() -> None:
    engagement = f.accepted()
    scope.add_from_library(engagement, ["GOV-01"], by=engagement.created_by)
    events = Event.objects.count()
    assert scope.add_from_library(engagement, ["GOV-01", "GOV-01"], by=engagement.created_by) == []
    assert Control.objects.filter(engagement=engagement).count() == 1
    assert Event.objects.count() == events


def test_an_unknown_library_code_adds_nothing() -> None:
    engagement = f.accepted()
    with pytest.raises(ValidationError, match="NOPE-1"):
        scope.add_from_library(engagement, ["GOV-01", "NOPE-1"], by=engagement.created_by)
    assert not Control.objects.exists()


def test_the_firms_own_library_entry_wins_and_others_stay_unseen() -> None:
    engagement = f.accepted()
    LibraryControl.objects.create(
        firm=engagement.firm, code="GOV-01", title="Our code of conduct", nature="M", frequency="A"
    )
    LibraryControl.objects.create(
        firm=f.firm("Another LLP"), code="OTH-01", title="Theirs", nature="M", frequency="A"
    )
    [added] = scope.add_from_library(engagement, ["GOV-01"], by=engagement.created_by)
    assert added.title == "Our code of conduct"
    with pytest.raises(ValidationError):
        scope.add_from_library(engagement, ["OTH-01"], by=engagement.created_by)


@pytest.mark.parametrize("key", ["sana", "quinn", "ray", "carla", "owen", "sig", "sub"])
def test_only_scope_keepers_add_and_map(key: str) -> None:
    engagement = f.accepted()
    one = control(engagement)
    person = f.people(engagement)[key]
    for act in (
        lambda: scope.add_from_library(engagement, ["GOV-01"], by=person),
        lambda: control(engagement, "NB-02", by=person),
        lambda: scope.map_control(one, ["CC1.1"], by=person),
        lambda: scope.remove(one, reason="Wrong", by=person),
    ):
        with pytest.raises(PermissionDenied):
            act()
    assert Control.objects.in_scope().count() == 1


def test_the_client_words_controls_and_auditors_do_not() -> None:
    engagement = f.accepted()
    one = control(engagement)
    people = f.people(engagement)
    for key in ("petra", "milan", "sana", "owen"):
        with pytest.raises(PermissionDenied):
            scope.reword(one, title="New", wording="New", by=people[key])
    scope.reword(one, title="Access is approved", wording="The owner approves access.", by=people["carla"])
    one.refresh_from_db()
    assert one.wording == "The owner approves access."
    event = last(engagement)
    assert event.action == "control.reworded"
    assert event.detail["old"]["wording"].startswith("Access to production")
    assert event.detail["new"]["wording"] == "The owner approves access."


def test_rewording_without_a_change_leaves_no_trace() -> None:
    engagement = f.accepted()
    one = control(engagement)
    events = Event.objects.count()
    scope.reword(one, title=one.title, wording=one.wording, by=f.people(engagement)["carla"])
    assert Event.objects.count() == events


def test_an_empty_wording_is_refused() -> None:
    engagement = f.accepted()
    with pytest.raises(ValidationError):
        scope.reword(control(engagement), title="T", wording="  ", by=f.people(engagement)["carla"])


def test_a_number_is_given_once_even_after_removal() -> None:
    engagement = f.accepted()
    one = control(engagement, "NB-01")
    with pytest.raises(ValidationError, match="in scope already"):
        control(engagement, "nb-01")
    scope.remove(one, reason="Not a control", by=engagement.created_by)
    with pytest.raises(ValidationError, match="taken out of scope"):
        control(engagement, "NB-01")
    assert Control.objects.count() == 1


def test_a_removed_control_comes_back_as_it_was() -> None:
    engagement = f.accepted()
    petra = engagement.created_by
    [one] = scope.add_from_library(engagement, ["GOV-01"], by=petra)
    scope.reword(one, title="Ours", wording="Ours.", by=f.people(engagement)["carla"])
    scope.remove(one, reason="Twice", by=petra)
    assert not Control.objects.in_scope().exists()
    with pytest.raises(ValidationError, match="Bring it back"):
        scope.map_control(one, ["CC1.1"], by=petra)
    scope.add_from_library(engagement, ["GOV-01"], by=petra)
    back = Control.objects.in_scope().get()
    assert (back.pk, back.wording) == (one.pk, "Ours.")
    scope.remove(back, reason="Again", by=petra)
    scope.restore(back, by=petra)
    assert Control.objects.in_scope().count() == 1


def test_removal_needs_a_reason() -> None:
    engagement = f.accepted()
    with pytest.raises(ValidationError, match="why"):
        scope.remove(control(engagement), reason=" ", by=engagement.created_by)


@pytest.mark.parametrize("code", ["CC9.9", "P1.1", "cc6.1"])
def test_criteria_out_of_scope_are_refused(code: str) -> None:
    engagement = f.accepted()
    one = control(engagement)
    with pytest.raises(ValidationError, match="R12"):
        scope.map_control(one, ["CC6.1", code], by=engagement.created_by)
    assert list(one.mappings.values_list("criterion_id", flat=True)) == ["CC6.1"]


def test_the_owner_is_of_the_client_here() -> None:
    engagement = f.accepted()
    one = control(engagement)
    people = f.people(engagement)
    for stranger in (people["sana"], f.person("nemo")):
        with pytest.raises(ValidationError, match="no role on the client's side"):
            scope.set_owner(one, stranger, by=people["milan"])
    scope.set_owner(one, people["owen"], by=people["carla"])
    one.refresh_from_db()
    assert one.owner == people["owen"]
    assert last(engagement).detail == {"owner": "Owen Pike", "old": ""}


def test_not_relevant_needs_a_reason_and_no_control() -> None:
    engagement = f.accepted()
    petra, carla = engagement.created_by, f.people(engagement)["carla"]
    control(engagement, criteria=["CC6.1"])
    with pytest.raises(ValidationError, match="NB-01"):
        scope.mark_not_relevant(engagement, "CC6.1", reason="None", by=petra)
    with pytest.raises(ValidationError, match="DC8"):
        scope.mark_not_relevant(engagement, "CC6.4", reason="", by=petra)
    with pytest.raises(PermissionDenied):
        scope.mark_not_relevant(engagement, "CC6.4", reason="Cloud", by=f.people(engagement)["sana"])
    scope.mark_not_relevant(engagement, "CC6.4", reason="There are no premises.", by=carla)
    assert next(one for one in coverage(engagement) if one.criterion.code == "CC6.4").gap is False
    scope.mark_relevant(engagement, "CC6.4", by=petra)
    assert not NotRelevantCriterion.objects.exists()
    assert last(engagement).action == "criterion.relevant"


@pytest.mark.parametrize("stage", [Stage.DECLINED, Stage.WITHDRAWN, Stage.LOCKED])
def test_ended_engagements_keep_their_scope(stage: Stage) -> None:
    engagement = f.at_stage(f.accepted(), stage)
    with pytest.raises(WrongStage):
        control(engagement)


def test_the_scope_closes_with_the_reports_date() -> None:
    engagement = f.at_stage(f.accepted(), Stage.REPORTING)
    Engagement.objects.filter(pk=engagement.pk).update(report_date=dt.date(2026, 11, 1))
    with pytest.raises(WrongStage, match="date"):
        control(engagement)


def test_coverage_says_what_meets_each_criterion() -> None:
    engagement = f.accepted()
    control(engagement, "NB-02", criteria=["CC6.1", "A1.2"])
    control(engagement, "NB-01", criteria=["CC6.1"])
    gone = control(engagement, "NB-03", criteria=["CC6.2"])
    scope.remove(gone, reason="Not run", by=engagement.created_by)
    found = {one.criterion.code: one for one in coverage(engagement)}
    assert len(found) == 36
    assert [one.number for one in found["CC6.1"].controls] == ["NB-01", "NB-02"]
    assert found["CC6.2"].gap
    assert not found["A1.2"].gap
    series = {one.code: one for one in by_series(list(found.values()))}
    assert series["CC6"].covered == 1
    assert len(series["CC6"].criteria) == 8
