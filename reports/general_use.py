"""The SOC 3 report: a second deliverable of the same examination, for general use (domain 1.10).

It is issued from the issued SOC 2 report and nothing else: its snapshot, its conclusions, its date, and the
assertion in the short form that management signed before that report was issued. A worker renders it; it follows
the SOC 2 report when that is superseded or withdrawn.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.proving import prove
from audit.trail import action, record
from engagements.models import Engagement, Stage
from engagements.roles import require
from engagements.workflow import WrongStage, locked
from jobs.models import Job
from jobs.queue import enqueue
from jobs.running import Unrecoverable, finish, hold
from reports import content, storage
from reports.drafting import rendered_and_kept
from reports.general_book import Signed, general_book, why_not
from reports.issuing import under_seal
from reports.models import GeneralUseReport, Issuance, ManagementStatement
from reports.recalling import on_recalled, open_fact
from reports.wording import general_use_text

REQUESTED = action("report.general_use_requested", "decided to issue {target}", firm_only=True)
ISSUED = action("report.general_use_issued", "issued {target}")
FAILED = action("report.general_use_failed", "could not render {target}: it was not issued", firm_only=True)
FOLLOWED = action("report.general_use_recalled", "{target} is {state}, like the report it belongs to")
DOWNLOADED = action("report.general_use_downloaded", "downloaded {target}")

State = GeneralUseReport.State
ALIVE = frozenset({State.CURRENT, State.RENDERING})


def current(engagement: Engagement) -> GeneralUseReport | None:
    """The one that is current or being rendered; else the last that was; else the last attempt, that failed."""
    found = list(GeneralUseReport.objects.filter(engagement=engagement).select_related("job", "issued_by"))
    alive = [one for one in found if one.state in ALIVE]
    released = [one for one in found if one.released_at is not None]
    return next(iter([*alive, *released, *found]), None)


def released(engagement: Engagement) -> GeneralUseReport | None:
    """The one that is current, else the last that was."""
    found = list(GeneralUseReport.objects.filter(engagement=engagement, released_at__isnull=False))
    return next((one for one in found if one.state == State.CURRENT), next(iter(found), None))


def signed_for(issuance: Issuance) -> ManagementStatement | None:
    """The assertion for general use that stands."""
    return (
        ManagementStatement.objects.filter(
            engagement=issuance.engagement_id,
            kind=ManagementStatement.Kind.GENERAL_USE,
            superseded_at__isnull=True,
        )
        .order_by("-pk")
        .first()
    )


def hindrances(issuance: Issuance, signed: ManagementStatement | None) -> list[str]:
    """Why no SOC 3 report can be issued from this report, in words; empty when one can."""
    try:
        snapshot = content.validate(issuance.snapshot)
    except content.ContentError:
        return ["The stored content of the issued report cannot be read: no SOC 3 report can be printed from it."]
    found = why_not(snapshot)
    if found:
        return found
    if signed is None:
        return [
            (
                "Management has not signed its assertion for general use. It is signed with the other statements, "
                "before the report is issued."
            )
        ]
    if signed.text != general_use_text(snapshot):
        return ["What management signed for general use is not what the issued report says. It cannot be printed."]
    if signed.stated_on > issuance.report_date:
        return ["The assertion for general use is dated after the report (R49)."]
    return []


@transaction.atomic
def issue(engagement: Engagement, *, by: User, password: str) -> GeneralUseReport:
    """Issue the SOC 3 report of the report that is current: the partner's act, with the password asked for again.

    Raises PermissionDenied, WrongStage (nothing issued, the file locked, one there already), ValidationError (wrong
    password; what stands in the way; a fact that is open).
    """
    require(engagement, by, "issue_report")
    prove(by, password)
    engagement = locked(engagement)
    # Again: whoever waited for the lock may have lost the role meanwhile.
    require(engagement, by, "issue_report")
    if engagement.stage != Stage.ISSUED:
        raise WrongStage("A SOC 3 report is issued from the issued report, before the file is locked.")
    issuance = Issuance.objects.filter(engagement=engagement, state=Issuance.State.CURRENT).first()
    if issuance is None:
        raise WrongStage("No report is current: there is nothing to issue it from.")
    if GeneralUseReport.objects.filter(engagement=engagement, state__in=ALIVE).exists():
        raise WrongStage("The SOC 3 report is there already, or being rendered.")
    if open_fact(engagement) is not None:
        raise ValidationError("Decide first about the fact that became known after the issue.")
    signed = signed_for(issuance)
    reasons = hindrances(issuance, signed)
    if reasons or signed is None:
        raise ValidationError(reasons)
    made = GeneralUseReport.objects.create(
        engagement=engagement,
        issuance=issuance,
        statement=signed,
        number=f"{issuance.number}-SOC3",
        content_sha256=issuance.content_sha256,
        issued_by=by,
    )
    made.job = enqueue(
        "report.general_use",
        key=f"report.general_use:{made.pk}",
        by=by,
        engagement_id=engagement.pk,
        payload={"report": made.pk},
    )
    made.save(update_fields=["job"])
    record(REQUESTED, by=by, engagement=engagement, target=made, content_sha256=made.content_sha256)
    return made


def render(job: Job) -> dict[str, Any]:
    """The work of a job "report.general_use": print, seal and release at once."""
    made = GeneralUseReport.objects.select_related("issuance", "statement").get(pk=job.payload["report"])
    if made.state == State.CURRENT:
        return {"report": made.pk, "sha256": made.pdf_sha256}
    if made.state != State.RENDERING:
        raise Unrecoverable(f"{made}: {made.get_state_display().lower()}.")
    try:
        snapshot = content.validate(made.issuance.snapshot)
    except content.ContentError as error:
        raise Unrecoverable(str(error)) from error
    if content.digest(snapshot) != made.content_sha256:
        raise Unrecoverable("The stored content does not have the hash under which the report was issued.")
    statement = made.statement
    signed = Signed(
        statement.text, statement.signatory_name, statement.signatory_title, statement.stated_on.isoformat()
    )

    def sealed(pdf: bytes) -> bytes:
        return under_seal(made, pdf, snapshot)

    book = general_book(snapshot, signed, number=made.number)
    rendered = rendered_and_kept(job, made.engagement_id, book, sealed=sealed)
    with transaction.atomic():
        held = hold(job)
        engagement = locked(made.engagement)
        if engagement.stage != Stage.ISSUED:
            raise Unrecoverable("The file was locked, or the engagement opened again, meanwhile.")
        if not Issuance.objects.filter(pk=made.issuance_id, state=Issuance.State.CURRENT).exists():
            raise Unrecoverable("The report it belongs to was recalled meanwhile.")
        made.pdf_sha256, made.pages = rendered.sha256, rendered.pages
        made.state, made.released_at = State.CURRENT, timezone.now()
        made.save(update_fields=["pdf_sha256", "certificate", "authority", "pages", "state", "released_at"])
        record(
            ISSUED,
            by=made.issued_by,
            engagement=engagement,
            target=made,
            content_sha256=made.content_sha256,
            pdf_sha256=rendered.sha256,
            pages=rendered.pages,
        )
        result: dict[str, Any] = {"report": made.pk, "pages": rendered.pages, "sha256": rendered.sha256}
        finish(held, result)
    return result


def failed(job: Job) -> None:
    """Rendering failed for good: it was not issued, and may be issued again."""
    made = GeneralUseReport.objects.select_for_update().get(pk=job.payload["report"])
    if made.state != State.RENDERING:
        return
    made.state = State.FAILED
    made.save(update_fields=["state"])
    record(FAILED, by=None, engagement=made.engagement, target=made, reason=job.error)


@on_recalled
def follow(issuance: Issuance, newer: Issuance | None, by: User) -> None:
    """With the SOC 2 report its SOC 3 report is superseded or withdrawn."""
    found = GeneralUseReport.objects.filter(issuance=issuance, state__in=ALIVE)
    for made in found.select_for_update():
        if made.state == State.RENDERING:
            made.state = State.FAILED
        else:
            made.state = State.SUPERSEDED if newer else State.WITHDRAWN
        made.save(update_fields=["state"])
        record(
            FOLLOWED,
            by=by,
            engagement=issuance.engagement,
            target=made,
            state=made.get_state_display().lower() if made.released_at else "not issued",
        )


@transaction.atomic
def download(made: GeneralUseReport, *, by: User) -> bytes:
    """The issued PDF, its hash checked; who took it is on record."""
    pdf = storage.pdf_of(made.engagement_id, made.pdf_sha256)
    record(DOWNLOADED, by=by, engagement=made.engagement, target=made, sha256=made.pdf_sha256)
    return pdf
