"""Sign-offs: in order, by different people, bound to the content, void when it changes."""

from __future__ import annotations

import datetime as dt

import pgtrigger
import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from audit.models import Event
from engagements.models import Control
from engagements.register import Blocked, findings
from fieldwork import deviations, notes, signing, testing
from fieldwork.models import ControlTest, ItemResult, SignOff
from tests import factories as f
from tests.fieldwork import makers as m

pytestmark = pytest.mark.django_db


@pytest.fixture
def done() -> ControlTest:
    return m.concluded(m.at_fieldwork())


def test_prepared_reviewed_partner(done: ControlTest) -> None:
    before = timezone.now()
    prepared, reviewed, partner = m.signed(done, "prepared", "reviewed", "partner")
    assert prepared.content_sha256 == reviewed.content_sha256 == partner.content_sha256
    assert prepared.content_sha256 == signing.hash_of(signing.content_of(done))
    assert before <= prepared.at <= reviewed.at <= partner.at <= timezone.now()
    events = Event.objects.filter(action="test.signed").order_by("pk")
    assert [event.detail["step"] for event in events] == ["prepared", "reviewed", "partner"]
    assert {event.audience for event in events} == {Event.Audience.FIRM}


def test_in_order(done: ControlTest) -> None:
    who = f.people(done.engagement)
    with pytest.raises(ValidationError, match="R31"):
        signing.sign(done, "reviewed", by=who["milan"])
    m.signed(done, "prepared")
    with pytest.raises(ValidationError, match="R31"):
        signing.sign(done, "partner", by=who["petra"])
    with pytest.raises(ValidationError, match="is signed as prepared"):
        signing.sign(done, "prepared", by=who["milan"])


def test_by_different_people(done: ControlTest) -> None:
    milan = f.people(done.engagement)["milan"]
    signing.sign(done, "prepared", by=milan)
    with pytest.raises(ValidationError, match="R28"):
        signing.sign(done, "reviewed", by=milan)


def test_nobody_reviews_results_of_his_own(done: ControlTest) -> None:
    milan = f.people(done.engagement)["milan"]
    m.cell(done, 1, "A", "n", by=milan)
    testing.conclude_test(done, "no_exceptions", by=f.people(done.engagement)["sana"])
    m.signed(done, "prepared")
    with pytest.raises(ValidationError, match="R28: you worked on this sheet"):
        signing.sign(done, "reviewed", by=milan)


def test_the_database_refuses_the_same_person_too(done: ControlTest) -> None:
    (prepared,) = m.signed(done, "prepared")
    refused = pytest.raises(IntegrityError, match="sign_off_different_people")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO fieldwork_signoff"
            " (engagement_id, test_id, step, by_id, at, content_sha256, content, voided_reason)"
            " VALUES (%s, %s, 'reviewed', %s, now(), %s, '{}', '')",
            [done.engagement_id, done.pk, prepared.by_id, prepared.content_sha256],
        )


def test_a_signature_is_neither_moved_nor_taken_away(done: ControlTest) -> None:
    (prepared,) = m.signed(done, "prepared")
    with pytest.raises(DatabaseError), transaction.atomic():
        SignOff.objects.filter(pk=prepared.pk).update(at=timezone.now() - dt.timedelta(days=30))
    with pytest.raises(DatabaseError), transaction.atomic():
        prepared.delete()


@pytest.mark.parametrize(
    ("key", "step"), [("sana", "reviewed"), ("milan", "partner"), ("quinn", "prepared"), ("carla", "prepared")]
)
def test_each_step_needs_its_right(done: ControlTest, key: str, step: str) -> None:
    with pytest.raises(PermissionDenied):
        signing.sign(done, step, by=f.people(done.engagement)[key])


def test_not_before_everything_is_there() -> None:
    engagement = m.at_fieldwork()
    test = m.planned(engagement)
    sana = f.people(engagement)["sana"]
    with pytest.raises(Blocked, match="not concluded"):
        signing.sign(test, "prepared", by=sana)
    cells = m.worked(test, deviating=[(1, "A")])
    testing.conclude_test(test, "exceptions", by=sana)
    with pytest.raises(Blocked, match="raise the deviation"):
        signing.sign(test, "prepared", by=sana)
    m.raised(test, cells)
    assert signing.sign(test, "prepared", by=sana).pk


def test_a_deviation_says_where_it_shows() -> None:
    engagement = m.at_fieldwork()
    sana = f.people(engagement)["sana"]
    test = m.planned(engagement, items=["One"], attributes=m.ATTRIBUTES[:1])
    testing.cite(test, m.evidence(engagement), by=sana)
    cell = m.cell(test, 1, "A", "d", note="Late")
    m.raised(test, [cell])
    testing.conclude_test(test, "exceptions", by=sana)
    with pytest.raises(Blocked, match="R25"):
        signing.sign(test, "prepared", by=sana)


