"""Resumable uploads: the server's side of tus 1.0 with creation, termination, expiration and checksum.

A client is told how much has arrived and sends the rest; https://tus.io/protocols/resumable-upload. Every
request asks anew who the person is and what they may do here.
"""

from __future__ import annotations

import base64
import binascii
import errno
import hashlib
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.http import http_date
from django.views.decorators.http import require_http_methods

from engagements.models import Engagement
from engagements.roles import engagement_for
from evidence import resumable, staging, validation
from evidence.forms import DatesForm
from evidence.models import EvidenceFile, EvidenceRequest, Upload
from evidence.policy import policy_of
from evidence.views.requests import requests_for, user_of

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,expiration,checksum"
_DIGESTS = {"sha256": hashlib.sha256, "sha1": lambda: hashlib.sha1(usedforsecurity=False)}
_PART = "application/offset+octet-stream"
_GARBLED = 460


@require_http_methods(["OPTIONS", "POST"])
def begin(request: HttpRequest, pk: int) -> HttpResponse:
    """OPTIONS: what is spoken here. POST: announce a file; Location says where its parts go."""
    engagement = engagement_for(request, pk, "upload_evidence")
    if request.method == "OPTIONS":
        return _answer(
            204,
            {
                "Tus-Version": VERSION,
                "Tus-Extension": EXTENSIONS,
                "Tus-Max-Size": policy_of(engagement).largest,
                "Tus-Checksum-Algorithm": ",".join(_DIGESTS),
            },
        )
    if refused := _other_version(request):
        return refused
    try:
        size = _number(request, "Upload-Length")
        meta = _metadata(request)
        made = resumable.begin(
            _target(request, engagement, meta), size=size, by=user_of(request), **_wanted(request, engagement, meta)
        )
    except resumable.TooLarge as error:
        validation.note_refused(validation.clean_name(meta.get("filename", "")), error)
        return _answer(413, words=" ".join(error.messages))
    except ValidationError as error:
        if isinstance(error, validation.Refused):
            validation.note_refused(validation.clean_name(meta.get("filename", "")), error)
        return _answer(422, words=" ".join(error.messages))
    place = reverse("evidence:resume_upload", args=[pk, made.token])
    return _answer(201, {"Location": place, **_expires(made)})


@require_http_methods(["HEAD", "PATCH", "DELETE", "GET"])
def resume(request: HttpRequest, pk: int, token: Any) -> HttpResponse:
    """HEAD: how much is here. PATCH: a part. DELETE: discard it. GET: what became of it, as JSON."""
    engagement = engagement_for(request, pk, "upload_evidence")
    found = Upload.objects.filter(engagement=engagement, by=user_of(request)).select_related(
        "request", "file", "by"
    )
    upload = get_object_or_404(found, token=token)
    upload.engagement = engagement
    if upload.request:
        upload.request.engagement = engagement
    if request.method == "GET":
        return JsonResponse(_became(upload))
    if refused := _other_version(request):
        return refused
    if upload.state == Upload.State.RECEIVING and upload.expires_at < timezone.now():
        return _answer(410, words="The upload has expired. Begin it again.")
    if request.method == "DELETE":
        return _stop(request, upload)
    return _head(upload) if request.method == "HEAD" else _take(request, upload)


def _head(upload: Upload) -> HttpResponse:
    try:
        return _answer(
            200,
            {"Upload-Offset": resumable.arrived(upload), "Upload-Length": upload.size, **_expires(upload)},
        )
    except staging.Missing:
        return _answer(410)


def _take(request: HttpRequest, upload: Upload) -> HttpResponse:
    if request.content_type != _PART:
        return _answer(415, words=f"Parts are sent as {_PART}.")
    if upload.state != Upload.State.RECEIVING:
        return _answer(409, words="The file has arrived already.")
    try:
        at = _number(request, "Upload-Offset")
        digest, wanted = _checksum(request)
        if at + int(request.headers.get("Content-Length") or 0) > upload.size:
            return _answer(413, words="The part reaches beyond the file's announced end.")
        arrived = resumable.take(upload, request, at=at, by=user_of(request), digest=digest, wanted=wanted)
    except staging.Misplaced as error:
        return _answer(409, {"Upload-Offset": error.offset})
    except ValidationError as error:
        return _answer(422, words=" ".join(error.messages))
    except (staging.Busy, staging.Garbled, staging.Missing, OSError) as error:
        return _broken(error)
    return _answer(204, {"Upload-Offset": arrived, **_expires(upload)})


