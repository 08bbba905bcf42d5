"""How far testing has come, by test, by control and by criterion, in a fixed number of queries."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Count

from accounts.models import User
from engagements.coverage import controls_in_scope, criteria_of, not_relevant, served_by
from engagements.models import FIRM_ROLES, Control, Engagement, EngagementMember, Role
from engagements.roles import MATRIX
from fieldwork.models import Attribute, ControlTest, Deviation, ItemResult, ReviewNote, SheetItem, SignOff
from fieldwork.whole import exceptions_of, open_notes, tests_of

# From the beginning to the end; a control stands where its least advanced test stands.
STATES = {
    "no_test": "No test",
    "planned": "Planned",
    "in_testing": "In testing",
    "returned": "Returned",
    "prepared": "To review",
    "reviewed": "Reviewed",
}
_ORDER = {state: place for place, state in enumerate(STATES)}


@dataclass
class Line:
    """A test with its counts and signatures."""

    test: ControlTest
    items: int = 0
    done: int = 0
    filled: int = 0
    deviations: int = 0
    open_notes: int = 0
    returned: bool = False
    signed: dict[str, SignOff] = field(default_factory=dict)

    @property
    def prepared(self) -> SignOff | None:
        return self.signed.get(SignOff.Step.PREPARED)

    @property
    def reviewed(self) -> SignOff | None:
        return self.signed.get(SignOff.Step.REVIEWED)

    @property
    def partner(self) -> SignOff | None:
        return self.signed.get(SignOff.Step.PARTNER)

    @property
    def quality(self) -> SignOff | None:
        return self.signed.get(SignOff.Step.QUALITY)

    @property
    def state(self) -> str:
        if self.reviewed:
            return "reviewed"
        if self.prepared:
            return "prepared"
        if self.returned:
            return "returned"
        return "in_testing" if self.filled or self.test.result else "planned"

    @property
    def state_label(self) -> str:
        return STATES[self.state]


@dataclass
class ControlProgress:
    """A control in scope with its tests, exceptions and the criteria it serves."""

    control: Control
    needs_phase: str
    lines: list[Line] = field(default_factory=list)
    criteria: list[str] = field(default_factory=list)
    exceptions: list[Deviation] = field(default_factory=list)

    @property
    def state(self) -> str:
        if not self.lines:
            return "no_test"
        lowest = min((line.state for line in self.lines), key=_ORDER.__getitem__)
        if lowest == "reviewed" and not any(line.test.phase == self.needs_phase for line in self.lines):
            return "in_testing"
        return lowest

    @property
    def state_label(self) -> str:
        return STATES[self.state]

    @property
    def rank(self) -> int:
        """The place of its state on the way, to sort by."""
        return _ORDER[self.state]

    @property
    def series(self) -> str:
        """The series of its criteria, each once, for filters: "CC6 CC7"."""
        return " ".join(dict.fromkeys(code.split(".")[0] for code in self.criteria))

    @property
    def share(self) -> float:
        return round(self.done / self.items, 3) if self.items else 0.0

    @property
    def items(self) -> int:
        return sum(line.items for line in self.lines)

    @property
    def done(self) -> int:
        return sum(line.done for line in self.lines)


def test_lines(tests: Iterable[ControlTest]) -> dict[int, Line]:
    """The tests' lines by primary key; seven queries, however many tests."""
    lines = {test.pk: Line(test) for test in tests}
    attributes = Counter(Attribute.objects.filter(test__in=lines).order_by().values_list("test_id", flat=True))
    counted = (
        SheetItem.objects.filter(test__in=lines).order_by().annotate(n=Count("results")).values_list("test_id", "n")
    )
    for test_id, filled in counted:
        line = lines[test_id]
        line.items += 1
        line.filled += filled
        line.done += bool(attributes[test_id]) and filled == attributes[test_id]
    deviating = ItemResult.objects.filter(item__test__in=lines, outcome=ItemResult.Outcome.DEVIATION)
    for test_id in deviating.order_by().values_list("item__test_id", flat=True):
        lines[test_id].deviations += 1
    notes = ReviewNote.objects.filter(test__in=lines, test__isnull=False, cleared_at__isnull=True)
    for noted in notes.order_by().values_list("test_id", flat=True):
        if noted is not None:
            lines[noted].open_notes += 1
    for sign_off in SignOff.objects.filter(test__in=lines).select_related("by"):
        if sign_off.voided_at is None:
            lines[sign_off.test_id].signed[sign_off.step] = sign_off
        else:
            lines[sign_off.test_id].returned = True
    return lines


def controls_progress(engagement: Engagement) -> list[ControlProgress]:
    """Every control in scope with its tests, by number."""
    phase = ControlTest.Phase.OPERATING if engagement.is_type_2 else ControlTest.Phase.DESIGN
    found = {control.pk: ControlProgress(control, phase) for control in controls_in_scope(engagement)}
    for line in test_lines(tests_of(engagement)).values():
        if line.test.control_id in found:
            found[line.test.control_id].lines.append(line)
    for control_id, codes in served_by(engagement).items():
        if control_id in found:
            found[control_id].criteria.extend(codes)
    for deviation in exceptions_of(engagement):
        if deviation.control_id in found:
            found[deviation.control_id].exceptions.append(deviation)
    return list(found.values())


