"""The firm's own record and its clients."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.models import Firm, FirmMember, ServiceOrganization, User
from audit.trail import action, record

CLIENT_ADDED = action("client.added", "added the client {target}")
FIRM_CHANGED = action("firm.changed", "changed the firm's record")


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
    if not FirmMember.objects.filter(firm=firm, user=by, is_admin=True).exists():
        raise PermissionDenied("Only an administrator of the firm changes its record.")
    firm = Firm.objects.select_for_update().get(pk=firm.pk)
    old = {name: str(getattr(firm, name)) for name in fields}
    for name, value in fields.items():
        setattr(firm, name, value)
    firm.full_clean()
    firm.save(update_fields=list(fields))
    changes = {name: [old[name], str(value)] for name, value in fields.items() if old[name] != str(value)}
    if changes:
        record(FIRM_CHANGED, by=by, firm=firm, target=firm, values=changes)
    return firm
