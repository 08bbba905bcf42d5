"""The opinion: proposed from the results when it is shown, formed by the partner, one limb at a time."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.trail import action, record
from controls.models import Criterion
from engagements.coverage import controls_in_scope, criteria_of, not_relevant, served_by
from engagements.models import Engagement, Stage
from engagements.roles import require
from engagements.workflow import locked, must_be
from fieldwork.models import ControlTest, Deviation
from fieldwork.whole import tests_of
from reports import content, proposal
from reports.models import (
    Conclusion,
    EmphasisParagraph,
    Limb,
    Matter,
    MatterCriterion,
    MatterDeviation,
    Opinion,
)
from reports.snapshot import conclusions, limbs_of, standing_deviations, standing_matters

MATTER_ADDED = action("opinion.matter_added", "added {target}", firm_only=True)
MATTER_WITHDRAWN = action("opinion.matter_withdrawn", "withdrew {target}: {reason}", firm_only=True)
FORMED = action("opinion.formed", "concluded on {limb}: {conclusion}", firm_only=True)
DATED = action("opinion.report_date", "set the report date from {old} to {new}", firm_only=True)
PARAGRAPH_ADDED = action("opinion.paragraph_added", "added the paragraph {target}", firm_only=True)
PARAGRAPH_REMOVED = action("opinion.paragraph_removed", "removed the paragraph {target}", firm_only=True)

# Where each cause may lead: a misstated description says nothing about the controls, and so on.
LIMBS_OF_CAUSE = {
    Matter.Cause.MISSTATEMENT: {Limb.DESCRIPTION},
    Matter.Cause.DESIGN: {Limb.DESCRIPTION, Limb.DESIGN, Limb.OPERATING},
    Matter.Cause.OPERATION: {Limb.DESCRIPTION, Limb.OPERATING},
    Matter.Cause.SCOPE: set(Limb),
}


def page(engagement: Engagement, name: str) -> str:
    """The address of one of the report's pages of this engagement."""
    return reverse(f"reports:{name}", args=[engagement.pk])


def unformed(engagement: Engagement) -> list[Limb]:
    """The limbs on which the partner has not concluded."""
    done = conclusions(engagement)
    return [limb for limb in limbs_of(engagement) if limb not in done]


def matter_from(engagement: Engagement, code: str) -> dict[str, Any]:
    """What the form of a new matter begins with when it is opened from an exception."""
    deviation = (
        Deviation.objects.filter(engagement=engagement, code=code)
        .select_related("test", "control")
        .prefetch_related("failed_links")
        .first()
    )
    if deviation is None:
        return {}
    of_design = deviation.test.phase == ControlTest.Phase.DESIGN
    return {
        "title": deviation.title,
        "cause": Matter.Cause.DESIGN if of_design else Matter.Cause.OPERATION,
        "limbs": [Limb.DESIGN if of_design else Limb.OPERATING],
        "deviations": [deviation.pk],
        "criteria": [link.criterion_id for link in deviation.failed_links.all()],
        "basis": deviation.description,
    }


@dataclass(frozen=True)
class Reason:
    """Why the results propose what they propose, and where to look: (code, address) pairs."""

    text: str
    links: list[tuple[str, str]]


@dataclass(frozen=True)
class Proposed:
    """What the results propose for a limb, as pages show it."""

    limb: Limb
    conclusion: Conclusion
    reasons: list[Reason]

    @property
    def label(self) -> str:
        return str(self.conclusion.label)


def proposals(engagement: Engagement) -> dict[Limb, Proposed]:
    """What the results and the matters propose now for each limb; worked out when it is asked for, never stored."""
    found = proposal.propose(facts(engagement))
    proposed = {}
    for name, one in found.items():
        reasons = [
            Reason(reason.text, [(ref, _address(engagement, ref)) for ref in reason.refs[:12]])
            for reason in one.reasons
        ]
        proposed[Limb(name)] = Proposed(Limb(name), Conclusion(one.conclusion), reasons)
    return proposed


