"""What is examined: controls chosen, worded, mapped to criteria; criteria that are not relevant.

Who (domain reference 4.1): the firm's partner and manager choose and map controls, because the set and its mapping
is scope; the client's administrator words them, because the wording is management's. The wording a control has
when the firm adds it is the one the client starts from. Nothing changes once the report's date is set (4.3).
"""

from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from audit.trail import action, record
from controls.models import Criterion, LibraryControl
from engagements.models import (
    Control,
    ControlCriterion,
    Engagement,
    EngagementMember,
    NotRelevantCriterion,
)
from engagements.roles import require
from engagements.workflow import WORKING, WrongStage, locked, must_be

ADDED = action("control.added", "added control {target}")
ADDED_MANY = action("control.added_from_library", "added {count} controls from the library")
REWORDED = action("control.reworded", "reworded control {target}")
MAPPED = action("control.mapped", "mapped {target} to {criteria}")
REMOVED = action("control.removed", "took control {target} out of scope")
RESTORED = action("control.restored", "brought control {target} back into scope")
OWNED = action("control.owner", "made {owner} the owner of {target}")
NOT_RELEVANT = action("criterion.not_relevant", "marked {criterion} as not relevant")
RELEVANT = action("criterion.relevant", "marked {criterion} as relevant again")


def open_scope(engagement: Engagement) -> Engagement:
    """The engagement locked for a change of its scope or registers.

    Raises WrongStage before acceptance, after issue, and once the report has a date.
    """
    engagement = locked(engagement)
    must_be(engagement, *WORKING)
    if engagement.report_date is not None:
        raise WrongStage("The report has its date: scope and registers are closed. Take the date back first.")
    return engagement


def criteria_of(engagement: Engagement, codes: Iterable[str]) -> list[Criterion]:
    """The criteria of these codes, in order. Raises ValidationError for unknown ones or ones out of scope (R12)."""
    wanted = list(dict.fromkeys(code.strip() for code in codes if code.strip()))
    known = {criterion.code: criterion for criterion in engagement.criteria().filter(code__in=wanted)}
    unknown = [code for code in wanted if code not in known]
    if unknown:
        raise ValidationError(
            {"criteria": f"R12: {', '.join(unknown)} does not belong to the categories of this examination."}
        )
    return sorted(known.values(), key=lambda criterion: criterion.position)


def _write_mapping(control: Control, criteria: Iterable[Criterion]) -> None:
    wanted = {criterion.pk for criterion in criteria}
    control.mappings.exclude(criterion__in=wanted).delete()
    have = set(control.mappings.values_list("criterion_id", flat=True))
    ControlCriterion.objects.bulk_create(
        ControlCriterion(engagement_id=control.engagement_id, control=control, criterion_id=code)
        for code in sorted(wanted - have)
    )


@transaction.atomic
def add_from_library(engagement: Engagement, codes: Iterable[str], *, by: User) -> list[Control]:
    """Bring controls of the library into scope under their library codes, mapped to the criteria in scope.

    What is in scope already stays as it is, what was taken out comes back with its number and wording, so asking
    twice does no harm. Returns the controls that were not in scope before. Raises PermissionDenied, WrongStage,
    ValidationError for a code the library does not have.
    """
    engagement = open_scope(engagement)
    require(engagement, by, "edit_scope")
    wanted = list(dict.fromkeys(codes))
    library = {
        entry.code: entry
        for entry in LibraryControl.objects.of_firm(engagement.firm)
        .filter(code__in=wanted)
        .prefetch_related("criteria")
        # The firm's own entry wins over the shipped one of the same code.
        .order_by(F("firm_id").asc(nulls_first=True))
    }
    unknown = [code for code in wanted if code not in library]
    if unknown:
        raise ValidationError(f"The library has no control {', '.join(unknown)}.")
    in_scope = set(engagement.criteria().values_list("code", flat=True))
    existing = {control.number: control for control in Control.objects.filter(engagement=engagement)}
    added: list[Control] = []
    for code in wanted:
        control = existing.get(code)
        if control is not None and control.removed_at is None:
            continue
        if control is not None:
            control.removed_at = None
            control.save(update_fields=["removed_at"])
        else:
            control = _from_library(engagement, library[code], in_scope)
        added.append(control)
    if added:
        record(
            ADDED_MANY,
            by=by,
            engagement=engagement,
            count=len(added),
            numbers=[control.number for control in added],
        )
    return added


