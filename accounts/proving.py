"""Proving again who one is: whoever sits at an open session is not yet the person who may sign.

An act that is bound to a secret (signing, issuing) asks for it in the act: `prove`. Other grave acts
(`settings.GRAVE_ACTS`) want a proof of the last minutes: `proved_recently`, a page asks where there is none.
"""

from __future__ import annotations

import time

from allauth.account.internal.flows.reauthentication import (
    did_recently_reauthenticate,
    get_reauthentication_flows,
)
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts.models import User

TRIES = 5
MINUTES = 15
SIGNED_IN_AT = "signed_in_at"


def prove(user: User, secret: str) -> None:
    """Raise ValidationError on `password` unless `secret` is this person's password or a code of their second
    factor (authenticator app or recovery code; each code counts once).

    After five wrong ones it is refused for fifteen minutes, so that an open session is no place to guess.
    """
    key = f"prove:{user.pk}"
    cache.add(key, 0, MINUTES * 60)
    if int(cache.get(key) or 0) >= TRIES:
        raise ValidationError({"password": f"Too many wrong passwords. Try again in {MINUTES} minutes."})
    if not (user.check_password(secret) or _is_code(user, secret)):
        try:
            cache.incr(key)
        except ValueError:
            cache.set(key, 1, MINUTES * 60)
        raise ValidationError({"password": "This is not your password. Nothing was signed or issued."})
    cache.delete(key)


def _is_code(user: User, secret: str) -> bool:
    if not secret.strip().isdigit():
        return False
    codes = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.WEBAUTHN)
    return any(one.wrap().validate_code(secret.strip()) for one in codes)


def note_sign_in(request: HttpRequest, user: User) -> None:
    """Keep in the session since when it is this person's."""
    request.session[SIGNED_IN_AT] = time.time()


def signed_in_at(request: HttpRequest) -> float:
    """When the person of this session signed in (seconds since 1970); 0 when it is not known."""
    return float(request.session.get(SIGNED_IN_AT) or 0)


def signed_in_recently(request: HttpRequest) -> bool:
    return time.time() - signed_in_at(request) < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def proved_recently(request: HttpRequest) -> bool:
    """Whether the person signed in or proved again who they are, in the minutes that a grave act allows."""
    # Who has neither password nor second factor can prove nothing but by signing in anew.
    return signed_in_recently(request) or (
        bool(get_reauthentication_flows(request.user)) and did_recently_reauthenticate(request)
    )
