"""What of the evidence waits for a person: to give, for the client; to look at, for the firm."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from accounts.models import User
from engagements.models import FIRM_ROLES, Engagement, EngagementMember
from engagements.roles import roles_with
from engagements.waiting import Urgency, Waiting, waiting
from engagements.workflow import WORKING
from evidence.correspondence import Mention
from evidence.models import OWN_ONLY, EvidenceRequest, Population

MOST = 50


@waiting
def to_provide(user: User) -> Iterable[Waiting]:
    """Requests of the person; the client's administrator also answers for what nobody is named for."""
    mine = EngagementMember.objects.filter(user=user, role__in=roles_with("upload_evidence")).exclude(
        role__in=FIRM_ROLES
    )
    for_all = mine.exclude(role__in=OWN_ONLY)
    requests = (
        EvidenceRequest.objects.waiting_for_client()
        .filter(engagement__stage__in=WORKING, engagement__in=mine.values("engagement_id"))
        .filter(Q(assigned_to=user) | Q(assigned_to=None, engagement__in=for_all.values("engagement_id")))
        .select_related("engagement__client")
        .order_by("due", "code")
    )
    for one in requests[:MOST]:
        returned = one.state == EvidenceRequest.State.RETURNED
        begun = one.state == EvidenceRequest.State.IN_PROGRESS
        yield Waiting(
            one.engagement,
            "returned" if returned else "request",
            one.title,
            one.get_absolute_url(),
            code=one.code,
            due=one.due,
            urgency=Urgency.RETURNED if returned else None,
            act="Correct" if returned else "Go on" if begun else "Upload",
        )


@waiting
def to_look_at(user: User) -> Iterable[Waiting]:
    """Submitted requests and provided populations, oldest first."""
    requests = (
        EvidenceRequest.objects.waiting_for_firm()
        .filter(engagement__in=_engagements(user, "manage_requests"))
        .filter(Q(reviewer=user) | Q(reviewer=None))
        .select_related("engagement__client")
        .order_by("submitted_at")
    )
    for one in requests[:MOST]:
        yield Waiting(
            one.engagement,
            "evidence",
            one.title,
            one.get_absolute_url(),
            code=one.code,
            urgency=Urgency.SOON,
            act="Look",
        )
    populations = (
        Population.objects.filter(
            state=Population.State.PROVIDED, engagement__in=_engagements(user, "accept_populations")
        )
        .select_related("engagement__client")
        .order_by("provided_at")
    )
    for population in populations[:MOST]:
        yield Waiting(
            population.engagement,
            "evidence",
            f"Population: {population.name}",
            population.get_absolute_url(),
            code=str(population),
            urgency=Urgency.SOON,
            act="Evaluate",
        )


@waiting
def to_answer(user: User) -> Iterable[Waiting]:
    """Requests in whose comments the person is named, until they answer there or put it aside."""
    own = EngagementMember.objects.filter(user=user)
    own_only = Q(comment__engagement__in=own.filter(role__in=OWN_ONLY).values("engagement_id"))
    named = (
        Mention.objects.filter(user=user, done_at__isnull=True, comment__engagement__stage__in=WORKING)
        .filter(comment__engagement__in=own.values("engagement_id"))
        # Who is asked no longer does not see it any more.
        .exclude(own_only & ~Q(comment__request__assigned_to=user))
        .select_related("comment__by", "comment__request__engagement__client")
        .order_by("pk")
    )
    told = set()
    for one in named[:MOST]:
        request = one.comment.request
        if request.pk not in told:
            told.add(request.pk)
            yield Waiting(
                request.engagement,
                "respond",
                f"{one.comment.by.name} names you on: {request.title}",
                f"{request.get_absolute_url()}#{'notes' if one.comment.internal else 'comments'}",
                code=request.code,
                urgency=Urgency.SOON,
                act="Answer",
            )


@waiting
def to_provide_again(user: User) -> Iterable[Waiting]:
    """Listings of the person that the auditor refused, until a newer version is there."""
    refused = Population.objects.filter(
        state=Population.State.REFUSED, provided_by=user, engagement__stage__in=WORKING, replaced_by__isnull=True
    ).select_related("engagement__client")
    for population in refused[:MOST]:
        yield Waiting(
            population.engagement,
            "returned",
            f"Population: {population.name}",
            population.get_absolute_url(),
            code=str(population),
            urgency=Urgency.RETURNED,
            act="Provide again",
        )


def _engagements(user: User, permission: str) -> object:
    """Engagements being worked on in which the person's role holds the permission."""
    return Engagement.objects.filter(
        stage__in=WORKING, members__user=user, members__role__in=roles_with(permission)
    ).values("pk")
