"""Is this file a report of ours? Told to whoever holds the file, by its hash, the seal in it, and what it says."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

from cryptography.x509 import load_pem_x509_certificate
from django.db import models

from accounts.models import User
from archive.certificates import facts_of
from archive.models import PurgeCertificate
from audit.context import EVERYBODY, acting_for
from distribution.models import AccessEvent, Grant
from engagements.models import Engagement
from engagements.roles import roles_with
from reports.copying import claim_in
from reports.models import GeneralUseReport, Issuance
from reports.sealing import Marks, Seal, broken, marks_in, sealed_with, seals_in
from reports.storage import Altered, pdf_of

# Each one is read from the store; firms may number alike.
MOST_NAMED = 20
GENUINE = (Issuance.State.CURRENT, Issuance.State.SUPERSEDED, Issuance.State.WITHDRAWN)


@dataclass(frozen=True)
class Verdict:
    """`state`: current, superseded, withdrawn, altered or unknown; `seals`: in the file.

    `grant`: whose copy it is, of an altered file whose copy it says to be. The reader's name is for those who may
    see who reads the report, and for nobody else who holds the file. `general`: of a SOC 3 report, which belongs to
    that `issuance`.
    """

    state: str
    sha256: str
    issuance: Issuance | None = None
    grant: Grant | None = None
    seals: tuple[Seal, ...] = ()
    general: GeneralUseReport | None = None

    @property
    def genuine(self) -> bool:
        return self.state in GENUINE

    @property
    def copy(self) -> bool:
        return self.grant is not None

    @property
    def words(self) -> str:
        """The verdict in a sentence; it names no reader."""
        if self.issuance is None:
            return "This file was not issued here, or it was changed after it was issued."
        number = f"{self.general}" if self.general else f"report {self.issuance.number}"
        what = f"{number} of {self.issuance.snapshot['firm']['name']}"
        kind = f"the reader's copy for grant {self.grant.pk} of " if self.grant else ""
        if self.state == "altered":
            if self.grant:
                return f"This file says that it is {kind}{what}, but no such copy was made: it was altered."
            return f"This file bears the seal of {what}, but it was changed after it was sealed."
        standing = {
            "current": "It is current.",
            "superseded": "It was superseded: ask for the newer report.",
            "withdrawn": "It was withdrawn: do not rely on it.",
        }[self.state]
        made = "made here" if self.grant else "issued"
        return f"Genuine: this is {kind}{what}, exactly as it was {made}. {standing}"

    def names_reader_to(self, user: User) -> bool:
        """Whether this person may know who the reader is."""
        if self.grant is None:
            return False
        may_see = Engagement.objects.filter(
            pk=self.grant.engagement_id, members__user=user, members__role__in=roles_with("see_distribution")
        )
        return may_see.exists()


def verify(pdf: bytes) -> Verdict:
    """What is known of a file. Whoever holds it may know: it is looked for by its exact bytes.

    Only a file that is one of ours, to the byte, is read as PDF.
    """
    sha256 = hashlib.sha256(pdf).hexdigest()
    with acting_for(EVERYBODY):
        issued = Issuance.objects.filter(state__in=GENUINE).select_related("engagement__client")
        found = issued.filter(pdf_sha256=sha256).first()
        if found is not None:
            return Verdict(found.state, sha256, found, seals=_seals(pdf, found, found.released_at))
        gone = _destroyed(sha256)
        if gone is not None:
            return gone
        general = GeneralUseReport.objects.filter(state__in=GENUINE).select_related("issuance__engagement__client")
        short = general.filter(pdf_sha256=sha256).first()
        if short is not None:
            return Verdict(
                short.state, sha256, short.issuance, seals=_seals(pdf, short, short.released_at), general=short
            )
        made = _copy_of(sha256)
        if made is not None:
            found = issued.get(pk=made[0].pk)
            # The bytes are those that were handed out, and so is the certificate in them.
            return Verdict(found.state, sha256, found, made[1].grant, _seals(pdf, found, made[1].at, own=True))
        claimed = _claimed(pdf)
        if claimed is not None:
            return Verdict("altered", sha256, issued.get(pk=claimed[0].pk), claimed[1])
        marks = marks_in(pdf)
        for bears in _named(marks, issued, general):
            if _is_sealed_so(bears, marks):
                of = bears if isinstance(bears, Issuance) else bears.issuance
                short = None if isinstance(bears, Issuance) else bears
                return Verdict("altered", sha256, of, seals=_broken(bears), general=short)
    return Verdict("unknown", sha256)


def _named(
    marks: Marks, issued: models.QuerySet[Issuance], general: models.QuerySet[GeneralUseReport]
) -> list[Issuance | GeneralUseReport]:
    """The sealed reports that a file names as what was signed."""
    whole = [number for one in marks.reasons if (number := Issuance.number_in(one))]
    short = [number for one in marks.reasons if (number := GeneralUseReport.number_in(one))]
    return [
        *issued.filter(number__in=whole).exclude(certificate="")[:MOST_NAMED],
        *general.filter(number__in=short).exclude(certificate="")[:MOST_NAMED],
    ]


def _is_sealed_so(report: Issuance | GeneralUseReport, marks: Marks) -> bool:
    """Whether this very signature is the one on the report: what a file says of itself anybody can write."""
    try:
        stored = pdf_of(report.engagement_id, report.pdf_sha256)
    except Altered:
        return False
    return not marks.signatures.isdisjoint(marks_in(stored).signatures)


def _copy_of(sha256: str) -> tuple[Issuance, AccessEvent] | None:
    """The download in which a file with this hash was made for a reader, and of which report."""
    event = AccessEvent.objects.filter(copy_sha256=sha256).select_related("grant", "issuance").first()
    return (event.issuance, event) if event and event.issuance else None


def _destroyed(sha256: str) -> Verdict | None:
    """What the certificate of a destroyed file says of a report with this hash; its row is gone."""
    for certificate in PurgeCertificate.objects.filter(text__contains=sha256):
        for one in facts_of(certificate)["destroyed"]["reports"]:
            if one["sha256"] == sha256:
                found = Issuance(
                    engagement_id=certificate.engagement_id,
                    number=one["number"],
                    state=one["state"],
                    report_date=dt.date.fromisoformat(one["report_date"]),
                    released_at=dt.datetime.fromisoformat(one["released_at"]),
                    pdf_sha256=sha256,
                    snapshot={"firm": {"name": one["firm"]}, "client": {"legal_name": one["client"]}},
                )
                short = GeneralUseReport(number=found.number, state=found.state) if one["general_use"] else None
                return Verdict(found.state, sha256, found, general=short)
    return None


def _claimed(pdf: bytes) -> tuple[Issuance, Grant] | None:
    """The report and the grant that a file names as its own, if both are there and belong together."""
    claim = claim_in(pdf)
    if claim is None:
        return None
    issuance = Issuance.objects.filter(state__in=GENUINE, pdf_sha256=claim.issued_sha256).first()
    if issuance is None:
        return None
    grant = Grant.objects.filter(pk=int(claim.grant), engagement=issuance.engagement_id).first()
    return None if grant is None else (issuance, grant)


def _broken(report: Issuance | GeneralUseReport) -> tuple[Seal, ...]:
    """The seal of a report, in a file that is another one than it was put on."""
    return (broken(load_pem_x509_certificate(report.certificate.encode())),)


def _seals(
    pdf: bytes, issuance: Issuance | GeneralUseReport, at: dt.datetime | None = None, *, own: bool = False
) -> tuple[Seal, ...]:
    """`own`: judged with the certificate in the file, which is known to be the firm's."""
    pem = next(iter(sealed_with(pdf)), "") if own else issuance.certificate
    if not pem:
        return ()
    trusted = load_pem_x509_certificate(pem.encode())
    return tuple(seals_in(pdf, trusted, at=at, authority=issuance.authority))
