"""What every answer of ours carries, and words where Django has none for a person."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string


class OfThisSite:
    """No page of another site loads what is answered here (OWASP ASVS 5.0, 3.4.8 and 3.5.8)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response


class NotAPage:
    """Who opens an address to which only forms send, after a sign-in or by the browser's history, reads why not.

    The answer was empty, and browsers then show a page of their own that looks as if the site was broken.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        page = request.method == "GET" and "text/html" in request.headers.get("Accept", "")
        if page and response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and isinstance(response, HttpResponse):
            response.content = render_to_string("405.html", request=request)
        return response
