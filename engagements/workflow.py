"""The engagement's own steps: open, accept, execute the letter, advance, decline, withdraw."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import FirmMember, ServiceOrganization, User
from audit.trail import action, record
from engagements.models import TRANSITIONS, Engagement, LetterAmendment, ReportingStep, Role, RuleOverride, Stage
from engagements.register import Severity, findings, guard
from engagements.roles import require, set_role

OPENED = action("engagement.opened", "opened the engagement")
CHANGED = action("engagement.changed", "changed {fields}")
ACCEPTED = action("engagement.accepted", "accepted the engagement", firm_only=True)
ADVANCED = action("engagement.stage", "moved the engagement from {old} to {new}")
STEPPED = action("engagement.reporting_step", "moved the report from {old} to {new}")
OVERRIDDEN = action("rule.overridden", "overrode the warning {rule}: {reason}", firm_only=True)


class WrongStage(ValidationError):
    """The act does not belong to the stage at which the engagement stands."""


def locked(engagement: Engagement) -> Engagement:
    """The engagement's row, locked for this transaction; every flow that depends on its stage starts with it."""
    rows = Engagement.objects.select_for_update(of=("self",)).select_related("client", "firm")
    return rows.get(pk=engagement.pk)


def stands_at(engagement: Engagement, *stages: Stage) -> bool:
    """Whether `must_be` would let the engagement pass: for pages, which offer only what is not refused."""
    return not engagement.frozen and engagement.stage in stages


def must_be(engagement: Engagement, *stages: Stage) -> None:
    """Raise WrongStage unless the engagement stands at one of the stages and is not frozen."""
    if engagement.frozen:
        raise WrongStage("The report is issued: nothing in this engagement can change any more.")
    if engagement.stage not in stages:
        wanted = " or ".join(str(stage.label).lower() for stage in stages)
        raise WrongStage(f"The engagement is {engagement.standing}; this belongs to {wanted}.")


# Stages at which evidence, tests and registers may be worked on.
WORKING = (Stage.SCOPING, Stage.READINESS, Stage.OBSERVATION, Stage.FIELDWORK, Stage.REPORTING)


@transaction.atomic
def open_engagement(*, client: ServiceOrganization, by: User, **fields: Any) -> Engagement:
    """Open an engagement at acceptance, `by` being its partner until another is named.

    `fields`: those of the model (number, system_name, type, dates, categories, report_due...).
    Raises PermissionDenied unless the firm lets this person open engagements, ValidationError for wrong fields.
    """
    if not FirmMember.objects.filter(firm=client.firm, user=by, may_accept=True).exists():
        raise PermissionDenied("Your firm has not given you the right to open engagements.")
    fields = {"section_four": client.firm.section_four, **fields}
    engagement = Engagement(firm=client.firm, client=client, created_by=by, **fields)
    engagement.full_clean(exclude=["stage"])
    engagement.save()
    record(OPENED, by=by, engagement=engagement, target=engagement)
    set_role(engagement, by, Role.PARTNER, by=by)
    return engagement


# What the parties agree in the engagement letter (R15).
AGREED = frozenset({"system_name", "type", "as_of", "period_start", "period_end", "categories"})


_WORDS = {"as_of": "as-of date", "period_start": "start of the period", "period_end": "end of the period"}


@dataclasses.dataclass(frozen=True)
class Amendment:
    """An amendment of the engagement letter, signed by both."""

    on: dt.date
    for_client: str
    for_firm: str
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Change:
    """A change that somebody wants to make: the subject of the rules which guard "change"."""

    engagement: Engagement
    changes: dict[str, list[str]]
    amendment: Amendment | None


@transaction.atomic
def change(engagement: Engagement, *, by: User, amendment: Amendment | None = None, **fields: Any) -> Engagement:
    """Change dates, categories or names of the engagement before its report is written.

    Once the letter is executed, what it agrees changes only with an amendment signed by both (R15). Raises
    PermissionDenied, WrongStage, Blocked, ValidationError (R08, R09 and the date lattice are the model's).
    """
    engagement = locked(engagement)
    require(engagement, by, "manage_engagement")
    must_be(engagement, Stage.ACCEPTANCE, *WORKING)
    changes = set_fields(engagement, fields)
    if changes:
        _carry_out(engagement, changes, fields, amendment, by)
    return engagement


