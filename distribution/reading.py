"""The reader's way: open the link, say who you are, accept the terms, download your copy. All of it is logged."""

from __future__ import annotations

import dataclasses
import hashlib

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.certificates import NoSigner, Signer, signer_of
from accounts.models import Firm, hash_token
from accounts.sealed import Unreadable
from audit.context import EVERYBODY, acting_for, current_ip
from audit.trail import action, record
from distribution.agreements import current
from distribution.granting import issued_report
from distribution.models import Acceptance, AccessEvent, Grant, NonDisclosureAgreement, PartyClass
from engagements.register import findings
from reports import storage
from reports.copying import Reader, copy
from reports.models import Issuance

log = structlog.get_logger(__name__)

OPENED = action("reader.opened", "recorded that {target} opened the invitation")
ACCEPTED = action("reader.accepted", "recorded that {target} accepted the terms")
DOWNLOADED = action("reader.downloaded", "recorded that {target} downloaded the report")
REFUSED = action("reader.refused", "refused {target}: {reason}")


class Refused(Exception):
    """The reader may not; the message says why in words for the reader."""


@dataclasses.dataclass(frozen=True)
class Visitor:
    """From where the reader comes: address from the request's context, agent as the browser says."""

    user_agent: str = ""


def find(token: str) -> Grant | None:
    """The grant of a link that was not used yet, or None."""
    # Whose link it is shows only in the row itself.
    with acting_for(EVERYBODY):
        grant = Grant.objects.select_related("engagement__client").filter(token_hash=hash_token(token)).first()
    if grant is None:
        log.warning("reader_link_unknown", ip=current_ip())
    return grant


def open_link(grant: Grant, *, visitor: Visitor) -> Grant:
    """Use up the link: it proves the e-mail address once. Raises Refused when it was used or access has ended."""
    with transaction.atomic():
        grant = Grant.objects.select_for_update(of=("self",)).select_related("engagement").get(pk=grant.pk)
        reason = _standing("read", grant)
        if not reason and grant.token_used_at is not None:
            reason = "This link was used before. Ask for a new one below: it comes to your e-mail address."
        if reason:
            _log(grant, AccessEvent.Kind.REFUSED, visitor, reason=reason)
            record(REFUSED, by=None, engagement=grant.engagement, target=grant, reason=reason)
        else:
            grant.token_used_at = timezone.now()
            grant.save(update_fields=["token_used_at"])
            _log(grant, AccessEvent.Kind.OPENED, visitor)
            record(OPENED, by=None, engagement=grant.engagement, target=grant)
    if reason:
        raise Refused(reason)
    return grant


def view_terms(grant: Grant, *, visitor: Visitor) -> NonDisclosureAgreement:
    """The terms in force, with the view logged. Raises Refused when access has ended."""
    with transaction.atomic():
        agreement = current(grant.engagement)
        reason = _standing("read", grant) or ("" if agreement else "The company has published no terms yet.")
        if reason:
            _log(grant, AccessEvent.Kind.REFUSED, visitor, reason=reason)
            record(REFUSED, by=None, engagement=grant.engagement, target=grant, reason=reason)
        else:
            _log(grant, AccessEvent.Kind.VIEWED, visitor, agreement=agreement)
    if reason or agreement is None:
        raise Refused(reason)
    return agreement


def accept(
    grant: Grant, *, agreement_sha256: str, party_class: str, knows: bool, typed_name: str, visitor: Visitor
) -> Acceptance:
    """Accept exactly the text that was shown (`agreement_sha256`) as a specified party.

    Raises Refused (logged too) when access has ended; ValidationError for a missing class, knowledge or name, or
    when the client has published a new text since the page was shown.
    """
    try:
        return _accept(grant, agreement_sha256, party_class, knows, typed_name, visitor)
    except Refused as refused:
        with transaction.atomic():
            _log(grant, AccessEvent.Kind.REFUSED, visitor, reason=str(refused))
            record(REFUSED, by=None, engagement=grant.engagement, target=grant, reason=str(refused))
        raise


