"""The firm's own words for paragraphs of its reports: what is in force, its history, writing the next version."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import FirmMember
from engagements.models import Engagement, Stage
from engagements.views.acting import done, person
from fieldwork.views.profiles import firm_of
from reports import differences, own_words, prose
from reports.forms import OwnWordingForm, ReasonForm, put
from reports.models import OwnWording
from reports.snapshot import build
from reports.wording import FACTS, LISTS, OWN

State = OwnWording.State


def _version(request: HttpRequest, wording: int) -> tuple[FirmMember, OwnWording]:
    """A version of the person's firm; 404 for another firm's."""
    member = firm_of(request)
    known = OwnWording.objects.select_related("firm", "written_by", "approved_by")
    return member, get_object_or_404(known, firm=member.firm, pk=wording)


@require_GET
def wordings(request: HttpRequest) -> HttpResponse:
    member = firm_of(request)
    own = list(OwnWording.objects.filter(firm=member.firm).select_related("written_by", "approved_by"))
    rows = [
        {
            "element": element,
            "title": title,
            "in_force": [one for one in own if one.element == element and one.state == State.APPROVED],
            "open": [one for one in own if one.element == element and one.state in {State.DRAFT, State.PROPOSED}],
            "earlier": [one for one in own if one.element == element and one.state == State.RETIRED],
        }
        for element, title in OWN.items()
    ]
    return render(request, "reports/wordings.html", {"firm": member.firm, "rows": rows})


def _sample(request: HttpRequest, member: FirmMember) -> Engagement | None:
    """An engagement of the firm whose facts show how a paragraph reads: the newest that the person sees."""
    seen = Engagement.objects.open_to(person(request)).filter(firm=member.firm)
    reporting = seen.filter(stage__in=[Stage.FIELDWORK, Stage.REPORTING, Stage.ISSUED, Stage.LOCKED])
    return reporting.select_related("firm", "client").order_by("-created_at").first()


@require_GET
def wording_version(request: HttpRequest, wording: int) -> HttpResponse:
    """A version: its text, as it reads with an engagement's facts, and what differs from the product's words."""
    member, found = _version(request, wording)
    sample = _sample(request, member)
    shown = own_words.shown(found, build(sample)) if sample is not None else None
    before = (
        OwnWording.objects.filter(
            firm=found.firm, element=found.element, report_type=found.report_type, approved_at__isnull=False
        )
        .filter(version__lt=found.version)
        .order_by("-version")
        .first()
    )
    context = {
        "firm": member.firm,
        "wording": found,
        "title": OWN[found.element],
        "sample": sample,
        "shown": shown,
        "runs": differences.by_words(shown.product, shown.own) if shown else [],
        "html": prose.to_html(shown.markdown) if shown else "",
        "before": before,
        "since": differences.by_words(before.text, found.text) if before else [],
        "partner": member.may_accept,
        "own_work": found.written_by_id == member.user_id,
        "reason_form": ReasonForm(),
    }
    return render(request, "reports/wording_version.html", context)


def _form(request: HttpRequest, found: OwnWording | None, member: FirmMember, element: str) -> HttpResponse:
    initial: dict[str, Any] = {}
    if found is not None:
        initial = {"text": found.text, "note": found.note, "report_type": found.report_type}
    else:
        last = OwnWording.objects.filter(firm=member.firm, element=element, state=State.APPROVED).first()
        initial = {"text": last.text if last else "", "report_type": last.report_type if last else ""}
    form = OwnWordingForm(request.POST or None, initial=initial, fixed=found is not None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            if found is not None:
                own_words.edit(found, text=data["text"], note=data["note"], by=member.user)
                made = found
            else:
                made = own_words.write(member.firm, element=element, by=member.user, **data)
        except ValidationError as error:
            put(form, error)
        else:
            messages.success(request, "The draft is saved.")
            return redirect("reports:wording_version", made.pk)
    context = {
        "firm": member.firm,
        "form": form,
        "title": OWN[element],
        "wording": found,
        "facts": list(FACTS),
        "lists": [] if element.startswith("limb_") else list(LISTS),
        "limb": element.startswith("limb_"),
    }
    return render(request, "reports/wording_form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def write_wording(request: HttpRequest, element: str) -> HttpResponse:
    member = firm_of(request)
    if element not in OWN:
        return redirect("reports:wordings")
    return _form(request, None, member, element)


@require_http_methods(["GET", "POST"])
def edit_wording(request: HttpRequest, wording: int) -> HttpResponse:
    member, found = _version(request, wording)
    if found.state != State.DRAFT:
        return redirect("reports:wording_version", wording)
    return _form(request, found, member, found.element)


@require_POST
def propose_wording(request: HttpRequest, wording: int) -> HttpResponse:
    member, found = _version(request, wording)
    done(request, lambda: own_words.propose(found, by=member.user), "Proposed to the partners.")
    return redirect("reports:wording_version", wording)


@require_POST
def approve_wording(request: HttpRequest, wording: int) -> HttpResponse:
    member, found = _version(request, wording)
    done(request, lambda: own_words.approve(found, by=member.user), "It is printed in drafts made from now on.")
    return redirect("reports:wording_version", wording)


@require_POST
def return_wording(request: HttpRequest, wording: int) -> HttpResponse:
    member, found = _version(request, wording)
    reason = request.POST.get("reason", "")
    done(request, lambda: own_words.return_(found, reason=reason, by=member.user), "It is returned.")
    return redirect("reports:wording_version", wording)


@require_POST
def retire_wording(request: HttpRequest, wording: int) -> HttpResponse:
    member, found = _version(request, wording)
    reason = request.POST.get("reason", "")
    done(
        request, lambda: own_words.retire(found, reason=reason, by=member.user), "The product's words stand again."
    )
    return redirect("reports:wording_version", wording)


@require_POST
def discard_wording(request: HttpRequest, wording: int) -> HttpResponse:
    member, found = _version(request, wording)
    if done(request, lambda: own_words.discard(found, by=member.user), "The draft is discarded."):
        return redirect("reports:wordings")
    return redirect("reports:wording_version", wording)
