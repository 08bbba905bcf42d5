from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods

from controls.models import Category
from engagements import panels, workflow
from engagements.forms import AcceptanceForm, ReasonForm, SettingsForm
from engagements.frame import frame
from engagements.models import Engagement, EngagementMember, RuleOverride, Stage
from engagements.obstacles import in_the_way
from engagements.register import Severity, findings, one_look
from engagements.roles import SEE_SCOPE, engagement_for, require
from engagements.views.acting import done, filed, person, shown
from engagements.views.independence import changeable, registers_of

# What a step means to the people who take it.
STEP_WORDS = {
    Stage.READINESS: "The gaps are looked at with the client before anything is tested. Nothing of it is evidence.",
    Stage.OBSERVATION: "The controls operate. Planning, walkthroughs and interim tests may begin.",
    Stage.FIELDWORK: "Populations, samples and tests. Observation is over or close to its end.",
    Stage.REPORTING: "Results are evaluated, the opinion formed, the report drafted and reviewed.",
}


@require_GET
@login_required
def overview(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "see_engagement")
    unconfirmed = engagement.member.unconfirmed
    with one_look(engagement):
        columns = {"wide": [], "main": [], "aside": []} if unconfirmed else panels.overview(engagement, request)
        framed = frame(request, engagement, "overview")
    context = {
        **framed,
        "columns": columns,
        "unconfirmed": unconfirmed,
        "changeable": workflow.stands_at(engagement, Stage.ACCEPTANCE, *workflow.WORKING),
    }
    return render(request, "engagements/overview.html", context)


