"""The proposed opinion: what results and matters lead to, limb by limb, with reasons. Pure functions, no database.

Support for the partner's judgement, never a conclusion. The chain is that of domain 3.6: an exception touches a
control, a failed control its criteria, a failed criterion a limb; domain 1.4 says how a limb is then modified.
Exceptions alone modify nothing; what is not concluded yet is counted as if it had failed, so that the proposal
can only become milder when work is finished; and no proposal is softer than the recorded matters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from reports.content import Cause, Conclusion, Limb

# Our own rule of thumb, in one place so that a practitioner can correct it: failures are suggested to be pervasive
# when this share of the applicable criteria fails. A recorded judgement that they are comes on top of it.
PERVASIVE_SHARE = (1, 2)

SEVERITY: tuple[Conclusion, ...] = ("unmodified", "qualified", "adverse", "disclaimed")

Standing = Literal["", "control_effective", "compensated", "criterion_failed"]


@dataclass(frozen=True)
class Reason:
    """One reason in words, and the codes of what it speaks of (exceptions, controls, criteria, matters)."""

    text: str
    refs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """What is proposed for a limb. `failed` are the criteria that do not hold, in order."""

    limb: Limb
    conclusion: Conclusion
    reasons: tuple[Reason, ...]
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Compensation:
    """A control that may make up for a failed one; it does only when all of this is so (domain 3.6 no. 5)."""

    control: str
    in_description: bool = True
    tested: bool = True
    operated: bool = True
    same_period: bool = True
    precise: bool = True

    def shortcomings(self, failed_controls: Collection[str]) -> list[str]:
        """Why it does not compensate, in words; empty when it does. A control that failed itself never does."""
        reasons = [
            (not self.in_description, "it is not in the description"),
            (not self.tested, "it was not tested"),
            (not self.operated or self.control in failed_controls, "it did not operate effectively itself"),
            (not self.same_period, "it did not operate throughout the same period"),
            (not self.precise, "it is not precise enough"),
        ]
        return [words for short, words in reasons if short]


@dataclass(frozen=True)
class Deviation:
    """An exception (a deviation) with its conclusion; `standing` is "" while the partner has not concluded.

    `criteria` are those that the control serves; `failed_criteria` those concluded not to be met (all of the
    control's when none is named).
    """

    code: str
    control: str
    criteria: tuple[str, ...]
    standing: Standing = ""
    failed_criteria: tuple[str, ...] = ()
    compensation: Compensation | None = None
    pervasive: bool = False


@dataclass(frozen=True)
class DesignDeficiency:
    """A control that was not suitably designed, or was described and not put in place."""

    ref: str
    control: str
    criteria: tuple[str, ...]
    compensation: Compensation | None = None
    pervasive: bool = False


@dataclass(frozen=True)
class Misstatement:
    """The description says what is not so, or leaves out what matters."""

    ref: str
    material: bool
    pervasive: bool = False


@dataclass(frozen=True)
class ScopeLimitation:
    """Evidence that could not be obtained."""

    ref: str
    limbs: tuple[Limb, ...]
    material: bool
    pervasive: bool = False


@dataclass(frozen=True)
class Matter:
    """A matter that the partner has recorded: the proposal never falls below it."""

    ref: str
    cause: Cause
    limbs: tuple[Limb, ...]
    pervasive: bool = False


@dataclass(frozen=True)
class Findings:
    """Everything a proposal rests on. `criteria` are the applicable (relevant) ones, in order."""

    type_2: bool
    criteria: tuple[str, ...]
    misstatements: Sequence[Misstatement] = ()
    deficiencies: Sequence[DesignDeficiency] = ()
    exceptions: Sequence[Deviation] = ()
    limitations: Sequence[ScopeLimitation] = ()
    matters: Sequence[Matter] = ()
    untested: Sequence[str] = ()  # controls without a result of operation
    did_not_operate: Sequence[str] = ()  # controls whose circumstance never arose


@dataclass
class _Draft:
    """A proposal in the making: the conclusion only ever becomes harder."""

    limb: Limb
    conclusion: Conclusion = "unmodified"
    reasons: list[Reason] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)

    def add(self, text: str, refs: Iterable[str] = (), conclusion: Conclusion = "unmodified") -> None:
        self.conclusion = harder(self.conclusion, conclusion)
        self.reasons.append(Reason(text, tuple(refs)))


def harder(one: Conclusion, other: Conclusion) -> Conclusion:
    """The harder of two conclusions. Where both an adverse opinion and a disclaimer would be due, the disclaimer
    stands: what is known to be wrong is then told in its basis."""
    return max(one, other, key=SEVERITY.index)


def modification(cause: Cause, *, pervasive: bool) -> Conclusion:
    """How a material matter modifies a limb (domain 1.4)."""
    if not pervasive:
        return "qualified"
    return "disclaimed" if cause == "scope" else "adverse"


def propose(findings: Findings) -> dict[Limb, Proposal]:
    """The proposal for each limb of the report: two in a Type 1, three in a Type 2."""
    description = _Draft("description")
    _description(description, findings)
    design = _Draft("design")
    _design(design, findings)
    drafts = [description, design]
    if findings.type_2:
        operating = _Draft("operating")
        _operating(operating, findings, design)
        drafts.append(operating)
    for draft in drafts:
        _limitations(draft, findings)
        _matters(draft, findings)
        if not draft.reasons:
            draft.add("No matter stands, and nothing found touches this limb.")
    return {
        draft.limb: Proposal(
            draft.limb,
            draft.conclusion,
            tuple(draft.reasons),
            tuple(code for code in findings.criteria if code in draft.failed),
        )
        for draft in drafts
    }


def _description(draft: _Draft, findings: Findings) -> None:
    for one in findings.misstatements:
        if one.material:
            extent = "material and pervasive" if one.pervasive else "material"
            conclusion = modification("misstatement", pervasive=one.pervasive)
            draft.add(f"The description is misstated: {extent}.", [one.ref], conclusion)
        else:
            draft.add("A misstatement of the description is not material.", [one.ref])


def _design(draft: _Draft, findings: Findings) -> None:
    failed_controls = {one.control for one in findings.deficiencies}
    pervasive = False
    for one in findings.deficiencies:
        refs = [one.ref, one.control]
        if _compensated(draft, f"{one.control} was not suitably designed", one.compensation, failed_controls, refs):
            continue
        _fail(draft, one.criteria, findings)
        pervasive = pervasive or one.pervasive
        draft.add(f"{one.control} was not suitably designed{_with_respect(one.criteria)}.", refs, "qualified")
    _extent(draft, findings, "design", recorded=pervasive)


def _operating(draft: _Draft, findings: Findings, design: _Draft) -> None:
    failed_controls = {one.control for one in findings.exceptions if one.standing != "control_effective"} | {
        one.control for one in findings.deficiencies
    }
    pervasive = False
    for one in findings.exceptions:
        pervasive = _exception(draft, one, findings, failed_controls) or pervasive
    if design.failed:
        codes = [code for code in findings.criteria if code in design.failed]
        draft.failed.update(design.failed)
        text = "Controls that are not suitably designed cannot operate effectively"
        draft.add(f"{text}{_with_respect(codes)}.", codes, design.conclusion)
    _extent(draft, findings, "operation", recorded=pervasive)
    if findings.untested:
        draft.add(f"{_count(findings.untested, 'control has', 'controls have')} no result yet.", findings.untested)
    if findings.did_not_operate:
        words = _count(findings.did_not_operate, "control", "controls")
        draft.add(
            f"{words} did not operate in the period, which is neither a pass nor a failure: consider a paragraph.",
            findings.did_not_operate,
        )


def _exception(draft: _Draft, one: Deviation, findings: Findings, failed_controls: Collection[str]) -> bool:
    """Take in one exception; whether it fails a criterion and is recorded as pervasive."""
    refs = [one.code, one.control]
    if one.standing == "control_effective":
        draft.add(f"{one.code} leaves {one.control} effective; it is reported all the same.", refs)
        return False
    if one.standing == "compensated" and one.compensation is None:
        draft.add(f"{one.code} is said to be compensated, but no control is named that does it.", refs)
    if _compensated(draft, f"{one.control} failed ({one.code})", one.compensation, failed_controls, refs):
        return False
    criteria = one.failed_criteria or one.criteria
    _fail(draft, criteria, findings)
    if one.standing == "":
        text = f"{one.code} is not concluded; until it is, {one.control} counts as failed{_with_respect(criteria)}."
    else:
        text = f"{one.control} did not operate effectively ({one.code}){_with_respect(criteria)}."
    draft.add(text, [*refs, *criteria], "qualified")
    return one.pervasive


def _compensated(
    draft: _Draft, what: str, by: Compensation | None, failed_controls: Collection[str], refs: list[str]
) -> bool:
    """Whether another control makes up for a failure; gives the reason either way."""
    if by is None:
        return False
    shortcomings = by.shortcomings(failed_controls)
    if shortcomings:
        draft.add(f"{what}, and {by.control} does not compensate: {'; '.join(shortcomings)}.", [*refs, by.control])
        return False
    draft.add(f"{what}, but {by.control} compensates for it.", [*refs, by.control])
    return True


def _fail(draft: _Draft, criteria: Iterable[str], findings: Findings) -> None:
    draft.failed.update(code for code in criteria if code in findings.criteria)


def _extent(draft: _Draft, findings: Findings, cause: Cause, *, recorded: bool) -> None:
    """Turn the limb when failures are pervasive, by recorded judgement or by their share of the criteria."""
    part, whole = PERVASIVE_SHARE
    failed = [code for code in findings.criteria if code in draft.failed]
    if recorded:
        draft.add("The failures are recorded as pervasive.", failed, modification(cause, pervasive=True))
    elif failed and len(failed) * whole >= len(findings.criteria) * part:
        draft.add(
            f"{len(failed)} of {len(findings.criteria)} criteria fail: consider whether that is pervasive.",
            failed,
            modification(cause, pervasive=True),
        )


def _limitations(draft: _Draft, findings: Findings) -> None:
    for one in findings.limitations:
        if draft.limb not in one.limbs:
            continue
        if not one.material:
            draft.add("Evidence could not be obtained, without material effect.", [one.ref])
            continue
        extent = "material and pervasive" if one.pervasive else "material"
        conclusion = modification("scope", pervasive=one.pervasive)
        draft.add(f"Evidence could not be obtained: possible effects {extent}.", [one.ref], conclusion)


def _matters(draft: _Draft, findings: Findings) -> None:
    for one in findings.matters:
        if draft.limb in one.limbs:
            extent = "material and pervasive" if one.pervasive else "material"
            conclusion = modification(one.cause, pervasive=one.pervasive)
            draft.add(f"{one.ref} is recorded as {extent}.", [one.ref], conclusion)


def _with_respect(criteria: Iterable[str]) -> str:
    codes = ", ".join(criteria)
    return f" with respect to {codes}" if codes else ""


def _count(things: Sequence[str], one: str, many: str) -> str:
    return f"{len(things)} {one if len(things) == 1 else many}"
