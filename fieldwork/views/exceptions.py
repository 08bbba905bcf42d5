"""Exceptions: the firm evaluates and concludes them, the client answers those released to it."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.listing import narrow
from accounts.models import User
from engagements.frame import frame
from engagements.models import Commitment, Engagement
from engagements.roles import engagement_for
from engagements.views.acting import done, filed, person, shown
from fieldwork import deviations, regrouping
from fieldwork.chain import Rung, Step
from fieldwork.forms import (
    ConcludeExceptionForm,
    EvaluateForm,
    MergeForm,
    ReasonForm,
    ResponseForm,
    SplitForm,
    WordsForm,
)
from fieldwork.models import ControlTest, Deviation, ItemResult, ManagementResponse, Regrouping
from fieldwork.occurring import candidates
from fieldwork.proposing import Proposed, chain_of, commitments_proposed, proposed


@require_GET
def listing(request: HttpRequest, pk: int) -> HttpResponse:
    """The firm sees all exceptions, the client those released to it."""
    engagement = engagement_for(request, pk, "see_fieldwork", "see_exceptions")
    if "see_fieldwork" not in engagement.may:
        return render(request, "fieldwork/exceptions_client.html", _client_context(request, engagement))
    rows = narrow(
        request.GET,
        Deviation.objects.filter(engagement=engagement)
        .select_related("control", "test__control", "cause_shared_with")
        .prefetch_related("failed_links", "responses", "control__mappings", "sharing_its_cause"),
        text=lambda row: f"{row.code} {row.title} {row.control.number}",
        state=lambda row: row.state,
        effect=lambda row: row.effect,
        answer=_answer,
    )
    context = {
        **frame(request, engagement, "exceptions"),
        "rows": [{"it": row, "answer": _answer(row), "cause": _one_cause(row)} for row in rows],
        "states": Deviation.State.choices,
        "effects": Deviation.Effect.choices,
        "candidates": _candidates(engagement),
    }
    return render(request, "fieldwork/exceptions.html", context)


def _candidates(engagement: Engagement) -> list[dict[str, Any]]:
    """Controls that did not happen when they were due (R34), with the test on which that is raised."""
    short = candidates(engagement)
    tests = ControlTest.objects.filter(
        control__in=[one.control.pk for one in short], phase=ControlTest.Phase.OPERATING
    ).order_by("-number")
    by_control = {test.control_id: test.pk for test in tests} if short else {}
    may = "record_tests" in engagement.may and not engagement.frozen
    return [{"it": one, "test": by_control.get(one.control.pk), "may": may} for one in short]


def _one_cause(deviation: Deviation) -> str:
    """With which others it shares its cause, in words."""
    if deviation.cause_shared_with is not None:
        return f"one cause with {deviation.cause_shared_with}"
    others = ", ".join(sorted(one.code for one in deviation.sharing_its_cause.all()))
    return f"one cause with {others}" if others else ""


def _answer(deviation: Deviation) -> str:
    if deviation.released_at is None:
        return "not_released"
    return "responded" if deviation.responses.all() else "open"


def released(engagement: Engagement) -> Any:
    """What the client may see: released and not dismissed (R68)."""
    return (
        Deviation.objects.filter(engagement=engagement, released_at__isnull=False)
        .standing()
        .select_related("control")
    )


def _client_context(request: HttpRequest, engagement: Engagement) -> dict[str, Any]:
    return {
        **frame(request, engagement, "exceptions"),
        "rows": released(engagement).prefetch_related("responses__by"),
        "may_respond": "respond_exceptions" in engagement.may and not engagement.frozen,
    }


def _visible(request: HttpRequest, pk: int, code: str, *needed: str) -> Deviation:
    """The exception, of this engagement, and for the client only when released; else 404."""
    engagement = engagement_for(request, pk, *needed)
    found = (
        Deviation.objects.filter(engagement=engagement)
        if "see_fieldwork" in engagement.may
        else released(engagement)
    )
    deviation: Deviation = get_object_or_404(
        found.select_related(
            "control",
            "test__control",
            "test__sample__population",
            "compensating_control",
            "merged_into",
            "cause_shared_with",
            "evaluated_by",
            "concluded_by",
            "raised_by",
        ),
        code=code,
    )
    deviation.engagement = deviation.control.engagement = deviation.test.engagement = engagement
    return deviation


def _where_merged(pk: int, code: str) -> str | None:
    """The exception into which a released one was merged: there the client finds what it knew by another code."""
    merged = Deviation.objects.filter(
        engagement=pk, code=code, released_at__isnull=False, merged_into__released_at__isnull=False
    )
    return merged.values_list("merged_into__code", flat=True).first()


@require_http_methods(["GET", "POST"])
def show(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """One exception. The client answers here; the firm sees everything."""
    needed = ("see_fieldwork", "see_exceptions") if request.method == "GET" else ("respond_exceptions",)
    if request.method == "GET" and (merged := _where_merged(pk, code)) is not None:
        engagement = engagement_for(request, pk, *needed)
        if "see_fieldwork" not in engagement.may:
            return redirect("fieldwork:exception", pk, merged)
    deviation = _visible(request, pk, code, *needed)
    if "see_fieldwork" not in deviation.engagement.may:
        return _client_page(request, deviation)
    return render(request, "fieldwork/exception.html", _context(request, deviation))


def _client_page(request: HttpRequest, deviation: Deviation) -> HttpResponse:
    form = ResponseForm(request.POST or None)
    user = person(request)
    if filed(request, form, lambda data: deviations.respond(deviation, text=data["text"], by=user), "Sent."):
        return redirect(deviation)
    context = {
        **_client_context(request, deviation.engagement),
        "deviation": deviation,
        "responses": deviation.responses.select_related("by"),
    }
    return shown(request, "fieldwork/exception_client.html", context, form)


def _context(request: HttpRequest, deviation: Deviation) -> dict[str, Any]:
    engagement = deviation.engagement
    may = engagement.may
    at_work = not engagement.frozen and deviation.stands
    cells = list(_cells_of(deviation))
    others = Deviation.objects.standing().filter(engagement=engagement, test__phase=deviation.test.phase)
    return {
        **frame(request, engagement, "exceptions"),
        "deviation": deviation,
        "cells": cells,
        "chain": _rungs(deviation),
        "sharing": _sharing(deviation),
        "marks": [str(Deviation.Marker(marker).label) for marker in deviation.markers],
        "touched": deviation.touched_links.select_related("commitment"),
        "regroupings": Regrouping.objects.filter(Q(source=deviation) | Q(target=deviation)).select_related(
            "source", "target", "by"
        ),
        "expandable": _expandable(deviation) and "draw_samples" in may and at_work,
        "may_merge": at_work and "evaluate_deviations" in may and others.exclude(pk=deviation.pk).exists(),
        "may_split": at_work and "evaluate_deviations" in may and len(cells) > 1,
        "proposed": proposed(deviation),
        "responses": ManagementResponse.objects.filter(deviation=deviation).select_related("by"),
        "may_evaluate": at_work and "evaluate_deviations" in may,
        "may_conclude": at_work and "conclude_deviations" in may and deviation.state == Deviation.State.EVALUATED,
        "may_dismiss": at_work and "conclude_deviations" in may,
        "may_release": at_work and "sign_reviewed" in may and deviation.released_at is None,
        "conclude_form": ConcludeExceptionForm(deviation=deviation, initial={"effect": deviation.effect}),
    }


def _sharing(deviation: Deviation) -> Any:
    """The other exceptions of its cause."""
    return (
        Deviation.objects.of_one_cause(deviation)
        .exclude(pk=deviation.pk)
        .select_related("control", "test__control")
    )


def _cells_of(deviation: Deviation) -> Any:
    return (
        ItemResult.objects.filter(deviations=deviation)
        .select_related("item", "attribute", "citation__file", "by")
        .order_by("item__position", "attribute__letter")
    )


def _expandable(deviation: Deviation) -> bool:
    sample = deviation.test.sample
    return (
        sample is not None
        and not sample.is_targeted
        and sample.voided_at is None
        and sample.total < sample.population.row_count
    )


_NAMES = {
    Rung.CONTROL: "Control",
    Rung.CRITERION: "Criteria",
    Rung.COMMITMENT: "Commitments",
    Rung.LIMB: "Limb of the opinion",
}
_LIMBS = {"design": "design", "operating": "operating effectiveness"}


def _rungs(deviation: Deviation) -> list[dict[str, Any]]:
    """The chain for the page, with what the evaluation says in place of what was proposed."""
    steps = chain_of(deviation)
    commitments = len(deviation.touched_links.all())
    return [
        {
            "name": _NAMES[step.rung],
            "rung": step.rung.value,
            "words": _touched(step, commitments if deviation.effect else None),
            "reasons": step.reasons,
            "bad": bool(step.touched),
        }
        for step in steps
    ]


def _touched(step: Step, commitments: int | None) -> str:
    if step.rung is Rung.COMMITMENT:
        count = len(step.touched) if commitments is None else commitments
        return f"{count} not achieved" if count else "none touched"
    if step.rung is Rung.LIMB:
        return ", ".join(_LIMBS[limb] for limb in step.touched) or "none: disclosed in the report"
    if step.rung is Rung.CRITERION:
        return f"{', '.join(step.touched)} not met" if step.touched else "met all the same"
    return f"{', '.join(step.touched)} failed" if step.touched else "still effective"


@require_http_methods(["GET", "POST"])
def evaluate(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    deviation = _visible(request, pk, code, "evaluate_deviations")
    form = EvaluateForm(
        request.POST or None,
        deviation=deviation,
        initial={
            **{name: getattr(deviation, name) for name in ("cause", "type", "extent", "evaluation", "effect")},
            "compensating_control": deviation.compensating_control_id,
            "markers": deviation.markers,
            "failed_criteria": [link.criterion_id for link in deviation.failed_links.all()],
            "commitments": [link.commitment_id for link in deviation.touched_links.all()],
        },
    )
    user = person(request)
    if filed(
        request, form, lambda data: deviations.evaluate(deviation, by=user, **data), f"{deviation} is evaluated."
    ):
        return redirect(deviation)
    context = {
        **frame(request, deviation.engagement, "exceptions"),
        "deviation": deviation,
        "sharing": _sharing(deviation),
        "kinds": _by_kind(deviation),
        "steps": chain_of(deviation, effect=Deviation.Effect.CRITERION_FAILED),
        "promises": Commitment.objects.filter(
            engagement=deviation.engagement,
            pk__in=commitments_proposed(deviation, effect=Deviation.Effect.CRITERION_FAILED),
        ),
    }
    return shown(request, "fieldwork/evaluate.html", context, form)


def _by_kind(deviation: Deviation) -> list[tuple[str, Proposed | None]]:
    """What the rules would propose for each kind of cause, so that the choice is made knowingly."""
    return [(str(kind.label), proposed(deviation, kind=kind.value)) for kind in Deviation.Type]


@require_http_methods(["GET", "POST"])
def conclude(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    deviation = _visible(request, pk, code, "conclude_deviations")
    form = ConcludeExceptionForm(request.POST or None, deviation=deviation, initial={"effect": deviation.effect})
    user = person(request)
    if filed(
        request, form, lambda data: deviations.conclude(deviation, by=user, **data), f"{deviation} is concluded."
    ):
        return redirect(deviation)
    return shown(
        request, "fieldwork/conclude_exception.html", _context(request, deviation) | {"conclude_form": form}, form
    )


@require_http_methods(["GET", "POST"])
def reword(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    deviation = _visible(request, pk, code, "evaluate_deviations")
    form = WordsForm(request.POST or None, initial={"title": deviation.title, "description": deviation.description})
    user = person(request)
    if filed(
        request, form, lambda data: deviations.reword(deviation, by=user, **data), f"{deviation} is reworded."
    ):
        return redirect(deviation)
    context = {**frame(request, deviation.engagement, "exceptions"), "deviation": deviation}
    return shown(request, "fieldwork/reword.html", context, form)


@require_http_methods(["GET", "POST"])
def dismiss(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    deviation = _visible(request, pk, code, "conclude_deviations")
    form = ReasonForm(request.POST or None)
    user = person(request)
    if filed(
        request,
        form,
        lambda data: deviations.not_a_deviation(deviation, by=user, **data),
        f"{deviation} is marked as no deviation.",
    ):
        return redirect(deviation)
    context = {**frame(request, deviation.engagement, "exceptions"), "deviation": deviation}
    return shown(request, "fieldwork/dismiss.html", context, form)


@require_http_methods(["GET", "POST"])
def merge(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """Say that an exception shares its cause: one of the same sheet takes its items, one of another joins it."""
    deviation = _visible(request, pk, code, "evaluate_deviations")
    form = MergeForm(request.POST or None, deviation=deviation)
    user = person(request)
    if filed(
        request,
        form,
        lambda data: _grouped(deviation, data["into"], data["reason"], user),
        "They are evaluated again, as one.",
    ):
        return redirect(form.cleaned_data["into"])
    context = {**frame(request, deviation.engagement, "exceptions"), "deviation": deviation}
    return shown(request, "fieldwork/merge.html", context, form)


def _grouped(deviation: Deviation, into: Deviation, reason: str, by: User) -> Deviation:
    flow = regrouping.merge if deviation.test_id == into.test_id else regrouping.join
    return flow(deviation, into, reason=reason, by=by)


@require_http_methods(["GET", "POST"])
def part(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """Take an exception out of those with which it shared its cause."""
    deviation = _visible(request, pk, code, "evaluate_deviations")
    form = ReasonForm(request.POST or None)
    user = person(request)
    if filed(
        request,
        form,
        lambda data: regrouping.part(deviation, by=user, **data),
        f"{deviation} stands alone. Evaluate it and the others again.",
    ):
        return redirect(deviation)
    context = {
        **frame(request, deviation.engagement, "exceptions"),
        "deviation": deviation,
        "sharing": _sharing(deviation),
    }
    return shown(request, "fieldwork/part.html", context, form)


@require_http_methods(["GET", "POST"])
def split(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """Take items of an exception out into a new one, because their cause is another."""
    deviation = _visible(request, pk, code, "evaluate_deviations")
    form = SplitForm(request.POST or None, cells=_cells_of(deviation))
    made: list[Deviation] = []
    user = person(request)
    if filed(
        request,
        form,
        lambda data: made.append(regrouping.split(deviation, by=user, **data)),
        "The exception is split. Evaluate both again.",
    ):
        return redirect(made[0])
    context = {**frame(request, deviation.engagement, "exceptions"), "deviation": deviation}
    return shown(request, "fieldwork/split.html", context, form)


@require_POST
def release(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    deviation = _visible(request, pk, code, "sign_reviewed")
    user = person(request)
    done(
        request, lambda: deviations.release_to_client(deviation, by=user), f"{deviation} is released to the client."
    )
    return redirect(deviation)
