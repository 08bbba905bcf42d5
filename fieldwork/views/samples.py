"""Drawing a sample, showing it, and drawing it again to compare."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from engagements.frame import frame
from engagements.models import Control
from engagements.roles import engagement_for
from engagements.views.acting import filed, person, shown
from evidence.models import Population
from fieldwork import drawing
from fieldwork.forms import DrawForm
from fieldwork.models import ControlTest, Sample
from fieldwork.statistics import finite_upper_limit, upper_limit

# Deviations for which the sample page says what they would mean.
SHOWN_DEVIATIONS = 3


@require_http_methods(["GET", "POST"])
def draw(request: HttpRequest, pk: int, population_pk: int, number: str) -> HttpResponse:
    """Say the risk, see the size the profile asks for and why, draw."""
    engagement = engagement_for(request, pk, "draw_samples")
    population = get_object_or_404(Population, engagement=engagement, pk=population_pk)
    control = get_object_or_404(Control, engagement=engagement, number=number)
    population.engagement = engagement
    form = DrawForm(request.POST or None)
    made: list[Sample] = []

    def act(data: dict[str, Any]) -> None:
        made.append(drawing.draw(population, control, by=person(request), **data))

    if filed(request, form, act, "The sample is drawn."):
        return redirect(made[0])
    proposals, problem = _proposals(population, control)
    context = {
        **frame(request, engagement, "testing"),
        "population": population,
        "control": control,
        "proposals": proposals,
        "problem": problem,
        "drawn": Sample.objects.filter(population=population, control=control, voided_at__isnull=True).first(),
    }
    return shown(request, "fieldwork/draw.html", context, form)


def _proposals(population: Population, control: Control) -> tuple[list[dict[str, Any]], str]:
    try:
        return [
            {"risk": risk.label, "proposal": drawing.propose(population, control, risk)} for risk in Sample.Risk
        ], ""
    except ValidationError as refusal:
        return [], " ".join(refusal.messages)


def _sample(request: HttpRequest, pk: int, sample_pk: int) -> Sample:
    engagement = engagement_for(request, pk, "see_fieldwork")
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
        "columns": columns,
        "items": [
            {
                "position": item.position,
                "row": item.row,
                "key": item.key,
                "values": [item.values.get(name, "") for name in columns],
            }
            for item in sample.items.all()
        ],
        "limits": _limits(sample),
        "census": sample.size == population.row_count,
        "tests": ControlTest.objects.filter(sample=sample).select_related("control"),
    }


def _limits(sample: Sample) -> list[dict[str, Any]]:
    """What so many deviations in the sample would mean for the population."""
    count = sample.population.row_count
    return [
        {
            "deviations": found,
            "upper_90": upper_limit(sample.size, found, 0.90),
            "upper_95": upper_limit(sample.size, found, 0.95),
            "at_most": finite_upper_limit(count, sample.size, found, 0.95),
        }
        for found in range(min(SHOWN_DEVIATIONS, sample.size) + 1)
    ]


@require_POST
def again(request: HttpRequest, pk: int, sample_pk: int) -> HttpResponse:
    """Draw the sample again from the stored listing and set it beside the record. Changes nothing."""
    sample = _sample(request, pk, sample_pk)
    comparison = drawing.compare(sample)
    fragment = request.headers.get("HX-Request") == "true"
    context = {"sample": sample, "comparison": comparison} if fragment else _context(request, sample)
    template = "fieldwork/_again.html" if fragment else "fieldwork/sample.html"
    return render(request, template, {**context, "comparison": comparison})
