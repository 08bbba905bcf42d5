"""Requests by the dozen: from a list, from a table; and the lists that the firm keeps."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.forms import BaseFormSet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.forms import refuse
from accounts.models import FirmMember
from accounts.switching import chosen
from engagements.frame import frame
from engagements.models import Engagement
from engagements.roles import engagement_for, roles_with
from engagements.views.acting import person
from evidence import asking, importing, tables
from evidence import requests as flows
from evidence.asking import Line
from evidence.asking_forms import FromListForm, LinesFormSet, ListForm, NewListForm, SealedForm, TableForm
from evidence.correspondence import RequestList
from evidence.models import EvidenceRequest
from evidence.views.requests import user_of

WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


# -- From a list ------------------------------------------------------------------------------


def _sources(request: HttpRequest, engagement: Engagement) -> dict[str, tuple[str, str]]:
    """The lists to choose from, by key: name and what it is."""
    own = RequestList.objects.filter(firm=engagement.firm, current=True)
    found = {f"list-{one.pk}": (one.name, f"the firm's list, version {one.version}") for one in own}
    found |= {
        f"engagement-{one.pk}": (str(one), f"what was asked for, {one.span_label}")
        for one in asking.earlier(engagement, by=user_of(request))
    }
    return found | {"shipped": ("Usual requests", "ships with the product")}


def _lines(source: str) -> list[Line]:
    """Of a source that `_sources` has named."""
    kind, _, key = source.partition("-")
    if kind == "list":
        return asking.lines_of(RequestList.objects.get(pk=key).lines)
    if kind == "engagement":
        return asking.lines_from(Engagement.objects.get(pk=key))
    return list(asking.shipped())


@require_http_methods(["GET", "POST"])
def make_from_list(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "manage_requests")
    sources = _sources(request, engagement)
    source = (request.POST if request.method == "POST" else request.GET).get("source", "") or next(iter(sources))
    if source not in sources:
        raise Http404("No such list")
    lines = _lines(source)
    form = FromListForm(request.POST or None, engagement=engagement, count=len(lines), initial={"source": source})
    if request.method == "POST" and form.is_valid():
        made = _made(request, engagement, form, lines)
        if made is not None:
            return made
    there = {
        " ".join(one.title.casefold().split()): one.code
        for one in EvidenceRequest.objects.filter(engagement=engagement).exclude(
            state=EvidenceRequest.State.CANCELLED
        )
    }
    picked = request.POST.getlist("lines") if request.method == "POST" else None
    rows = []
    for at, line in enumerate(lines):
        asked = there.get(" ".join(line.title.casefold().split()), "")
        ticked = not asked if picked is None else str(at) in picked
        rows.append(
            {"at": at, "line": line, "asked": asked, "picked": ticked, "covers": asking.COVERS[line.covers]}
        )
    context = {
        **frame(request, engagement, "requests"),
        "form": form,
        "sources": [(key, *words) for key, words in sources.items()],
        "source": source,
        "of": sources[source],
        "rows": rows,
        "new": sum(not row["asked"] for row in rows),
    }
    return render(request, "evidence/from_list.html", context, status=422 if form.errors else 200)


def _made(
    request: HttpRequest, engagement: Engagement, form: FromListForm, lines: list[Line]
) -> HttpResponse | None:
    wanted, by = form.cleaned_data, user_of(request)
    try:
        with transaction.atomic():
            made = asking.make_from_lines(
                engagement,
                [lines[at] for at in sorted(set(wanted["lines"]))],
                due=wanted["due"],
                by=by,
                assigned_to=wanted["assigned_to"],
            )
            if wanted["open_now"]:
                flows.open_requests(made, by=by)
    except ValidationError as error:
        refuse(form, error)
        return None
    return _said(request, engagement, len(made), opened=wanted["open_now"])


def _said(request: HttpRequest, engagement: Engagement, count: int, *, opened: bool) -> HttpResponse:
    word = "opened" if opened else "drafted"
    messages.success(request, f"{count} request{'' if count == 1 else 's'} {word}.")
    return redirect("evidence:requests", pk=engagement.pk)


# -- From a table -----------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def import_requests(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose a table; see what it says, with every fault; have the requests made, all or none."""
    engagement = engagement_for(request, pk, "manage_requests")
    if request.method == "POST" and "sealed" in request.POST:
        return _import(request, engagement)
    form = TableForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            table = tables.read(file, file.name, importing.FORM)
        except ValidationError as error:
            form.add_error("file", error)
        else:
            return _preview(request, engagement, table, form.cleaned_data["due"])
    context = {**frame(request, engagement, "requests"), "form": form, "columns": importing.COLUMNS.values()}
    return render(request, "evidence/import.html", context, status=422 if form.errors else 200)


