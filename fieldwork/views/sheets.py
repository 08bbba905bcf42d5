"""The test sheet: its page, the cells saved one by one, and everything around it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.templatetags.ui import as_day
from audit.models import Event
from engagements.activity import line
from engagements.frame import frame
from engagements.models import Engagement
from engagements.obstacles import past_warning
from engagements.register import findings
from engagements.roles import engagement_for
from engagements.views.acting import done, filed, person, shown
from evidence import listings
from evidence.models import EvidenceFile, RequestControl
from evidence.populations import newer_than
from fieldwork import deviations, signing, testing
from fieldwork.drawing import TESTING
from fieldwork.forms import (
    WORDS,
    AttributeForm,
    CellForm,
    ChangeTestForm,
    CiteForm,
    ConcludeForm,
    FillForm,
    ItemForm,
    RaiseForm,
    ReasonForm,
    UnobtainableForm,
    citable,
    team,
)
from fieldwork.models import (
    Attribute,
    ControlTest,
    Deviation,
    EvidenceCitation,
    ItemResult,
    Procedure,
    ProcedureRecord,
    ReviewNote,
    Sample,
    SheetItem,
    SignOff,
)
from fieldwork.occurring import Operation, shortfall_of, subject_of
from fieldwork.standing import standing
from fieldwork.views.testing import tests_of

SEE = "see_fieldwork"
RETURNERS = ("sign_prepared", "sign_reviewed", "sign_partner")
SIGNERS = (*RETURNERS, "complete_quality_review")

# Why no cell of the sheet can be filled.
_SIGNED = "Signed as prepared: it is returned before anything changes."


def test_for(request: HttpRequest, pk: int, test_pk: int, *needed: str) -> tuple[Engagement, ControlTest]:
    engagement = engagement_for(request, pk, *(needed or (SEE,)))
    return engagement, tests_of(engagement, test_pk)


def sent_key(request: HttpRequest, name: str) -> int | None:
    """The key of an object that a form names; None for nothing, and for what is no key."""
    sent = request.POST.get(name, "")
    return int(sent) if sent.isdecimal() and len(sent) < 18 else None


def is_open_to(engagement: Engagement, test: ControlTest) -> bool:
    """Whether this person could record here now."""
    return (
        "record_tests" in engagement.may
        and not engagement.frozen
        and engagement.stage in TESTING
        and SignOff.Step.PREPARED not in signing.living(test)
    )


@require_GET
def show(request: HttpRequest, pk: int, test_pk: int) -> HttpResponse:
    """The test sheet."""
    engagement, test = test_for(request, pk, test_pk)
    is_open = is_open_to(engagement, test)
    attributes = list(test.attributes.select_related("usual_citation__file"))
    since = testing.last_change(test)
    context = {
        **frame(request, engagement, "testing"),
        "test": test,
        "control": test.control,
        "newer": newer_than(test.sample.population) if test.sample else None,
        "criteria": ", ".join(test.control.criteria.order_by("position").values_list("pk", flat=True)),
        "attributes": attributes,
        "since": since,
        "shape": shape_of(test),
        **_grid(test, attributes, locked=not is_open),
        **_around(request, engagement, test, is_open=is_open),
        "evidence": _offered(engagement, test) if is_open else (),
        "fill_form": FillForm(test=test) if is_open and attributes else None,
        "cite_form": CiteForm(engagement=engagement) if is_open else None,
        "item_form": ItemForm(),
        "attribute_form": AttributeForm(),
        "samples": Sample.objects.filter(control=test.control, voided_at__isnull=True).exclude(tests=test),
        "team": team(engagement),
        "others": ControlTest.objects.filter(control=test.control).exclude(pk=test.pk),
        "following": _following(test, request) if "record_tests" in engagement.may else None,
    }
    return render(request, "fieldwork/sheet.html", context)


def _following(test: ControlTest, request: HttpRequest) -> ControlTest | None:
    """The person's next test that is not signed yet, by control; after the last one the first again."""
    return (
        ControlTest.objects.filter(
            ~Exists(SignOff.objects.filter(test=OuterRef("pk"), voided_at__isnull=True)),
            engagement=test.engagement,
            assigned_to=request.user.pk,
        )
        .exclude(pk=test.pk)
        .annotate(behind=Q(control__number__gt=test.control.number))
        .select_related("control")
        .order_by("-behind", "control__number", "number")
        .first()
    )


