"""What a file shows, in a frame of its own: our own page with pictures and text made here, and no scripts."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from evidence import previews
from evidence.models import EvidenceFile, FileReading
from evidence.storage import Altered
from evidence.uploads import Withheld
from evidence.views.files import file_for
from evidence.views.requests import SEE, user_of

# Pages that are offered beyond those the worker drew; each is drawn when somebody comes to it.
MOST_PAGES = 300
_TEXT = 100_000
# The origin stays ours for the pictures' cookies; no scripts, forms, windows or downloads.
_HEADERS = {
    "Content-Security-Policy": (
        "sandbox allow-same-origin; default-src 'none'; img-src 'self'; style-src 'self'; font-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}


@require_GET
def preview(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """The frame's page. Who looks is on record."""
    _, file = file_for(request, pk, code, *SEE)
    try:
        previews.view(file, by=user_of(request))
    except Withheld as error:
        context: dict[str, Any] = {"file": file, "words": " ".join(error.messages)}
    else:
        context = {"file": file, **_content(file)}
    response = render(request, "evidence/preview.html", context)
    for name, value in _HEADERS.items():
        response.headers[name] = value
    return response


def _content(file: EvidenceFile) -> dict[str, Any]:
    reading = FileReading.objects.filter(file=file).first()
    if reading is None:
        return {"words": "The file is still being read. This takes a moment."}
    shown = reading.preview
    sizes: list[list[int]] = shown.get("sizes", [])
    if sizes:
        count = min(shown["pages"], MOST_PAGES)
        width, height = sizes[0]
        later = [(number, width, height) for number in range(len(sizes) + 1, count + 1)]
        pages = [(number, *size) for number, size in enumerate(sizes, 1)] + later
        return {"pages": pages, "more": shown["pages"] - count}
    if shown.get("tables"):
        return {"tables": shown["tables"]}
    if reading.text.strip():
        return {"text": reading.text[:_TEXT], "cut": shown.get("cut") or len(reading.text) > _TEXT}
    return {"words": "Nothing of this file can be shown here. Download it to see it."}


@require_GET
def page(request: HttpRequest, pk: int, code: str, number: int) -> HttpResponse:
    """One page as a picture."""
    _, file = file_for(request, pk, code, *SEE)
    try:
        picture = previews.page(file, number, by=user_of(request))
    except (previews.NotShown, Withheld, Altered) as error:
        return HttpResponse(str(error), status=404, content_type="text/plain; charset=utf-8")
    response = HttpResponse(picture, content_type="image/webp")
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "private, no-store"
    return response