def _preview(
    request: HttpRequest, engagement: Engagement, table: tables.Table, due: Any, form: SealedForm | None = None
) -> HttpResponse:
    read = importing.read(engagement, table, due=due)
    sealed = tables.seal(table, importing.FORM, engagement=engagement, by=user_of(request))
    remarks = {one.row: one.words for one in read.remarks}
    context = {
        **frame(request, engagement, "requests"),
        "form": form or SealedForm(initial={"sealed": sealed, "due": due}),
        "rows": [(number, asked, remarks.get(number, "")) for number, asked in read.rows],
        "problems": read.problems,
        "faulty": len({one.row for one in read.problems}),
        "ignored": table.ignored,
        "sealed": sealed,
        "due": due,
    }
    bad = bool(read.problems) or (form is not None and form.errors)
    return render(request, "evidence/import_preview.html", context, status=422 if bad else 200)


def _import(request: HttpRequest, engagement: Engagement) -> HttpResponse:
    form, by = SealedForm(request.POST), user_of(request)
    try:
        if not form.is_valid():
            raise ValidationError([str(words) for errors in form.errors.values() for words in errors])
        wanted = form.cleaned_data
        table = tables.unseal(wanted["sealed"], importing.FORM, engagement=engagement, by=by)
        with transaction.atomic():
            read = importing.read(engagement, table, due=wanted["due"])
            if read.problems:
                return _preview(request, engagement, table, wanted["due"])
            made = flows.make_all(engagement, [asked for _, asked in read.rows], by=by)
            if wanted["open_now"]:
                flows.open_requests(made, by=by)
    except ValidationError as error:
        for message in error.messages:
            messages.error(request, message)
        return redirect("evidence:import_requests", pk=engagement.pk)
    return _said(request, engagement, len(made), opened=wanted["open_now"])


@require_GET
def import_form(request: HttpRequest, pk: int) -> HttpResponse:
    """The blank form, with this engagement's controls and people to choose from."""
    engagement = engagement_for(request, pk, "manage_requests")
    response = HttpResponse(importing.blank_form(engagement), content_type=WORKBOOK)
    response["Content-Disposition"] = f'attachment; filename="requests-{engagement.pk}.xlsx"'
    return response


# -- The firm's lists -------------------------------------------------------------------------


def _member(request: HttpRequest) -> FirmMember:
    """The person's membership in the firm they chose, else in their first. Raises PermissionDenied for others."""
    members = FirmMember.objects.filter(user=person(request)).select_related("firm").order_by("-is_admin", "pk")
    place = chosen(request)
    narrowed = members.filter(firm_id=place.key).first() if place is not None and place.of_firm else None
    member = narrowed or members.first()
    if member is None:
        raise PermissionDenied("These lists are the firm's.")
    return member


def _kept(request: HttpRequest, list_pk: int) -> tuple[FirmMember, RequestList]:
    member = _member(request)
    known = RequestList.objects.filter(firm=member.firm).select_related("written_by", "firm")
    return member, get_object_or_404(known, pk=list_pk)