def _offered(engagement: Engagement, test: ControlTest) -> list[EvidenceFile]:
    """The files that can be cited: those cited here first, then those asked for this control, then the rest."""
    cited = set(EvidenceCitation.objects.filter(test=test).values_list("file_id", flat=True))
    asked = set(RequestControl.objects.filter(control=test.control).values_list("request_id", flat=True))
    return sorted(
        citable(engagement), key=lambda file: (file.pk not in cited, file.request_id not in asked, file.pk)
    )


def _grid(test: ControlTest, attributes: list[Attribute], *, locked: bool) -> dict[str, Any]:
    """Rows and columns of the sheet, in three queries."""
    items = list(SheetItem.objects.filter(test=test).select_related("sample_item"))
    cells = {
        (cell.item_id, cell.attribute_id): cell
        for cell in ItemResult.objects.filter(item__test=test).select_related("citation__file")
    }
    columns = _columns(test)
    dated = test.sample.population.date_column if test.sample else ""
    rows = []
    for item in items:
        values = item.sample_item.values if item.sample_item else {}
        rows.append(
            {
                "pk": item.pk,
                "number": item.position,
                "label": item.label,
                "values": [_shown(values.get(column, ""), dated=column == dated) for column in columns],
                "note": item.note,
                "url": reverse("fieldwork:item", args=[test.engagement_id, test.pk, item.pk]),
                "cells": [
                    _cell(attribute, cells.get((item.pk, attribute.pk)), locked=locked) for attribute in attributes
                ],
            }
        )
    return {"rows": rows, "columns": columns}


def _shown(value: str, *, dated: bool) -> str:
    """A cell of the listing; a date that cannot be taken for another as every date of the pages."""
    day = listings.parse_date(value) if dated else None
    return as_day(day) if day else value


def _columns(test: ControlTest) -> list[str]:
    """What a row shows of the listing beside its key: one column that says what it is, and the date."""
    if test.sample is None:
        return []
    population = test.sample.population
    others = [name for name in population.columns if name not in {population.key_column, population.date_column}]
    return others[:1] + ([population.date_column] if population.date_column else others[1:2])


def _cell(attribute: Attribute, cell: ItemResult | None, *, locked: bool) -> dict[str, Any]:
    return {
        "attribute": attribute.letter,
        "value": WORDS[cell.outcome] if cell else "",
        "evidence": evidence_of(cell),
        "locked": locked,
    }


def shape_of(test: ControlTest) -> str:
    """Changes when rows, columns, conclusion or sign-off do: then what a page shows of the sheet is out of date."""
    items, attributes = SheetItem.objects.filter(test=test), Attribute.objects.filter(test=test)
    signed = SignOff.objects.filter(test=test, voided_at__isnull=True)
    return f"{items.count()}.{attributes.count()}.{signed.count()}"


def evidence_of(cell: ItemResult | None) -> str:
    return " ".join(part for part in (cell.citation.file.code, cell.place) if part) if cell else ""


