"""The firm's electronic seal on an issued report, and what a seal found in a file says.

A PAdES signature (ETSI EN 319 142-1, level B-B; B-T with a timestamp) that certifies the file and allows no change
after it (DocMDP 1, ISO 32000-1, 12.8.2.2). pyHanko signs and judges; its `bottom_line` is our verdict.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass

from asn1crypto import keys, x509  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import Certificate, load_der_x509_certificate
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfReadError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from accounts.certificates import Signer

FIELD = "Seal"


class SealError(Exception):
    """The report could not be sealed. The message says why."""


def seal(pdf: bytes, signer: Signer, *, name: str, reason: str, location: str) -> bytes:
    """The PDF with the firm's seal as an incremental update. Raises SealError."""
    meta = signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
        name=name,
        reason=reason,
        location=location,
    )
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple(_known(one) for one in signer.chain)
    key = signer.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    who = signers.SimpleSigner(
        signing_cert=_known(signer.certificate), signing_key=keys.PrivateKeyInfo.load(key), cert_registry=store
    )
    try:
        sealed = signers.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)), meta, who)
    except (SigningError, PdfReadError) as error:
        raise SealError(f"The report could not be sealed: {error}") from error
    return bytes(sealed.getvalue())


@dataclass(frozen=True)
class Seal:
    """What a seal in a file says. `sound`: whole, unaltered since, and of a certificate that is trusted."""

    subject: str
    sound: bool
    intact: bool
    words: str


def seals_in(pdf: bytes, trusted: Certificate) -> list[Seal]:
    """The seals of a file, judged with one certificate as the root of trust; none for a file that is no PDF."""
    context = ValidationContext(trust_roots=[_known(trusted)], allow_fetching=False, revocation_mode="soft-fail")
    usage = KeyUsageConstraints(key_usage={"digital_signature", "non_repudiation"}, match_all_key_usages=False)
    found = []
    try:
        for signature in PdfFileReader(io.BytesIO(pdf)).embedded_signatures:
            status = validate_pdf_signature(signature, context, key_usage_settings=usage)
            found.append(
                Seal(
                    subject=status.signing_cert.subject.human_friendly,
                    # The verdict takes no notice of bytes behind the last revision.
                    sound=bool(status.bottom_line) and status.coverage == SignatureCoverageLevel.ENTIRE_FILE,
                    intact=bool(status.intact and status.valid),
                    words=status.summary(),
                )
            )
    except (PdfReadError, SignatureValidationError, ValueError) as error:
        found.append(Seal(subject="", sound=False, intact=False, words=str(error)))
    return found


def sealed_with(pdf: bytes) -> list[str]:
    """The certificates, as PEM, of the signatures in a file, whatever became of the file since."""
    found = []
    with contextlib.suppress(PdfReadError, ValueError):
        for signature in PdfFileReader(io.BytesIO(pdf)).embedded_signatures:
            signer = load_der_x509_certificate(signature.signer_cert.dump())
            found.append(signer.public_bytes(Encoding.PEM).decode())
    return found


def _known(certificate: Certificate) -> x509.Certificate:
    return x509.Certificate.load(certificate.public_bytes(Encoding.DER))
