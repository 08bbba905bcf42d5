"""What the organizations of a person ask of their sign-in, and whether it is given."""

from __future__ import annotations

import dataclasses

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.db.models import F, Value
from django.http import HttpRequest

from accounts.models import Firm, ServiceOrganization, User
from accounts.switching import Place


@dataclasses.dataclass(frozen=True)
class Demands:
    """The strictest of what the organizations of a person ask.

    `provider`: the single sign-on that the person must come by, "" for none. It can be asked only of people who
    belong to one organization, and not of its administrators, who repair it when it does not work.
    `places`: those organizations.
    """

    second_factor: bool = False
    session_hours: int = 12
    provider: str = ""
    places: tuple[Place, ...] = ()


def demands_on(user: User) -> Demands:
    """One query, whatever the number of organizations."""
    fields = {
        "key": F("pk"),
        "admin": F("members__is_admin"),
        "demanded": F("identityprovider__demanded"),
        "slug": F("identityprovider__slug"),
    }
    columns = ("side", "key", "demands_second_factor", "session_hours", "admin", "demanded", "slug", "words")
    firms = Firm.objects.filter(members__user=user).annotate(side=Value("firm"), words=F("legal_name"), **fields)
    clients = ServiceOrganization.objects.filter(members__user=user).annotate(
        side=Value("client"), words=F("name"), **fields
    )
    rows = list(firms.values_list(*columns).union(clients.order_by().values_list(*columns)))
    if not rows:
        return Demands()
    provider = ""
    if len(rows) == 1:
        admin, demanded, slug = rows[0][4:7]
        provider = slug if demanded and not admin else ""
    return Demands(
        second_factor=any(row[2] for row in rows),
        session_hours=min(row[3] for row in rows),
        provider=provider,
        places=tuple(sorted((Place(row[0], row[1], row[7]) for row in rows), key=lambda place: place.name)),
    )


def has_second_factor(user: User) -> bool:
    """Whether the person has an authenticator app or a passkey; recovery codes alone are none."""
    factors = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES)
    return bool(factors.exists())


def gave_second_factor(request: HttpRequest, user: User) -> bool:
    """Whether an authenticator app, a passkey or a recovery code was given in this session."""
    return any(one["method"] == "mfa" for one in get_authentication_records(request, user))


def provider_of(request: HttpRequest, user: User) -> str:
    """The single sign-on by which this session was opened, "" for none."""
    records = get_authentication_records(request, user)
    return next((str(one.get("provider", "")) for one in records if one["method"] == "socialaccount"), "")


def signed_in_by(request: HttpRequest, user: User, provider: str) -> bool:
    """Whether this session was opened by that single sign-on."""
    records = get_authentication_records(request, user)
    return any(one["method"] == "socialaccount" and one.get("provider") == provider for one in records)