def _address(engagement: Engagement, ref: str) -> str:
    """Where a code of a reason leads: a matter, an exception, a criterion, else a control."""
    if ref.startswith("Matter "):
        return f"{page(engagement, 'opinion')}#matter-{ref.removeprefix('Matter ')}"
    if re.fullmatch(r"EX-\d+", ref):
        return reverse("fieldwork:exception", args=[engagement.pk, ref])
    kind = "criterion" if re.fullmatch(r"[A-Z]{1,2}\d+\.\d+", ref) else "control"
    return reverse(f"engagements:{kind}", args=[engagement.pk, ref])


def facts(engagement: Engagement) -> proposal.Findings:
    """What the proposal rests on, read from the database in a fixed number of queries."""
    controls = controls_in_scope(engagement)
    serves = {pk: tuple(codes) for pk, codes in served_by(engagement).items()}
    results: dict[int, set[str]] = defaultdict(set)
    for test in tests_of(engagement):
        if test.phase == ControlTest.Phase.OPERATING:
            results[test.control_id].add(test.result)
    tested = {
        pk for pk, found in results.items() if found - {ControlTest.Result.NONE, ControlTest.Result.NOT_TESTED}
    }
    exceptions, deficiencies = [], []
    for one in standing_deviations(engagement):
        effect = one.effect if one.state == Deviation.State.CONCLUDED else ""
        failed = tuple(link.criterion_id for link in one.failed_links.all())
        compensation = _compensation(one, serves, tested)
        criteria = serves.get(one.control_id, ())
        if one.test.phase == ControlTest.Phase.OPERATING:
            exceptions.append(
                proposal.Deviation(
                    one.code, one.control.number, criteria, cast(proposal.Standing, effect), failed, compensation
                )
            )
        elif effect != Deviation.Effect.CONTROL_EFFECTIVE:
            deficiencies.append(
                proposal.DesignDeficiency(one.code, one.control.number, failed or criteria, compensation)
            )
    reasons = not_relevant(engagement)
    codes = [criterion.code for criterion in criteria_of(engagement)]
    return proposal.Findings(
        type_2=engagement.is_type_2,
        criteria=tuple(code for code in codes if code not in reasons),
        deficiencies=deficiencies,
        exceptions=exceptions,
        matters=[
            proposal.Matter(
                f"Matter {matter.number}",
                cast(content.Cause, matter.cause),
                tuple(cast(content.Limb, limb) for limb in matter.limbs),
                matter.pervasive,
            )
            for matter in standing_matters(engagement)
        ],
        untested=[control.number for control in controls if control.pk not in tested]
        if engagement.is_type_2
        else [],
        did_not_operate=[
            control.number for control in controls if ControlTest.Result.DID_NOT_OPERATE in results[control.pk]
        ],
    )


def _compensation(
    one: Deviation, serves: Mapping[int, tuple[str, ...]], tested: Collection[int]
) -> proposal.Compensation | None:
    by = one.compensating_control
    if by is None or one.effect != Deviation.Effect.COMPENSATED or one.state != Deviation.State.CONCLUDED:
        return None
    return proposal.Compensation(by.number, in_description=by.pk in serves, tested=by.pk in tested)


