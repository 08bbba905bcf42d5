"""Issuing: the one act after which nothing in the engagement can change.

`issue` freezes the engagement and asks a worker for the final rendering; only when that PDF is stored does the
report become current, in the transaction that moves the engagement to issued. If the rendering fails for good
nothing was issued, and the engagement thaws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from cryptography.hazmat.primitives.serialization import Encoding
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.certificates import NoSigner, signer_of
from accounts.models import SigningCertificate, User
from accounts.proving import prove
from accounts.sealed import Unreadable
from audit import timestamps
from audit.trail import action, record
from engagements.models import Engagement, ReportingStep, Stage
from engagements.register import guard
from engagements.roles import require
from engagements.workflow import WrongStage, locked, must_be
from jobs.models import Job
from jobs.queue import enqueue
from jobs.running import Unrecoverable, finish, hold
from reports import content, storage, twin
from reports.approving import approvals, asks_for_two
from reports.book import book_of
from reports.copying import CopyError, prepare
from reports.drafting import rendered_and_kept
from reports.models import GeneralUseReport, Issuance, Report
from reports.recalling import supersede
from reports.sealing import SealError, seal
from reports.snapshot import build

ASKED = action("report.issue_requested", "decided to issue the report from {target}", firm_only=True)
ISSUED = action("report.issued", "issued {target}")
DOWNLOADED = action("report.downloaded", "downloaded {target}")
DATA_DOWNLOADED = action("report.data_downloaded", "downloaded the data of {target}")
FAILED = action("report.issue_failed", "could not render the final report: nothing was issued", firm_only=True)


@transaction.atomic
def issue(engagement: Engagement, *, by: User, password: str, draft: Report) -> Issuance:
    """Issue the report from an approved draft: the partner's act, with the password asked for again.

    Refused in words: PermissionDenied (not the partner), WrongStage (not ready, being issued, issued),
    ValidationError (wrong password; a draft that is not ready or no longer says what the engagement says;
    another draft being rendered), Blocked (rules that guard the step).
    """
    require(engagement, by, "issue_report")
    prove(by, password)
    engagement = locked(engagement)
    # Again: whoever waited for the lock may have lost the role meanwhile.
    require(engagement, by, "issue_report")
    _check_stage(engagement)
    draft = _approved(engagement, draft)
    snapshot = build(engagement)
    if content.digest(snapshot) != draft.content_sha256:
        raise ValidationError(
            f"{draft} no longer says what the engagement says: something has changed since. Render a new draft, "
            "read it, and issue that."
        )
    guard("issue", engagement)
    if asks_for_two(engagement) and all(one.by_id == by.pk for one in approvals(engagement, draft.content_sha256)):
        raise ValidationError("It takes two people to issue: you cannot be both.")
    assert engagement.report_date is not None  # R48 guards the step
    issuance = Issuance.objects.create(
        engagement=engagement,
        draft=draft,
        number=snapshot["report"]["number"],
        snapshot=snapshot,
        content_sha256=draft.content_sha256,
        report_date=engagement.report_date,
        issued_by=by,
    )
    issuance.job = enqueue(
        "report.issue",
        key=f"report.issue:{engagement.pk}",
        by=by,
        engagement_id=engagement.pk,
        payload={"issuance": issuance.pk},
    )
    issuance.save(update_fields=["job"])
    engagement.frozen_at = timezone.now()
    engagement.save(update_fields=["frozen_at"])
    record(ASKED, by=by, engagement=engagement, target=draft, sha256=draft.content_sha256)
    return issuance


def _check_stage(engagement: Engagement) -> None:
    if engagement.frozen and engagement.stage == Stage.REPORTING:
        raise WrongStage("The report is being issued already: the final rendering is under way.")
    must_be(engagement, Stage.REPORTING)
    if engagement.reporting_step != ReportingStep.READY:
        raise WrongStage(
            f"The report is {ReportingStep(engagement.reporting_step).standing}; it is issued when it is ready."
        )


def _approved(engagement: Engagement, draft: Report) -> Report:
    """The draft's row as it stands, of this engagement, ready, and with no other being rendered."""
    found = Report.objects.filter(engagement=engagement, pk=draft.pk).first()
    if found is None:
        raise ValidationError("This draft belongs to another engagement.")
    if found.state != Report.State.READY:
        raise ValidationError(f"{found} is not ready: {found.get_state_display().lower()}.")
    rendering = Report.objects.filter(engagement=engagement, state=Report.State.RENDERING).first()
    if rendering is not None:
        raise ValidationError(f"{rendering} is being rendered. Wait for it, then issue from the newest draft.")
    return found


