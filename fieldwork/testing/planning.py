"""Planning a test: what is done, on which items, by which attributes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from accounts.models import User
from audit.trail import action, record
from engagements.models import Control, Engagement, EngagementMember
from engagements.register import guard
from engagements.roles import require, roles_with
from engagements.workflow import WORKING, locked, must_be
from fieldwork.drawing import TESTING
from fieldwork.models import Attribute, ControlTest, DeviationCell, ItemResult, Procedure, Sample, SheetItem
from fieldwork.signing import must_be_unsigned

PLANNED = action("test.planned", "planned the test {test}", firm_only=True)
CHANGED = action("test.changed", "changed {fields} of {test}", firm_only=True)
ASSIGNED = action("test.assigned", "assigned {test} to {to}", firm_only=True)
EXTENDED = action("test.extended", "added {part} to {test}", firm_only=True)

Phase = ControlTest.Phase


class Column(NamedTuple):
    """An attribute to be: its letter (empty: the next free one), what it looks at, and where it is from."""

    letter: str
    title: str
    pass_rule: str
    evidence: str = ""
    origin: str = ""


@transaction.atomic
def plan_test(
    control: Control,
    *,
    phase: str,
    kinds: Sequence[str],
    procedure: str,
    attributes: Iterable[tuple[str, ...]] = (),
    by: User,
    sample: Sample | None = None,
    items: Iterable[str] = (),
    assigned_to: User | None = None,
    inquired_of: str = "",
    origin: str = "",
) -> ControlTest:
    """Plan a test of a control: what is done, by which attributes (the parts of a `Column`), on what.

    The rows of the sheet are those of the `sample`, or `items` named by the auditor (a configuration, one
    instance). Raises PermissionDenied, WrongStage, Blocked (R07, R24), ValidationError.
    """
    engagement = locked(control.engagement)
    require(engagement, by, "record_tests")
    must_be(engagement, *WORKING)
    guard("record_test", engagement)
    if control.removed_at is not None:
        raise ValidationError(f"{control} is out of scope.")
    test = ControlTest(
        engagement=engagement,
        control=control,
        number=(ControlTest.objects.filter(control=control).aggregate(last=Max("number"))["last"] or 0) + 1,
        phase=phase,
        kinds=_kinds(kinds),
        procedure=procedure.strip(),
        inquired_of=inquired_of.strip(),
        assigned_to=_tester(engagement, assigned_to),
        origin=origin[:200],
        created_by=by,
    )
    _check_plan(test)
    test.save()
    for parts in attributes:
        _new_attribute(test, Column(*parts))
    if sample is not None:
        _put_on_sheet(test, sample)
    _new_items(test, list(items))
    record(PLANNED, by=by, engagement=engagement, target=test, test=str(test), phase=test.phase, origin=test.origin)
    return test


def _kinds(kinds: Sequence[str]) -> list[str]:
    unknown = [kind for kind in kinds if kind not in Procedure.values]
    if unknown or not kinds:
        raise ValidationError({"kinds": "Choose inquiry, inspection, observation, reperformance or several."})
    return [kind for kind in Procedure.values if kind in kinds]


def _check_plan(test: ControlTest) -> None:
    if not test.procedure:
        raise ValidationError({"procedure": "Say what is done: the report prints it."})
    if test.phase not in Phase.values:
        raise ValidationError({"phase": "Choose design or operating effectiveness."})
    if test.phase == Phase.OPERATING and not test.engagement.is_type_2:
        raise ValidationError({"phase": "A Type 1 examines design only: operating effectiveness is not tested."})
    guard("plan_test", test)


def _tester(engagement: Engagement, user: User | None) -> User | None:
    if user is None:
        return None
    member = EngagementMember.objects.filter(engagement=engagement, user=user).first()
    if member is None or member.role not in roles_with("record_tests"):
        raise ValidationError({"assigned_to": f"{user} does not test here: only the firm's team does."})
    return user


def held(test: ControlTest, *, by: User) -> ControlTest:
    """The test, locked after its engagement, open for work by this person.

    Raises PermissionDenied, WrongStage, ValidationError when its preparer has signed.
    """
    engagement = locked(test.engagement)
    require(engagement, by, "record_tests")
    must_be(engagement, *TESTING)
    found = ControlTest.objects.select_for_update(of=("self",)).select_related("control").get(pk=test.pk)
    found.engagement = engagement
    must_be_unsigned(found)
    return found


@transaction.atomic
def change_test(
    test: ControlTest, *, by: User, kinds: Sequence[str], procedure: str, phase: str, inquired_of: str = ""
) -> ControlTest:
    """Change what is done, until the preparer signs. Raises as `plan_test` does."""
    test = held(test, by=by)
    new: dict[str, Any] = {
        "kinds": _kinds(kinds),
        "procedure": procedure.strip(),
        "phase": phase,
        "inquired_of": inquired_of.strip(),
    }
    old = {name: getattr(test, name) for name in new}
    for name, value in new.items():
        setattr(test, name, value)
    _check_plan(test)
    changed = [name for name in new if old[name] != new[name]]
    if changed:
        test.save(update_fields=changed)
        record(
            CHANGED,
            by=by,
            engagement=test.engagement,
            target=test,
            test=str(test),
            fields=", ".join(changed),
            values={name: [old[name], new[name]] for name in changed},
        )
    return test


@transaction.atomic
def assign(test: ControlTest, *, to: User | None, by: User) -> ControlTest:
    """Say who works on a test; None takes the name away."""
    engagement = locked(test.engagement)
    require(engagement, by, "record_tests")
    must_be(engagement, *WORKING)
    test = ControlTest.objects.select_for_update(of=("self",)).select_related("control").get(pk=test.pk)
    test.assigned_to = _tester(engagement, to)
    test.save(update_fields=["assigned_to"])
    record(ASSIGNED, by=by, engagement=engagement, target=test, test=str(test), to=str(to or "nobody"))
    return test


@transaction.atomic
def use_sample(test: ControlTest, sample: Sample, *, by: User) -> ControlTest:
    """Put the items of a sample on the sheet; a voided sample's are replaced by those of the new one.

    What was found on the voided sample is kept in the trail, and shown in the history of the test; items on which
    exceptions rest stay on the sheet as items of their own, which nothing is projected from.
    Raises ValidationError when the sample is void, of another control, or results hang on another living one.
    """
    test = held(test, by=by)
    work = _put_on_sheet(test, sample)
    reopen(test)
    record(
        EXTENDED,
        by=by,
        engagement=test.engagement,
        target=test,
        test=str(test),
        part=f"a sample of {sample.size} items",
        **({"old": work, "new": {}} if work else {}),
    )
    return test


def _put_on_sheet(test: ControlTest, sample: Sample) -> dict[str, str]:
    """Returns what was found on the items of a voided sample that it takes off the sheet, by item."""
    if sample.control_id != test.control_id:
        raise ValidationError("The sample was drawn for another control.")
    if sample.voided_at is not None:
        raise ValidationError(f"The sample is void: {sample.voided_reason}.")
    if test.sample_id == sample.pk:
        return {}
    work: dict[str, str] = {}
    if test.sample is not None:
        if test.sample.voided_at is None:
            raise ValidationError("The sheet has a sample. Items are never exchanged for others (R22).")
        work = _taken_off(test, test.sample)
    test.sample = sample
    test.save(update_fields=["sample"])
    last = SheetItem.objects.filter(test=test).aggregate(last=Max("position"))["last"] or 0
    SheetItem.objects.bulk_create(
        SheetItem(engagement=test.engagement, test=test, position=last + number, label=drawn.key, sample_item=drawn)
        for number, drawn in enumerate(sample.items.order_by("position"), start=1)
    )
    return work


def _taken_off(test: ControlTest, voided: Sample) -> dict[str, str]:
    """Take the items of a voided sample off the sheet, all but those with exceptions; returns their work."""
    old = SheetItem.objects.filter(test=test, sample_item__sample=voided)
    found: dict[int, list[str]] = defaultdict(list)
    cells = ItemResult.objects.filter(item__in=old).select_related("attribute", "citation__file", "by")
    for cell in cells.order_by("attribute__letter"):
        words = " ".join(filter(None, [cell.attribute.letter, cell.get_outcome_display().lower()]))
        rests = " ".join(filter(None, [cell.citation.file.code, cell.place, cell.by.name]))
        found[cell.item_id].append(f"{words} ({rests})" + (f": {cell.note}" if cell.note else ""))
    bearing = set(DeviationCell.objects.filter(cell__item__in=old).values_list("cell__item_id", flat=True))
    for item in old.filter(pk__in=bearing):
        item.sample_item, item.label = None, f"{item.label[:270]} (of the voided sample)"
        item.save(update_fields=["sample_item", "label"])
    # Taken down before they go, in the order of the sheet.
    gone = list(old.exclude(pk__in=bearing))
    work = {
        item.label: "; ".join(filter(None, [*found[item.pk], item.note, item.unobtainable])) or "nothing recorded"
        for item in gone
    }
    SheetItem.objects.filter(pk__in=[item.pk for item in gone]).delete()
    return work if any(found[item.pk] or item.note or item.unobtainable for item in gone) else {}


@transaction.atomic
def add_item(test: ControlTest, label: str, *, by: User) -> SheetItem:
    """Add a row that the auditor names: a configuration, a walkthrough's instance. Targeted, never projected."""
    test = held(test, by=by)
    item = _new_item(test, label)
    reopen(test)
    record(EXTENDED, by=by, engagement=test.engagement, target=test, test=str(test), part=f"the item {item.label}")
    return item


