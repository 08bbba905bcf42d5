"""Reminders by the calendar of the release: each once, however often the clock asks (R55)."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import FirmMember
from archive import reminding
from archive.models import ClosingReminder
from audit.models import Event
from config.celery import app
from engagements.models import Engagement
from engagements.waiting import Urgency, waiting_for
from tests import factories as f
from tests.archive import makers as a

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick")]

DAY = dt.timedelta(days=1)


def addressed() -> list[str]:
    return sorted(address.partition("@")[0] for message in mail.outbox for address in message.to)


@pytest.mark.drill
def test_the_calendar_of_ninety_days() -> None:
    """Asked every day, twice: at 30, 45 and 55 the partner and the manager, at 60 all who answer for it."""
    engagement = a.issued()
    released = a.released(engagement, 0)
    FirmMember.objects.filter(user=f.people(engagement)["sana"]).update(is_admin=True)
    told = {}
    for day in range(91):
        mail.outbox.clear()
        reminding.remind(released + day * DAY)
        assert reminding.remind(released + day * DAY) == 0
        if mail.outbox:
            told[day] = addressed()
    assert told == {
        30: ["milan", "petra"],
        45: ["milan", "petra"],
        55: ["milan", "petra"],
        60: ["milan", "petra", "quinn", "sana"],
    }
    actions = Event.objects.of_engagement(engagement.pk).filter(action__in=["file.reminded", "file.escalated"])
    assert actions.count() == 4


def test_a_clock_that_stood_still_tells_the_newest_only() -> None:
    engagement = a.issued()
    released = a.released(engagement, 0)
    assert reminding.remind(released + 58 * DAY) == 1
    assert list(ClosingReminder.objects.values_list("mark", flat=True)) == [55]
    assert "2 days from now" in mail.outbox[0].body
    assert f"/engagements/{engagement.pk}/file/" in mail.outbox[0].body


def test_a_new_release_has_a_calendar_of_its_own() -> None:
    engagement = a.issued()
    released = a.released(engagement, 40)
    assert reminding.remind(released + 40 * DAY) == 1
    again = a.released(engagement, 0)
    assert reminding.remind(again + 29 * DAY) == 0
    assert reminding.remind(again + 30 * DAY) == 1


def test_what_is_locked_or_not_issued_is_left_alone() -> None:
    a.locked()
    f.accepted(system_name="Payroll")
    assert reminding.remind(timezone.localdate() + 100 * DAY) == 0


def test_a_mail_that_cannot_be_sent_is_sent_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    engagement = a.issued()
    released = a.released(engagement, 0)

    def fail(*arguments: object, **options: object) -> None:
        raise OSError("no route to the mail server")

    with monkeypatch.context() as patched:
        patched.setattr(reminding, "send_mail", fail)
        assert reminding.remind(released + 30 * DAY) == 0
    assert not ClosingReminder.objects.exists()
    assert reminding.remind(released + 30 * DAY) == 1
    assert addressed() == ["milan", "petra"]


def test_the_clock_asks() -> None:
    entry = app.conf.beat_schedule["remind_to_lock"]
    assert entry["task"] == "archive.remind"


def test_it_waits_for_the_partner_at_home() -> None:
    engagement = a.issued()
    a.released(engagement, 61)
    people = f.people(engagement)
    found = [one for one in waiting_for(people["petra"], today=timezone.localdate()) if "lock" in one.text]
    assert [one.pressing(timezone.localdate()) for one in found] == [Urgency.LATE]
    assert not [one for one in waiting_for(people["milan"], today=timezone.localdate()) if "lock it" in one.text]
    assert Engagement.objects.get(pk=engagement.pk).stage == "issued"