def _around(request: HttpRequest, engagement: Engagement, test: ControlTest, *, is_open: bool) -> dict[str, Any]:
    """What stands beside the sheet and follows its cells: figures, evidence, exceptions, signatures."""
    living = signing.living(test)
    loose = _loose(test).count()
    missing = findings("sign", test) if is_open and test.result else []
    return {
        "test": test,
        "standing": standing(test),
        "citations": EvidenceCitation.objects.filter(test=test).select_related("file__request"),
        "procedures": ProcedureRecord.objects.filter(test=test).select_related("by", "corroborated_by__file"),
        "kinds": [kind for kind in Procedure if kind != Procedure.INSPECTION],
        "exceptions": Deviation.objects.filter(test=test),
        "loose": loose,
        "open": is_open,
        "locked_words": _SIGNED if SignOff.Step.PREPARED in living else "Read only.",
        "steps": _steps(request, engagement, living, ready=bool(test.result) and not missing),
        "voided": SignOff.objects.filter(test=test, voided_at__isnull=False)
        .select_related("by")
        .order_by("-pk")[:5],
        "may_return": bool(living) and not engagement.frozen and _may_return(request, engagement, living),
        "open_notes": ReviewNote.objects.filter(test=test, cleared_at__isnull=True).count(),
        "missing": missing,
        **short_of(engagement, test),
    }


def short_of(engagement: Engagement, test: ControlTest) -> dict[str, Any]:
    """Occurrences that did not take place and that nobody has settled (R34), with the ways to settle them."""
    if test.phase != ControlTest.Phase.OPERATING or test.result == ControlTest.Result.NOT_TESTED:
        return {}
    test.control.engagement = engagement
    if (found := shortfall_of(test.control)) is None:
        return {}
    ways: dict[str, Any] = {"shortfall": found}
    if not engagement.frozen and "record_tests" in engagement.may:
        ways["raise_url"] = f"{reverse('fieldwork:raise_exception', args=[engagement.pk, test.pk])}?absence=1"
    if not engagement.frozen and "manage_engagement" in engagement.may:
        ways["past_url"] = past_warning("issue", "R34", subject_of(test.control), engagement, test)
    return ways


def _steps(
    request: HttpRequest, engagement: Engagement, living: dict[str, SignOff], *, ready: bool
) -> list[dict[str, Any]]:
    """The four signatures: given, open to this person, or why not yet."""
    wanted = [
        (SignOff.Step.PREPARED, "sign_prepared", "when filled and concluded"),
        (SignOff.Step.REVIEWED, "sign_reviewed", "by another person"),
        (SignOff.Step.PARTNER, "sign_partner", "where the partner wants to"),
        (SignOff.Step.QUALITY, "complete_quality_review", "where the quality reviewer selects it"),
    ]
    signed_by = {sign_off.by_id for sign_off in living.values()}
    steps = []
    before = ready
    for step, right, hint in wanted:
        given = living.get(step)
        steps.append(
            {
                "step": step.value,
                "label": step.label,
                "given": given,
                "hint": hint,
                "may": (
                    given is None
                    and before
                    and right in engagement.may
                    and request.user.pk not in signed_by
                    and not engagement.frozen
                ),
            }
        )
        before = given is not None
    return steps


def _may_return(request: HttpRequest, engagement: Engagement, living: dict[str, SignOff]) -> bool:
    prepared = living.get(SignOff.Step.PREPARED)
    own = set(living) == {SignOff.Step.PREPARED} and prepared is not None and prepared.by_id == request.user.pk
    return "sign_reviewed" in engagement.may or (own and "sign_prepared" in engagement.may)


def _loose(test: ControlTest) -> Any:
    """Deviating cells that no exception holds yet."""
    return (
        ItemResult.objects.filter(
            item__test=test, outcome=ItemResult.Outcome.DEVIATION, deviation_links__isnull=True
        )
        .select_related("item", "attribute")
        .order_by("item__position", "attribute__letter")
    )


@require_GET
def beside(request: HttpRequest, pk: int, test_pk: int) -> HttpResponse:
    """The column beside the sheet, asked for again after cells were saved."""
    engagement, test = test_for(request, pk, test_pk)
    context = {"engagement": engagement, "may": engagement.may}
    context |= _around(request, engagement, test, is_open=is_open_to(engagement, test))
    return render(request, "fieldwork/_beside.html", context)