def _from_library(engagement: Engagement, entry: LibraryControl, in_scope: set[str]) -> Control:
    control = Control.objects.create(
        engagement=engagement,
        number=entry.code,
        title=entry.title,
        wording=f"{entry.title.rstrip('.')}.",
        nature=entry.nature,
        frequency=entry.frequency,
        library_control=entry,
        typical_evidence=entry.evidence,
        typical_test=entry.test,
    )
    _write_mapping(control, [criterion for criterion in entry.criteria.all() if criterion.code in in_scope])
    return control


@transaction.atomic
def add_control(
    engagement: Engagement,
    *,
    number: str,
    title: str,
    wording: str,
    nature: str,
    frequency: str,
    criteria: Iterable[str],
    by: User,
    owner: User | None = None,
    typical_evidence: str = "",
    typical_test: str = "",
) -> Control:
    """Add a control that the library does not have.

    A number is given once in an engagement and never again, also when its control was taken out. Raises
    PermissionDenied, WrongStage, ValidationError.
    """
    engagement = open_scope(engagement)
    require(engagement, by, "edit_scope")
    number = number.strip()
    taken = Control.objects.filter(engagement=engagement, number__iexact=number).first()
    if taken is not None:
        how = "is in scope already" if taken.removed_at is None else "was used by a control taken out of scope"
        raise ValidationError({"number": f"{taken.number} {how}. A number is given once."})
    mapped = criteria_of(engagement, criteria)
    _must_belong(engagement, owner)
    control = Control(
        engagement=engagement,
        number=number,
        title=title.strip(),
        wording=wording.strip(),
        nature=nature,
        frequency=frequency,
        owner=owner,
        typical_evidence=typical_evidence,
        typical_test=typical_test,
    )
    control.full_clean()
    control.save()
    _write_mapping(control, mapped)
    record(
        ADDED,
        by=by,
        engagement=engagement,
        target=control,
        title=control.title,
        wording=control.wording,
        criteria=[criterion.code for criterion in mapped],
    )
    return control


@transaction.atomic
def reword(control: Control, *, title: str, wording: str, by: User) -> Control:
    """The client's administrator states the control in the client's words (the auditor only proposes).

    The words before stay in the trail; sign-offs on the control's test are void by their hash. Raises
    PermissionDenied, WrongStage, ValidationError.
    """
    engagement = open_scope(control.engagement)
    require(engagement, by, "edit_registers")
    control = _in_scope(control)
    old = {"title": control.title, "wording": control.wording}
    new = {"title": title.strip(), "wording": wording.strip()}
    if old == new:
        return control
    control.title, control.wording = new["title"], new["wording"]
    control.full_clean()
    control.save(update_fields=["title", "wording"])
    record(REWORDED, by=by, engagement=engagement, target=control, old=old, new=new)
    return control


@transaction.atomic
def map_control(control: Control, criteria: Iterable[str], *, by: User) -> Control:
    """Say which criteria the control serves; replaces what was mapped. None at all is a warning later (R14).

    Raises PermissionDenied, WrongStage, ValidationError for criteria out of scope (R12).
    """
    engagement = open_scope(control.engagement)
    require(engagement, by, "edit_scope")
    control = _in_scope(control)
    old = list(control.mappings.order_by("criterion__position").values_list("criterion_id", flat=True))
    mapped = [criterion.code for criterion in criteria_of(engagement, criteria)]
    if old == mapped:
        return control
    _write_mapping(control, Criterion.objects.filter(code__in=mapped))
    record(
        MAPPED,
        by=by,
        engagement=engagement,
        target=control,
        criteria=", ".join(mapped) or "no criterion",
        old=old,
        new=mapped,
    )
    return control


