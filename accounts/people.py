"""What administrators of a firm or of a client do with its people, and how a person's access ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import ClientMember, Firm, FirmMember, ServiceOrganization, User, hash_token
from audit.trail import action, record

DEACTIVATED = action("person.deactivated", "deactivated {target}")
REACTIVATED = action("person.reactivated", "let {target} sign in again")
RIGHTS_CHANGED = action("person.rights_changed", "changed what {target} administers")
OPERATOR_MADE = action("operator.made", "made {target} an operator")
OPERATOR_ENDED = action("operator.ended", "made {target} an ordinary person again")
SESSIONS_ENDED = action("session.others_ended", "ended all other sessions of their own ({count})")
SESSION_ENDED = action("session.ended", "ended a session of their own")

SEEN_EVERY = 60

Ended = Callable[[User], None]
_WHEN_DEACTIVATED: list[Ended] = []


def when_deactivated(function: Ended) -> Ended:
    """Register what else ends, in the same transaction, when a person is deactivated (tokens, say)."""
    _WHEN_DEACTIVATED.append(function)
    return function


def administers(user: User, place: Firm | ServiceOrganization) -> bool:
    """Whether the person administers the firm or the client: a client is administered by its firm's too."""
    if isinstance(place, Firm):
        return FirmMember.objects.filter(firm=place, user=user, is_admin=True).exists()
    return (
        FirmMember.objects.filter(firm=place.firm_id, user=user, is_admin=True).exists()
        or ClientMember.objects.filter(organization=place, user=user, is_admin=True).exists()
    )


def administers_itself(user: User, place: Firm | ServiceOrganization) -> bool:
    """Whether the person is an administrator of its own: of a client, none of its auditor's.

    Who says how a client's people sign in can be each of them, and they sign what the auditor examines.
    """
    if isinstance(place, Firm):
        return administers(user, place)
    return ClientMember.objects.filter(organization=place, user=user, is_admin=True).exists()


def must_administer(place: Firm | ServiceOrganization, by: User) -> None:
    """Raise PermissionDenied unless the person administers the firm or the client."""
    if not administers(by, place):
        raise PermissionDenied(f"Only an administrator of {place} changes this.")


def may_deactivate(by: User, user: User) -> bool:
    """Administrators of a firm, for people who belong to that firm and its clients and to nobody else."""
    firms = list(FirmMember.objects.filter(user=by, is_admin=True).values_list("firm_id", flat=True))
    if by == user or user.is_staff or len(firms) == 0:
        return False
    belongs = FirmMember.objects.filter(user=user).exists() or ClientMember.objects.filter(user=user).exists()
    elsewhere = (
        FirmMember.objects.filter(user=user).exclude(firm__in=firms).exists()
        or ClientMember.objects.filter(user=user).exclude(organization__firm__in=firms).exists()
    )
    return belongs and not elsewhere


def _must_shut_out(user: User, by: User | None, *, as_operator: bool) -> None:
    if by is None or (as_operator and by.is_staff and by.pk != user.pk):
        return
    if as_operator or not may_deactivate(by, user):
        raise PermissionDenied("Only an administrator of the one firm this person works with may do this.")


@transaction.atomic
def deactivate(user: User, *, by: User | None, as_operator: bool = False) -> None:
    """Shut a person out at once: every session ends, and what else lets them in. `by` None is a command.

    Raises PermissionDenied. What the person did stays theirs; `reactivate` lets them back in.
    """
    _must_shut_out(user, by, as_operator=as_operator)
    user = User.objects.select_for_update().get(pk=user.pk)
    if not user.is_active:
        return
    user.is_active = False
    user.save(update_fields=["is_active"])
    end_sessions(user)
    for function in _WHEN_DEACTIVATED:
        function(user)
    record(DEACTIVATED, by=by, firm=firm_of(user), target=user)


@transaction.atomic
def reactivate(user: User, *, by: User | None, as_operator: bool = False) -> None:
    """Let a deactivated person sign in again. Raises PermissionDenied."""
    _must_shut_out(user, by, as_operator=as_operator)
    user = User.objects.select_for_update().get(pk=user.pk)
    if user.is_active:
        return
    user.is_active = True
    user.save(update_fields=["is_active"])
    record(REACTIVATED, by=by, firm=firm_of(user), target=user)


def end_sessions(user: User, *, but: str | None = None) -> int:
    """End the person's sessions, except the one with the key `but`. Returns how many ended."""
    sessions = UserSession.objects.filter(user=user).exclude(session_key=but or "")
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    ended = 0
    for session in sessions:
        store.delete(session.session_key)
        ended += 1
    sessions.delete()
    return ended


@transaction.atomic
def end_session(user: User, pk: int) -> None:
    """End one session of one's own. Raises UserSession.DoesNotExist."""
    UserSession.objects.get(user=user, pk=pk).end()
    record(SESSION_ENDED, by=user, firm=firm_of(user))


