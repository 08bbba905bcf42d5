"""What the description rests on: components, commitments, subservice organizations, complementary controls,
incidents and changes.

Who (domain reference 4.1): their content is management's, so the client's administrator keeps them. The set of
subservice organizations with method and monitoring is scope, so the firm's partner and manager keep it. Entries
may be changed and taken away until the report has its date; the trail keeps what they said.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from audit.trail import action, record
from engagements.corroboration import withdraw_review
from engagements.freeze import EngagementOwned
from engagements.models import (
    Commitment,
    ComplementaryControl,
    ComplementaryCriterion,
    Component,
    Control,
    Engagement,
    Incident,
    MonitoringControl,
    SubserviceOrganization,
    SystemChange,
)
from engagements.roles import require
from engagements.scope import criteria_of, open_scope

ENTERED = action("register.entered", "added {register} {target}")
REVISED = action("register.revised", "changed {register} {target}")
DELETED = action("register.deleted", "deleted {register} {label}")
STATED_NONE = action("register.none_stated", "stated that there was no {register} in the period")

Entry = TypeVar("Entry", bound=EngagementOwned)

KEPT_BY_CLIENT = ("edit_registers",)
KEPT_BY_FIRM = ("edit_scope",)

_KEEPERS: dict[type[EngagementOwned], tuple[str, ...]] = {
    Component: KEPT_BY_CLIENT,
    Commitment: KEPT_BY_CLIENT,
    ComplementaryControl: KEPT_BY_CLIENT,
    Incident: KEPT_BY_CLIENT,
    SystemChange: KEPT_BY_CLIENT,
    SubserviceOrganization: KEPT_BY_FIRM,
}


def keepers(model: type[EngagementOwned]) -> tuple[str, ...]:
    """The permissions of which one lets a person keep the register."""
    return _KEEPERS[model]


def add_component(
    engagement: Engagement,
    *,
    kind: str,
    name: str,
    by: User,
    description: str = "",
    in_boundary: bool = True,
    reason: str = "",
) -> Component:
    """A part of the system (DC3). Outside the boundary it needs a reason.

    Like every function that adds here: raises PermissionDenied, WrongStage, ValidationError.
    """
    return _enter(
        Component(kind=kind, name=name, description=description, in_boundary=in_boundary, reason=reason),
        engagement,
        by,
    )


def add_commitment(
    engagement: Engagement, *, kind: str, category: str, text: str, source: str, by: User
) -> Commitment:
    """A principal service commitment or system requirement (DC2), of a category in scope."""
    return _enter(Commitment(kind=kind, category=category, text=text, source=source), engagement, by)


def add_subservice(
    engagement: Engagement,
    *,
    name: str,
    services: str,
    method: str,
    by: User,
    monitoring: Iterable[str] = (),
    **dates: Any,
) -> SubserviceOrganization:
    """A subservice organization (DC7); `monitoring` are the numbers of the controls that watch it.

    `dates`: report_period_start, report_period_end, assertion_received_on, representation_received_on,
    independence_confirmed_on; of the inclusive method also the texts `assertion` and `signatory`.
    """
    return _enter(
        SubserviceOrganization(name=name, services=services, method=method, **dates),
        engagement,
        by,
        monitoring=monitoring,
    )


def add_cuec(
    engagement: Engagement, *, text: str, criteria: Iterable[str], by: User, number: str = ""
) -> ComplementaryControl:
    """A complementary user entity control (DC6); the next CUEC number unless one is given."""
    return _enter(
        ComplementaryControl(kind=ComplementaryControl.Kind.CUEC, number=number, text=text),
        engagement,
        by,
        criteria=criteria,
    )


def add_csoc(
    engagement: Engagement,
    subservice: SubserviceOrganization,
    *,
    text: str,
    criteria: Iterable[str],
    by: User,
    number: str = "",
) -> ComplementaryControl:
    """A complementary control assumed at a subservice organization (DC7)."""
    return _enter(
        ComplementaryControl(kind=ComplementaryControl.Kind.CSOC, number=number, text=text, subservice=subservice),
        engagement,
        by,
        criteria=criteria,
    )


def add_incident(
    engagement: Engagement,
    *,
    occurred_on: dt.date,
    title: str,
    nature: str,
    by: User,
    from_control_failure: bool = False,
    failed_commitment: bool = False,
    notification_required: bool = False,
    disclosed: bool | None = None,
    reason: str = "",
) -> Incident:
    """An incident of the period with the decision whether the description discloses it (DC4)."""
    return _enter(
        Incident(
            occurred_on=occurred_on,
            title=title,
            nature=nature,
            from_control_failure=from_control_failure,
            failed_commitment=failed_commitment,
            notification_required=notification_required,
            disclosed=disclosed,
            reason=reason,
        ),
        engagement,
        by,
    )


def add_change(
    engagement: Engagement, *, effective_on: dt.date, title: str, description: str, by: User
) -> SystemChange:
    """A significant change of a Type 2's period (DC9)."""
    return _enter(SystemChange(effective_on=effective_on, title=title, description=description), engagement, by)


