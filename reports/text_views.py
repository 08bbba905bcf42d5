"""The report as text: with findings, with comments, beside another draft, beside the firm's other reports."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_POST

from engagements.frame import frame
from engagements.models import Engagement, ReportingStep, Stage
from engagements.roles import engagement_for
from jobs.models import Job
from reports import (
    consistency,
    content,
    differences,
    drafting,
    issuing,
    likeness,
    own_words,
    reading,
    remarks,
    twin,
)
from reports.forms import ClientReviewForm, CommentForm, SettleForm
from reports.models import ClientReview, Report, ReportComment
from reports.wording import OWN, sections


def drafts_of(engagement: Engagement) -> Any:
    """The drafts that the person may see."""
    if engagement.member.of_firm:
        return Report.objects.filter(engagement=engagement)
    return drafting.visible_to_client(engagement)


def _ready(engagement: Engagement, number: int) -> Report:
    """A draft that the person may see, else 404: the client does not learn which drafts there are."""
    found: Report = get_object_or_404(drafts_of(engagement).filter(state=Report.State.READY), number=number)
    found.engagement = engagement
    return found


def _may_comment(engagement: Engagement) -> bool:
    able = any(right in engagement.may for right in remarks.MAY_COMMENT)
    return able and engagement.stage == Stage.REPORTING and not engagement.frozen


@require_GET
def text(request: HttpRequest, pk: int) -> HttpResponse:
    """The report as it stands now, with what the consistency engine finds at each paragraph; the firm's alone."""
    engagement = engagement_for(request, pk, "see_fieldwork")
    snapshot = issuing.content_of(engagement)
    parts = reading.parts(snapshot)
    held = reading.places(parts)
    found: dict[str, list[consistency.Discord]] = defaultdict(list)
    for one in consistency.discords(snapshot):
        found[reading.shown_at(held, one.place)].append(one)
    newest = drafting.newest_ready(engagement)
    context = {
        **frame(request, engagement, "report"),
        "name": "The report as it stands",
        "type_2": engagement.is_type_2,
        "parts": _rows(parts, found=found),
        # As they come in reading.
        "discords": [(place, one) for place in dict.fromkeys(held.values()) for one in found.get(place, ())],
        "count": sum(map(len, found.values())),
        "newest": newest,
        "current": newest is not None and newest.content_sha256 == content.digest(snapshot),
        "own": own_words.used(snapshot),
    }
    return render(request, "reports/text.html", context)


def _rows(
    parts: list[reading.Part],
    *,
    found: dict[str, list[consistency.Discord]] | None = None,
    comments: dict[str, list[ReportComment]] | None = None,
) -> list[dict[str, Any]]:
    found, comments = found or {}, comments or {}
    rows = []
    for part in parts:
        # A section of a single passage bears its anchor there.
        own = all(passage.place != part.section.anchor for passage in part.passages)
        rows.append(
            {
                "section": part.section,
                "anchor": part.section.anchor if own else "",
                "found": found.get(part.section.anchor, ()) if own else (),
                "passages": [
                    {
                        "passage": passage,
                        "found": found.get(passage.place, ()),
                        "comments": comments.get(passage.place, ()),
                    }
                    for passage in part.passages
                ],
            }
        )
    return rows


def _draft_text(request: HttpRequest, engagement: Engagement, draft: Report, **forms: Any) -> HttpResponse:
    snapshot = content.validate(draft.snapshot)
    of_firm = engagement.member.of_firm
    comments: dict[str, list[ReportComment]] = defaultdict(list)
    for one in remarks.comments(draft, of_firm=of_firm):
        comments[one.place].append(one)
    said = [one for some in comments.values() for one in some]
    reviews = list(ClientReview.objects.filter(draft=draft).select_related("by"))
    before = (
        drafts_of(engagement).filter(state=Report.State.READY, number__lt=draft.number).order_by("-number").first()
    )
    under_review = (
        not of_firm
        and _may_comment(engagement)
        and engagement.reporting_step == ReportingStep.CLIENT_REVIEW
        and all(one.by_id != engagement.member.user_id for one in reviews)
    )
    context = {
        **frame(request, engagement, "report"),
        "name": f"{draft}, as text",
        "type_2": engagement.is_type_2,
        "draft": draft,
        "parts": _rows(reading.parts(snapshot), comments=comments),
        "of_firm": of_firm,
        "may_comment": _may_comment(engagement),
        "at": forms.get("at") or request.GET.get("at", ""),
        "comment_form": forms.get("comment") or CommentForm(),
        "settle": request.GET.get("settle", ""),
        "settle_form": SettleForm(),
        "open_comments": [one for one in said if one.settled_at is None],
        "settled_comments": [one for one in said if one.settled_at is not None],
        "reviews": reviews,
        "under_review": under_review,
        "review_form": forms.get("review") or ClientReviewForm(),
        "before": before,
    }
    return render(request, "reports/text.html", context, status=422 if forms else 200)


@require_GET
def draft_text(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "see_report")
    return _draft_text(request, engagement, _ready(engagement, number))


