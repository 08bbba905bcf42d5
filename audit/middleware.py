"""Makes the client's address, behind our own proxies, and the person known while a request runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from allauth.core.internal.httpkit import get_client_ip
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from audit.context import acting_for, reset_ip, reset_means, set_ip, set_means

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class RequestContext:
    """Stands behind the authentication. A request that only reads runs in one transaction."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        ip = set_ip(get_client_ip(request))
        # Of a program: the person narrowed to what its token is for (accounts.tokens).
        means = set_means(getattr(request, "by_means_of", ""))
        person = getattr(request, "person", None) or (request.user if request.user.is_authenticated else None)
        try:
            with acting_for(person):
                if request.method in SAFE:
                    with transaction.atomic():
                        response = self.get_response(request)
                else:
                    response = self.get_response(request)
        finally:
            reset_ip(ip)
            reset_means(means)
        if getattr(response, "streaming", False):
            response.streaming_content = _for(person, response.streaming_content)  # type: ignore[attr-defined]
        return response


def _for(person: object, parts: Iterable[bytes]) -> Iterator[bytes]:
    """A response that is made while it is sent is made for the person too."""
    rest = iter(parts)
    while True:
        with acting_for(person):
            part = next(rest, None)
        if part is None:
            return
        yield part