@transaction.atomic
def _enter(
    entry: Entry,
    engagement: Engagement,
    by: User,
    *,
    criteria: Iterable[str] | None = None,
    monitoring: Iterable[str] | None = None,
) -> Entry:
    engagement = open_scope(engagement)
    require(engagement, by, *keepers(type(entry)))
    entry.engagement = engagement
    if isinstance(entry, ComplementaryControl) and not entry.number:
        entry.number = next_number(engagement, entry.kind)
    _check(entry, engagement)
    entry.full_clean()
    entry.save()
    _write_links(entry, engagement, criteria, monitoring)
    _withdraw_statement(entry, engagement)
    record(ENTERED, by=by, engagement=engagement, target=entry, register=_what(entry), values=_values(entry))
    if isinstance(entry, Incident):
        withdraw_review(engagement, by=by)
    return entry


@transaction.atomic
def revise(
    entry: Entry,
    *,
    by: User,
    criteria: Iterable[str] | None = None,
    monitoring: Iterable[str] | None = None,
    **fields: Any,
) -> Entry:
    """Change fields of a register's entry, and its criteria or monitoring controls when they are given.

    Raises PermissionDenied, WrongStage, ValidationError.
    """
    engagement = open_scope(entry.engagement)
    require(engagement, by, *keepers(type(entry)))
    entry = type(entry).objects.select_for_update().get(pk=entry.pk)  # type: ignore[attr-defined]
    old = _values(entry)
    for name, value in fields.items():
        setattr(entry, name, value)
    _check(entry, engagement)
    entry.full_clean()
    if fields:
        entry.save(update_fields=list(fields))
    _write_links(entry, engagement, criteria, monitoring)
    new = _values(entry)
    changes = {name: [old[name], new[name]] for name in new if old[name] != new[name]}
    if changes:
        record(REVISED, by=by, engagement=engagement, target=entry, register=_what(entry), values=changes)
    return entry


@transaction.atomic
def delete(entry: EngagementOwned, *, by: User) -> None:
    """Take an entry out of its register; what it said stays in the trail. Raises PermissionDenied, WrongStage."""
    engagement = open_scope(entry.engagement)
    require(engagement, by, *keepers(type(entry)))
    label, values, register = str(entry), _values(entry), _what(entry)
    entry.delete()
    record(DELETED, by=by, engagement=engagement, register=register, label=label, values=values)


@transaction.atomic
def state_no_incident(engagement: Engagement, *, statement: str, by: User) -> None:
    """The client states that nothing happened which DC4 asks for; an empty register alone says nothing (R43)."""
    _state_none(engagement, "incidents_none_statement", "incident", Incident, statement, by)


@transaction.atomic
def state_no_change(engagement: Engagement, *, statement: str, by: User) -> None:
    """The client states that nothing significant changed in the period (R44)."""
    _state_none(engagement, "changes_none_statement", "change", SystemChange, statement, by)


def _state_none(
    engagement: Engagement, field: str, what: str, model: type[Incident | SystemChange], statement: str, by: User
) -> None:
    engagement = open_scope(engagement)
    require(engagement, by, *keepers(model))
    if statement.strip() and model.objects.filter(engagement=engagement).exists():
        raise ValidationError(f"The register holds entries, so nobody can state that there was no {what}.")
    old = getattr(engagement, field)
    setattr(engagement, field, statement.strip())
    engagement.save(update_fields=[field])
    record(STATED_NONE, by=by, engagement=engagement, register=what, old=old, new=statement.strip())
    if model is Incident:
        withdraw_review(engagement, by=by)


