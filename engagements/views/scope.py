from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from engagements import forms, registers
from engagements.corroboration import review_no_incident
from engagements.coverage import by_series, coverage, no_incident_review_of
from engagements.frame import frame
from engagements.freeze import EngagementOwned
from engagements.models import (
    Commitment,
    ComplementaryControl,
    Component,
    Engagement,
    Incident,
    SubserviceOrganization,
    SystemChange,
)
from engagements.roles import SEE_SCOPE, engagement_for
from engagements.scope import mark_not_relevant, mark_relevant
from engagements.views.acting import done, filed, person, shown
from engagements.workflow import WORKING

LINKED = {"criteria", "monitoring"}
# Who says which criteria are not relevant.
MARKING = ("edit_scope", "edit_registers")


@dataclasses.dataclass(frozen=True)
class Register:
    """A register of the scope as its pages know it."""

    slug: str
    title: str
    noun: str
    reference: str
    words: str
    model: type[EngagementOwned]
    form: type[forms.RegisterForm]
    add: Callable[..., EngagementOwned]
    none_field: str = ""
    kind: str = ""

    def entries(self, engagement: Engagement) -> Any:
        rows = self.model.objects.filter(engagement=engagement)  # type: ignore[attr-defined]
        if self.kind:
            rows = rows.filter(kind=self.kind).select_related("subservice").prefetch_related("mappings")
        if self.model is SubserviceOrganization:
            rows = rows.prefetch_related("complementary", "monitoring__control")
        return rows


REGISTERS = {
    register.slug: register
    for register in (
        Register(
            "subservice",
            "Subservice organizations",
            "subservice organization",
            "DC7",
            "Vendors whose controls are needed, with the client's own, to meet the commitments.",
            SubserviceOrganization,
            forms.SubserviceForm,
            registers.add_subservice,
        ),
        Register(
            "csoc",
            "Subservice controls",
            "complementary subservice organization control",
            "DC7",
            "Controls assumed at carved-out subservice organizations (CSOC).",
            ComplementaryControl,
            forms.CsocForm,
            registers.add_csoc,
            kind=ComplementaryControl.Kind.CSOC,
        ),
        Register(
            "cuec",
            "User entity controls",
            "complementary user entity control",
            "DC6",
            "Controls that users of the system must have for a commitment to be met (CUEC).",
            ComplementaryControl,
            forms.CuecForm,
            registers.add_cuec,
            kind=ComplementaryControl.Kind.CUEC,
        ),
        Register(
            "components",
            "Components",
            "component",
            "DC3",
            "Infrastructure, software, people, data and procedures, and where the system ends.",
            Component,
            forms.ComponentForm,
            registers.add_component,
        ),
        Register(
            "commitments",
            "Commitments",
            "commitment",
            "DC2",
            "Principal service commitments and system requirements, with their source.",
            Commitment,
            forms.CommitmentForm,
            registers.add_commitment,
        ),
        Register(
            "incidents",
            "Incidents",
            "incident",
            "DC4",
            "What happened in the period, and whether the description discloses it.",
            Incident,
            forms.IncidentForm,
            registers.add_incident,
            none_field="incidents_none_statement",
        ),
        Register(
            "changes",
            "Changes",
            "change",
            "DC9",
            "Significant changes to the system and its controls during the period.",
            SystemChange,
            forms.ChangeForm,
            registers.add_change,
            none_field="changes_none_statement",
        ),
    )
}


def _tabs(engagement: Engagement, active: str) -> list[dict[str, Any]]:
    """The parts of the scope with their counts."""
    counts = {
        slug: register.entries(engagement).count()
        for slug, register in REGISTERS.items()
        if slug != "changes" or engagement.is_type_2
    }
    tabs = [{"slug": "", "title": "Criteria", "count": None, "active": active == "criteria"}]
    return tabs + [
        {"slug": slug, "title": REGISTERS[slug].title, "count": count, "active": active == slug}
        for slug, count in counts.items()
    ]


