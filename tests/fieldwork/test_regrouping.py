"""Exceptions of one sheet merged and split: cells move, everything that was said stays on record."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from audit.models import Event
from engagements.workflow import WrongStage
from fieldwork import deviations, regrouping, signing, testing
from fieldwork.models import ControlTest, Deviation, ItemResult, Regrouping
from reports.snapshot import standing_deviations
from tests import factories as f
from tests.fieldwork import makers as m
from tests.remembered import remembered

pytestmark = pytest.mark.django_db

REASON = "The same leaver form was late."


@pytest.fixture
@remembered
def sheet() -> ControlTest:
    """Three items; B deviates in the first two, C in the third."""
    test = m.planned(m.at_fieldwork())
    m.worked(test, deviating=[(1, "B"), (2, "B"), (3, "C")])
    return test


@pytest.fixture
@remembered
def pair(sheet: ControlTest) -> tuple[Deviation, Deviation]:
    first, second, _ = ItemResult.objects.filter(outcome="d").order_by("item__position")
    return m.raised(sheet, [first]), m.raised(sheet, [second])


def merge(one: Deviation, into: Deviation, **more: object) -> Deviation:
    values = {"reason": REASON, "by": f.person("milan"), **more}
    return regrouping.merge(one, into, **values)  # type: ignore[arg-type]


def test_a_shared_cause_is_one_exception_and_both_stand_as_before(pair: tuple[Deviation, Deviation]) -> None:
    one, into = pair
    deviations.reword(one, title=one.title, description="A contractor's access stayed.", by=f.person("milan"))
    m.evaluated(into)
    deviations.conclude(into, by=f.person("petra"), softer_reason="No use of the account.")
    merge(one, into)
    one.refresh_from_db()
    into.refresh_from_db()
    assert (one.state, one.merged_into, one.cells.count(), one.title) == ("merged", into, 0, "Access removed late")
    assert (into.state, into.concluded_by, into.cells.count()) == ("raised", None, 2)
    assert into.cause, "the evaluation stays, to begin with"
    kept = Regrouping.objects.get()
    assert into.description == f"{kept.before[1]['description']} A contractor's access stayed.", "what both say"
    assert [was["code"] for was in kept.before] == ["EX-01", "EX-02"]
    assert kept.before[1]["concluded_by"] == "Petra Alder"
    assert kept.cells == ["First B"]
    event = Event.objects.get(action="exception.merged")
    assert (event.detail["into"], event.detail["reason"]) == ("EX-02", REASON)
    assert [one.code for one in standing_deviations(into.engagement)] == ["EX-02"]


def test_what_was_merged_is_over(pair: tuple[Deviation, Deviation]) -> None:
    one, into = pair
    merge(one, into)
    one.refresh_from_db()
    for act in (
        lambda: m.evaluated(one),
        lambda: deviations.not_a_deviation(one, reason="x", by=f.person("petra")),
        lambda: deviations.release_to_client(one, by=f.person("milan")),
        lambda: merge(one, into),
        lambda: merge(into, one),
    ):
        with pytest.raises(WrongStage, match="EX-01 was merged into EX-02"):
            act()


def test_history_is_neither_changed_nor_deleted(pair: tuple[Deviation, Deviation]) -> None:
    merge(*pair)
    for act in (lambda: Regrouping.objects.update(reason="x"), lambda: Regrouping.objects.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()


def test_refusals_of_a_merger(pair: tuple[Deviation, Deviation]) -> None:
    one, into = pair
    with pytest.raises(ValidationError, match="another exception"):
        merge(one, one)
    with pytest.raises(ValidationError, match="Say what the cause"):
        merge(one, into, reason=" ")
    with pytest.raises(PermissionDenied):
        merge(one, into, by=f.person("carla"))
    elsewhere = m.concluded(
        one.engagement, deviating=[(1, "A")], a_control=m.control(one.engagement, "IAM-08")
    ).deviations.get()
    with pytest.raises(ValidationError, match="another sheet"):
        merge(one, elsewhere)
    deviations.release_to_client(one, by=f.person("milan"))
    with pytest.raises(ValidationError, match="The client knows EX-01"):
        merge(one, into)
    assert not Regrouping.objects.exists()


def test_another_cause_becomes_an_exception_of_its_own(sheet: ControlTest) -> None:
    deviation = m.evaluated(m.raised(sheet, list(ItemResult.objects.filter(outcome="d"))))
    devices = list(ItemResult.objects.filter(outcome="d", attribute__letter="C"))
    words = {"title": "Devices kept", "description": "One laptop was not returned.", "reason": "Another team."}
    milan = f.person("milan")
    with pytest.raises(ValidationError, match="Leave at least one"):
        regrouping.split(deviation, deviation.cells.all(), **words, by=milan)
    with pytest.raises(ValidationError, match="on which EX-01 rests"):
        regrouping.split(deviation, ItemResult.objects.filter(outcome="p")[:1], **words, by=milan)
    with pytest.raises(ValidationError) as refused:
        regrouping.split(deviation, devices, **{**words, "title": ""}, by=milan)
    assert set(refused.value.message_dict) == {"title"}
    made = regrouping.split(deviation, devices, **words, by=milan)
    deviation.refresh_from_db()
    assert (made.code, made.state, list(made.cells.all())) == ("EX-02", "raised", devices)
    assert (deviation.state, deviation.cells.count()) == ("raised", 2)
    assert Regrouping.objects.get().before[0]["effect"] == "control_effective"
    assert Event.objects.get(action="exception.split").audience == Event.Audience.FIRM


def test_regrouping_voids_what_was_signed(pair: tuple[Deviation, Deviation], sheet: ControlTest) -> None:
    m.raised(sheet, list(ItemResult.objects.filter(outcome="d", attribute__letter="C")))
    testing.conclude_test(sheet, "exceptions", by=f.person("sana"))
    m.signed(sheet)
    merge(*pair)
    assert signing.living(sheet) == {}
    assert "EX-01 was merged into EX-02" in sheet.sign_offs.latest("pk").voided_reason


def test_in_the_pages(client: Client, pair: tuple[Deviation, Deviation]) -> None:
    one, into = pair
    client.force_login(f.person("milan"))
    merging = reverse("fieldwork:merge", args=[one.engagement_id, one.code])
    assert "EX-02 Access removed late" in client.get(merging).content.decode()
    assert client.post(merging, {"into": into.pk, "reason": ""}).status_code == 422
    assert client.post(merging, {"into": into.pk, "reason": REASON})["Location"] == into.get_absolute_url()
    assert "Merged into" in client.get(one.get_absolute_url()).content.decode()
    page = client.get(into.get_absolute_url()).content.decode()
    assert "As it stood before" in page
    assert REASON in page
    splitting = reverse("fieldwork:split", args=[into.engagement_id, into.code])
    made = client.post(
        splitting,
        {"cells": [into.cells.order_by("pk")[0].pk], "title": "T", "description": "D.", "reason": "Not after all."},
    )
    assert made["Location"].endswith("/EX-03/")


def test_the_client_finds_what_it_knew_by_another_code(client: Client, pair: tuple[Deviation, Deviation]) -> None:
    one, into = pair
    for deviation in (into, one):
        deviations.release_to_client(deviation, by=f.person("milan"))
    one.refresh_from_db()
    into.refresh_from_db()
    merge(one, into)
    client.force_login(f.person("carla"))
    assert client.get(one.get_absolute_url())["Location"] == into.get_absolute_url()
    assert client.get(reverse("fieldwork:exceptions", args=[one.engagement_id])).content.count(b"EX-01") == 0