def _withdraw_statement(entry: EngagementOwned, engagement: Engagement) -> None:
    """An entry makes an earlier statement of none untrue."""
    if isinstance(entry, Incident) and engagement.incidents_none_statement:
        engagement.incidents_none_statement = ""
        engagement.save(update_fields=["incidents_none_statement"])
    if isinstance(entry, SystemChange) and engagement.changes_none_statement:
        engagement.changes_none_statement = ""
        engagement.save(update_fields=["changes_none_statement"])


def next_number(engagement: Engagement, kind: str) -> str:
    """The next free number of a kind: CUEC-01, CUEC-02..."""
    taken = ComplementaryControl.objects.filter(engagement=engagement, kind=kind).values_list("number", flat=True)
    used = [int(tail) for number in taken if (tail := number.rpartition("-")[2]).isdecimal()]
    return f"{kind.upper()}-{max(used, default=0) + 1:02d}"


def _check(entry: EngagementOwned, engagement: Engagement) -> None:
    """What a single row cannot know: the period, the categories, the client's other entries."""
    if isinstance(entry, Component) and not entry.in_boundary and not entry.reason.strip():
        raise ValidationError({"reason": "Say why it is outside the system's boundary."})
    if isinstance(entry, Commitment) and entry.category not in engagement.categories:
        raise ValidationError({"category": "This category is not part of the examination."})
    if isinstance(entry, Incident):
        if entry.disclosed is not None and not entry.reason.strip():
            raise ValidationError({"reason": "Say why it is disclosed or not (DC4)."})
        _within(engagement, entry.occurred_on, "occurred_on", "An incident")
    if isinstance(entry, SystemChange):
        if not engagement.is_type_2:
            raise ValidationError("A Type 1 report speaks of one day: it has no changes of a period (DC9).")
        _within(engagement, entry.effective_on, "effective_on", "A change")
    if isinstance(entry, ComplementaryControl) and entry.subservice is not None:
        if entry.subservice.engagement_id != engagement.pk:
            raise ValidationError({"subservice": "This subservice organization belongs to another engagement."})
        if entry.subservice.method != SubserviceOrganization.Method.CARVE_OUT:
            raise ValidationError(
                {"subservice": f"{entry.subservice} is included: its controls are tested, not assumed."}
            )


def _within(engagement: Engagement, day: dt.date, field: str, what: str) -> None:
    if engagement.is_type_2 and not engagement.starts_on <= day <= engagement.ends_on:
        raise ValidationError({field: f"{what} of the register lies in the period, {engagement.span_label}."})
    if not engagement.is_type_2 and day > engagement.ends_on:
        raise ValidationError({field: f"{what} of the register lies no later than {engagement.span_label}."})


def _write_links(
    entry: EngagementOwned,
    engagement: Engagement,
    criteria: Iterable[str] | None,
    monitoring: Iterable[str] | None,
) -> None:
    if isinstance(entry, ComplementaryControl) and criteria is not None:
        wanted = criteria_of(engagement, criteria)
        if not wanted:
            raise ValidationError({"criteria": "Name the criteria that it helps to meet."})
        entry.mappings.all().delete()
        ComplementaryCriterion.objects.bulk_create(
            ComplementaryCriterion(engagement=engagement, complementary=entry, criterion=criterion)
            for criterion in wanted
        )
    if isinstance(entry, SubserviceOrganization) and monitoring is not None:
        numbers = list(dict.fromkeys(monitoring))
        controls = list(Control.objects.in_scope().filter(engagement=engagement, number__in=numbers))
        unknown = sorted(set(numbers) - {control.number for control in controls})
        if unknown:
            raise ValidationError({"monitoring": f"{', '.join(unknown)} is not a control in scope."})
        entry.monitoring.all().delete()
        MonitoringControl.objects.bulk_create(
            MonitoringControl(engagement=engagement, subservice=entry, control=control) for control in controls
        )


def _what(entry: EngagementOwned) -> str:
    if isinstance(entry, ComplementaryControl):
        return entry.get_kind_display().lower()
    return str(entry._meta.verbose_name)


def _values(entry: EngagementOwned) -> dict[str, Any]:
    """The entry as plain data for the trail."""
    values: dict[str, Any] = {
        field.name: _plain(getattr(entry, field.attname))
        for field in entry._meta.concrete_fields
        if field.name not in {"id", "engagement"}
    }
    if isinstance(entry, ComplementaryControl):
        values["criteria"] = list(entry.mappings.values_list("criterion_id", flat=True))
    if isinstance(entry, SubserviceOrganization):
        values["monitoring"] = list(entry.monitoring.values_list("control__number", flat=True))
    return values


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value
