"""Certificates that tests sign with."""

from __future__ import annotations

import datetime as dt
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from django.utils import timezone

PASSWORD = "of the file"
DAY = dt.timedelta(days=1)


def a_file(*, days: int = 400, begins: int = -1, key: Any = None, with_key: bool = True, usage: str = "") -> bytes:
    """A PKCS#12 file with one certificate that its own key has signed."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Alder & Finch LLP")])
    now = timezone.now()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(0xABC)
        .not_valid_before(now + min(begins, days - 2) * DAY)
        .not_valid_after(now + days * DAY)
    )
    if usage:
        names = (
            "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign "
            "crl_sign encipher_only decipher_only"
        ).split()
        builder = builder.add_extension(x509.KeyUsage(**{one: one == usage for one in names}), critical=True)
    certificate = builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    sealed = serialization.BestAvailableEncryption(PASSWORD.encode())
    if not with_key:
        return pkcs12.serialize_key_and_certificates(None, None, certificate, None, sealed)
    return pkcs12.serialize_key_and_certificates(b"signing", key, certificate, None, sealed)
