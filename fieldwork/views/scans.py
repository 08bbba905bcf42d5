"""Scanner findings: taken from a file as evidence, shown by check and criterion, cited from the sheets."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.listing import narrow
from engagements.frame import frame
from engagements.models import Engagement
from engagements.roles import engagement_for
from engagements.views.acting import done, filed, person, shown
from fieldwork import scans
from fieldwork.drawing import TESTING
from fieldwork.models import EvidenceCitation, ScanReport
from fieldwork.sheet_forms import MapForm, ScanForm

SEE = "see_fieldwork"
MOST_SHOWN = 500


def _report(request: HttpRequest, pk: int, scan_pk: int) -> tuple[Engagement, ScanReport]:
    engagement = engagement_for(request, pk, SEE)
    reports = ScanReport.objects.select_related("file", "read_by")
    report = get_object_or_404(reports, engagement=engagement, pk=scan_pk)
    report.engagement = engagement
    return engagement, report


@require_http_methods(["GET", "POST"])
def listing(request: HttpRequest, pk: int) -> HttpResponse:
    """The files of scanners that were read, and those that could be."""
    engagement = engagement_for(request, pk, SEE if request.method == "GET" else "record_tests")
    may = "record_tests" in engagement.may and not engagement.frozen and engagement.stage in TESTING
    form = ScanForm(request.POST or None, engagement=engagement)
    made: list[ScanReport] = []
    user = person(request)
    if filed(request, form, lambda data: made.append(scans.read(data["file"], by=user)), ""):
        messages.success(request, f"The findings of {made[0].file.code} are read. The file stays the evidence.")
        return redirect(made[0])
    checks, source = scans.map_of(engagement.firm)
    context = {
        **frame(request, engagement, "testing"),
        "reports": ScanReport.objects.filter(engagement=engagement).select_related("file", "read_by"),
        "candidates": scans.candidates(engagement) if may else (),
        "may_read": may,
        "mapped": checks,
        "source": source,
        "map_form": MapForm(),
    }
    return shown(request, "fieldwork/scans.html", context, form)


@require_GET
def show(request: HttpRequest, pk: int, scan_pk: int) -> HttpResponse:
    """One report by check."""
    engagement, report = _report(request, pk, scan_pk)
    everything = scans.by_check(report)
    rows = narrow(
        request.GET,
        everything,
        text=lambda row: f"{row.check_id} {row.title}",
        state=lambda row: row.state,
        criterion=lambda row: row.criteria,
    )
    context = {
        **frame(request, engagement, "testing"),
        "report": report,
        "rows": rows,
        "failed": sum(bool(row.failed) for row in everything),
        "criteria": sorted({code for row in everything for code in row.criteria}),
        "unmapped": sum(not row.criteria for row in everything),
        "cited_in": EvidenceCitation.objects.filter(file=report.file).select_related("test__control"),
    }
    return render(request, "fieldwork/scan.html", context)


@require_GET
def check(request: HttpRequest, pk: int, scan_pk: int, check_id: str) -> HttpResponse:
    """What one check found, resource by resource."""
    engagement, report = _report(request, pk, scan_pk)
    found = scans.findings_of(report, check_id)
    count = found.count()
    first = get_object_or_404(found[:1])
    context = {
        **frame(request, engagement, "testing"),
        "report": report,
        "check": first,
        "criteria": scans.criteria_of_checks(report)[check_id],
        "findings": found[:MOST_SHOWN],
        "count": count,
        "left": max(count - MOST_SHOWN, 0),
    }
    return render(request, "fieldwork/check.html", context)


@require_POST
def take_over_map(request: HttpRequest, pk: int) -> HttpResponse:
    """The firm's map of checks to criteria, from a file."""
    engagement = engagement_for(request, pk, "record_tests")
    form = MapForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, "Choose the file of the map.")
        return redirect("fieldwork:scans", pk)
    file = form.cleaned_data["file"]
    done(
        request,
        lambda: scans.take_over_map(engagement.firm, file, file.name, by=person(request)),
        f"The map of {file.name} is the firm's from here on.",
    )
    return redirect("fieldwork:scans", pk)
