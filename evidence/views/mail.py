"""Which mail a person gets, and the calendar."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required, login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.context import acting_for
from engagements.views.acting import filed, person
from evidence import feeds, mailing
from evidence.asking_forms import MailForm
from evidence.zones import zone_of


@require_http_methods(["GET", "POST"])
@login_required
def mail(request: HttpRequest) -> HttpResponse:
    user = person(request)
    choice = mailing.choice_of(user)
    form = MailForm(
        request.POST if request.method == "POST" else None,
        initial={"daily": choice.daily, "urgent": choice.urgent, "time_zone": choice.time_zone},
        office=zone_of(user, "").key.replace("_", " "),
    )
    if filed(request, form, lambda wanted: mailing.choose(user, **wanted), "Kept."):
        return redirect("evidence:mail")
    context = {"form": form, "feed": feeds.current(user)}
    return render(request, "evidence/mail.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
@never_cache
def make_calendar(request: HttpRequest) -> HttpResponse:
    """A new address, shown once."""
    feed, secret = feeds.make(person(request))
    context = {"feed": feed, "address": feeds.address(secret)}
    return render(request, "evidence/calendar_made.html", context, status=201)


@require_POST
@login_required
def end_calendar(request: HttpRequest) -> HttpResponse:
    if feeds.end(person(request)):
        messages.success(request, "Nothing is read at the calendar address any more.")
    return redirect("evidence:mail")


@login_not_required
@require_GET
@never_cache
def calendar(request: HttpRequest, secret: str) -> HttpResponse:
    """For calendar programs: no session, the address is the secret."""
    feed = feeds.find(secret)
    if feed is None:
        raise Http404("No such calendar")
    with acting_for(feed.user):
        content = feeds.take(feed, today=timezone.localdate())
    response = HttpResponse(content, content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = 'inline; filename="attestry.ics"'
    response["X-Robots-Tag"] = "noindex"
    return response


@login_not_required
@csrf_exempt
@require_http_methods(["GET", "POST"])
@never_cache
def stop_mail(request: HttpRequest, token: str) -> HttpResponse:
    """The button of mail programs posts here at once (RFC 8058); a person who follows the link is asked."""
    if request.method == "POST":
        user = mailing.stop(token)
    else:
        user = mailing.named_by(token)
    if user is None:
        raise Http404("No such address")
    return render(request, "evidence/stop_mail.html", {"stopped": not mailing.choice_of(user).daily})