def _open(engagement: Engagement) -> bool:
    """Whether the scope can still change, for buttons; the flows decide."""
    return engagement.stage in WORKING and engagement.report_date is None and not engagement.frozen


@require_GET
@login_required
def criteria(request: HttpRequest, pk: int) -> HttpResponse:
    """Each criterion with what meets it, and the gaps."""
    engagement = engagement_for(request, pk, *SEE_SCOPE)
    found = coverage(engagement)
    context = {
        **frame(request, engagement, "scope"),
        "tabs": _tabs(engagement, "criteria"),
        "series": by_series(found),
        "total": len(found),
        "gaps": [one for one in found if one.gap],
        "not_relevant": [one for one in found if one.not_relevant],
        "changeable": _open(engagement),
    }
    return render(request, "engagements/scope.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def criterion(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """One criterion: what meets it, and why it may not be relevant."""
    engagement = engagement_for(request, pk, *(SEE_SCOPE if request.method == "GET" else MARKING))
    found = {one.criterion.code: one for one in coverage(engagement)}
    if code not in found:
        raise Http404("Not a criterion of this examination")
    one = found[code]
    may_mark = _open(engagement) and bool(engagement.may.intersection(MARKING))
    form = forms.ReasonForm(request.POST or None, initial={"reason": one.not_relevant})
    if request.method == "POST" and "relevant" in request.POST:
        done(request, lambda: mark_relevant(engagement, code, by=person(request)), f"{code} is relevant again.")
        return redirect("engagements:criterion", pk, code)
    if filed(
        request,
        form,
        lambda data: mark_not_relevant(engagement, code, reason=data["reason"], by=person(request)),
        f"{code} is marked as not relevant.",
    ):
        return redirect("engagements:criterion", pk, code)
    codes = list(found)
    place = codes.index(code)
    context = {
        **frame(request, engagement, "scope"),
        "one": one,
        "previous": codes[place - 1] if place else "",
        "next": codes[place + 1] if place + 1 < len(codes) else "",
        "may_mark": may_mark,
    }
    return shown(request, "engagements/criterion.html", context, form)


def _register(engagement: Engagement, slug: str) -> Register:
    register = REGISTERS.get(slug)
    if register is None or (slug == "changes" and not engagement.is_type_2):
        raise Http404("No such register")
    return register


def _kept(request: HttpRequest, pk: int, slug: str) -> tuple[Engagement, Register]:
    """Engagement and register for a person who keeps it. Raises Http404, PermissionDenied."""
    engagement = engagement_for(request, pk, *SEE_SCOPE)
    register = _register(engagement, slug)
    if not engagement.may.intersection(registers.keepers(register.model)):
        raise PermissionDenied(f"{register.title}: your role in this engagement does not keep them.")
    return engagement, register


def _keeps(engagement: Engagement, register: Register) -> bool:
    return _open(engagement) and bool(engagement.may.intersection(registers.keepers(register.model)))


@require_GET
@login_required
def entries(request: HttpRequest, pk: int, register: str) -> HttpResponse:
    engagement = engagement_for(request, pk, *SEE_SCOPE)
    kept = _register(engagement, register)
    statement = getattr(engagement, kept.none_field) if kept.none_field else ""
    context = {
        **frame(request, engagement, "scope"),
        "tabs": _tabs(engagement, register),
        "register": kept,
        "rows": kept.entries(engagement),
        "keeps": _keeps(engagement, kept),
        "row_template": f"engagements/registers/{register}.html",
        "statement": statement,
        "asks_review": kept.model is Incident,
        "review": no_incident_review_of(engagement) if statement and kept.model is Incident else None,
        "may_review": _open(engagement) and "record_tests" in engagement.may,
        "by_client": "edit_registers" in registers.keepers(kept.model),
    }
    return render(request, "engagements/register.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def add(request: HttpRequest, pk: int, register: str) -> HttpResponse:
    engagement, kept = _kept(request, pk, register)
    form = kept.form(request.POST or None, engagement=engagement)

    def act(data: dict[str, Any]) -> None:
        kept.add(engagement, **data, by=person(request))

    if filed(request, form, act, f"The {kept.noun} is added."):
        return redirect("engagements:register", pk, register)
    context = {**frame(request, engagement, "scope"), "register": kept}
    return shown(request, "engagements/register_form.html", context, form)


@require_http_methods(["GET", "POST"])
@login_required
def edit(request: HttpRequest, pk: int, register: str, entry: int) -> HttpResponse:
    if request.method == "POST":
        engagement, kept = _kept(request, pk, register)
    else:
        engagement = engagement_for(request, pk, *SEE_SCOPE)
        kept = _register(engagement, register)
    found = get_object_or_404(kept.entries(engagement), pk=entry)
    form = kept.form(request.POST or None, engagement=engagement, initial=_initial(found, kept))

    def act(data: dict[str, Any]) -> None:
        registers.revise(found, by=person(request), **data)

    if filed(request, form, act, "The changes are saved."):
        return redirect("engagements:register", pk, register)
    keeps = _keeps(engagement, kept)
    if not keeps:
        for field in form.fields.values():
            field.disabled = True
    context = {**frame(request, engagement, "scope"), "register": kept, "entry": found, "keeps": keeps}
    return shown(request, "engagements/register_form.html", context, form)


def _initial(entry: Any, kept: Register) -> dict[str, Any]:
    initial = {name: getattr(entry, name) for name in kept.form.base_fields if name not in LINKED}
    if "criteria" in kept.form.base_fields:
        initial["criteria"] = [mapping.criterion_id for mapping in entry.mappings.all()]
    if "monitoring" in kept.form.base_fields:
        initial["monitoring"] = [link.control.number for link in entry.monitoring.all()]
    if "disclosed" in initial:
        initial["disclosed"] = {True: "yes", False: "no", None: ""}[initial["disclosed"]]
    return initial


@require_POST
@login_required
def delete(request: HttpRequest, pk: int, register: str, entry: int) -> HttpResponse:
    engagement, kept = _kept(request, pk, register)
    found = get_object_or_404(kept.entries(engagement), pk=entry)
    done(request, lambda: registers.delete(found, by=person(request)), f"The {kept.noun} is deleted.")
    return redirect("engagements:register", pk, register)


@require_http_methods(["GET", "POST"])
@login_required
def state_none(request: HttpRequest, pk: int, register: str) -> HttpResponse:
    """The client's statement that there was nothing to enter."""
    engagement, kept = _kept(request, pk, register)
    if not kept.none_field:
        raise Http404("This register has no statement")
    flow = registers.state_no_incident if register == "incidents" else registers.state_no_change
    form = forms.StatementForm(request.POST or None, initial={"statement": getattr(engagement, kept.none_field)})
    if filed(
        request,
        form,
        lambda data: flow(engagement, statement=data["statement"], by=person(request)),
        "The statement is saved.",
    ):
        return redirect("engagements:register", pk, register)
    context = {**frame(request, engagement, "scope"), "register": kept, "stating": True, "keeps": True}
    return shown(request, "engagements/register_form.html", context, form)


@require_http_methods(["GET", "POST"])
@login_required
def review_none(request: HttpRequest, pk: int) -> HttpResponse:
    """What the firm looked at to corroborate that there was no incident."""
    engagement = engagement_for(request, pk, "record_tests")
    form = forms.NoIncidentReviewForm(request.POST or None)
    # The statement as the page showed it, so that nobody corroborates what was written meanwhile.
    read = request.POST.get("statement", "")
    if filed(
        request,
        form,
        lambda data: review_no_incident(engagement, statement=read, source=data["source"], by=person(request)),
        "The review is recorded.",
    ):
        return redirect("engagements:register", pk, "incidents")
    context = {**frame(request, engagement, "scope"), "register": REGISTERS["incidents"]}
    return shown(request, "engagements/no_incident_review.html", context, form)
