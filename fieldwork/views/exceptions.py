"""Exceptions: the firm evaluates and concludes them, the client answers those released to it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.listing import narrow
from engagements.frame import frame
from engagements.models import Engagement
from engagements.roles import engagement_for
from engagements.views.acting import done, filed, person, shown
from fieldwork import deviations
from fieldwork.forms import ConcludeExceptionForm, EvaluateForm, ReasonForm, ResponseForm, WordsForm
from fieldwork.models import Deviation, ItemResult, ManagementResponse
from fieldwork.proposing import Proposed, proposed

_LIMBS = {
    Deviation.Effect.CONTROL_EFFECTIVE: "none: disclosed in Section IV",
    Deviation.Effect.COMPENSATED: "none: disclosed with the compensating control",
    Deviation.Effect.CRITERION_FAILED: "operating effectiveness",
}


@require_GET
def listing(request: HttpRequest, pk: int) -> HttpResponse:
    """The firm sees all exceptions, the client those released to it."""
    engagement = engagement_for(request, pk, "see_fieldwork", "see_exceptions")
    if "see_fieldwork" not in engagement.may:
        return render(request, "fieldwork/exceptions_client.html", _client_context(request, engagement))
    rows = narrow(
        request.GET,
        Deviation.objects.filter(engagement=engagement)
        .select_related("control", "test__control")
        .prefetch_related("failed_links", "responses", "control__mappings"),
        text=lambda row: f"{row.code} {row.title} {row.control.number}",
        state=lambda row: row.state,
        effect=lambda row: row.effect,
        answer=_answer,
    )
    context = {
        **frame(request, engagement, "exceptions"),
        "rows": [{"it": row, "answer": _answer(row)} for row in rows],
        "states": Deviation.State.choices,
        "effects": Deviation.Effect.choices,
    }
    return render(request, "fieldwork/exceptions.html", context)


def _answer(deviation: Deviation) -> str:
    if deviation.released_at is None:
        return "not_released"
    return "responded" if deviation.responses.all() else "open"


def released(engagement: Engagement) -> Any:
    """What the client may see: released and not dismissed (R68)."""
    return (
        Deviation.objects.filter(engagement=engagement, released_at__isnull=False)
        .exclude(state=Deviation.State.NOT_A_DEVIATION)
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
            "control", "test__control", "compensating_control", "evaluated_by", "concluded_by", "raised_by"
        ),
        code=code,
    )
    deviation.engagement = deviation.control.engagement = deviation.test.engagement = engagement
    return deviation


@require_http_methods(["GET", "POST"])
def show(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """One exception. The client answers here; the firm sees everything."""
    needed = ("see_fieldwork", "see_exceptions") if request.method == "GET" else ("respond_exceptions",)
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
    at_work = not engagement.frozen and deviation.state != Deviation.State.NOT_A_DEVIATION
    return {
        **frame(request, engagement, "exceptions"),
        "deviation": deviation,
        "cells": ItemResult.objects.filter(deviations=deviation)
        .select_related("item", "attribute", "citation__file", "by")
        .order_by("item__position", "attribute__letter"),
        "failed": deviation.failed_links.select_related("criterion"),
        "mapped": deviation.control.criteria.order_by("position"),
        "limb": _LIMBS.get(Deviation.Effect(deviation.effect), "") if deviation.effect else "",
        "proposed": proposed(deviation),
        "responses": ManagementResponse.objects.filter(deviation=deviation).select_related("by"),
        "may_evaluate": at_work and "evaluate_deviations" in may,
        "may_conclude": at_work and "conclude_deviations" in may and deviation.state == Deviation.State.EVALUATED,
        "may_dismiss": at_work and "conclude_deviations" in may,
        "may_release": at_work and "sign_reviewed" in may and deviation.released_at is None,
        "conclude_form": ConcludeExceptionForm(initial={"effect": deviation.effect}),
    }


@require_http_methods(["GET", "POST"])
def evaluate(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    deviation = _visible(request, pk, code, "evaluate_deviations")
    form = EvaluateForm(
        request.POST or None,
        deviation=deviation,
        initial={
            **{name: getattr(deviation, name) for name in ("cause", "type", "extent", "evaluation", "effect")},
            "compensating_control": deviation.compensating_control_id,
            "failed_criteria": [link.criterion_id for link in deviation.failed_links.all()],
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
        "kinds": _by_kind(deviation),
    }
    return shown(request, "fieldwork/evaluate.html", context, form)


def _by_kind(deviation: Deviation) -> list[tuple[str, Proposed | None]]:
    """What the rules would propose for each kind of cause, so that the choice is made knowingly."""
    return [(str(kind.label), proposed(deviation, kind=kind.value)) for kind in Deviation.Type]


@require_http_methods(["GET", "POST"])
def conclude(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    deviation = _visible(request, pk, code, "conclude_deviations")
    form = ConcludeExceptionForm(request.POST or None, initial={"effect": deviation.effect})
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


@require_POST
def release(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    deviation = _visible(request, pk, code, "sign_reviewed")
    user = person(request)
    done(
        request, lambda: deviations.release_to_client(deviation, by=user), f"{deviation} is released to the client."
    )
    return redirect(deviation)