@transaction.atomic
def amend(
    engagement: Engagement,
    *,
    amendment: Amendment,
    fields: dict[str, Any],
    by: User,
    further: dict[str, list[str]] | None = None,
) -> Engagement:
    """What an amendment of the letter brings about, once both have signed it: who calls has made sure of that.

    `further`: what changes beside the fields of the engagement, old and new in words. Raises WrongStage, Blocked,
    ValidationError.
    """
    engagement = locked(engagement)
    must_be(engagement, *WORKING)
    _carry_out(engagement, set_fields(engagement, fields) | (further or {}), fields, amendment, by)
    return engagement


def set_fields(engagement: Engagement, fields: dict[str, Any]) -> dict[str, list[str]]:
    """Put the values on the engagement, unsaved; what differs, old and new. Raises ValidationError."""
    old = {name: getattr(engagement, name) for name in fields}
    for name, value in fields.items():
        setattr(engagement, name, value)
    engagement.full_clean()
    return {name: [str(old[name]), str(value)] for name, value in fields.items() if old[name] != value}


def _carry_out(
    engagement: Engagement,
    changes: dict[str, list[str]],
    fields: dict[str, Any],
    amendment: Amendment | None,
    by: User,
) -> None:
    guard("change", Change(engagement, changes, amendment))
    if fields:
        engagement.save(update_fields=list(fields))
    if amendment is not None:
        LetterAmendment.objects.create(
            engagement=engagement,
            number=LetterAmendment.objects.filter(engagement=engagement).count() + 1,
            on=amendment.on,
            reason=amendment.reason.strip(),
            signed_for_client=amendment.for_client,
            signed_for_firm=amendment.for_firm,
            changes=changes,
            recorded_by=by,
        )
    record(
        CHANGED,
        by=by,
        engagement=engagement,
        target=engagement,
        fields=", ".join(_WORDS.get(name, name.replace("_", " ")) for name in changes),
        values=changes,
        amendment=amendment.on.isoformat() if amendment else "",
        reason=amendment.reason.strip() if amendment else "",
    )


@transaction.atomic
def accept(engagement: Engagement, *, on: dt.date, note: str, by: User) -> Engagement:
    """The partner accepts (R01, R06); the engagement moves to scoping.

    `on` is the day of the decision, not in the future; `note` its grounds. Raises Blocked, WrongStage,
    PermissionDenied, ValidationError.
    """
    engagement = locked(engagement)
    require(engagement, by, "accept_engagement")
    must_be(engagement, Stage.ACCEPTANCE)
    if on > timezone.localdate():
        raise ValidationError({"on": "The decision cannot lie in the future."})
    if not note.strip():
        raise ValidationError({"note": "Say on what grounds: integrity of the client, competence, independence."})
    engagement.accepted_on, engagement.accepted_by, engagement.acceptance_note = on, by, note.strip()
    guard("accept", engagement)
    engagement.stage = Stage.SCOPING
    engagement.save(update_fields=["accepted_on", "accepted_by", "acceptance_note", "stage"])
    record(ACCEPTED, by=by, engagement=engagement, target=engagement, on=on.isoformat())
    return engagement


@transaction.atomic
def letter_in_force(engagement: Engagement, *, on: dt.date, for_client: str, for_firm: str) -> Engagement:
    """Both have signed the letter: who calls has made sure of that, and keeps the record of it (R07, R47).

    Raises WrongStage, ValidationError when `on` lies before the acceptance or in the future.
    """
    engagement = locked(engagement)
    must_be(engagement, *WORKING)
    if engagement.letter_on is not None:
        raise ValidationError("The letter is recorded already. A change of terms needs an amendment.")
    if on > timezone.localdate():
        raise ValidationError({"on": "The letter cannot be executed in the future."})
    if engagement.accepted_on is None or on < engagement.accepted_on:
        raise ValidationError({"on": "R47: the letter comes on or after the day of the acceptance."})
    if not for_client.strip() or not for_firm.strip():
        raise ValidationError("Name who signed for the client and who for the firm.")
    engagement.letter_on = on
    engagement.letter_signed_for_client, engagement.letter_signed_for_firm = for_client, for_firm
    engagement.save(update_fields=["letter_on", "letter_signed_for_client", "letter_signed_for_firm"])
    return engagement


