"""Pages of the description, the statements, the opinion and the report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.forms import ProofForm
from accounts.models import ClientMember
from engagements.frame import frame
from engagements.models import Engagement, ReportingStep, RuleOverride, Stage
from engagements.obstacles import as_rows
from engagements.register import Finding, findings, one_look
from engagements.roles import engagement_for
from engagements.views.acting import closed
from engagements.workflow import WORKING
from reports import (
    approving,
    drafting,
    general_use,
    issuing,
    last_time,
    opinion,
    previewing,
    prose,
    recalling,
    remarks,
    storage,
)
from reports import (
    description as descriptions,
)
from reports import (
    statements as signing,
)
from reports.forms import (
    ApproveForm,
    ConclusionForm,
    IssueForm,
    MatterForm,
    ParagraphForm,
    QualityReviewForm,
    ReasonForm,
    ReportDateForm,
    SectionForm,
    SignForm,
    TitleForm,
    put,
)
from reports.general_book import left_out
from reports.models import (
    ClientReview,
    DescriptionRevision,
    DescriptionSection,
    EmphasisParagraph,
    GeneralUseReport,
    Issuance,
    Limb,
    ManagementStatement,
    Matter,
    Part,
    QualityReview,
    Report,
    SystemDescription,
)
from reports.quality import why_reviewed
from reports.snapshot import conclusions, limbs_of, parts_of, standing_matters, standing_statements

Kind = ManagementStatement.Kind
get_post = require_http_methods(["GET", "POST"])


def _say(request: HttpRequest, error: ValidationError) -> None:
    messages.error(request, " ".join(error.messages))


def _workable(engagement: Engagement, *stages: Stage) -> bool:
    return not engagement.frozen and engagement.stage in stages


# Description


@require_GET
def description(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "see_description")
    made = SystemDescription.objects.filter(engagement=engagement).select_related("completed_by").first()
    sections = {
        section.part: section
        for section in DescriptionSection.objects.filter(engagement=engagement).select_related("updated_by")
    }
    gaps = descriptions.missing(engagement) if made and made.completed_at is None else []
    rows = [
        {
            "part": part,
            "section": sections.get(part),
            "guide": descriptions.GUIDE[part],
            "words": len(sections[part].body.split()) if part in sections else 0,
            "gaps": [gap.text for gap in gaps if gap.part == part],
        }
        for part in parts_of(engagement)
    ]
    may_edit = "edit_description" in engagement.may and _workable(engagement, *WORKING)
    context = {
        **frame(request, engagement, "description"),
        "description": made,
        "rows": rows,
        "written": sum(bool(row["words"]) for row in rows if row["part"] != Part.OTHER),
        "total": len(rows) - 1,
        "gaps": gaps,
        "may_edit": may_edit,
        "title_form": TitleForm(initial={"title": made.title}) if made and may_edit else None,
        "last": last_time.last_report(engagement, by=engagement.member.user) if made else None,
    }
    return render(request, "reports/description.html", context)


@require_POST
def start_description(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "edit_description")
    try:
        descriptions.start(engagement, by=engagement.member.user)
    except ValidationError as error:
        _say(request, error)
    return redirect("reports:description", pk)


@require_POST
def retitle(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "edit_description")
    form = TitleForm(request.POST)
    try:
        if not form.is_valid():
            raise ValidationError("A title of at most 200 characters, please.")
        descriptions.retitle(engagement, title=form.cleaned_data["title"], by=engagement.member.user)
        messages.success(request, "The title is saved.")
    except ValidationError as error:
        _say(request, error)
    return redirect("reports:description", pk)


@require_POST
def complete_description(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "edit_description")
    try:
        descriptions.complete(engagement, by=engagement.member.user)
        messages.success(request, "The description is complete. The assertion can be signed on it.")
    except ValidationError as error:
        _say(request, error)
    return redirect("reports:description", pk)


@require_GET
def read_description(request: HttpRequest, pk: int) -> HttpResponse:
    """All parts on one page, as they will be printed."""
    engagement = engagement_for(request, pk, "see_description")
    made = get_object_or_404(SystemDescription, engagement=engagement)
    bodies = dict(DescriptionSection.objects.filter(engagement=engagement).values_list("part", "body"))
    parts = [(part, prose.to_html(bodies.get(part, ""), level=3)) for part in parts_of(engagement)]
    context = {**frame(request, engagement, "description"), "description": made, "parts": parts}
    return render(request, "reports/read_description.html", context)


@require_POST
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The text as the report will print it: a fragment for the editor."""
    engagement_for(request, pk, "edit_description", "form_opinion")
    return HttpResponse(prose.to_html(request.POST.get("text", "")[:500_000], level=3))


