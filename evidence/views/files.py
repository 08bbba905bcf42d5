"""Pages of evidence files."""

from __future__ import annotations

import structlog
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_POST

from accounts.listing import narrow
from engagements.frame import frame
from engagements.models import Engagement
from engagements.roles import engagement_for
from evidence import uploads
from evidence.citing import uses_of
from evidence.forms import DatesForm, UploadForm
from evidence.models import EvidenceFile
from evidence.storage import Altered
from evidence.validation import CONTENT_TYPES
from evidence.views.requests import SEE, answer_upload, may_work, receive_all, user_of

log = structlog.get_logger(__name__)


def _visible(request: HttpRequest, engagement: Engagement) -> QuerySet[EvidenceFile]:
    found = EvidenceFile.objects.visible_as(engagement, user_of(request))
    return found.select_related("request", "uploaded_by", "replaces", "replaced_by")


@require_GET
def show_files(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, *SEE)
    return _files_page(request, engagement, UploadForm())


def _files_page(request: HttpRequest, engagement: Engagement, form: UploadForm, status: int = 200) -> HttpResponse:
    rows = narrow(
        request.GET,
        _visible(request, engagement),
        text=lambda file: f"{file.code} {file.name} {file.request or ''} {file.uploaded_by}",
        kind=lambda file: file.kind,
        only=_groups,
    )
    for file in rows:
        file.groups = " ".join(_groups(file))  # type: ignore[attr-defined]
    context = {
        **frame(request, engagement, "requests"),
        "rows": rows,
        "kinds": sorted({file.kind for file in rows}),
        "upload_form": form,
        "may_obtain": may_work(engagement) and {"see_fieldwork", "upload_evidence"} <= engagement.may,
        "of_firm": "see_fieldwork" in engagement.may,
        "types": " ".join(CONTENT_TYPES),
        "upload_max": settings.UPLOAD_MAX_BYTES,
        "upload_max_mb": settings.UPLOAD_MAX_BYTES >> 20,
    }
    return render(request, "evidence/files.html", context, status=status)


def _groups(file: EvidenceFile) -> list[str]:
    """In which of the list's filters the file falls."""
    groups = ["current" if file.is_current else "replaced"]
    if file.findings:
        groups.append("remarked")
    if file.obtained_by_auditor:
        groups.append("auditor")
    return groups


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


def _file(request: HttpRequest, pk: int, code: str, *needed: str) -> tuple[Engagement, EvidenceFile]:
    engagement = engagement_for(request, pk, *needed)
    file = get_object_or_404(_visible(request, engagement), code=code)
    file.engagement = engagement
    return engagement, file


@require_GET
def show_file(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    engagement, file = _file(request, pk, code, *SEE)
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
    context = {
        **frame(request, engagement, "requests"),
        "file": file,
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
    engagement, file = _file(request, pk, code, "upload_evidence")
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


@require_GET
def download(request: HttpRequest, pk: int, code: str) -> HttpResponseBase:
    """The file as it was received; refused when the stored bytes no longer have its hash."""
    engagement, file = _file(request, pk, code, *SEE)
    try:
        content = uploads.download(file, by=user_of(request))
    except Altered as error:
        log.error("evidence_altered", engagement=engagement.pk, file=file.code, error=str(error))
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