def _broken(error: Exception) -> HttpResponse:
    """A part that could not be taken; what came before it is kept."""
    if isinstance(error, staging.Busy):
        return _answer(423, words="Another connection is sending this file.")
    if isinstance(error, staging.Garbled):
        return _answer(_GARBLED, words="The part was damaged on its way. Send it again.")
    if isinstance(error, staging.Missing):
        return _answer(410, words="What had arrived of the file is gone. Begin it again.")
    if isinstance(error, UnreadablePostError):
        return _answer(400, words="The connection broke; what had arrived is kept.")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _answer(507, words="The server has no room left. Tell the person who runs it; nothing is lost.")
    raise error


def _stop(request: HttpRequest, upload: Upload) -> HttpResponse:
    try:
        resumable.stop(upload, by=user_of(request))
    except ValidationError as error:
        return _answer(409, words=" ".join(error.messages))
    return _answer(204, {"HX-Trigger": "uploaded"})


def _became(upload: Upload) -> dict[str, Any]:
    """What the page shows of an upload that is complete: received, refused, or still being looked at."""
    found: dict[str, Any] = {"state": upload.state, "name": upload.name}
    if upload.state == Upload.State.REFUSED:
        found["error"] = " ".join(upload.problems)
    elif upload.state == Upload.State.HELD:
        found["message"] = "checked"
    elif upload.file is not None:
        first = [one["message"] for one in upload.file.findings][:1]
        found["message"] = f"{upload.file.code}{': ' + first[0] if first else ' received'}"
    return found


def _target(request: HttpRequest, engagement: Engagement, meta: dict[str, str]) -> EvidenceRequest | Engagement:
    if not meta.get("request"):
        return engagement
    asked = requests_for(request, engagement).filter(code=meta["request"]).first()
    if asked is None:
        raise Http404("No such request")
    asked.engagement = engagement
    return asked


def _wanted(request: HttpRequest, engagement: Engagement, meta: dict[str, str]) -> dict[str, Any]:
    """What else the client says of the file."""
    form = DatesForm(meta)
    if not form.is_valid():
        raise ValidationError([str(word) for errors in form.errors.values() for word in errors])
    replaces = None
    if meta.get("replaces"):
        visible = EvidenceFile.objects.visible_as(engagement, user_of(request))
        replaces = visible.filter(code=meta["replaces"], request__code=meta.get("request", "")).first()
        if replaces is None:
            raise Http404("No such file")
    matched = meta.get("match") == "1"
    if matched and meta.get("request"):
        raise ValidationError("A file that is to be matched is sent for no request yet.")
    if not matched and not meta.get("request") and "see_fieldwork" not in engagement.may:
        raise PermissionDenied("Say which request the file answers.")
    return {"name": meta.get("filename", ""), "replaces": replaces, "to_be_matched": matched, **form.cleaned_data}


def _metadata(request: HttpRequest) -> dict[str, str]:
    """Upload-Metadata: keys, each with a value in base64."""
    found = {}
    for pair in filter(None, (part.strip() for part in request.headers.get("Upload-Metadata", "").split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ValidationError(f"Upload-Metadata: the value of {key[:40]!r} is not base64 of UTF-8.") from error
    return found


def _checksum(request: HttpRequest) -> tuple[Any, bytes]:
    header = request.headers.get("Upload-Checksum", "")
    if not header:
        return None, b""
    name, _, value = header.partition(" ")
    if name not in _DIGESTS:
        raise ValidationError(f"Upload-Checksum: use {' or '.join(_DIGESTS)}.")
    try:
        return _DIGESTS[name](), base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValidationError("Upload-Checksum: the value is not base64.") from error


def _number(request: HttpRequest, header: str) -> int:
    value = request.headers.get(header, "")
    if not (value.isascii() and value.isdigit() and len(value) < 16):
        raise ValidationError(f"{header} must be a whole number.")
    return int(value)


def _other_version(request: HttpRequest) -> HttpResponse | None:
    if request.headers.get("Tus-Resumable") == VERSION:
        return None
    return _answer(412, {"Tus-Version": VERSION}, words=f"Tus-Resumable must be {VERSION}.")


def _expires(upload: Upload) -> dict[str, str]:
    return {"Upload-Expires": http_date(upload.expires_at.timestamp())}


def _answer(status: int, headers: dict[str, Any] | None = None, *, words: str = "") -> HttpResponse:
    response = HttpResponse(words, status=status, content_type="text/plain; charset=utf-8")
    for name, value in {"Tus-Resumable": VERSION, "Cache-Control": "no-store", **(headers or {})}.items():
        response.headers[name] = str(value)
    return response