def render_final(job: Job) -> dict[str, Any]:
    """The work of a job "report.issue": render the frozen content without a mark, then release it at once."""
    issuance = Issuance.objects.get(pk=job.payload["issuance"])
    if issuance.state == Issuance.State.CURRENT:
        return {"issuance": issuance.pk, "sha256": issuance.pdf_sha256}
    if issuance.state != Issuance.State.RENDERING:
        raise Unrecoverable(f"{issuance}: {issuance.get_state_display().lower()}.")
    try:
        snapshot = content.validate(issuance.snapshot)
    except content.ContentError as error:
        raise Unrecoverable(str(error)) from error
    if content.digest(snapshot) != issuance.content_sha256:
        raise Unrecoverable("The stored content does not have the hash under which it was approved.")

    def sealed(pdf: bytes) -> bytes:
        _prepare_copies(issuance, pdf)
        return under_seal(issuance, pdf, snapshot)

    book = replace(book_of(snapshot, draft=None), attached=twin.attached(snapshot))
    rendered = rendered_and_kept(job, issuance.engagement_id, book, sealed=sealed)
    with transaction.atomic():
        held = hold(job)
        engagement = locked(issuance.engagement)
        issuance.pdf_sha256, issuance.pages = rendered.sha256, rendered.pages
        issuance.state, issuance.released_at = Issuance.State.CURRENT, timezone.now()
        supersede(issuance, by=issuance.issued_by)
        issuance.save(
            update_fields=[
                "pdf_sha256",
                "prepared_sha256",
                "prepared",
                "certificate",
                "authority",
                "pages",
                "state",
                "released_at",
            ]
        )
        engagement.stage = Stage.ISSUED
        engagement.save(update_fields=["stage"])
        record(
            ISSUED,
            by=issuance.issued_by,
            engagement=engagement,
            target=issuance,
            content_sha256=issuance.content_sha256,
            pdf_sha256=rendered.sha256,
            pages=rendered.pages,
        )
        result: dict[str, Any] = {"issuance": issuance.pk, "pages": rendered.pages, "sha256": rendered.sha256}
        finish(held, result)
    return result


def _prepare_copies(issuance: Issuance, pdf: bytes) -> None:
    """Make what readers' copies are made from. Raises Unrecoverable."""
    try:
        made = prepare(pdf, reason=f"Reader's copy of report {issuance.number}", **_who(issuance.snapshot))
    except CopyError as error:
        raise Unrecoverable(str(error)) from error
    issuance.prepared_sha256 = storage.keep_pdf(issuance.engagement_id, made.content)
    issuance.prepared = made.places


def _who(snapshot: Mapping[str, Any]) -> dict[str, str]:
    """Who signs, and where."""
    firm = snapshot["firm"]
    return {
        "name": firm["name"],
        "location": ", ".join(part for part in (firm["city"], firm["state"]) if part),
    }


def under_seal(report: Issuance | GeneralUseReport, pdf: bytes, snapshot: Mapping[str, Any]) -> bytes:
    """The PDF under the firm's seal, as it is when the firm has no certificate on file.

    The report gets what the seal is judged by, unsaved. Raises Unrecoverable when there is a certificate that
    cannot sign now: a firm that seals issues nothing without a seal. Raises timestamps.Unavailable when the seal is
    to bear an authority's time and gets none: the job tries again.
    """
    firm = report.engagement.firm
    if not SigningCertificate.objects.filter(firm=firm).exists():
        return pdf
    try:
        signer = signer_of(firm)
        made = seal(pdf, signer, reason=report.reason_of(report.number), **_who(snapshot))
    except (NoSigner, Unreadable, SealError) as error:
        raise Unrecoverable(str(error)) from error
    report.certificate = signer.certificate.public_bytes(Encoding.PEM).decode()
    report.authority = timestamps.trusted() if timestamps.wanted() else ""
    return made


def issue_failed(job: Job) -> None:
    """The final rendering failed for good: nothing was issued, and the engagement can be worked on again."""
    issuance = Issuance.objects.select_for_update().get(pk=job.payload["issuance"])
    if issuance.state != Issuance.State.RENDERING:
        return
    issuance.state = Issuance.State.FAILED
    issuance.save(update_fields=["state"])
    engagement = locked(issuance.engagement)
    engagement.frozen_at = None
    engagement.save(update_fields=["frozen_at"])
    record(FAILED, by=None, engagement=engagement, target=issuance, reason=job.error)


@transaction.atomic
def download(issuance: Issuance, *, by: User) -> bytes:
    """The issued PDF for the people of the engagement, its hash checked; who took it is on record."""
    pdf = storage.pdf_of(issuance.engagement_id, issuance.pdf_sha256)
    record(DOWNLOADED, by=by, engagement=issuance.engagement, target=issuance, sha256=issuance.pdf_sha256)
    return pdf


@transaction.atomic
def download_data(issuance: Issuance, form: str, *, by: User) -> str:
    """The issued report as data, the same that its PDF carries; who took them is on record."""
    text = twin.text_of(content.validate(issuance.snapshot), form)
    record(DATA_DOWNLOADED, by=by, engagement=issuance.engagement, target=issuance, form=form)
    return text


def content_of(engagement: Engagement) -> content.Snapshot:
    """What the issued report says; before the issue, and when it is written anew, what it would say now.

    Something that is the firm's and not the engagement's may change later: an own wording, the peer review.
    """
    if engagement.stage in {Stage.ISSUED, Stage.LOCKED}:
        issued = Issuance.objects.filter(engagement=engagement, released_at__isnull=False).first()
        if issued is not None:
            return cast(content.Snapshot, issued.snapshot)
    return build(engagement)


def current(engagement: Engagement) -> Issuance | None:
    """The issued report, or the one being rendered; else the last attempt, that failed; else None."""
    found = list(Issuance.objects.filter(engagement=engagement).select_related("job", "issued_by", "draft"))
    alive = [one for one in found if one.state in {Issuance.State.CURRENT, Issuance.State.RENDERING}]
    released = [one for one in found if one.released_at is not None]
    return next(iter([*alive, *released, *found]), None)
