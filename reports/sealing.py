"""The firm's electronic seal on an issued report, and what a seal found in a file says.

A PAdES signature (ETSI EN 319 142-1, level B-B; B-T with the time of TIMESTAMP_URL) that certifies the file and
allows no change after it (DocMDP 1, ISO 32000-1, 12.8.2.2). pyHanko signs and judges; its `bottom_line` is our
verdict. Readers' copies are signed in two steps (reports/copying.py): `reserve` and `signature`.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from asn1crypto import parser, tsp, x509  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, load_der_x509_certificate, load_pem_x509_certificates
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfReadError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import cms_embedder, constants, pdf_byterange
from pyhanko.sign.timestamps import TimeStamper, TimestampRequestError
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from accounts.certificates import Signer
from audit import timestamps

FIELD = "Seal"
# Room for a signature with its certificates, in hexadecimal digits.
RESERVED = 2 * 16_384
# Of the marks in a file from anybody these are looked at; a report of ours has one.
MOST_MARKS = 8
# How pyHanko fails where the bytes of a signature are no CMS any more, or name what it does not know.
UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, NotImplementedError)
_REASON = re.compile(rb"/Reason\s{0,4}\(([ -'*-~]{1,200})\)")
_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")
_SIGNATURE = re.compile(rb"/Contents\s{0,4}<([0-9A-Fa-f]{1024,65536})>")
TIME, NO_TIME = "%Y%m%d%H%M%S", "20000101000000"


class SealError(Exception):
    """The report could not be sealed. The message says why."""


class _Update(IncrementalPdfFileWriter):
    """Leaves the metadata as they are: a copy has its reader's name in them, at a place that is overwritten."""

    def _update_meta(self) -> None:
        pass


class _Hand(signers.Signer):
    """Signs with the key at hand; pyHanko's own signer opens it anew, and checks it for long, each time."""

    def __init__(self, signer: Signer) -> None:
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        store.register_multiple(_known(one) for one in signer.chain)
        super().__init__(signing_cert=_known(signer.certificate), cert_registry=store)
        self.key = signer.key

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        if isinstance(self.key, RSAPrivateKey):
            return self.key.sign(data, PKCS1v15(), SHA256())
        return self.key.sign(data, ECDSA(SHA256()))


class _Clock(TimeStamper):
    """The installation's timestamp authority, asked and checked as for the audit trail."""

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        digest = req["message_imprint"]["hashed_message"].native
        return tsp.TimeStampResp.load(timestamps.answer(req.dump(), digest))


def seal(pdf: bytes, signer: Signer, *, name: str, reason: str, location: str) -> bytes:
    """The PDF with the firm's seal as an incremental update.

    Where a timestamp authority is set, the seal bears its time. Raises SealError; timestamps.Unavailable when the
    authority gives no time: then it is to be tried again later.
    """
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
    clock = _Clock() if timestamps.wanted() else None  # type: ignore[no-untyped-call]
    try:
        sealed = signers.sign_pdf(_Update(io.BytesIO(pdf)), meta, _Hand(signer), timestamper=clock)
    except TimestampRequestError as error:
        raise timestamps.Unavailable(str(error)) from error
    except (SigningError, PdfReadError) as error:
        raise SealError(f"The report could not be sealed: {error}") from error
    return bytes(sealed.getvalue())


@dataclass(frozen=True)
class Reserved:
    """A PDF with an empty signature: from where to where it stands, brackets included, and where its time."""

    content: bytes
    start: int
    end: int
    time: int


def reserve(pdf: bytes, *, name: str, reason: str, location: str) -> Reserved:
    """Put an empty signature into a PDF, to be filled in later. Raises SealError."""
    signature = pdf_byterange.SignatureObject(
        timestamp=dt.datetime.strptime(NO_TIME, TIME).replace(tzinfo=dt.UTC),
        subfilter=SigSeedSubFilter.PADES,
        name=name,
        reason=reason,
        location=location,
        bytes_reserved=RESERVED,
    )
    no_changes = cms_embedder.SigMDPSetup(md_algorithm="sha256", certify=True, docmdp_perms=MDPPerm.NO_CHANGES)
    try:
        writer = _Update(io.BytesIO(pdf))
        writer.ensure_output_version((1, 7))  # type: ignore[no-untyped-call]
        writer.register_extension(constants.ESIC_EXTENSION_1)
        steps = cms_embedder.PdfCMSEmbedder(SigFieldSpec(FIELD)).write_cms(FIELD, writer)
        next(steps)
        steps.send(cms_embedder.SigObjSetup(signature, no_changes))
        prepared, out = steps.send(cms_embedder.SigIOSetup(md_algorithm="sha256"))
    except (SigningError, PdfReadError) as error:
        raise SealError(f"No place for a signature could be made: {error}") from error
    content, end = bytes(out.getvalue()), prepared.reserved_region_end
    return Reserved(content, prepared.reserved_region_start, end, content.index(NO_TIME.encode(), end))