@require_http_methods(["GET", "POST"])
def request_lists(request: HttpRequest) -> HttpResponse:
    member, user = _member(request), person(request)
    mine = Engagement.objects.filter(
        firm=member.firm, members__user=user, members__role__in=roles_with("manage_requests")
    ).select_related("client")
    form = NewListForm(request.POST or None, request.FILES or None, engagements=list(mine.order_by("-pk")))
    if request.method == "POST" and form.is_valid():
        try:
            lines = _first_lines(form)
            made = asking.write(member.firm, name=form.cleaned_data["name"], lines=lines, by=user)
        except ValidationError as error:
            refuse(form, error)
        else:
            messages.success(request, f"{made.name} is kept with {len(lines)} requests.")
            return redirect(made)
    lists = RequestList.objects.filter(firm=member.firm).select_related("written_by")
    context = {
        "firm": member.firm,
        "form": form,
        "lists": [one for one in lists if one.current],
        "usual": len(asking.shipped()),
    }
    return render(request, "evidence/request_lists.html", context, status=422 if form.errors else 200)


def _first_lines(form: NewListForm) -> list[Line]:
    """With what a new list begins. Raises ValidationError for a table that cannot be read."""
    source = form.cleaned_data["source"]
    if source != "file":
        return _lines(source)
    file = form.cleaned_data["file"]
    try:
        lines, problems = importing.as_lines(tables.read(file, file.name, importing.FORM))
    except ValidationError as error:
        raise ValidationError({"file": error.messages}) from error
    if problems:
        raise ValidationError({"file": [f"Row {one.row}, {one.column}: {one.words}" for one in problems[:20]]})
    return lines


@require_GET
def request_list(request: HttpRequest, list_pk: int) -> HttpResponse:
    """One version of a list, with those before it."""
    member, kept = _kept(request, list_pk)
    older, before = [], kept.replaces_id
    by_pk = {one.pk: one for one in RequestList.objects.filter(firm=member.firm).select_related("written_by")}
    while before is not None:
        older.append(by_pk[before])
        before = by_pk[before].replaces_id
    lines = asking.lines_of(kept.lines)
    context = {
        "firm": member.firm,
        "kept": kept,
        "rows": [(line, asking.COVERS[line.covers]) for line in lines],
        "older": older,
        "newer": getattr(kept, "replaced_by", None),
    }
    return render(request, "evidence/request_list.html", context)


@require_http_methods(["GET", "POST"])
def edit_request_list(request: HttpRequest, list_pk: int) -> HttpResponse:
    member, kept = _kept(request, list_pk)
    first = [{**one.plain(), "controls": ", ".join(one.controls)} for one in asking.lines_of(kept.lines)]
    form = ListForm(request.POST or None, initial={"name": kept.name})
    lines: BaseFormSet[Any] = LinesFormSet(request.POST or None, initial=first, prefix="line")
    if request.method == "POST" and form.is_valid() and lines.is_valid():
        wanted = [one.line for one in lines.forms if one.line is not None and not one.cleaned_data.get("DELETE")]
        try:
            made = asking.write(
                member.firm, name=form.cleaned_data["name"], lines=wanted, by=person(request), replaces=kept
            )
        except ValidationError as error:
            refuse(form, error)
        else:
            messages.success(request, f"{made} is what new engagements are offered.")
            return redirect(made)
    context = {"firm": member.firm, "kept": kept, "form": form, "lines": lines}
    bad = bool(form.errors) or (lines.is_bound and not lines.is_valid())
    return render(request, "evidence/edit_request_list.html", context, status=422 if bad else 200)


@require_POST
def retire_request_list(request: HttpRequest, list_pk: int) -> HttpResponse:
    _, kept = _kept(request, list_pk)
    asking.retire(kept, by=person(request))
    messages.success(request, f"{kept.name} is offered no more.")
    return redirect("evidence:request_lists")
