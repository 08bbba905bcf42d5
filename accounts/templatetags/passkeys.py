"""What the script of passkeys reads from a page."""

from __future__ import annotations

import json
from typing import Any

from django import template
from django.core.serializers.json import DjangoJSONEncoder

register = template.Library()


@register.filter
def as_json(value: Any) -> str:
    """As JSON, for a data attribute: escaped there like any other text."""
    return json.dumps(value, cls=DjangoJSONEncoder)
