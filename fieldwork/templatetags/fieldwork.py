"""Tags of fieldwork that pages of any app may carry; `{% load fieldwork %}`."""

from __future__ import annotations

from typing import Any

from django import template

from fieldwork.models import ReviewNote
from fieldwork.noting import url_of

register = template.Library()


@register.inclusion_tag("fieldwork/_note_button.html", takes_context=True)
def review_notes(context: Any, kind: str, key: object) -> dict[str, Any]:
    """The button to the review notes at a thing, with the number that is open; nothing for the client's side."""
    engagement, may = context.get("engagement"), context.get("may") or ()
    if engagement is None or "see_fieldwork" not in may:
        return {}
    target = f"{kind}:{key}"
    return {
        "url": url_of(engagement, target),
        "count": ReviewNote.objects.filter(engagement=engagement, target=target, cleared_at__isnull=True).count(),
    }
