"""The page preview: pages that just changed, as they will be printed, in a window of their own."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from engagements.frame import frame
from engagements.models import Engagement
from engagements.roles import engagement_for
from reports import previewing

# The firm's side sees all pages, who writes the description those of Sections II and III.
MAY = ("see_fieldwork", "edit_description")


@require_GET
def pages(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, *MAY)
    context = {**frame(request, engagement, "report"), **_shown(engagement)}
    return render(request, "reports/pages.html", context)


@require_GET
def now(request: HttpRequest, pk: int) -> HttpResponse:
    """What the page shows, anew; nothing while that is what it shows already.

    Of `seen` and `behind` the page says when its pages were made and whether it told that they change.
    """
    engagement = engagement_for(request, pk, *MAY)
    context = _shown(engagement)
    preview = context["preview"]
    shows = request.GET.get("seen"), bool(request.GET.get("behind"))
    if shows == (preview.at if preview else "", context["behind"]):
        return HttpResponse(status=204)
    return render(request, "reports/_pages.html", {"engagement": engagement, **context})


@require_GET
def picture(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    engagement = engagement_for(request, pk, *MAY)
    png = previewing.picture(engagement, name, firm="see_fieldwork" in engagement.may)
    if png is None:
        raise Http404("No such page is shown")
    response = HttpResponse(png, content_type="image/png")
    response["Cache-Control"] = "private, max-age=86400, immutable"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _shown(engagement: Any) -> dict[str, Any]:
    of_firm = "see_fieldwork" in engagement.may
    found = previewing.follow(engagement, by=engagement.member.user)
    shown = found.seen_by(firm=of_firm) if found else []
    return {
        "preview": found,
        "behind": _behind(engagement, found),
        "newest": shown[0] if shown else None,
        "shown": shown,
        "of_firm": of_firm,
    }


def _behind(engagement: Engagement, found: previewing.Preview | None) -> bool:
    return not engagement.frozen and (found is None or found.version < previewing.version_of(engagement))
