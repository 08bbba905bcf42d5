"""Drafts of the report: asked for, rendered by a worker, shown to the client, taken through the steps to ready."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from io import BytesIO
from typing import Any

import pypdfium2
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone
from PIL import Image

from accounts.models import User
from audit.trail import action, record
from engagements.models import Engagement, ReportingStep, Stage
from engagements.register import Blocked, Finding, Severity
from engagements.roles import require
from engagements.workflow import STEPPED, WrongStage, locked, must_be
from jobs.models import Job
from jobs.queue import enqueue
from jobs.running import Unrecoverable, finish, hold, report_progress
from reports import content, likeness, opinion, storage
from reports.book import Book, book_of
from reports.models import QualityReview, Report, SystemDescription
from reports.quality import why_reviewed
from reports.rendering import Rendered, RenderError, press_for, typeset
from reports.shelf import Stored
from reports.snapshot import build, present_sha256

REQUESTED = action("report.draft_requested", "asked for {target}", firm_only=True)
RENDERED = action("report.draft_rendered", "rendered {target}, {pages} pages", firm_only=True)
DOWNLOADED = action("report.draft_downloaded", "downloaded {target}")
REVIEWED = action("report.quality_reviewed", "completed the quality review", firm_only=True)

# A page is shown this many pixels wide: sharp enough to read on a screen.
PAGE_PIXELS = 1100

STEPS = list(ReportingStep)
# Where the quality reviewer is told what recurs in reports for others: each draft of these is compared.
COMPARED = (ReportingStep.QUALITY_REVIEW, ReportingStep.READY)


@transaction.atomic
def request_draft(engagement: Engagement, *, by: User) -> Report:
    """Ask for a draft of the report as it stands now; a worker renders it.

    Asking again for the same content gives the draft that is being rendered, or has been. Raises
    PermissionDenied, WrongStage, ValidationError when the content cannot be printed.
    """
    engagement = locked(engagement)
    require(engagement, by, "render_report")
    must_be(engagement, Stage.FIELDWORK, Stage.REPORTING)
    snapshot = build(engagement)
    try:
        content.validate(snapshot)
    except content.ContentError as error:
        raise ValidationError(error.problems) from error
    sha256 = content.digest(snapshot)
    last = Report.objects.filter(engagement=engagement).order_by("-number").first()
    if last is not None and last.content_sha256 == sha256 and last.state != Report.State.FAILED:
        return last
    draft = Report.objects.create(
        engagement=engagement,
        number=next_number(engagement.pk),
        snapshot=snapshot,
        content_sha256=sha256,
        requested_by=by,
    )
    draft.job = enqueue(
        "report.draft",
        key=f"report.draft:{draft.pk}",
        by=by,
        engagement_id=engagement.pk,
        payload={"report": draft.pk},
    )
    draft.save(update_fields=["job"])
    record(REQUESTED, by=by, engagement=engagement, target=draft, sha256=sha256)
    return draft


def render_draft(job: Job) -> dict[str, Any]:
    """The work of a job "report.draft": PDF, pictures of its pages, then the draft is ready, in one transaction."""
    draft = Report.objects.select_related("engagement").get(pk=job.payload["report"])
    if draft.state == Report.State.READY:
        return {"report": draft.pk}
    if draft.engagement.frozen:
        raise Unrecoverable("The report was issued meanwhile: no draft is rendered any more.")
    rendered = rendered_and_kept(
        job,
        draft.engagement_id,
        book_of(content.validate(draft.snapshot), draft=draft.number, unformed=opinion.unformed(draft.engagement)),
    )
    with transaction.atomic():
        held = hold(job)
        engagement = locked(draft.engagement)
        draft.state, draft.pdf_sha256, draft.pages = Report.State.READY, rendered.sha256, rendered.pages
        draft.rendered_at = timezone.now()
        if engagement.stage == Stage.REPORTING and engagement.reporting_step != ReportingStep.DRAFT:
            draft.shown_to_client_at = draft.rendered_at
        draft.save(update_fields=["state", "pdf_sha256", "pages", "rendered_at", "shown_to_client_at"])
        if engagement.stage == Stage.REPORTING and engagement.reporting_step in COMPARED:
            likeness.ask(draft, by=draft.requested_by)
        record(RENDERED, by=None, engagement=engagement, target=draft, pages=rendered.pages, sha256=rendered.sha256)
        result: dict[str, Any] = {"report": draft.pk, "pages": rendered.pages, "sha256": rendered.sha256}
        finish(held, result)
    return result


def draft_failed(job: Job) -> None:
    """A draft whose job failed for good; the job keeps the reason in words."""
    Report.objects.filter(
        pk=job.payload["report"], state=Report.State.RENDERING, engagement__frozen_at__isnull=True
    ).update(state=Report.State.FAILED)


def rendered_and_kept(
    job: Job, engagement_id: int, book: Book, *, sealed: Callable[[bytes], bytes] | None = None
) -> Rendered:
    """Render to PDF with progress, store it and the pictures of its pages by hash. Raises Unrecoverable.

    `sealed` makes of the PDF the one that is handed out and stored.
    """
    report_progress(job, 3, "Laying out the pages.")

    def on_progress(step: str, done: int, parts: int) -> None:
        report_progress(job, 3 + 67 * done // parts, f"{step}, part {done} of {parts}")

    try:
        rendered = printed(book, engagement_id, on_progress)
    except RenderError as error:
        raise Unrecoverable(str(error)) from error
    report_progress(job, 72, "Storing the PDF.")
    pdf = sealed(rendered.pdf) if sealed is not None else rendered.pdf
    rendered = replace(rendered, pdf=pdf, sha256=storage.keep_pdf(engagement_id, pdf))

    def on_page(page: int, png: bytes) -> None:
        storage.keep_page(engagement_id, rendered.sha256, page, png)
        if page % 10 == 0:
            report_progress(job, 72 + 26 * page // rendered.pages, f"Picture of page {page} of {rendered.pages}")

    each_page(rendered.pdf, on_page)
    report_progress(job, 99, "Finishing.")
    return rendered


def next_number(engagement_id: int) -> int:
    """The number that the next draft of an engagement gets."""
    last = Report.objects.filter(engagement=engagement_id).aggregate(last=models.Max("number"))["last"]
    return (last or 0) + 1


def printed(book: Book, engagement_id: int, on_progress: Callable[[str, int, int], None]) -> Rendered:
    """The PDF of a book, from what was laid out before and with the help of other workers. Raises RenderError."""
    shelf = Stored(engagement_id)
    with press_for(engagement_id) as press:
        return typeset(
            book, shelf, press, on_progress=on_progress, call_help=lambda missing: shelf.call_help(book, missing)
        )


def each_page(pdf: bytes, on_page: Callable[[int, bytes], None], only: Collection[int] = ()) -> None:
    """Call `on_page(number, png)` for every page of the PDF, or `only` for some."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        for index in range(len(document)):
            if only and index + 1 not in only:
                continue
            page = document[index]
            picture = page.render(scale=PAGE_PIXELS / page.get_width()).to_pil()
            on_page(index + 1, _small(picture))
            page.close()
    finally:
        document.close()


