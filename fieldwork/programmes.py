"""Test programmes: what a test does and looks at, taken from the library, from another control or from a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from controls.models import LibraryAttribute
from engagements.models import Control, Engagement
from fieldwork.models import Attribute, ControlTest, Procedure
from fieldwork.testing.planning import REWORDED, Column, plan_test

LIBRARY = "library"
MOST_CONTROLS = 100
_ONLY_A_HINT = 3
_HINTS = {
    Procedure.INQUIRY: ("inquir", "ask"),
    Procedure.INSPECTION: ("inspect", "read", "compare", "review", "check", "vouch"),
    Procedure.OBSERVATION: ("observ", "watch", "walk"),
    Procedure.REPERFORMANCE: ("reperform", "re-perform", "recompute", "recalculat", "restore"),
}
# What nearly every control can be held against, where the library knows nothing closer.
GENERAL = (
    Column("", "Performed", "The control was performed as management describes it."),
    Column("", "On time", "It was performed when it was due, or within the time the policy allows."),
    Column("", "Evidenced", "What was done, by whom and when can be seen in the evidence."),
)


@dataclass(frozen=True)
class Programme:
    """What a test does, before it is planned. `origin` says where it is from, in words."""

    procedure: str
    kinds: list[str]
    columns: Sequence[Column]
    origin: str = ""
    phase: str = ""
    inquired_of: str = ""


def of_control(control: Control) -> Programme:
    """What the library suggests for a control: the attributes of its library control, or what is held of any."""
    library = control.library_control
    words = control.typical_test or (library.test if library else "")
    hinted = [kind.value for kind, hints in _HINTS.items() if any(hint in words.lower() for hint in hints)]
    origin = f"Library, {library.code}" if library else ""
    columns = [
        Column(one.letter, one.title, one.pass_rule, one.evidence, origin)
        for one in (LibraryAttribute.objects.filter(control=library) if library else ())
    ]
    return Programme(
        # "Inspection: sampled" is a hint at the method and no description of what is done.
        procedure=words if len(words.split()) > _ONLY_A_HINT else "",
        kinds=hinted or [Procedure.INSPECTION.value],
        columns=columns or GENERAL,
        origin=origin if columns else "",
    )


def of_test(test: ControlTest) -> Programme:
    """The programme of a test that stands, to be taken over for another control."""
    origin = f"Copied from {test}"
    return Programme(
        procedure=test.procedure,
        kinds=list(test.kinds),
        columns=[
            Column(one.letter, one.title, one.pass_rule, one.evidence_expected, f"{origin} {one.letter}")
            for one in Attribute.objects.filter(test=test)
        ],
        origin=origin,
        phase=test.phase,
        inquired_of=test.inquired_of,
    )


def chosen(engagement: Engagement, control: Control, source: str) -> Programme:
    """The programme that a form names: a test of the engagement by its key, else what the library suggests."""
    if source.isdecimal() and len(source) < 18:
        test = ControlTest.objects.filter(engagement=engagement, pk=int(source)).select_related("control").first()
        if test is not None:
            return of_test(test)
    return of_control(control)


def traced(columns: Iterable[Column], programme: Programme) -> list[Column]:
    """The columns with where each is from: as it stood there, or reworded under the same title."""
    rules = {column.title: column for column in programme.columns if column.origin}
    found = []
    for column in columns:
        source = rules.get(column.title)
        origin = source.origin if source else ""
        if source and (source.pass_rule, source.evidence) != (column.pass_rule, column.evidence):
            origin += REWORDED
        found.append(column._replace(origin=origin))
    return found


@transaction.atomic
def copy_to(test: ControlTest, controls: Sequence[Control], *, by: User) -> list[ControlTest]:
    """Plan the same test for other controls: procedure, attributes and evidence expected; no items, no results.

    All of them or none. Raises as `plan_test` does, and ValidationError without controls.
    """
    if not controls:
        raise ValidationError({"controls": "Choose the controls that get the same test."})
    if len(controls) > MOST_CONTROLS:
        raise ValidationError({"controls": f"At most {MOST_CONTROLS} controls at once."})
    if any(control.engagement_id != test.engagement_id for control in controls):
        raise ValidationError({"controls": "A control of another engagement."})
    programme = of_test(test)
    return [
        plan_test(
            control,
            phase=programme.phase,
            kinds=programme.kinds,
            procedure=programme.procedure,
            inquired_of=programme.inquired_of,
            attributes=programme.columns,
            assigned_to=test.assigned_to,
            origin=programme.origin,
            by=by,
        )
        for control in controls
    ]
