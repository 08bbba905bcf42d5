from __future__ import annotations

from django.http import HttpRequest

from distribution.models import Grant
from engagements.frame import section
from engagements.models import Engagement


def readers(engagement: Engagement, request: HttpRequest) -> int | None:
    return Grant.objects.filter(engagement=engagement, revoked_at__isnull=True).count() or None


section(
    "distribution",
    "Distribution",
    "distribution:distribution",
    position=30,
    needs=("see_distribution",),
    count=readers,
)