def test_open_notes_stand_in_the_way_of_the_review(done: ControlTest) -> None:
    who = f.people(done.engagement)
    m.signed(done, "prepared")
    note = notes.raise_note(done, text="Which policy?", by=who["milan"])
    with pytest.raises(Blocked, match="1 review note is open"):
        signing.sign(done, "reviewed", by=who["milan"])
    notes.clear(note, by=who["milan"])
    signing.sign(done, "reviewed", by=who["milan"])


def test_signed_it_is_read_only(done: ControlTest) -> None:
    m.signed(done, "prepared")
    sana = f.people(done.engagement)["sana"]
    for act in (
        lambda: m.cell(done, 1, "A", "n"),
        lambda: testing.add_item(done, "Fourth", by=sana),
        lambda: testing.add_attribute(done, title="More", pass_rule="x", by=sana),
        lambda: testing.cite(done, m.evidence(done.engagement, name="late.txt"), by=sana),
        lambda: testing.conclude_test(done, "no_exceptions", "Other words", by=sana),
        lambda: testing.change_test(done, by=sana, kinds=["inspection"], procedure="Other", phase="operating"),
    ):
        with pytest.raises(ValidationError, match="Return it to the preparer"):
            act()


def test_returned_its_signatures_are_void_and_stay(done: ControlTest) -> None:
    who = f.people(done.engagement)
    m.signed(done)
    with pytest.raises(ValidationError, match="Say what has to change"):
        signing.return_to_preparer(done, reason=" ", by=who["milan"])
    signing.return_to_preparer(done, reason="Item 2 is another person.", by=who["milan"])
    assert signing.living(done) == {}
    assert [one.voided_reason for one in done.sign_offs.all()] == ["Item 2 is another person."] * 2
    m.cell(done, 2, "A", "n")


def test_a_preparer_takes_back_only_what_nobody_reviewed(done: ControlTest) -> None:
    who = f.people(done.engagement)
    m.signed(done, "prepared")
    signing.return_to_preparer(done, reason="Forgot the note.", by=who["sana"])
    m.signed(done)
    with pytest.raises(PermissionDenied):
        signing.return_to_preparer(done, reason="Forgot more.", by=who["sana"])


def test_a_change_of_content_voids_what_was_signed() -> None:
    engagement = m.at_fieldwork()
    test = m.concluded(engagement, deviating=[(1, "B")])
    m.signed(test)
    deviation = test.deviations.get()
    deviations.reword(
        deviation, title=deviation.title, description="Nine working days.", by=f.people(engagement)["sana"]
    )
    assert signing.living(test) == {}
    assert "words of EX-01" in test.sign_offs.latest("pk").voided_reason
    assert Event.objects.filter(action="test.sign_off_voided").count() == 1


def test_an_evaluation_is_no_change_of_the_workpaper() -> None:
    test = m.concluded(m.at_fieldwork(), deviating=[(1, "B")])
    m.signed(test)
    m.evaluated(test.deviations.get())
    assert set(signing.living(test)) == {"prepared", "reviewed"}


def test_a_change_behind_the_flows_is_found() -> None:
    engagement = m.at_fieldwork()
    test = m.concluded(engagement)
    m.signed(test)
    assert not signing.stale_sign_offs(engagement)
    ItemResult.objects.filter(item__test=test).first().delete()  # type: ignore[union-attr]
    assert {one.step for one in signing.stale_sign_offs(engagement)} == {"prepared", "reviewed"}
    assert "R29" in {finding.rule for finding in findings("reporting", engagement)}


def test_reworded_control_text_makes_the_signature_stale() -> None:
    engagement = m.at_fieldwork()
    test = m.concluded(engagement)
    m.signed(test)
    Control.objects.filter(pk=test.control_id).update(wording="Access is removed within three days.")
    assert len(signing.stale_sign_offs(engagement)) == 2


def test_reviewer_does_not_sign_what_changed_under_the_preparer(done: ControlTest) -> None:
    m.signed(done, "prepared")
    Control.objects.filter(pk=done.control_id).update(wording="Other words.")
    with pytest.raises(ValidationError, match="R29"):
        signing.sign(done, "reviewed", by=f.people(done.engagement)["milan"])


def test_rules_see_signatures_out_of_order(done: ControlTest) -> None:
    engagement = done.engagement
    prepared, reviewed = m.signed(done)
    assert not {"R28", "R30", "R31"} & {finding.rule for finding in findings("issue", engagement)}
    with pgtrigger.ignore("fieldwork.SignOff:signed_stays"):
        SignOff.objects.filter(pk=reviewed.pk).update(at=prepared.at - dt.timedelta(minutes=1))
    assert "R31" in {finding.rule for finding in findings("issue", engagement)}
    with pgtrigger.ignore("fieldwork.SignOff:signed_stays"):
        SignOff.objects.filter(pk=prepared.pk).update(at=done.created_at - dt.timedelta(days=2))
    assert "R30" in {finding.rule for finding in findings("issue", engagement)}
    with pgtrigger.ignore("fieldwork.SignOff:signed_stays"):
        SignOff.objects.filter(pk=prepared.pk).update(by=f.people(engagement)["petra"])
        SignOff.objects.filter(pk=reviewed.pk).update(by=prepared.by)
    assert "R28" in {finding.rule for finding in findings("issue", engagement)}
