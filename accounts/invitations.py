"""Inviting people and taking them in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone

from accounts.models import (
    ClientMember,
    Firm,
    FirmMember,
    Invitation,
    ServiceOrganization,
    User,
    hash_token,
    new_token,
)
from audit.trail import action, record

INVITED = action("person.invited", "invited {target}")
JOINED = action("person.joined", "joined by invitation")

Joined = Callable[[Invitation, User], None]
_WHEN_ACCEPTED: list[Joined] = []


def when_accepted(function: Joined) -> Joined:
    """Register what else happens, in the same transaction, when a person accepts an invitation."""
    _WHEN_ACCEPTED.append(function)
    return function


VALID_FOR = dt.timedelta(days=14)


@transaction.atomic
def invite(
    *,
    email: str,
    name: str,
    by: User,
    accept_url: str,
    firm: Firm | None = None,
    organization: ServiceOrganization | None = None,
    title: str = "",
) -> Invitation:
    """Invite a person to a firm or to a client of it; the link goes by e-mail when the transaction commits.

    `accept_url` holds the place `TOKEN` for the secret. Raises ValidationError when the person is there already.
    """
    email = email.strip().lower()
    members = (
        FirmMember.objects.filter(firm=firm) if firm else ClientMember.objects.filter(organization=organization)
    )
    if members.filter(user__email=email).exists():
        raise ValidationError({"email": f"{email} already belongs to {firm or organization}."})
    token = new_token()
    invitation = Invitation.objects.create(
        email=email,
        name=name.strip(),
        title=title,
        firm=firm,
        organization=organization,
        token_hash=hash_token(token),
        invited_by=by,
        expires_at=timezone.now() + VALID_FOR,
    )
    place = invitation.place
    text = (
        f"{by.name} invites you to {place} on Attestry.\n\n"
        f"Set your password and sign in here (the link works once, until "
        f"{invitation.expires_at:%d %b %Y}):\n{accept_url.replace('TOKEN', token)}\n"
    )
    transaction.on_commit(lambda: send_mail(f"Your access to {place}", text, None, [email]))
    record(INVITED, by=by, firm=invitation.in_trail_of, target=invitation, email=email)
    return invitation


def find_open(token: str, *, at: dt.datetime) -> Invitation | None:
    """The invitation of a secret link, or None when it is unknown, used or too old."""
    return Invitation.objects.open(at=at).filter(token_hash=hash_token(token)).first()


@transaction.atomic
def accept(invitation: Invitation, *, password: str) -> User:
    """Take the person in: makes the account where there is none, and the membership.

    Raises ValidationError when the invitation was used meanwhile.
    """
    invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if invitation.accepted_at is not None:
        raise ValidationError("This invitation has been used already. Sign in instead.")
    user = User.objects.filter(email=invitation.email).first()
    if user is None:
        user = User.objects.create_user(invitation.email, invitation.name, password)
    # The link reached this address, which proves it.
    EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})
    if invitation.firm is not None:
        FirmMember.objects.get_or_create(firm=invitation.firm, user=user, defaults={"title": invitation.title})
    elif invitation.organization is not None:
        # Who comes first administers the organization, until its people or its auditor say otherwise.
        first = not ClientMember.objects.filter(organization=invitation.organization).exists()
        ClientMember.objects.get_or_create(
            organization=invitation.organization,
            user=user,
            defaults={"title": invitation.title, "is_admin": first},
        )
    invitation.accepted_at, invitation.accepted_by = timezone.now(), user
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    for function in _WHEN_ACCEPTED:
        function(invitation, user)
    record(
        JOINED,
        by=user,
        firm=invitation.in_trail_of,
        target=invitation,
    )
    return user