@get_post
def section(request: HttpRequest, pk: int, part: str) -> HttpResponse:
    engagement = engagement_for(request, pk, "see_description")
    found = get_object_or_404(
        DescriptionSection.objects.select_related("updated_by", "engagement"), engagement=engagement, part=part
    )
    may_edit = "edit_description" in engagement.may and _workable(engagement, *WORKING)
    theirs: DescriptionSection | None = None
    since = _since_last(engagement, part)
    # Most of it is still true a year later, so one begins with it; but not what changed in that period.
    begins = since["last"].prose().get(part, "") if since and may_edit and part != Part.DC9 else ""
    begins = "" if found.version else begins
    form = SectionForm(initial={"body": found.body or begins, "version": found.version})
    if request.method == "POST":
        engagement_for(request, pk, "edit_description")
        form = SectionForm(request.POST)
        if form.is_valid():
            try:
                saved = descriptions.save_section(engagement, part, by=engagement.member.user, **form.cleaned_data)
            except descriptions.Stale as error:
                # The person's text stays in the form, beside the one that was saved meanwhile; saving again
                # is then on top of that one.
                theirs = error.section
                data = request.POST.copy()
                data["version"] = str(theirs.version)
                form = SectionForm(data)
                put(form, error)
            except ValidationError as error:
                put(form, error)
            else:
                previewing.keep_up(engagement, by=engagement.member.user)
                messages.success(request, f"{saved} is saved.")
                return redirect(saved)
    order = parts_of(engagement)
    at = order.index(Part(part))
    context = {
        **frame(request, engagement, "description"),
        "section": found,
        "part": Part(part),
        "guide": descriptions.GUIDE[Part(part)],
        "form": form,
        "may_edit": may_edit,
        "theirs": theirs,
        "theirs_html": prose.to_html(theirs.body) if theirs else "",
        "html": prose.to_html(found.body),
        "initial_preview": prose.to_html(form["body"].value() or ""),
        "revisions": found.revisions.select_related("by")[:20],
        **since,
        "begins": begins and request.method == "GET",
        "before": order[at - 1] if at else None,
        "after": order[at + 1] if at + 1 < len(order) else None,
    }
    return render(request, "reports/section.html", context, status=409 if theirs else 422 if form.errors else 200)


def _since_last(engagement: Engagement, part: str) -> dict[str, Any]:
    """What changed in a part since the client's last report, where the person may read that one."""
    last = last_time.last_report(engagement, by=engagement.member.user) if part != Part.OTHER else None
    return {"last": last, "change": last_time.prose_since(engagement, last, part)} if last else {}


@require_GET
def description_changes(request: HttpRequest, pk: int) -> HttpResponse:
    """What changed in the description since the client's last report, registers included."""
    engagement = engagement_for(request, pk, "see_description")
    last = last_time.last_report(engagement, by=engagement.member.user)
    with one_look(engagement):
        changes = last_time.since(engagement, last) if last else []
    context = {
        **frame(request, engagement, "description"),
        "last": last,
        "changes": [(Part(one.key), one) for one in changes if Part(one.key) in parts_of(engagement) or one.lines],
    }
    return render(request, "reports/description_changes.html", context)


@require_GET
def revision(request: HttpRequest, pk: int, part: str, version: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "see_description")
    found = get_object_or_404(
        DescriptionRevision.objects.select_related("section", "by"),
        engagement=engagement,
        section__part=part,
        version=version,
    )
    context = {**frame(request, engagement, "description"), "revision": found, "html": prose.to_html(found.body)}
    return render(request, "reports/revision.html", context)


# Statements


STATEMENTS = {
    Kind.ASSERTION: "Section II of the report: management's own statement on its system and controls.",
    Kind.SUBSEQUENT_EVENTS: "What happened after the period, answered within five days before the report date.",
    Kind.REPRESENTATION: "To the auditor, dated as of the report. Not printed.",
    Kind.GENERAL_USE: "Only where a SOC 3 report is wanted, before the report is issued: the assertion in short, "
    "with the system's boundaries and principal commitments.",
}


