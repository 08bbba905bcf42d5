"""Pages of reconciliations: two listings chosen, matched, their differences explained and concluded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.forms import refuse as put_on_form
from engagements.frame import frame
from engagements.models import Engagement
from engagements.roles import engagement_for
from engagements.views.acting import done, filed, person, shown
from evidence import comparing, populations, uploads
from evidence import reconciliations as flows
from evidence.comparing import Alike, Outcome, Pair
from evidence.models import EvidenceFile, ListingDifference, ReconciledListing, Reconciliation
from evidence.reconciliation_forms import ALIKE_LABELS, BeginForm, ConcludeForm, ExplainForm, MatchForm
from evidence.views.requests import may_work

SEE = "see_fieldwork"
ON_A_PAGE = 100
SHOWN_CELLS = 4
PREVIEWED = 12
Kind = ListingDifference.Kind
UNRESOLVED, RESOLVED = "open", "explained"


def _one(request: HttpRequest, pk: int, reconciliation_pk: int, *needed: str) -> tuple[Engagement, Reconciliation]:
    engagement = engagement_for(request, pk, *needed)
    found = get_object_or_404(
        Reconciliation.objects.select_related("file", "begun_by", "concluded_by", "replaces"),
        engagement=engagement,
        pk=reconciliation_pk,
    )
    found.engagement = engagement
    return engagement, found


def _may_act(engagement: Engagement) -> bool:
    return may_work(engagement) and flows.MAY in engagement.may


@require_GET
def show_reconciliations(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, SEE)
    open_ones = Count("differences", filter=Q(differences__cause__in=["", ListingDifference.Cause.WRONG]))
    rows = list(
        Reconciliation.objects.filter(engagement=engagement)
        .current()
        .annotate(count=Count("differences"), unresolved=open_ones)
        .prefetch_related("listings__population", "listings__file")
    )
    for one in rows:
        one.engagement = engagement
    context = {**frame(request, engagement, "populations"), "rows": rows, "may_act": _may_act(engagement)}
    return render(request, "evidence/reconciliations.html", context)


@require_http_methods(["GET", "POST"])
def begin(request: HttpRequest, pk: int) -> HttpResponse:
    """First step: the two listings, read and kept."""
    engagement = engagement_for(request, pk, flows.MAY)
    first = request.GET.get("population", "")
    form = BeginForm(
        request.POST or None,
        request.FILES or None,
        engagement=engagement,
        initial={"first": f"p{first}" if first.isdecimal() else ""},
    )
    made: list[Reconciliation] = []

    def act(data: dict[str, Any]) -> None:
        made.append(
            flows.begin(
                engagement,
                title=data["title"],
                first=form.source("first"),
                second=form.source("second", _received(request, engagement, form)),
                pattern=data["pattern"],
                by=person(request),
            )
        )

    if filed(request, form, act, ""):
        return redirect("evidence:match_reconciliation", pk=pk, reconciliation_pk=made[0].pk)
    context = {**frame(request, engagement, "populations"), "patterns": flows.PATTERNS.values()}
    return shown(request, "evidence/begin_reconciliation.html", context, form)


def _received(request: HttpRequest, engagement: Engagement, form: BeginForm) -> EvidenceFile | None:
    """The new file as the second listing, once it can be read as one."""
    file = form.cleaned_data["file"]
    if not file:
        return None
    encoding, sheet = form.cleaned_data["encoding"], form.cleaned_data["sheet"]
    try:
        populations.read(engagement, file, name=file.name, sheet=sheet, encoding=encoding)
        return uploads.receive(
            engagement, file=file, name=file.name, by=person(request), obtained_by_auditor=True, encoding=encoding
        )
    except ValidationError as error:
        raise ValidationError({"file": error.messages}) from error


@require_http_methods(["GET", "POST"])
def match(request: HttpRequest, pk: int, reconciliation_pk: int) -> HttpResponse:
    """Second step: the columns. Looking at what they give changes nothing; matching keeps it."""
    engagement, reconciliation = _one(request, pk, reconciliation_pk, flows.MAY)
    first, second = flows.both(reconciliation)
    form = MatchForm(request.POST or None, first=first, second=second, settings=flows.proposed(reconciliation))
    looked: Outcome | None = None
    if request.method == "POST" and form.is_valid():
        try:
            if request.POST.get("act") == "look":
                looked = flows.outcome(reconciliation, form.settings())
            else:
                flows.match(reconciliation, form.settings(), by=person(request))
                return redirect(reconciliation)
        except ValidationError as error:
            put_on_form(form, ValidationError(error.messages))
    context = {
        **frame(request, engagement, "populations"),
        "reconciliation": reconciliation,
        "first": first,
        "second": second,
        "may_act": _may_act(engagement)
        and reconciliation.state in {Reconciliation.State.DRAFT, Reconciliation.State.OPEN},
        **(_looked(looked, form.settings().compared, first, second) if looked else {}),
    }
    return shown(request, "evidence/match_reconciliation.html", context, form)


def _looked(
    found: Outcome, compared: Sequence[Pair], first: ReconciledListing, second: ReconciledListing
) -> dict[str, Any]:
    rows = [
        _row(
            ListingDifference(
                position=place,
                kind=one.kind.value,
                key=one.key,
                first=one.first,
                second=one.second,
                first_row=one.first_row,
                second_row=one.second_row,
                unequal=list(one.unequal),
            ),
            compared,
            first,
            second,
        )
        for place, one in enumerate(found.differences[:PREVIEWED], start=1)
    ]
    counts = [(label, found.count(comparing.Kind(value))) for value, label in _labels(first, second).items()]
    return {
        "looked": found,
        "looked_rows": rows,
        "looked_counts": [(label, count) for label, count in counts if count],
        "looked_total": len(found.differences),
    }


@require_GET
def show(request: HttpRequest, pk: int, reconciliation_pk: int) -> HttpResponse:
    engagement, reconciliation = _one(request, pk, reconciliation_pk, SEE)
    return _page(request, engagement, reconciliation)


def _page(
    request: HttpRequest,
    engagement: Engagement,
    reconciliation: Reconciliation,
    *,
    explaining: ExplainForm | None = None,
    concluding: ConcludeForm | None = None,
) -> HttpResponse:
    asked = request.GET if request.method == "GET" else request.POST
    first, second = flows.both(reconciliation)
    everything = ListingDifference.objects.filter(reconciliation=reconciliation)
    filtered = _filtered(everything, asked)
    page = Paginator(filtered.select_related("evidence", "explained_by"), ON_A_PAGE).get_page(asked.get("page"))
    labels = _labels(first, second)
    counts = dict(everything.order_by().values_list("kind").annotate(n=Count("pk")))
    total = sum(counts.values())
    unresolved = everything.unresolved().count()
    may_act = _may_act(engagement)
    is_open = reconciliation.state == Reconciliation.State.OPEN
    context = {
        **frame(request, engagement, "populations"),
        "reconciliation": reconciliation,
        "first": first,
        "second": second,
        "rows": [_row(one, reconciliation.compared, first, second) for one in page.object_list],
        "page": page,
        "asked": asked,
        "kinds": [(value, label, counts[value]) for value, label in labels.items() if counts.get(value)],
        "total": total,
        "filtered": page.paginator.count,
        "unresolved": unresolved,
        "wrong": everything.filter(cause=ListingDifference.Cause.WRONG).count(),
        "resolved": total - unresolved,
        "may_explain": may_act and is_open,
        "may_redo": may_act
        and reconciliation.state in {Reconciliation.State.OPEN, Reconciliation.State.CONCLUDED}
        and any(flows.newer(one) for one in (first, second)),
        "may_discard": may_act
        and reconciliation.state == Reconciliation.State.DRAFT
        and not reconciliation.replaces_id,
        "may_match": may_act and reconciliation.state in {Reconciliation.State.DRAFT, Reconciliation.State.OPEN},
        "explaining": explaining or ExplainForm(engagement=engagement),
        "concluding": concluding or ConcludeForm(),
        "alike": [ALIKE_LABELS[Alike(one)] for one in reconciliation.alike],
        "versions": Reconciliation.objects.filter(engagement=engagement, code=reconciliation.code).order_by(
            "-version"
        ),
    }
    failed = explaining is not None or concluding is not None
    return render(request, "evidence/reconciliation.html", context, status=422 if failed else 200)


def _filtered(everything: QuerySet[ListingDifference], asked: QueryDict) -> QuerySet[ListingDifference]:
    """The differences that the filter of the page shows."""
    found = everything
    if asked.get("kind") in Kind.values:
        found = found.filter(kind=asked["kind"])
    unresolved = Q(cause__in=["", ListingDifference.Cause.WRONG])
    if asked.get("standing") == UNRESOLVED:
        found = found.filter(unresolved)
    elif asked.get("standing") == RESOLVED:
        found = found.exclude(unresolved)
    if words := asked.get("q", "").strip():
        found = found.filter(Q(key__icontains=words) | Q(explanation__icontains=words))
    return found


def _labels(first: ReconciledListing, second: ReconciledListing) -> dict[str, str]:
    """The kinds in the words of these listings."""
    return {
        Kind.ONLY_FIRST.value: f"Only in {first.label}",
        Kind.ONLY_SECOND.value: f"Only in {second.label}",
        Kind.UNEQUAL.value: "Unequal",
        Kind.REPEATED.value: "More than once",
        Kind.NO_KEY.value: "Without a key",
    }


def _row(
    one: ListingDifference, compared: Iterable[Sequence[str]], first: ReconciledListing, second: ReconciledListing
) -> dict[str, Any]:
    """A difference with what is shown of it: both values of unequal cells, else the first cells of the row."""
    found: dict[str, Any] = {
        "difference": one,
        "kind": _labels(first, second)[one.kind],
        "unequal": [],
        "cells": [],
    }
    if one.kind == Kind.UNEQUAL:
        others = {pair[0]: pair[1] for pair in compared}
        found["unequal"] = [
            (name, one.first.get(name, ""), one.second.get(others.get(name, name), "")) for name in one.unequal
        ]
    else:
        listing, cells = (first, one.first) if one.first_row else (second, one.second)
        names = [name for name in listing.columns if name in cells and cells[name] and cells[name] != one.key]
        found["cells"] = [(name, cells[name]) for name in names[:SHOWN_CELLS]]
        found["listing"] = listing.label
    return found


@require_POST
def explain(request: HttpRequest, pk: int, reconciliation_pk: int) -> HttpResponse:
    engagement, reconciliation = _one(request, pk, reconciliation_pk, flows.MAY)
    form = ExplainForm(request.POST, engagement=engagement)
    if form.is_valid():
        data = form.cleaned_data
        if data["scope"] == "filtered":
            everything = ListingDifference.objects.filter(reconciliation=reconciliation)
            chosen = list(_filtered(everything, request.POST).values_list("pk", flat=True))
        else:
            chosen = [int(one) for one in request.POST.getlist("ids") if one.isdecimal() and len(one) < 18]
        try:
            count = flows.explain(
                reconciliation,
                chosen,
                cause=data["cause"],
                explanation=data["explanation"],
                evidence=data["evidence"],
                by=person(request),
            )
        except ValidationError as error:
            put_on_form(form, error)
        else:
            messages.success(request, f"{count:,} difference{' is' if count == 1 else 's are'} explained.")
            return redirect(_back(request, pk, reconciliation))
    return _page(request, engagement, reconciliation, explaining=form)


def _back(request: HttpRequest, pk: int, reconciliation: Reconciliation) -> str:
    """The page with the filter it had, from its first page on: what was explained may have left it."""
    kept = QueryDict(mutable=True)
    for name in ("kind", "standing", "q"):
        if value := request.POST.get(name):
            kept[name] = value
    url = reverse("evidence:reconciliation", args=[pk, reconciliation.pk])
    return f"{url}?{kept.urlencode()}" if kept else url


@require_POST
def conclude(request: HttpRequest, pk: int, reconciliation_pk: int) -> HttpResponse:
    engagement, reconciliation = _one(request, pk, reconciliation_pk, flows.MAY)
    form = ConcludeForm(request.POST)

    def act(data: dict[str, Any]) -> None:
        flows.conclude(reconciliation, conclusion=data["conclusion"], by=person(request))

    if filed(request, form, act, f"{reconciliation} is concluded and kept as evidence."):
        return redirect(reconciliation)
    return _page(request, engagement, reconciliation, concluding=form)


@require_POST
def redo(request: HttpRequest, pk: int, reconciliation_pk: int) -> HttpResponse:
    _, reconciliation = _one(request, pk, reconciliation_pk, flows.MAY)
    made: list[Reconciliation] = []

    def act() -> None:
        made.append(flows.redo(reconciliation, by=person(request)))

    if not done(request, act, "The newer listings are taken."):
        return redirect(reconciliation)
    if made[0].state == Reconciliation.State.DRAFT:
        messages.warning(request, "The columns are not the same any more: say how the listings are matched.")
        return redirect("evidence:match_reconciliation", pk=pk, reconciliation_pk=made[0].pk)
    return redirect(made[0])


@require_POST
def discard(request: HttpRequest, pk: int, reconciliation_pk: int) -> HttpResponse:
    _, reconciliation = _one(request, pk, reconciliation_pk, flows.MAY)
    if done(request, lambda: flows.discard(reconciliation, by=person(request)), "It is discarded."):
        return redirect("evidence:reconciliations", pk=pk)
    return redirect(reconciliation)
