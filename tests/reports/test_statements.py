"""What management signs: by whom, on which date, to the letter."""

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, InternalError
from django.utils import timezone

from audit.models import Event
from reports import opinion, statements
from reports.models import ManagementStatement
from tests import factories as f
from tests.remembered import remembered
from tests.reports import makers as m

pytestmark = pytest.mark.django_db
Kind = ManagementStatement.Kind


@pytest.fixture
@remembered
def engagement() -> Any:
    made = m.in_scope()
    m.described(made)
    return made


def test_the_assertion_is_stored_as_it_was_shown(engagement: Any) -> None:
    text = statements.proposed(engagement, Kind.ASSERTION)
    signed = m.sign(engagement, Kind.ASSERTION, seen_sha256=statements.text_hash(text))
    assert signed.text == text
    assert signed.content_sha256 == statements.text_hash(text)
    assert "Northwind Ledger system" in text
    assert "Cumulus" in text
    assert Event.objects.get(action="statement.signed").detail["sha256"] == signed.content_sha256


@pytest.mark.parametrize("who", ["petra", "milan", "carla", "owen"])
def test_only_the_signatory_signs(engagement: Any, who: str) -> None:
    with pytest.raises(PermissionDenied):
        m.sign(engagement, Kind.ASSERTION, by=f.people(engagement)[who])


def test_a_wrong_password_signs_nothing(engagement: Any) -> None:
    with pytest.raises(ValidationError, match="not your password"):
        m.sign(engagement, Kind.ASSERTION, password="guess")
    assert not ManagementStatement.objects.exists()


def test_after_five_wrong_passwords_the_right_one_is_refused_for_a_while(engagement: Any) -> None:
    for _ in range(5):
        with pytest.raises(ValidationError):
            m.sign(engagement, Kind.ASSERTION, password="guess")
    with pytest.raises(ValidationError, match="Too many"):
        m.sign(engagement, Kind.ASSERTION)


def test_the_assertion_needs_a_complete_description() -> None:
    engagement = m.in_scope()
    m.described(engagement, complete=False)
    with pytest.raises(ValidationError, match="complete the description"):
        m.sign(engagement, Kind.ASSERTION)


def test_the_assertion_needs_a_basis(engagement: Any) -> None:
    with pytest.raises(ValidationError, match="rests on"):
        m.sign(engagement, Kind.ASSERTION, basis=" ")


def test_a_text_that_changed_since_it_was_shown_is_not_signed(engagement: Any) -> None:
    with pytest.raises(ValidationError, match="changed since"):
        m.sign(engagement, Kind.ASSERTION, seen_sha256="0" * 64)


@pytest.mark.parametrize(
    ("stated_on", "words"), [(dt.date(2026, 9, 30), "R49"), (dt.date(2126, 1, 1), "not dated ahead")]
)
def test_the_assertion_is_dated_after_the_period_and_not_ahead(
    engagement: Any, stated_on: dt.date, words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        m.sign(engagement, Kind.ASSERTION, stated_on=stated_on)


def test_letters_wait_for_the_report_date(engagement: Any) -> None:
    with pytest.raises(ValidationError, match="report date"):
        m.sign(engagement, Kind.REPRESENTATION)


def test_the_representation_letter_bears_the_report_date(engagement: Any) -> None:
    today = timezone.localdate()
    opinion.set_report_date(engagement, date=today, by=f.people(engagement)["petra"])
    with pytest.raises(ValidationError, match="R50"):
        m.sign(engagement, Kind.REPRESENTATION, stated_on=today - dt.timedelta(days=1))
    assert m.sign(engagement, Kind.REPRESENTATION).stated_on == today


def test_subsequent_events_are_asked_about_at_most_five_days_before(engagement: Any) -> None:
    today = timezone.localdate()
    opinion.set_report_date(engagement, date=today, by=f.people(engagement)["petra"])
    with pytest.raises(ValidationError, match="R52"):
        m.sign(engagement, Kind.SUBSEQUENT_EVENTS, stated_on=today - dt.timedelta(days=6))
    m.sign(engagement, Kind.SUBSEQUENT_EVENTS, stated_on=today - dt.timedelta(days=5))


def test_modifications_stand_in_the_text(engagement: Any) -> None:
    signed = m.sign(engagement, Kind.ASSERTION, modifications="Access was granted once without approval.")
    assert "Access was granted once without approval." in signed.text


def test_a_new_signature_supersedes_and_what_was_signed_stays(engagement: Any) -> None:
    old = m.sign(engagement, Kind.ASSERTION)
    new = m.sign(engagement, Kind.ASSERTION, modifications="One matter.")
    old.refresh_from_db()
    assert old.superseded_at is not None
    assert new.superseded_at is None
    with pytest.raises((IntegrityError, InternalError)):
        ManagementStatement.objects.filter(pk=old.pk).update(text="Another")