def _new_item(test: ControlTest, label: str) -> SheetItem:
    (made,) = _new_items(test, [label])
    return made


def _new_items(test: ControlTest, labels: Sequence[str]) -> list[SheetItem]:
    if not all(label.strip() for label in labels):
        raise ValidationError({"label": "Say what is looked at."})
    last = SheetItem.objects.filter(test=test).aggregate(last=Max("position"))["last"] or 0
    return SheetItem.objects.bulk_create(
        SheetItem(engagement=test.engagement, test=test, position=position, label=label.strip()[:300])
        for position, label in enumerate(labels, start=last + 1)
    )


@transaction.atomic
def add_attribute(
    test: ControlTest, *, letter: str = "", title: str, pass_rule: str, evidence: str = "", by: User
) -> Attribute:
    """Add a column; without `letter` the next free one."""
    test = held(test, by=by)
    made = _new_attribute(test, Column(letter, title, pass_rule, evidence))
    reopen(test)
    record(
        EXTENDED, by=by, engagement=test.engagement, target=test, test=str(test), part=f"attribute {made.letter}"
    )
    return made


def _new_attribute(test: ControlTest, column: Column) -> Attribute:
    taken = set(Attribute.objects.filter(test=test).values_list("letter", flat=True))
    letter = column.letter.strip().upper() or next(
        (chr(code) for code in range(ord("A"), ord("Z") + 1) if chr(code) not in taken), ""
    )
    if not letter.isalpha() or len(letter) > 2 or letter in taken:
        raise ValidationError({"letter": "A letter that no other attribute of this test has."})
    if not column.title.strip() or not column.pass_rule.strip():
        raise ValidationError({"title": "Give the attribute a short title and say when an item passes."})
    return Attribute.objects.create(
        engagement=test.engagement,
        test=test,
        letter=letter,
        title=column.title.strip()[:60],
        pass_rule=column.pass_rule.strip(),
        evidence_expected=column.evidence.strip(),
        origin=column.origin[:200],
    )


