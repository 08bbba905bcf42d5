"""Fixed people with fixed roles, and small objects made through the product's own flows.

Firm: Alder & Finch LLP. Petra is partner, Milan manager, Sana staff, Quinn quality reviewer, Ray peer reviewer.
Client: Northwind Books, Inc. Carla is administrator, Owen control owner, Sig signatory, Sub subservice contact.
Outsiders: Olga, partner at another firm with another client; Nemo signs in and belongs to nobody.
"""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import pgtrigger

from accounts.models import ClientMember, Firm, FirmMember, ServiceOrganization, User
from controls.models import Category, LibraryControl
from engagements import independence, workflow
from engagements.models import Engagement, EngagementMember, Role, Stage
from engagements.roles import confirm_independence, set_role
from tests.remembered import remembered

PASSWORD = "correct horse battery staple"

FIRM_TEAM = {
    "petra": ("Petra Alder", Role.PARTNER),
    "milan": ("Milan Finch", Role.MANAGER),
    "sana": ("Sana Wolfe", Role.STAFF),
    "quinn": ("Quinn Hale", Role.QUALITY_REVIEWER),
    "ray": ("Ray Stone", Role.PEER_REVIEWER),
}
CLIENT_TEAM = {
    "carla": ("Carla Nord", Role.CLIENT_ADMIN),
    "owen": ("Owen Pike", Role.CONTROL_OWNER),
    "sig": ("Sigrid Vale", Role.SIGNATORY),
    "sub": ("Subhash Rao", Role.SUBSERVICE_CONTACT),
}

_numbers = itertools.count(1)


def person(key: str, name: str | None = None, domain: str = "example.com") -> User:
    """The person with this key; made once per database."""
    email = f"{key}@{domain}"
    user = User.objects.filter(email=email).first()
    return user or User.objects.create_user(email, name or key.title(), PASSWORD)


def firm(name: str = "Alder & Finch LLP") -> Firm:
    made, new = Firm.objects.get_or_create(
        legal_name=name,
        defaults={"peer_review_on": dt.date(2025, 3, 14)},
    )
    if new:
        made.offices.create(city="Portland", state="Oregon", is_main=True)
        made.licences.create(jurisdiction="Oregon", number="F-10442", expires_on=dt.date(2028, 6, 30))
    return made


def client(of: Firm | None = None, name: str = "Northwind Books, Inc.") -> ServiceOrganization:
    made, _ = ServiceOrganization.objects.get_or_create(firm=of or firm(), name=name)
    return made


def partner_of(a_firm: Firm, key: str, name: str) -> User:
    user = person(key, name)
    FirmMember.objects.update_or_create(firm=a_firm, user=user, defaults={"may_accept": True, "is_admin": True})
    return user


def proposed(
    *, a_client: ServiceOrganization | None = None, partner: User | None = None, **fields: Any
) -> Engagement:
    """An engagement at acceptance with nobody but its partner (Type 2, Security and Availability by default)."""
    a_client = a_client or client()
    partner = partner or partner_of(a_client.firm, "petra", "Petra Alder")
    kind = fields.pop("type", Engagement.Type.TYPE_2)
    dates: dict[str, Any] = (
        {"period_start": dt.date(2025, 10, 1), "period_end": dt.date(2026, 9, 30)}
        if kind == Engagement.Type.TYPE_2
        else {"as_of": dt.date(2026, 9, 30)}
    )
    return workflow.open_engagement(
        client=a_client,
        by=partner,
        type=kind,
        number=fields.pop("number", f"2026-{next(_numbers):04d}"),
        system_name=fields.pop("system_name", "Northwind Ledger"),
        categories=fields.pop("categories", [Category.SECURITY, Category.AVAILABILITY]),
        **{**dates, **fields},
    )


@remembered
def staffed(**fields: Any) -> Engagement:
    """At acceptance, with everybody of FIRM_TEAM and CLIENT_TEAM in their roles and independence confirmed."""
    engagement = proposed(**fields)
    petra = engagement.created_by
    for key, (name, role) in FIRM_TEAM.items():
        user = petra if role == Role.PARTNER else person(key, name)
        FirmMember.objects.get_or_create(firm=engagement.firm, user=user)
        if role != Role.PARTNER:
            set_role(engagement, user, role, by=petra)
        confirm_independence(EngagementMember.objects.get(engagement=engagement, user=user), by=user)
    for key, (name, role) in CLIENT_TEAM.items():
        user = person(key, name)
        ClientMember.objects.get_or_create(organization=engagement.client, user=user)
        set_role(engagement, user, role, by=petra)
    return engagement


@remembered
def accepted(**fields: Any) -> Engagement:
    """Staffed, accepted, letter executed: at scoping, with nothing in scope yet."""
    engagement = staffed(**fields)
    petra = engagement.created_by
    independent(engagement)
    engagement = workflow.accept(
        engagement, on=dt.date(2025, 9, 1), note="Known client, competent team, independent.", by=petra
    )
    return workflow.letter_in_force(
        engagement, on=dt.date(2025, 9, 10), for_client="Sigrid Vale", for_firm="Petra Alder"
    )


@remembered
def independent(engagement: Engagement) -> None:
    """The partner states that nothing may impair the firm's independence."""
    for kind in independence.KINDS:
        independence.state_none(engagement, kind, by=engagement.created_by)


def people(engagement: Engagement) -> dict[str, User]:
    """The people of a staffed engagement by key."""
    emails = [f"{key}@example.com" for key in {**FIRM_TEAM, **CLIENT_TEAM}]
    found = {user.email.partition("@")[0]: user for user in User.objects.filter(email__in=emails)}
    return found | {"petra": engagement.created_by}


def library(code: str) -> LibraryControl:
    return LibraryControl.objects.get(firm=None, code=code)


@remembered
def at_stage(engagement: Engagement, stage: Stage) -> Engagement:
    """Put an engagement at a stage without its rules: for tests of what happens there, never of the way."""
    with pgtrigger.ignore("engagements.Engagement:stage_machine"):
        Engagement.objects.filter(pk=engagement.pk).update(stage=stage)
    engagement.refresh_from_db()
    return engagement
