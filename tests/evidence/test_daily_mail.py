"""One mail a day, at the person's own hour, once, and none when nothing happened; what cannot wait goes at once."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from engagements.models import Engagement, EngagementMember, Stage
from evidence import bulk, comments, digest, mailing, requests, zones
from evidence.correspondence import Digest, MailChoice
from evidence.models import EvidenceRequest
from jobs.models import Job
from jobs.running import run
from tests import factories as f
from tests.evidence import makers
from tests.permissions.world import BACKEND
from tests.remembered import remembered

pytestmark = pytest.mark.django_db

FAR = dt.date(2099, 1, 31)


@pytest.fixture
@remembered
def engagement() -> Engagement:
    made = f.at_stage(f.accepted(), Stage.FIELDWORK)
    # What has happened since this day is in the next mail.
    digest.begin_due(at=morning(-3))
    return made


def work() -> None:
    """A worker does what lies there."""
    for job in Job.objects.unfinished().filter(kind__in=["evidence.digest", "evidence.urgent"]):
        run(job.pk)


def morning(days: int = 1) -> dt.datetime:
    """Nine in the morning in Portland, so many days from now."""
    return (timezone.now() + dt.timedelta(days=days)).replace(hour=17, minute=0)


def mails(user: User) -> list[str]:
    return [one.body for one in mail.outbox if user.email in one.to]


def test_what_happened_is_told_once(engagement: Engagement) -> None:
    who = f.people(engagement)
    made = [makers.request(engagement, title=f"Listing {at}", due=FAR) for at in range(20)]
    comments.comment(made[0], text="@Owen Pike: which tenant?", by=who["sana"])
    submitted = makers.submitted(engagement, title="Handed in", due=FAR)
    at = morning()
    digest.begin_due(at=at)
    assert digest.begin_due(at=at + dt.timedelta(hours=2)) == 0
    work()
    work()
    (body,) = mails(who["owen"])
    assert "1 request on which you are named:" in body
    assert "20 requests asked of you:" in body
    assert "REQ-001  Listing 0 (due 31 Jan 2099)" in body
    assert "and 8 more" in body
    assert "Handed in" not in body  # one's own doing
    assert "which tenant" not in body  # no content by mail
    (body,) = mails(who["milan"])
    assert f"1 request submitted:\n  {submitted.code}  Handed in" in body
    (body,) = mails(who["carla"])
    assert "20 requests asked of colleagues:" in body
    assert "of you" not in body
    assert not mails(who["sub"])
    assert not mails(who["ray"])
    (to_owen,) = [one for one in mail.outbox if who["owen"].email in one.to]
    assert to_owen.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert to_owen.subject.startswith("Requests Northwind")


def test_nothing_happened_nothing_is_sent(engagement: Engagement) -> None:
    makers.request(engagement, due=FAR)
    digest.begin_due(at=morning())
    work()
    mail.outbox.clear()
    digest.begin_due(at=morning(2))
    work()
    assert not mail.outbox
    assert set(Digest.objects.filter(day=morning(2).date()).values_list("things", flat=True)) == {0}


@pytest.mark.parametrize(
    ("zone", "hour", "begun"),
    [("", 14, False), ("", 15, True), ("Europe/Berlin", 5, False), ("Europe/Berlin", 6, True)],
)
def test_at_seven_of_the_persons_own_day(engagement: Engagement, zone: str, hour: int, begun: bool) -> None:
    """The office is in Portland, Oregon: eight hours behind in winter."""
    owen = f.people(engagement)["owen"]
    MailChoice.objects.create(user=owen, time_zone=zone)
    digest.begin_due(at=dt.datetime(2027, 1, 14, hour, 5, tzinfo=dt.UTC))
    assert Digest.objects.filter(user=owen, day=dt.date(2027, 1, 14)).exists() is begun


@pytest.mark.parametrize(
    ("state", "zone"), [("Oregon", "America/Los_Angeles"), ("tx", "America/Chicago"), ("Bavaria", "")]
)
def test_zones_of_states(state: str, zone: str) -> None:
    assert zones.zone_of_state(state) == zone


def test_due_dates_count_as_news(engagement: Engagement) -> None:
    who, today = f.people(engagement), morning().date()
    late = makers.request(engagement, title="Late one", due=FAR)
    soon = makers.request(engagement, title="Due soon", due=FAR)
    EvidenceRequest.objects.filter(pk=late.pk).update(due=today - dt.timedelta(days=1))
    EvidenceRequest.objects.filter(pk=soon.pk).update(due=today + dt.timedelta(days=1))
    found = digest.news(who["owen"], since=morning(), until=morning(), today=today)
    assert {heading: [one.title for one in group.values()] for heading, group in found[0].groups.items()} == {
        "due today or tomorrow": ["Due soon"],
        "late since yesterday": ["Late one"],
    }


def test_who_may_not_open_the_engagement_hears_nothing(engagement: Engagement) -> None:
    who = f.people(engagement)
    makers.submitted(engagement, due=FAR)
    EngagementMember.objects.filter(user=who["milan"]).update(independence_confirmed_at=None)
    assert not digest.news(who["milan"], since=morning(-1), until=morning(), today=morning().date())
    assert digest.news(who["petra"], since=morning(-1), until=morning(), today=morning().date())


def test_returned_and_handed_in_again_is_no_news(engagement: Engagement) -> None:
    who, asked = f.people(engagement), makers.submitted(engagement, due=FAR)
    requests.return_(asked, reason="x", by=who["sana"])
    makers.upload(asked, b"more")
    requests.submit(asked, by=who["owen"])
    assert not digest.news(who["owen"], since=morning(-1), until=morning(), today=morning().date())


class TestUrgent:
    def test_one_mail_for_an_act_on_many(self, engagement: Engagement) -> None:
        who, today = f.people(engagement), timezone.localdate()
        drafts = [makers.request(engagement, open_=False, due=today) for _ in range(3)]
        drafts.append(makers.request(engagement, open_=False, due=FAR, title="Has time"))
        bulk.act_on(drafts, bulk.Act.OPEN, by=who["sana"])
        work()
        (one,) = mail.outbox
        assert one.to == [who["owen"].email]
        assert "3 requests" in one.subject
        assert "Has time" not in one.body
        assert "List-Unsubscribe" not in one.extra_headers

    @pytest.mark.parametrize(("priority", "due", "told"), [("high", 30, 1), ("normal", 30, 0), ("normal", 2, 1)])
    def test_returned(self, engagement: Engagement, priority: str, due: int, told: int) -> None:
        day = timezone.localdate() + dt.timedelta(days=due)
        asked = makers.submitted(engagement, priority=priority, due=FAR)
        EvidenceRequest.objects.filter(pk=asked.pk).update(due=day)
        requests.return_(asked, reason="The secret reason.", by=f.people(engagement)["sana"])
        work()
        assert len(mail.outbox) == told
        assert "secret" not in "".join(one.body for one in mail.outbox)

    def test_named_on_what_presses(self, engagement: Engagement) -> None:
        who = f.people(engagement)
        asked = makers.request(engagement, due=FAR)
        comments.comment(asked, text="@Sana, can it wait?", by=who["owen"])
        work()
        assert not mail.outbox
        EvidenceRequest.objects.filter(pk=asked.pk).update(due=timezone.localdate())
        asked.refresh_from_db()
        comments.comment(asked, text="@Sana?", by=who["owen"])
        work()
        assert mails(who["sana"])

    def test_not_to_who_does_not_want_it_or_sees_it_no_more(self, engagement: Engagement) -> None:
        who, today = f.people(engagement), timezone.localdate()
        MailChoice.objects.create(user=who["owen"], urgent=False)
        makers.request(engagement, due=today)
        moved = makers.request(engagement, due=today, assigned_to=who["sub"])
        EvidenceRequest.objects.filter(pk=moved.pk).update(assigned_to=who["carla"])
        work()
        assert not mail.outbox


class TestStopping:
    def test_by_the_mails_own_address(self, engagement: Engagement) -> None:
        owen = f.people(engagement)["owen"]
        url = mailing.stop_url(owen).removeprefix("http://127.0.0.1:8000")
        client = Client(enforce_csrf_checks=True)
        assert b"Stop the daily mail?" in client.get(url).content
        assert mailing.choice_of(owen).daily
        assert client.post(url, {"List-Unsubscribe": "One-Click"}).status_code == 200
        assert not mailing.choice_of(owen).daily
        makers.request(engagement, due=FAR)
        digest.begin_due(at=morning())
        work()
        assert not mails(owen)
        assert client.get(f"{url[:-2]}x/").status_code == 404

    def test_by_choice(self, engagement: Engagement) -> None:
        owen = f.people(engagement)["owen"]
        client = Client()
        client.force_login(owen, backend=BACKEND)
        url = reverse("evidence:mail")
        assert b"America/Los Angeles" in client.get(url).content
        assert client.post(url, {"time_zone": "Mars/Base"}).status_code == 422
        client.post(url, {"urgent": "on", "time_zone": "Europe/Berlin"})
        choice = mailing.choice_of(owen)
        assert (choice.daily, choice.urgent, choice.time_zone) == (False, True, "Europe/Berlin")


def test_a_worker_that_dies_after_sending_does_not_send_again(
    engagement: Engagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    makers.request(engagement, due=FAR)
    digest.begin_due(at=morning())
    owens = Digest.objects.filter(user=f.person("owen")).latest("day")
    job = Job.objects.unfinished().get(kind=digest.JOB, payload__digest=owens.pk)
    monkeypatch.setattr(digest, "finish", lambda *_: (_ for _ in ()).throw(SystemExit))
    with pytest.raises(SystemExit):
        run(job.pk)
    monkeypatch.undo()
    Job.objects.filter(pk=job.pk).update(state=Job.State.QUEUED)
    run(job.pk)
    job.refresh_from_db()
    assert (len(mails(f.person("owen"))), job.state) == (1, "done")


def test_what_the_mail_server_does_not_take_is_tried_again(
    engagement: Engagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    makers.request(engagement, due=FAR)
    digest.begin_due(at=morning())
    owens = Digest.objects.filter(user=f.person("owen")).latest("day")
    job = Job.objects.unfinished().get(kind=digest.JOB, payload__digest=owens.pk)

    def away(*_: object, **__: object) -> None:
        raise ConnectionRefusedError("no mail server")

    monkeypatch.setattr(mailing, "send", away)
    with pytest.raises(ConnectionRefusedError):
        run(job.pk)
    owens.refresh_from_db()
    assert (owens.things, owens.sent_at) == (None, None)
    monkeypatch.undo()
    run(job.pk)
    owens.refresh_from_db()
    assert len(mails(f.person("owen"))) == 1
    assert owens.sent_at is not None