def signature(digest: bytes, signer: Signer) -> bytes:
    """The signature (CMS, DER) over a SHA-256: what belongs at the place that `reserve` has kept."""
    made: bytes = asyncio.run(_Hand(signer).async_sign(digest, "sha256", use_pades=True)).dump()
    return made


@dataclass(frozen=True)
class Seal:
    """What a seal in a file says. `sound`: whole, unaltered since, and of a certificate that is trusted.

    `at`: the time that an authority has given it; None without such a time, or one that does not hold.
    """

    subject: str
    sound: bool
    intact: bool
    words: str
    at: dt.datetime | None = None


def seals_in(pdf: bytes, trusted: Certificate, *, at: dt.datetime | None = None, authority: str = "") -> list[Seal]:
    """The seals of a file, judged with one certificate as the root of trust; none for a file that is no PDF.

    `at`: when the file is known to have been there (a certificate that expired later has signed well); else now.
    `authority`: certificates (PEM) of the one whose times count.
    """
    known = load_pem_x509_certificates(authority.encode()) if authority else []
    context, clock = _trusting([trusted], at), _trusting(known, at)
    usage = KeyUsageConstraints(key_usage={"digital_signature", "non_repudiation"}, match_all_key_usages=False)
    found = []
    try:
        for one in PdfFileReader(io.BytesIO(pdf)).embedded_signatures:
            status = validate_pdf_signature(one, context, ts_validation_context=clock, key_usage_settings=usage)
            stated = status.timestamp_validity
            found.append(
                Seal(
                    subject=status.signing_cert.subject.human_friendly,
                    # The verdict takes no notice of bytes behind the last revision, or behind the signature.
                    sound=bool(status.bottom_line)
                    and status.coverage == SignatureCoverageLevel.ENTIRE_FILE
                    and _filled_with_zeros(one.pkcs7_content),
                    intact=bool(status.intact and status.valid),
                    words=status.summary(),
                    at=stated.timestamp if stated and stated.valid and stated.intact and stated.trusted else None,
                )
            )
    except (PdfReadError, SignatureValidationError, *UNREADABLE) as error:
        found.append(Seal(subject="", sound=False, intact=False, words=f"The seal cannot be read: {error}"))
    return found


def _filled_with_zeros(reserved: bytes) -> bool:
    """Whether nothing stands in the room that was reserved for a signature but the signature (DER)."""
    return not reserved[parser.peek(reserved) :].strip(b"\0")


def _trusting(certificates: Iterable[Certificate], at: dt.datetime | None) -> ValidationContext:
    roots = [_known(one) for one in certificates]
    return ValidationContext(trust_roots=roots, moment=at, allow_fetching=False, revocation_mode="soft-fail")


def sealed_with(pdf: bytes) -> list[str]:
    """The certificates, as PEM, of the signatures in a file that is known to be one of ours."""
    found = []
    with contextlib.suppress(PdfReadError, ValueError):
        for one in PdfFileReader(io.BytesIO(pdf)).embedded_signatures:
            signer = load_der_x509_certificate(one.signer_cert.dump())
            found.append(signer.public_bytes(Encoding.PEM).decode())
    return found


def _plain(text: bytes) -> str:
    """A string of a PDF with its signs that are written as three octal digits."""
    return _OCTAL.sub(lambda one: bytes([int(one[1], 8)]), text).decode("latin-1")


def broken(certificate: Certificate) -> Seal:
    """The seal of a report in a file that is another one than it was put on."""
    subject = _known(certificate).subject.human_friendly
    return Seal(subject, sound=False, intact=False, words="The file is not the one that was sealed.")


@dataclass(frozen=True)
class Marks:
    """What stands in the bytes of a file: reasons for which it says to be signed, and signatures."""

    reasons: tuple[str, ...]
    signatures: frozenset[bytes]


def marks_in(content: bytes) -> Marks:
    """What of seals stands in a file, whatever became of it since.

    The file may come from anybody: it is searched as it is, and never read as PDF, which can take any time and
    room. A signature lies in no packed part of a PDF: what is around its place is hashed (ISO 32000-1, 12.8.1).
    """
    reasons = dict.fromkeys(_plain(one[1]) for one in islice(_REASON.finditer(content), MOST_MARKS))
    signatures = {one[1].lower() for one in islice(_SIGNATURE.finditer(content), MOST_MARKS)}
    return Marks(tuple(reasons), frozenset(signatures))


def _known(certificate: Certificate) -> x509.Certificate:
    return x509.Certificate.load(certificate.public_bytes(Encoding.DER))
