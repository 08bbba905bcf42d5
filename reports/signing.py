"""Signing and issuing ask for the password again: whoever sits at an open session is not yet the signatory."""

from __future__ import annotations

from django.core.cache import cache
from django.core.exceptions import ValidationError

from accounts.models import User

TRIES = 5
MINUTES = 15


def reauthenticate(user: User, password: str) -> None:
    """Raise ValidationError on `password` unless it is this person's own.

    After five wrong ones it is refused for fifteen minutes, so that an open session is no place to guess.
    """
    key = f"reauthenticate:{user.pk}"
    cache.add(key, 0, MINUTES * 60)
    if int(cache.get(key) or 0) >= TRIES:
        raise ValidationError({"password": f"Too many wrong passwords. Try again in {MINUTES} minutes."})
    if not user.check_password(password):
        try:
            cache.incr(key)
        except ValueError:
            cache.set(key, 1, MINUTES * 60)
        raise ValidationError({"password": "This is not your password. Nothing was signed or issued."})
    cache.delete(key)