@transaction.atomic
def set_owner(control: Control, owner: User | None, *, by: User) -> Control:
    """Name the person at the client who answers for the control. Firm's scope keepers and the client may.

    Raises PermissionDenied, WrongStage, ValidationError when the person is not on the client's side here.
    """
    engagement = open_scope(control.engagement)
    require(engagement, by, "edit_scope", "edit_registers")
    control = _in_scope(control)
    _must_belong(engagement, owner)
    if control.owner_id == (owner.pk if owner else None):
        return control
    old = str(control.owner) if control.owner else ""
    control.owner = owner
    control.save(update_fields=["owner"])
    record(OWNED, by=by, engagement=engagement, target=control, owner=str(owner or "nobody"), old=old)
    return control


@transaction.atomic
def remove(control: Control, *, reason: str, by: User) -> Control:
    """Take a control out of scope. Its row and number stay, with everything that hangs on it.

    Raises PermissionDenied, WrongStage, ValidationError without a reason.
    """
    engagement = open_scope(control.engagement)
    require(engagement, by, "edit_scope")
    control = _in_scope(control)
    if not reason.strip():
        raise ValidationError({"reason": "Say why the control leaves the scope."})
    control.removed_at = timezone.now()
    control.save(update_fields=["removed_at"])
    record(REMOVED, by=by, engagement=engagement, target=control, reason=reason.strip())
    return control


@transaction.atomic
def restore(control: Control, *, by: User) -> Control:
    """Bring a control back that was taken out of scope. Raises PermissionDenied, WrongStage."""
    engagement = open_scope(control.engagement)
    require(engagement, by, "edit_scope")
    control = Control.objects.select_for_update().get(pk=control.pk)
    if control.removed_at is None:
        return control
    control.removed_at = None
    control.save(update_fields=["removed_at"])
    record(RESTORED, by=by, engagement=engagement, target=control)
    return control


@transaction.atomic
def mark_not_relevant(engagement: Engagement, criterion: str, *, reason: str, by: User) -> NotRelevantCriterion:
    """Say that a criterion of a selected category is not relevant to the system, and why (DC8).

    Raises PermissionDenied, WrongStage, ValidationError when it is out of scope, when a control is mapped to it,
    or without a reason.
    """
    engagement = open_scope(engagement)
    require(engagement, by, "edit_scope", "edit_registers")
    [found] = criteria_of(engagement, [criterion])
    if not reason.strip():
        raise ValidationError({"reason": "Say why the criterion is not relevant: the description states it (DC8)."})
    mapped = Control.objects.in_scope().filter(engagement=engagement, mappings__criterion=found)
    if mapped.exists():
        numbers = ", ".join(control.number for control in mapped)
        raise ValidationError(f"{found.code} has controls mapped to it ({numbers}): it cannot be not relevant.")
    made, _ = NotRelevantCriterion.objects.update_or_create(
        engagement=engagement, criterion=found, defaults={"reason": reason.strip()}
    )
    record(
        NOT_RELEVANT,
        by=by,
        engagement=engagement,
        target=made,
        criterion=found.code,
        reason=made.reason,
    )
    return made


@transaction.atomic
def mark_relevant(engagement: Engagement, criterion: str, *, by: User) -> None:
    """Take back that a criterion is not relevant. Raises PermissionDenied, WrongStage."""
    engagement = open_scope(engagement)
    require(engagement, by, "edit_scope", "edit_registers")
    gone, _ = NotRelevantCriterion.objects.filter(engagement=engagement, criterion_id=criterion).delete()
    if gone:
        record(RELEVANT, by=by, engagement=engagement, criterion=criterion)


def _in_scope(control: Control) -> Control:
    control = Control.objects.select_for_update().get(pk=control.pk)
    if control.removed_at is not None:
        raise ValidationError(f"{control.number} was taken out of scope. Bring it back first.")
    return control


def _must_belong(engagement: Engagement, owner: User | None) -> None:
    if owner is None:
        return
    member = EngagementMember.objects.filter(engagement=engagement, user=owner).first()
    if member is None or member.of_firm:
        raise ValidationError({"owner": f"{owner} has no role on the client's side of this engagement."})
