"""Marking an item of the sheet as unobtainable, and taking that back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from engagements.roles import engagement_for
from engagements.views.acting import done, person
from fieldwork import testing
from fieldwork.forms import UnobtainableForm
from fieldwork.models import SheetItem
from fieldwork.views.testing import tests_of


def _item(request: HttpRequest, pk: int, test_pk: int, item_pk: int) -> SheetItem:
    engagement = engagement_for(request, pk, "record_tests")
    test = tests_of(engagement, test_pk)
    item = get_object_or_404(SheetItem, test=test, pk=item_pk)
    item.test = test
    return item


@require_POST
def unobtainable(request: HttpRequest, pk: int, test_pk: int, item_pk: int) -> HttpResponse:
    item = _item(request, pk, test_pk, item_pk)
    form = UnobtainableForm(request.POST, test=item.test)
    if not form.is_valid():
        messages.error(request, "Say why it cannot be obtained, and whether that is a deviation or a limitation.")
    else:
        data = form.cleaned_data
        done(
            request,
            lambda: testing.mark_unobtainable(
                item, reason=data["reason"], effect=data["effect"], citation=data["citation"], by=person(request)
            ),
            f"Item {item.position} is marked as unobtainable.",
        )
    return redirect("fieldwork:item", pk=pk, test_pk=test_pk, item_pk=item_pk)


@require_POST
def obtained(request: HttpRequest, pk: int, test_pk: int, item_pk: int) -> HttpResponse:
    item = _item(request, pk, test_pk, item_pk)
    done(request, lambda: testing.obtained(item, by=person(request)), "The mark is taken back.")
    return redirect("fieldwork:item", pk=pk, test_pk=test_pk, item_pk=item_pk)
