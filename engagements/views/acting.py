"""What views share: call a flow, and show its refusal or its success."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.forms import refuse
from accounts.models import User
from engagements.models import Engagement
from engagements.workflow import WrongStage, must_be


def person(request: HttpRequest) -> User:
    """The signed-in person; views that call this are behind `login_required`."""
    assert isinstance(request.user, User)
    return request.user


def done(request: HttpRequest, act: Callable[[], object], said: str) -> bool:
    """Call a flow from a page without a form: a refusal becomes a message."""
    try:
        act()
    except ValidationError as error:
        for message in error.messages:
            messages.error(request, message)
        return False
    messages.success(request, said)
    return True


def filed(request: HttpRequest, form: forms.BaseForm, act: Callable[[dict[str, Any]], object], said: str) -> bool:
    """Call a flow with what a valid form holds: a refusal goes onto the form."""
    if request.method != "POST" or not form.is_valid():
        return False
    try:
        act(form.cleaned_data)
    except ValidationError as error:
        refuse(form, error)
        return False
    if said:
        messages.success(request, said)
    return True


def closed(request: HttpRequest, engagement: Engagement, back: str) -> HttpResponse | None:
    """Whoever asks for an empty form once the report is issued is told so, and led back to what stands.

    What is sent all the same is refused by its flow.
    """
    if request.method == "POST" or not engagement.frozen:
        return None
    try:
        must_be(engagement)
    except WrongStage as error:
        messages.info(request, " ".join(error.messages))
    return redirect(back, engagement.pk)


def shown(request: HttpRequest, template: str, context: dict[str, Any], form: forms.BaseForm) -> HttpResponse:
    """The page of a form: 422 when what was sent was refused."""
    return render(request, template, {**context, "form": form}, status=422 if form.errors else 200)