@transaction.atomic
def _accept(
    grant: Grant, agreement_sha256: str, party_class: str, knows: bool, typed_name: str, visitor: Visitor
) -> Acceptance:
    grant = Grant.objects.select_for_update(of=("self",)).select_related("engagement").get(pk=grant.pk)
    reason = _standing("read", grant)
    if reason:
        raise Refused(reason)
    agreement = current(grant.engagement)
    errors: dict[str, str] = {}
    if party_class not in PartyClass.values:
        errors["party_class"] = "Say which of the specified parties you are."
    if not knows:
        errors["knows"] = "The report is for readers who know these things; confirm that you do."
    if typed_name.strip().casefold() != grant.name.casefold():
        errors["typed_name"] = f"Type your name as in the invitation: {grant.name}"
    if errors:
        raise ValidationError(errors)
    if agreement is None or agreement.sha256 != agreement_sha256:
        raise ValidationError(
            "The terms have changed since this page was shown. Read the text below and accept it."
        )
    acceptance, created = Acceptance.objects.get_or_create(
        grant=grant,
        agreement=agreement,
        defaults={
            "agreement_sha256": agreement.sha256,
            "typed_name": typed_name.strip(),
            "ip": current_ip(),
            "user_agent": visitor.user_agent[:300],
        },
    )
    if created:
        grant.party_class, grant.knowledge_declared_at = party_class, timezone.now()
        grant.save(update_fields=["party_class", "knowledge_declared_at"])
        _log(grant, AccessEvent.Kind.ACCEPTED, visitor, agreement=agreement)
        record(
            ACCEPTED,
            by=None,
            engagement=grant.engagement,
            target=grant,
            version=agreement.version,
            sha256=agreement.sha256,
            party_class=party_class,
        )
    return acceptance


@dataclasses.dataclass(frozen=True)
class Copy:
    """A reader's own file of the report."""

    content: bytes
    name: str
    sha256: str


def download(grant: Grant, *, visitor: Visitor) -> Copy:
    """Make the reader's copy, marked with name, e-mail and time on every page (R65), and log it (R64).

    Fails when the log cannot be written: no copy without a record. Raises Refused (logged too) when R62 does not
    hold, storage.Altered when the stored report is not the one that was issued.
    """
    with transaction.atomic():
        grant = (
            Grant.objects.select_for_update(of=("self",))
            .select_related("engagement__client", "engagement__firm")
            .get(pk=grant.pk)
        )
        reason = _standing("download", grant)
        issuance = issued_report(grant.engagement)
        if reason or issuance is None:
            _log(grant, AccessEvent.Kind.REFUSED, visitor, reason=reason, issuance=issuance)
            record(REFUSED, by=None, engagement=grant.engagement, target=grant, reason=reason)
        else:
            made = _copy_for(grant, issuance)
            agreement = current(grant.engagement)
            _log(
                grant,
                AccessEvent.Kind.DOWNLOADED,
                visitor,
                agreement=agreement,
                issuance=issuance,
                report_sha256=issuance.pdf_sha256,
                copy_sha256=made.sha256,
            )
            record(
                DOWNLOADED,
                by=None,
                engagement=grant.engagement,
                target=grant,
                report=issuance.number,
                report_sha256=issuance.pdf_sha256,
                copy_sha256=made.sha256,
            )
            return made
    raise Refused(reason)


def _copy_for(grant: Grant, issuance: Issuance) -> Copy:
    reader = Reader(grant.name, grant.email, str(grant.pk), timezone.now(), issuance.pdf_sha256)
    assert issuance.prepared is not None  # as every current report's
    prepared = storage.pdf_of(grant.engagement_id, issuance.prepared_sha256)
    content = copy(prepared, issuance.prepared, reader, _signer(grant.engagement.firm))
    name = f"SOC 2 report {issuance.number} {grant.engagement.client.short}.pdf"
    return Copy(content, name, hashlib.sha256(content).hexdigest())


def replaced_copies(grant: Grant) -> list[str]:
    """The numbers of the reports of which the reader has a copy, and which are not current any more."""
    taken = AccessEvent.objects.filter(grant=grant, kind=AccessEvent.Kind.DOWNLOADED)
    gone = taken.exclude(issuance__state=Issuance.State.CURRENT).order_by("issuance__number")
    return [str(number) for number in gone.values_list("issuance__number", flat=True).distinct()]


def _signer(firm: Firm) -> Signer | None:
    """The firm's key; None when it has none that is valid now: a reader's copy need not be signed."""
    try:
        return signer_of(firm)
    except NoSigner:
        return None
    except Unreadable:
        log.exception("signing_key_unreadable", firm=firm.pk)
        return None


def _standing(step: str, grant: Grant) -> str:
    found = findings(step, grant)
    return found[0].text if found else ""


def _log(
    grant: Grant,
    kind: AccessEvent.Kind,
    visitor: Visitor,
    *,
    reason: str = "",
    agreement: NonDisclosureAgreement | None = None,
    issuance: Issuance | None = None,
    report_sha256: str = "",
    copy_sha256: str = "",
) -> None:
    AccessEvent.objects.create(
        engagement=grant.engagement,
        grant=grant,
        kind=kind,
        reason=reason[:200],
        agreement=agreement,
        issuance=issuance,
        report_sha256=report_sha256,
        copy_sha256=copy_sha256,
        ip=current_ip(),
        user_agent=visitor.user_agent[:300],
    )
