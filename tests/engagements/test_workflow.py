"""From opening to reporting: who, in which order, and what is refused."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.utils import DatabaseError
from django.utils import timezone

from audit.models import Event
from controls.models import Category
from engagements import workflow
from engagements.frame import rail
from engagements.models import Engagement, EngagementMember, LetterAmendment, Role, RuleOverride, Stage
from engagements.register import Blocked
from tests import factories as f

pytestmark = pytest.mark.django_db


def actions(engagement: Engagement) -> list[str]:
    return list(Event.objects.filter(engagement_id=engagement.pk).order_by("pk").values_list("action", flat=True))


def test_who_opens_is_the_partner() -> None:
    engagement = f.proposed()
    assert engagement.members.get().role == Role.PARTNER
    assert actions(engagement) == ["engagement.opened", "team.role_set"]


def test_only_those_the_firm_lets_open_engagements() -> None:
    f.proposed()
    with pytest.raises(PermissionDenied):
        f.proposed(partner=f.person("sana"))
    assert Engagement.objects.count() == 1


def test_the_database_refuses_what_r08_and_r09_refuse() -> None:
    engagement = f.proposed()
    for wrong in (
        {"categories": [Category.PRIVACY]},
        {"as_of": dt.date(2026, 1, 1)},
        {"period_end": engagement.period_start},
        {"period_end": None},
        {"type": "1"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Engagement.objects.filter(pk=engagement.pk).update(**wrong)


def test_acceptance_waits_for_independence() -> None:
    engagement = f.proposed()
    with pytest.raises(Blocked, match="R01"):
        workflow.accept(engagement, on=dt.date(2025, 9, 1), note="Known", by=engagement.created_by)
    engagement.refresh_from_db()
    assert engagement.stage == Stage.ACCEPTANCE
    assert engagement.accepted_on is None
    assert "engagement.accepted" not in actions(engagement)


def test_only_the_partner_accepts_and_only_once() -> None:
    engagement = f.staffed()
    people = f.people(engagement)
    for key in ("milan", "sana", "quinn", "carla"):
        with pytest.raises(PermissionDenied):
            workflow.accept(engagement, on=dt.date(2025, 9, 1), note="Known", by=people[key])
    f.independent(engagement)
    with pytest.raises(ValidationError, match="future"):
        workflow.accept(
            engagement, on=timezone.localdate() + dt.timedelta(days=1), note="Known", by=people["petra"]
        )
    with pytest.raises(ValidationError, match="grounds"):
        workflow.accept(engagement, on=dt.date(2025, 9, 1), note=" ", by=people["petra"])
    accepted = workflow.accept(engagement, on=dt.date(2025, 9, 1), note="Known", by=people["petra"])
    assert (accepted.stage, accepted.accepted_by) == (Stage.SCOPING, people["petra"])
    with pytest.raises(workflow.WrongStage):
        workflow.accept(engagement, on=dt.date(2025, 9, 1), note="Known", by=people["petra"])


def test_the_client_does_not_see_the_grounds_of_acceptance() -> None:
    engagement = f.accepted()
    event = Event.objects.get(engagement_id=engagement.pk, action="engagement.accepted")
    assert event.audience == Event.Audience.FIRM


def test_the_letter_comes_after_acceptance_and_once() -> None:
    engagement = f.staffed()
    petra = engagement.created_by
    letter = {"for_client": "Sig", "for_firm": "Petra"}
    with pytest.raises(workflow.WrongStage):
        workflow.letter_in_force(engagement, on=dt.date(2025, 9, 10), **letter)
    f.independent(engagement)
    workflow.accept(engagement, on=dt.date(2025, 9, 1), note="Known", by=petra)
    with pytest.raises(ValidationError, match="R47"):
        workflow.letter_in_force(engagement, on=dt.date(2025, 8, 31), **letter)
    with pytest.raises(ValidationError, match="Name who signed"):
        workflow.letter_in_force(engagement, on=dt.date(2025, 9, 1), **{**letter, "for_client": ""})
    workflow.letter_in_force(engagement, on=dt.date(2025, 9, 1), **letter)
    with pytest.raises(ValidationError, match="amendment"):
        workflow.letter_in_force(engagement, on=dt.date(2025, 9, 2), **letter)


def test_before_the_letter_dates_change_freely() -> None:
    engagement = f.staffed()
    changed = workflow.change(engagement, by=engagement.created_by, period_end=dt.date(2026, 8, 31))
    assert changed.period_end == dt.date(2026, 8, 31)
    event = Event.objects.filter(engagement_id=engagement.pk).first()
    assert event is not None
    assert event.detail["values"] == {"period_end": ["2026-09-30", "2026-08-31"]}
    with pytest.raises(ValidationError):
        workflow.change(engagement, by=engagement.created_by, period_end=dt.date(2025, 1, 1))


def test_after_the_letter_a_change_needs_an_amendment() -> None:
    engagement = f.accepted()
    petra = engagement.created_by
    with pytest.raises(Blocked, match="R15"):
        workflow.change(engagement, by=petra, period_end=dt.date(2026, 8, 31))
    engagement.refresh_from_db()
    assert engagement.period_end == dt.date(2026, 9, 30)
    workflow.change(engagement, by=petra, report_due=dt.date(2026, 12, 1))
    signed = workflow.Amendment(dt.date(2026, 1, 5), "Sigrid Vale", "Petra Alder", "The client changes its year.")
    workflow.change(engagement, by=petra, period_end=dt.date(2026, 8, 31), amendment=signed)
    amendment = LetterAmendment.objects.get()
    assert amendment.changes == {"period_end": ["2026-09-30", "2026-08-31"]}
    with pytest.raises(DatabaseError), transaction.atomic():
        LetterAmendment.objects.update(signed_for_client="Somebody else")


def test_stages_follow_the_machine() -> None:
    engagement = f.accepted()
    petra, milan, sana = (f.people(engagement)[key] for key in ("petra", "milan", "sana"))
    with pytest.raises(PermissionDenied):
        workflow.advance(engagement, Stage.FIELDWORK, by=sana)
    with pytest.raises(workflow.WrongStage):
        workflow.advance(engagement, Stage.REPORTING, by=petra)
    with pytest.raises(workflow.WrongStage):
        workflow.advance(engagement, Stage.ISSUED, by=petra)
    workflow.advance(engagement, Stage.OBSERVATION, by=milan)
    moved = workflow.advance(engagement, Stage.FIELDWORK, by=milan)
    assert moved.stage == Stage.FIELDWORK
    with pytest.raises(DatabaseError), transaction.atomic():
        Engagement.objects.filter(pk=engagement.pk).update(stage=Stage.ISSUED)


def test_a_type_1_is_not_observed() -> None:
    engagement = f.accepted(type="1")
    assert Stage.OBSERVATION not in workflow.next_stages(engagement)
    with pytest.raises(workflow.WrongStage):
        workflow.advance(engagement, Stage.OBSERVATION, by=engagement.created_by)


def test_a_newcomer_without_independence_stops_the_next_step() -> None:
    engagement = f.accepted()
    EngagementMember.objects.filter(role=Role.STAFF).update(independence_confirmed_at=None)
    with pytest.raises(Blocked, match="R01"):
        workflow.advance(engagement, Stage.FIELDWORK, by=engagement.created_by)


def test_a_warning_is_passed_with_a_reason_that_stays() -> None:
    engagement = f.accepted(prior_period_end=dt.date(2025, 9, 20))
    people = f.people(engagement)
    with pytest.raises(Blocked, match="R11"):
        workflow.advance(engagement, Stage.FIELDWORK, by=people["petra"])
    words = {"step": "fieldwork", "rule": "R11", "subject": ""}
    with pytest.raises(ValidationError, match="why"):
        workflow.override(engagement, **words, reason=" ", by=people["petra"])
    with pytest.raises(PermissionDenied):
        workflow.override(engagement, **words, reason="Agreed", by=people["sana"])
    workflow.override(engagement, **words, reason="A bridge letter covers it.", by=people["milan"])
    assert workflow.advance(engagement, Stage.FIELDWORK, by=people["petra"]).stage == Stage.FIELDWORK
    made = RuleOverride.objects.get()
    assert (made.by, made.reason) == (people["milan"], "A bridge letter covers it.")
    with pytest.raises(DatabaseError), transaction.atomic():
        RuleOverride.objects.update(reason="Other")


def test_what_blocks_is_never_passed() -> None:
    engagement = f.accepted()
    member = EngagementMember.objects.get(role=Role.STAFF)
    EngagementMember.objects.filter(pk=member.pk).update(independence_confirmed_at=None)
    with pytest.raises(ValidationError, match="no such warning"):
        workflow.override(
            engagement,
            step="fieldwork",
            rule="R01",
            subject=f"engagements.engagementmember:{member.pk}",
            reason="Later",
            by=engagement.created_by,
        )
    assert not RuleOverride.objects.exists()


def test_leaving_declines_before_acceptance_and_withdraws_after() -> None:
    proposed, accepted = f.staffed(), f.accepted()
    with pytest.raises(ValidationError, match="why"):
        workflow.leave(proposed, reason="", by=proposed.created_by)
    with pytest.raises(PermissionDenied):
        workflow.leave(accepted, reason="No time", by=f.people(accepted)["milan"])
    assert workflow.leave(proposed, reason="A conflict", by=proposed.created_by).stage == Stage.DECLINED
    assert workflow.leave(accepted, reason="No access", by=accepted.created_by).stage == Stage.WITHDRAWN
    with pytest.raises(workflow.WrongStage):
        workflow.leave(accepted, reason="Again", by=accepted.created_by)
    with pytest.raises(DatabaseError), transaction.atomic():
        accepted.delete()


@pytest.mark.parametrize(
    ("stage", "shown"), [(Stage.SCOPING, True), (Stage.READINESS, True), (Stage.FIELDWORK, False)]
)
def test_readiness_is_not_shown_as_done_when_it_may_have_been_left_out(stage: Stage, shown: bool) -> None:
    engagement = f.accepted()
    engagement.stage = stage
    steps = rail(engagement)
    assert ("readiness" in [step["key"] for step in steps]) == shown
    assert [step["state"] for step in steps].count("now") == 1
