"""What the organizations of a person ask of their sign-in, and whether it is given."""

from __future__ import annotations

import dataclasses

from allauth.mfa.models import Authenticator

from accounts.models import Firm, ServiceOrganization, User


@dataclasses.dataclass(frozen=True)
class Demands:
    """The strictest of what the organizations of a person ask."""

    second_factor: bool = False
    session_hours: int = 12


def demands_on(user: User) -> Demands:
    """One query, whatever the number of organizations."""
    fields = ("demands_second_factor", "session_hours")
    rows = list(
        Firm.objects.filter(members__user=user)
        .values_list(*fields)
        .union(ServiceOrganization.objects.filter(members__user=user).order_by().values_list(*fields))
    )
    if not rows:
        return Demands()
    return Demands(second_factor=any(row[0] for row in rows), session_hours=min(row[1] for row in rows))


def has_second_factor(user: User) -> bool:
    """Whether the person has an authenticator app or a passkey; recovery codes alone are none."""
    factors = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES)
    return bool(factors.exists())
