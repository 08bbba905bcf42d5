"""Pages of the engagement letter and its amendments."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from engagements.frame import frame
from engagements.models import Engagement
from engagements.roles import SEE_SCOPE, engagement_for
from engagements.views.acting import closed, filed, person, shown
from engagements.workflow import AGREED, WORKING, stands_at
from evidence import uploads
from evidence.storage import Altered
from evidence.views.files import as_attachment
from reports import letters as flows
from reports import prose
from reports.letter_forms import AmendForm, DraftForm, ElsewhereForm, SignLetterForm, WithdrawForm
from reports.letters import lacking
from reports.models import EngagementLetter
from reports.terms import agreed_terms, differences, terms_of

get_post = require_http_methods(["GET", "POST"])


@get_post
def draft_letter(request: HttpRequest, pk: int) -> HttpResponse:
    """The letter is drafted from the engagement's data; a look at it comes before."""
    engagement = engagement_for(request, pk, "manage_engagement")
    if final := closed(request, engagement, "engagements:letter"):
        return final
    form = DraftForm(request.POST if request.method == "POST" else None)
    made: list[EngagementLetter] = []
    looking = "look" in request.POST
    if not looking and filed(
        request,
        form,
        lambda data: made.append(flows.draft(engagement, by=person(request), **data)),
        "The letter waits for both signatures.",
    ):
        return redirect(made[0])
    given = form.cleaned_data if form.is_bound and form.is_valid() else {}
    text = flows.letter_text(engagement, fees=given.get("fees", ""), further=given.get("further", ""))
    context = {**frame(request, engagement, "overview"), "html": prose.to_html(text)}
    return shown(request, "reports/draft_letter.html", context, form)


@get_post
def amend_letter(request: HttpRequest, pk: int) -> HttpResponse:
    """What shall be agreed instead, and why."""
    engagement = engagement_for(request, pk, "manage_engagement")
    if final := closed(request, engagement, "engagements:letter"):
        return final
    initial = {name: getattr(engagement, name) for name in AGREED}
    form = AmendForm(request.POST if request.method == "POST" else None, initial=initial)
    agreed = agreed_terms(EngagementLetter.objects.filter(engagement=engagement, withdrawn_at__isnull=True))
    made: list[EngagementLetter] = []
    if filed(
        request,
        form,
        lambda data: made.append(flows.propose(engagement, by=person(request), **data)),
        "The amendment waits for both signatures. Nothing changes until then.",
    ):
        return redirect(made[0])
    context = {
        **frame(request, engagement, "overview"),
        "differing": differences(agreed, terms_of(engagement)) if agreed is not None else [],
    }
    return shown(request, "reports/amend_letter.html", context, form)


@get_post
def record_letter(request: HttpRequest, pk: int) -> HttpResponse:
    """What both have signed elsewhere, with the signed copy."""
    engagement = engagement_for(request, pk, "manage_engagement")
    waits = EngagementLetter.objects.filter(
        engagement=engagement, executed_on__isnull=True, withdrawn_at__isnull=True
    ).first()
    if waits is None and engagement.letter_on is not None:
        raise Http404("No document waits for signatures")
    posted = request.method == "POST"
    form = ElsewhereForm(request.POST if posted else None, request.FILES if posted else None)

    def act(data: dict[str, Any]) -> None:
        file = data.pop("file")
        flows.record_elsewhere(engagement, file=file, name=file.name, by=person(request), **data)

    if filed(request, form, act, "It is recorded, and in force."):
        return redirect("engagements:letter", pk)
    context = {**frame(request, engagement, "overview"), "waits": waits}
    return shown(request, "reports/record_letter.html", context, form)


def _letter(engagement: Engagement, key: int) -> EngagementLetter:
    found = EngagementLetter.objects.select_related("file", "drafted_by", "withdrawn_by")
    letter = get_object_or_404(found, engagement=engagement, pk=key)
    letter.engagement = engagement
    return letter


@get_post
def letter(request: HttpRequest, pk: int, letter: int) -> HttpResponse:
    """One document as it was drafted and signed; who may, signs it here."""
    engagement = engagement_for(request, pk, *SEE_SCOPE)
    found = _letter(engagement, letter)
    user = person(request)
    side = flows.side_of(engagement, user)
    if request.method == "POST" and side is None:
        raise PermissionDenied("The engagement partner and the client's signatory sign it.")
    signatures = list(found.signatures.all())
    signing = found.to_sign and side is not None and side not in {one.side for one in signatures}
    form = None
    if side is not None and (signing or request.method == "POST"):
        initial = {"title": flows.title_of(engagement, user, side), "seen": found.content_sha256}
        form = SignLetterForm(
            request.POST if request.method == "POST" else None, initial=initial, request=request, back=request.path
        )
        if filed(
            request,
            form,
            lambda data: flows.sign(
                found,
                by=user,
                password=data["password"],
                title=data["title"],
                agreed=data["agreed"],
                seen_sha256=data["seen"],
            ),
            f"You have signed the {found}.",
        ):
            return redirect(found)
    context = {
        **frame(request, engagement, "overview"),
        "letter": found,
        "html": prose.to_html(found.text),
        "signatures": signatures,
        "lacking": lacking(found),
        "signing": signing,
        "intent": flows.intent_of(engagement, side) if side else "",
        "form": form,
        "manages": "manage_engagement" in engagement.may and found.to_sign and stands_at(engagement, *WORKING),
        "withdrawing": WithdrawForm(),
    }
    return render(request, "reports/letter.html", context, status=422 if form and form.errors else 200)


@require_POST
def withdraw_letter(request: HttpRequest, pk: int, letter: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "manage_engagement")
    found = _letter(engagement, letter)
    form = WithdrawForm(request.POST)
    if filed(
        request,
        form,
        lambda data: flows.withdraw(found, reason=data["reason"], by=person(request)),
        f"The {found} is withdrawn. What was signed of it stays on file.",
    ):
        return redirect("engagements:letter", pk)
    for problems in form.errors.values():
        messages.error(request, " ".join(str(one) for one in problems))
    return redirect(found)


@require_GET
def letter_copy(request: HttpRequest, pk: int, letter: int) -> HttpResponseBase:
    """The copy that was signed elsewhere, as it was recorded."""
    engagement = engagement_for(request, pk, *SEE_SCOPE)
    found = _letter(engagement, letter)
    if found.file is None:
        raise Http404("It was signed here")
    try:
        content = uploads.download(found.file, by=person(request))
    except uploads.Withheld as error:
        messages.error(request, " ".join(error.messages))
        return redirect(found)
    except Altered:
        messages.error(request, "The stored copy was altered and is not handed out. Tell the operator.")
        return redirect(found)
    response = FileResponse(content, content_type=found.file.content_type)
    return as_attachment(response, found.file.name, size=found.file.size)
