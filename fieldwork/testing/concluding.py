"""Concluding a test in the closed vocabulary of the report."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.trail import action, record
from evidence.models import Population
from fieldwork.models import Attribute, ControlTest, Deviation, ItemResult, SheetItem
from fieldwork.testing.planning import held

CONCLUDED = action("test.concluded", "concluded {test}: {result}", firm_only=True)

Result = ControlTest.Result
Outcome = ItemResult.Outcome


@transaction.atomic
def conclude_test(
    test: ControlTest, result: str, conclusion: str = "", *, empty_population: Population | None = None, by: User
) -> ControlTest:
    """Conclude a test in the closed vocabulary of the report (domain 1.8).

    The cells must agree with the result. "Did not operate" rests on an accepted population of zero rows, given
    or found among the control's (R35); "not tested" and "did not operate" say why in `conclusion`.
    Raises PermissionDenied, WrongStage, ValidationError.
    """
    test = held(test, by=by)
    if result not in Result.values or result == Result.NONE:
        raise ValidationError({"result": "Choose one of the results that the report knows."})
    words = conclusion.strip()
    test.empty_population = None
    if result in {Result.NO_EXCEPTIONS, Result.EXCEPTIONS}:
        _check_cells(test, result)
    elif not words:
        raise ValidationError({"conclusion": "Say why: the report prints the reason."})
    elif result == Result.DID_NOT_OPERATE:
        test.empty_population = _empty_population(test, empty_population)
    elif ItemResult.objects.filter(item__test=test).exists():
        raise ValidationError({"result": "The sheet has results, so the control was tested."})
    test.result, test.conclusion = result, words
    test.concluded_by, test.concluded_at = by, timezone.now()
    test.save(update_fields=["result", "conclusion", "empty_population", "concluded_by", "concluded_at"])
    record(
        CONCLUDED,
        by=by,
        engagement=test.engagement,
        target=test,
        test=str(test),
        result=str(Result(result).label).lower(),
        conclusion=words,
    )
    return test


def _check_cells(test: ControlTest, result: str) -> None:
    left = empty_cells(test)
    if left is None:
        raise ValidationError(
            {"result": "The sheet has no items or no attributes: there is nothing to conclude on."}
        )
    if left:
        empty = "1 cell is" if left == 1 else f"{left:,} cells are"
        raise ValidationError({"result": f"{empty} empty. Fill the sheet, then conclude."})
    deviating = ItemResult.objects.filter(item__test=test, outcome=Outcome.DEVIATION)
    kept = deviating.exclude(deviation_links__deviation__state=Deviation.State.NOT_A_DEVIATION)
    if result == Result.NO_EXCEPTIONS and kept.exists():
        raise ValidationError({"result": "The sheet has deviations: the result is exceptions noted."})
    # A missing occurrence shows in no cell.
    if result == Result.NO_EXCEPTIONS and (raised := Deviation.objects.standing().filter(test=test).first()):
        raise ValidationError({"result": f"{raised} stands on this test: the result is exceptions noted."})
    if result == Result.EXCEPTIONS and not _has_exception(test, kept.exists()):
        raise ValidationError({"result": "The sheet has no deviation: the result is no exceptions noted."})


def _has_exception(test: ControlTest, cells: bool) -> bool:
    standing = Deviation.objects.filter(test=test).standing()
    return cells or standing.exists()


def _empty_population(test: ControlTest, given: Population | None) -> Population:
    accepted = Population.objects.filter(controls=test.control, state=Population.State.ACCEPTED, row_count=0)
    found = accepted.filter(pk=given.pk).first() if given is not None else accepted.first()
    if found is None:
        raise ValidationError(
            {"result": "R35: first a population of zero rows is provided for the control and accepted."}
        )
    return found


def empty_cells(test: ControlTest) -> int | None:
    """How many cells of the sheet are not filled; None when it has no cells at all."""
    cells = SheetItem.objects.filter(test=test).count() * Attribute.objects.filter(test=test).count()
    if not cells:
        return None
    return cells - ItemResult.objects.filter(item__test=test).count()
