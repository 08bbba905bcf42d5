"""What waits for a person, over all engagements: the home page. Each app registers what it knows of."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import Exists, F, OuterRef
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from engagements.models import (
    FIRM_ROLES,
    Engagement,
    EngagementMember,
    Incident,
    NoIncidentReview,
    NonAttestService,
    ProviderRelation,
    Stage,
    SystemChange,
)
from engagements.roles import roles_with


class Urgency(enum.IntEnum):
    LATE = 0
    RETURNED = 1
    NOW = 2
    SOON = 3
    LATER = 4


# Groups of the home page in their order, by kind.
KINDS = {
    "returned": "Returned to you",
    "request": "Asked of you",
    "sign": "To sign",
    "respond": "To respond to",
    "review": "To review",
    "evidence": "Evidence to look at",
    "test": "To test",
    "report": "Report",
    "other": "To settle",
}

SOON = dt.timedelta(days=7)


@dataclasses.dataclass(frozen=True)
class Waiting:
    """One thing to do. `act` is the word on its button; without `urgency` the due date decides.

    `before_opening`: for those too who have not confirmed independence, and see nothing of the work.
    """

    engagement: Engagement
    kind: str
    text: str
    url: str
    code: str = ""
    due: dt.date | None = None
    urgency: Urgency | None = None
    act: str = "Open"
    before_opening: bool = False

    def rank(self, today: dt.date) -> tuple[int, dt.date]:
        return (self.pressing(today), self.due or dt.date.max)

    def pressing(self, today: dt.date) -> Urgency:
        if self.due is not None and self.due < today:
            return Urgency.LATE
        if self.urgency is not None:
            return self.urgency
        if self.due is None:
            return Urgency.LATER
        return Urgency.NOW if self.due == today else Urgency.SOON if self.due <= today + SOON else Urgency.LATER


Look = Callable[[User], Iterable[Waiting]]
_LOOKS: list[Look] = []


def waiting(look: Look) -> Look:
    """Register a function that says what waits for a person; it looks over all engagements in a query or two."""
    _LOOKS.append(look)
    return look


def waiting_for(user: User, *, today: dt.date) -> list[Waiting]:
    """Everything that waits for the person, most urgent first; nothing of work that is not open to it yet (R02)."""
    shut = set(EngagementMember.objects.unconfirmed(user).values_list("engagement_id", flat=True))
    found = [one for look in _LOOKS for one in look(user) if one.before_opening or one.engagement.pk not in shut]
    return sorted(found, key=lambda one: (*one.rank(today), one.engagement.number, one.code))


@waiting
def independence(user: User) -> Iterable[Waiting]:
    """A member of the firm's team confirms independence before anything else (R01, R02)."""
    unconfirmed = EngagementMember.objects.unconfirmed(user).filter(engagement__in=Engagement.objects.ongoing())
    for member in unconfirmed.select_related("engagement__client"):
        yield Waiting(
            member.engagement,
            "other",
            "Confirm your independence",
            reverse("engagements:acceptance", args=[member.engagement_id]),
            urgency=Urgency.NOW,
            act="Confirm",
            before_opening=True,
        )


@waiting
def independence_again(user: User) -> Iterable[Waiting]:
    """Once the report has its date, the team confirms a second time (R03)."""
    members = EngagementMember.objects.filter(
        user=user,
        role__in=FIRM_ROLES,
        independence_confirmed_at__isnull=False,
        engagement__stage=Stage.REPORTING,
        engagement__frozen_at__isnull=True,
        engagement__report_date__isnull=False,
    ).select_related("engagement__client")
    for member in members:
        if member.confirms_again(member.engagement):
            yield Waiting(
                member.engagement,
                "other",
                "Confirm your independence again, for the issue",
                reverse("engagements:acceptance", args=[member.engagement_id]),
                due=member.engagement.report_due,
                urgency=Urgency.NOW,
                act="Confirm",
            )


