"""Proving again who one is: whoever sits at an open session is not yet the person who may sign.

An act that is bound to a secret (signing, issuing) asks for it in the act: `prove`. Other grave acts
(`settings.GRAVE_ACTS`) want a proof of the last minutes: `proved_recently`, a page asks where there is none.

Who has no secret to type (a passkey, the organization's single sign-on) confirms by that on a page of its own, and
the act that follows at once takes a ticket for it, which counts once.
"""

from __future__ import annotations

import datetime as dt
import secrets
import time
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts.models import User
from audit.refusals import GUESSING, PROOF, note

TRIES = 5
MINUTES = 15
SIGNED_IN_AT = "signed_in_at"
# Where the provider of a single sign-on says when it last asked the person, this is that moment.
PROVED_AT = "proved_at"
# How long after a confirmation the act that it was for may follow.
AT_ONCE = dt.timedelta(minutes=5)
SALT = "accounts.proving"


def prove(user: User, secret: str) -> None:
    """Raise ValidationError on `password` unless `secret` is this person's password, a code of their second
    factor (authenticator app or recovery code), or a ticket; codes and tickets count once.

    After five wrong ones it is refused for fifteen minutes, so that an open session is no place to guess.
    """
    key = f"prove:{user.pk}"
    cache.add(key, 0, MINUTES * 60)
    if int(cache.get(key) or 0) >= TRIES:
        note(GUESSING, by=user)
        raise ValidationError({"password": f"Too many wrong ones. Try again in {MINUTES} minutes."})
    if not (user.check_password(secret) or _is_code(user, secret) or _is_ticket(user, secret)):
        try:
            cache.incr(key)
        except ValueError:
            cache.set(key, 1, MINUTES * 60)
        note(PROOF, by=user)
        asked = secret_asked(user)
        words = f"This is not {asked[0].lower()}{asked[1:]}" if asked else "This does not prove that it is you"
        raise ValidationError({"password": f"{words}. Nothing was signed or issued."})
    cache.delete(key)


def _is_code(user: User, secret: str) -> bool:
    if not secret.strip().isdigit():
        return False
    codes = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.WEBAUTHN)
    return any(one.wrap().validate_code(secret.strip()) for one in codes)


def _is_ticket(user: User, secret: str) -> bool:
    try:
        account, number = signing.loads(secret, salt=SALT, max_age=AT_ONCE)
    except signing.BadSignature:
        return False
    return bool(account == user.pk and cache.add(f"ticket:{number}", True, int(AT_ONCE.total_seconds())))


def ticket(request: HttpRequest) -> str:
    """Stands for a secret in the act that follows a confirmation of the last minutes; "" without one."""
    if not confirmed(request):
        return ""
    return signing.dumps([request.user.pk, secrets.token_urlsafe(12)], salt=SALT)


def confirmed(request: HttpRequest) -> bool:
    """Whether the person confirmed, on the page for that, by passkey or single sign-on within the last minutes."""
    return any(
        time.time() - one["at"] < AT_ONCE.total_seconds() and _without_secret(one) for one in _proofs(request)
    )


def _without_secret(proof: dict[str, Any]) -> bool:
    return bool(proof["method"] == "socialaccount" or proof.get("type") == Authenticator.Type.WEBAUTHN)


def secret_asked(user: User) -> str:
    """What this person can type to prove who they are, as the label of a field; "" when there is nothing."""
    types = set(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    codes = [
        words
        for kind, words in (
            (Authenticator.Type.TOTP, "a code of your authenticator app"),
            (Authenticator.Type.RECOVERY_CODES, "a recovery code"),
        )
        if kind in types
    ]
    known = [*(["your password"] if user.has_usable_password() else []), *codes]
    words = " or ".join(filter(None, [", ".join(known[:-1]), *known[-1:]]))
    return f"{words[:1].upper()}{words[1:]}"


def has_passkey(user: User) -> bool:
    return bool(Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).exists())


def note_sign_in(request: HttpRequest, user: User) -> None:
    """Keep in the session since when it is this person's, and since when that is proved."""
    request.session[SIGNED_IN_AT] = time.time()
    told = getattr(request, "proved_elsewhere_at", None)
    if told is not None and told < time.time():
        request.session[PROVED_AT] = told


def signed_in_at(request: HttpRequest) -> float:
    """When the person of this session signed in (seconds since 1970); 0 when it is not known."""
    return float(request.session.get(SIGNED_IN_AT) or 0)


def signed_in_recently(request: HttpRequest) -> bool:
    """Whether the sign-in itself was a proof of the last minutes: by single sign-on it may be an old one."""
    at = float(request.session.get(PROVED_AT) or signed_in_at(request))
    return time.time() - at < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def proved_recently(request: HttpRequest) -> bool:
    """Whether the person signed in or proved again who they are, in the minutes that a grave act allows."""
    # Not by the library's own question: that takes who has neither password nor second factor at their word.
    return signed_in_recently(request) or any(
        time.time() - one["at"] < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT for one in _proofs(request)
    )


def _proofs(request: HttpRequest) -> list[dict[str, Any]]:
    """The proofs given in this session since the sign-in."""
    return [one for one in get_authentication_records(request, request.user) if one.get("reauthenticated")]