@require_POST
def comment(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    engagement = engagement_for(request, pk, *remarks.MAY_COMMENT)
    draft = _ready(engagement, number)
    form, place = CommentForm(request.POST), request.POST.get("place", "")
    if form.is_valid():
        try:
            remarks.comment(
                draft,
                place=place,
                text=form.cleaned_data["text"],
                internal=form.cleaned_data["internal"],
                by=engagement.member.user,
            )
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            return redirect(f"{reverse('reports:draft_text', args=[pk, number])}#{place}")
    return _draft_text(request, engagement, draft, comment=form, at=place)


@require_POST
def settle_comment(request: HttpRequest, pk: int, number: int, comment: int) -> HttpResponse:
    engagement = engagement_for(request, pk, *remarks.MAY_COMMENT)
    draft = _ready(engagement, number)
    found = get_object_or_404(remarks.comments(draft, of_firm=engagement.member.of_firm), pk=comment)
    form = SettleForm(request.POST)
    try:
        if not form.is_valid():
            raise ValidationError("The answer is too long.")
        found.draft = draft
        remarks.settle(found, answer=form.cleaned_data["answer"], by=engagement.member.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect(f"{reverse('reports:draft_text', args=[pk, number])}#{found.place}")


@require_POST
def client_review(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """The client says that it has read the draft."""
    engagement = engagement_for(request, pk, "edit_description")
    draft = _ready(engagement, number)
    form = ClientReviewForm(request.POST)
    if form.is_valid():
        try:
            remarks.client_has_read(draft, note=form.cleaned_data["note"], by=engagement.member.user)
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            messages.success(request, f"Thank you. {engagement.firm.legal_name} sees that you have read {draft}.")
            return redirect("reports:draft_text", pk, number)
    return _draft_text(request, engagement, draft, review=form)


@require_GET
def compare(request: HttpRequest, pk: int) -> HttpResponse:
    """Two drafts side by side: what changed in words, by section."""
    engagement = engagement_for(request, pk, "see_report")
    drafts = list(drafts_of(engagement).filter(state=Report.State.READY).defer("snapshot").order_by("-number"))
    if len(drafts) < 2:
        raise Http404("There are no two drafts to compare")
    numbers = {one.number: one for one in drafts}

    def asked(name: str, other: Report) -> Report:
        value = request.GET.get(name, "")
        return numbers.get(int(value), other) if value.isdecimal() and len(value) < 6 else other

    new, old = asked("to", drafts[0]), asked("from", drafts[1])
    texts = {
        one.pk: reading.sections(content.validate(one.snapshot))
        for one in Report.objects.filter(engagement=engagement, pk__in=[new.pk, old.pk])
    }
    names = sections(content.validate(new.snapshot))
    changes = differences.between(texts[old.pk], texts[new.pk])
    context = {
        **frame(request, engagement, "report"),
        "drafts": drafts,
        "old": old,
        "new": new,
        "changes": [(names.get(one.key), one) for one in changes],
        "same": not any(one.lines for one in changes),
    }
    return render(request, "reports/compare.html", context)


@require_GET
def own_wording(request: HttpRequest, pk: int) -> HttpResponse:
    """The firm's own paragraphs in this report beside the product's: what the reviewer looks at."""
    engagement = engagement_for(request, pk, "see_fieldwork")
    snapshot = issuing.content_of(engagement)
    rows = [
        {
            "title": OWN.get(one.element, one.element),
            "version": one.version,
            "applies": one.applies,
            "runs": differences.by_words(one.product, one.own),
        }
        for one in own_words.beside(snapshot)
    ]
    context = {**frame(request, engagement, "report"), "rows": rows}
    return render(request, "reports/own_wording.html", context)


@require_GET
def compared(request: HttpRequest, pk: int) -> HttpResponse:
    """How much of the report recurs in the firm's reports for other clients (R45)."""
    engagement = engagement_for(request, pk, "see_fieldwork")
    check = likeness.newest(engagement)
    present = content.digest(issuing.content_of(engagement))
    current = check is not None and check.content_sha256 == present
    open_ = engagement.stage == Stage.REPORTING and not engagement.frozen
    newest = drafting.newest_ready(engagement) if open_ and not current else None
    rows = [
        {
            **one,
            "title": likeness.SECTIONS[one["section"]],
            "telling": one in likeness.telling([one]),
            # Without the marks of Markdown.
            "passages": [re.sub(r"[*_`#|]+", "", passage) for passage in one["passages"]],
        }
        for one in (check.found if check else ())
    ]
    context = {
        **frame(request, engagement, "report"),
        "check": check,
        "current": current,
        "waiting": likeness.why_not_compared(engagement, present) if newest is not None else "",
        "may_ask": newest is not None
        and "render_report" in engagement.may
        and likeness.newest(engagement, newest.content_sha256) is None
        and not Job.objects.unfinished().filter(kind=likeness.KIND, engagement_id=pk).exists(),
        "rows": rows,
        "thresholds": [(likeness.SECTIONS[key], value) for key, value in likeness.TELLING.items()],
    }
    return render(request, "reports/likeness.html", context)


@require_POST
def compare_again(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "render_report")
    try:
        likeness.ask_again(engagement, by=engagement.member.user)
        messages.success(request, "A worker compares it now.")
    except ValidationError as error:
        for words in error.messages:
            messages.error(request, words)
    return redirect("reports:likeness", pk)


@require_GET
def issued_data(request: HttpRequest, pk: int, form: str) -> HttpResponse:
    """The issued report as data."""
    engagement = engagement_for(request, pk, "see_report")
    found = issuing.current(engagement)
    if found is None or not found.pdf_sha256 or form not in twin.FORMS:
        raise Http404("No such data")
    response = HttpResponse(
        issuing.download_data(found, form, by=engagement.member.user), content_type="application/json"
    )
    name = f"{found.number} {twin.FORMS[form][0]}"
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or "attachment"
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@login_not_required
@require_GET
def schema(request: HttpRequest) -> HttpResponse:
    """The JSON Schema of the report's data, for everybody."""
    response = HttpResponse(twin.schema_text(), content_type="application/schema+json")
    response["Cache-Control"] = "public, max-age=86400"
    return response
