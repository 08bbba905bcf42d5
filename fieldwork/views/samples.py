"""Drawing a sample, showing it, and drawing it again to compare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from engagements.frame import frame
from engagements.models import Control, Engagement
from engagements.roles import engagement_for
from engagements.views.acting import filed, person, shown
from evidence.models import Population
from evidence.populations import newer_than
from evidence.views.files import as_attachment
from fieldwork import drawing, expanding, redraw
from fieldwork.forms import ChooseForm, DrawForm, ExpandForm
from fieldwork.models import ControlTest, ItemResult, Sample, SignOff
from fieldwork.statistics import figures, finite_upper_limit, finite_zero_deviation_size, upper_limit

# What a reader usually wants to know: is the deviation rate below a tenth, with 90% confidence?
_CONFIDENCE, _TOLERABLE = 0.90, 0.10
# Rows and columns of the listing that are shown to choose from.
SHOWN_ROWS, SHOWN_COLUMNS = 60, 6


@require_http_methods(["GET", "POST"])
def draw(request: HttpRequest, pk: int, population_pk: int, number: str) -> HttpResponse:
    """Say the risk, see the size the profile asks for, why, and what it would show, draw."""
    engagement, population, control = _place(request, pk, population_pk, number)
    form = DrawForm(request.POST or None)
    made: list[Sample] = []

    def act(data: dict[str, Any]) -> None:
        made.append(drawing.draw(population, control, by=person(request), **data))

    if filed(request, form, act, "The sample is drawn."):
        return redirect(made[0])
    proposals, problem = _proposals(population, control)
    of_both = Sample.objects.filter(population=population, control=control)
    context = {
        **frame(request, engagement, "testing"),
        "population": population,
        "control": control,
        "proposals": proposals,
        "problem": problem,
        "to_accept": population.state != Population.State.ACCEPTED,
        "drawn": of_both.drawn().first(),
        "chosen": of_both.living().filter(method=Sample.Method.TARGETED),
        "enough": finite_zero_deviation_size(population.row_count, _CONFIDENCE, _TOLERABLE),
        "may_go_below": "approve_samples" in engagement.may,
    }
    return shown(request, "fieldwork/draw.html", context, form)


def _place(
    request: HttpRequest, pk: int, population_pk: int, number: str
) -> tuple[Engagement, Population, Control]:
    engagement = engagement_for(request, pk, "draw_samples")
    population = get_object_or_404(
        Population.objects.select_related("file"), engagement=engagement, pk=population_pk
    )
    control = get_object_or_404(Control, engagement=engagement, number=number)
    population.engagement = engagement
    return engagement, population, control


def _proposals(population: Population, control: Control) -> tuple[list[dict[str, Any]], str]:
    """The sizes by risk, each with what no deviation in it would mean."""
    found = []
    try:
        for risk in Sample.Risk:
            proposal = drawing.propose(population, control, risk)
            whole = proposal.size >= population.row_count
            none = None if whole else figures(population.row_count, proposal.size, most=0)[0]
            found.append({"risk": risk.label, "proposal": proposal, "none": none, "census": whole})
    except ValidationError as refusal:
        return [], " ".join(refusal.messages)
    return found, ""


@require_http_methods(["GET", "POST"])
def choose(request: HttpRequest, pk: int, population_pk: int, number: str) -> HttpResponse:
    """Look for rows of the listing and take them with a reason. Looking keeps what is picked."""
    engagement, population, control = _place(request, pk, population_pk, number)
    form = ChooseForm(request.POST or None, most=population.row_count)
    taking = request.method == "POST" and request.POST.get("act") == "take"
    made: list[Sample] = []

    def act(data: dict[str, Any]) -> None:
        made.append(drawing.choose(population, control, form.chosen(), reason=data["reason"], by=person(request)))

    if taking and filed(request, form, act, "The items are chosen."):
        return redirect(made[0])
    if not taking and form.is_bound:
        form.is_valid()
        form.errors.pop("reason", None)
    picked = form.chosen() if form.is_bound else {}
    context = {
        **frame(request, engagement, "testing"),
        "population": population,
        "control": control,
        "most": drawing.MOST_CHOSEN,
        **_looked_up(population, request.POST.get("q", ""), picked),
    }
    return shown(request, "fieldwork/choose.html", context, form)


def _looked_up(population: Population, words: str, picked: Mapping[int, str]) -> dict[str, Any]:
    """The rows picked so far, and the first that hold the words looked for."""
    try:
        listing = drawing.listing_of(population)
    except ValidationError as refusal:
        return {"problem": " ".join(refusal.messages)}
    sought = words.casefold().split()
    key = listing.columns.index(population.key_column)
    columns = [at for at in range(len(listing.columns)) if at != key][:SHOWN_COLUMNS]
    found: list[int] = []
    count = 0
    for number, row in enumerate(listing.rows, start=1):
        text = "\n".join(row).casefold() if sought else ""
        if number not in picked and all(word in text for word in sought):
            count += 1
            if len(found) < SHOWN_ROWS:
                found.append(number)

    def shown_row(number: int) -> dict[str, Any]:
        row = listing.rows[number - 1]
        return {"number": number, "key": row[key], "cells": [row[at] for at in columns]}

    return {
        "q": words,
        "columns": [listing.columns[at] for at in columns],
        "picked": [
            {**shown_row(number), "reason": reason}
            for number, reason in sorted(picked.items())
            if number <= len(listing.rows)
        ],
        "found": [shown_row(number) for number in found],
        "count": count,
    }


def _sample(request: HttpRequest, pk: int, sample_pk: int, needed: str = "see_fieldwork") -> Sample:
    engagement = engagement_for(request, pk, needed)
    found = get_object_or_404(
        Sample.objects.select_related("population__file", "control", "profile", "drawn_by"),
        engagement=engagement,
        pk=sample_pk,
    )
    found.engagement = engagement
    return found


@require_GET
def show(request: HttpRequest, pk: int, sample_pk: int) -> HttpResponse:
    sample = _sample(request, pk, sample_pk)
    return render(request, "fieldwork/sample.html", _context(request, sample))


def _context(request: HttpRequest, sample: Sample) -> dict[str, Any]:
    population = sample.population
    columns = [name for name in population.columns if name != population.key_column]
    return {
        **frame(request, sample.engagement, "testing"),
        "sample": sample,
        "newer": newer_than(population),
        "columns": columns,
        "items": [
            {
                "position": item.position,
                "row": item.row,
                "key": item.key,
                "reason": item.reason,
                "values": [item.values.get(name, "") for name in columns],
            }
            for item in sample.items.all()
        ],
        "figures": (
            figures(population.row_count, sample.total, expected=sample.expected_deviations)
            if sample.projects
            else ()
        ),
        "expansions": sample.expansions.select_related("drawn_by"),
        "may_expand": "draw_samples" in sample.engagement.may
        and not sample.is_targeted
        and sample.voided_at is None
        and not sample.engagement.frozen
        and _left(sample) > 0
        and ItemResult.objects.filter(
            item__sample_item__sample=sample, outcome=ItemResult.Outcome.DEVIATION
        ).exists(),
        "enough": finite_zero_deviation_size(population.row_count, _CONFIDENCE, _TOLERABLE),
        "tests": ControlTest.objects.filter(sample=sample).select_related("control"),
        "command": _command(sample),
    }


def _command(sample: Sample) -> str:
    """How an outsider draws it again with the script, the listing and the record."""
    listing = f"{sample.population.code}-v{sample.population.version}.csv"
    return f"python redraw.py {listing} --record {_record_name(sample)}"


def _record_name(sample: Sample) -> str:
    return f"{sample.control.number}-sample-{sample.pk}.json"


@require_http_methods(["GET", "POST"])
def expand(request: HttpRequest, pk: int, sample_pk: int) -> HttpResponse:
    """Draw further items of a sample by its seed, after a deviation."""
    sample = _sample(request, pk, sample_pk, "draw_samples")
    form = ExpandForm(request.POST or None, initial={"size": min(sample.size, _left(sample)) or None})
    user = person(request)
    if filed(
        request,
        form,
        lambda data: expanding.expand(sample, by=user, **data),
        "The further items are drawn and on the sheet.",
    ):
        return redirect(sample.tests.first() or sample)
    context = {
        **frame(request, sample.engagement, "testing"),
        "sample": sample,
        "left": _left(sample),
        "now": _now(sample),
        "signed": ControlTest.objects.filter(
            sample=sample, sign_offs__step=SignOff.Step.PREPARED, sign_offs__voided_at__isnull=True
        ).select_related("control"),
    }
    return shown(request, "fieldwork/expand.html", context, form)


def _left(sample: Sample) -> int:
    return sample.population.row_count - sample.total


def _now(sample: Sample) -> list[dict[str, Any]]:
    """The deviations so far, and the limit if as many and no more are found in as many items again."""
    items = (
        ItemResult.objects.filter(item__sample_item__sample=sample, outcome=ItemResult.Outcome.DEVIATION)
        .values("item")
        .distinct()
        .count()
    )
    population, tested = sample.population.row_count, sample.total
    sizes = [tested, *sorted({min(tested * 2, population), min(tested * 3, population)} - {tested})]
    return [
        {
            "tested": size,
            "deviations": min(items, size),
            "upper_90": upper_limit(size, min(items, size), 0.90),
            "upper_95": upper_limit(size, min(items, size), 0.95),
            "at_most": finite_upper_limit(population, size, min(items, size), 0.95),
        }
        for size in sizes
    ]


@require_GET
def record(request: HttpRequest, pk: int, sample_pk: int) -> HttpResponseBase:
    """The sample's record as the script for outsiders reads it."""
    sample = _sample(request, pk, sample_pk)
    content = json.dumps(drawing.take_record(sample, by=person(request)), indent=1, ensure_ascii=False) + "\n"
    response = HttpResponse(content, content_type="application/json; charset=utf-8")
    return as_attachment(response, _record_name(sample), size=len(content.encode()))


@login_required
@require_GET
def script(request: HttpRequest) -> HttpResponse:
    """The script that draws a sample again without the product: one file, for whoever wants to check."""
    return HttpResponse(Path(redraw.__file__).read_bytes(), content_type="text/plain; charset=utf-8")


@require_POST
def again(request: HttpRequest, pk: int, sample_pk: int) -> HttpResponse:
    """Draw the sample again from the stored listing and set it beside the record. Changes nothing."""
    sample = _sample(request, pk, sample_pk)
    comparison = drawing.compare(sample)
    fragment = request.headers.get("HX-Request") == "true"
    context = {"sample": sample, "comparison": comparison} if fragment else _context(request, sample)
    template = "fieldwork/_again.html" if fragment else "fieldwork/sample.html"
    return render(request, template, {**context, "comparison": comparison})
