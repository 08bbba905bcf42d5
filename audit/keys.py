"""The key that signs checkpoints: from the environment, or made once below the home folder."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings


def signing_key() -> Ed25519PrivateKey:
    """The key of AUDIT_KEY, else the one of AUDIT_KEY_FILE, which is made when there is none yet."""
    return Ed25519PrivateKey.from_private_bytes(settings.AUDIT_KEY or _kept(settings.AUDIT_KEY_FILE))


def _kept(file: Path) -> bytes:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        # Whole or not there at all, and never over one that another process has made meanwhile. 0600 by mkstemp.
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=file.name)
        try:
            os.write(descriptor, secrets.token_bytes(32).hex().encode())
            os.fsync(descriptor)
            os.link(name, file)
        except FileExistsError:
            pass
        finally:
            os.close(descriptor)
            Path(name).unlink()
    return bytes.fromhex(file.read_text())


def fingerprint(public: bytes) -> str:
    """How a key is named in checkpoints and on paper: the SHA-256 of its 32 bytes."""
    return hashlib.sha256(public).hexdigest()


def trusted() -> dict[str, Ed25519PublicKey]:
    """The public keys whose checkpoints count, by fingerprint: that of today and those of AUDIT_FORMER_KEYS."""
    own = [signing_key().public_key().public_bytes_raw()]
    raw = own + [bytes.fromhex(key) for key in settings.AUDIT_FORMER_KEYS]
    return {fingerprint(public): Ed25519PublicKey.from_public_bytes(public) for public in raw}
