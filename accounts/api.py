"""How programs come in at the interface, and what their token lets them do there."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.models import ApiToken, User

# Routes that write, and which a token with the right to hand in evidence reaches. What is not here, no token does.
HANDS_IN = {"api:files"}


class TokenAuthentication(BaseAuthentication):
    """The person whom `accounts.middleware.BearerTokens` has found; no cookie is asked, and so no CSRF token."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        user: Any = request._request.user  # noqa: SLF001 (Django's request, which the middleware has marked)
        return (user, user.token) if isinstance(user, User) and user.token is not None else None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Attestry"'


class WithinScopes(BasePermission):
    message = "This token is not for that: make one with the right scope."

    def has_permission(self, request: Request, view: Any) -> bool:
        token = request.user.token if isinstance(request.user, User) else None
        if token is None:
            return True
        if request.method in SAFE_METHODS:
            return token.may_read
        match = request._request.resolver_match  # noqa: SLF001
        return token.may_upload and match is not None and match.view_name in HANDS_IN
