"""The page of the file: complete, locked, kept, packed, destroyed."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_POST

from archive import adding, certificates, locking, packing, retention
from archive.forms import AddendumForm, ApprovePurgeForm, AskPurgeForm, HoldForm, LiftForm, LockForm, ReviewForm
from archive.models import (
    Addendum,
    AddendumFile,
    ClosingReminder,
    FileLock,
    LegalHold,
    Pack,
    Purge,
    PurgeCertificate,
)
from engagements.frame import frame
from engagements.models import Engagement, Stage
from engagements.register import findings
from engagements.roles import engagement_for
from engagements.views.acting import done, filed, person
from evidence.storage import Altered

JOBS: dict[str, Any] = {"lock": FileLock, "pack": Pack, "purge": Purge}


@require_GET
@login_required
def file(request: HttpRequest, pk: int) -> HttpResponse:
    return _file(request, engagement_for(request, pk, "see_fieldwork"))


def _proof(request: HttpRequest, engagement: Engagement) -> dict[str, Any]:
    return {"request": request, "back": reverse("archive:file", args=[engagement.pk])}


def _file(request: HttpRequest, engagement: Engagement, **forms: Any) -> HttpResponse:
    may, user = engagement.may, person(request)
    lock, due = locking.lock_of(engagement), locking.due_on(engagement)
    locked = lock is not None and lock.locked
    purge = retention.standing_purge(engagement)
    may_lock = "close_file" in may and locking.may_be_locked(engagement)
    over = locked and retention.time_is_over(engagement)
    asked = purge is not None and purge.state == Purge.State.ASKED
    proof = _proof(request, engagement)
    packs = list(Pack.objects.filter(engagement=engagement).select_related("job", "asked_by")[:6])
    # From the approval on nothing comes to it, whatever is shown of it until a worker is done.
    gone = engagement.stage == Stage.PURGED or (purge is not None and purge.state != Purge.State.ASKED)
    context = {
        **frame(request, engagement, "file"),
        "lock": lock,
        "locked": locked,
        "due": due,
        "released": locking.released_on(engagement),
        "late_days": (timezone.localdate() - due).days if due and not locked else 0,
        "reminders": ClosingReminder.objects.filter(engagement=engagement),
        "lock_findings": findings("lock", engagement) if may_lock else [],
        "may_lock": may_lock,
        "lock_form": forms.get("lock") or LockForm(**proof, least=engagement.firm.retention_years),
        "addenda": [(one, adding.may_review(one, may, user) and not gone) for one in adding.of_file(engagement)],
        "review_form": ReviewForm(),
        "may_add": "add_addenda" in may and locked and not gone,
        "addendum_form": forms.get("addendum") or AddendumForm(),
        "holds": LegalHold.objects.filter(engagement=engagement).select_related("placed_by", "lifted_by"),
        "may_hold": may & {"close_file", "add_addenda"} and not gone,
        "may_lift": "close_file" in may,
        "hold_form": forms.get("hold") or HoldForm(),
        "lift_form": LiftForm(),
        "packs": packs,
        "making": next((one for one in packs if one.state == Pack.State.MAKING), None),
        "may_take": packing.may_take(engagement, user),
        "may_pack": engagement.frozen and not gone and packing.may_take(engagement, user),
        "purge": purge,
        "purge_findings": findings("purge", engagement) if over and not purge else [],
        "may_ask_purge": "purge_file" in may and over and purge is None,
        "may_approve_purge": "purge_file" in may and asked and purge is not None and purge.asked_by_id != user.pk,
        "may_cancel_purge": "purge_file" in may and asked,
        "ask_form": forms.get("ask") or AskPurgeForm(**proof),
        "approve_form": forms.get("approve") or ApprovePurgeForm(**proof),
        "certificate": PurgeCertificate.objects.filter(engagement=engagement).first(),
        "opened": next(iter(forms), ""),
    }
    return render(request, "archive/file.html", context, status=422 if forms else 200)


def _to(engagement: Engagement) -> HttpResponse:
    return redirect("archive:file", engagement.pk)


@require_POST
@login_required
def lock(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "close_file")
    form = LockForm(request.POST, **_proof(request, engagement), least=engagement.firm.retention_years)
    if filed(
        request,
        form,
        lambda data: locking.lock(engagement, by=person(request), password=data["password"], years=data["years"]),
        "The file is being read as a whole, then it is locked.",
    ):
        return _to(engagement)
    return _file(request, engagement, lock=form)


@require_POST
@login_required
def add_addendum(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "add_addenda")
    form = AddendumForm(request.POST, request.FILES)
    if filed(
        request,
        form,
        lambda data: adding.add(engagement, **data, by=person(request)),
        "The addendum is part of the file.",
    ):
        return _to(engagement)
    return _file(request, engagement, addendum=form)


@require_POST
@login_required
def review_addendum(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "add_addenda")
    found = get_object_or_404(Addendum, engagement=engagement, number=number)
    found.engagement = engagement
    done(
        request,
        lambda: adding.review(found, conclusion=request.POST.get("conclusion", ""), by=person(request)),
        f"{found} is reviewed.",
    )
    return _to(engagement)


@require_GET
@login_required
def addendum_file(request: HttpRequest, pk: int, number: int, place: int) -> HttpResponseBase:
    engagement = engagement_for(request, pk, "see_fieldwork")
    files = AddendumFile.objects.filter(engagement=engagement, addendum__number=number).select_related("addendum")
    found = next(iter(files[place - 1 : place]), None) if place else None
    if found is None:
        raise Http404("No such file")
    found.engagement = engagement
    try:
        content = adding.download(found, by=person(request))
    except Altered as error:
        messages.error(request, str(error))
        return _to(engagement)
    response = FileResponse(content, content_type=found.content_type)
    response["Content-Disposition"] = content_disposition_header(True, found.name) or "attachment"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


@require_POST
@login_required
def place_hold(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "close_file", "add_addenda")
    form = HoldForm(request.POST)
    if filed(
        request,
        form,
        lambda data: retention.place_hold(engagement, **data, by=person(request)),
        "The file is under legal hold: it is kept whatever its age.",
    ):
        return _to(engagement)
    return _file(request, engagement, hold=form)


@require_POST
@login_required
def lift_hold(request: HttpRequest, pk: int, hold: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "close_file")
    found = get_object_or_404(LegalHold, engagement=engagement, pk=hold)
    done(
        request,
        lambda: retention.lift_hold(found, reason=request.POST.get("reason", ""), by=person(request)),
        "The hold is lifted.",
    )
    return _to(engagement)


@require_POST
@login_required
def make_pack(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = _for_pack(request, pk)
    done(request, lambda: packing.ask(engagement, by=person(request)), "The pack is being made.")
    return _to(engagement)


def _for_pack(request: HttpRequest, pk: int) -> Engagement:
    engagement = engagement_for(request, pk, "see_fieldwork")
    if not packing.may_take(engagement, person(request)):
        raise PermissionDenied("The partner, the quality reviewer or an administrator of the firm takes the pack.")
    return engagement


@require_GET
@login_required
def pack(request: HttpRequest, pk: int, number: int) -> HttpResponseBase:
    engagement = _for_pack(request, pk)
    found = get_object_or_404(Pack, engagement=engagement, number=number, state=Pack.State.READY)
    response = FileResponse(packing.download(found, by=person(request)), content_type="application/zip")
    response["Content-Disposition"] = content_disposition_header(True, found.file_name) or "attachment"
    response["Content-Length"] = str(found.size)
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


@require_GET
@login_required
def progress(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """How far the newest job of a kind is; when it has ended, the page is loaded anew."""
    engagement = engagement_for(request, pk, "see_fieldwork")
    if kind not in JOBS:
        raise Http404("No such work")
    found = JOBS[kind].objects.filter(engagement=engagement, job__isnull=False).select_related("job").first()
    if found is None:
        raise Http404("Nothing is under way")
    titles = {"lock": "Locking the file", "pack": "Making the pack", "purge": "Destroying the file"}
    response = render(
        request, "components/job.html", {"job": found.job, "poll": request.path, "title": titles[kind]}
    )
    if found.job.finished:
        response["HX-Refresh"] = "true"
    return response


@require_POST
@login_required
def ask_purge(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "purge_file")
    form = AskPurgeForm(request.POST, **_proof(request, engagement))
    if filed(
        request,
        form,
        lambda data: retention.ask_purge(
            engagement, reason=data["reason"], by=person(request), password=data["password"]
        ),
        "The destruction waits for a second person.",
    ):
        return _to(engagement)
    return _file(request, engagement, ask=form)


@require_POST
@login_required
def cancel_purge(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "purge_file")
    done(
        request,
        lambda: retention.cancel_purge(engagement, by=person(request)),
        "The destruction is called off; the file stays.",
    )
    return _to(engagement)


@require_POST
@login_required
def approve_purge(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "purge_file")
    form = ApprovePurgeForm(request.POST, **_proof(request, engagement))
    if filed(
        request,
        form,
        lambda data: retention.approve_purge(engagement, by=person(request), password=data["password"]),
        "The file is being destroyed.",
    ):
        return _to(engagement)
    return _file(request, engagement, approve=form)


def _certificate(request: HttpRequest, pk: int) -> tuple[Engagement, PurgeCertificate]:
    engagement = engagement_for(request, pk, "see_fieldwork")
    return engagement, get_object_or_404(PurgeCertificate, engagement=engagement)


@require_GET
@login_required
def certificate(request: HttpRequest, pk: int) -> HttpResponse:
    engagement, found = _certificate(request, pk)
    context = {
        **frame(request, engagement, "file"),
        "certificate": found,
        "facts": certificates.facts_of(found),
        "checked": certificates.check(found),
    }
    return render(request, "archive/certificate.html", context)


@require_GET
@login_required
def certificate_file(request: HttpRequest, pk: int) -> HttpResponse:
    """The certificate as it was hashed, for whoever verifies it elsewhere."""
    engagement, found = _certificate(request, pk)
    certificates.hand_out(found, by=person(request))
    response = HttpResponse(found.text, content_type="application/json")
    name = f"{engagement.number} certificate of destruction.json"
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    return response
