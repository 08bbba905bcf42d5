"""Which controls meet each criterion, and where there is a gap; in five queries however many controls there are."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

from django.db.models import Prefetch

from controls.models import Criterion
from engagements.models import (
    ComplementaryControl,
    ComplementaryCriterion,
    Control,
    ControlCriterion,
    Engagement,
    Incident,
    MonitoringControl,
    NoIncidentReview,
    NotRelevantCriterion,
    SubserviceOrganization,
    SystemChange,
)
from engagements.register import shared

_MAPPINGS = Prefetch("mappings", ComplementaryCriterion.objects.select_related("criterion"))


@dataclasses.dataclass(frozen=True)
class Coverage:
    """A criterion in scope with what meets it. A gap has neither a control nor a reason (R13)."""

    criterion: Criterion
    controls: list[Control]
    cuecs: list[ComplementaryControl]
    csocs: list[ComplementaryControl]
    not_relevant: str

    @property
    def gap(self) -> bool:
        return not self.controls and not self.not_relevant


@dataclasses.dataclass(frozen=True)
class Series:
    code: str
    title: str
    criteria: list[Coverage]

    @property
    def covered(self) -> int:
        return sum(not one.gap for one in self.criteria)


@shared
def controls_in_scope(engagement: Engagement) -> list[Control]:
    """By number."""
    return list(Control.objects.in_scope().filter(engagement=engagement))


@shared
def criteria_of(engagement: Engagement) -> list[Criterion]:
    """The criteria of the examination, in order."""
    return list(engagement.criteria().order_by("position"))


@shared
def served_by(engagement: Engagement) -> dict[int, list[str]]:
    """The codes of the criteria that each control in scope serves, in order, by the control's key."""
    found: dict[int, list[str]] = {control.pk: [] for control in controls_in_scope(engagement)}
    links = ControlCriterion.objects.filter(engagement=engagement).order_by("criterion__position", "pk")
    for control_pk, code in links.values_list("control_id", "criterion_id"):
        if control_pk in found:
            found[control_pk].append(code)
    return found


@shared
def not_relevant(engagement: Engagement) -> dict[str, str]:
    """The reasons why criteria are not relevant, by code."""
    return dict(NotRelevantCriterion.objects.filter(engagement=engagement).values_list("criterion_id", "reason"))


@shared
def coverage(engagement: Engagement) -> list[Coverage]:
    """The criteria of the examination in order, each with controls in scope, CUECs, CSOCs, or why not relevant."""
    controls: dict[str, list[Control]] = defaultdict(list)
    served = served_by(engagement)
    for control in controls_in_scope(engagement):
        for code in served.get(control.pk, ()):
            controls[code].append(control)
    complementary: dict[tuple[str, str], list[ComplementaryControl]] = defaultdict(list)
    for one in complementary_of(engagement):
        for mapping in one.mappings.all():
            complementary[one.kind, mapping.criterion_id].append(one)
    reasons = not_relevant(engagement)
    return [
        Coverage(
            criterion,
            sorted(controls[criterion.code], key=lambda control: control.number),
            sorted(complementary[ComplementaryControl.Kind.CUEC, criterion.code], key=lambda one: one.number),
            sorted(complementary[ComplementaryControl.Kind.CSOC, criterion.code], key=lambda one: one.number),
            reasons.get(criterion.code, ""),
        )
        for criterion in criteria_of(engagement)
    ]


def by_series(found: list[Coverage]) -> list[Series]:
    """The same in the groups that the criteria come in: CC1, CC2 ..."""
    groups: dict[str, Series] = {}
    for one in found:
        series = one.criterion.series
        groups.setdefault(series, Series(series, one.criterion.series_title, [])).criteria.append(one)
    return list(groups.values())


@shared
def complementary_of(engagement: Engagement) -> list[ComplementaryControl]:
    """Others' controls, with the criteria they serve."""
    return list(ComplementaryControl.objects.filter(engagement=engagement).prefetch_related(_MAPPINGS))


@shared
def subservices_of(engagement: Engagement) -> list[SubserviceOrganization]:
    """The subservice organizations with their own controls and those that watch over them."""
    return list(
        SubserviceOrganization.objects.filter(engagement=engagement)
        .order_by("pk")
        .prefetch_related(
            Prefetch("complementary", ComplementaryControl.objects.prefetch_related(_MAPPINGS)),
            Prefetch("monitoring", MonitoringControl.objects.select_related("control")),
        )
    )


@shared
def incidents_of(engagement: Engagement) -> list[Incident]:
    return list(Incident.objects.filter(engagement=engagement).order_by("occurred_on", "pk"))


@shared
def no_incident_review_of(engagement: Engagement) -> NoIncidentReview | None:
    """The firm's review of the statement that there was no incident, as it stands now."""
    stated = engagement.incidents_none_statement
    return (
        NoIncidentReview.objects.filter(engagement=engagement, statement=stated, withdrawn_at=None)
        .select_related("by")
        .first()
    )


@shared
def changes_of(engagement: Engagement) -> list[SystemChange]:
    return list(SystemChange.objects.filter(engagement=engagement).order_by("effective_on", "pk"))
