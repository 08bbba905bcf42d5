"""Pages of the SOC 3 report."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from engagements.frame import frame
from engagements.models import Engagement
from engagements.roles import engagement_for
from reports import general_use
from reports.forms import put
from reports.models import GeneralUseReport
from reports.views import pages_of, pdf_file, picture_of, progress_of, proof_form, report_page


def _released(engagement: Engagement) -> GeneralUseReport:
    """The SOC 3 report as issued, superseded or withdrawn ones included, else 404."""
    found = general_use.released(engagement)
    if found is None:
        raise Http404("No SOC 3 report is issued")
    return found


@require_POST
def issue_general_use(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "issue_report")
    form = proof_form(request, engagement)
    if form.is_valid():
        try:
            general_use.issue(engagement, by=engagement.member.user, password=form.cleaned_data["password"])
        except ValidationError as error:
            put(form, error)
        else:
            messages.success(request, "The SOC 3 report is being rendered. It is issued when that is done.")
            return redirect("reports:report", pk)
    return report_page(request, engagement, general=form)


@require_GET
def general_use_report(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "see_report")
    found = _released(engagement)
    context: dict[str, Any] = {
        **frame(request, engagement, "report"),
        "thing": found,
        "name": str(found),
        "pdf_url": reverse("reports:general_use_pdf", args=[pk]),
        "poll": "",
        **pages_of(request, found, lambda page: reverse("reports:general_use_page", args=[pk, page])),
    }
    return render(request, "reports/viewer.html", context)


@require_GET
def general_use_progress(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "see_fieldwork")
    found = general_use.current(engagement)
    if found is None or found.job is None:
        raise Http404("No SOC 3 report is being rendered")
    context = {
        "job": found.job,
        "poll": request.path,
        "title": "Rendering the SOC 3 report",
        "done_url": reverse("reports:report", args=[pk]),
        "done_label": "Show it",
    }
    return progress_of(request, context)


@require_GET
def general_use_page(request: HttpRequest, pk: int, page: int) -> HttpResponse:
    return picture_of(_released(engagement_for(request, pk, "see_report")), page)


@require_GET
def general_use_pdf(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "see_report")
    found = _released(engagement)
    return pdf_file(general_use.download(found, by=engagement.member.user), f"{found.number}.pdf")
