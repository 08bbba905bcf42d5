from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from audit.context import EVERYBODY, acting_for
from engagements.forms import InviteForm, RoleForm
from engagements.frame import frame
from engagements.models import Engagement, EngagementMember, InvitedRole, Role
from engagements.roles import MATRIX, engagement_for
from engagements.team import give_role, invite_to, inviting, orphaned, take_role, withdraw_invitation
from engagements.team import take_over as become_partner
from engagements.views.acting import done, filed, person, shown


def _acts() -> list[dict[str, object]]:
    """The matrix as a table: act by role."""
    labels = dict(Engagement._meta.permissions)
    return [
        {"label": label, "cells": [(role.label, codename in MATRIX[role]) for role in Role]}
        for codename, label in labels.items()
    ]


@require_http_methods(["GET", "POST"])
@login_required
def team(request: HttpRequest, pk: int) -> HttpResponse:
    """Who works here, in which role, and what each role may do."""
    engagement = engagement_for(request, pk, "see_engagement" if request.method == "GET" else "manage_team")
    form = RoleForm(request.POST or None, engagement=engagement)
    if filed(
        request,
        form,
        lambda data: give_role(engagement, data["user"], data["role"], by=person(request)),
        "The role is given.",
    ):
        return redirect("engagements:team", pk)
    members = list(EngagementMember.objects.filter(engagement=engagement).select_related("user"))
    invited = InvitedRole.objects.filter(
        engagement=engagement, invitation__accepted_at__isnull=True
    ).select_related("invitation")
    now = timezone.now()
    order = list(Role)
    members.sort(key=lambda member: (order.index(Role(member.role)), member.user.name))
    context = {
        **frame(request, engagement, "team"),
        "firm_side": [member for member in members if member.of_firm],
        "client_side": [member for member in members if not member.of_firm],
        "invited": [
            (one, one.invitation.expires_at > now and bool(engagement.may & inviting(one.role))) for one in invited
        ],
        "now": now,
        "roles": Role,
        "firm_choices": [(role.value, role.label) for role in Role if role.of_firm],
        "client_choices": [(role.value, role.label) for role in Role if not role.of_firm],
        "acts": _acts(),
        "may_manage": "manage_team" in engagement.may,
        "may_invite": not engagement.ended and bool(engagement.may & {"manage_team", "invite_own"}),
        "sees_firm": engagement.member.of_firm,
    }
    return shown(request, "engagements/team.html", context, form)


@require_http_methods(["GET", "POST"])
@login_required
def invite(request: HttpRequest, pk: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "manage_team", "invite_own")
    form = InviteForm(request.POST or None, of_firm="manage_team" in engagement.may)
    if filed(
        request, form, lambda data: invite_to(engagement, **data, by=person(request)), "The person is invited."
    ):
        return redirect("engagements:team", pk)
    return shown(request, "engagements/team_invite.html", frame(request, engagement, "team"), form)


@require_POST
@login_required
def withdraw(request: HttpRequest, pk: int, invitation: int) -> HttpResponse:
    """Take an open invitation back."""
    engagement = engagement_for(request, pk, "manage_team", "invite_own")
    invited = InvitedRole.objects.select_related("invitation").filter(engagement=engagement)
    found = get_object_or_404(invited, invitation=invitation)
    done(
        request,
        lambda: withdraw_invitation(engagement, found.invitation, by=person(request)),
        f"The invitation of {found.invitation.name} is withdrawn.",
    )
    return redirect("engagements:team", pk)


@require_POST
@login_required
def take_over(request: HttpRequest, pk: int) -> HttpResponse:
    """Become the partner where the one there was is deactivated."""
    user = person(request)
    with acting_for(EVERYBODY):
        engagement = get_object_or_404(orphaned(user), pk=pk)
    if done(request, lambda: become_partner(engagement, by=user), f"You are the partner of {engagement}."):
        return redirect("engagements:team", pk)
    return redirect("home")


@require_POST
@login_required
def role(request: HttpRequest, pk: int, user: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "manage_team")
    member = get_object_or_404(EngagementMember.objects.select_related("user"), engagement=engagement, user=user)
    wanted = request.POST.get("role", "")
    if wanted in Role.values:
        done(
            request,
            lambda: give_role(engagement, member.user, wanted, by=person(request)),
            f"{member.user.name} is {str(Role(wanted).label).lower()} now.",
        )
    return redirect("engagements:team", pk)


@require_POST
@login_required
def end(request: HttpRequest, pk: int, user: int) -> HttpResponse:
    engagement = engagement_for(request, pk, "manage_team")
    member = get_object_or_404(EngagementMember.objects.select_related("user"), engagement=engagement, user=user)
    done(
        request,
        lambda: take_role(engagement, member.user, by=person(request)),
        f"{member.user.name} is no longer part of the engagement.",
    )
    return redirect("engagements:team", pk)
