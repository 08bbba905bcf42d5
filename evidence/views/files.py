"""Pages of evidence files."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.forms import refuse
from accounts.listing import narrow
from engagements.frame import frame
from engagements.models import Engagement
from engagements.roles import engagement_for
from evidence import uploads
from evidence.citing import uses_of
from evidence.forms import AlsoForm, DatesForm, ExplainForm, PolicyForm, UploadForm
from evidence.models import EvidenceFile, FileCheck, FileQuerySet, RequestQuerySet
from evidence.policy import GB, MB, policy_of, used
from evidence.policy import change as change_policy
from evidence.storage import Altered
from evidence.validation import CONTENT_TYPES
from evidence.verifying import verify_one
from evidence.views.requests import (
    SEE,
    answer_upload,
    may_work,
    receive_all,
    request_for,
    requests_for,
    unfinished,
    user_of,
)

ON_A_PAGE = 500


def _visible(request: HttpRequest, engagement: Engagement) -> FileQuerySet:
    found = EvidenceFile.objects.visible_as(engagement, user_of(request))
    return found.select_related("request", "uploaded_by", "replaces", "replaced_by", "checked").prefetch_related(
        "also_answers"
    )


@require_GET
def show_files(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, *SEE)
    return _files_page(request, engagement, UploadForm())


def _files_page(request: HttpRequest, engagement: Engagement, form: UploadForm, status: int = 200) -> HttpResponse:
    asked = " ".join(request.GET.get("text", "").split())[:200]
    visible = _visible(request, engagement)
    found = visible.saying(asked) if asked else visible
    count = found.count()
    # A list for scripts to filter and sort is sent as a whole; a longer one by pages, filtered here.
    by_pages = count > ON_A_PAGE
    rows: Sequence[EvidenceFile] | FileQuerySet = found
    if not by_pages or "nojs" in request.GET:
        rows = narrow(
            request.GET,
            found,
            text=lambda file: f"{file.code} {file.name} {file.request or ''} {file.uploaded_by}",
            kind=lambda file: file.kind,
            only=_groups,
        )
        count = len(rows)
    pages = Paginator(rows, ON_A_PAGE)
    pages.count = count
    page = pages.get_page(request.GET.get("page"))
    rows = list(page.object_list)
    for file in rows:
        file.groups = " ".join(_groups(file))  # type: ignore[attr-defined]
        file.scan = scan_of(file)  # type: ignore[attr-defined]
    context = {
        **frame(request, engagement, "requests"),
        "rows": rows,
        "page": page,
        "by_pages": by_pages,
        "count": count,
        "asked": asked,
        "scanner": bool(settings.SCANNER_URL),
        "altered": list(visible.exclude(checked__altered="").filter(checked__isnull=False)),
        "may_set_policy": may_work(engagement) and "manage_engagement" in engagement.may,
        "kinds": sorted(visible.order_by().values_list("kind", flat=True).distinct()),
        "upload_form": form,
        "may_obtain": may_work(engagement) and {"see_fieldwork", "upload_evidence"} <= engagement.may,
        "of_firm": "see_fieldwork" in engagement.may,
        "types": " ".join(CONTENT_TYPES),
        "upload_max": (largest := policy_of(engagement).largest),
        "upload_max_mb": largest >> 20,
        "unfinished": unfinished(request, engagement, None),
    }
    return render(request, "evidence/files.html", context, status=status)


def _groups(file: EvidenceFile) -> list[str]:
    """In which of the list's filters the file falls."""
    groups = ["current" if file.is_current else "replaced"]
    if file.findings:
        groups.append("remarked")
    if file.unexplained:
        groups.append("unexplained")
    if file.obtained_by_auditor:
        groups.append("auditor")
    return [*groups, scan_of(file).scan]


@require_POST
def obtain(request: HttpRequest, pk: int) -> HttpResponse:
    """Evidence that the auditor obtained, for no request."""
    engagement = engagement_for(request, pk, "record_tests")
    form = UploadForm(request.POST, request.FILES)
    received, problems = receive_all(request, engagement, form)
    if not request.accepts("text/html"):
        return answer_upload(received, problems)
    for problem in problems:
        messages.error(request, problem)
    return redirect("evidence:files", pk=pk)


def file_for(request: HttpRequest, pk: int, code: str, *needed: str) -> tuple[Engagement, EvidenceFile]:
    """Engagement and file for a view; 404 for a file that the person does not see."""
    engagement = engagement_for(request, pk, *needed)
    file = get_object_or_404(_visible(request, engagement), code=code)
    file.engagement = engagement
    return engagement, file


