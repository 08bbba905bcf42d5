"""One mail a day instead of one for every act: what happened with a person's requests since the last one.

The clock wakes `begin_due` every few minutes. At seven in the morning of a person's own day it writes down that
day's digest, once, and has a worker send it. When nothing has happened nothing is sent.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.context import acting_for
from audit.models import Event
from engagements.models import Engagement, EngagementMember, Role
from engagements.workflow import WORKING
from evidence import comments, mailing, urgent
from evidence import requests as flows
from evidence.correspondence import Digest, MailChoice, Mention
from evidence.mine import engagements_of
from evidence.models import EvidenceRequest
from evidence.zones import zone_of
from jobs.models import Job
from jobs.queue import enqueue
from jobs.running import finish, hold

JOB = "evidence.digest"
HOUR = 7
SETTLED = dt.timedelta(minutes=1)
FIRST = dt.timedelta(days=1)
LONGEST = dt.timedelta(days=7)
SHOWN = 12

# What people hear of, by side, with the heading under which it stands; in this order.
_FOR_CLIENT = {
    flows.RETURNED.code: "returned to you",
    flows.OPENED.code: "asked of you",
    flows.ASKED_AGAIN.code: "asked of you",
    flows.ASSIGNED.code: "given to you",
    flows.DUE_CHANGED.code: "with a new due date",
    flows.PRIORITY_CHANGED.code: "with a new priority",
    flows.CHANGED.code: "reworded",
    comments.COMMENTED.code: "with new comments",
    flows.ACCEPTED.code: "accepted",
    flows.CANCELLED.code: "no longer needed",
}
_FOR_FIRM = {
    flows.SUBMITTED.code: "submitted",
    comments.COMMENTED.code: "with new comments",
    comments.NOTED.code: "with new notes of the firm",
    flows.REVIEWER_CHANGED.code: "given to you to look at",
}
# Who has the overview hears of the requests of others, too.
_OF_COLLEAGUES = {
    "returned to you": "returned to colleagues",
    "asked of you": "asked of colleagues",
    "given to you": "given to colleagues",
}
_NAMED, _DUE, _LATE = "on which you are named", "due today or tomorrow", "late since yesterday"


@dataclasses.dataclass
class News:
    """What is new in one engagement: requests under headings, each once in each."""

    engagement: Engagement
    groups: dict[str, dict[int, EvidenceRequest]] = dataclasses.field(default_factory=dict)

    def add(self, heading: str, request: EvidenceRequest) -> None:
        self.groups.setdefault(heading, {})[request.pk] = request

    @property
    def things(self) -> int:
        return sum(len(group) for group in self.groups.values())


def news(user: User, *, since: dt.datetime, until: dt.datetime, today: dt.date) -> list[News]:
    """What a person should hear of, and may: nothing that they did themselves."""
    with acting_for(user):
        found = [
            _news_of(engagement, user, since, until, today)
            for engagement in engagements_of(user)
            if engagement.stage in WORKING and not engagement.frozen
        ]
    return [one for one in found if one.groups]


def _news_of(engagement: Engagement, user: User, since: dt.datetime, until: dt.datetime, today: dt.date) -> News:
    of_firm = "see_fieldwork" in engagement.may
    mine = {one.pk: one for one in _concerning(engagement, user)}
    made = News(engagement)
    named = Mention.objects.filter(
        user=user,
        done_at__isnull=True,
        comment__engagement=engagement,
        comment__at__gt=since,
        comment__at__lte=until,
    )
    visible = EvidenceRequest.objects.visible_as(engagement, user)
    for one in visible.filter(comments__mentions__in=named).distinct():
        made.add(_NAMED, one)
    headings = _FOR_FIRM if of_firm else _FOR_CLIENT
    events = Event.objects.of_engagement(engagement.pk).filter(
        action__in=headings, at__gt=since, at__lte=until, target__startswith=f"{EvidenceRequest._meta.label_lower}:"
    )
    if not of_firm:
        events = events.for_client()
    happened: dict[str, list[EvidenceRequest]] = {
        heading: [] for one in headings.values() for heading in (one, _OF_COLLEAGUES.get(one, one))
    }
    for act, target in events.exclude(actor=user).order_by("pk").values_list("action", "target"):
        request = mine.get(int(target.rpartition(":")[2]))
        if request is not None and _still(act, request):
            mine_or_nobodys = request.assigned_to_id in {None, user.pk}
            heading = headings[act]
            happened[heading if mine_or_nobodys else _OF_COLLEAGUES.get(heading, heading)].append(request)
    for heading, requests in happened.items():
        for one in requests:
            made.add(heading, one)
    for one in mine.values():
        if one.waits_for_client and not of_firm and one.due in {today, today + dt.timedelta(days=1)}:
            made.add(_DUE, one)
        if one.waits_for_client and one.due == today - dt.timedelta(days=1):
            made.add(_LATE, one)
    return made


def _concerning(engagement: Engagement, user: User) -> Iterable[EvidenceRequest]:
    """The requests of which the person hears: theirs to answer or look at, and for who has the overview, all."""
    visible = EvidenceRequest.objects.visible_as(engagement, user).order_by("code")
    if "see_fieldwork" in engagement.may:
        if "manage_requests" not in engagement.may:
            return visible.none()
        return visible.filter(Q(reviewer=user) | Q(reviewer=None))
    if engagement.member.role == Role.CLIENT_ADMIN:
        return visible
    return visible.filter(assigned_to=user)


def _still(act: str, request: EvidenceRequest) -> bool:
    """Whether the news holds: what was returned and submitted again is no news to who did it."""
    states = {
        flows.RETURNED.code: {EvidenceRequest.State.RETURNED},
        flows.OPENED.code: EvidenceRequest.WITH_CLIENT,
        flows.ASKED_AGAIN.code: EvidenceRequest.WITH_CLIENT,
        flows.ASSIGNED.code: EvidenceRequest.WITH_CLIENT,
        flows.SUBMITTED.code: {EvidenceRequest.State.SUBMITTED},
    }
    return act not in states or request.state in states[act]


# -- Sending ----------------------------------------------------------------------------------


def begin_due(*, at: dt.datetime | None = None) -> int:
    """Write down the digests whose hour has come, and have them sent. Returns how many."""
    at = at or timezone.now()
    members = EngagementMember.objects.filter(
        engagement__stage__in=WORKING, engagement__frozen_at__isnull=True, user__is_active=True
    )
    users = {one.pk: one for one in User.objects.filter(pk__in=members.values("user_id"))}
    choices = {one.user_id: one for one in MailChoice.objects.filter(user__in=users)}
    # The day of the person began a day before or after that of the server at most.
    young = set(
        Digest.objects.filter(user__in=users, day__gte=at.date() - dt.timedelta(days=1)).values_list(
            "user_id", "day"
        )
    )
    begun = 0
    for user in users.values():
        choice = choices.get(user.pk) or MailChoice(user=user)
        if not choice.daily:
            continue
        local = at.astimezone(zone_of(user, choice.time_zone))
        if local.hour >= HOUR and (user.pk, local.date()) not in young:
            begun += _begin(user, local.date(), at)
    return begun


@transaction.atomic
def _begin(user: User, day: dt.date, at: dt.datetime) -> bool:
    last = Digest.objects.filter(user=user).order_by("-day").first()
    since = max(last.until, at - LONGEST) if last else at - FIRST
    # What is being committed at this very moment is in the next one.
    until = at - SETTLED
    made, new = Digest.objects.get_or_create(
        user=user, day=day, defaults={"since": min(since, until), "until": until}
    )
    if new:
        enqueue(JOB, key=f"{JOB}:{made.pk}", payload={"digest": made.pk})
    return new


def send(job: Job) -> dict[str, Any]:
    """The worker's part: at most once, also when it is asked twice or dies in the middle.

    That it is sent is written down before it is: a mail that is lost with its worker is missed for a day, one that
    comes twice looks as if nobody was in charge. Where the mail server does not take it, it is tried again.
    """
    digest, found = _claimed(job)
    if found:
        try:
            mailing.send(digest.user, _subject(found), _lines(digest.user, found), daily=True)
        except OSError:
            Digest.objects.filter(pk=digest.pk).update(things=None, sent_at=None)
            raise
    result: dict[str, Any] = {"things": digest.things}
    with transaction.atomic():
        finish(hold(job), result)
    return result


@transaction.atomic
def _claimed(job: Job) -> tuple[Digest, list[News]]:
    """The digest, and what is to be sent by this execution and no other; nothing when it was claimed before."""
    hold(job)
    digest = Digest.objects.select_for_update(of=("self",)).select_related("user").get(pk=job.payload["digest"])
    if digest.things is not None:
        return digest, []
    found = news(digest.user, since=digest.since, until=digest.until, today=digest.day)
    if not digest.user.is_active:
        found = []
    digest.things = sum(one.things for one in found)
    digest.sent_at = timezone.now() if found else None
    digest.save(update_fields=["things", "sent_at"])
    return digest, found


def _subject(found: list[News]) -> str:
    """The first figures, so that the list of mails says enough."""
    counts: dict[str, int] = {}
    for one in found:
        for heading, group in one.groups.items():
            counts[heading] = counts.get(heading, 0) + len(group)
    words = ", ".join(f"{count} {heading}" for heading, count in list(counts.items())[:2])
    of = found[0].engagement.client.short if len(found) == 1 else f"{len(found)} engagements"
    return f"Requests {of}: {words}"


def _lines(user: User, found: list[News]) -> list[str]:
    lines = [f"Hello {user.name},"]
    for one in found:
        engagement = one.engagement
        lines += ["", f"{engagement.client.short}, {engagement.system_name} ({engagement.span_label})"]
        for heading, group in one.groups.items():
            number = len(group)
            lines += ["", f"{number} request{'' if number == 1 else 's'} {heading}:"]
            shown = list(group.values())[:SHOWN]
            lines += [f"  {request.code}  {request.title}{_due(request)}" for request in shown]
            if number > SHOWN:
                lines.append(f"  and {number - SHOWN} more")
        lines += ["", f"{settings.SITE_URL}{list_url(engagement)}"]
    return lines


def _due(request: EvidenceRequest) -> str:
    return f" (due {request.due.day} {request.due:%b %Y})" if request.waits_for_client else ""


def list_url(engagement: Engagement) -> str:
    """Where the person finds them."""
    return f"{reverse('evidence:requests', args=[engagement.pk])}?waits=me"


def send_urgent(job: Job) -> dict[str, Any]:
    """One mail at once (`evidence.urgent`), if the person wants such and still sees what it speaks of."""
    with transaction.atomic():
        job = hold(job)
        user = User.objects.get(pk=job.payload["user"])
        seen = _seen(user, job.engagement_id, job.payload["requests"])
        sent = bool(seen) and mailing.choice_of(user).urgent
        if sent:
            mailing.send(user, *_urgent(user, seen, job.payload["why"]), daily=False)
        result: dict[str, Any] = {"sent": sent}
        finish(job, result)
    return result


def _seen(user: User, engagement_pk: int | None, wanted: list[int]) -> list[EvidenceRequest]:
    with acting_for(user):
        for engagement in engagements_of(user):
            if engagement.pk == engagement_pk:
                visible = EvidenceRequest.objects.visible_as(engagement, user).filter(pk__in=wanted)
                found = list(visible.order_by("due", "code"))
                for one in found:
                    one.engagement = engagement
                return [one for one in found if urgent.presses(one, timezone.localdate())]
    return []


def _urgent(user: User, requests: list[EvidenceRequest], why: str) -> tuple[str, list[str]]:
    engagement = requests[0].engagement
    words = "You are named on" if why == "mentioned" else "This cannot wait"
    number = len(requests)
    subject = f"{words}: {requests[0].code} {requests[0].title}"
    if number > 1:
        subject = f"{words}: {number} requests of {engagement.client.short}"
    lines = [f"Hello {user.name},", "", f"{engagement.client.short}, {engagement.system_name}:", ""]
    for one in requests[:SHOWN]:
        state = one.get_state_display().lower()
        lines += [
            f"  {one.code}  {one.title}: {state}{_due(one)}",
            f"  {settings.SITE_URL}{one.get_absolute_url()}",
        ]
    if number > SHOWN:
        lines += [f"  and {number - SHOWN} more: {settings.SITE_URL}{list_url(engagement)}"]
    return subject, lines