@transaction.atomic
def add_matter(
    engagement: Engagement,
    *,
    title: str,
    cause: Matter.Cause | str,
    basis: str,
    limbs: Iterable[Limb | str],
    by: User,
    pervasive: bool = False,
    deviations: Iterable[Deviation] = (),
    criteria: Iterable[Criterion | str] = (),
) -> Matter:
    """Record what gives rise to a modification; `basis` is the paragraph as the report will print it (Markdown).

    Raises PermissionDenied, WrongStage, ValidationError: empty words, no limb or one the cause cannot touch,
    exceptions or criteria of something else.
    """
    engagement = locked(engagement)
    require(engagement, by, "form_opinion")
    must_be(engagement, Stage.FIELDWORK, Stage.REPORTING)
    cause = Matter.Cause(cause)
    touched = [limb for limb in Limb if limb in set(limbs)]
    title, basis = " ".join(title.split()), basis.strip()
    if not title:
        raise ValidationError({"title": "Give the matter a title."})
    if not basis:
        raise ValidationError(
            {"basis": "Write the basis paragraph: what, which criterion, when, with what effect."}
        )
    _check_limbs(engagement, cause, touched)
    exceptions = list(deviations)
    if any(one.engagement_id != engagement.pk for one in exceptions):
        raise ValidationError({"deviations": "An exception of another engagement."})
    codes = {one if isinstance(one, str) else one.code for one in criteria}
    found = list(engagement.criteria().filter(code__in=codes))
    if len(found) != len(codes):
        raise ValidationError({"criteria": "A criterion that is not in scope."})
    last = Matter.objects.filter(engagement=engagement).aggregate(last=Max("number"))["last"] or 0
    matter = Matter.objects.create(
        engagement=engagement,
        number=last + 1,
        title=title,
        cause=cause,
        pervasive=pervasive,
        basis=basis,
        limbs=[limb.value for limb in touched],
        by=by,
    )
    MatterDeviation.objects.bulk_create(
        MatterDeviation(engagement=engagement, matter=matter, deviation=one) for one in exceptions
    )
    MatterCriterion.objects.bulk_create(
        MatterCriterion(engagement=engagement, matter=matter, criterion=one) for one in found
    )
    record(MATTER_ADDED, by=by, engagement=engagement, target=matter, limbs=matter.limbs, cause=cause.value)
    return matter


def _check_limbs(engagement: Engagement, cause: Matter.Cause, limbs: list[Limb]) -> None:
    if not limbs:
        raise ValidationError({"limbs": "Say which limb of the opinion the matter touches."})
    foreign = [limb for limb in limbs if limb not in limbs_of(engagement)]
    if foreign or (cause == Matter.Cause.OPERATION and not engagement.is_type_2):
        raise ValidationError({"limbs": "A Type 1 report has no opinion on operating effectiveness."})
    wrong = [limb for limb in limbs if limb not in LIMBS_OF_CAUSE[cause]]
    if wrong:
        names = ", ".join(str(limb.label).lower() for limb in wrong)
        raise ValidationError({"limbs": f"{cause.label} does not touch {names}."})


@transaction.atomic
def withdraw_matter(matter: Matter, *, reason: str, by: User) -> Matter:
    """Withdraw a matter; its number is not given again. Raises PermissionDenied, WrongStage, ValidationError."""
    engagement = locked(matter.engagement)
    require(engagement, by, "form_opinion")
    must_be(engagement, Stage.FIELDWORK, Stage.REPORTING)
    matter = Matter.objects.select_for_update().get(pk=matter.pk)
    if matter.withdrawn_at is not None:
        raise ValidationError(f"{matter} is withdrawn already.")
    if not reason.strip():
        raise ValidationError({"reason": "Say why the matter no longer stands."})
    matter.withdrawn_at = timezone.now()
    matter.save(update_fields=["withdrawn_at"])
    record(MATTER_WITHDRAWN, by=by, engagement=engagement, target=matter, reason=reason.strip())
    return matter


@transaction.atomic
def form(
    engagement: Engagement, limb: Limb | str, *, conclusion: Conclusion | str, by: User, reason: str = ""
) -> Opinion:
    """The partner concludes on a limb. Another conclusion than the proposed one needs a reason.

    Raises PermissionDenied, WrongStage, ValidationError: no such limb in a Type 1, a modification without a matter
    (R38), an unmodified limb that a matter touches, an adverse or disclaimed one without a pervasive matter.
    """
    engagement = locked(engagement)
    require(engagement, by, "form_opinion")
    must_be(engagement, Stage.REPORTING)
    limb, conclusion = Limb(limb), Conclusion(conclusion)
    if limb not in limbs_of(engagement):
        raise ValidationError("A Type 1 report has no opinion on operating effectiveness.")
    matters = [matter for matter in standing_matters(engagement) if limb in matter.limbs]
    _check_matters(conclusion, matters)
    proposed = proposals(engagement)[limb].conclusion
    if conclusion != proposed and not reason.strip():
        raise ValidationError(
            {"reason": f"The results propose {proposed.label.lower()}. Say why you conclude otherwise."}
        )
    opinion = Opinion.objects.create(
        engagement=engagement,
        limb=limb,
        conclusion=conclusion,
        proposed=proposed,
        reason=reason.strip() if conclusion != proposed else "",
        formed_by=by,
    )
    record(
        FORMED,
        by=by,
        engagement=engagement,
        target=opinion,
        limb=str(limb.label).lower(),
        conclusion=str(conclusion.label).lower(),
        proposed=proposed.value,
    )
    return opinion


