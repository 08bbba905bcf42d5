"""Who may do what in an engagement: the one matrix, and the one function that writes grants."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest
from django.utils import timezone

from accounts.models import ClientMember, FirmMember, User
from audit.trail import action, record
from engagements.models import (
    FIRM_ROLES,
    Engagement,
    EngagementMember,
    EngagementUserPermission,
    Role,
)
from engagements.register import findings

ROLE_SET = action("team.role_set", "gave the role {role} to {target}")
ROLE_ENDED = action("team.role_ended", "took the role of {target}")
INDEPENDENCE_CONFIRMED = action("team.independence_confirmed", "confirmed independence", firm_only=True)

_FIRM_READ = {
    "see_engagement",
    "see_fieldwork",
    "see_trail",
    "see_exceptions",
    "see_description",
    "see_report",
    "see_distribution",
}
_STAFF = _FIRM_READ | {
    "manage_requests",
    "upload_evidence",
    "provide_populations",
    "accept_populations",
    "draw_samples",
    "record_tests",
    "sign_prepared",
    "evaluate_deviations",
}
_MANAGER = _STAFF | {
    "manage_engagement",
    "edit_scope",
    "approve_samples",
    "sign_reviewed",
    "render_report",
    "approve_issue",
    "purge_file",
}
_CLIENT = {"see_engagement", "upload_evidence"}

MATRIX: dict[Role, frozenset[str]] = {
    # Who issues is not the one who approves it.
    Role.PARTNER: frozenset(
        _MANAGER - {"approve_issue"}
        | {
            "accept_engagement",
            "manage_team",
            "sign_partner",
            "conclude_deviations",
            "form_opinion",
            "issue_report",
            "close_file",
            "add_addenda",
            "take_pack",
        }
    ),
    Role.MANAGER: frozenset(_MANAGER),
    Role.STAFF: frozenset(_STAFF),
    Role.QUALITY_REVIEWER: frozenset(
        _FIRM_READ | {"complete_quality_review", "approve_issue", "add_addenda", "take_pack", "purge_file"}
    ),
    Role.PEER_REVIEWER: frozenset(_FIRM_READ),
    Role.CLIENT_ADMIN: frozenset(
        _CLIENT
        | {
            "invite_own",
            "edit_registers",
            "provide_populations",
            "see_exceptions",
            "respond_exceptions",
            "edit_description",
            "see_description",
            "see_report",
            "see_trail",
            "manage_distribution",
            "see_distribution",
        }
    ),
    Role.CONTROL_OWNER: frozenset(_CLIENT | {"provide_populations"}),
    Role.SIGNATORY: frozenset(
        _CLIENT
        | {
            "see_exceptions",
            "respond_exceptions",
            "edit_description",
            "see_description",
            "see_report",
            "sign_assertion",
            "see_distribution",
        }
    ),
    Role.SUBSERVICE_CONTACT: frozenset(_CLIENT),
}


# Who reads the scope, and who reads the controls: the firm's side, who writes the description, and control owners.
SEE_SCOPE = ("see_fieldwork", "see_description")
SEE_CONTROLS = (*SEE_SCOPE, "provide_populations")


def roles_with(permission: str) -> list[str]:
    """The roles that hold a permission: for queries over all engagements of a person."""
    return [role.value for role, codenames in MATRIX.items() if permission in codenames]


@transaction.atomic
def set_role(engagement: Engagement, user: User, role: Role | str, *, by: User) -> EngagementMember:
    """Give the person exactly this role in the engagement.

    There is one partner always: naming another hands the engagement over, and who was it becomes manager. Raises
    ValidationError when the person does not belong to the side of the role, is deactivated, or may not be partner.
    The quality reviewer is never on the team: one person has one role.
    """
    role = Role(role)
    engagement = Engagement.objects.select_for_update().get(pk=engagement.pk)
    if not user.is_active:
        raise ValidationError(f"{user} is deactivated and can have no role.")
    if role in FIRM_ROLES:
        belongs = FirmMember.objects.filter(firm_id=engagement.firm_id, user=user).exists()
        place: Any = engagement.firm
    else:
        belongs = ClientMember.objects.filter(organization_id=engagement.client_id, user=user).exists()
        place = engagement.client
    if not belongs:
        raise ValidationError(f"{user} does not belong to {place}. Invite the person there first.")
    member = EngagementMember.objects.filter(engagement=engagement, user=user).first()
    if role == Role.PARTNER:
        _hand_over(engagement, user, member, by=by)
    if member is not None and member.role == Role.PARTNER and role != Role.PARTNER:
        raise ValidationError("Name another partner before this person's role is changed.")
    if member is None:
        member = EngagementMember(engagement=engagement, user=user)
    member.role = role
    member.save()
    _write_grants(engagement, user, MATRIX[role])
    record(ROLE_SET, by=by, engagement=engagement, target=user, role=role.label)
    return member


def _hand_over(engagement: Engagement, user: User, member: EngagementMember | None, *, by: User) -> None:
    """Who was the partner becomes manager, so that there is never none and never two. Raises ValidationError."""
    before = EngagementMember.objects.filter(engagement=engagement, role=Role.PARTNER).exclude(user=user).first()
    if before is None:
        return
    if member is not None and member.role == Role.QUALITY_REVIEWER:
        raise ValidationError(f"{user} reviews the quality of this engagement and cannot become its partner.")
    if not FirmMember.objects.filter(firm_id=engagement.firm_id, user=user, may_accept=True).exists():
        raise ValidationError(
            f"{user} may not accept engagements. An administrator of the firm gives that right first."
        )
    before.role = Role.MANAGER
    before.save(update_fields=["role"])
    _write_grants(engagement, before.user, MATRIX[Role.MANAGER])
    record(ROLE_SET, by=by, engagement=engagement, target=before.user, role=Role.MANAGER.label)


@transaction.atomic
def end_role(engagement: Engagement, user: User, *, by: User) -> None:
    """Take the person out of the engagement. Raises ValidationError for the partner."""
    member = EngagementMember.objects.select_for_update().get(engagement=engagement, user=user)
    if member.role == Role.PARTNER:
        raise ValidationError("The engagement needs a partner. Name another one first.")
    member.delete()
    _write_grants(engagement, user, frozenset())
    record(ROLE_ENDED, by=by, engagement=engagement, target=user)


def _write_grants(engagement: Engagement, user: User, codenames: frozenset[str]) -> None:
    held = EngagementUserPermission.objects.filter(content_object=engagement, user=user)
    held.exclude(permission__codename__in=codenames).delete()
    have = set(held.values_list("permission__codename", flat=True))
    wanted = Permission.objects.filter(
        content_type__app_label="engagements", content_type__model="engagement", codename__in=codenames - have
    )
    EngagementUserPermission.objects.bulk_create(
        EngagementUserPermission(content_object=engagement, user=user, permission=permission)
        for permission in wanted
    )


@transaction.atomic
def confirm_independence(member: EngagementMember, *, by: User) -> None:
    """A member of the firm's team confirms independence of this client for this engagement (R01, R02)."""
    if member.user_id != by.pk or not member.of_firm:
        raise PermissionDenied("Only a member of the firm's team confirms independence, for itself.")
    member.independence_confirmed_at = timezone.now()
    member.save(update_fields=["independence_confirmed_at"])
    record(INDEPENDENCE_CONFIRMED, by=by, engagement=member.engagement)


