"""The reviewer's queue, what changed since a signature, and how far everybody has come."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from engagements.frame import frame
from engagements.models import Engagement
from engagements.roles import engagement_for
from engagements.views.acting import done, person
from engagements.workflow import stands_at
from fieldwork import reviewing, signing
from fieldwork.models import ControlTest, SignOff
from fieldwork.progress import STATES, controls_progress, criteria_progress, people_progress, tally
from fieldwork.views.testing import tests_of

SIGNERS = ("sign_reviewed", "sign_partner", "complete_quality_review")


def _step(request: HttpRequest, engagement: Engagement) -> SignOff.Step:
    """The step asked for, when the person may sign it, else the highest that the person may."""
    steps = reviewing.steps_of(engagement)
    asked = request.POST.get("step") or request.GET.get("step", "")
    return next((step for step in steps if step.value == asked), steps[0])


@require_GET
def queue(request: HttpRequest, pk: int) -> HttpResponse:
    """What waits for the person's signature, one workpaper in full beside the list."""
    engagement = engagement_for(request, pk, *SIGNERS)
    step = _step(request, engagement)
    lines = reviewing.queue(engagement, step, person(request))
    wanted = request.GET.get("test", "")
    shown = next((line.test for line in lines if str(line.test.pk) == wanted), lines[0].test if lines else None)
    context = {
        **frame(request, engagement, "testing"),
        "step": step,
        "steps": reviewing.steps_of(engagement),
        "lines": lines,
        "shown": shown,
        **(_one(request, engagement, shown, step) if shown is not None else {}),
    }
    return render(request, "fieldwork/review.html", context)


def _one(request: HttpRequest, engagement: Engagement, test: ControlTest, step: SignOff.Step) -> dict[str, Any]:
    found = reviewing.look(test, step, person(request))
    return {
        "look": found,
        "test": test,
        "step": step,
        "may_sign": stands_at(engagement, *signing.SIGNING) and not found.in_the_way,
        "may_return": stands_at(engagement, *signing.SIGNING) and "sign_reviewed" in engagement.may,
    }


@require_GET
def one(request: HttpRequest, pk: int, test_pk: int) -> HttpResponse:
    """One workpaper of the queue: what a reviewer reads before signing. A fragment."""
    engagement = engagement_for(request, pk, *SIGNERS)
    step = _step(request, engagement)
    test = tests_of(engagement, test_pk)
    if request.headers.get("HX-Request") != "true":
        return redirect(f"{reverse('fieldwork:review', args=[pk])}?step={step.value}&test={test_pk}")
    context = {"engagement": engagement, "may": engagement.may, **_one(request, engagement, test, step)}
    return render(request, "fieldwork/_review_one.html", context)


@require_POST
def sign(request: HttpRequest, pk: int, test_pk: int) -> HttpResponse:
    """Sign from the queue and go on to the next; the address wants a proof of the last minutes (GRAVE_ACTS)."""
    engagement = engagement_for(request, pk, *SIGNERS)
    step, user = _step(request, engagement), person(request)
    test = tests_of(engagement, test_pk)
    order = [one.pk for one in reviewing.waiting_for(engagement, step, user)]
    signed = done(
        request, lambda: signing.sign(test, step, by=user), f"You signed {test} as {str(step.label).lower()}."
    )
    place = order.index(test.pk) if test.pk in order else 0
    following = order[place + 1 :] + order[:place] if signed else [test.pk]
    address = f"{reverse('fieldwork:review', args=[pk])}?step={step.value}"
    return redirect(f"{address}&test={following[0]}" if following else address)


@require_GET
def changes(request: HttpRequest, pk: int, test_pk: int, sign_off_pk: int) -> HttpResponse:
    """How a workpaper differs now from what a signature stands for, field by field."""
    engagement = engagement_for(request, pk, "see_fieldwork")
    test = tests_of(engagement, test_pk)
    sign_off = get_object_or_404(SignOff.objects.select_related("by"), test=test, pk=sign_off_pk)
    sign_off.test = test
    context = {
        **frame(request, engagement, "testing"),
        "test": test,
        "sign_off": sign_off,
        "kept": bool(sign_off.content),
        "changes": signing.changes_since(sign_off) if sign_off.content else [],
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(request, "fieldwork/_changes.html" if fragment else "fieldwork/changes.html", context)


@require_GET
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """How far testing and review have come: by control, by criterion and by person."""
    engagement = engagement_for(request, pk, "see_fieldwork")
    controls = controls_progress(engagement)
    tests = [line for control in controls for line in control.lines]
    context = {
        **frame(request, engagement, "testing"),
        "states": STATES,
        "tally": tally(controls),
        "controls": len(controls),
        "tests": len(tests),
        "criteria": criteria_progress(engagement, controls),
        "people": people_progress(engagement, controls),
    }
    return render(request, "fieldwork/progress.html", context)