def _check_matters(conclusion: Conclusion, matters: list[Matter]) -> None:
    """The table of domain 1.4: cause and pervasiveness decide what can follow."""
    if conclusion == Conclusion.UNMODIFIED:
        if matters:
            raise ValidationError(
                {"conclusion": f"{matters[0]} touches this limb. Withdraw it, or modify the conclusion."}
            )
        return
    if not matters:
        raise ValidationError({"conclusion": "A modified conclusion rests on a matter: add it first (R38)."})
    if conclusion == Conclusion.ADVERSE and not any(
        matter.pervasive and matter.cause != Matter.Cause.SCOPE for matter in matters
    ):
        raise ValidationError({"conclusion": "Adverse needs a matter that is material and pervasive."})
    if conclusion == Conclusion.DISCLAIMED and not any(
        matter.pervasive and matter.cause == Matter.Cause.SCOPE for matter in matters
    ):
        raise ValidationError(
            {"conclusion": "A disclaimer needs evidence that could not be obtained, material and pervasive."}
        )


@transaction.atomic
def set_report_date(engagement: Engagement, *, date: dt.date | None, by: User) -> Engagement:
    """Set the date of the auditor's report, or take it back (None).

    Raises PermissionDenied, WrongStage, ValidationError for a date before the end of what is examined (R48) or in
    the future.
    """
    engagement = locked(engagement)
    require(engagement, by, "form_opinion")
    must_be(engagement, Stage.REPORTING)
    if date is not None:
        if date > timezone.localdate():
            raise ValidationError({"date": "The report is not dated ahead."})
        if date < engagement.ends_on or (engagement.is_type_2 and date == engagement.ends_on):
            raise ValidationError(
                {"date": "R48: the report date lies after the period, or not before the as-of date."}
            )
    if date == engagement.report_date:
        return engagement
    old, engagement.report_date = engagement.report_date, date
    engagement.save(update_fields=["report_date"])
    record(DATED, by=by, engagement=engagement, target=engagement, old=str(old or "none"), new=str(date or "none"))
    return engagement


@transaction.atomic
def add_paragraph(
    engagement: Engagement, *, kind: EmphasisParagraph.Kind | str, title: str, text: str, reason: str, by: User
) -> EmphasisParagraph:
    """Add an emphasis-of-matter or other-matter paragraph with the reason on record.

    Raises PermissionDenied, WrongStage, ValidationError for empty words.
    """
    engagement = locked(engagement)
    require(engagement, by, "form_opinion")
    must_be(engagement, Stage.FIELDWORK, Stage.REPORTING)
    for name, value in (("title", title), ("text", text), ("reason", reason)):
        if not value.strip():
            raise ValidationError({name: "This is needed."})
    paragraph = EmphasisParagraph.objects.create(
        engagement=engagement,
        kind=EmphasisParagraph.Kind(kind),
        title=" ".join(title.split()),
        text=text.strip(),
        reason=reason.strip(),
        by=by,
    )
    record(PARAGRAPH_ADDED, by=by, engagement=engagement, target=paragraph)
    return paragraph


@transaction.atomic
def remove_paragraph(paragraph: EmphasisParagraph, *, by: User) -> None:
    """Take a paragraph out of the report; the trail keeps its words. Raises PermissionDenied, WrongStage."""
    engagement = locked(paragraph.engagement)
    require(engagement, by, "form_opinion")
    must_be(engagement, Stage.FIELDWORK, Stage.REPORTING)
    # Before the deletion, which takes the id that the event names.
    record(
        PARAGRAPH_REMOVED,
        by=by,
        engagement=engagement,
        target=paragraph,
        text=paragraph.text,
        reason=paragraph.reason,
    )
    paragraph.delete()