@require_GET
def show_file(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    engagement, file = file_for(request, pk, code, *SEE)
    return _file_page(request, engagement, file)


def _file_page(
    request: HttpRequest, engagement: Engagement, file: EvidenceFile, form: DatesForm | None = None
) -> HttpResponse:
    of_firm = "see_fieldwork" in engagement.may
    open_to_client = file.uploaded_by_id == user_of(request).pk and (
        file.request is None or uploads.takes_files(file.request)
    )
    first = {"speaks_from": file.speaks_from, "speaks_to": file.speaks_to}
    may_date = may_work(engagement) and "upload_evidence" in engagement.may and (of_firm or open_to_client)
    mine = of_firm == file.obtained_by_auditor and may_work(engagement) and "upload_evidence" in engagement.may
    withheld = ""
    try:
        uploads.check_may_open(file, by=user_of(request))
    except uploads.Withheld as error:
        withheld = " ".join(error.messages)
    context = {
        **frame(request, engagement, "requests"),
        "file": file,
        "scan": scan_of(file),
        "scanner": bool(settings.SCANNER_URL),
        "withheld": withheld,
        "may_explain": mine and (file.request is None or uploads.takes_files(file.request)),
        "may_share": mine,
        "also": AlsoForm(requests=others_for(request, engagement, file)) if mine else None,
        "of_firm": of_firm,
        "versions": _chain(request, engagement, file),
        "uses": uses_of(file) if of_firm else [],
        "populations": file.populations.all(),
        "form": form or (DatesForm(initial=first) if may_date else None),
    }
    return render(request, "evidence/file.html", context, status=422 if form is not None else 200)


def _chain(request: HttpRequest, engagement: Engagement, file: EvidenceFile) -> list[EvidenceFile]:
    """All versions of the file, newest first."""
    by_pk = {one.pk: one for one in _visible(request, engagement).filter(request=file.request)}
    newer_of = {one.replaces_id: one for one in by_pk.values() if one.replaces_id}
    newest = file
    while newest.pk in newer_of:
        newest = newer_of[newest.pk]
    chain = [newest]
    while chain[-1].replaces_id in by_pk:
        chain.append(by_pk[chain[-1].replaces_id])
    return chain


@require_POST
def date(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    engagement, file = file_for(request, pk, code, "upload_evidence")
    form = DatesForm(request.POST)
    if form.is_valid():
        try:
            uploads.date(file, by=user_of(request), **form.cleaned_data)
        except ValidationError as error:
            for message in error.messages:
                form.add_error(None, message)
        else:
            messages.success(request, f"The dates of {file.code} are recorded.")
            return redirect(file)
    return _file_page(request, engagement, file, form)


def scan_of(file: EvidenceFile) -> FileCheck:
    """What the machines know of the file; nothing yet is a row too."""
    return getattr(file, "checked", None) or FileCheck(file=file)


def others_for(request: HttpRequest, engagement: Engagement, file: EvidenceFile) -> RequestQuerySet:
    """The requests that a file could answer besides those that it answers."""
    answered = [file.request_id, *(one.pk for one in file.also_answers.all())]
    found = requests_for(request, engagement).exclude(pk__in=[pk for pk in answered if pk])
    return found.unsettled()


@require_POST
def explain(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """A word about a remark of the linter."""
    _, file = file_for(request, pk, code, "upload_evidence")
    form = ExplainForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Write at most 500 characters.")
        return redirect(file)
    try:
        uploads.explain(file, by=user_of(request), **form.cleaned_data)
    except ValidationError as error:
        for message in error.messages:
            messages.error(request, message)
    else:
        messages.success(request, "The explanation is kept: the auditor reads it beside the remark.")
    if request.POST.get("from") == "request" and file.request:
        return redirect(file.request)
    return redirect(file)


@require_POST
def also(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """Let the file answer further requests; `end` names one that it no longer answers."""
    engagement, file = file_for(request, pk, code, "upload_evidence")
    by = user_of(request)
    try:
        if ended := request.POST.get("end"):
            _, asked = request_for(request, pk, ended, "upload_evidence")
            uploads.no_longer_answers(file, asked, by=by)
        else:
            form = AlsoForm(request.POST, requests=others_for(request, engagement, file))
            if not form.is_valid():
                messages.error(request, "Choose at least one request that is not accepted yet.")
                return redirect(file)
            uploads.answer_also(file, form.cleaned_data["requests"], by=by)
    except ValidationError as error:
        for message in error.messages:
            messages.error(request, message)
    return redirect(file)


@require_http_methods(["GET", "POST"])
def policy(request: HttpRequest, pk: int) -> HttpResponse:
    """What files this engagement takes."""
    engagement = engagement_for(request, pk, "manage_engagement")
    now = policy_of(engagement)
    first = {"largest_mb": now.largest // MB, "quota_gb": max(1, now.quota // GB), "hold_unscanned": now.hold}
    form = PolicyForm(request.POST or None, initial=first)
    if request.method == "POST" and form.is_valid():
        try:
            change_policy(engagement, by=user_of(request), **form.cleaned_data)
        except ValidationError as error:
            refuse(form, error)
        else:
            messages.success(request, "What files are taken is changed.")
            return redirect("evidence:files", pk=pk)
    context = {
        **frame(request, engagement, "requests"),
        "form": form,
        "used": used(engagement),
        "quota": now.quota,
        "scanner": bool(settings.SCANNER_URL),
        "may_change": may_work(engagement),
    }
    return render(request, "evidence/policy.html", context, status=422 if form.errors else 200)


@require_GET
def download(request: HttpRequest, pk: int, code: str) -> HttpResponseBase:
    """The file as it was received; refused when the stored bytes no longer have its hash."""
    engagement, file = file_for(request, pk, code, *SEE)
    try:
        content = uploads.download(file, by=user_of(request))
    except uploads.Withheld as error:
        context = {**frame(request, engagement, "requests"), "file": file, "words": " ".join(error.messages)}
        return render(request, "evidence/withheld.html", context, status=409)
    except Altered:
        verify_one(file)
        context = {**frame(request, engagement, "requests"), "file": file}
        return render(request, "evidence/altered.html", context, status=409)
    return as_attachment(FileResponse(content, content_type=file.content_type), file.name, size=file.size)


def as_attachment(response: FileResponse | HttpResponse, name: str, *, size: int) -> FileResponse | HttpResponse:
    """Headers by which a stranger's file is saved and never run, shown or kept by a cache (security 5.2)."""
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response.headers["Content-Length"] = str(size)
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "private, no-store"
    return response
