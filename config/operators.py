"""What operators of the installation look at: health, jobs, people, firms, checkpoints. Nothing of any engagement.

An operator is a person like any other to row-level security, with a role in no engagement: PostgreSQL shows it none
of their rows. Nothing here changes anything, but for shutting a person out, by the flow that administrators use.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts import people as flows
from accounts.models import Firm, User
from accounts.policies import gave_second_factor, has_second_factor
from accounts.views import user_of
from audit import checkpoints, timestamps
from audit.checkpoints import Broken
from config import doctor
from jobs.models import Job, Outbox

PER_PAGE = 50
# Nothing is signed while nothing happens; an installation in use moves every day.
LATE = dt.timedelta(days=4)
HEALTH = (doctor.postgresql, doctor.broker, doctor.stores, doctor.scanner, doctor.disk)
View = Callable[..., HttpResponse]


def for_operators(view: View) -> View:
    """Not there for anybody else, nor where OPERATORS is off; wants a second factor given in this session."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user = user_of(request)
        if not settings.OPERATORS or not user.is_staff:
            raise Http404("No operators' area")
        if not gave_second_factor(request, user):
            context = {"has_one": has_second_factor(user)}
            return render(request, "operators/second_factor.html", context, status=HTTPStatus.FORBIDDEN)
        return view(request, *args, **kwargs)

    return guarded


@never_cache
@require_GET
@for_operators
def overview(request: HttpRequest) -> HttpResponse:
    """Is it well?"""
    counts = dict(Job.objects.order_by().values_list("state").annotate(Count("pk")))
    context = {
        "health": [look() for look in HEALTH],
        "counts": [(label, counts.get(state, 0), state) for state, label in Job.State.choices],
        "unpublished": Outbox.objects.filter(published_at__isnull=True).count(),
        "oldest": Job.objects.unfinished().order_by("created_at").values_list("created_at", flat=True).first(),
        "failed": Job.objects.filter(state=Job.State.FAILED)[:5],
        "firms": Firm.objects.annotate(
            people=Count("members", distinct=True), organizations=Count("clients", distinct=True)
        ).order_by("legal_name"),
        **_checkpoint(),
    }
    return render(request, "operators/overview.html", context)


def _checkpoint() -> dict[str, Any]:
    """The newest checkpoint and the newest timestamp, as far as this machine has their files."""
    try:
        newest = checkpoints.latest()
    except (Broken, OSError):
        return {"checkpoint_unreadable": True}
    stamped = timestamps.latest()
    return {
        "checkpoint": newest,
        "late": newest is not None and timezone.now() - newest.at > LATE,
        "timestamps_wanted": timestamps.wanted(),
        "stamped": stamped,
        "stamp_waits": newest is not None and (stamped is None or stamped.sha256 != newest.sha256),
    }


@never_cache
@require_GET
@for_operators
def jobs(request: HttpRequest) -> HttpResponse:
    """Background work, newest first; of a failure its first line, which holds no row's content."""
    state = request.GET.get("state", "")
    found = Job.objects.select_related("by")
    if state in Job.State.values:
        found = found.filter(state=state)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    rows = [(job, job.error.partition("\n")[0][:300]) for job in page]
    context = {"page": page, "rows": rows, "state": state, "states": Job.State.choices}
    return render(request, "operators/jobs.html", context)


@never_cache
@require_GET
@for_operators
def people(request: HttpRequest) -> HttpResponse:
    """Everybody with an account, and where they belong."""
    words = request.GET.get("q", "").replace("\0", "").strip()
    factors = Authenticator.objects.filter(user=OuterRef("pk")).exclude(type=Authenticator.Type.RECOVERY_CODES)
    found = (
        User.objects.annotate(second_factor=Exists(factors))
        .prefetch_related("firm_memberships__firm", "client_memberships__organization")
        .order_by("name", "pk")
    )
    if words:
        found = found.filter(Q(name__icontains=words) | Q(email__icontains=words))
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "operators/people.html", {"page": page, "q": words})


@require_POST
@for_operators
def deactivate(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=pk)
    flows.deactivate(person, by=user_of(request), as_operator=True)
    messages.success(request, f"{person.name} can sign in no more; open sessions and tokens have ended.")
    return redirect("operators:people")


@require_POST
@for_operators
def reactivate(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=pk)
    flows.reactivate(person, by=user_of(request), as_operator=True)
    messages.success(request, f"{person.name} can sign in again.")
    return redirect("operators:people")
