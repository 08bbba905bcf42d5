"""A person's dates for their calendar program: at a secret address that the person can end."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from icalendar import Calendar, Event

from accounts.models import User, hash_token, new_token
from accounts.people import firm_of, when_deactivated
from audit.context import acting_for
from audit.trail import action, record
from engagements.models import Engagement, Role
from evidence.correspondence import CalendarFeed
from evidence.mine import engagements_of
from evidence.models import EvidenceRequest

MADE = action("calendar.made", "made a calendar address")
ENDED = action("calendar.ended", "ended the calendar address")
READ = action("calendar.read", "read the calendar at its address")

SHOWN = 20
# What is over for so long is left out.
KEPT = dt.timedelta(days=400)


@transaction.atomic
def make(user: User) -> tuple[CalendarFeed, str]:
    """A new address; the one before ends. Returns it with the secret, which is kept nowhere."""
    User.objects.select_for_update().get(pk=user.pk)
    _end(user, by=user)
    secret = new_token()
    made = CalendarFeed.objects.create(user=user, token_hash=hash_token(secret))
    record(MADE, by=user, firm=firm_of(user), target=made)
    return made, secret


@transaction.atomic
def end(user: User) -> bool:
    """Nothing is read there any more. Whether there was one."""
    return _end(user, by=user)


@when_deactivated
def end_of(user: User) -> None:
    """A person who is shut out reads no calendar either."""
    _end(user, by=None)


def _end(user: User, *, by: User | None) -> bool:
    feed = current(user)
    if feed is None:
        return False
    feed.ended_at = timezone.now()
    feed.save(update_fields=["ended_at"])
    record(ENDED, by=by, firm=firm_of(user), target=feed)
    return True


def current(user: User) -> CalendarFeed | None:
    return CalendarFeed.objects.filter(user=user, ended_at__isnull=True).first()


def find(secret: str) -> CalendarFeed | None:
    """The feed of a secret address, while it holds and its person may sign in."""
    feed = CalendarFeed.objects.filter(token_hash=hash_token(secret), ended_at__isnull=True).select_related("user")
    found = feed.first()
    return found if found is not None and found.user.is_active else None


@transaction.atomic
def take(feed: CalendarFeed, *, today: dt.date) -> bytes:
    """The calendar; that it was read is on record once a day."""
    if not feed.used(today):
        feed.read_on = today
        feed.save(update_fields=["read_on"])
        record(READ, by=feed.user, firm=firm_of(feed.user), target=feed)
    return calendar_of(feed.user, today=today)


def address(secret: str) -> str:
    return settings.SITE_URL + reverse("evidence:calendar", args=[secret])


def calendar_of(user: User, *, today: dt.date) -> bytes:
    """What is due and the engagements' own dates, as far as the person sees them."""
    calendar = Calendar()
    calendar.add("prodid", "-//Attestry//Requests//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", "Attestry")
    calendar.add("refresh-interval", dt.timedelta(hours=6), parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT6H")
    stamp = timezone.now()
    with acting_for(user):
        for engagement in engagements_of(user):
            if engagement.ended or engagement.ends_on < today - KEPT:
                continue
            for event in [*_dates(engagement), *_due(engagement, user)]:
                event.add("dtstamp", stamp)
                calendar.add_component(event)
    return bytes(calendar.to_ical())


def _dates(engagement: Engagement) -> list[Event]:
    days = [("as-of", "As-of date", engagement.as_of)]
    if engagement.is_type_2:
        days = [
            ("begin", "Period begins", engagement.period_start),
            ("end", "Period ends", engagement.period_end),
        ]
    days.append(("report", "Report due", engagement.report_due))
    return [
        _event(engagement, key, day, f"{engagement.client.short}: {words}", engagement.get_absolute_url(), "")
        for key, words, day in days
        if day is not None
    ]


def _due(engagement: Engagement, user: User) -> list[Event]:
    """One entry for each day on which something is due: what waits for the person, or for the firm the client."""
    waiting = EvidenceRequest.objects.visible_as(engagement, user).waiting_for_client().order_by("code")
    if "see_fieldwork" not in engagement.may and engagement.member.role != Role.CLIENT_ADMIN:
        waiting = waiting.filter(assigned_to=user)
    days: dict[dt.date, list[EvidenceRequest]] = defaultdict(list)
    if not engagement.frozen:
        for one in waiting:
            days[one.due].append(one)
    url = reverse("evidence:requests", args=[engagement.pk])
    made = []
    for day, requests in sorted(days.items()):
        number = len(requests)
        words = f"{number} requests due" if number > 1 else f"{requests[0].code} {requests[0].title} due"
        lines = [f"{one.code} {one.title}" for one in requests[:SHOWN]]
        if number > SHOWN:
            lines.append(f"and {number - SHOWN} more")
        title = f"{engagement.client.short}: {words}"
        made.append(_event(engagement, f"due-{day}", day, title, url, "\n".join(lines)))
    return made


def _event(engagement: Engagement, key: str, day: dt.date, title: str, url: str, text: str) -> Event:
    event = Event()
    event.add("uid", f"{key}-{engagement.pk}@{settings.SITE_URL.partition('://')[2].partition('/')[0]}")
    event.add("summary", title)
    event.add("dtstart", day)
    event.add("dtend", day + dt.timedelta(days=1))
    event.add("url", settings.SITE_URL + url)
    event.add("transp", "TRANSPARENT")
    if text:
        event.add("description", text)
    return event
