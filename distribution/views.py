"""Pages of distribution, for the engagement's people and for readers, who have no account."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Callable

from allauth.core.internal import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required, login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from audit.context import acting_for
from audit.refusals import LIMIT, note
from audit.text import cell as harmless
from distribution import agreements, granting, publishing, reading, verifying
from distribution.forms import AcceptForm, AgreementForm, InviteForm, VerifyForm
from distribution.models import Acceptance, AccessEvent, Grant
from engagements.frame import frame
from engagements.roles import engagement_for
from engagements.views.acting import done
from engagements.workflow import WrongStage
from reports import general_use
from reports.recalling import last_issued

SESSION_KEY = "reader_grant"
# Each file is hashed, and its seals are judged.
VERIFY_LIMITS = {"verify": "20/m/ip"}


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # login_required
    return request.user


def _read_url(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("distribution:open_link", args=["TOKEN"]))


def _back_with_refusal(request: HttpRequest, pk: int, error: ValidationError) -> HttpResponse:
    for words in error.messages:
        messages.error(request, words)
    return redirect("distribution:distribution", pk)


# For the engagement's people


@login_required
@require_GET
def distribution(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "see_distribution")
    return _page(request, pk, InviteForm(), AgreementForm(initial=_agreement_initial(engagement)))


def _agreement_initial(engagement: object) -> dict[str, str]:
    agreement = agreements.current(engagement)  # type: ignore[arg-type]
    return {"text": agreement.text if agreement else ""}


def _page(
    request: HttpRequest, pk: int, invite_form: InviteForm, agreement_form: AgreementForm, status: int = 200
) -> HttpResponse:
    engagement = engagement_for(request, pk, "see_distribution")
    grants = Grant.objects.filter(engagement=engagement).select_related("invited_by").prefetch_related("events")
    now = timezone.now()
    rows = []
    for grant in grants:
        kinds = [event.kind for event in grant.events.all()]
        rows.append(
            {
                "grant": grant,
                "state": "revoked" if grant.revoked_at else "expired" if grant.expires_at <= now else "active",
                "accepted": AccessEvent.Kind.ACCEPTED in kinds,
                "downloads": kinds.count(AccessEvent.Kind.DOWNLOADED),
                "refusals": kinds.count(AccessEvent.Kind.REFUSED),
            }
        )
    context = frame(request, engagement, "distribution") | {
        "issuance": granting.issued_report(engagement),
        "recalled": last_issued(engagement),
        "agreement": agreements.current(engagement),
        "rows": rows,
        "events": AccessEvent.objects.filter(engagement=engagement).select_related("grant", "agreement")[:200],
        "invite_form": invite_form,
        "agreement_form": agreement_form,
        "may_manage": "manage_distribution" in engagement.may,
        "general": general_use.released(engagement),
        "publication": publishing.standing(engagement),
    }
    return render(request, "distribution/distribution.html", context, status=status)


@login_required
@require_POST
def publish_agreement(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "manage_distribution")
    form = AgreementForm(request.POST)
    if form.is_valid():
        try:
            agreement = agreements.publish(engagement, text=form.cleaned_data["text"], by=_user(request))
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, f"Version {agreement.version} is in force.")
            return redirect("distribution:distribution", pk)
    return _page(request, pk, InviteForm(), form, status=422)


@login_required
@require_POST
def invite(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "manage_distribution")
    form = InviteForm(request.POST)
    if form.is_valid():
        try:
            grant = granting.invite(engagement, by=_user(request), read_url=_read_url(request), **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, f"{grant.name} gets a link at {grant.email}.")
            return redirect("distribution:distribution", pk)
    return _page(request, pk, form, AgreementForm(initial=_agreement_initial(engagement)), status=422)


@login_required
@require_POST
def revoke(request: HttpRequest, pk: int, grant: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "manage_distribution")
    found = get_object_or_404(Grant, pk=grant, engagement=engagement)
    try:
        granting.revoke(found, by=_user(request))
    except ValidationError as error:
        return _back_with_refusal(request, pk, error)
    messages.success(request, f"{found.name} can no longer read the report.")
    return redirect("distribution:distribution", pk)


@login_required
@require_POST
def send_link(request: HttpRequest, pk: int, grant: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "manage_distribution")
    found = get_object_or_404(Grant, pk=grant, engagement=engagement)
    try:
        granting.send_link(found, by=_user(request), read_url=_read_url(request))
    except ValidationError as error:
        return _back_with_refusal(request, pk, error)
    messages.success(request, f"A new link is on its way to {found.email}.")
    return redirect("distribution:distribution", pk)


@login_required
@require_GET
def log(request: HttpRequest, pk: int) -> HttpResponse:
    """The access log as CSV; cells that a spreadsheet would take for a formula are made harmless."""
    engagement = engagement_for(request, pk, "see_distribution")
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        ["time (UTC)", "reader", "e-mail", "company", "event", "reason", "terms", "report", "copy", "address"]
    )
    for event in AccessEvent.objects.filter(engagement=engagement).select_related("grant", "agreement"):
        cells = [
            event.at.isoformat(),
            event.grant.name,
            event.grant.email,
            event.grant.company,
            event.get_kind_display(),
            event.reason,
            event.agreement.version if event.agreement else "",
            event.report_sha256,
            event.copy_sha256,
            event.ip or "",
        ]
        writer.writerow([harmless(str(cell)) for cell in cells])
    response = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
    named = content_disposition_header(True, f"access-log-{engagement.number}.csv")
    response["Content-Disposition"] = named or "attachment"
    return response


@login_required
@require_POST
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "manage_distribution")
    done(
        request,
        lambda: publishing.publish(engagement, by=_user(request)),
        "The SOC 3 report is published: whoever has its address reads it.",
    )
    return redirect("distribution:distribution", pk)


@login_required
@require_POST
def unpublish(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "manage_distribution")
    found = publishing.standing(engagement)
    if found is None:
        raise Http404("Nothing is published")
    found.engagement = engagement
    done(request, lambda: publishing.end(found, by=_user(request)), "The SOC 3 report is no longer published.")
    return redirect("distribution:distribution", pk)


# Everybody's way to the SOC 3 report


@login_not_required
@require_GET
def published(request: HttpRequest, address: str) -> HttpResponse:
    found = publishing.at(address)
    if found is None:
        return render(request, "distribution/not_published.html", status=404)
    report = found.report
    context = {
        "publication": found,
        "report": report,
        "snapshot": report.issuance.snapshot,
        "newer": publishing.newer(found),
        "current": report.state == report.State.CURRENT,
    }
    return render(request, "distribution/published.html", context)


@login_not_required
@require_GET
def published_pdf(request: HttpRequest, address: str) -> HttpResponse:
    found = publishing.at(address)
    if found is None:
        return render(request, "distribution/not_published.html", status=404)
    try:
        pdf = publishing.content(found)
    except WrongStage:
        return redirect(found)
    response = HttpResponse(pdf, content_type="application/pdf")
    response["Content-Disposition"] = content_disposition_header(False, f"{found.report.number}.pdf") or "inline"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    # It may be taken back or withdrawn at any time: nobody shows it without asking.
    response["Cache-Control"] = "no-cache"
    return response


# The reader's way


def _by_link(view: Callable[[HttpRequest, Grant, str], HttpResponse]) -> Callable[..., HttpResponse]:
    """The view of whoever has a link, with the grant it is for."""

    @functools.wraps(view)
    def found(request: HttpRequest, token: str) -> HttpResponse:
        grant = reading.find(token)
        if grant is None:
            return render(request, "distribution/unknown.html", status=404)
        with acting_for(grant.person):
            return view(request, grant, token)

    return found


def _in_session(view: Callable[[HttpRequest, Grant], HttpResponse]) -> Callable[..., HttpResponse]:
    """The view of a reader, with the grant this browser proved by its link. Raises Http404 without one."""

    @functools.wraps(view)
    def found(request: HttpRequest) -> HttpResponse:
        key = request.session.get(SESSION_KEY, 0)
        with acting_for(Grant(pk=key).person):
            grant = Grant.objects.select_related("engagement__client", "engagement__firm").filter(pk=key).first()
            if grant is None:
                raise Http404("No invitation was opened in this browser")
            return view(request, grant)

    return found


def _visitor(request: HttpRequest) -> reading.Visitor:
    return reading.Visitor(user_agent=request.headers.get("User-Agent", ""))


def _refused(request: HttpRequest, words: str, grant: Grant | None = None, token: str = "") -> HttpResponse:
    return render(
        request, "distribution/refused.html", {"words": words, "grant": grant, "token": token}, status=403
    )


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
@_by_link
def open_link(request: HttpRequest, grant: Grant, token: str) -> HttpResponse:
    """GET only shows a button: mail scanners follow links, and a link works once."""
    if request.method == "GET" and grant.token_used_at is None:
        return render(request, "distribution/open.html", {"grant": grant, "token": token})
    try:
        reading.open_link(grant, visitor=_visitor(request))
    except reading.Refused as refusal:
        if request.session.get(SESSION_KEY) == grant.pk:
            return redirect("distribution:gate")
        return _refused(request, str(refusal), grant, token)
    request.session.cycle_key()
    request.session[SESSION_KEY] = grant.pk
    return redirect("distribution:gate")


@login_not_required
@never_cache
@require_POST
@_by_link
def ask_link(request: HttpRequest, grant: Grant, token: str) -> HttpResponse:
    try:
        granting.send_link(grant, by=None, read_url=_read_url(request))
    except ValidationError as error:
        return _refused(request, " ".join(error.messages), grant)
    return render(request, "distribution/link_sent.html", {"grant": grant})


@login_not_required
@never_cache
@require_GET
@_in_session
def gate(request: HttpRequest, grant: Grant) -> HttpResponse:
    try:
        agreement = reading.view_terms(grant, visitor=_visitor(request))
    except reading.Refused as refusal:
        return _refused(request, str(refusal), grant)
    return _gate_page(request, grant, AcceptForm(initial={"agreement_sha256": agreement.sha256}))


def _gate_page(request: HttpRequest, grant: Grant, form: AcceptForm, status: int = 200) -> HttpResponse:
    agreement = agreements.current(grant.engagement)
    context = {
        "grant": grant,
        "engagement_of_report": grant.engagement,
        "agreement": agreement,
        "issuance": granting.issued_report(grant.engagement),
        "acceptance": Acceptance.objects.filter(grant=grant, agreement=agreement).first(),
        "replaced": reading.replaced_copies(grant),
        "form": form,
    }
    return render(request, "distribution/gate.html", context, status=status)


@login_not_required
@never_cache
@require_POST
@_in_session
def accept(request: HttpRequest, grant: Grant) -> HttpResponse:
    form = AcceptForm(request.POST)
    if form.is_valid():
        try:
            reading.accept(grant, visitor=_visitor(request), **form.cleaned_data)
        except reading.Refused as refusal:
            return _refused(request, str(refusal), grant)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return redirect("distribution:gate")
    agreement = agreements.current(grant.engagement)
    if agreement is not None:
        # What was typed stays; what is accepted next is the text as it is shown now.
        data = request.POST.copy()
        data["agreement_sha256"] = agreement.sha256
        form.data = data
    return _gate_page(request, grant, form, status=422)


@login_not_required
@never_cache
@require_POST
@_in_session
def download(request: HttpRequest, grant: Grant) -> HttpResponse:
    try:
        copy = reading.download(grant, visitor=_visitor(request))
    except reading.Refused as refusal:
        return _refused(request, str(refusal), grant)
    response = HttpResponse(copy.content, content_type="application/pdf")
    response["Content-Disposition"] = content_disposition_header(True, copy.name) or "attachment"
    response["Cache-Control"] = "private, no-store"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


@login_not_required
@never_cache
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    request.session.pop(SESSION_KEY, None)
    return render(request, "distribution/left.html")


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Anybody may ask whether the file they hold is a report issued here."""
    form, verdict = VerifyForm(), None
    if request.method == "POST":
        form = VerifyForm(request.POST, request.FILES)
        if not ratelimit.consume(request, app="distribution", action="verify", config=VERIFY_LIMITS):
            note(LIMIT, asked="files to verify")
            form.add_error(None, "Too many files in a short time: wait a minute, then try again.")
        elif form.is_valid():
            verdict = verifying.verify(form.cleaned_data["file"].read())
    named = verdict is not None and isinstance(request.user, User) and verdict.names_reader_to(request.user)
    context = {"form": form, "verdict": verdict, "named": named}
    return render(request, "distribution/verify.html", context, status=422 if form.errors else 200)
