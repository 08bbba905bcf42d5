"""Making a token for a program: for one engagement or all of one's own."""

from __future__ import annotations

import datetime as dt

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.forms import TokenForm, refuse
from accounts.policies import gave_second_factor, provider_of
from accounts.tokens import make
from accounts.views import user_of
from engagements.models import Engagement


@require_http_methods(["GET", "POST"])
@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """The form; and once, in answer to it, the secret."""
    user = user_of(request)
    mine = Engagement.objects.visible_to(user).select_related("client").order_by("-pk")
    labels = {str(one.pk): f"{one.number} {one.client.short}" for one in mine}
    form = TokenForm(request.POST if request.method == "POST" else None, choices=list(labels.items()))
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data
        chosen = sent["engagement"]
        try:
            token, secret = make(
                name=sent["name"],
                engagement_id=int(chosen) if chosen else None,
                covers=labels[chosen] if chosen else "all engagements",
                may_read=sent["may_read"],
                may_upload=sent["may_upload"],
                expires_at=_end_of(sent["expires_on"]),
                networks=sent["networks"],
                provider=provider_of(request, user),
                second_factor=gave_second_factor(request, user),
                by=user,
            )
        except ValidationError as error:
            refuse(form, error)
        else:
            return render(request, "accounts/token_made.html", {"token": token, "secret": secret}, status=201)
    return render(request, "accounts/token_new.html", {"form": form}, status=422 if form.errors else 200)


def _end_of(day: dt.date) -> dt.datetime:
    midnight = dt.datetime.combine(day, dt.time(), tzinfo=timezone.get_default_timezone())
    return midnight + dt.timedelta(days=1)