@require_http_methods(["GET", "POST"])
def item(request: HttpRequest, pk: int, test_pk: int, item_pk: int) -> HttpResponse:
    """One row of the sheet as a form, with all that its listing says of it. Works without scripts."""
    engagement, test = test_for(request, pk, test_pk, SEE if request.method == "GET" else "record_tests")
    row = get_object_or_404(SheetItem.objects.select_related("sample_item"), test=test, pk=item_pk)
    row.test = test
    is_open = is_open_to(engagement, test)
    since = testing.last_change(test)
    results = ItemResult.objects.filter(item=row).select_related("citation__file").order_by("attribute")
    cells = {cell.attribute_id: cell for cell in results}
    forms = [
        CellForm(request.POST or None, attribute=attribute, initial=_initial(cells.get(attribute.pk), since))
        for attribute in test.attributes.all()
    ]
    problems: list[str] = []
    if request.method == "POST" and all(form.is_valid() for form in forms):
        problems = _file_cells(request, row, forms)
        if not problems:
            messages.success(request, f"Item {row.position} is saved.")
            return redirect(_next_item(test, row))
    context = {
        **frame(request, engagement, "testing"),
        "test": test,
        "row": row,
        "values": [
            (name, _shown(value, dated=bool(test.sample) and name == test.sample.population.date_column))
            for name, value in row.sample_item.values.items()
        ]
        if row.sample_item and test.sample
        else (),
        "forms": forms,
        "problems": problems,
        "open": is_open,
        "results": cells.values(),
        "unobtainable": UnobtainableForm(test=test)
        if is_open and not row.unobtainable and len(cells) < len(forms)
        else None,
    }
    return render(request, "fieldwork/item.html", context, status=422 if problems else 200)


def _initial(cell: ItemResult | None, since: int) -> dict[str, Any]:
    if cell is None:
        return {"seen": since}
    return {
        "outcome": cell.outcome,
        "citation": cell.citation_id,
        "place": cell.place,
        "note": cell.note,
        "seen": since,
    }


def _file_cells(request: HttpRequest, row: SheetItem, forms: list[CellForm]) -> list[str]:
    """Save a row of cells, those that nobody else changed meanwhile; what is wrong goes onto the forms too."""
    files = {citation.pk: citation.file.code for citation in row.test.citations.select_related("file")}
    changes = []
    for form in forms:
        data = form.cleaned_data
        changes.append(
            testing.Change(
                item=row.pk,
                attribute=form.attribute.letter,
                outcome=data["outcome"],
                file=files[data["citation"].pk] if data["citation"] else "",
                place=data["place"],
                note=data["note"],
                seen=data["seen"] or 0,
            )
        )
    try:
        answers = testing.save(row.test, changes, whole=True, by=person(request))
    except ValidationError as refusal:
        return list(refusal.messages)
    problems = []
    for form, answer in zip(forms, answers, strict=True):
        if answer.saved:
            continue
        words = answer.words
        if answer.state == "overtaken":
            now = (
                f"{answer.cell.get_outcome_display().lower()} ({evidence_of(answer.cell)})"
                if answer.cell
                else "empty"
            )
            words += f" It is {now} now. Save again to put your result in its place."
            sent: Any = form.data
            sent = sent.copy()
            sent[form.add_prefix("seen")] = str(answer.seen)
            form.data = sent
        problems.append(words)
    return problems


def _next_item(test: ControlTest, row: SheetItem) -> str:
    following = SheetItem.objects.filter(test=test, position__gt=row.position).first()
    if following is None:
        return test.get_absolute_url()
    return reverse("fieldwork:item", args=[test.engagement_id, test.pk, following.pk])


