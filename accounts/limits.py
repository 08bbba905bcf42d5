"""How much one person, one token or one stranger may ask for in a time (`settings.LIMITS`).

What costs (renderings, reading of listings), takes much along (exports, downloads) or writes to other people is
counted apart, everything together in the end. Nobody who works comes near the numbers; a script gone wrong, or a
stranger with somebody's session, does. The library that counts wrong passwords counts, in the same cache.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from math import ceil
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core.internal import ratelimit
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from accounts.models import User
from audit.middleware import SAFE
from audit.refusals import LIMIT, note

APP = "attestry"
EVERYTHING = "requests"
STRANGERS = "strangers"
# Reading counts as well as acting; of the others only what is sent does.
ALSO_READING = frozenset({EVERYTHING, STRANGERS, "searches", "exports", "downloads", "parts"})
UNCOUNTED = frozenset({"healthz"})


class Limits:
    """Looks at what is asked for in `process_view`, before anything is read for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        who = whose(request)
        for group in groups(request):
            rates = settings.LIMITS[group]
            if rates and (wait := spend(request, group, rates, who)):
                note(LIMIT, asked=group)
                return too_many(request, wait)
        return None


def whose(request: HttpRequest) -> str:
    """On whose account a request is counted: of a token, else its person, else of a reader, else of a network."""
    user = request.user
    if isinstance(user, User):
        return f"token {user.token.pk}" if user.token is not None else f"person {user.pk}"
    if reader := request.session.get("reader_grant"):
        return f"reader {reader}"
    return f"network {ratelimit.get_ip(request)}"


def groups(request: HttpRequest) -> Iterator[str]:
    """The limits that hold for a request, the narrow ones first."""
    name = request.resolver_match.view_name if request.resolver_match else ""
    if name in UNCOUNTED:
        return
    found = [group for group, routes in settings.LIMITED.items() if name in routes]
    for group in found:
        if group in ALSO_READING or request.method not in SAFE:
            yield group
    if isinstance(request.user, User) and "parts" not in found:
        yield EVERYTHING


def spend(request: HttpRequest, group: str, rates: str, who: str) -> int:
    """Count one request; 0, or the seconds until there is room for it."""
    # The library counts by a key of ours where a rate says "key".
    config = {group: ",".join(f"{one.strip()}/key" for one in rates.split(","))}
    if ratelimit.consume(request, app=APP, action=group, config=config, key=who, limit_get=True):
        return 0
    waits = [1.0]
    for rate in ratelimit.parse_rates(config[group]):
        spent = cache.get(ratelimit.get_cache_key(request, app=APP, action=group, rate=rate, key=who)) or []
        if len(spent) >= rate.amount:
            waits.append(spent[rate.amount - 1] + rate.duration - time.time())
    return ceil(max(waits))


def too_many(request: HttpRequest, wait: int = 60) -> HttpResponse:
    """429, in the manner in which it was asked, with the seconds to wait."""
    words = f"That was too much in too short a time. Wait {wait} seconds, then go on; nothing was changed."
    status = HTTPStatus.TOO_MANY_REQUESTS
    if request.path_info.startswith("/api/"):
        problem = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": words}
        answer: HttpResponse = JsonResponse(problem, status=status, content_type="application/problem+json")
    elif "application/json" in request.headers.get("Accept", "") or get_adapter().is_ajax(request):
        answer = JsonResponse({"error": words}, status=status)
    elif request.headers.get("HX-Request") or request.headers.get("Tus-Resumable"):
        answer = HttpResponse(words, status=status, content_type="text/plain; charset=utf-8")
    else:
        answer = render(request, "429.html", {"wait": wait}, status=status)
    answer.headers["Retry-After"] = str(wait)
    return answer


def too_many_guesses(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The library's own limits at sign-in and account (`config.urls.handler429`)."""
    note(LIMIT, asked="requests of the sign-in and account pages")
    return too_many(request)
