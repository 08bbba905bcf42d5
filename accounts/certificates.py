"""The certificate with which a firm signs: put on file, replaced, taken off, and opened to sign."""

from __future__ import annotations

import dataclasses
import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.hazmat.primitives.serialization import pkcs12 as container
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import Firm, SigningCertificate, User
from accounts.people import must_administer
from accounts.sealed import resealed, seal, unseal
from audit.trail import action, record

KEPT = action("certificate.kept", "put the signing certificate {target} on file")
REMOVED = action("certificate.removed", "took the signing certificate {target} off")

PURPOSE = "signing certificate"
LARGEST = 200_000
SHORTEST_RSA = 2048


@dataclasses.dataclass(frozen=True)
class Signer:
    """All that is needed to sign: the key, its certificate, and the certificates above it."""

    key: RSAPrivateKey | EllipticCurvePrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]


class NoSigner(Exception):
    """The firm has no certificate that is valid now; the message says which is lacking."""


def opened(pkcs12: bytes, password: str) -> Signer:
    """What a PKCS#12 file holds. Raises ValidationError unless it is a key with its certificate, fit to sign."""
    if len(pkcs12) > LARGEST:
        raise ValidationError({"file": "A PKCS#12 file is a few kilobytes large; this is something else."})
    try:
        key, certificate, others = container.load_key_and_certificates(pkcs12, password.encode() or None)
    except ValueError as error:
        # The library cannot tell a wrong password from a broken file in every case.
        raise ValidationError(
            {"password": "The file does not open with this password, or it is no PKCS#12 file (.p12, .pfx)."}
        ) from error
    if key is None or certificate is None:
        raise ValidationError(
            {"file": "The file holds no private key with its certificate: export it with the key."}
        )
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise ValidationError(
            {"file": "The key is neither RSA nor of an elliptic curve: readers could not check it."}
        )
    if isinstance(key, RSAPrivateKey) and key.key_size < SHORTEST_RSA:
        raise ValidationError({"file": f"The key has {key.key_size} bits; {SHORTEST_RSA} is the least."})
    if key.public_key() != certificate.public_key():
        raise ValidationError({"file": "The key does not belong to the certificate."})
    _must_sign(certificate)
    return Signer(key, certificate, tuple(others))


def _must_sign(certificate: x509.Certificate) -> None:
    """Raise ValidationError when the certificate says of itself that it is not for signing documents."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not (usage.digital_signature or usage.content_commitment):
        raise ValidationError({"file": "The certificate is not made for signatures (key usage)."})


def _check_time(certificate: x509.Certificate, at: dt.datetime) -> None:
    ends, begins = certificate.not_valid_after_utc, certificate.not_valid_before_utc
    if ends <= at:
        raise ValidationError({"file": f"The certificate expired on {ends:%d %b %Y}."})
    if begins > at:
        raise ValidationError({"file": f"The certificate is not valid before {begins:%d %b %Y}."})


@transaction.atomic
def keep(firm: Firm, *, pkcs12: bytes, password: str, by: User) -> SigningCertificate:
    """Put the firm's signing certificate on file, in place of the one there was.

    Raises PermissionDenied but for administrators, ValidationError (wrong password, no key, expired ...).
    """
    must_administer(firm, by)
    signer = opened(pkcs12, password)
    _check_time(signer.certificate, timezone.now())
    Firm.objects.select_for_update().get(pk=firm.pk)
    SigningCertificate.objects.filter(firm=firm).delete()
    found = signer.certificate
    kept = SigningCertificate.objects.create(
        firm=firm,
        **kept_as(signer),
        subject=found.subject.rfc4514_string()[:500],
        issuer=found.issuer.rfc4514_string()[:500],
        serial=f"{found.serial_number:X}",
        sha256=found.fingerprint(SHA256()).hex(),
        valid_from=found.not_valid_before_utc,
        valid_to=found.not_valid_after_utc,
        kept_by=by,
    )
    record(KEPT, by=by, firm=firm, target=kept, sha256=kept.sha256, expires=kept.valid_to.date().isoformat())
    return kept


@transaction.atomic
def remove(certificate: SigningCertificate, *, by: User) -> None:
    """Take it off: its key is gone from here. What it has signed stays signed. Raises PermissionDenied."""
    must_administer(certificate.firm, by)
    record(REMOVED, by=by, firm=certificate.firm, target=certificate, sha256=certificate.sha256)
    certificate.delete()


def signer_of(firm: Firm) -> Signer:
    """The key and certificate with which the firm signs now: the one way to the key.

    Raises NoSigner when none is on file or it is not valid at this moment, Unreadable when SECRET_KEY has changed.
    """
    kept = SigningCertificate.objects.filter(firm=firm).first()
    if kept is None:
        raise NoSigner(f"{firm} has no signing certificate on file.")
    signer = opened_again(kept)
    try:
        _check_time(signer.certificate, timezone.now())
    except ValidationError as error:
        raise NoSigner(" ".join(error.messages)) from error
    return signer


def opened_again(kept: SigningCertificate) -> Signer:
    """What is on file, valid now or not. Raises Unreadable when SECRET_KEY has changed."""
    # It was checked when it was put on file, and the seal says that it is the same: for RSA that takes long.
    key = load_der_private_key(unseal(kept.sealed_key, purpose=PURPOSE), None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey)
    certificate, *chain = x509.load_pem_x509_certificates(kept.certificates.encode())
    return Signer(key, certificate, tuple(chain))


def kept_as(signer: Signer) -> dict[str, str]:
    """What is put on file of a signer, the key sealed.

    The password protected the file on its way; here the seal does, and it need not be known any more.
    """
    key = signer.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return {
        "sealed_key": seal(key, purpose=PURPOSE),
        "certificates": "".join(
            one.public_bytes(Encoding.PEM).decode() for one in (signer.certificate, *signer.chain)
        ),
    }


def reseal(certificate: SigningCertificate) -> None:
    """Put it under the present SECRET_KEY. Raises Unreadable."""
    certificate.sealed_key = resealed(certificate.sealed_key, purpose=PURPOSE)
    certificate.save(update_fields=["sealed_key"])