@require_POST
def fill(request: HttpRequest, pk: int, test_pk: int) -> HttpResponse:
    _, test = test_for(request, pk, test_pk, "record_tests")
    form = FillForm(request.POST, test=test)
    if not form.is_valid():
        messages.error(request, "Choose an attribute and a result.")
        return redirect(test)
    data = form.cleaned_data
    written: list[ItemResult] = []

    def act() -> None:
        written.extend(
            testing.fill(
                test,
                data["attribute"],
                data["outcome"],
                citation=data["citation"],
                place=data["place"],
                by=person(request),
            )
        )

    done(request, act, f"The empty cells of {data['attribute'].letter} are filled.")
    return redirect(test)


@require_POST
def cite(request: HttpRequest, pk: int, test_pk: int) -> HttpResponse:
    engagement, test = test_for(request, pk, test_pk, "record_tests")
    form = CiteForm(request.POST, engagement=engagement)
    if form.is_valid():
        file, note = form.cleaned_data["file"], form.cleaned_data["note"]
        done(request, lambda: testing.cite(test, file, note=note, by=person(request)), f"{file} is cited.")
    else:
        messages.error(request, "Choose a file.")
    return redirect(test)


@require_POST
def extend(request: HttpRequest, pk: int, test_pk: int, what: str) -> HttpResponse:
    """Add an item, an attribute or a sample to the sheet."""
    _, test = test_for(request, pk, test_pk, "record_tests")
    user = person(request)
    if what == "item":
        done(request, lambda: testing.add_item(test, request.POST.get("label", ""), by=user), "The item is added.")
    elif what == "attribute":
        title, rule = request.POST.get("title", ""), request.POST.get("pass_rule", "")
        evidence = request.POST.get("expected", "")
        done(
            request,
            lambda: testing.add_attribute(test, title=title, pass_rule=rule, evidence=evidence, by=user),
            "The attribute is added.",
        )
    else:
        sample = get_object_or_404(Sample, engagement=test.engagement, pk=sent_key(request, "sample"))
        done(request, lambda: testing.use_sample(test, sample, by=user), "The sample is on the sheet.")
    return redirect(test)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int, test_pk: int) -> HttpResponse:
    """What is done in the test, and the words of its attributes."""
    engagement, test = test_for(request, pk, test_pk, "record_tests")
    user = person(request)
    form = ChangeTestForm(
        request.POST if "procedure" in request.POST else None,
        initial={name: getattr(test, name) for name in ("phase", "kinds", "procedure", "inquired_of")},
    )
    if filed(request, form, lambda data: testing.change_test(test, by=user, **data), f"{test} is changed."):
        return redirect(test)
    context = {
        **frame(request, engagement, "testing"),
        "test": test,
        "attributes": test.attributes.all(),
        "open": is_open_to(engagement, test),
    }
    return shown(request, "fieldwork/edit.html", context, form)


@require_POST
def attribute(request: HttpRequest, pk: int, test_pk: int, letter: str) -> HttpResponse:
    _, test = test_for(request, pk, test_pk, "record_tests")
    column = get_object_or_404(Attribute, test=test, letter=letter)
    words = {"title": request.POST.get("title", ""), "pass_rule": request.POST.get("pass_rule", "")}
    done(
        request,
        lambda: testing.change_attribute(
            column, **words, evidence=request.POST.get("expected"), by=person(request)
        ),
        f"Attribute {letter} is changed.",
    )
    return redirect("fieldwork:edit_test", pk, test_pk)


@require_POST
def assign(request: HttpRequest, pk: int, test_pk: int) -> HttpResponse:
    engagement, test = test_for(request, pk, test_pk, "record_tests")
    to = team(engagement).filter(pk=sent_key(request, "to")).first()
    done(request, lambda: testing.assign(test, to=to, by=person(request)), f"Assigned to {to or 'nobody'}.")
    return redirect(test)


