from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest

from distribution.models import Grant
from engagements.frame import section
from engagements.models import Engagement


def _readers(engagement: Engagement, request: HttpRequest) -> QuerySet[Grant]:
    return Grant.objects.filter(engagement=engagement, revoked_at__isnull=True)


section(
    "distribution",
    "Distribution",
    "distribution:distribution",
    position=30,
    needs=("see_distribution",),
    counted=_readers,
)