@waiting
def threats_to_conclude(user: User) -> Iterable[Waiting]:
    """The partner concludes on services and relations that may touch independence (R04, R05)."""
    for model in (NonAttestService, ProviderRelation):
        open_ = model.objects.filter(
            effect="",
            engagement__members__user=user,
            engagement__members__role__in=roles_with("accept_engagement"),
            engagement__in=Engagement.objects.ongoing(),
            engagement__frozen_at__isnull=True,
        ).select_related("engagement__client")
        for entry in open_:
            yield Waiting(
                entry.engagement,
                "review",
                f"Conclude on independence: {entry}",
                entry.get_absolute_url(),
                urgency=Urgency.NOW,
                act="Conclude",
            )


@waiting
def to_accept(user: User) -> Iterable[Waiting]:
    """The partner decides about the engagement."""
    proposed = Engagement.objects.filter(
        stage=Stage.ACCEPTANCE, members__user=user, members__role__in=roles_with("accept_engagement")
    ).select_related("client")
    for engagement in proposed:
        yield Waiting(
            engagement,
            "other",
            "Decide about acceptance",
            reverse("engagements:acceptance", args=[engagement.pk]),
            urgency=Urgency.NOW,
            act="Decide",
            before_opening=True,
        )


@waiting
def period_over(user: User) -> Iterable[Waiting]:
    """An engagement under observation whose period has ended is ready for its main fieldwork."""
    over = Engagement.objects.filter(
        stage=Stage.OBSERVATION,
        period_end__lt=timezone.localdate(),
        members__user=user,
        members__role__in=roles_with("manage_engagement"),
    ).select_related("client")
    for engagement in over:
        yield Waiting(
            engagement,
            "other",
            "The period has ended: move to fieldwork",
            reverse("engagements:stage", args=[engagement.pk, Stage.FIELDWORK]),
            urgency=Urgency.SOON,
            act="Move on",
        )


@waiting
def registers_to_settle(user: User) -> Iterable[Waiting]:
    """Before the report an empty register needs the client's statement, and each incident a decision (R43, R44).

    The firm corroborates a statement that there was no incident.
    """
    of_client = roles_with("edit_registers")
    mine: Any = (
        Engagement.objects.filter(
            stage__in=[Stage.FIELDWORK, Stage.REPORTING],
            report_date__isnull=True,
            members__user=user,
            members__role__in=[*of_client, *roles_with("record_tests")],
        )
        .annotate(
            my_role=F("members__role"),
            reviewed=Exists(NoIncidentReview.objects.filter(engagement=OuterRef("pk"), withdrawn_at=None)),
            incidents=Exists(Incident.objects.filter(engagement=OuterRef("pk"))),
            undecided=Exists(Incident.objects.filter(engagement=OuterRef("pk"), disclosed__isnull=True)),
            changes=Exists(SystemChange.objects.filter(engagement=OuterRef("pk"))),
        )
        .select_related("client")
    )
    for engagement in mine:
        if engagement.my_role not in of_client:
            if engagement.incidents_none_statement and not engagement.reviewed:
                yield _register(
                    engagement, "incidents", "Corroborate that there was no incident", "Record", "other"
                )
            continue
        if engagement.undecided:
            yield _register(engagement, "incidents", "Decide whether the incidents are disclosed", "Decide")
        elif not engagement.incidents and not engagement.incidents_none_statement:
            yield _register(
                engagement, "incidents", "Record the period’s incidents, or that there was none", "Record"
            )
        if engagement.is_type_2 and not engagement.changes and not engagement.changes_none_statement:
            yield _register(engagement, "changes", "Record the period’s changes, or that there was none", "Record")


def _register(engagement: Engagement, slug: str, text: str, act: str, kind: str = "request") -> Waiting:
    url = reverse("engagements:register", args=[engagement.pk, slug])
    return Waiting(engagement, kind, text, url, urgency=Urgency.SOON, act=act)
