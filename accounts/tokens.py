"""Tokens by which programs act for a person: making them, ending them, and who comes with one.

The secret has 256 random bits and is shown once; kept are its SHA-256 and a part without secret that names it.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import secrets
from http import HTTPStatus

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import ApiToken, ClientMember, Firm, FirmMember, ServiceOrganization, User, hash_token
from accounts.people import administers, firm_of, when_deactivated
from accounts.policies import demands_on, has_second_factor
from audit.trail import action, record

MADE = action("token.made", "made the token {target} for programs")
ENDED = action("token.ended", "ended the token {target}")
USED = action("token.used", "used the token {target}")

START = "attestry"
LONGEST = dt.timedelta(days=366)
MOST = 20
# How exactly the last use is known; a busy program does not write a row with every request.
NOTED_EVERY = dt.timedelta(minutes=1)


class Refused(Exception):
    """A token that does not let in: the answer's status, and why in words."""

    def __init__(self, status: HTTPStatus, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


def networks_of(text: str) -> list[str]:
    """The networks that are named one a line. Raises ValidationError for what is none."""
    found = []
    for line in text.split():
        try:
            found.append(str(ipaddress.ip_network(line.strip(","), strict=False)))
        except ValueError as error:
            raise ValidationError(f"{line} is no address or network: write, say, 203.0.113.0/24.") from error
    return found


@transaction.atomic
def make(
    *,
    name: str,
    expires_at: dt.datetime,
    by: User,
    may_read: bool = True,
    may_upload: bool = False,
    networks: list[str] | None = None,
    engagement_id: int | None = None,
    covers: str = "all engagements",
    provider: str = "",
    second_factor: bool = False,
) -> tuple[ApiToken, str]:
    """Make a token of one's own; returns it with the secret, which is kept nowhere.

    `engagement_id` must be one of the person's: the caller looks it up. `provider` and `second_factor` say how the
    session was opened. Raises ValidationError: too long, too many, or not signed in as the organization demands.
    """
    now = timezone.now()
    User.objects.select_for_update().get(pk=by.pk)
    if not now < expires_at <= now + LONGEST:
        raise ValidationError({"expires_on": "From tomorrow on, and a year at most."})
    if not (may_read or may_upload):
        raise ValidationError({"may_read": "Choose what the token is for."})
    if ApiToken.objects.filter(user=by).current(at=now).count() >= MOST:
        raise ValidationError(f"You have {MOST} tokens: end one that is not needed any more.")
    demands = demands_on(by)
    if demands.second_factor and not second_factor:
        raise ValidationError(
            "Your organization demands a second factor: sign in with it once more, then make the token."
        )
    prefix = f"{START}_{secrets.token_hex(4)}"
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    token = ApiToken(
        user=by,
        name=name.strip(),
        prefix=prefix,
        token_hash=hash_token(secret),
        engagement_id=engagement_id,
        covers=covers,
        may_read=may_read,
        may_upload=may_upload,
        networks=networks or [],
        provider=provider,
        second_factor=second_factor,
        expires_at=expires_at,
    )
    token.full_clean()
    token.save()
    record(
        MADE,
        by=by,
        firm=firm_of(by),
        target=token,
        covers=covers,
        scopes=token.scopes,
        networks=token.networks,
        expires=expires_at.isoformat(),
    )
    return token, secret


def may_end_for(by: User, user: User) -> bool:
    """Oneself; and administrators of every organization that the person belongs to."""
    if by.pk == user.pk:
        return True
    places: list[Firm | ServiceOrganization] = [
        *(one.firm for one in FirmMember.objects.filter(user=user).select_related("firm")),
        *(one.organization for one in ClientMember.objects.filter(user=user).select_related("organization")),
    ]
    return bool(places) and not user.is_staff and all(administers(by, place) for place in places)


@transaction.atomic
def end(token: ApiToken, *, by: User) -> None:
    """End a token at once. Raises PermissionDenied but for whom `may_end_for` names."""
    if not may_end_for(by, token.user):
        raise PermissionDenied("Only the owner, or an administrator of each of the owner's organizations, ends it.")
    token = ApiToken.objects.select_for_update().get(pk=token.pk)
    if token.ended_at is None:
        _end(token, by=by)


@when_deactivated
def end_all(user: User) -> None:
    """A person who is shut out leaves no program behind."""
    for token in ApiToken.objects.select_for_update().filter(user=user, ended_at__isnull=True):
        _end(token, by=None)


def end_those_of_single_sign_on(user: User) -> None:
    """End the tokens that were made in a session which an organization's provider had opened."""
    made = ApiToken.objects.select_for_update().filter(user=user, ended_at__isnull=True).exclude(provider="")
    for token in made:
        _end(token, by=None)


def _end(token: ApiToken, *, by: User | None) -> None:
    token.ended_at = timezone.now()
    token.save(update_fields=["ended_at"])
    record(ENDED, by=by, firm=firm_of(token.user), target=token)


def find(secret: str, *, ip: str | None) -> ApiToken:
    """The token that a program has sent, with its person. Raises Refused.

    Why a token does not count is told only to who has the whole secret.
    """
    unauthorized = HTTPStatus.UNAUTHORIZED
    token = ApiToken.objects.select_related("user").filter(token_hash=hash_token(secret)).first()
    if token is None:
        raise Refused(unauthorized, "This token is not known.")
    if token.ended_at is not None or not token.user.is_active:
        raise Refused(unauthorized, "This token was ended.")
    if token.expires_at <= timezone.now():
        raise Refused(unauthorized, f"This token expired on {token.last_day:%d %b %Y}.")
    if token.networks and not _within(ip, token.networks):
        raise Refused(HTTPStatus.FORBIDDEN, "This token may not be used from this address.")
    demands = demands_on(token.user)
    if demands.provider and token.provider != demands.provider:
        raise Refused(
            HTTPStatus.FORBIDDEN,
            "The person's organization demands its single sign-on: sign in by it and make a new token.",
        )
    if demands.second_factor and not (token.second_factor and has_second_factor(token.user)):
        raise Refused(
            HTTPStatus.FORBIDDEN,
            "The person's organization demands a second factor: sign in with it and make a new token.",
        )
    return token


def _within(ip: str | None, networks: list[str]) -> bool:
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(network) for network in networks)


@transaction.atomic
def note_use(token: ApiToken, *, ip: str | None) -> None:
    """Keep when and from where it was used last; the first use of a day (UTC) is an event."""
    now = timezone.now()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    mine = ApiToken.objects.filter(pk=token.pk)
    never = Q(last_used_at__isnull=True)
    if mine.filter(never | Q(last_used_at__lt=today)).update(last_used_at=now, last_used_ip=ip):
        record(USED, by=token.user, firm=firm_of(token.user), target=token)
    elif token.last_used_at is None or token.last_used_at < now - NOTED_EVERY or token.last_used_ip != ip:
        mine.update(last_used_at=now, last_used_ip=ip)
