"""The reviewer's queue: what waits for a signature of a step, and what changed since that step was last signed."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models
from django.db.models import Exists, OuterRef, Q

from accounts.models import User
from engagements.models import Engagement
from fieldwork import signing
from fieldwork.differences import Difference
from fieldwork.models import (
    ControlTest,
    Deviation,
    EvidenceCitation,
    ItemResult,
    ProcedureRecord,
    ReviewNote,
    SignOff,
)
from fieldwork.occurring import Operation, shortfall_of
from fieldwork.progress import Line, test_lines
from fieldwork.standing import Standing, standing

# Who prepares signs on the sheet; the others go through what waits.
STEPS = (SignOff.Step.REVIEWED, SignOff.Step.PARTNER, SignOff.Step.QUALITY)


def steps_of(engagement: Engagement) -> list[SignOff.Step]:
    """The steps that the person may sign here, the highest first; `engagement` with `may` attached."""
    return [step for step in reversed(STEPS) if signing.RIGHTS[step.value] in engagement.may]


def waiting_for(engagement: Engagement, step: SignOff.Step, user: User) -> models.QuerySet[ControlTest]:
    """The tests of which this step is the next one and open to this person, by control."""
    living = SignOff.objects.filter(test=OuterRef("pk"), voided_at__isnull=True)
    return (
        ControlTest.objects.filter(
            Exists(living.filter(step=signing.BEFORE[step.value])),
            ~Exists(living.filter(step=step)),
            ~Exists(living.filter(by=user)),
            ~Exists(ItemResult.objects.filter(item__test=OuterRef("pk"), by=user)),
            ~Exists(ProcedureRecord.objects.filter(test=OuterRef("pk"), by=user)),
            ~Q(concluded_by=user) | Q(concluded_by__isnull=True),
            engagement=engagement,
        )
        .annotate(
            again=Exists(SignOff.objects.filter(test=OuterRef("pk"), step=step, voided_at__isnull=False)),
        )
        .select_related("control", "assigned_to", "sample__population")
        .order_by("control__number", "number")
    )


def queue(engagement: Engagement, step: SignOff.Step, user: User) -> list[Line]:
    """What waits, with counts and signatures; eight queries however many tests."""
    tests = list(waiting_for(engagement, step, user))
    for test in tests:
        test.engagement = engagement
    return list(test_lines(tests).values())


@dataclass(frozen=True)
class Look:
    """Everything a reviewer reads before signing one workpaper."""

    test: ControlTest
    step: SignOff.Step
    last: SignOff | None
    changes: list[Difference]
    standing: Standing
    living: dict[str, SignOff]
    exceptions: list[Deviation]
    notes: list[ReviewNote]
    cited: int
    in_the_way: list[str]
    shortfall: Operation | None


def look(test: ControlTest, step: SignOff.Step, user: User) -> Look:
    """The workpaper as it stands, beside what was signed at this step before, if it was."""
    content = signing.content_of(test)
    last = SignOff.objects.filter(test=test, step=step).select_related("by").order_by("-pk").first()
    return Look(
        test=test,
        step=step,
        last=last,
        changes=signing.changes_since(last, content) if last is not None and last.content else [],
        standing=standing(test),
        living=signing.living(test),
        exceptions=list(Deviation.objects.standing().filter(test=test)),
        notes=list(ReviewNote.objects.filter(test=test, cleared_at__isnull=True).select_related("raised_by")),
        cited=EvidenceCitation.objects.filter(test=test).count(),
        in_the_way=signing.in_the_way(test, step, by=user, content=content),
        shortfall=_short(test),
    )


def _short(test: ControlTest) -> Operation | None:
    """Occurrences that did not take place and that nobody has settled (R34)."""
    test.control.engagement = test.engagement
    return shortfall_of(test.control) if test.phase == ControlTest.Phase.OPERATING else None