@transaction.atomic
def end_others(user: User, *, but: str | None) -> int:
    """End every session of one's own but one. Returns how many ended."""
    ended = end_sessions(user, but=but)
    record(SESSIONS_ENDED, by=user, firm=firm_of(user), count=ended)
    return ended


def note_seen(user: User, session_key: str | None, *, ip: str | None) -> None:
    """Keep that a session was used just now, and from where; once a minute is enough."""
    if session_key and cache.add(f"seen:{hash_token(session_key)}", True, timeout=SEEN_EVERY):
        seen: dict[str, Any] = {"last_seen_at": timezone.now()} | ({"ip": ip} if ip else {})
        UserSession.objects.filter(user=user, session_key=session_key).update(**seen)


def left_alone(session_key: str | None, *, signed_in_at: float) -> bool:
    """Whether a session was not used for SESSION_IDLE_MINUTES; otherwise it counts as used now.

    The cache keeps it, to the minute: one that was emptied ends the sessions that are older than that.
    """
    if session_key is None:
        return False
    name, limit = f"used:{hash_token(session_key)}", settings.SESSION_IDLE_MINUTES * 60
    now, used = time.time(), cache.get(name)
    if used is None and now - signed_in_at > limit:
        return True
    if used is None or now - used >= SEEN_EVERY:
        cache.set(name, now, timeout=limit + SEEN_EVERY)
    return False


def belongs_elsewhere(user: User, place: Firm | ServiceOrganization) -> bool:
    """Whether the person belongs to an organization other than this one."""
    firms, clients = FirmMember.objects.filter(user=user), ClientMember.objects.filter(user=user)
    if isinstance(place, Firm):
        firms = firms.exclude(firm=place)
    else:
        clients = clients.exclude(organization=place)
    return firms.exists() or clients.exists()


def firm_of(user: User) -> Firm | None:
    """The firm in whose trail an event of this person's account belongs; None when it is not one firm's."""
    firms = Firm.objects.filter(Q(members__user=user) | Q(clients__members__user=user)).distinct()[:2]
    return firms[0] if len(firms) == 1 else None


@transaction.atomic
def change_firm_member(member: FirmMember, *, is_admin: bool, may_accept: bool, by: User) -> None:
    """Say whether a colleague administers the firm and opens engagements.

    Raises PermissionDenied but for administrators, ValidationError when the last one would go.
    """
    firm = Firm.objects.select_for_update().get(pk=member.firm_id)
    must_administer(firm, by)
    others = FirmMember.objects.filter(firm=firm, is_admin=True, user__is_active=True).exclude(pk=member.pk)
    if not is_admin and not others.exists():
        raise ValidationError("The firm needs an administrator: name another one first.")
    old = [member.is_admin, member.may_accept]
    member.is_admin, member.may_accept = is_admin, may_accept
    member.save(update_fields=["is_admin", "may_accept"])
    if old != [is_admin, may_accept]:
        record(RIGHTS_CHANGED, by=by, firm=firm, target=member, administers=is_admin, opens=may_accept)


@transaction.atomic
def change_client_member(member: ClientMember, *, is_admin: bool, by: User) -> None:
    """Say whether a person administers the client's organization. Raises PermissionDenied."""
    organization = ServiceOrganization.objects.select_for_update().get(pk=member.organization_id)
    if not administers(by, organization):
        raise PermissionDenied("Only an administrator of the organization or of its auditor changes this.")
    if member.is_admin == is_admin:
        return
    member.is_admin = is_admin
    member.save(update_fields=["is_admin"])
    record(RIGHTS_CHANGED, by=by, firm=organization.firm, target=member, administers=is_admin)


def account_of(address: str, *, name: str) -> tuple[User, bool]:
    """The person with this address, for a command; makes the account where there is none, without a password.

    Returns the person, and whether the account is new. Raises ValidationError for a new account without a name.
    """
    address = address.strip().lower()
    user = User.objects.select_for_update().filter(email=address).first()
    if user is not None:
        return user, False
    if not name.strip():
        raise ValidationError("Nobody has this address: give a name for a new account.")
    validate_email(address)
    user = User.objects.create_user(address, " ".join(name.split()))
    # Whoever runs the command vouches for the address.
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user, True


@transaction.atomic
def make_operator(address: str, *, name: str = "") -> tuple[User, bool]:
    """Let a person run the installation; makes the account where there is none, without a password.

    Returns the person, and whether the account is new. Raises ValidationError for a new account without a name.
    """
    user, new = account_of(address, name=name)
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    record(OPERATOR_MADE, by=None, target=user)
    return user, new


@transaction.atomic
def end_operator(address: str) -> User:
    """Make an operator an ordinary person; every session of it ends. Raises ValidationError."""
    user = User.objects.select_for_update().filter(email=address.strip().lower(), is_staff=True).first()
    if user is None:
        raise ValidationError("No operator has this address.")
    user.is_staff = user.is_superuser = False
    user.save(update_fields=["is_staff", "is_superuser"])
    end_sessions(user)
    record(OPERATOR_ENDED, by=None, target=user)
    return user