@require_GET
def statements(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "see_description")
    found = list(ManagementStatement.objects.filter(engagement=engagement).select_related("signed_by"))
    complete = SystemDescription.objects.filter(engagement=engagement, completed_at__isnull=False).exists()
    rows = [
        {
            "kind": kind,
            "text": text,
            "current": next((one for one in found if one.kind == kind and one.superseded_at is None), None),
            "older": [one for one in found if one.kind == kind and one.superseded_at is not None],
            "waits_for": _waits_for(engagement, kind, complete),
        }
        for kind, text in STATEMENTS.items()
        if kind != Kind.GENERAL_USE or engagement.is_type_2
    ]
    context = {
        **frame(request, engagement, "statements"),
        "rows": rows,
        "may_sign": "sign_assertion" in engagement.may and _workable(engagement, Stage.FIELDWORK, Stage.REPORTING),
    }
    return render(request, "reports/statements.html", context)


def _waits_for(engagement: Engagement, kind: Kind, complete: bool) -> str:
    """What has to happen before it can be signed, in words; "" when nothing."""
    if engagement.stage not in {Stage.FIELDWORK, Stage.REPORTING}:
        return (
            "It is signed when fieldwork is done." if engagement.stage not in {Stage.ISSUED, Stage.LOCKED} else ""
        )
    if kind == Kind.ASSERTION and not complete:
        return "The description has to be completed first."
    if kind != Kind.ASSERTION and engagement.report_date is None:
        return "The partner has to set the report date first."
    if kind == Kind.GENERAL_USE and Kind.ASSERTION not in standing_statements(engagement):
        return "The assertion has to be signed first."
    return ""


