"""All engagements of a person at once, for what looks over them: mail and calendar."""

from __future__ import annotations

from collections import defaultdict

from accounts.models import User
from engagements.models import Engagement, EngagementMember, EngagementUserPermission
from engagements.register import findings


def engagements_of(user: User) -> list[Engagement]:
    """Those that the person may open, each with `member` and `may` as `roles.engagement_for` attaches them.

    Who has not confirmed independence (R02) is shown nothing of the engagement here either.
    """
    if not user.is_active:
        return []
    may: dict[int, set[str]] = defaultdict(set)
    held = EngagementUserPermission.objects.filter(user=user)
    for pk, codename in held.values_list("content_object_id", "permission__codename"):
        may[pk].add(codename)
    members = EngagementMember.objects.filter(user=user).select_related(
        "engagement__client", "engagement__firm", "user"
    )
    found = []
    for member in members.order_by("engagement_id"):
        if findings("open_workspace", member):
            continue
        engagement = member.engagement
        engagement.member, engagement.may = member, frozenset(may[engagement.pk])
        found.append(engagement)
    return found
