"""What the sheet's page asks in the background: saving, what others changed, and places in a file to cite."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.templatetags.ui import as_clock
from engagements.views.acting import person
from evidence.models import EvidenceFile, FileReading
from fieldwork import scans, testing
from fieldwork.forms import WORDS, citable
from fieldwork.models import ControlTest, SheetItem
from fieldwork.sheet_forms import EntriesForm, SinceForm
from fieldwork.testing.together import Answer, News
from fieldwork.views.sheets import evidence_of, shape_of, test_for

MOST_PAGES, MOST_HITS, MOST_FINDINGS, MOST_LINES = 200, 20, 60, 200
_NAME = 60


@require_POST
def record(request: HttpRequest, pk: int, test_pk: int) -> HttpResponse:
    """Cells and notes of the sheet: an answer for each, with the time of the server."""
    _, test = test_for(request, pk, test_pk, "record_tests")
    form = EntriesForm(request.POST)
    if not form.is_valid():
        words = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return JsonResponse({"error": words}, status=422)
    data = form.cleaned_data
    try:
        answers = testing.save(
            test, data["entries"], window=data["window"], whole=data["whole"], by=person(request)
        )
    except PermissionDenied as refusal:
        return JsonResponse({"error": str(refusal)}, status=403)
    except ValidationError as refusal:
        return JsonResponse({"error": " ".join(refusal.messages)}, status=422)
    return JsonResponse({"saved": as_clock(timezone.now()), "answers": [_said(answer) for answer in answers]})


def _said(answer: Answer) -> dict[str, Any]:
    cell = answer.cell
    return {
        "state": answer.state,
        "words": answer.words,
        "value": WORDS[cell.outcome] if cell else "",
        "evidence": evidence_of(cell),
        "note": answer.note,
        "by": answer.by,
        "at": as_clock(answer.at),
        "seen": answer.seen,
    }


@require_GET
def changes(request: HttpRequest, pk: int, test_pk: int) -> HttpResponse:
    """What others changed in the sheet since the page last asked."""
    _, test = test_for(request, pk, test_pk)
    form = SinceForm(request.GET)
    if not form.is_valid():
        return JsonResponse({"error": "Say since which change."}, status=422)
    since, found = testing.news(test, since=form.cleaned_data["since"], window=form.cleaned_data["window"])
    return JsonResponse({"since": since, "shape": shape_of(test), "changes": [_new(one) for one in found]})


def _new(one: News) -> dict[str, Any]:
    change = one.change
    said: dict[str, Any] = {"item": change.item_id, "by": str(change.by), "at": as_clock(change.at)}
    if change.attribute is None:
        return {**said, "note": one.note}
    cell = one.cell
    return {
        **said,
        "attribute": change.attribute.letter,
        "value": WORDS[cell.outcome] if cell else "",
        "evidence": evidence_of(cell),
    }


@require_GET
def places(request: HttpRequest, pk: int, test_pk: int) -> HttpResponse:
    """Pages, rows and cells of a file, to cite one of them; those that name the item first."""
    engagement, test = test_for(request, pk, test_pk)
    file = get_object_or_404(citable(engagement), code=request.GET.get("file", ""))
    named = request.GET.get("item", "")
    item = (
        SheetItem.objects.filter(test=test, pk=int(named)).select_related("sample_item").first()
        if named.isdecimal() and len(named) < 18
        else None
    )
    context = {"engagement": engagement, "file": file, "item": item, **_places(test, file, item)}
    return render(request, "fieldwork/_places.html", context)


def _places(test: ControlTest, file: EvidenceFile, item: SheetItem | None) -> dict[str, Any]:
    findings = scans.for_control(file, test.control, most=MOST_FINDINGS)
    if findings:
        return {"findings": findings}
    reading = FileReading.objects.filter(file=file).first()
    if reading is None:
        return {}
    shown = reading.preview
    hits = _naming(reading.text, item, file.kind) if file.kind in {"csv", "txt"} else []
    if sizes := shown.get("sizes"):
        count = min(shown.get("pages") or 1, MOST_PAGES)
        drawn = [
            (number, _page_url(file, number), *sizes[min(number, len(sizes)) - 1]) for number in range(1, count + 1)
        ]
        return {"pages": drawn, "paged": file.kind == "pdf"}
    if tables := shown.get("tables"):
        return {"hits": hits, "tables": [_table(table) for table in tables]}
    lines = list(enumerate(reading.text.splitlines()[:MOST_LINES], start=1))
    return {"hits": hits, "lines": [(number, line) for number, line in lines if line.strip()]}


def _page_url(file: EvidenceFile, number: int) -> str:
    return reverse("evidence:preview_page", args=[file.engagement_id, file.code, number])


def _naming(text: str, item: SheetItem | None, kind: str) -> list[tuple[str, str]]:
    """The rows of a text that name the item, each with its place; its own row, as the listing has it, first."""
    if item is None or len(item.label) < 2:
        return []
    whole = re.compile(rf"(?<![\w-]){re.escape(item.label)}(?![\w-])")
    word = "row" if kind == "csv" else "line"
    found = [(f"{word} {number}", line) for number, line in enumerate(text.splitlines(), 1) if whole.search(line)]
    values = {value for value in item.sample_item.values.values() if value} if item.sample_item else set()
    return sorted(found, key=lambda hit: -sum(value in hit[1] for value in values))[:MOST_HITS]


def _table(table: dict[str, Any]) -> dict[str, Any]:
    """The first rows of a sheet with the name of each cell, as a spreadsheet names it."""
    rows = table["rows"]
    width = max((len(row) for row in rows), default=0)
    names = [_column(number) for number in range(width)]
    prefix = f"{table['name'][: _NAME - 12]}!" if table["name"] else ""
    return {
        "name": table["name"],
        "columns": names,
        "rows": [
            (number, [(f"{prefix}{names[at]}{number}", cell) for at, cell in enumerate(row)])
            for number, row in enumerate(rows, start=1)
        ],
        "prefix": prefix,
        "cut": table["cut"],
    }


def _column(number: int) -> str:
    """A, B ... Z, AA: the letters of a column, counted from 0."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