def _small(picture: Image.Image) -> bytes:
    """A page has few colours: a palette makes the picture a third of the size."""
    # Pillow's other ways take longer than all the rest of a page; this one mixes paper with the edges of letters.
    reduced = picture.quantize(64, Image.Quantize.FASTOCTREE)
    reduced.putpalette([255 if part == 254 else part for part in reduced.getpalette() or ()])
    out = BytesIO()
    reduced.save(out, "PNG")
    return out.getvalue()


@transaction.atomic
def download(draft: Report, *, by: User) -> bytes:
    """The PDF of a draft, its hash checked; who took it is on record."""
    pdf = storage.pdf_of(draft.engagement_id, draft.pdf_sha256)
    record(DOWNLOADED, by=by, engagement=draft.engagement, target=draft, sha256=draft.pdf_sha256)
    return pdf


def visible_to_client(engagement: Engagement) -> models.QuerySet[Report]:
    """The drafts the client may see: those shown to it, and none while the report is back at draft (R68)."""
    drafts = Report.objects.filter(engagement=engagement, state=Report.State.READY)
    if engagement.stage == Stage.REPORTING and engagement.reporting_step == ReportingStep.DRAFT:
        return drafts.none()
    return drafts.filter(shown_to_client_at__isnull=False)


def next_steps(engagement: Engagement) -> list[ReportingStep]:
    """Where the report may go from its step: one on, or back to any before it."""
    if engagement.stage != Stage.REPORTING or engagement.frozen:
        return []
    here = STEPS.index(ReportingStep(engagement.reporting_step))
    return [*STEPS[here + 1 : here + 2], *reversed(STEPS[:here])]


