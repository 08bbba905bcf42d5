"""Exceptions: raised from cells, evaluated, concluded by the partner, answered by management; never deleted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.trail import action, record
from controls.models import Criterion
from engagements.models import Commitment, Control, ControlCriterion, Engagement
from engagements.roles import require
from engagements.workflow import WORKING, WrongStage, locked, must_be
from fieldwork.drawing import TESTING
from fieldwork.evaluation import is_softer, propose_cause
from fieldwork.models import (
    ControlTest,
    Deviation,
    DeviationCell,
    FailedCriterion,
    ItemResult,
    ManagementResponse,
    TouchedCommitment,
    effect_words,
)
from fieldwork.occurring import operations
from fieldwork.proposing import proposed, refusal, standings_of
from fieldwork.signing import void_if_changed
from fieldwork.testing import held

RAISED = action("exception.raised", "raised {code} on {control}: {title}", firm_only=True)
REWORDED = action("exception.reworded", "reworded {code}", firm_only=True)
EVALUATED = action("exception.evaluated", "evaluated {code}", firm_only=True)
CONCLUDED = action("exception.concluded", "concluded {code}: {effect}", firm_only=True)
DISMISSED = action("exception.dismissed", "marked {code} as no deviation: {reason}", firm_only=True)
RELEASED = action("exception.released", "released exception {code} to the client")
RESPONDED = action("exception.responded", "responded to exception {code}")

State = Deviation.State
Effect = Deviation.Effect


@transaction.atomic
def raise_from_cells(cells: Iterable[ItemResult], *, title: str, description: str, by: User) -> Deviation:
    """Raise one exception from deviating cells of one sheet; several cells may have the same cause.

    Raises PermissionDenied, WrongStage, ValidationError when a cell is no deviation or is raised already.
    """
    found = list(ItemResult.objects.select_related("item__test").filter(pk__in=[cell.pk for cell in cells]))
    if not found:
        raise ValidationError("Choose the cells that the exception rests on.")
    test = held(found[0].item.test, by=by)
    if any(cell.item.test_id != test.pk for cell in found):
        raise ValidationError("The cells of an exception belong to one sheet.")
    if any(cell.outcome != ItemResult.Outcome.DEVIATION for cell in found):
        raise ValidationError("Only cells marked as deviations can be raised.")
    taken = DeviationCell.objects.filter(cell__in=found).select_related("deviation").first()
    if taken is not None:
        raise ValidationError(f"A cell of these is in {taken.deviation} already.")
    made = new_exception(test, title, description, by)
    DeviationCell.objects.bulk_create(
        DeviationCell(engagement=test.engagement, deviation=made, cell=cell) for cell in found
    )
    _record_raised(made, by, cells=len(found))
    return made


@transaction.atomic
def raise_shortfall(test: ControlTest, *, title: str, description: str, by: User) -> Deviation:
    """Raise an exception that no cell shows: the control did not happen when it was due (R34).

    How many occurrences were expected and are missing comes from the control's accepted population. Raises
    ValidationError when none is missing there.
    """
    test = held(test, by=by)
    short = next((one for one in operations(test.engagement) if one.control.pk == test.control_id), None)
    if short is None or not short.missing:
        raise ValidationError(
            f"The accepted population of {test.control} shows no missing occurrence. Raise exceptions from cells."
        )
    standing = Deviation.objects.standing().filter(
        control=test.control_id, missing_occurrences__gte=len(short.missing)
    )
    if (known := standing.first()) is not None:
        raise ValidationError(f"{known} says already that {test.control} did not happen when it was due.")
    made = new_exception(test, title, description, by)
    made.expected_occurrences, made.missing_occurrences = len(short.due), len(short.missing)
    made.save(update_fields=["expected_occurrences", "missing_occurrences"])
    if test.result == ControlTest.Result.NO_EXCEPTIONS:
        test.result, test.concluded_by, test.concluded_at = ControlTest.Result.NONE, None, None
        test.save(update_fields=["result", "concluded_by", "concluded_at"])
    _record_raised(made, by, cells=0)
    return made


def new_exception(test: ControlTest, title: str, description: str, by: User) -> Deviation:
    check_words(title, description)
    codes = Deviation.objects.filter(engagement=test.engagement).values_list("code", flat=True)
    number = max((int(code.rpartition("-")[2]) for code in codes), default=0) + 1
    return Deviation.objects.create(
        engagement=test.engagement,
        code=f"EX-{number:02d}",
        control=test.control,
        test=test,
        title=title.strip(),
        description=description.strip(),
        raised_by=by,
    )


def check_words(title: str, description: str) -> None:
    problems = {}
    if not title.strip():
        problems["title"] = "Say in a few words what went wrong."
    elif len(title.strip()) > 200:
        problems["title"] = "Keep the title under 200 characters; the rest belongs into the description."
    if not description.strip():
        problems["description"] = "Say what was found: the report prints it."
    if problems:
        raise ValidationError(problems)


def _record_raised(deviation: Deviation, by: User, *, cells: int) -> None:
    record(
        RAISED,
        by=by,
        engagement=deviation.engagement,
        target=deviation,
        code=deviation.code,
        control=deviation.control.number,
        title=deviation.title,
        cells=cells,
    )


def must_stand(deviation: Deviation) -> None:
    """Raise WrongStage for an exception that was dismissed or merged into another."""
    if deviation.state == State.NOT_A_DEVIATION:
        raise WrongStage(f"{deviation} was marked as no deviation.")
    if deviation.merged_into is not None:
        raise WrongStage(f"{deviation} was merged into {deviation.merged_into}: go on there.")


def held_exception(deviation: Deviation) -> tuple[Engagement, Deviation]:
    """The exception, locked after its engagement, at a stage at which it can be worked on."""
    engagement = locked(deviation.engagement)
    must_be(engagement, *TESTING)
    found = (
        Deviation.objects.select_for_update(of=("self",))
        .select_related("control", "test", "merged_into")
        .get(pk=deviation.pk)
    )
    found.engagement = engagement
    return engagement, found


def held_group(deviation: Deviation) -> list[Deviation]:
    """The exception and those that share its cause, locked, by code; alone it is a group of one."""
    found = list(
        Deviation.objects.of_one_cause(deviation)
        .select_for_update(of=("self",))
        .select_related("control", "test", "compensating_control")
    )
    for one in found:
        one.engagement = deviation.engagement
    return found


def reopen_all(deviation: Deviation) -> bool:
    """What was evaluated on other figures is evaluated again, with all that share the cause.

    The words of the evaluation stay to begin with.
    """
    evaluated = Deviation.objects.of_one_cause(deviation).filter(state__in=[State.EVALUATED, State.CONCLUDED])
    changed = evaluated.update(state=State.RAISED, concluded_by=None, concluded_at=None)
    if deviation.state in {State.EVALUATED, State.CONCLUDED}:
        deviation.state, deviation.concluded_by, deviation.concluded_at = State.RAISED, None, None
    return bool(changed)


def step_out(deviation: Deviation) -> None:
    """Leave the group of one cause; when it was the first, the next one takes its place."""
    others = list(Deviation.objects.of_one_cause(deviation).exclude(pk=deviation.pk).order_by("pk"))
    Deviation.objects.filter(pk=deviation.pk).update(cause_shared_with=None)
    if deviation.cause_shared_with_id is None and others:
        Deviation.objects.filter(pk=others[0].pk).update(cause_shared_with=None)
        Deviation.objects.filter(pk__in=[one.pk for one in others[1:]]).update(cause_shared_with=others[0])
    deviation.cause_shared_with = None


@transaction.atomic
def reword(deviation: Deviation, *, title: str, description: str, by: User) -> Deviation:
    """Change the words that the report prints; sign-offs under the sheet are void by that (R29)."""
    engagement, deviation = held_exception(deviation)
    require(engagement, by, "evaluate_deviations")
    check_words(title, description)
    old = [deviation.title, deviation.description]
    deviation.title, deviation.description = title.strip(), description.strip()
    if old == [deviation.title, deviation.description]:
        return deviation
    deviation.save(update_fields=["title", "description"])
    record(
        REWORDED,
        by=by,
        engagement=engagement,
        target=deviation,
        code=deviation.code,
        old=old,
        new=[deviation.title, deviation.description],
    )
    void_if_changed(deviation.test, reason=f"the words of {deviation} were changed", by=by)
    return deviation


@transaction.atomic
def evaluate(
    deviation: Deviation,
    *,
    cause: str,
    type: str,  # noqa: A002, the domain's word
    extent: str,
    evaluation: str,
    effect: str,
    compensating_control: Control | None = None,
    failed_criteria: Iterable[Criterion | str] = (),
    markers: Iterable[str] = (),
    commitments: Iterable[Commitment] = (),
    by: User,
) -> Deviation:
    """Evaluate an exception (domain 3.6): cause, type, extent, effect on the control, its criteria, commitments.

    Those that share its cause are evaluated with it, each for the criteria that its control serves. A compensating
    control is in scope, tested, operating and of the same period, else refused. A new evaluation takes back the
    partner's conclusion. Raises PermissionDenied, WrongStage, ValidationError.
    """
    engagement, deviation = held_exception(deviation)
    require(engagement, by, "evaluate_deviations")
    must_stand(deviation)
    criteria = [one.pk if isinstance(one, Criterion) else one for one in failed_criteria]
    words = {"cause": cause.strip(), "extent": extent.strip(), "evaluation": evaluation.strip()}
    marked = [marker.value for marker in Deviation.Marker if marker.value in set(markers)]
    promises = list(commitments)
    group = held_group(deviation)
    _check_evaluation(group, words, type, effect, compensating_control, criteria, marked, promises)
    new: dict[str, Any] = {
        **words,
        "type": type,
        "markers": marked,
        "effect": effect,
        "compensating_control": compensating_control,
        "softer_reason": "",
        "state": State.EVALUATED,
        "evaluated_by": by,
        "evaluated_at": timezone.now(),
        "concluded_by": None,
        "concluded_at": None,
    }
    serves = criteria_served(group)
    for one in group:
        for name, value in new.items():
            setattr(one, name, value)
        one.save(update_fields=list(new))
        own = [code for code in criteria if code in serves[one.control_id]]
        _set_criteria(one, own)
        _set_commitments(one, promises)
        record(
            EVALUATED,
            by=by,
            engagement=engagement,
            target=one,
            code=one.code,
            type=type,
            effect=effect,
            failed_criteria=sorted(own),
            markers=marked,
            commitments=[str(promise) for promise in promises],
            with_one_cause=[other.code for other in group if other.pk != one.pk],
            **words,
        )
    return next(one for one in group if one.pk == deviation.pk)


def criteria_served(group: Iterable[Deviation]) -> dict[int, set[str]]:
    """The criteria that each control of these exceptions serves, by its key."""
    found: dict[int, set[str]] = {one.control_id: set() for one in group}
    for control, code in ControlCriterion.objects.filter(control__in=found).values_list(
        "control_id", "criterion_id"
    ):
        found[control].add(code)
    return found


def _check_evaluation(
    group: list[Deviation],
    words: dict[str, str],
    kind: str,
    effect: str,
    compensating: Control | None,
    criteria: list[str],
    markers: list[str],
    commitments: list[Commitment],
) -> None:
    problems: dict[str, str] = {}
    asked = {
        "cause": "Say why it happened.",
        "extent": "Say how far it reaches: items, dates, people.",
        "evaluation": "Say what it means for the control.",
    }
    problems.update({name: text for name, text in asked.items() if not words[name]})
    if kind not in Deviation.Type.values:
        problems["type"] = "Isolated, systematic or intentional."
    elif kind == Deviation.Type.ISOLATED and markers:
        reasons = " ".join(propose_cause(markers).reasons)
        problems["type"] = f"What you marked makes it systematic: {reasons}"
    if effect not in Effect.values:
        problems["effect"] = "Say what it means for the control and its criteria."
    problems.update(_effect_problems(group, effect, compensating, criteria))
    if commitments and effect != Effect.CRITERION_FAILED:
        problems["commitments"] = "With this effect no commitment is touched."
    elif any(one.engagement_id != group[0].engagement_id for one in commitments):
        problems["commitments"] = "A commitment of another engagement."
    if problems:
        raise ValidationError(problems)


def _effect_problems(
    group: list[Deviation], effect: str, compensating: Control | None, criteria: list[str]
) -> dict[str, str]:
    problems = {}
    engagement = group[0].engagement
    if effect == Effect.COMPENSATED and compensating is None:
        problems["compensating_control"] = "Name the control that compensates."
    if compensating is not None and (
        compensating.engagement_id != engagement.pk
        or compensating.pk in {one.control_id for one in group}
        or compensating.removed_at is not None
    ):
        problems["compensating_control"] = "Another control in scope of this engagement compensates."
    elif compensating is not None and effect == Effect.COMPENSATED:
        offered = standings_of(engagement, [compensating.pk])[compensating.pk]
        if offered.lacks:
            problems["compensating_control"] = refusal(offered)
    serves = criteria_served(group)
    without = sorted({str(one.control) for one in group if not serves[one.control_id].intersection(criteria)})
    if effect == Effect.CRITERION_FAILED and not criteria:
        problems["failed_criteria"] = "Name the criteria that are not met."
    elif effect != Effect.CRITERION_FAILED and criteria:
        problems["failed_criteria"] = "With this effect no criterion fails."
    elif strangers := sorted(set(criteria).difference(*serves.values())):
        controls = ", ".join(sorted({str(one.control) for one in group}))
        problems["failed_criteria"] = f"{controls} is not mapped to {', '.join(strangers)}."
    elif criteria and without:
        problems["failed_criteria"] = (
            f"Name a criterion that {', '.join(without)} serves too, or part its exception from the others."
        )
    return problems


def _set_criteria(deviation: Deviation, criteria: list[str]) -> None:
    FailedCriterion.objects.filter(deviation=deviation).exclude(criterion__in=criteria).delete()
    FailedCriterion.objects.bulk_create(
        (
            FailedCriterion(engagement=deviation.engagement, deviation=deviation, criterion_id=criterion)
            for criterion in criteria
        ),
        ignore_conflicts=True,
    )


def _set_commitments(deviation: Deviation, commitments: list[Commitment]) -> None:
    TouchedCommitment.objects.filter(deviation=deviation).exclude(commitment__in=commitments).delete()
    TouchedCommitment.objects.bulk_create(
        (
            TouchedCommitment(engagement=deviation.engagement, deviation=deviation, commitment=one)
            for one in commitments
        ),
        ignore_conflicts=True,
    )


@transaction.atomic
def conclude(deviation: Deviation, *, by: User, effect: str = "", softer_reason: str = "") -> Deviation:
    """The partner concludes on an evaluated exception and those of its cause (R32), by default as evaluated.

    Softer than the rules propose needs a reason; harsher is always allowed (domain 3.6). Raises
    PermissionDenied, WrongStage, ValidationError.
    """
    engagement, deviation = held_exception(deviation)
    require(engagement, by, "conclude_deviations")
    if deviation.state != State.EVALUATED:
        raise WrongStage(f"{deviation} is {deviation.get_state_display().lower()}: it is evaluated first.")
    effect = effect or deviation.effect
    group = held_group(deviation)
    named: dict[int, list[str]] = {one.pk: [] for one in group}
    for pk, code in FailedCriterion.objects.filter(deviation__in=group).values_list("deviation_id", "criterion_id"):
        named[pk].append(code)
    commitments = [link.commitment for link in deviation.touched_links.select_related("commitment")]
    if effect != Effect.CRITERION_FAILED:
        named, commitments = {one.pk: [] for one in group}, []
    if effect not in Effect.values:
        raise ValidationError({"effect": "Say what it means for the control and its criteria."})
    criteria = sorted({code for codes in named.values() for code in codes})
    problems = _effect_problems(group, effect, deviation.compensating_control, criteria)
    if problems:
        # What is missing belongs to the evaluation, which the partner can change.
        raise ValidationError({"effect": [f"{text} Evaluate it again." for text in problems.values()]})
    proposal = proposed(deviation)
    if proposal and is_softer(effect, proposal.proposal.effect) and not softer_reason.strip():
        label = proposal.effect_label.lower()
        raise ValidationError({"softer_reason": f"The rules propose “{label}”. Say why the conclusion is softer."})
    new: dict[str, Any] = {
        "effect": effect,
        "softer_reason": softer_reason.strip(),
        "state": State.CONCLUDED,
        "concluded_by": by,
        "concluded_at": timezone.now(),
    }
    for one in group:
        _set_criteria(one, named[one.pk])
        _set_commitments(one, commitments)
        for name, value in new.items():
            setattr(one, name, value)
        one.save(update_fields=list(new))
        record(
            CONCLUDED,
            by=by,
            engagement=engagement,
            target=one,
            code=one.code,
            effect=effect_words(effect, design=one.of_design).lower(),
            proposed=str(proposal.proposal.effect) if proposal else "",
            softer_reason=softer_reason.strip(),
        )
    return next(one for one in group if one.pk == deviation.pk)


@transaction.atomic
def not_a_deviation(deviation: Deviation, *, reason: str, by: User) -> Deviation:
    """The partner decides that what was raised is no deviation (R33). It stays on record with the reason."""
    engagement, deviation = held_exception(deviation)
    require(engagement, by, "conclude_deviations")
    if deviation.state == State.NOT_A_DEVIATION:
        return deviation
    must_stand(deviation)
    if not reason.strip():
        raise ValidationError({"reason": "Say why it is no deviation: the file keeps it."})
    if Deviation.objects.of_one_cause(deviation).exclude(pk=deviation.pk).exists():
        # What the others were evaluated on was more than what is left.
        reopen_all(deviation)
        step_out(deviation)
    deviation.state, deviation.dismissal_reason = State.NOT_A_DEVIATION, reason.strip()
    deviation.concluded_by, deviation.concluded_at = by, timezone.now()
    deviation.save(update_fields=["state", "dismissal_reason", "concluded_by", "concluded_at"])
    _set_criteria(deviation, [])
    _set_commitments(deviation, [])
    record(DISMISSED, by=by, engagement=engagement, target=deviation, code=deviation.code, reason=reason.strip())
    void_if_changed(deviation.test, reason=f"{deviation} was marked as no deviation", by=by)
    return deviation


@transaction.atomic
def release_to_client(deviation: Deviation, *, by: User) -> Deviation:
    """Show the exception to the client for the facts and a response. Releasing it again changes nothing."""
    engagement, deviation = held_exception(deviation)
    require(engagement, by, "sign_reviewed")
    must_stand(deviation)
    if deviation.released_at is not None:
        return deviation
    deviation.released_at = timezone.now()
    deviation.save(update_fields=["released_at"])
    record(RELEASED, by=by, engagement=engagement, target=deviation, code=deviation.code)
    return deviation


@transaction.atomic
def respond(deviation: Deviation, *, text: str, by: User) -> ManagementResponse:
    """Management's answer to a released exception, printed in Section V. A later one counts instead.

    Raises PermissionDenied (also for an exception that was not released), WrongStage, ValidationError.
    """
    engagement = locked(deviation.engagement)
    require(engagement, by, "respond_exceptions")
    must_be(engagement, *WORKING)
    deviation = Deviation.objects.get(pk=deviation.pk)
    if deviation.released_at is None or not deviation.stands:
        raise WrongStage("This exception does not wait for a response.")
    if not text.strip():
        raise ValidationError({"text": "Say what management has done or will do, and by when."})
    made = ManagementResponse.objects.create(engagement=engagement, deviation=deviation, text=text.strip(), by=by)
    record(RESPONDED, by=by, engagement=engagement, target=deviation, code=deviation.code)
    return made
