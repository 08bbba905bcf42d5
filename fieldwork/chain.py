"""Where an exception leads: control, criteria, commitments, limb of the opinion (domain 3.6 no. 6).

Pure functions that propose, with reasons in words. Sources: a service commitment is achieved through the criteria
of its category, and the common criteria serve every category (domain 2); a finding on design touches the limb of
design, and in a Type 2 that of operation with it, one on operation the latter only (domain 1.4). The proposal names
what is touched; the evaluation says what is, the partner concludes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from fieldwork.evaluation import Effect

COMMON = "security"


class Rung(StrEnum):
    CONTROL = "control"
    CRITERION = "criterion"
    COMMITMENT = "commitment"
    LIMB = "limb"


@dataclass(frozen=True)
class Served:
    """A criterion that the control serves; `others` are further controls that serve it and were found effective."""

    code: str
    category: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Promise:
    """A service commitment or system requirement of the client, and its category."""

    key: int
    category: str


@dataclass(frozen=True)
class Step:
    """One rung of the chain. `touched` are its codes or keys, `possible` those to be thought about."""

    rung: Rung
    touched: tuple[str, ...]
    reasons: tuple[str, ...]
    possible: tuple[str, ...] = ()


def chain(
    effect: Effect | str,
    *,
    control: str,
    design: bool,
    type_2: bool,
    served: Sequence[Served],
    promises: Sequence[Promise] = (),
    failed: Sequence[str] = (),
) -> tuple[Step, ...]:
    """The four rungs for an effect, from the control up.

    `failed` are the criteria that the evaluation names; without any the proposal takes those that no other
    effective control serves, or all when every one is served by another. With an effective control, or one that
    another compensates, nothing above it is touched. Raises ValueError for an unknown effect or failed criteria
    that the control does not serve.
    """
    effect = Effect(effect)
    known = {one.code for one in served}
    if strangers := [code for code in failed if code not in known]:
        raise ValueError(f"{control} does not serve {', '.join(strangers)}")
    if effect is not Effect.CRITERION_FAILED:
        return _stopped(effect, control, design=design)
    criteria = _criteria(served, failed)
    down = [one for one in served if one.code in criteria.touched]
    limbs = (["design"] if design else []) + (["operating"] if type_2 else [])
    verb = "is not suitably designed" if design else "did not operate effectively"
    return (
        Step(Rung.CONTROL, (control,), (f"{control} {verb}, and no control compensates.",)),
        criteria,
        _commitments(down, promises),
        Step(Rung.LIMB, tuple(limbs), (_LIMB[design, type_2],)),
    )


_LIMB = {
    (True, True): "Design, and operation with it: what is not suitably designed cannot operate effectively.",
    (True, False): "Design: a Type 1 has no opinion on operation.",
    (False, True): "Operating effectiveness.",
    (False, False): "None: a Type 1 has no opinion on operation.",
}


def _stopped(effect: Effect, control: str, *, design: bool) -> tuple[Step, ...]:
    touched: tuple[str, ...] = ()
    if effect is Effect.COMPENSATED:
        touched, words = (control,), f"{control} failed; another control carries its criteria."
    else:
        words = f"{control} is {'suitably designed' if design else 'effective'} all the same."
    nothing = "Nothing is touched; the exception is reported with its cause."
    return (
        Step(Rung.CONTROL, touched, (words,)),
        *(Step(rung, (), (nothing,)) for rung in (Rung.CRITERION, Rung.COMMITMENT, Rung.LIMB)),
    )


def _criteria(served: Sequence[Served], failed: Sequence[str]) -> Step:
    if failed:
        left = tuple(one.code for one in served if one.code not in failed)
        touched = tuple(one.code for one in served if one.code in failed)
        return Step(Rung.CRITERION, touched, (f"Not met by the evaluation: {', '.join(touched)}.",), left)
    alone = tuple(one.code for one in served if not one.others)
    shared = [one for one in served if one.others]
    if not alone:
        reasons = [
            f"{one.code} is served by {', '.join(one.others)} too: say why that is not enough." for one in shared
        ]
        return Step(Rung.CRITERION, tuple(one.code for one in shared), tuple(reasons))
    reasons = [f"No other effective control serves {', '.join(alone)}."]
    reasons += [f"{one.code} is served by {', '.join(one.others)} too: it may still be met." for one in shared]
    return Step(Rung.CRITERION, alone, tuple(reasons), tuple(one.code for one in shared))


def _commitments(down: Sequence[Served], promises: Sequence[Promise]) -> Step:
    direct = {one.category for one in down}
    touched = tuple(str(one.key) for one in promises if one.category in direct)
    common = [one.code for one in down if one.category == COMMON]
    possible = tuple(str(one.key) for one in promises if one.category not in direct) if common else ()
    reasons = []
    if touched:
        reasons.append("Of the category of the criteria that are not met.")
    if possible:
        reasons.append(f"{', '.join(common)}: common criteria serve every category; others may be touched too.")
    if not reasons:
        reasons.append("No commitment of these categories is recorded.")
    return Step(Rung.COMMITMENT, touched, tuple(reasons), possible)
