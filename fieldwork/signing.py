"""Sign-offs under a workpaper: bound to the hash of what was signed, void as soon as that changes (R28-R31)."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from accounts.models import User
from audit.trail import action, record
from engagements.models import Engagement, Stage
from engagements.register import Severity, findings, guard, shared
from engagements.roles import require
from engagements.workflow import locked, must_be
from fieldwork.differences import Difference, differences
from fieldwork.models import (
    Attribute,
    ControlTest,
    Deviation,
    DeviationCell,
    EvidenceCitation,
    ItemResult,
    ProcedureRecord,
    SheetItem,
    SignOff,
)

SIGNED = action("test.signed", "signed {test} as {step}", firm_only=True)
SIGN_OFF_VOIDED = action(
    "test.sign_off_voided", "changed {test}, which voids its sign-offs: {reason}", firm_only=True
)
RETURNED = action("test.returned", "returned {test} to the preparer: {reason}", firm_only=True)

# So many changed fields stand in the event; the page of the workpaper shows all.
RECORDED = 40
SIGNING = (Stage.OBSERVATION, Stage.FIELDWORK, Stage.REPORTING)

_RIGHT = {
    SignOff.Step.PREPARED: "sign_prepared",
    SignOff.Step.REVIEWED: "sign_reviewed",
    SignOff.Step.PARTNER: "sign_partner",
    SignOff.Step.QUALITY: "complete_quality_review",
}
_BEFORE = {
    SignOff.Step.REVIEWED: SignOff.Step.PREPARED,
    SignOff.Step.PARTNER: SignOff.Step.REVIEWED,
    SignOff.Step.QUALITY: SignOff.Step.PARTNER,
}
RIGHTS = {step.value: right for step, right in _RIGHT.items()}
BEFORE = {step.value: before.value for step, before in _BEFORE.items()}

Content = dict[str, Any]


def content_of(test: ControlTest) -> Content:
    """The workpaper as plain data: everything a signature under it stands for. Read afresh from the database."""
    return contents(ControlTest.objects.filter(pk=test.pk))[test.pk]


def hash_of(content: Content) -> str:
    """SHA-256 of the content in one fixed form (JSON, keys sorted, no spaces, UTF-8)."""
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    ).hexdigest()


def contents(tests: models.QuerySet[ControlTest]) -> dict[int, Content]:
    """The contents of many workpapers in a fixed number of queries."""
    found: dict[int, Content] = {}
    rows: Iterable[Any] = tests.order_by().values(
        "pk",
        "number",
        "phase",
        "kinds",
        "procedure",
        "inquired_of",
        "result",
        "conclusion",
        "control__number",
        "control__wording",
        "sample__seed",
        "sample__size",
        "sample__method",
        "sample__voided_at",
        "empty_population__sha256",
    )
    for row in rows:
        row["sample__voided_at"] = row["sample__voided_at"] is not None
        found[row.pop("pk")] = row
    pks = list(found)
    parts: dict[str, Any] = {
        "attributes": Attribute.objects.filter(test__in=pks).values_list(
            "test_id", "letter", "title", "pass_rule", "evidence_expected"
        ),
        "procedures": ProcedureRecord.objects.filter(test__in=pks).values_list(
            "test_id", "kind", "people", "on", "what", "outcome", "corroborated_by__file__code", "place"
        ),
        "items": SheetItem.objects.filter(test__in=pks).values_list(
            "test_id", "position", "label", "sample_item__row", "note", "unobtainable", "unobtainable_as"
        ),
        "evidence": EvidenceCitation.objects.filter(test__in=pks).values_list(
            "test_id", "file__code", "file__sha256", "note"
        ),
        "cells": ItemResult.objects.filter(item__test__in=pks).values_list(
            "item__test_id",
            "item__position",
            "attribute__letter",
            "outcome",
            "citation__file__code",
            "place",
            "note",
        ),
        "deviations": Deviation.objects.standing()
        .filter(test__in=pks)
        .values_list("test_id", "code", "title", "description"),
        "deviating": DeviationCell.objects.filter(deviation__test__in=pks)
        .exclude(deviation__state=Deviation.State.NOT_A_DEVIATION)
        .values_list("deviation__test_id", "deviation__code", "cell__item__position", "cell__attribute__letter"),
    }
    for name, part in parts.items():
        by_test: dict[int, list[list[Any]]] = defaultdict(list)
        for test_pk, *values in part.order_by():
            by_test[test_pk].append([value.isoformat() if isinstance(value, date) else value for value in values])
        for pk in pks:
            found[pk][name] = sorted(by_test[pk], key=lambda values: [str(value) for value in values])
    return found


def living(test: ControlTest) -> dict[str, SignOff]:
    """The sign-offs that stand under a test, by step."""
    return {
        sign_off.step: sign_off
        for sign_off in SignOff.objects.filter(test=test, voided_at__isnull=True).select_related("by")
    }


@shared
def all_living(engagement: Engagement) -> dict[int, dict[str, SignOff]]:
    """The sign-offs that stand in an engagement, by test and step."""
    found: dict[int, dict[str, SignOff]] = defaultdict(dict)
    for sign_off in SignOff.objects.filter(engagement=engagement, voided_at__isnull=True).select_related(
        "test__control", "by"
    ):
        found[sign_off.test_id][sign_off.step] = sign_off
    return found


def must_be_unsigned(test: ControlTest) -> None:
    """Raise ValidationError when the preparer has signed: the workpaper is then read-only until it is returned."""
    prepared = living(test).get(SignOff.Step.PREPARED)
    if prepared is not None:
        raise ValidationError(
            f"{prepared.by} has signed {test} as prepared. Return it to the preparer before anything changes."
        )


@transaction.atomic
def sign(test: ControlTest, step: str, *, by: User) -> SignOff:
    """Sign a workpaper as prepared, reviewed, partner or quality reviewer, at the server's time and bound to its
    content, which is kept with the signature.

    Raises PermissionDenied, WrongStage, and Blocked with everything that is missing: cells, evidence,
    conclusion, exceptions not raised (prepared), another person (R28), the step before (R31), open notes.
    """
    step = SignOff.Step(step)
    engagement = locked(test.engagement)
    # Behind the lock: whoever waited for it may have lost the role meanwhile.
    require(engagement, by, _RIGHT[step])
    must_be(engagement, *SIGNING)
    test = ControlTest.objects.select_for_update(of=("self",)).select_related("control").get(pk=test.pk)
    content = content_of(test)
    digest = hash_of(content)
    if refusals := _refusals(test, step, living(test), digest, by):
        raise ValidationError(refusals[0])
    guard("sign", test)
    if step != SignOff.Step.PREPARED:
        guard("sign_review", test)
    made = SignOff.objects.create(
        engagement=engagement,
        test=test,
        step=step,
        by=by,
        at=timezone.now(),
        content_sha256=digest,
        content=content,
    )
    record(
        SIGNED,
        by=by,
        engagement=engagement,
        target=test,
        test=str(test),
        step=str(step.label).lower(),
        sha256=digest,
    )
    return made


def _refusals(
    test: ControlTest, step: SignOff.Step, standing: dict[str, SignOff], digest: str, by: User
) -> list[str]:
    """Why this person does not take this step now, apart from the rules of the sheet."""
    found = []
    if step in standing:
        found.append(f"{test} is signed as {step.label.lower()} by {standing[step].by}.")
    before = _BEFORE.get(step)
    if before is not None and before not in standing:
        found.append(f"R31: {test} is signed as {before.label.lower()} before it is {step.label.lower()}.")
    if any(sign_off.by_id == by.pk for sign_off in standing.values()):
        found.append("R28: you have signed this workpaper already. Another person takes the next step.")
    if step != SignOff.Step.PREPARED and _worked_on(test, by):
        found.append("R28: you worked on this sheet. Another person reviews it.")
    if any(sign_off.content_sha256 != digest for sign_off in standing.values()):
        found.append("R29: the workpaper differs from what was signed below. Return it to the preparer first.")
    return found


def in_the_way(test: ControlTest, step: str, *, by: User, content: Content | None = None) -> list[str]:
    """What `sign` would refuse, in words: for pages, which offer only what is not refused."""
    step = SignOff.Step(step)
    digest = hash_of(content_of(test) if content is None else content)
    found = _refusals(test, step, living(test), digest, by)
    standing = findings("sign", test) + ([] if step == SignOff.Step.PREPARED else findings("sign_review", test))
    return found + [f"{one.rule}: {one.text}" for one in standing if one.severity != Severity.LOG]


def _worked_on(test: ControlTest, user: User) -> bool:
    return (
        test.concluded_by_id == user.pk
        or ItemResult.objects.filter(item__test=test, by=user).exists()
        or ProcedureRecord.objects.filter(test=test, by=user).exists()
    )


@transaction.atomic
def return_to_preparer(test: ControlTest, *, reason: str, by: User) -> ControlTest:
    """Void the sign-offs of a test so that it can be worked on again; they stay visible with the reason.

    A reviewer may return any workpaper, a preparer his own while nobody has reviewed it. Raises
    PermissionDenied, WrongStage, ValidationError.
    """
    engagement = locked(test.engagement)
    must_be(engagement, *SIGNING)
    test = ControlTest.objects.select_for_update(of=("self",)).select_related("control").get(pk=test.pk)
    standing = living(test)
    own = set(standing) == {SignOff.Step.PREPARED} and standing[SignOff.Step.PREPARED].by_id == by.pk
    require(engagement, by, "sign_prepared" if own else "sign_reviewed")
    if not standing:
        raise ValidationError(f"{test} is not signed: it can be worked on as it is.")
    if not reason.strip():
        raise ValidationError({"reason": "Say what has to change: the preparer reads it."})
    _void(standing, reason.strip())
    record(RETURNED, by=by, engagement=engagement, target=test, test=str(test), reason=reason.strip())
    return test


def void_if_changed(test: ControlTest, *, reason: str, by: User) -> list[SignOff]:
    """Void the sign-offs whose content is not the present one, and all above the lowest of them (R29).

    Every flow that changes a workpaper's content calls this in its transaction; `reason` says what changed.
    Returns the sign-offs voided.
    """
    standing = living(test)
    if not standing:
        return []
    content = content_of(test)
    digest = hash_of(content)
    ordered = [standing[step] for step in SignOff.Step.values if step in standing]
    stale = [place for place, sign_off in enumerate(ordered) if sign_off.content_sha256 != digest]
    if not stale:
        return []
    voided = ordered[stale[0] :]
    _void({sign_off.step: sign_off for sign_off in voided}, reason)
    changed = differences(voided[0].content, content) if voided[0].content else []
    record(
        SIGN_OFF_VOIDED,
        by=by,
        engagement=test.engagement,
        target=test,
        test=str(test),
        reason=reason[:300],
        changes=[[one.place, one.old[:300], one.new[:300]] for one in changed[:RECORDED]],
        more=max(len(changed) - RECORDED, 0),
    )
    return voided


def changes_since(sign_off: SignOff, content: Content | None = None) -> list[Difference]:
    """How the workpaper differs now from what this signature stands for, field by field."""
    return differences(sign_off.content, content_of(sign_off.test) if content is None else content)


def _void(sign_offs: dict[str, SignOff], reason: str) -> None:
    now = timezone.now()
    for sign_off in sign_offs.values():
        sign_off.voided_at, sign_off.voided_reason = now, reason[:300]
        sign_off.save(update_fields=["voided_at", "voided_reason"])


def stale_sign_offs(engagement: Engagement) -> list[SignOff]:
    """The living sign-offs of an engagement whose content has changed since: every hash computed afresh."""
    standing = [sign_off for steps in all_living(engagement).values() for sign_off in steps.values()]
    signed = ControlTest.objects.filter(pk__in={sign_off.test_id for sign_off in standing})
    hashes = {pk: hash_of(content) for pk, content in contents(signed).items()}
    return [sign_off for sign_off in standing if hashes[sign_off.test_id] != sign_off.content_sha256]
