"""What follows when the ways a person signs in change: other sessions end, and the trail tells it."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.http import HttpRequest

from accounts import proving
from accounts.models import User
from accounts.people import end_sessions, firm_of
from audit.trail import Action, action, record

FACTOR_ADDED = action("factor.added", "set up a second factor")
FACTOR_REMOVED = action("factor.removed", "removed a second factor")
FACTOR_RENEWED = action("factor.renewed", "made new recovery codes")
PASSWORD_CHANGED = action("password.changed", "changed their password")


def signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    proving.note_sign_in(request, user)


def factor_added(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Sessions that were opened without the new factor end; the one in which it was set up goes on."""
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        end_sessions(user, but=request.session.session_key)
        _tell(FACTOR_ADDED, user, kind=str(authenticator.type))


def factor_removed(user: User, authenticator: Authenticator, **_: Any) -> None:
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        _tell(FACTOR_REMOVED, user, kind=str(authenticator.type))


def factor_renewed(user: User, authenticator: Authenticator, **_: Any) -> None:
    _tell(FACTOR_RENEWED, user, kind=str(authenticator.type))


def password_changed(user: User, **_: Any) -> None:
    _tell(PASSWORD_CHANGED, user)


def _tell(what: Action, user: User, **detail: Any) -> None:
    with transaction.atomic():
        record(what, by=user, firm=firm_of(user), **detail)