@require_GET
@login_required
def standing_in_the_way(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of the overview that says why no report can be issued yet."""
    return HttpResponse(panels.in_the_way_of_report(engagement_for(request, pk, "see_fieldwork"), request))


@require_http_methods(["GET", "POST"])
@login_required
def acceptance(request: HttpRequest, pk: int) -> HttpResponse:
    """Independence of the team, and the partner's decision."""
    engagement = engagement_for(request, pk, "see_engagement")
    if not engagement.member.of_firm:
        raise PermissionDenied("Acceptance is the firm's own affair.")
    if request.method == "POST" and "accept_engagement" not in engagement.may:
        raise PermissionDenied("The partner decides about acceptance.")
    form = AcceptanceForm(request.POST or None, initial={"on": timezone.localdate()})
    deciding = engagement.stage == Stage.ACCEPTANCE and "accept_engagement" in engagement.may
    if deciding and filed(
        request,
        form,
        lambda data: workflow.accept(engagement, on=data["on"], note=data["note"], by=person(request)),
        "The engagement is accepted. The engagement letter comes next.",
    ):
        return redirect("engagements:letter", pk)
    team = EngagementMember.objects.filter(engagement=engagement).select_related("user")
    context = {
        **frame(request, engagement, "overview"),
        "deciding": deciding,
        "team": [(member, member.confirms_again(engagement)) for member in team if member.of_firm],
        "registers": registers_of(engagement),
        "may_record": "manage_engagement" in engagement.may and changeable(engagement),
        "standing": in_the_way("accept", engagement) if engagement.stage == Stage.ACCEPTANCE else [],
    }
    return shown(request, "engagements/acceptance.html", context, form)


@require_GET
@login_required
def letter(request: HttpRequest, pk: int) -> HttpResponse:
    """The engagement letter and its amendments: what is in force, and the documents that `reports` keeps."""
    engagement = engagement_for(request, pk, *SEE_SCOPE)
    context = {**frame(request, engagement, "overview"), "parts": panels.around_letter(engagement, request)}
    return render(request, "engagements/letter.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def settings(request: HttpRequest, pk: int) -> HttpResponse:
    """Dates, categories, names; after the letter what it agrees is changed by an amendment."""
    engagement = engagement_for(request, pk, "manage_engagement")
    names = [
        "system_name",
        "number",
        "type",
        "as_of",
        "period_start",
        "period_end",
        "prior_period_end",
        "categories",
        "report_due",
        "section_four",
        "office",
    ]
    further = [one for one in engagement.categories if one != Category.SECURITY]
    form = SettingsForm(
        request.POST or None,
        initial={**{name: getattr(engagement, name) for name in names}, "categories": further},
        firm=engagement.firm,
        agreed=workflow.AGREED if engagement.letter_on else frozenset(),
    )

    def act(data: dict[str, Any]) -> None:
        fields = {name: data[name] for name in names}
        fields["section_four"] = fields["section_four"] or engagement.section_four
        workflow.change(engagement, by=person(request), **fields)

    if filed(request, form, act, "The changes are saved."):
        return redirect("engagements:settings", pk)
    return shown(request, "engagements/settings.html", frame(request, engagement, "overview"), form)


@require_http_methods(["GET", "POST"])
@login_required
def stage(request: HttpRequest, pk: int, to: str) -> HttpResponse:
    """What stands in the way of a stage, and the move."""
    engagement = engagement_for(request, pk, "manage_engagement")
    if to not in workflow.STEP_OF_STAGE:
        raise Http404("No such stage")
    target = Stage(to)
    if request.method == "POST":
        if done(
            request,
            lambda: workflow.advance(engagement, target, by=person(request)),
            f"The engagement is {target.standing} now.",
        ):
            return redirect("engagements:overview", pk)
        return redirect("engagements:stage", pk, to)
    step = workflow.STEP_OF_STAGE[target]
    context = {
        **frame(request, engagement, "overview"),
        "target": target,
        "words": STEP_WORDS.get(target, ""),
        "possible": target in workflow.next_stages(engagement),
        "back": workflow.RAIL_ORDER[target] < workflow.RAIL_ORDER[Stage(engagement.stage)],
        "standing": in_the_way(step, engagement),
        "overridden": RuleOverride.objects.filter(engagement=engagement).select_related("by"),
    }
    return render(request, "engagements/stage.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def override(request: HttpRequest, pk: int) -> HttpResponse:
    """Go on in spite of a warning, with a reason that is kept."""
    engagement = engagement_for(request, pk, "manage_engagement")
    step, rule, subject = (request.GET.get(name, "") for name in ("step", "rule", "subject"))
    found = [one for one in findings(step, engagement) if (one.rule, one.subject) == (rule, subject)]
    if not found or found[0].severity != Severity.WARN:
        raise Http404("No such warning stands")
    back = _back(engagement, request.GET.get("back", ""), step)
    form = ReasonForm(request.POST or None)
    if filed(
        request,
        form,
        lambda data: workflow.override(
            engagement, step=step, rule=rule, subject=subject, reason=data["reason"], by=person(request)
        ),
        f"The warning {rule} no longer stands in the way.",
    ):
        return redirect(back)
    context = {**frame(request, engagement, "overview"), "finding": found[0], "step": step, "back": back}
    return shown(request, "engagements/override.html", context, form)


def _back(engagement: Engagement, wanted: str, step: str) -> str:
    """The page of this engagement from which the person came, else the one that shows what stands in the way."""
    if wanted.startswith(engagement.get_absolute_url()) and url_has_allowed_host_and_scheme(wanted, None):
        return wanted
    return reverse("reports:report" if step == "issue" else "engagements:overview", args=[engagement.pk])


@require_http_methods(["GET", "POST"])
@login_required
def leave(request: HttpRequest, pk: int) -> HttpResponse:
    """Decline before acceptance, withdraw afterwards."""
    # Who is not independent must be able to decline: this page asks for no confirmation (R02).
    engagement = engagement_for(request, pk, "see_engagement")
    require(engagement, person(request), "accept_engagement")
    form = ReasonForm(request.POST if request.method == "POST" else None)
    word = "decline" if engagement.stage == Stage.ACCEPTANCE else "withdraw"
    confirmed = request.POST.get("confirm", "").strip().lower() == word
    if request.method == "POST" and not confirmed:
        form.add_error(None, f"Type {word} to go on.")
    elif filed(
        request,
        form,
        lambda data: workflow.leave(engagement, reason=data["reason"], by=person(request)),
        "The engagement has ended; its file stays.",
    ):
        return redirect("engagements:overview", pk)
    return shown(request, "engagements/leave.html", {**frame(request, engagement, "overview"), "word": word}, form)
