"""Who works in the engagement: roles given, taken, and promised with an invitation."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.urls import reverse

from accounts.invitations import invite, when_accepted, withdraw
from accounts.models import FirmMember, Invitation, User
from audit.context import EVERYBODY, acting_for
from audit.trail import action, record
from engagements.models import ENDED, FIRM_ROLES, Engagement, EngagementMember, InvitedRole, Role
from engagements.roles import end_role, permissions_of, require, set_role
from engagements.workflow import locked

ROLE_PROMISED = action("team.invited", "invited {target} as {role}")


@transaction.atomic
def give_role(engagement: Engagement, user: User, role: str, *, by: User) -> EngagementMember:
    """Give a person of the firm or of the client a role here, instead of the one it has.

    Raises PermissionDenied, ValidationError (see `roles.set_role`).
    """
    engagement = locked(engagement)
    require(engagement, by, "manage_team")
    _must_be_alive(engagement)
    return set_role(engagement, user, role, by=by)


@transaction.atomic
def take_role(engagement: Engagement, user: User, *, by: User) -> None:
    """Take a person out of the engagement; what the person did stays. Raises PermissionDenied, ValidationError."""
    engagement = locked(engagement)
    require(engagement, by, "manage_team")
    end_role(engagement, user, by=by)


@transaction.atomic
def invite_to(
    engagement: Engagement, *, email: str, name: str, role: str, by: User, title: str = ""
) -> Invitation | EngagementMember:
    """Bring a person in by e-mail address: who has an account on the right side gets the role at once, others get
    an invitation and the role with its acceptance. The client's administrator brings in its own people only.

    Raises PermissionDenied, ValidationError.
    """
    of_firm = Role(role) in FIRM_ROLES
    require(engagement, by, *inviting(role))
    _must_be_alive(engagement)
    if not of_firm and FirmMember.objects.filter(firm=engagement.firm, user__email=email.strip().lower()).exists():
        raise ValidationError({"email": f"This person belongs to {engagement.firm}, which examines the client."})
    known = User.objects.filter(email=email.strip().lower())
    known = (
        known.filter(firm_memberships__firm=engagement.firm)
        if of_firm
        else known.filter(client_memberships__organization=engagement.client)
    )
    user = known.first()
    if user is not None:
        if EngagementMember.objects.filter(engagement=engagement, user=user).exists():
            raise ValidationError({"email": f"{user.name} has a role here already. Change it in the list."})
        return set_role(engagement, user, role, by=by)
    if Role(role) == Role.PARTNER:
        raise ValidationError({"role": "Invite with another role first, then hand the engagement over."})
    invitation = invite(
        email=email,
        name=name,
        title=title,
        by=by,
        accept_url=settings.SITE_URL + reverse("accounts:invitation", args=["TOKEN"]),
        firm=engagement.firm if of_firm else None,
        organization=None if of_firm else engagement.client,
    )
    InvitedRole.objects.create(engagement=engagement, invitation=invitation, role=role)
    record(ROLE_PROMISED, by=by, engagement=engagement, target=invitation, role=Role(role).label, email=email)
    return invitation


@when_accepted
def give_promised_roles(invitation: Invitation, user: User) -> None:
    """The invited person gets the roles that were promised with the invitation, in the name of who invited."""
    by = invitation.invited_by
    with acting_for(by):
        for promised in InvitedRole.objects.filter(invitation=invitation).select_related("engagement"):
            # Who has lost the right to give the role meanwhile gives none.
            may = permissions_of(by, promised.engagement) & inviting(promised.role)
            if may and not EngagementMember.objects.filter(engagement=promised.engagement, user=user).exists():
                set_role(promised.engagement, user, promised.role, by=by)


def inviting(role: str) -> frozenset[str]:
    """The permissions of which each allows to invite with this role."""
    return frozenset({"manage_team"} if Role(role) in FIRM_ROLES else {"manage_team", "invite_own"})


@transaction.atomic
def withdraw_invitation(engagement: Engagement, invitation: Invitation, *, by: User) -> None:
    """Take an open invitation back: nobody joins by its link any more.

    The client's administrator withdraws those to the client's side. Raises PermissionDenied, ValidationError.
    """
    promised = InvitedRole.objects.get(engagement=engagement, invitation=invitation)
    require(engagement, by, *inviting(promised.role))
    withdraw(invitation, by=by)


def orphaned(user: User) -> models.QuerySet[Engagement]:
    """The engagements of the person's firms whose partner is deactivated, if the person may accept engagements.

    To be asked for everybody: the person has no role in them yet.
    """
    firms = FirmMember.objects.filter(user=user, user__is_active=True, may_accept=True).values("firm")
    gone = EngagementMember.objects.filter(role=Role.PARTNER, user__is_active=False).values("engagement")
    return Engagement.objects.filter(firm__in=firms, pk__in=gone).exclude(stage__in=ENDED)


@transaction.atomic
def take_over(engagement: Engagement, *, by: User) -> EngagementMember:
    """Become the partner of an engagement whose partner is deactivated; nobody else could name one.

    Raises PermissionDenied, ValidationError (see `roles.set_role`).
    """
    with acting_for(EVERYBODY):
        engagement = locked(engagement)
        if not orphaned(by).filter(pk=engagement.pk).exists():
            raise PermissionDenied("The engagement has a partner, who alone hands it over.")
        return set_role(engagement, by, Role.PARTNER, by=by)


def _must_be_alive(engagement: Engagement) -> None:
    if engagement.ended:
        raise ValidationError("The engagement has ended: nobody joins it any more.")