@dataclass
class PersonProgress:
    """What a person of the team has in hand: tests assigned by state, signatures given, notes still open."""

    user: User
    role: str
    assigned: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))
    items: int = 0
    done: int = 0
    signed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SignOff.Step.values, 0))
    notes_raised: int = 0
    notes_to_answer: int = 0

    @property
    def tests(self) -> int:
        return sum(self.assigned.values())

    @property
    def left(self) -> int:
        return self.tests - self.assigned["prepared"] - self.assigned["reviewed"]

    @property
    def signatures(self) -> str:
        """What the person has signed: 8 prepared, 16 reviewed."""
        given = [(SignOff.Step(step).label.lower(), count) for step, count in self.signed.items() if count]
        return ", ".join(f"{count} {label}" for label, count in given)


def people_progress(engagement: Engagement, controls: list[ControlProgress]) -> list[PersonProgress]:
    """The firm's people of the engagement, by what is left to them; two queries beside those of the controls."""
    members = EngagementMember.objects.filter(engagement=engagement, role__in=FIRM_ROLES).select_related("user")
    found = {
        member.user_id: PersonProgress(member.user, str(member.get_role_display()))
        for member in members
        if set(MATRIX[Role(member.role)]) & {"record_tests", "sign_reviewed", "complete_quality_review"}
    }
    assigned: dict[int, int | None] = {}
    for line in (line for control in controls for line in control.lines):
        assigned[line.test.pk] = line.test.assigned_to_id
        own = found.get(line.test.assigned_to_id or 0)
        if own is not None:
            own.assigned[line.state] += 1
            own.items += line.items
            own.done += line.done
        for step, sign_off in line.signed.items():
            if sign_off.by_id in found:
                found[sign_off.by_id].signed[step] += 1
    for note in open_notes(engagement):
        if note.raised_by_id in found:
            found[note.raised_by_id].notes_raised += 1
        asked = None if note.answer or note.test_id is None else assigned.get(note.test_id)
        if asked in found:
            found[asked].notes_to_answer += 1
    return sorted(found.values(), key=lambda person: (-person.left, person.user.name))


def tally(controls: Iterable[ControlProgress]) -> dict[str, int]:
    """How many controls stand at each state."""
    counted = Counter(one.state for one in controls)
    return {state: counted[state] for state in STATES}


@dataclass(frozen=True)
class CriterionProgress:
    """A criterion in scope: none (no control), idle, part, ok (met) or bad (exception), with its counts."""

    code: str
    title: str
    series: str
    series_title: str
    state: str
    controls: int
    reviewed: int
    exceptions: int
    not_relevant: bool

    @property
    def share(self) -> float:
        return self.reviewed / self.controls if self.controls else 0.0

    @property
    def note(self) -> str:
        if self.not_relevant:
            return f"{self.code} {self.title}: not relevant to the system"
        if not self.controls:
            return f"{self.code} {self.title}: no control in scope"
        words = [_count(self.controls, "control"), f"{self.reviewed} reviewed"]
        if self.exceptions:
            words.append(_count(self.exceptions, "exception"))
        return f"{self.code} {self.title}: {', '.join(words)}"


def criteria_progress(
    engagement: Engagement, controls: list[ControlProgress] | None = None
) -> list[CriterionProgress]:
    """Every criterion in scope, in the order of the criteria.

    An exception shows as long as it is not concluded as harmless for the control. `controls` saves its queries
    when they are known.
    """
    controls = controls_progress(engagement) if controls is None else controls
    serving: dict[str, list[ControlProgress]] = defaultdict(list)
    for one in controls:
        for code in one.criteria:
            serving[code].append(one)
    excused = not_relevant(engagement)
    found = []
    for criterion in criteria_of(engagement):
        own = serving[criterion.pk]
        exceptions = [deviation for one in own for deviation in one.exceptions]
        reviewed = sum(one.state == "reviewed" for one in own)
        found.append(
            CriterionProgress(
                code=criterion.pk,
                title=criterion.title,
                series=criterion.series,
                series_title=criterion.series_title,
                state=_criterion_state(own, exceptions, reviewed, excused=criterion.pk in excused),
                controls=len(own),
                reviewed=reviewed,
                exceptions=len(exceptions),
                not_relevant=criterion.pk in excused,
            )
        )
    return found


def _criterion_state(
    own: list[ControlProgress], exceptions: list[Deviation], reviewed: int, *, excused: bool
) -> str:
    if not own:
        return "idle" if excused else "none"
    if any(not _harmless(deviation) for deviation in exceptions):
        return "bad"
    if reviewed == len(own):
        return "ok"
    return "idle" if all(one.state in {"no_test", "planned"} for one in own) else "part"


def _harmless(deviation: Deviation) -> bool:
    return deviation.state == Deviation.State.CONCLUDED and deviation.effect in {
        Deviation.Effect.CONTROL_EFFECTIVE,
        Deviation.Effect.COMPENSATED,
    }


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
