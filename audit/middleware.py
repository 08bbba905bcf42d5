"""Makes the client's address, behind our own proxies, known to the trail while a request runs."""

from __future__ import annotations

from collections.abc import Callable

from allauth.core.internal.httpkit import get_client_ip
from django.http import HttpRequest, HttpResponse

from audit.context import reset_ip, set_ip


class RequestContext:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = set_ip(get_client_ip(request))
        try:
            return self.get_response(request)
        finally:
            reset_ip(token)
