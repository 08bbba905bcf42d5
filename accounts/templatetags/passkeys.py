"""What the account's pages show and what the script of passkeys reads from them."""

from __future__ import annotations

import json
from typing import Any

from django import template
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.urls import reverse

register = template.Library()

# The first that occurs: what Chromium's descendants call themselves comes before what they stem from.
BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


@register.filter
def browser(user_agent: str) -> str:
    """A browser and its system in words: "Firefox on Windows"."""
    name = next((name for sign, name in BROWSERS if sign in user_agent), "A browser")
    system = next((name for sign, name in SYSTEMS if sign in user_agent), "")
    return f"{name} on {system}" if system else name


@register.simple_tag
def operators_area(user: Any) -> str:
    """Where the operators' area is, for those to whom it opens; else ""."""
    return reverse("operators:overview") if settings.OPERATORS and getattr(user, "is_staff", False) else ""


@register.filter
def as_json(value: Any) -> str:
    """As JSON, for a data attribute: escaped there like any other text."""
    return json.dumps(value, cls=DjangoJSONEncoder)