# The step's name in the register of rules, by the stage it leads to.
STEP_OF_STAGE = {
    Stage.READINESS: "readiness",
    Stage.OBSERVATION: "observation",
    Stage.FIELDWORK: "fieldwork",
    Stage.REPORTING: "reporting",
    Stage.LOCKED: "lock",
}


def next_stages(engagement: Engagement) -> list[Stage]:
    """Where a person may move the engagement from here; issuing, accepting and leaving have flows of their own."""
    following = [
        Stage(new) for old, new in TRANSITIONS if old == engagement.stage != Stage.ISSUED and new in STEP_OF_STAGE
    ]
    return [
        stage
        for stage in following
        if stage != Stage.LOCKED and (stage != Stage.OBSERVATION or engagement.is_type_2)
    ]


@transaction.atomic
def advance(engagement: Engagement, to: Stage | str, *, by: User) -> Engagement:
    """Move to another stage when the rules that guard the step pass.

    Raises PermissionDenied, WrongStage for a step the machine does not know, Blocked.
    """
    to = Stage(to)
    engagement = locked(engagement)
    require(engagement, by, "manage_engagement")
    if engagement.frozen or to not in next_stages(engagement):
        raise WrongStage(
            f"From {engagement.get_stage_display().lower()} the engagement cannot go to {str(to.label).lower()}."
        )
    old = engagement.get_stage_display()
    if RAIL_ORDER[to] > RAIL_ORDER[Stage(engagement.stage)]:
        guard(STEP_OF_STAGE[to], engagement)
    engagement.stage = to
    engagement.reporting_step = ReportingStep.DRAFT
    engagement.save(update_fields=["stage", "reporting_step"])
    record(ADVANCED, by=by, engagement=engagement, target=engagement, old=str(old), new=str(to.label))
    return engagement


RAIL_ORDER = {stage: place for place, stage in enumerate(Stage)}


@transaction.atomic
def leave(engagement: Engagement, *, reason: str, by: User) -> Engagement:
    """Decline before acceptance, withdraw after it; the file stays (R61). The reason goes into the trail."""
    engagement = locked(engagement)
    require(engagement, by, "accept_engagement")
    must_be(engagement, Stage.ACCEPTANCE, *WORKING)
    if not reason.strip():
        raise ValidationError({"reason": "Say why: the reason is part of the file."})
    old = engagement.get_stage_display()
    guard("leave", engagement)
    engagement.stage = Stage.DECLINED if engagement.stage == Stage.ACCEPTANCE else Stage.WITHDRAWN
    engagement.ended_at = timezone.now()
    engagement.save(update_fields=["stage", "ended_at"])
    record(
        ADVANCED,
        by=by,
        engagement=engagement,
        target=engagement,
        old=str(old),
        new=engagement.get_stage_display(),
        reason=reason,
    )
    return engagement


@transaction.atomic
def override(engagement: Engagement, *, step: str, rule: str, subject: str, reason: str, by: User) -> RuleOverride:
    """Override a standing warning with a reason; blocking rules cannot be overridden.

    Raises PermissionDenied, WrongStage, ValidationError when no such warning stands or the reason is empty.
    """
    engagement = locked(engagement)
    require(engagement, by, "manage_engagement")
    must_be(engagement, Stage.ACCEPTANCE, *WORKING)
    standing = [f for f in findings(step, engagement) if (f.rule, f.subject) == (rule, subject)]
    if not standing or standing[0].severity != Severity.WARN:
        raise ValidationError(f"{rule}: no such warning stands.")
    if not reason.strip():
        raise ValidationError({"reason": "Say why the warning does not matter here."})
    made = RuleOverride.objects.create(
        engagement=engagement, rule=rule, subject=subject, text=standing[0].text, reason=reason, by=by
    )
    record(OVERRIDDEN, by=by, engagement=engagement, target=made, rule=rule, reason=reason)
    return made
