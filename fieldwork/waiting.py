"""What waits in fieldwork for a person."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef

from accounts.models import User
from engagements.models import Stage
from engagements.roles import roles_with
from engagements.waiting import Urgency, Waiting, waiting
from fieldwork.drawing import TESTING
from fieldwork.models import (
    ControlTest,
    Deviation,
    ItemResult,
    ManagementResponse,
    ProcedureRecord,
    ReviewNote,
    SignOff,
)
from fieldwork.noting import url_of

MOST = 50


def _mine(user: User, permission: str) -> dict[str, Any]:
    """Engagements in which the person holds the permission and work goes on."""
    return {
        "engagement__members__user": user,
        "engagement__members__role__in": roles_with(permission),
        "engagement__stage__in": TESTING,
        "engagement__frozen_at__isnull": True,
    }


def _signed(step: str) -> Exists:
    return Exists(SignOff.objects.filter(test=OuterRef("pk"), step=step, voided_at__isnull=True))


@waiting
def to_test(user: User) -> Iterable[Waiting]:
    """Tests assigned to the person and not signed; those returned come first."""
    tests = (
        ControlTest.objects.filter(~_signed(SignOff.Step.PREPARED), assigned_to=user, **_mine(user, "record_tests"))
        .annotate(back=Exists(SignOff.objects.filter(test=OuterRef("pk"), voided_at__isnull=False)))
        .select_related("control", "engagement__client")
        .order_by("-back", "control__number", "number")
    )
    for test in tests[:MOST]:
        back = test.back
        yield Waiting(
            test.engagement,
            "returned" if back else "test",
            f"{'Returned: ' if back else ''}{test.control.title}",
            test.get_absolute_url(),
            code=str(test),
            due=None,
            urgency=Urgency.RETURNED if back else Urgency.SOON,
            act="Work on it" if back else "Test",
        )


@waiting
def to_review(user: User) -> Iterable[Waiting]:
    """Sheets signed as prepared by somebody else, with no result of the reviewer's own on them."""
    tests = (
        ControlTest.objects.filter(
            _signed(SignOff.Step.PREPARED),
            ~_signed(SignOff.Step.REVIEWED),
            ~Exists(
                SignOff.objects.filter(
                    test=OuterRef("pk"), step=SignOff.Step.PREPARED, voided_at__isnull=True, by=user
                )
            ),
            ~Exists(ItemResult.objects.filter(item__test=OuterRef("pk"), by=user)),
            ~Exists(ProcedureRecord.objects.filter(test=OuterRef("pk"), by=user)),
            **_mine(user, "sign_reviewed"),
        )
        .select_related("control", "engagement__client")
        .order_by("control__number", "number")
    )
    for test in tests[:MOST]:
        yield Waiting(
            test.engagement,
            "review",
            f"Review: {test.control.title}",
            test.get_absolute_url(),
            code=str(test),
            urgency=Urgency.NOW,
            act="Review",
        )


@waiting
def to_answer(user: User) -> Iterable[Waiting]:
    """Review notes at the person's tests that nobody has answered."""
    notes = (
        ReviewNote.objects.filter(
            test__assigned_to=user, answer="", cleared_at__isnull=True, **_mine(user, "record_tests")
        )
        .select_related("engagement__client")
        .order_by("pk")
    )
    for note in notes[:MOST]:
        yield Waiting(
            note.engagement,
            "returned",
            f"Review note: {note.text[:120]}",
            url_of(note.engagement, note.target),
            code=note.label,
            urgency=Urgency.NOW,
            act="Answer",
        )


@waiting
def to_clear(user: User) -> Iterable[Waiting]:
    """The person's own review notes that were answered: only who raised one clears it."""
    notes = (
        ReviewNote.objects.filter(
            raised_by=user,
            cleared_at__isnull=True,
            engagement__members__user=user,
            engagement__stage__in=TESTING,
            engagement__frozen_at__isnull=True,
        )
        .exclude(answer="")
        .select_related("engagement__client")
        .order_by("pk")
    )
    for note in notes[:MOST]:
        yield Waiting(
            note.engagement,
            "review",
            f"Answered: {note.text[:120]}",
            url_of(note.engagement, note.target),
            code=note.label,
            urgency=Urgency.NOW,
            act="Clear",
        )


@waiting
def to_conclude(user: User) -> Iterable[Waiting]:
    """Exceptions that were evaluated and wait for the partner."""
    evaluated = (
        Deviation.objects.filter(state=Deviation.State.EVALUATED, **_mine(user, "conclude_deviations"))
        .select_related("engagement__client")
        .order_by("code")
    )
    for deviation in evaluated[:MOST]:
        yield Waiting(
            deviation.engagement,
            "review",
            f"Conclude: {deviation.title}",
            deviation.get_absolute_url(),
            code=deviation.code,
            urgency=Urgency.NOW,
            act="Conclude",
        )


@waiting
def to_respond(user: User) -> Iterable[Waiting]:
    """Released exceptions that management has not answered."""
    unanswered = (
        Deviation.objects.filter(
            ~Exists(ManagementResponse.objects.filter(deviation=OuterRef("pk"))),
            released_at__isnull=False,
            engagement__members__user=user,
            engagement__members__role__in=roles_with("respond_exceptions"),
            engagement__stage__in=[Stage.OBSERVATION, Stage.FIELDWORK, Stage.REPORTING],
            engagement__frozen_at__isnull=True,
        )
        .standing()
        .select_related("engagement__client")
        .order_by("code")
    )
    for deviation in unanswered[:MOST]:
        yield Waiting(
            deviation.engagement,
            "respond",
            deviation.title,
            deviation.get_absolute_url(),
            code=deviation.code,
            urgency=Urgency.NOW,
            act="Respond",
        )
