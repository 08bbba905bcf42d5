"""The firm's own record, its offices and its clients."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import Firm, FirmMember, Licence, Office, ServiceOrganization, User
from accounts.people import account_of, belongs_elsewhere, end_sessions, must_administer
from accounts.tokens import end_those_of_single_sign_on
from audit.trail import action, record

CLIENT_ADDED = action("client.added", "added the client {target}")
FIRM_MADE = action("firm.made", "entered the firm {target}")
FIRM_CHANGED = action("firm.changed", "changed the firm's record")
LICENCE_ADDED = action("licence.added", "entered the licence {target}")
LICENCE_REMOVED = action("licence.removed", "removed the licence {target}")
OFFICE_OPENED = action("office.opened", "entered the office {target}")
OFFICE_CLOSED = action("office.closed", "closed the office {target}")
OFFICE_MAIN = action("office.main", "made {target} the main office")
POLICY_CHANGED = action("policy.changed", "changed how people of {target} sign in")


@transaction.atomic
def make_firm(legal_name: str, *, address: str, name: str = "", title: str = "") -> tuple[Firm, User, bool]:
    """Enter a CPA firm with its first administrator, who invites everybody else; only a command does.

    Makes the account where there is none, without a password. Returns the firm, the person, and whether the
    account is new. Raises ValidationError for a firm that is there, and for a new account without a name.
    """
    firm = Firm(legal_name=legal_name)
    firm.full_clean()
    if Firm.objects.filter(legal_name__iexact=firm.legal_name).exists():
        raise ValidationError(f"{firm.legal_name} is there already: its administrators invite its people.")
    user, new = account_of(address, name=name)
    firm.save()
    if belongs_elsewhere(user, firm):
        # As one who accepts an invitation to a further organization (`accounts.invitations.accept`).
        end_sessions(user)
        end_those_of_single_sign_on(user)
    FirmMember.objects.create(firm=firm, user=user, title=title.strip(), is_admin=True, may_accept=True)
    record(FIRM_MADE, by=None, firm=firm, target=firm, administrator=user.email)
    return firm, user, new


@transaction.atomic
def add_client(firm: Firm, *, name: str, by: User, short_name: str = "", website: str = "") -> ServiceOrganization:
    """Enter a service organization as a client of the firm.

    Raises PermissionDenied unless the person may open engagements, ValidationError for a name taken.
    """
    if not FirmMember.objects.filter(firm=firm, user=by, may_accept=True).exists():
        raise PermissionDenied("Your firm has not given you the right to add clients.")
    client = ServiceOrganization(firm=firm, name=name.strip(), short_name=short_name.strip(), website=website)
    client.full_clean()
    client.save()
    record(CLIENT_ADDED, by=by, firm=firm, target=client)
    return client


@transaction.atomic
def change_firm(firm: Firm, *, by: User, **fields: Any) -> Firm:
    """Change what reports and rules know of the firm. Raises PermissionDenied but for its administrators."""
    must_administer(firm, by)
    firm = Firm.objects.select_for_update().get(pk=firm.pk)
    old = {name: str(getattr(firm, name)) for name in fields}
    for name, value in fields.items():
        setattr(firm, name, value)
    written = list(fields)
    if old.get("two_to_issue") == "True" and not firm.two_to_issue:
        firm.two_to_issue_until = timezone.now()
        written.append("two_to_issue_until")
    firm.full_clean()
    firm.save(update_fields=written)
    changes = {name: [old[name], str(value)] for name, value in fields.items() if old[name] != str(value)}
    if changes:
        record(FIRM_CHANGED, by=by, firm=firm, target=firm, values=changes)
    return firm


@transaction.atomic
def add_licence(licence: Licence, *, by: User) -> Licence:
    """Enter a licence of the firm. Raises PermissionDenied, ValidationError for one that is there already."""
    must_administer(licence.firm, by)
    licence.full_clean()
    licence.save()
    record(LICENCE_ADDED, by=by, firm=licence.firm, target=licence, expires=str(licence.expires_on or ""))
    return licence


@transaction.atomic
def remove_licence(licence: Licence, *, by: User) -> None:
    """Take a licence off the record, say when a renewed one is entered. Raises PermissionDenied."""
    must_administer(licence.firm, by)
    record(LICENCE_REMOVED, by=by, firm=licence.firm, target=licence)
    licence.delete()


@transaction.atomic
def open_office(firm: Firm, *, city: str, state: str, by: User) -> Office:
    """Enter a city in which the firm signs, or open it again; the first one is the main office.

    Raises PermissionDenied, ValidationError for one that is there already.
    """
    must_administer(firm, by)
    firm = Firm.objects.select_for_update().get(pk=firm.pk)
    city, state = " ".join(city.split()), " ".join(state.split())
    closed = Office.objects.filter(
        firm=firm, city__iexact=city, state__iexact=state, closed_at__isnull=False
    ).first()
    office = closed or Office(firm=firm)
    office.city, office.state, office.closed_at = city, state, None
    office.is_main = not Office.objects.filter(firm=firm, is_main=True).exists()
    office.full_clean()
    office.save()
    record(OFFICE_OPENED, by=by, firm=firm, target=office)
    return office


@transaction.atomic
def make_main_office(office: Office, *, by: User) -> None:
    """From now on this office signs where an engagement names no other.

    Raises PermissionDenied, ValidationError for one that is closed.
    """
    must_administer(office.firm, by)
    Firm.objects.select_for_update().get(pk=office.firm_id)
    office.refresh_from_db()
    if office.closed_at is not None:
        raise ValidationError(f"{office} is closed: enter it again first.")
    if office.is_main:
        return
    Office.objects.filter(firm=office.firm_id, is_main=True).update(is_main=False)
    office.is_main = True
    office.save(update_fields=["is_main"])
    record(OFFICE_MAIN, by=by, firm=office.firm, target=office)


@transaction.atomic
def close_office(office: Office, *, by: User) -> None:
    """Nothing is signed there any more; reports that name it keep it.

    Raises PermissionDenied, ValidationError for the main office.
    """
    must_administer(office.firm, by)
    Firm.objects.select_for_update().get(pk=office.firm_id)
    office.refresh_from_db()
    if office.is_main:
        raise ValidationError("The firm needs a main office: make another one the main office first.")
    if office.closed_at is not None:
        return
    office.closed_at = timezone.now()
    office.save(update_fields=["closed_at"])
    record(OFFICE_CLOSED, by=by, firm=office.firm, target=office)


@transaction.atomic
def change_sign_in_policy(
    place: Firm | ServiceOrganization, *, demands_second_factor: bool, session_hours: int, by: User
) -> None:
    """Change what the firm or the client asks of its people when they sign in; holds from their next click.

    Raises PermissionDenied but for administrators, ValidationError.
    """
    must_administer(place, by)
    # What the form has put on the object it was given is not the old value.
    place = type(place).objects.select_for_update().get(pk=place.pk)
    old = [place.demands_second_factor, place.session_hours]
    place.demands_second_factor, place.session_hours = demands_second_factor, session_hours
    place.full_clean()
    place.save(update_fields=["demands_second_factor", "session_hours"])
    if old != [demands_second_factor, session_hours]:
        firm = place if isinstance(place, Firm) else place.firm
        record(
            POLICY_CHANGED,
            by=by,
            firm=firm,
            target=place,
            demands_second_factor=demands_second_factor,
            session_hours=session_hours,
        )
