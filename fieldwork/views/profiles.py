"""The firm's sampling profile."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.models import Firm, FirmMember
from accounts.switching import chosen
from engagements.views.acting import done, person
from fieldwork import profiles
from fieldwork.models import SamplingProfile

_RISKS = 3
# JSON of the database keeps no order.
_ORDER = [
    "annual",
    "semiannual",
    "quarterly",
    "monthly",
    "semimonthly",
    "weekly",
    "daily",
    "multiple_daily",
]


def _place(name: str) -> int:
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


def firm_of(request: HttpRequest) -> FirmMember:
    """The person's membership in the firm they chose, else in their first.

    Raises PermissionDenied for people of clients and readers.
    """
    members = FirmMember.objects.filter(user=person(request)).select_related("firm").order_by("-is_admin", "pk")
    place = chosen(request)
    narrowed = members.filter(firm_id=place.key).first() if place is not None and place.of_firm else None
    member = narrowed or members.first()
    if member is None:
        raise PermissionDenied("Sampling is the firm's.")
    return member


@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """What the firm has approved, what it may approve instead, and the sizes of each."""
    member = firm_of(request)
    approved = SamplingProfile.objects.approved_for(member.firm)
    earlier = SamplingProfile.objects.filter(firm=member.firm).order_by("-approved_at")
    context = {
        "firm": member.firm,
        "approved": approved,
        "table": sizes_table(approved) if approved else None,
        "earlier": earlier[1:],
        "shipped": [
            {"profile": profile, "table": sizes_table(profile)}
            for profile in SamplingProfile.objects.filter(firm=None)
        ],
        "may_approve": member.is_admin,
    }
    return render(request, "fieldwork/profile.html", context)


@require_POST
def approve(request: HttpRequest, profile_pk: int) -> HttpResponse:
    user = person(request)
    firm: Firm = firm_of(request).firm
    shipped = get_object_or_404(SamplingProfile, firm=None, pk=profile_pk)
    done(
        request, lambda: profiles.approve(firm, shipped, user), f"{shipped.name} is the firm's profile from now on."
    )
    return redirect("fieldwork:profile")


def sizes_table(profile: SamplingProfile) -> dict[str, Any]:
    """A profile's sizes as rows of low, normal and high risk."""
    rows = [
        {"name": name.replace("_", " ").capitalize(), "sizes": _three(value)}
        for name, value in sorted(profile.sizes.get("by_frequency", {}).items(), key=lambda one: _place(one[0]))
    ]
    lower = 1
    for band in profile.sizes.get("event_population", []):
        top = band["max"]
        name = f"On event, {lower:,} to {top:,} items" if top else f"On event, more than {lower - 1:,} items"
        rows.append({"name": name, "sizes": _three(band["n"])})
        lower = (top or 0) + 1
    return {"rows": rows, "note": profile.sizes.get("rule") or profile.sizes.get("note", "")}


def _three(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value] * _RISKS