@transaction.atomic
def move_step(engagement: Engagement, to: ReportingStep | str, *, by: User) -> Engagement:
    """Move the report on by one step, or back to any step before.

    To client review: a draft of the present content is ready, and is shown to the client. To quality review: the
    description is complete, every limb is concluded on and the report date is set. To ready: the quality review is
    completed where one is needed. Raises PermissionDenied, WrongStage, Blocked with what is missing.
    """
    engagement = locked(engagement)
    require(engagement, by, "manage_engagement")
    to = ReportingStep(to)
    must_be(engagement, Stage.REPORTING)
    old = ReportingStep(engagement.reporting_step)
    if to not in next_steps(engagement):
        raise WrongStage(f"The report cannot go from {str(old.label).lower()} to {str(to.label).lower()}.")
    if STEPS.index(to) > STEPS.index(old):
        lacking = list(what_step_lacks(engagement, to))
        if lacking:
            raise Blocked(lacking)
    engagement.reporting_step = to
    engagement.save(update_fields=["reporting_step"])
    if to == ReportingStep.CLIENT_REVIEW and old == ReportingStep.DRAFT:
        draft = newest_ready(engagement)
        if draft is not None:
            draft.shown_to_client_at = timezone.now()
            draft.save(update_fields=["shown_to_client_at"])
    if to == ReportingStep.QUALITY_REVIEW and STEPS.index(old) < STEPS.index(to):
        reviewed_next = newest_ready(engagement)
        if reviewed_next is not None:
            likeness.ask(reviewed_next, by=by)
    record(STEPPED, by=by, engagement=engagement, target=engagement, old=str(old.label), new=str(to.label))
    return engagement


def newest_ready(engagement: Engagement) -> Report | None:
    return Report.objects.filter(engagement=engagement, state=Report.State.READY).order_by("-number").first()


def what_step_lacks(engagement: Engagement, to: ReportingStep) -> list[Finding]:
    """Why the report cannot go on to a step; empty when it can."""
    found: list[Finding] = []
    present = present_sha256(engagement)

    def lacking(rule: str, text: str, url: str, label: str) -> None:
        found.append(Finding(rule, Severity.BLOCK, text, url, label))

    draft = newest_ready(engagement)
    report_url = opinion.page(engagement, "report")
    if to != ReportingStep.READY and (draft is None or draft.content_sha256 != present):
        lacking("R57", "No draft of the present content is rendered.", report_url, "Report")
    if to == ReportingStep.QUALITY_REVIEW:
        if not SystemDescription.objects.filter(engagement=engagement, completed_at__isnull=False).exists():
            lacking(
                "R49", "The description is not complete.", opinion.page(engagement, "description"), "Description"
            )
        for limb in opinion.unformed(engagement):
            lacking(
                "R38",
                f"No conclusion on {str(limb.label).lower()}.",
                opinion.page(engagement, "opinion"),
                "Opinion",
            )
        if engagement.report_date is None:
            lacking("R48", "The report date is not set.", opinion.page(engagement, "opinion"), "Opinion")
    if to == ReportingStep.READY and why_reviewed(engagement) and not reviewed(engagement, present):
        lacking("R53", "The quality review of the present content is not completed.", report_url, "Report")
    return found


def reviewed(engagement: Engagement, sha256: str) -> bool:
    """Whether the quality review of the content with this hash is completed."""
    return QualityReview.objects.filter(engagement=engagement, content_sha256=sha256).exists()


@transaction.atomic
def complete_quality_review(
    engagement: Engagement, *, significant_judgements: str, conclusion: str, by: User
) -> QualityReview:
    """The quality reviewer completes the review of the report as it stands: any later change asks for another.

    Raises PermissionDenied, WrongStage, ValidationError for empty words or when no draft of the present content
    is ready: what was not there to read cannot have been reviewed.
    """
    engagement = locked(engagement)
    require(engagement, by, "complete_quality_review")
    must_be(engagement, Stage.REPORTING)
    if engagement.reporting_step != ReportingStep.QUALITY_REVIEW:
        raise WrongStage("The report is not at quality review.")
    if not significant_judgements.strip():
        raise ValidationError({"significant_judgements": "Name the significant judgements you considered."})
    if not conclusion.strip():
        raise ValidationError({"conclusion": "Say what you conclude."})
    present = content.digest(build(engagement))
    draft = newest_ready(engagement)
    if draft is None or draft.content_sha256 != present:
        raise ValidationError("The content has changed since the last draft. Have it rendered, then review that.")
    review = QualityReview.objects.create(
        engagement=engagement,
        significant_judgements=significant_judgements.strip(),
        conclusion=conclusion.strip(),
        content_sha256=present,
        by=by,
    )
    record(REVIEWED, by=by, engagement=engagement, target=review, sha256=present)
    return review
