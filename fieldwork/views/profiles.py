"""The firm's sampling profile: what is approved, its history, writing the next version."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import FirmMember
from accounts.switching import chosen
from engagements.views.acting import done, filed, person, shown
from fieldwork import profiles, sizes
from fieldwork.forms import ImportForm, ProfileForm
from fieldwork.models import SamplingProfile

State = SamplingProfile.State


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


def _profile(request: HttpRequest, profile_pk: int) -> tuple[FirmMember, SamplingProfile]:
    """A profile that ships with the product or of the person's firm; 404 for another firm's."""
    member = firm_of(request)
    known = SamplingProfile.objects.filter(Q(firm=None) | Q(firm=member.firm))
    return member, get_object_or_404(known.select_related("written_by", "approved_by", "based_on"), pk=profile_pk)


@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """What the firm has approved, what is being written, what it was before, and what ships with the product."""
    member = firm_of(request)
    approved = SamplingProfile.objects.approved_for(member.firm)
    own = SamplingProfile.objects.filter(firm=member.firm).select_related("written_by", "approved_by")
    context = {
        "firm": member.firm,
        "approved": approved,
        "table": sizes.lines(approved.sizes) if approved else None,
        "open_ones": own.filter(state__in=[State.DRAFT, State.PROPOSED]).order_by("-written_at"),
        "earlier": own.filter(state=State.RETIRED).annotate(used=Count("samples")).order_by("-approved_at"),
        "shipped": [
            {"profile": profile, "table": sizes.lines(profile.sizes), "note": _note(profile)}
            for profile in SamplingProfile.objects.filter(firm=None)
        ],
        "may_approve": member.is_admin,
        "importing": ImportForm(),
    }
    return render(request, "fieldwork/profile.html", context)


def _note(profile: SamplingProfile) -> str:
    return str(profile.sizes.get("rule") or profile.sizes.get("note", ""))


@require_GET
def version(request: HttpRequest, profile_pk: int) -> HttpResponse:
    """One version: its sizes, what it changes, and what can be done with it."""
    member, profile = _profile(request, profile_pk)
    compared = _compared(request, member, profile)
    context = {
        "firm": member.firm,
        "profile": profile,
        "table": sizes.lines(profile.sizes),
        "note": _note(profile),
        "compared": compared,
        "changes": sizes.changes(compared.sizes, profile.sizes) if compared else [],
        "others": SamplingProfile.objects.filter(Q(firm=None) | Q(firm=member.firm)).exclude(pk=profile.pk),
        "may_approve": _may_approve(member, profile),
        "own_work": profile.state == State.PROPOSED and profile.written_by_id == member.user_id,
        "used": profile.samples.count(),
    }
    return render(request, "fieldwork/profile_version.html", context)


def _compared(request: HttpRequest, member: FirmMember, profile: SamplingProfile) -> SamplingProfile | None:
    """The version beside which it is shown: the one asked for, else what it was written from."""
    asked = request.GET.get("with", "")
    if asked.isdecimal():
        return _profile(request, int(asked))[1]
    return profile.based_on or SamplingProfile.objects.approved_for(member.firm)


def _may_approve(member: FirmMember, profile: SamplingProfile) -> bool:
    if not member.is_admin:
        return False
    if profile.firm_id is None:
        return True
    others = FirmMember.objects.filter(firm=member.firm, is_admin=True, user__is_active=True).exclude(pk=member.pk)
    return profile.state == State.PROPOSED and (profile.written_by_id != member.user_id or not others.exists())


@require_POST
def approve(request: HttpRequest, profile_pk: int) -> HttpResponse:
    member, profile = _profile(request, profile_pk)
    said = f"{profile.name} is the firm's profile from now on."
    done(request, lambda: profiles.approve(member.firm, profile, member.user), said)
    return redirect("fieldwork:profile")


@require_POST
def write(request: HttpRequest, profile_pk: int) -> HttpResponse:
    """Begin the next version as a copy of this one."""
    member, base = _profile(request, profile_pk)
    made = profiles.write(member.firm, base, member.user)
    return redirect("fieldwork:edit_profile", profile_pk=made.pk)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, profile_pk: int) -> HttpResponse:
    member, profile = _profile(request, profile_pk)
    if profile.firm_id is None or profile.state != State.DRAFT:
        messages.error(request, f"{profile} does not change. Write a new version from it.")
        return redirect(profile)
    form = ProfileForm(request.POST or None, profile=profile)

    def act(data: dict[str, Any]) -> None:
        try:
            profiles.edit(
                member.firm, profile, name=data["name"], note=data["note"], sizes=form.sizes(), by=member.user
            )
        except ValidationError as error:
            # The sizes are many fields: their problems stand above the table.
            problems = error.message_dict if hasattr(error, "error_dict") else {"__all__": error.messages}
            raise ValidationError(
                {"name" if key == "name" else "__all__": said for key, said in problems.items()}
            ) from error

    if filed(request, form, act, "The draft is saved."):
        return redirect(profile)
    return shown(request, "fieldwork/edit_profile.html", {"firm": member.firm, "profile": profile}, form)


@require_POST
def propose(request: HttpRequest, profile_pk: int) -> HttpResponse:
    member, profile = _profile(request, profile_pk)
    done(request, lambda: profiles.propose(member.firm, _own(profile), member.user), "It waits for approval.")
    return redirect(profile)


@require_POST
def return_(request: HttpRequest, profile_pk: int) -> HttpResponse:
    member, profile = _profile(request, profile_pk)
    reason = request.POST.get("reason", "")
    done(
        request,
        lambda: profiles.return_(member.firm, _own(profile), reason=reason, by=member.user),
        "It is returned to its author.",
    )
    return redirect(profile)


@require_POST
def discard(request: HttpRequest, profile_pk: int) -> HttpResponse:
    member, profile = _profile(request, profile_pk)
    if done(request, lambda: profiles.discard(member.firm, _own(profile), member.user), "The draft is gone."):
        return redirect("fieldwork:profile")
    return redirect(profile)


def _own(profile: SamplingProfile) -> SamplingProfile:
    if profile.firm_id is None:
        raise ValidationError("This profile ships with the product. Write a version of the firm's from it.")
    return profile


@require_POST
def import_file(request: HttpRequest) -> HttpResponse:
    member = firm_of(request)
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, "Choose a JSON file of profiles, up to 1 MB.")
        return redirect("fieldwork:profile")
    made: list[SamplingProfile] = []

    def act() -> None:
        made.extend(profiles.import_file(member.firm, form.cleaned_data["file"].read(), member.user))

    done(request, act, "The profiles are read as drafts.")
    return redirect(made[0] if len(made) == 1 else "fieldwork:profile")
