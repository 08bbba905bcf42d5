"""What of the closed file waits for a person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.db.models import Max
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from archive import locking
from archive.models import Addendum, FileLock, Purge
from engagements.models import Engagement, Stage
from engagements.roles import roles_with
from engagements.waiting import Waiting, waiting


@waiting
def to_lock(user: User) -> Iterable[Waiting]:
    """The partner completes the file within sixty days of the release (R55)."""
    open_files = (
        Engagement.objects.filter(
            stage__in=[Stage.ISSUED, Stage.WITHDRAWN],
            members__user=user,
            members__role__in=roles_with("close_file"),
        )
        .exclude(file_locks__in=FileLock.objects.exclude(state=FileLock.State.FAILED))
        .annotate(from_day=Coalesce(Max("issuances__released_at"), "ended_at"))
        .select_related("client")
    )
    for engagement in open_files:
        day = engagement.from_day  # type: ignore[attr-defined]
        if day is not None:
            due = timezone.localdate(day) + dt.timedelta(days=locking.DAYS)
            yield Waiting(
                engagement,
                "other",
                "Complete the file and lock it",
                reverse("archive:file", args=[engagement.pk]),
                due=due,
                act="Lock",
            )


@waiting
def to_review(user: User) -> Iterable[Waiting]:
    """What another person has added to a locked file is reviewed (R59)."""
    added = (
        Addendum.objects.filter(
            review__isnull=True,
            engagement__members__user=user,
            engagement__members__role__in=roles_with("add_addenda"),
        )
        .exclude(by=user)
        .select_related("engagement__client", "by")
    )
    for one in added:
        yield Waiting(
            one.engagement,
            "review",
            f"Review {str(one).lower()}, which {one.by.name} added to the locked file",
            f"{reverse('archive:file', args=[one.engagement_id])}#addenda",
            act="Review",
        )


@waiting
def to_destroy(user: User) -> Iterable[Waiting]:
    """The second person approves the destruction of a file whose time is over (R60)."""
    asked = (
        Purge.objects.filter(
            state=Purge.State.ASKED,
            engagement__members__user=user,
            engagement__members__role__in=roles_with("purge_file"),
        )
        .exclude(asked_by=user)
        .select_related("engagement__client", "asked_by")
    )
    for purge in asked:
        yield Waiting(
            purge.engagement,
            "other",
            f"{purge.asked_by.name} asks to destroy the file: approve as the second person, or call it off",
            reverse("archive:file", args=[purge.engagement_id]),
            act="Decide",
        )
