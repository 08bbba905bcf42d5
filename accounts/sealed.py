"""Secrets that the product must be able to use (a signing key, a client secret): sealed before they are stored.

The keys are derived from SECRET_KEY, one for each purpose, so that what was sealed for one never opens as another.
After SECRET_KEY has changed, what the former one (SECRET_KEY_FALLBACKS) has sealed still opens, and `resealed`
puts it under the present one.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes

SALT = b"attestry.sealed"


class Unreadable(Exception):
    """Neither the present SECRET_KEY nor a former one opens what was sealed."""


def seal(secret: bytes, *, purpose: str) -> str:
    """What may be stored of a secret. `purpose` is needed again to open it."""
    return _keys(purpose).encrypt(secret).decode()


def unseal(sealed: str, *, purpose: str) -> bytes:
    """The secret. Raises Unreadable when it was sealed with another key or for another purpose, or altered."""
    try:
        return _keys(purpose).decrypt(sealed)
    except InvalidToken as error:
        raise Unreadable("SECRET_KEY is not the one with which this was sealed: enter it anew.") from error


def resealed(sealed: str, *, purpose: str) -> str:
    """The same secret under the present SECRET_KEY. Raises Unreadable."""
    return seal(unseal(sealed, purpose=purpose), purpose=purpose)


def _keys(purpose: str) -> MultiFernet:
    return MultiFernet([_key(secret, purpose) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str | bytes, purpose: str) -> Fernet:
    derived = HKDF(SHA256(), 32, SALT, purpose.encode()).derive(force_bytes(secret))
    return Fernet(urlsafe_b64encode(derived))