def permissions_of(user: Any, engagement: Engagement) -> frozenset[str]:
    """Codenames of what the person may do here; empty for outsiders. One query."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    return frozenset(
        EngagementUserPermission.objects.filter(
            content_object=engagement, user=user, user__is_active=True
        ).values_list("permission__codename", flat=True)
    )


def engagement_for(request: HttpRequest, pk: int, *needed: str) -> Engagement:
    """The engagement for a view, with `member` and `may` (set of codenames) of the person attached.

    Raises Http404 for outsiders, PermissionDenied for an insider who holds none of the `needed` permissions;
    a member of the firm who has not confirmed independence is refused too (R02), except by the pages that
    need only `see_engagement`.
    """
    user = request.user
    held = EngagementMember.objects.held_by(user).filter(engagement=pk)
    member = held.select_related("engagement__client", "engagement__firm").first()
    if member is None or not isinstance(user, User):
        raise Http404("No such engagement")
    engagement = member.engagement
    may = permissions_of(user, engagement)
    if needed and not may.intersection(needed):
        raise PermissionDenied("Your role in this engagement does not allow this.")
    if set(needed) - {"see_engagement"}:
        shut = findings("open_workspace", member)
        if shut:
            raise PermissionDenied(f"{shut[0].rule}: {shut[0].text}")
    engagement.member, engagement.may = member, may
    return engagement


def require(engagement: Engagement, user: Any, *any_of: str) -> None:
    """Raise PermissionDenied unless the person holds one of the permissions: the flows' own check."""
    if not permissions_of(user, engagement).intersection(any_of):
        raise PermissionDenied("Your role in this engagement does not allow this.")
