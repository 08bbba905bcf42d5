"""Independence: each member's confirmation, and what may impair the firm's."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from engagements import independence, workflow
from engagements.forms import ConcludeForm, RelationForm, ServiceForm
from engagements.frame import frame
from engagements.models import Engagement, IndependenceThreat, NoThreatStatement, Stage
from engagements.roles import confirm_independence, engagement_for
from engagements.views.acting import done, filed, person, shown


@require_POST
@login_required
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """A member of the firm's team confirms its own independence."""
    engagement = engagement_for(request, pk, "see_engagement")
    first = engagement.member.independence_confirmed_at is None
    done(
        request,
        lambda: confirm_independence(engagement.member, by=person(request)),
        "Your independence is confirmed.",
    )
    opens = first and engagement.stage != Stage.ACCEPTANCE
    return redirect("engagements:overview" if opens else "engagements:acceptance", pk)


# What the lists are called, what they are about, and the words where they are empty.
REGISTERS = {
    "services": ("Other services for the client", "service"),
    "providers": ("Relations to providers of tools", "relation"),
}


def changeable(engagement: Engagement) -> bool:
    """Whether a page may offer the member, who is confirmed, to change what is recorded."""
    member = engagement.member
    confirmed = member.independence_confirmed_at is not None
    return confirmed and workflow.stands_at(engagement, Stage.ACCEPTANCE, *workflow.WORKING)


def registers_of(engagement: Engagement) -> list[dict[str, Any]]:
    """The lists of what may impair independence, as the acceptance page shows them."""
    return [_register(engagement, kind) for kind in independence.KINDS]


def _register(engagement: Engagement, kind: str) -> dict[str, Any]:
    entries = independence.KINDS[kind].objects.filter(engagement=engagement)
    title, noun = REGISTERS[kind]
    stated = independence.stated_none(engagement, kind)
    none = NoThreatStatement.Kind(kind).label
    return {"kind": kind, "title": title, "noun": noun, "entries": entries, "stated": stated, "none": none}


def _threat(engagement: Engagement, kind: str, entry: int) -> IndependenceThreat:
    if kind not in independence.KINDS:
        raise Http404("No such register")
    found: IndependenceThreat = get_object_or_404(independence.KINDS[kind], engagement=engagement, pk=entry)
    found.engagement = engagement
    return found


THREAT_FORMS: dict[str, type[ServiceForm] | type[RelationForm]] = {
    "services": ServiceForm,
    "providers": RelationForm,
}


@require_http_methods(["GET", "POST"])
@login_required
def threat_add(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """Record a service for the client or a relation to a provider."""
    engagement = engagement_for(request, pk, "manage_engagement")
    if kind not in independence.KINDS:
        raise Http404("No such register")
    form = THREAT_FORMS[kind](request.POST or None)
    if filed(
        request,
        form,
        lambda data: independence.enter(engagement, kind, by=person(request), **data),
        "It is on record. The partner concludes on it.",
    ):
        return redirect("engagements:acceptance", pk)
    context = {**frame(request, engagement, "overview"), "title": REGISTERS[kind][0], "noun": REGISTERS[kind][1]}
    return shown(request, "engagements/threat_form.html", context, form)


@require_http_methods(["GET", "POST"])
@login_required
def threat(request: HttpRequest, pk: int, kind: str, entry: int) -> HttpResponse:
    """What is recorded, its change, and the partner's conclusion."""
    engagement = engagement_for(request, pk, "see_fieldwork")
    if request.method == "POST" and "manage_engagement" not in engagement.may:
        raise PermissionDenied("The partner or the manager keeps this.")
    found = _threat(engagement, kind, entry)
    form = THREAT_FORMS[kind](request.POST or None, instance=found)
    if filed(
        request,
        form,
        lambda data: independence.revise(found, by=person(request), **data),
        "Saved. What was changed is to be concluded on anew.",
    ):
        return redirect(found.get_absolute_url())
    return _threat_page(request, found, kind, form=form)


def _threat_page(request: HttpRequest, found: IndependenceThreat, kind: str, **forms: Any) -> HttpResponse:
    engagement = found.engagement
    stored = type(found).objects.get(pk=found.pk)  # type: ignore[attr-defined]
    form = forms.get("form") or THREAT_FORMS[kind](instance=stored)
    initial = {"effect": stored.effect, "conclusion": stored.conclusion}
    conclude = forms.get("conclude") or ConcludeForm(initial=initial)
    open_ = changeable(engagement)
    context = {
        **frame(request, engagement, "overview"),
        "entry": stored,
        "kind": kind,
        "title": REGISTERS[kind][0],
        "form": form,
        "conclude": conclude,
        "may_record": open_ and "manage_engagement" in engagement.may,
        "may_conclude": open_ and "accept_engagement" in engagement.may,
    }
    wrong = form.errors or conclude.errors
    return render(request, "engagements/threat.html", context, status=422 if wrong else 200)


@require_POST
@login_required
def threat_conclude(request: HttpRequest, pk: int, kind: str, entry: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "accept_engagement")
    found = _threat(engagement, kind, entry)
    form = ConcludeForm(request.POST)
    if filed(
        request,
        form,
        lambda data: independence.conclude(found, by=person(request), **data),
        "Your conclusion is on record.",
    ):
        return redirect("engagements:acceptance", pk)
    return _threat_page(request, found, kind, conclude=form)


@require_POST
@login_required
def threat_remove(request: HttpRequest, pk: int, kind: str, entry: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "accept_engagement")
    found = _threat(engagement, kind, entry)
    reason = request.POST.get("reason", "")
    if done(
        request,
        lambda: independence.remove(found, reason=reason, by=person(request)),
        "It is off the record; the trail keeps it.",
    ):
        return redirect("engagements:acceptance", pk)
    return redirect(found.get_absolute_url())


@require_POST
@login_required
def threat_none(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """State that there is nothing of the kind."""
    engagement = engagement_for(request, pk, "manage_engagement")
    if kind not in independence.KINDS:
        raise Http404("No such register")
    done(request, lambda: independence.state_none(engagement, kind, by=person(request)), "Your statement is kept.")
    return redirect("engagements:acceptance", pk)
