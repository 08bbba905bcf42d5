"""The client's non-disclosure agreement: published word for word, version by version."""

from __future__ import annotations

import hashlib

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from audit.trail import action, record
from distribution.models import NonDisclosureAgreement
from engagements.models import Engagement
from engagements.roles import require
from engagements.workflow import locked

PUBLISHED = action("agreement.published", "published {target}")


@transaction.atomic
def publish(engagement: Engagement, *, text: str, by: User) -> NonDisclosureAgreement:
    """Publish the terms that readers of the report accept; readers who accepted an older text accept anew.

    Raises PermissionDenied unless `by` manages distribution (the client does), ValidationError for an empty text or
    one that is already the current one.
    """
    engagement = locked(engagement)
    require(engagement, by, "manage_distribution")
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise ValidationError({"text": "The agreement has no text."})
    latest = current(engagement)
    if latest is not None and latest.text == text:
        raise ValidationError({"text": f"This is the text of version {latest.version} already."})
    agreement = NonDisclosureAgreement.objects.create(
        engagement=engagement,
        version=latest.version + 1 if latest else 1,
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        published_by=by,
    )
    record(PUBLISHED, by=by, engagement=engagement, target=agreement, sha256=agreement.sha256)
    return agreement


def current(engagement: Engagement) -> NonDisclosureAgreement | None:
    """The terms in force, or None when the client has published none: then nobody can read."""
    return NonDisclosureAgreement.objects.filter(engagement=engagement).order_by("-version").first()
