"""Inviting people and taking them in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from allauth.account.models import EmailAddress
from django.core.exceptions import PermissionDenied, ValidationError
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
from accounts.people import belongs_elsewhere, end_sessions, when_deactivated
from accounts.tokens import end_those_of_single_sign_on
from audit.trail import action, record

INVITED = action("person.invited", "invited {target}")
WITHDRAWN = action("person.invitation_withdrawn", "withdrew the {target}")
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
    email, name, title = email.strip().lower(), " ".join(name.split()), " ".join(title.split())
    members = (
        FirmMember.objects.filter(firm=firm) if firm else ClientMember.objects.filter(organization=organization)
    )
    if members.filter(user__email=email).exists():
        raise ValidationError({"email": f"{email} already belongs to {firm or organization}."})
    token = new_token()
    invitation = Invitation.objects.create(
        email=email,
        name=name,
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
    subject = " ".join(f"Your access to {place}".split())
    transaction.on_commit(lambda: send_mail(subject, text, None, [email]))
    record(INVITED, by=by, firm=invitation.in_trail_of, target=invitation, email=email)
    return invitation


def find_open(token: str, *, at: dt.datetime) -> Invitation | None:
    """The invitation of a secret link, or None when it is unknown, used or too old."""
    return Invitation.objects.open(at=at).filter(token_hash=hash_token(token)).first()


@when_deactivated
def end_all(user: User) -> None:
    """Whoever is shut out lets nobody in any more."""
    now = timezone.now()
    for invitation in Invitation.objects.select_for_update().open(at=now).filter(invited_by=user):
        _end(invitation, by=None)


def _end(invitation: Invitation, *, by: User | None) -> None:
    invitation.expires_at = timezone.now()
    invitation.save(update_fields=["expires_at"])
    record(WITHDRAWN, by=by, firm=invitation.in_trail_of, target=invitation, email=invitation.email)


@transaction.atomic
def withdraw(invitation: Invitation, *, by: User) -> None:
    """The link opens nothing from now on; whether `by` may is asked by who calls. Used ones are refused.

    Raises ValidationError.
    """
    invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if invitation.accepted_at is not None:
        raise ValidationError("This invitation was accepted meanwhile: take the person's role instead.")
    if invitation.expires_at > timezone.now():
        _end(invitation, by=by)


@transaction.atomic
def accept(invitation: Invitation, *, password: str = "", by: User | None = None) -> User:
    """Take the person in: makes the account where there is none, and the membership.

    Whoever has an account already accepts as that account, signed in (`by`). Joining a further organization ends
    the person's sessions and the tokens that were made in sessions of a single sign-on: until now its
    administrator could speak for the person (`accounts.single_sign_on.may_come_in`).
    Raises PermissionDenied for another account, ValidationError when the invitation was used or ended meanwhile.
    """
    invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if invitation.accepted_at is not None:
        raise ValidationError("This invitation has been used already. Sign in instead.")
    if invitation.expires_at <= timezone.now():
        raise ValidationError("This invitation has ended. Ask for another one.")
    user = User.objects.filter(email=invitation.email).first()
    if user is None:
        user = User.objects.create_user(invitation.email, invitation.name, password)
    elif by is None or by.pk != user.pk:
        raise PermissionDenied("Sign in with the account of this address to join.")
    elif belongs_elsewhere(user, invitation.place):
        end_sessions(user)
        end_those_of_single_sign_on(user)
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
