"""Inquiries, observations and reperformances on record: who, when, what came of it, and what corroborates it."""

from __future__ import annotations

import datetime as dt

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.trail import action, record
from evidence.models import EvidenceFile
from fieldwork.models import ControlTest, EvidenceCitation, Procedure, ProcedureRecord
from fieldwork.testing.planning import held, reopen
from fieldwork.testing.recording import CITED, name_evidence

RECORDED = action("test.procedure_recorded", "recorded {procedure} for {test}", firm_only=True)
STRUCK = action("test.procedure_struck", "struck {procedure} from {test}", firm_only=True)


@transaction.atomic
def record_procedure(
    test: ControlTest,
    kind: str,
    *,
    people: str,
    on: dt.date,
    what: str,
    outcome: str,
    corroborated_by: EvidenceFile | EvidenceCitation | None = None,
    place: str = "",
    by: User,
) -> ProcedureRecord:
    """Put an inquiry, an observation or a reperformance on record; the test takes its kind on.

    Raises PermissionDenied, WrongStage, Blocked, ValidationError by field.
    """
    test = held(test, by=by)
    _check(kind, people, on, what, outcome)
    citation, cited = _citation(test, corroborated_by, by)
    made = ProcedureRecord(
        engagement=test.engagement,
        test=test,
        kind=kind,
        people=people.strip()[:200],
        on=on,
        what=what.strip(),
        outcome=outcome.strip(),
        corroborated_by=citation,
        place=place.strip()[:60],
        by=by,
    )
    made.save(force_insert=True)
    if kind not in test.kinds:
        test.kinds = [one for one in Procedure.values if one in {*test.kinds, kind}]
        test.save(update_fields=["kinds"])
    reopen(test)
    if cited is not None:
        record(CITED, by=by, engagement=test.engagement, target=test, test=str(test), file=cited.code)
    record(
        RECORDED,
        by=by,
        engagement=test.engagement,
        target=test,
        test=str(test),
        procedure=_in_words(made),
        outcome=made.outcome,
    )
    return made


def _check(kind: str, people: str, on: dt.date, what: str, outcome: str) -> None:
    wrong = {}
    if kind not in Procedure.values or kind == Procedure.INSPECTION:
        wrong["kind"] = "Choose inquiry, observation or reperformance; what was inspected is cited in the sheet."
    if not people.strip():
        wrong["people"] = "Say with whom: the role, and the name."
    if on > timezone.localdate():
        wrong["on"] = "This day has not come yet."
    if not what.strip():
        wrong["what"] = "Say what was asked, watched or done again."
    if not outcome.strip():
        wrong["outcome"] = "Say what came of it."
    if wrong:
        raise ValidationError(wrong)


def _citation(
    test: ControlTest, given: EvidenceFile | EvidenceCitation | None, by: User
) -> tuple[EvidenceCitation | None, EvidenceFile | None]:
    """The citation, and the file when it is cited for the first time."""
    if given is None or isinstance(given, EvidenceCitation):
        if given is not None and given.test_id != test.pk:
            raise ValidationError({"corroborated_by": "The evidence is cited in another test."})
        return given, None
    made, new = name_evidence(test, given, "", by)
    return made, given if new else None


@transaction.atomic
def strike_procedure(made: ProcedureRecord, *, by: User) -> None:
    """Take a record away that was made by mistake; what it said stays in the trail."""
    test = held(made.test, by=by)
    found = ProcedureRecord.objects.select_for_update().filter(pk=made.pk, test=test).first()
    if found is None:
        return
    words, outcome = _in_words(found), found.outcome
    found.delete()
    reopen(test)
    record(STRUCK, by=by, engagement=test.engagement, target=test, test=str(test), procedure=words, outcome=outcome)


def _in_words(made: ProcedureRecord) -> str:
    with_whom = {"inquiry": "of", "observation": "of", "reperformance": "with"}[made.kind]
    return f"the {made.kind} {with_whom} {made.people} on {made.on.isoformat()}: {made.what}"
