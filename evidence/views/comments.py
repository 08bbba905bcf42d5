"""Saying something about a request."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.forms import refuse
from evidence import comments
from evidence.asking_forms import CommentForm
from evidence.views.requests import SEE, request_for, request_page, user_of


@require_POST
def comment(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    engagement, asked = request_for(request, pk, code, *comments.MAY_COMMENT)
    form = CommentForm(request.POST)
    if form.is_valid():
        try:
            comments.comment(asked, by=user_of(request), **form.cleaned_data)
        except ValidationError as error:
            refuse(form, error)
        else:
            key = "notes" if form.cleaned_data["internal"] else "comments"
            return redirect(f"{asked.get_absolute_url()}#{key}")
    return request_page(request, engagement, asked, comment=form, status=422)


@require_POST
def put_aside(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """Where the person is named here waits no longer."""
    _, asked = request_for(request, pk, code, *SEE)
    try:
        if comments.put_aside(asked, by=user_of(request)):
            messages.success(request, f"{asked.code} no longer waits for you because you are named on it.")
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect(asked)
