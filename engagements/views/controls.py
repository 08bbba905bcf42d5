from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.postgres.aggregates import ArrayAgg
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.listing import narrow
from audit.models import Event
from controls.models import Category, Frequency, LibraryControl, Nature
from engagements import panels, scope
from engagements.activity import line, visible_events
from engagements.forms import ControlForm, MappingForm, OwnerForm, ReasonForm, WordingForm, owner_choices
from engagements.frame import frame
from engagements.models import Control, Engagement
from engagements.roles import SEE_CONTROLS, engagement_for
from engagements.views.acting import done, filed, person, shown
from engagements.workflow import WORKING

HISTORY = 30


def _changeable(engagement: Engagement) -> bool:
    return engagement.stage in WORKING and engagement.report_date is None and not engagement.frozen


@require_GET
@login_required
def listing(request: HttpRequest, pk: int) -> HttpResponse:
    """All controls of the engagement, in one query however many there are."""
    engagement = engagement_for(request, pk, *SEE_CONTROLS)
    everything: list[Any] = list(
        Control.objects.filter(engagement=engagement)
        .select_related("owner")
        .defer("typical_evidence", "typical_test")
        .annotate(codes=ArrayAgg("mappings__criterion", order_by="mappings__criterion__position"))
    )
    in_scope = [control for control in everything if control.removed_at is None]
    for control in in_scope:
        control.codes = [code for code in control.codes if code]
        control.series = list(dict.fromkeys(code.partition(".")[0] for code in control.codes)) or ["none"]
    rows = narrow(
        request.GET,
        in_scope,
        text=lambda control: f"{control.number} {control.title} {control.wording}",
        frequency=lambda control: control.frequency,
        nature=lambda control: control.nature,
        owner=lambda control: control.owner_id or "none",
        series=lambda control: control.series,
    )
    may_own = _changeable(engagement) and bool(engagement.may & {"edit_scope", "edit_registers"})
    context = {
        **frame(request, engagement, "controls"),
        "rows": rows,
        "removed": [control for control in everything if control.removed_at is not None],
        "frequencies": [one for one in Frequency.choices if any(row.frequency == one[0] for row in in_scope)],
        "natures": Nature.choices,
        "owners": sorted({(row.owner_id, row.owner.name) for row in in_scope if row.owner}, key=lambda one: one[1]),
        "series": sorted({series for row in in_scope for series in row.series}),
        "may_add": _changeable(engagement) and "edit_scope" in engagement.may,
        "may_own": may_own,
        "people": owner_choices(engagement) if may_own else [],
    }
    return render(request, "engagements/controls.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def library(request: HttpRequest, pk: int) -> HttpResponse:
    """The library with checkboxes: many controls brought into scope at once."""
    engagement = engagement_for(request, pk, "edit_scope")
    if request.method == "POST":
        added: list[Control] = []
        codes = request.POST.getlist("codes")
        try:
            added = scope.add_from_library(engagement, codes, by=person(request))
        except ValidationError as error:
            for message in error.messages:
                messages.error(request, message)
            return redirect("engagements:library", pk)
        count = len(added)
        messages.success(request, f"{count} control{'' if count == 1 else 's'} added to the scope.")
        return redirect("engagements:controls", pk)
    present = set(Control.objects.in_scope().filter(engagement=engagement).values_list("number", flat=True))
    in_scope = {criterion.code: criterion.category for criterion in engagement.criteria()}
    rows: list[dict[str, Any]] = []
    for entry in LibraryControl.objects.of_firm(engagement.firm).prefetch_related("criteria"):
        codes_here = [one.code for one in entry.criteria.all() if one.code in in_scope]
        if codes_here:
            categories = list(dict.fromkeys(in_scope[code] for code in codes_here))
            rows.append(
                {"entry": entry, "criteria": codes_here, "categories": categories, "there": entry.code in present}
            )
    rows = narrow(
        request.GET,
        rows,
        text=lambda row: f"{row['entry'].code} {row['entry'].title}",
        category=lambda row: row["categories"],
        there=lambda row: "yes" if row["there"] else "no",
    )
    context = {
        **frame(request, engagement, "controls"),
        "rows": rows,
        "categories": [one for one in Category.choices if one[0] in engagement.categories],
        "left_out": LibraryControl.objects.of_firm(engagement.firm).count() - len(rows),
    }
    return render(request, "engagements/library.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def add(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "edit_scope")
    form = ControlForm(request.POST or None, engagement=engagement)
    if filed(
        request,
        form,
        lambda data: scope.add_control(engagement, **data, by=person(request)),
        "The control is in scope.",
    ):
        return redirect("engagements:control", pk, form.cleaned_data["number"].strip())
    return shown(request, "engagements/control_add.html", frame(request, engagement, "controls"), form)


@require_POST
@login_required
def owners(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the picked controls one owner."""
    engagement = engagement_for(request, pk, "edit_scope", "edit_registers")
    form = OwnerForm(request.POST, engagement=engagement)
    picked = Control.objects.in_scope().filter(engagement=engagement, pk__in=_ids(request))
    if form.is_valid():

        @transaction.atomic
        def act() -> None:
            for control in picked:
                scope.set_owner(control, form.cleaned_data["owner"], by=person(request))

        done(request, act, "The owner is set.")
    else:
        messages.error(request, "Choose a person of the client's side.")
    return redirect("engagements:controls", pk)


def _ids(request: HttpRequest) -> list[int]:
    return [int(value) for value in request.POST.getlist("ids") if value.isdecimal()]


def _control(request: HttpRequest, pk: int, number: str, *needed: str) -> tuple[Engagement, Control]:
    engagement = engagement_for(request, pk, *(needed or SEE_CONTROLS))
    control = get_object_or_404(
        Control.objects.select_related("owner", "library_control"), engagement=engagement, number=number
    )
    control.engagement = engagement
    return engagement, control


def _frame(request: HttpRequest, engagement: Engagement, control: Control) -> dict[str, Any]:
    return {**frame(request, engagement, "controls"), "control": control}


@require_GET
@login_required
def page(request: HttpRequest, pk: int, number: str) -> HttpResponse:
    """One control: wording, mapping, owner, history, and what other apps know of it."""
    engagement, control = _control(request, pk, number)
    history: list[Event] = []
    if engagement.may & {"see_trail"}:
        history = list(
            visible_events(engagement, engagement.may).filter(target=f"engagements.control:{control.pk}")[:HISTORY]
        )
    changeable = _changeable(engagement)
    context = {
        **_frame(request, engagement, control),
        "mappings": control.mappings.select_related("criterion"),
        "history": [line(event) for event in history],
        "may_word": changeable and "edit_registers" in engagement.may and control.removed_at is None,
        "may_map": changeable and "edit_scope" in engagement.may and control.removed_at is None,
        "may_own": changeable
        and bool(engagement.may & {"edit_scope", "edit_registers"})
        and control.removed_at is None,
        "may_restore": changeable and "edit_scope" in engagement.may and control.removed_at is not None,
        "columns": panels.around_control(control, engagement, request),
        "see_scope": bool(engagement.may & {"see_fieldwork", "see_description"}),
    }
    return render(request, "engagements/control.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def wording(request: HttpRequest, pk: int, number: str) -> HttpResponse:
    engagement, control = _control(request, pk, number, "edit_registers")
    form = WordingForm(request.POST or None, initial={"title": control.title, "wording": control.wording})
    if filed(
        request, form, lambda data: scope.reword(control, **data, by=person(request)), "The wording is saved."
    ):
        return redirect("engagements:control", pk, number)
    words = {
        "title": "Word the control",
        "help": "The report prints these words in sections III and IV alike. The words before stay in the history.",
    }
    return shown(request, "engagements/control_form.html", {**_frame(request, engagement, control), **words}, form)


@require_http_methods(["GET", "POST"])
@login_required
def mapping(request: HttpRequest, pk: int, number: str) -> HttpResponse:
    engagement, control = _control(request, pk, number, "edit_scope")
    mapped = list(control.mappings.values_list("criterion_id", flat=True))
    form = MappingForm(request.POST or None, engagement=engagement, initial={"criteria": mapped})
    if filed(
        request,
        form,
        lambda data: scope.map_control(control, data["criteria"], by=person(request)),
        "The mapping is saved.",
    ):
        return redirect("engagements:control", pk, number)
    words = {"title": "Map to criteria", "help": "The criteria that this control helps to meet."}
    return shown(request, "engagements/control_form.html", {**_frame(request, engagement, control), **words}, form)


@require_http_methods(["GET", "POST"])
@login_required
def owner(request: HttpRequest, pk: int, number: str) -> HttpResponse:
    engagement, control = _control(request, pk, number, "edit_scope", "edit_registers")
    form = OwnerForm(request.POST or None, engagement=engagement, initial={"owner": control.owner})
    if filed(
        request, form, lambda data: scope.set_owner(control, data["owner"], by=person(request)), "The owner is set."
    ):
        return redirect("engagements:control", pk, number)
    words = {"title": "Set the owner", "help": "The person at the client who answers for the control."}
    return shown(request, "engagements/control_form.html", {**_frame(request, engagement, control), **words}, form)


@require_http_methods(["GET", "POST"])
@login_required
def remove(request: HttpRequest, pk: int, number: str) -> HttpResponse:
    engagement, control = _control(request, pk, number, "edit_scope")
    form = ReasonForm(request.POST or None)
    if filed(
        request,
        form,
        lambda data: scope.remove(control, reason=data["reason"], by=person(request)),
        f"{control.number} is out of scope.",
    ):
        return redirect("engagements:controls", pk)
    words = {
        "title": "Take out of scope",
        "help": f"{control.number} leaves the report with its tests. Its row, history and number stay; it can come "
        "back, and no other control gets the number.",
        "danger": True,
    }
    return shown(request, "engagements/control_form.html", {**_frame(request, engagement, control), **words}, form)


@require_POST
@login_required
def restore(request: HttpRequest, pk: int, number: str) -> HttpResponse:
    _, control = _control(request, pk, number, "edit_scope")
    done(request, lambda: scope.restore(control, by=person(request)), f"{number} is in scope again.")
    return redirect("engagements:control", pk, number)
