"""Tags of fieldwork that pages of any app may carry; `{% load fieldwork %}`."""

from __future__ import annotations

from collections import Counter
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
    if not hasattr(engagement, "open_notes"):
        # Once a page, however many buttons stand on it.
        engagement.open_notes = Counter(
            ReviewNote.objects.filter(engagement=engagement, cleared_at__isnull=True).values_list(
                "target", flat=True
            )
        )
    return {"url": url_of(engagement, target), "count": engagement.open_notes[target]}
