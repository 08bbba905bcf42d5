"""A request's way from draft to accepted: who may do which step when, and what is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, transaction

from audit.models import Event
from engagements.models import Engagement, Stage
from engagements.workflow import WrongStage
from evidence import requests
from evidence.models import EvidenceRequest
from tests import factories as f
from tests.evidence import makers

pytestmark = pytest.mark.django_db


@pytest.fixture
def engagement() -> Engagement:
    return f.at_stage(f.accepted(), Stage.FIELDWORK)


def last_event() -> Event:
    event = Event.objects.order_by("pk").last()
    assert event is not None
    return event


class TestMaking:
    def test_drafts_are_the_firms(self, engagement: Engagement) -> None:
        made = makers.request(engagement, open_=False)
        assert made.state == "draft"
        assert last_event().audience == Event.Audience.FIRM
        (opened,) = requests.open_requests([made], by=f.people(engagement)["sana"])
        assert opened.state == "open"
        assert last_event().audience == Event.Audience.ALL

    def test_opening_twice_opens_once(self, engagement: Engagement) -> None:
        made = makers.request(engagement)
        assert requests.open_requests([made], by=f.people(engagement)["sana"]) == []

    @pytest.mark.parametrize("key", ["carla", "owen", "quinn", "ray"])
    def test_only_the_firms_team(self, engagement: Engagement, key: str) -> None:
        with pytest.raises(PermissionDenied):
            requests.make(engagement, title="Logs", due=makers.DUE, by=f.people(engagement)[key])

    def test_assignee_is_of_the_client(self, engagement: Engagement) -> None:
        with pytest.raises(ValidationError, match="client's team"):
            makers.request(engagement, assigned_to=f.people(engagement)["milan"])

    def test_needs_a_title(self, engagement: Engagement) -> None:
        with pytest.raises(ValidationError, match="few words"):
            makers.request(engagement, title=" ")

    def test_controls_of_this_engagement(self, engagement: Engagement) -> None:
        other = f.accepted(a_client=f.client(name="Southlake Press LLC"))
        with pytest.raises(ValidationError, match="another engagement"):
            makers.request(engagement, controls=[makers.control(other)])

    def test_not_before_scoping(self) -> None:
        engagement = f.staffed()
        with pytest.raises(WrongStage):
            makers.request(engagement)


class TestFromControls:
    def make(self, engagement: Engagement, *controls: Any, **options: Any) -> list[EvidenceRequest]:
        who = f.people(engagement)
        values: dict[str, Any] = {"due": makers.DUE, "by": who["sana"], "assigned_to": who["carla"], **options}
        return requests.make_from_controls(engagement, controls=controls, **values)

    def test_one_per_control(self, engagement: Engagement) -> None:
        owen = f.people(engagement)["owen"]
        first = makers.control(engagement, "IAM-06", owner=owen)
        second = makers.control(engagement, "IAM-08", title="User access review", typical_evidence="Review file.")
        made = self.make(engagement, first, second)
        assert [one.title for one in made] == [first.title, second.title]
        assert [one.assigned_to for one in made] == [owen, f.people(engagement)["carla"]]
        assert made[0].detail.startswith("Please provide: Leaver population, disable logs.")
        assert (made[0].covers_from, made[0].covers_to) == (dt.date(2025, 10, 1), dt.date(2026, 9, 30))

    def test_same_evidence_is_asked_for_once(self, engagement: Engagement) -> None:
        controls = [makers.control(engagement, number, typical_evidence="Policy set") for number in ("A-1", "A-2")]
        (made,) = self.make(engagement, *controls)
        assert made.title == "Policy set"
        assert list(made.controls.all()) == controls
        assert "- A-2" in made.detail

    def test_unless_wanted_apart(self, engagement: Engagement) -> None:
        controls = [makers.control(engagement, number) for number in ("A-1", "A-2")]
        assert len(self.make(engagement, *controls, group=False)) == 2

    def test_asking_twice_makes_nothing_twice(self, engagement: Engagement) -> None:
        control = makers.control(engagement)
        assert len(self.make(engagement, control)) == 1
        assert self.make(engagement, control) == []
        assert len(self.make(engagement, control, again=True)) == 1

    def test_without_usual_evidence(self, engagement: Engagement) -> None:
        (made,) = self.make(engagement, makers.control(engagement, typical_evidence=""))
        assert "shows that the control operates" in made.detail


class TestSteps:
    def test_the_whole_way(self, engagement: Engagement) -> None:
        who = f.people(engagement)
        asked = makers.submitted(engagement)
        assert asked.submitted_at is not None
        asked = requests.return_(asked, reason="The third is missing.", by=who["sana"])
        assert (asked.state, asked.return_reason, asked.decided_by) == (
            "returned",
            "The third is missing.",
            who["sana"],
        )
        makers.upload(asked, b"the third")
        asked = requests.submit(asked, by=who["owen"])
        asked = requests.accept(asked, by=who["milan"])
        assert (asked.state, asked.return_reason) == ("accepted", "")
        asked = requests.return_(asked, reason="It was the wrong year.", by=who["sana"])
        assert asked.state == "returned"
        actions = Event.objects.filter(target_label="REQ-001").values_list("action", flat=True)
        assert list(actions.order_by("pk"))[-4:] == [
            "request.returned",
            "request.submitted",
            "request.accepted",
            "request.returned",
        ]

    def test_submitting_needs_a_file(self, engagement: Engagement) -> None:
        with pytest.raises(ValidationError, match="no file yet"):
            requests.submit(makers.request(engagement), by=f.people(engagement)["owen"])

    def test_submitting_twice_submits_once(self, engagement: Engagement) -> None:
        asked = makers.submitted(engagement)
        again = requests.submit(asked, by=f.people(engagement)["owen"])
        assert again.submitted_at == asked.submitted_at
        assert Event.objects.filter(action="request.submitted").count() == 1

    def test_accepting_twice_accepts_once(self, engagement: Engagement) -> None:
        who = f.people(engagement)
        asked = requests.accept(makers.submitted(engagement), by=who["sana"])
        assert requests.accept(asked, by=who["milan"]).decided_by == who["sana"]

    def test_returning_needs_a_reason(self, engagement: Engagement) -> None:
        with pytest.raises(ValidationError, match="missing or wrong"):
            requests.return_(makers.submitted(engagement), reason="  ", by=f.people(engagement)["sana"])

    def test_open_is_neither_accepted_nor_returned(self, engagement: Engagement) -> None:
        asked, sana = makers.request(engagement), f.people(engagement)["sana"]
        with pytest.raises(WrongStage, match="is open and cannot be accepted"):
            requests.accept(asked, by=sana)
        with pytest.raises(WrongStage, match="cannot be returned"):
            requests.return_(asked, reason="no", by=sana)

    def test_a_draft_is_not_submitted(self, engagement: Engagement) -> None:
        asked = makers.request(engagement, open_=False)
        with pytest.raises(PermissionDenied):
            requests.submit(asked, by=f.people(engagement)["owen"])

    def test_somebody_elses_is_not_submitted(self, engagement: Engagement) -> None:
        asked = makers.request(engagement, assigned_to=f.people(engagement)["carla"])
        with pytest.raises(PermissionDenied, match="someone else"):
            requests.submit(asked, by=f.people(engagement)["owen"])

    def test_the_database_knows_the_steps_too(self, engagement: Engagement) -> None:
        asked = makers.request(engagement)
        with pytest.raises(DatabaseError, match="request_machine"), transaction.atomic():
            EvidenceRequest.objects.filter(pk=asked.pk).update(state="accepted")


STEPS: dict[str, Callable[[EvidenceRequest, Any], Any]] = {
    "accept": lambda asked, who: requests.accept(asked, by=who["sana"]),
    "return": lambda asked, who: requests.return_(asked, reason="no", by=who["sana"]),
    "submit": lambda asked, who: requests.submit(asked, by=who["owen"]),
    "assign": lambda asked, who: requests.assign(asked, to=who["carla"], by=who["sana"]),
    "due": lambda asked, who: requests.change_due(asked, due=dt.date(2026, 9, 1), by=who["sana"]),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("stage", [Stage.ISSUED, Stage.WITHDRAWN])
def test_nothing_moves_at_other_stages(engagement: Engagement, step: str, stage: Stage) -> None:
    asked = makers.submitted(engagement)
    f.at_stage(engagement, stage)
    with pytest.raises(WrongStage):
        STEPS[step](asked, f.people(engagement))


class TestChanging:
    def test_assigning(self, engagement: Engagement) -> None:
        who = f.people(engagement)
        asked = requests.assign(makers.request(engagement), to=who["sig"], by=who["carla"])
        assert asked.assigned_to == who["sig"]
        assert last_event().detail == {"to": "Sigrid Vale"}
        with pytest.raises(PermissionDenied):
            requests.assign(asked, to=who["owen"], by=who["sig"])

    def test_due_date(self, engagement: Engagement) -> None:
        who, day = f.people(engagement), dt.date(2026, 9, 14)
        asked = requests.change_due(makers.request(engagement), due=day, by=who["sana"])
        assert asked.due == day
        assert last_event().detail == {"old": "2026-08-31", "new": "2026-09-14"}
        with pytest.raises(PermissionDenied):
            requests.change_due(asked, due=day, by=who["carla"])

    def test_wording(self, engagement: Engagement) -> None:
        first, second = makers.control(engagement, "A-1"), makers.control(engagement, "A-2")
        asked = makers.request(engagement, controls=[first])
        requests.reword(asked, title="Logs", detail="All.", controls=[second], by=f.people(engagement)["sana"])
        asked.refresh_from_db()
        assert (asked.title, list(asked.controls.all())) == ("Logs", [second])

    def test_not_once_accepted(self, engagement: Engagement) -> None:
        sana = f.people(engagement)["sana"]
        asked = requests.accept(makers.submitted(engagement), by=sana)
        with pytest.raises(WrongStage):
            requests.change_due(asked, due=makers.DUE, by=sana)
        with pytest.raises(WrongStage):
            requests.reword(asked, title="Logs", detail="", controls=[], by=sana)
