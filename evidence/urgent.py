"""What cannot wait for the mail of the next day: it goes out at once, one mail to each person for each act.

A request that is opened or returned while it is due within two days, or late; a returned one of high priority; a
mention on a request that presses so. Everything else is in the daily mail (`evidence.digest`).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable

from django.utils import timezone

from accounts.models import User
from engagements.models import EngagementMember, Role
from evidence.models import EvidenceRequest
from jobs.queue import enqueue

JOB = "evidence.urgent"
SOON = dt.timedelta(days=2)


def presses(request: EvidenceRequest, today: dt.date) -> bool:
    """Whether word of it must not wait until tomorrow."""
    high = request.priority == EvidenceRequest.Priority.HIGH and request.state != EvidenceRequest.State.OPEN
    return request.waits_for_client and (high or request.due <= today + SOON)


def tell(requests: Iterable[EvidenceRequest], *, by: User) -> None:
    """Have those who answer these requests, all of one engagement, told as far as they press.

    In the caller's transaction."""
    today = timezone.localdate()
    to: dict[int, list[EvidenceRequest]] = defaultdict(list)
    pressing = [one for one in requests if presses(one, today)]
    unnamed = _administrators(pressing[0]) if any(one.assigned_to_id is None for one in pressing) else []
    for one in pressing:
        for user in [one.assigned_to_id] if one.assigned_to_id is not None else unnamed:
            to[user].append(one)
    for user, told in to.items():
        if user != by.pk:
            _put(user, told, "asked")


def tell_mentioned(request: EvidenceRequest, users: Iterable[User], *, by: User) -> None:
    """Have people told at once that they are named on a request that presses."""
    if presses(request, timezone.localdate()):
        for user in users:
            if user.pk != by.pk:
                _put(user.pk, [request], "mentioned")


def _administrators(request: EvidenceRequest) -> list[int]:
    """Who answers for what nobody is named for."""
    members = EngagementMember.objects.filter(engagement=request.engagement_id, role=Role.CLIENT_ADMIN)
    return list(members.values_list("user_id", flat=True))


def _put(user: int, requests: list[EvidenceRequest], why: str) -> None:
    moment = timezone.now().isoformat()
    enqueue(
        JOB,
        key=f"{JOB}:{user}:{requests[0].pk}:{moment}",
        engagement_id=requests[0].engagement_id,
        payload={"user": user, "requests": [one.pk for one in requests], "why": why},
    )
