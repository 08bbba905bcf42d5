"""Running numbers of requests, files and populations within their engagement."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Length


def next_code(given: QuerySet[Any], prefix: str) -> str:
    """The number after the highest one in `given`, such as REQ-014.

    The engagement's row must be locked (`workflow.locked`) in this transaction: two at once would get the same.
    """
    last = given.order_by(Length("code").desc(), "-code").values_list("code", flat=True).first()
    return f"{prefix}-{int(last.rpartition('-')[2]) + 1 if last else 1:03d}"
