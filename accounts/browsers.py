"""Browsers in which a person has signed in before, by a signed cookie (OWASP's "device cookies").

They have their own count of wrong passwords, so that guessing from elsewhere never keeps a person out.
"""

from __future__ import annotations

import datetime as dt
import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from accounts.models import User, hash_token

COOKIE = "__Host-attestry-browser" if settings.HTTPS else "attestry-browser"
SALT = "accounts.browsers"
FOR = dt.timedelta(days=180)


def known_as(request: HttpRequest, email: str) -> str:
    """The number of a browser in which this account was signed in to before, or ""."""
    try:
        found = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=FOR)
    except signing.BadSignature:
        return ""
    account, number = found
    return str(number) if account == hash_token(email.lower()) else ""


def remember(response: HttpResponse, user: User) -> None:
    """Let this browser be known for the person from now on."""
    value = signing.dumps([hash_token(user.email.lower()), secrets.token_urlsafe(12)], salt=SALT)
    response.set_cookie(COOKIE, value, max_age=FOR, secure=settings.HTTPS, httponly=True, samesite="Lax")
