"""Pages of populations: giving a listing in two steps, its record, the auditor's conclusion."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import PurePath
from typing import Any

import structlog
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Q
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.forms import refuse as put_on_form
from accounts.listing import narrow
from engagements.frame import frame
from engagements.models import Engagement
from engagements.register import findings
from engagements.roles import engagement_for
from evidence import populations as flows
from evidence import proofs, uploads
from evidence.citing import uses_of
from evidence.forms import AcceptForm, ListingForm, PopulationForm, ProofForm, ReasonForm, in_scope
from evidence.listings import Listing, nested
from evidence.models import (
    EvidenceFile,
    EvidenceRequest,
    FileQuerySet,
    ListingDifference,
    Population,
    ReconciledListing,
    Reconciliation,
)
from evidence.monthly import Months, months
from evidence.storage import Altered
from evidence.views.files import as_attachment, scan_of
from evidence.views.requests import may_work, requests_for, user_of

log = structlog.get_logger(__name__)

SEE = ("see_fieldwork", "provide_populations")
PREVIEWED = 8


def _population(request: HttpRequest, pk: int, population_pk: int, *needed: str) -> tuple[Engagement, Population]:
    engagement = engagement_for(request, pk, *needed)
    visible = Population.objects.visible_as(engagement, user_of(request))
    found = get_object_or_404(
        visible.select_related("file", "provided_by", "decided_by", "replaces"), pk=population_pk
    )
    found.engagement = engagement
    return engagement, found


@require_GET
def show_populations(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, *SEE)
    visible = Population.objects.visible_as(engagement, user_of(request)).current()
    everything = list(visible.prefetch_related("controls").select_related("provided_by"))
    for one in everything:
        one.engagement = engagement
        one.control_numbers = [control.number for control in one.controls.all()]  # type: ignore[attr-defined]
    rows = narrow(
        request.GET,
        everything,
        text=lambda one: f"{one.code} {one.name} {one.source_system} {' '.join(one.control_numbers)}",  # type: ignore[attr-defined]
        state=lambda one: one.state,
    )
    context = {
        **frame(request, engagement, "populations"),
        "rows": rows,
        "states": [state for state in Population.State if state != Population.State.SUPERSEDED],
        "may_provide": _may_provide(engagement),
    }
    return render(request, "evidence/populations.html", context)


def _may_provide(engagement: Engagement) -> bool:
    return may_work(engagement) and "provide_populations" in engagement.may


@require_http_methods(["GET", "POST"])
def choose(request: HttpRequest, pk: int) -> HttpResponse:
    """First step: the file. It is read before it is kept, so that what cannot be a listing is not received."""
    engagement = engagement_for(request, pk, "provide_populations")
    asked, replaces = _asked(request, engagement), _named(request, engagement, "replaces")
    continues = _named(request, engagement, "continues")
    received = (
        EvidenceFile.objects.visible_as(engagement, user_of(request))
        .current()
        .filter(kind__in=["csv", "xlsx", "json", "txt"])
        .order_by("-pk")
    )
    form = ListingForm(request.POST or None, request.FILES or None, received=received)
    if request.method == "POST" and form.is_valid():
        try:
            file = _file_of(request, engagement, form, asked)
        except ValidationError as error:
            put_on_form(form, error if hasattr(error, "error_dict") else ValidationError({"file": error.messages}))
        else:
            query = {
                "sheet": form.cleaned_data["sheet"],
                "encoding": form.cleaned_data["encoding"],
                "replaces": replaces.pk if replaces else "",
                "continues": continues.pk if continues else "",
            }
            page = reverse("evidence:provide_population", args=[pk, file.code])
            return redirect(f"{page}?{urlencode({name: value for name, value in query.items() if value})}")
    context = {
        **frame(request, engagement, "populations"),
        "form": form,
        "asked": asked,
        "replaces": replaces,
        "continues": continues,
    }
    return render(request, "evidence/choose_listing.html", context, status=422 if form.errors else 200)


def _file_of(
    request: HttpRequest, engagement: Engagement, form: ListingForm, asked: EvidenceRequest | None
) -> EvidenceFile:
    wanted = form.cleaned_data
    chosen: EvidenceFile | None = wanted.get("received")
    listing = flows.read(
        engagement,
        chosen or wanted["file"],
        name=wanted["file"].name if wanted["file"] else "",
        sheet=wanted["sheet"],
        encoding=wanted["encoding"],
    )
    if chosen:
        return chosen
    received = uploads.receive(
        asked or engagement,
        file=wanted["file"],
        name=wanted["file"].name,
        by=user_of(request),
        obtained_by_auditor="see_fieldwork" in engagement.may,
        encoding=wanted["encoding"],
    )
    flows.remember(received, listing, sheet=wanted["sheet"], encoding=wanted["encoding"])
    return received


def _asked(request: HttpRequest, engagement: Engagement) -> EvidenceRequest | None:
    """The request that the listing answers, when it was reached from there."""
    code = request.GET.get("request")
    if not code:
        return None
    asked = get_object_or_404(requests_for(request, engagement), code=code)
    asked.engagement = engagement
    return asked


def _named(request: HttpRequest, engagement: Engagement, name: str) -> Population | None:
    """The population that a listing replaces or rolls forward, when it was reached from there."""
    number = request.GET.get(name, "")
    if not number.isdecimal():
        return None
    visible = Population.objects.visible_as(engagement, user_of(request))
    return get_object_or_404(visible, pk=int(number))


@require_http_methods(["GET", "POST"])
def provide(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """Second step: which columns matter, and the record of where the listing comes from."""
    engagement = engagement_for(request, pk, "provide_populations")
    visible = EvidenceFile.objects.visible_as(engagement, user_of(request))
    file = get_object_or_404(visible.select_related("request"), code=code)
    replaces, continues = (_named(request, engagement, name) for name in ("replaces", "continues"))
    sheet, encoding = request.GET.get("sheet", ""), request.GET.get("encoding", "")
    try:
        listing = flows.read(engagement, file, sheet=sheet, encoding=encoding)
    except ValidationError as error:
        for message in error.messages:
            messages.error(request, message)
        return redirect("evidence:choose_listing", pk=pk)
    form = PopulationForm(
        request.POST or None,
        request.FILES or None,
        engagement=engagement,
        listing=listing,
        may_observe="accept_populations" in engagement.may,
        initial=_first_guess(engagement, file, replaces, continues),
    )
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data
        try:
            with transaction.atomic():
                made = flows.provide(
                    engagement,
                    name=wanted["name"],
                    controls=wanted["controls"],
                    file=file,
                    key_column=wanted["key_column"],
                    date_column=wanted["date_column"],
                    date_order=wanted["date_order"],
                    ipe=form.record(),
                    by=user_of(request),
                    replaces=replaces,
                    continues=continues,
                    sheet=sheet,
                    encoding=encoding,
                )
                if wanted["proof"]:
                    proofs.add(made, wanted["proof"], by=user_of(request))
        except ValidationError as error:
            put_on_form(form, _of_proof(error))
        else:
            messages.success(request, f"{made} is provided with {made.row_count:,} rows.")
            return redirect(made)
    context = {
        **frame(request, engagement, "populations"),
        "form": form,
        "file": file,
        "replaces": replaces,
        "continues": continues,
        **_preview(listing),
        "nested": nested(listing) if file.kind == "json" else [],
    }
    return render(request, "evidence/provide_population.html", context, status=422 if form.errors else 200)


def _of_proof(error: ValidationError) -> ValidationError:
    """What is wrong with a file stands at the field of the proof: the listing itself was read before."""
    found = error.message_dict if hasattr(error, "error_dict") else {}
    return ValidationError({"proof" if name == "file" else name: words for name, words in found.items()} or error)


def _first_guess(
    engagement: Engagement, file: EvidenceFile, replaces: Population | None, continues: Population | None
) -> dict[str, Any]:
    """What the form begins with: the version or the listing before, else the request and the period."""
    before = replaces or continues
    if before is not None:
        kept = ("name", "ipe_type", "source_system", "environment", "query", "parameters", "run_by", "date_order")
        return {
            **{name: getattr(before, name) for name in kept},
            "name": replaces.name if replaces else f"{before.name}, rollforward",
            "controls": before.controls.all(),
            "covers_from": replaces.covers_from if replaces else before.covers_to + dt.timedelta(days=1),
            "covers_to": replaces.covers_to if replaces else engagement.ends_on,
        }
    return {
        "name": PurePath(file.name).stem.replace("_", " ").replace("-", " ").strip().capitalize(),
        "controls": file.request.controls.all() if file.request else in_scope(engagement).none(),
        "covers_from": engagement.starts_on,
        "covers_to": min(engagement.ends_on, timezone.localdate()),
    }


def _preview(listing: Listing) -> dict[str, Any]:
    return {
        "columns": listing.columns,
        "first_rows": [(number, row) for number, row in enumerate(listing.rows[:PREVIEWED], start=2)],
        "total": len(listing.rows),
    }


@require_GET
def show_population(request: HttpRequest, pk: int, population_pk: int) -> HttpResponse:
    engagement, population = _population(request, pk, population_pk, *SEE)
    return _population_page(request, engagement, population)


def _population_page(
    request: HttpRequest,
    engagement: Engagement,
    population: Population,
    *,
    accepting: AcceptForm | None = None,
    refusing: ReasonForm | None = None,
    proving: ProofForm | None = None,
) -> HttpResponse:
    of_firm = "see_fieldwork" in engagement.may
    open_ = population.state == Population.State.PROVIDED
    first = {"observed": population.observed, "difference_explained": population.difference_explained}
    visible = Population.objects.visible_as(engagement, user_of(request)).filter(code=population.code)
    versions = list(visible.select_related("provided_by").order_by("-version"))
    context = {
        **frame(request, engagement, "populations"),
        "population": population,
        "controls": population.controls.all(),
        "of_firm": of_firm,
        "may_decide": open_ and may_work(engagement) and "accept_populations" in engagement.may,
        "own": population.provided_by_id == user_of(request).pk,
        "may_replace": _may_provide(engagement)
        and population.state != Population.State.SUPERSEDED
        and not Population.objects.filter(replaces=population).exists(),
        "versions": versions,
        "newer": next(
            (
                one
                for one in versions
                if one.version > population.version
                and one.state in {Population.State.PROVIDED, Population.State.ACCEPTED}
            ),
            None,
        ),
        "uses": uses_of(population) if of_firm else [],
        "reconciliations": _reconciliations(population) if of_firm else [],
        "may_reconcile": of_firm
        and may_work(engagement)
        and "accept_populations" in engagement.may
        and population.state in {Population.State.PROVIDED, Population.State.ACCEPTED},
        "continued_by": Population.objects.filter(continues=population).current(),
        "may_continue": _may_provide(engagement)
        and population.lists_events
        and population.state in {Population.State.PROVIDED, Population.State.ACCEPTED}
        and population.covers_to <= engagement.ends_on
        and flows.pulled_early(population),
        "proofs": _proofs(request, engagement, population),
        "proving": (proving or ProofForm(received=_showable(request, engagement)))
        if open_ and _may_provide(engagement)
        else None,
        "accepting": accepting or AcceptForm(initial=first),
        "refusing": refusing or ReasonForm(),
    }
    try:
        listing = flows.rows(population)
    except Altered as error:
        log.error("population_altered", engagement=engagement.pk, population=population.pk, error=str(error))
        context["altered"] = True
    else:
        context |= {
            **_preview(listing),
            "remarks": flows.remarks(population, listing),
            "months": _months(engagement, population, listing),
        }
        if open_ and of_firm:
            context["blocking"] = findings("accept_population", population)
    failed = accepting is not None or refusing is not None or proving is not None
    return render(request, "evidence/population.html", context, status=422 if failed else 200)


def _proofs(request: HttpRequest, engagement: Engagement, population: Population) -> list[EvidenceFile]:
    """The files that show how it was obtained, as far as the person sees them."""
    visible = EvidenceFile.objects.visible_as(engagement, user_of(request)).filter(proves__population=population)
    files = list(visible.select_related("checked", "uploaded_by").order_by("proves__pk"))
    for file in files:
        file.scan = scan_of(file)  # type: ignore[attr-defined]
        file.mine = file.obtained_by_auditor == ("see_fieldwork" in engagement.may)  # type: ignore[attr-defined]
    return files


def _showable(request: HttpRequest, engagement: Engagement) -> FileQuerySet:
    return EvidenceFile.objects.visible_as(engagement, user_of(request)).current().order_by("-pk")


@require_POST
def prove(request: HttpRequest, pk: int, population_pk: int) -> HttpResponse:
    """Add files that show how the listing was obtained, or take one back (`end`)."""
    engagement, population = _population(request, pk, population_pk, "provide_populations")
    form = ProofForm(request.POST, request.FILES, received=_showable(request, engagement))
    by = user_of(request)
    try:
        if ended := request.POST.get("end"):
            visible = EvidenceFile.objects.visible_as(engagement, by)
            proofs.remove(population, get_object_or_404(visible, code=ended), by=by)
            return redirect(population)
        if form.is_valid():
            wanted = form.cleaned_data
            proofs.add(population, [*wanted["file"], *filter(None, [wanted.get("received")])], by=by)
            return redirect(population)
    except ValidationError as error:
        put_on_form(form, error)
    return _population_page(request, engagement, population, proving=form)


def _reconciliations(population: Population) -> list[Reconciliation]:
    """Those that hold this version against something, with how many differences are unresolved."""
    unresolved = Count("differences", filter=Q(differences__cause__in=["", ListingDifference.Cause.WRONG]))
    held = ReconciledListing.objects.filter(population=population).values("reconciliation_id")
    found = Reconciliation.objects.filter(pk__in=held).annotate(count=Count("differences"), unresolved=unresolved)
    return list(found.order_by("code", "-version"))


def _months(engagement: Engagement, population: Population, listing: Listing) -> Months | None:
    """Expected against found by month, of a listing with dates in an examination of a period."""
    if not (engagement.is_type_2 and population.lists_events):
        return None
    return months(
        flows.dates_of(population, listing),
        list(population.controls.all()),
        start=engagement.starts_on,
        end=engagement.ends_on,
        covers_from=population.covers_from,
        covers_to=population.covers_to,
    )


@require_POST
def accept(request: HttpRequest, pk: int, population_pk: int) -> HttpResponse:
    engagement, population = _population(request, pk, population_pk, "accept_populations")
    form = AcceptForm(request.POST)
    if form.is_valid():
        try:
            accepted = flows.accept(population, by=user_of(request), **form.cleaned_data)
        except ValidationError as error:
            put_on_form(form, error)
        except Altered as error:
            form.add_error(None, f"{error} It cannot be accepted.")
        else:
            messages.success(request, f"{accepted} is accepted: its listing is frozen.")
            return redirect(accepted)
    return _population_page(request, engagement, population, accepting=form)


@require_POST
def refuse(request: HttpRequest, pk: int, population_pk: int) -> HttpResponse:
    engagement, population = _population(request, pk, population_pk, "accept_populations")
    form = ReasonForm(request.POST)
    if form.is_valid():
        try:
            flows.refuse(population, reason=form.cleaned_data["reason"], by=user_of(request))
        except ValidationError as error:
            put_on_form(form, error)
        else:
            messages.success(request, f"{population} is refused.")
            return redirect(population)
    return _population_page(request, engagement, population, refusing=form)


@require_GET
def download(request: HttpRequest, pk: int, population_pk: int) -> HttpResponseBase:
    """The listing in its canonical form, whose SHA-256 is the population's hash."""
    _, population = _population(request, pk, population_pk, *SEE)
    try:
        content = flows.download(population, by=user_of(request))
    except Altered:
        messages.error(request, "The stored listing was altered and is not handed out. Tell the operator.")
        return redirect(population)
    response = FileResponse(io.BytesIO(content), content_type="text/csv; charset=utf-8")
    return as_attachment(response, f"{population.code}-v{population.version}.csv", size=len(content))