@get_post
def sign_statement(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """The text, and the form that signs exactly this text."""
    engagement = engagement_for(request, pk, "sign_assertion")
    if kind not in Kind.values or (kind == Kind.GENERAL_USE and not engagement.is_type_2):
        raise Http404("No such statement")
    if final := closed(request, engagement, "reports:statements"):
        return final
    told = request.POST.get("modifications", request.GET.get("modifications", ""))
    current = ManagementStatement.objects.filter(
        engagement=engagement, kind=kind, superseded_at__isnull=True
    ).first()
    if request.method == "GET" and "modifications" not in request.GET and current is not None:
        told = current.modifications
    user = engagement.member.user
    text = signing.proposed(engagement, kind, modifications=told)
    seen = signing.text_hash(text)
    title = ClientMember.objects.filter(organization=engagement.client, user=user).values_list("title", flat=True)
    initial = {
        "modifications": told,
        "basis": current.basis if current else "",
        "stated_on": signing.suggested_date(engagement, kind),
        "signatory_name": user.name,
        "signatory_title": title.first() or "",
        "seen": seen,
    }
    proof: dict[str, Any] = {"request": request, "back": request.path}
    form = SignForm(initial=initial, kind=kind, **proof)
    if request.method == "POST" and "preview" in request.POST:
        # The text is made anew with what was typed; nothing is signed, and the password is not kept.
        data = request.POST.copy()
        data["seen"] = seen
        form = SignForm(initial={**initial, **data.dict(), "password": ""}, kind=kind, **proof)
    elif request.method == "POST":
        form = SignForm(request.POST, kind=kind, **proof)
        if form.is_valid():
            data_in = form.cleaned_data
            try:
                signed = signing.sign(
                    engagement,
                    kind,
                    by=user,
                    password=data_in["password"],
                    stated_on=data_in["stated_on"],
                    signatory_name=data_in["signatory_name"],
                    signatory_title=data_in["signatory_title"],
                    modifications=data_in.get("modifications", ""),
                    basis=data_in.get("basis", ""),
                    seen_sha256=data_in["seen"],
                )
            except ValidationError as error:
                if data_in["seen"] != seen:
                    # Shown anew below: what is signed next is what is seen next.
                    data = request.POST.copy()
                    data["seen"] = seen
                    form = SignForm(data, kind=kind, **proof)
                    form.is_valid()
                put(form, error)
            else:
                messages.success(request, f"{signed} is signed.")
                return redirect("reports:statements", pk)
    context = {
        **frame(request, engagement, "statements"),
        "kind": Kind(kind),
        "about": STATEMENTS[Kind(kind)],
        "form": form,
        "html": prose.to_html(text),
        "seen": seen,
        "current": current,
        "waits_for": _waits_for(
            engagement,
            Kind(kind),
            SystemDescription.objects.filter(engagement=engagement, completed_at__isnull=False).exists(),
        ),
    }
    return render(request, "reports/sign_statement.html", context, status=422 if form.errors else 200)


@require_GET
def signed_statement(request: HttpRequest, pk: int, statement: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "see_description")
    found = get_object_or_404(
        ManagementStatement.objects.select_related("signed_by"), engagement=engagement, pk=statement
    )
    context = {**frame(request, engagement, "statements"), "statement": found, "html": prose.to_html(found.text)}
    return render(request, "reports/signed_statement.html", context)


# Opinion (the firm's alone)


def _opinion(
    request: HttpRequest, engagement: Engagement, *, refused: dict[str, Any] | None = None
) -> HttpResponse:
    refused = refused or {}
    with one_look(engagement):
        formed = conclusions(engagement)
        proposals = opinion.proposals(engagement)
        matters = standing_matters(engagement)
    may_form = "form_opinion" in engagement.may
    limbs = []
    for limb in limbs_of(engagement):
        proposed, one = proposals[limb], formed.get(limb)
        limbs.append(
            {
                "limb": limb,
                "proposed": proposed,
                "formed": one,
                "apart": one is not None and one.conclusion != proposed.conclusion,
                "matters": [matter for matter in matters if limb in matter.limbs],
                "form": refused.get(limb)
                or ConclusionForm(
                    prefix=limb.value,
                    initial={"conclusion": one.conclusion if one else proposed.conclusion},
                ),
                "open": limb in refused,
            }
        )
    context = {
        **frame(request, engagement, "opinion"),
        "limbs": limbs,
        "matters": matters,
        "withdrawn": Matter.objects.filter(engagement=engagement, withdrawn_at__isnull=False),
        "paragraphs": EmphasisParagraph.objects.filter(engagement=engagement).select_related("by"),
        "may_form": may_form and _workable(engagement, Stage.REPORTING),
        "may_add": may_form and _workable(engagement, Stage.FIELDWORK, Stage.REPORTING),
        "date_form": refused.get("date") or ReportDateForm(initial={"date": engagement.report_date}),
    }
    return render(request, "reports/opinion.html", context, status=422 if refused else 200)


@require_GET
def opinion_page(request: HttpRequest, pk: int) -> HttpResponse:
    return _opinion(request, engagement_for(request, pk, "see_fieldwork"))


@require_POST
def form_opinion(request: HttpRequest, pk: int, limb: str) -> HttpResponse:
    engagement = engagement_for(request, pk, "form_opinion")
    if limb not in Limb.values:
        raise Http404("No such limb")
    form = ConclusionForm(request.POST, prefix=limb)
    if form.is_valid():
        try:
            opinion.form(engagement, limb, by=engagement.member.user, **form.cleaned_data)
        except ValidationError as error:
            put(form, error)
        else:
            messages.success(request, f"Concluded on {str(Limb(limb).label).lower()}.")
            return redirect("reports:opinion", pk)
    return _opinion(request, engagement, refused={limb: form})


@require_POST
def set_report_date(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "form_opinion")
    form = ReportDateForm(request.POST)
    if form.is_valid():
        try:
            opinion.set_report_date(engagement, date=form.cleaned_data["date"], by=engagement.member.user)
        except ValidationError as error:
            put(form, error)
        else:
            messages.success(request, "The report date is set." if form.cleaned_data["date"] else "No report date.")
            return redirect("reports:opinion", pk)
    return _opinion(request, engagement, refused={"date": form})


@get_post
def add_matter(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "form_opinion")
    if final := closed(request, engagement, "reports:opinion"):
        return final
    initial: dict[str, Any] = {}
    if code := request.GET.get("exception"):
        initial = opinion.matter_from(engagement, code)
    form = MatterForm(request.POST or None, engagement=engagement, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            matter = opinion.add_matter(engagement, by=engagement.member.user, **form.cleaned_data)
        except ValidationError as error:
            put(form, error)
        else:
            messages.success(request, f"{matter} is added.")
            return redirect("reports:opinion", pk)
    context = {
        **frame(request, engagement, "opinion"),
        "form": form,
        "initial_preview": prose.to_html(form["basis"].value() or ""),
    }
    return render(request, "reports/matter.html", context, status=422 if form.errors else 200)


@get_post
def withdraw_matter(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "form_opinion")
    if final := closed(request, engagement, "reports:opinion"):
        return final
    matter = get_object_or_404(Matter, engagement=engagement, number=number)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            opinion.withdraw_matter(matter, by=engagement.member.user, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            put(form, error)
        else:
            messages.success(request, f"{matter} is withdrawn.")
            return redirect("reports:opinion", pk)
    context = {**frame(request, engagement, "opinion"), "form": form, "matter": matter}
    return render(request, "reports/withdraw_matter.html", context, status=422 if form.errors else 200)


@get_post
def add_paragraph(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "form_opinion")
    if final := closed(request, engagement, "reports:opinion"):
        return final
    form = ParagraphForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            opinion.add_paragraph(engagement, by=engagement.member.user, **form.cleaned_data)
        except ValidationError as error:
            put(form, error)
        else:
            messages.success(request, "The paragraph is added.")
            return redirect("reports:opinion", pk)
    context = {
        **frame(request, engagement, "opinion"),
        "form": form,
        "initial_preview": prose.to_html(form["text"].value() or ""),
    }
    return render(request, "reports/paragraph.html", context, status=422 if form.errors else 200)


@require_POST
def remove_paragraph(request: HttpRequest, pk: int, paragraph: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "form_opinion")
    found = get_object_or_404(EmphasisParagraph, engagement=engagement, pk=paragraph)
    try:
        opinion.remove_paragraph(found, by=engagement.member.user)
        messages.success(request, "The paragraph is taken out.")
    except ValidationError as error:
        _say(request, error)
    return redirect("reports:opinion", pk)


# Report


def _drafts(engagement: Engagement) -> Any:
    """The drafts that the person may see."""
    if engagement.member.of_firm:
        return Report.objects.filter(engagement=engagement)
    return drafting.visible_to_client(engagement)


def _proof(request: HttpRequest, engagement: Engagement) -> dict[str, Any]:
    """What a form that asks for a proof of who acts has to know."""
    return {"request": request, "back": reverse("reports:report", args=[engagement.pk])}


def proof_form(request: HttpRequest, engagement: Engagement) -> ProofForm:
    """The form of an act that takes a proof and nothing else."""
    return ProofForm(request.POST, **_proof(request, engagement))


def _general_use(request: HttpRequest, engagement: Engagement, form: ProofForm | None) -> dict[str, Any]:
    """The SOC 3 report of an issued Type 2 report, or whether there can be one; to the client what is issued."""
    if engagement.stage not in {Stage.ISSUED, Stage.LOCKED} or not engagement.is_type_2:
        return {}
    of_firm = engagement.member.of_firm
    found = general_use.current(engagement) if of_firm else general_use.released(engagement)
    alive = found is not None and found.state in general_use.ALIVE
    whole = None
    if "issue_report" in engagement.may and engagement.stage == Stage.ISSUED and not alive:
        whole = Issuance.objects.filter(engagement=engagement, state=Issuance.State.CURRENT).first()
    hindrances = general_use.hindrances(whole, general_use.signed_for(whole)) if whole is not None else []
    return {
        "general": found,
        "general_hindrances": hindrances,
        "general_left_out": left_out(whole.snapshot) if whole is not None and not hindrances else [],
        "may_issue_general": whole is not None and not hindrances,
        "general_form": form or ProofForm(**_proof(request, engagement)),
        "general_open": form is not None,
    }


def _approving(engagement: Engagement, newest: Report | None, standing: list[Finding]) -> dict[str, Any]:
    """The second person's part, where the firm's policy asks for one."""
    asked = approving.asks_for_two(engagement) and engagement.member.of_firm
    given = approving.approvals(engagement, newest.content_sha256) if asked and newest else []
    others = [one for one in standing if one.rule != approving.RULE]
    return {
        "asks_for_two": asked,
        "approvals": given,
        "may_withdraw": _workable(engagement, Stage.REPORTING)
        and any(one.by_id == engagement.member.user_id for one in given),
        "may_approve": asked
        and newest is not None
        and "approve_issue" in engagement.may
        and _workable(engagement, Stage.REPORTING)
        and engagement.reporting_step == ReportingStep.READY
        and not others
        and all(one.by_id != engagement.member.user_id for one in given),
    }


def report_page(request: HttpRequest, engagement: Engagement, **forms: Any) -> HttpResponse:
    of_firm = engagement.member.of_firm
    drafts = list(_drafts(engagement).select_related("requested_by", "job").defer("snapshot")[:12])
    issuance = issuing.current(engagement)
    if issuance is not None and not of_firm and issuance.released_at is None:
        issuance = recalling.last_issued(engagement)
    reporting = _workable(engagement, Stage.REPORTING)
    newest = next((one for one in drafts if one.state == Report.State.READY), None)
    with one_look(engagement):
        standing = findings("issue", engagement) if of_firm and reporting else []
        moving = _moving(engagement) if "manage_engagement" in engagement.may else {}
    proof = _proof(request, engagement)
    context = {
        **frame(request, engagement, "report"),
        "of_firm": of_firm,
        "drafts": drafts,
        "newest": newest,
        "rendering": next((one for one in drafts if one.state == Report.State.RENDERING), None),
        "issuance": issuance,
        "reissuing": issuance is not None and issuance.state == Issuance.State.CURRENT and not engagement.frozen,
        "steps": _steps(engagement),
        **moving,
        "standing": as_rows("issue", engagement, standing),
        "may_render": "render_report" in engagement.may and _workable(engagement, Stage.FIELDWORK, Stage.REPORTING),
        "may_review": "complete_quality_review" in engagement.may
        and reporting
        and engagement.reporting_step == ReportingStep.QUALITY_REVIEW,
        "may_issue": "issue_report" in engagement.may
        and reporting
        and engagement.reporting_step == ReportingStep.READY
        and newest is not None
        and not standing,
        "overridden": RuleOverride.objects.filter(engagement=engagement).select_related("by") if of_firm else [],
        "reviews": QualityReview.objects.filter(engagement=engagement).select_related("by") if of_firm else [],
        "review_form": forms.get("review") or QualityReviewForm(),
        "why_reviewed": why_reviewed(engagement) if of_firm and reporting else [],
        **_approving(engagement, newest, standing),
        "approve_form": forms.get("approve") or ApproveForm(**proof, initial={"draft": newest.pk if newest else 0}),
        "withdraw_form": forms.get("withdraw") or ReasonForm(),
        "issue_form": forms.get("issue") or IssueForm(**proof, initial={"draft": newest.pk if newest else 0}),
        "issue_open": "issue" in forms,
        "several": sum(one.state == Report.State.READY for one in drafts) > 1,
        **_readings(engagement, newest),
        **_general_use(request, engagement, forms.get("general")),
    }
    return render(request, "reports/report.html", context, status=422 if forms else 200)


def _moving(engagement: Engagement) -> dict[str, Any]:
    """The step ahead with what it lacks, and those to go back to: a step that would be refused is not offered."""
    steps = drafting.next_steps(engagement)
    here = drafting.STEPS.index(ReportingStep(engagement.reporting_step))
    ahead = next((step for step in steps if drafting.STEPS.index(step) > here), None)
    return {
        "ahead": ahead,
        "lacking": drafting.what_step_lacks(engagement, ahead) if ahead is not None else [],
        "back": [step for step in steps if step != ahead],
    }


def _readings(engagement: Engagement, newest: Report | None) -> dict[str, Any]:
    """What was said to the newest draft, and whether the client is asked to read it."""
    may_comment = any(right in engagement.may for right in remarks.MAY_COMMENT)
    if newest is None or not _workable(engagement, Stage.REPORTING):
        return {}
    of_firm = engagement.member.of_firm
    reviews = list(ClientReview.objects.filter(draft=newest).select_related("by"))
    return {
        "may_comment": may_comment,
        "open_comments": remarks.comments(newest, of_firm=of_firm).filter(settled_at=None).count(),
        "client_read": reviews[0] if reviews else None,
        "review_asked": not of_firm
        and may_comment
        and engagement.reporting_step == ReportingStep.CLIENT_REVIEW
        and all(one.by_id != engagement.member.user_id for one in reviews),
    }


def _steps(engagement: Engagement) -> list[dict[str, Any]]:
    over = engagement.stage in {Stage.ISSUED, Stage.LOCKED}
    here = drafting.STEPS.index(ReportingStep(engagement.reporting_step))
    before = engagement.stage not in {Stage.REPORTING, Stage.ISSUED, Stage.LOCKED}
    return [
        {
            "label": step.label,
            "state": "next" if before else "done" if over or place < here else "now" if place == here else "next",
        }
        for place, step in enumerate(drafting.STEPS)
    ]


@require_GET
def report(request: HttpRequest, pk: int) -> HttpResponse:
    return report_page(request, engagement_for(request, pk, "see_report"))


@require_POST
def move_step(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "manage_engagement")
    to = request.POST.get("to", "")
    try:
        if to not in ReportingStep.values:
            raise ValidationError("No such step.")
        drafting.move_step(engagement, to, by=engagement.member.user)
        messages.success(request, f"The report is {ReportingStep(to).standing} now.")
    except ValidationError as error:
        _say(request, error)
    return redirect("reports:report", pk)


@require_POST
def quality_review(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "complete_quality_review")
    form = QualityReviewForm(request.POST)
    if form.is_valid():
        try:
            drafting.complete_quality_review(engagement, by=engagement.member.user, **form.cleaned_data)
        except ValidationError as error:
            put(form, error)
        else:
            messages.success(request, "The quality review is completed.")
            return redirect("reports:report", pk)
    return report_page(request, engagement, review=form)


@require_POST
def request_draft(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "render_report")
    try:
        made = drafting.request_draft(engagement, by=engagement.member.user)
        if made.state == Report.State.READY:
            messages.info(request, f"Nothing has changed since {str(made).lower()}.")
    except ValidationError as error:
        _say(request, error)
    return redirect("reports:report", pk)


def _draft(engagement: Engagement, number: int) -> Report:
    """The draft when the person may see it, else 404: the client does not learn which drafts there are."""
    found: Report = get_object_or_404(_drafts(engagement).select_related("job"), number=number)
    return found


@require_GET
def draft(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "see_report")
    found = _draft(engagement, number)
    context = {
        **frame(request, engagement, "report"),
        "thing": found,
        "name": str(found),
        "draft": found,
        "pdf_url": reverse("reports:draft_pdf", args=[pk, number]),
        "poll": reverse("reports:draft_progress", args=[pk, number]),
        **pages_of(request, found, lambda page: reverse("reports:draft_page", args=[pk, number, page])),
    }
    return render(request, "reports/viewer.html", context)


def pages_of(request: HttpRequest, thing: Report | Issuance | GeneralUseReport, url_of: Any) -> dict[str, Any]:
    total = thing.pages or 0
    wanted = request.GET.get("page", "1")
    here = min(max(int(wanted), 1), max(total, 1)) if wanted.isdecimal() and len(wanted) < 6 else 1
    return {
        "here": here,
        "total": total,
        "image": url_of(here) if total else "",
        "images": [(page, url_of(page)) for page in range(1, total + 1)],
    }


@require_GET
def draft_progress(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "render_report", "see_fieldwork")
    found = _draft(engagement, number)
    context = {
        "job": found.job,
        "poll": request.path,
        "title": f"Rendering {str(found).lower()}",
        "done_url": reverse("reports:draft", args=[pk, number]),
        "done_label": f"Read {str(found).lower()}",
    }
    return progress_of(request, context)


def progress_of(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """How far a job is; when it has ended, the page around it loads anew unless words would be lost by that."""
    response = render(request, "components/job.html", context)
    if context["job"] is not None and context["job"].finished:
        response["HX-Trigger"] = "job-ended"
    return response


@require_GET
def draft_page(request: HttpRequest, pk: int, number: int, page: int) -> HttpResponse:
    found = _draft(engagement_for(request, pk, "see_report"), number)
    return picture_of(found, page)


@require_GET
def draft_pdf(request: HttpRequest, pk: int, number: int) -> HttpResponseBase:
    engagement = engagement_for(request, pk, "see_report")
    found = _draft(engagement, number)
    if found.state != Report.State.READY:
        raise Http404("This draft is not rendered")
    pdf = drafting.download(found, by=engagement.member.user)
    return pdf_file(pdf, f"{engagement.number} draft {found.number}.pdf")


def picture_of(thing: Report | Issuance | GeneralUseReport, page: int) -> HttpResponse:
    picture = storage.page_of(thing.engagement_id, thing.pdf_sha256, page) if thing.pdf_sha256 else None
    if picture is None:
        raise Http404("No such page")
    response = HttpResponse(picture, content_type="image/png")
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def pdf_file(pdf: bytes, name: str) -> HttpResponse:
    response = HttpResponse(pdf, content_type="application/pdf")
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or "attachment"
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


# Issue


@require_POST
def issue(request: HttpRequest, pk: int) -> HttpResponse:
    said = "The final report is being rendered. It is issued when that is done."
    return _decided(request, pk, "issue_report", IssueForm, issuing.issue, said)


@require_POST
def approve_issue(request: HttpRequest, pk: int) -> HttpResponse:
    """The second person approves the newest draft for issue."""
    return _decided(
        request,
        pk,
        "approve_issue",
        ApproveForm,
        approving.approve_issue,
        "You have approved the issue of {draft}.",
    )


def _decided(
    request: HttpRequest,
    pk: int,
    permission: str,
    form_class: type[IssueForm | ApproveForm],
    flow: Callable[..., object],
    said: str,
) -> HttpResponse:
    """An act on a draft that takes the password."""
    engagement = engagement_for(request, pk, permission)
    form = form_class(request.POST, **_proof(request, engagement))
    if form.is_valid():
        chosen = get_object_or_404(Report, engagement=engagement, pk=form.cleaned_data["draft"])
        try:
            flow(engagement, by=engagement.member.user, password=form.cleaned_data["password"], draft=chosen)
        except ValidationError as error:
            put(form, error)
        else:
            messages.success(request, said.format(draft=str(chosen).lower()))
            return redirect("reports:report", pk)
    return report_page(request, engagement, **{permission.partition("_")[0]: form})


@require_POST
def withdraw_approval(request: HttpRequest, pk: int) -> HttpResponse:
    """The second person takes the approval back."""
    engagement = engagement_for(request, pk, "approve_issue")
    form = ReasonForm(request.POST)
    if form.is_valid():
        try:
            approving.withdraw_approval(engagement, by=engagement.member.user, **form.cleaned_data)
        except ValidationError as error:
            put(form, error)
        else:
            messages.success(request, "Your approval is withdrawn. The report is not issued without another one.")
            return redirect("reports:report", pk)
    return report_page(request, engagement, withdraw=form)


def _issued(engagement: Engagement) -> Issuance:
    """The report as issued, superseded or withdrawn ones included, else 404."""
    found = recalling.last_issued(engagement)
    if found is None:
        raise Http404("No report is issued")
    return found


@require_GET
def issued(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "see_report")
    found = _issued(engagement)
    context = {
        **frame(request, engagement, "report"),
        "thing": found,
        "name": str(found),
        "issuance": found,
        "pdf_url": reverse("reports:issued_pdf", args=[pk]),
        "poll": "",
        **pages_of(request, found, lambda page: reverse("reports:issued_page", args=[pk, page])),
    }
    return render(request, "reports/viewer.html", context)


@require_GET
def issued_progress(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "see_fieldwork")
    found = issuing.current(engagement)
    if found is None or found.job is None:
        raise Http404("Nothing is being issued")
    context = {
        "job": found.job,
        "poll": request.path,
        "title": "Rendering the final report",
        "done_url": reverse("reports:report", args=[pk]),
        "done_label": "Show the issued report",
    }
    return progress_of(request, context)


@require_GET
def issued_page(request: HttpRequest, pk: int, page: int) -> HttpResponse:
    return picture_of(_issued(engagement_for(request, pk, "see_report")), page)


@require_GET
def issued_pdf(request: HttpRequest, pk: int) -> HttpResponseBase:
    engagement = engagement_for(request, pk, "see_report")
    found = _issued(engagement)
    pdf = issuing.download(found, by=engagement.member.user)
    return pdf_file(pdf, f"{found.number}.pdf")
