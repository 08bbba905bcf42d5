"""Is this file a report of ours? Told to whoever holds the file, by its hash and by the seal in it."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

from cryptography.x509 import load_pem_x509_certificate

from archive.certificates import facts_of
from archive.models import PurgeCertificate
from audit.context import EVERYBODY, acting_for
from distribution.models import AccessEvent
from reports.models import Issuance
from reports.sealing import Seal, sealed_with, seals_in

GENUINE = (Issuance.State.CURRENT, Issuance.State.SUPERSEDED, Issuance.State.WITHDRAWN)


@dataclass(frozen=True)
class Verdict:
    """`state`: current, superseded, withdrawn, altered or unknown; `copy`: a reader's; `seals`: in the file."""

    state: str
    sha256: str
    issuance: Issuance | None = None
    copy: bool = False
    seals: tuple[Seal, ...] = ()

    @property
    def genuine(self) -> bool:
        return self.state in GENUINE

    @property
    def words(self) -> str:
        """The verdict in a sentence."""
        if self.issuance is None:
            return "This file was not issued here, or it was changed after it was issued."
        what = f"report {self.issuance.number} of {self.issuance.snapshot['firm']['name']}"
        if self.state == "altered":
            return f"This file bears the seal of {what}, but it was changed after it was sealed."
        kind = "a reader's copy of " if self.copy else ""
        standing = {
            "current": "It is current.",
            "superseded": "It was superseded: ask for the newer report.",
            "withdrawn": "It was withdrawn: do not rely on it.",
        }[self.state]
        return f"Genuine: this is {kind}{what}, exactly as it was issued. {standing}"


def verify(pdf: bytes) -> Verdict:
    """What is known of a file. Whoever holds it may know: it is looked for by its exact bytes."""
    sha256 = hashlib.sha256(pdf).hexdigest()
    with acting_for(EVERYBODY):
        issued = Issuance.objects.filter(state__in=GENUINE).select_related("engagement__client")
        found = issued.filter(pdf_sha256=sha256).first()
        copy = None if found else _copy_of(sha256)
        if copy is not None:
            found = issued.get(pk=copy.pk)
        found = found or _destroyed(sha256)
        if found is not None:
            return Verdict(found.state, sha256, found, copy is not None, _seals(pdf, found))
        for pem in sealed_with(pdf):
            bears = issued.filter(certificate=pem).order_by("-released_at").first()
            if bears is not None:
                return Verdict("altered", sha256, bears, seals=_seals(pdf, bears))
    return Verdict("unknown", sha256)


def _copy_of(sha256: str) -> Issuance | None:
    """The report of which a file with this hash is a reader's copy."""
    event = AccessEvent.objects.filter(copy_sha256=sha256).select_related("issuance").first()
    return event.issuance if event else None


def _destroyed(sha256: str) -> Issuance | None:
    """What the certificate of a destroyed file says of a report with this hash; its row is gone."""
    for certificate in PurgeCertificate.objects.filter(text__contains=sha256):
        for one in facts_of(certificate)["destroyed"]["reports"]:
            if one["sha256"] == sha256:
                return Issuance(
                    engagement_id=certificate.engagement_id,
                    number=one["number"],
                    state=one["state"],
                    report_date=dt.date.fromisoformat(one["report_date"]),
                    released_at=dt.datetime.fromisoformat(one["released_at"]),
                    pdf_sha256=sha256,
                    snapshot={"firm": {"name": one["firm"]}, "client": {"legal_name": one["client"]}},
                )
    return None


def _seals(pdf: bytes, issuance: Issuance) -> tuple[Seal, ...]:
    if not issuance.certificate:
        return ()
    return tuple(seals_in(pdf, load_pem_x509_certificate(issuance.certificate.encode())))