@require_http_methods(["GET", "POST"])
def conclude(request: HttpRequest, pk: int, test_pk: int) -> HttpResponse:
    engagement, test = test_for(request, pk, test_pk, "record_tests")
    so_far = standing(test)
    raised = so_far.deviating_items or Deviation.objects.standing().filter(test=test).exists()
    proposed = "exceptions" if raised else "no_exceptions" if so_far.complete else ""
    form = ConcludeForm(
        request.POST or None, initial={"result": test.result or proposed, "conclusion": test.conclusion}
    )
    if filed(
        request,
        form,
        lambda data: testing.conclude_test(test, data["result"], data["conclusion"], by=person(request)),
        f"{test} is concluded.",
    ):
        return redirect(test)
    context = {
        **frame(request, engagement, "testing"),
        "test": test,
        "standing": so_far,
        "loose": _loose(test),
        **short_of(engagement, test),
    }
    return shown(request, "fieldwork/conclude.html", context, form)


@require_POST
def sign(request: HttpRequest, pk: int, test_pk: int) -> HttpResponse:
    _, test = test_for(request, pk, test_pk, *SIGNERS)
    step = request.POST.get("step", "")
    if step not in SignOff.Step.values:
        messages.error(request, "Choose what to sign.")
        return redirect(test)
    label = str(SignOff.Step(step).label).lower()
    done(request, lambda: signing.sign(test, step, by=person(request)), f"You signed {test} as {label}.")
    return redirect(test)


@require_http_methods(["GET", "POST"])
def return_(request: HttpRequest, pk: int, test_pk: int) -> HttpResponse:
    engagement, test = test_for(request, pk, test_pk, *RETURNERS)
    form = ReasonForm(request.POST or None)
    if filed(
        request,
        form,
        lambda data: signing.return_to_preparer(test, reason=data["reason"], by=person(request)),
        f"{test} is returned. Its sign-offs are void and stay on record.",
    ):
        return redirect(test)
    return shown(request, "fieldwork/return.html", {**frame(request, engagement, "testing"), "test": test}, form)


@require_http_methods(["GET", "POST"])
def raise_exception(request: HttpRequest, pk: int, test_pk: int) -> HttpResponse:
    """Raise an exception from deviating cells, or one that no cell shows (R34)."""
    engagement, test = test_for(request, pk, test_pk, "record_tests")
    loose = _loose(test).none() if "absence" in request.GET else _loose(test)
    short = {} if loose else short_of(engagement, test)
    form = RaiseForm(
        request.POST or None, cells=loose, initial={"cells": loose, **_in_words(short.get("shortfall"))}
    )
    made: list[Deviation] = []

    def act(data: dict[str, Any]) -> None:
        words = {"title": data["title"], "description": data["description"], "by": person(request)}
        cells = list(data["cells"])
        made.append(
            deviations.raise_from_cells(cells, **words) if cells else deviations.raise_shortfall(test, **words)
        )

    if filed(request, form, act, "The exception is raised."):
        return redirect(made[0])
    context = {
        **frame(request, engagement, "testing"),
        "test": test,
        "loose": loose,
        "standing": standing(test),
        "shortfall": short.get("shortfall"),
    }
    return shown(request, "fieldwork/raise.html", context, form)


def _in_words(short: Operation | None) -> dict[str, str]:
    """What an exception for missing occurrences begins with; the report prints what stays of it."""
    if short is None:
        return {}
    missing, due = len(short.missing), len(short.due)
    return {"title": f"{missing} of {due} occurrences did not take place", "description": short.fact}


@require_GET
def history(request: HttpRequest, pk: int, test_pk: int) -> HttpResponse:
    """What happened to the test, newest first."""
    engagement, test = test_for(request, pk, test_pk)
    events = Event.objects.filter(engagement_id=engagement.pk, target=f"fieldwork.controltest:{test.pk}")
    context = {
        **frame(request, engagement, "testing"),
        "test": test,
        "lines": [line(event) for event in events.order_by("-pk")[:200]],
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(request, "fieldwork/_history.html" if fragment else "fieldwork/history.html", context)