REWORDED = ", reworded"


@transaction.atomic
def change_attribute(
    attribute: Attribute, *, title: str, pass_rule: str, evidence: str | None = None, by: User
) -> Attribute:
    """Reword a column, until the preparer signs. Where it is from stays on record."""
    test = held(attribute.test, by=by)
    if not title.strip() or not pass_rule.strip():
        raise ValidationError({"title": "Give the attribute a short title and say when an item passes."})
    old = [attribute.title, attribute.pass_rule, attribute.evidence_expected]
    attribute.title, attribute.pass_rule = title.strip()[:60], pass_rule.strip()
    if evidence is not None:
        attribute.evidence_expected = evidence.strip()
    new = [attribute.title, attribute.pass_rule, attribute.evidence_expected]
    if old == new:
        return attribute
    if attribute.origin and not attribute.origin.endswith(REWORDED):
        attribute.origin = attribute.origin[: 200 - len(REWORDED)] + REWORDED
    attribute.save(update_fields=["title", "pass_rule", "evidence_expected", "origin"])
    record(
        CHANGED,
        by=by,
        engagement=test.engagement,
        target=test,
        test=str(test),
        fields=f"attribute {attribute.letter}",
        values={"old": old, "new": new},
    )
    return attribute


def reopen(test: ControlTest) -> None:
    """What was concluded on other cells is no conclusion any more."""
    if test.result in {ControlTest.Result.NO_EXCEPTIONS, ControlTest.Result.EXCEPTIONS}:
        test.result, test.concluded_by, test.concluded_at = ControlTest.Result.NONE, None, None
        test.save(update_fields=["result", "concluded_by", "concluded_at"])
