"""Inviting readers and taking their leave back."""

from __future__ import annotations

import datetime as dt

from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone

from accounts.models import User, hash_token, new_token
from audit.context import current_ip
from audit.trail import action, record
from distribution.agreements import current
from distribution.models import AccessEvent, Grant
from engagements.models import Engagement
from engagements.roles import require
from engagements.workflow import WrongStage, locked
from reports.models import Issuance

INVITED = action("reader.invited", "invited the reader {target}")
REVOKED = action("reader.revoked", "revoked the access of {target}")
LINK_SENT = action("reader.link_sent", "sent a new link to {target}")

DAYS = range(1, 366)
DEFAULT_DAYS = 60


def issued_report(engagement: Engagement) -> Issuance | None:
    """The report that readers get: the one that is current."""
    return Issuance.objects.filter(engagement=engagement, state=Issuance.State.CURRENT).first()


@transaction.atomic
def invite(
    engagement: Engagement,
    *,
    email: str,
    name: str,
    company: str,
    by: User,
    read_url: str,
    purpose: str = "",
    days: int = DEFAULT_DAYS,
) -> Grant:
    """Give one person leave to read the issued report for some days; a link goes by e-mail on commit.

    `read_url` holds `TOKEN` where the secret goes. Raises PermissionDenied, WrongStage while nothing is issued,
    ValidationError without terms in force, for days out of range or a reader who has leave already.
    """
    engagement = locked(engagement)
    require(engagement, by, "manage_distribution")
    if issued_report(engagement) is None:
        raise WrongStage("The report is not issued yet: readers can be invited afterwards.")
    if current(engagement) is None:
        raise ValidationError("Publish the non-disclosure agreement first: readers accept it before they read.")
    if days not in DAYS:
        raise ValidationError({"days": "From 1 to 365 days."})
    email = email.strip().lower()
    now = timezone.now()
    earlier = Grant.objects.filter(engagement=engagement, email=email, revoked_at__isnull=True).first()
    if earlier is not None and earlier.expires_at > now:
        raise ValidationError(
            {"email": f"{email} may read until {earlier.expires_at:%d %b %Y}. Revoke that, or send a new link."}
        )
    if earlier is not None:
        # Expired: closed so that the new one is the reader's only one.
        earlier.revoked_at, earlier.revoked_by = now, by
        earlier.save(update_fields=["revoked_at", "revoked_by"])
    token = new_token()
    grant = Grant(
        engagement=engagement,
        email=email,
        name=name.strip(),
        company=company.strip(),
        purpose=purpose.strip(),
        token_hash=hash_token(token),
        invited_by=by,
        expires_at=now + dt.timedelta(days=days),
    )
    grant.full_clean(exclude=["party_class"], validate_constraints=False)
    grant.save()
    AccessEvent.objects.create(engagement=engagement, grant=grant, kind=AccessEvent.Kind.INVITED, ip=current_ip())
    _send(grant, token, read_url)
    record(INVITED, by=by, engagement=engagement, target=grant, email=email, until=grant.expires_at.isoformat())
    return grant


@transaction.atomic
def send_link(grant: Grant, *, by: User | None, read_url: str) -> None:
    """Send a new link; the one sent before stops working. `by` is None when the reader asked for it.

    Raises PermissionDenied, ValidationError when the leave has ended.
    """
    if by is not None:
        require(grant.engagement, by, "manage_distribution")
    grant = (
        Grant.objects.select_for_update(of=("self",))
        .select_related("engagement__client", "invited_by")
        .get(pk=grant.pk)
    )
    if grant.revoked_at is not None or grant.expires_at <= timezone.now():
        raise ValidationError("This access has ended. Ask the company whose report it is for a new invitation.")
    token = new_token()
    grant.token_hash, grant.token_used_at = hash_token(token), None
    grant.save(update_fields=["token_hash", "token_used_at"])
    _send(grant, token, read_url)
    record(LINK_SENT, by=by, engagement=grant.engagement, target=grant)


@transaction.atomic
def revoke(grant: Grant, *, by: User) -> Grant:
    """End the leave, with effect on the reader's next request. A file already downloaded stays with the reader.

    Raises PermissionDenied, ValidationError when it was revoked before.
    """
    require(grant.engagement, by, "manage_distribution")
    grant = Grant.objects.select_for_update(of=("self",)).select_related("engagement").get(pk=grant.pk)
    if grant.revoked_at is not None:
        raise ValidationError("This access was revoked before.")
    grant.revoked_at, grant.revoked_by = timezone.now(), by
    grant.save(update_fields=["revoked_at", "revoked_by"])
    AccessEvent.objects.create(
        engagement=grant.engagement, grant=grant, kind=AccessEvent.Kind.REVOKED, ip=current_ip()
    )
    record(REVOKED, by=by, engagement=grant.engagement, target=grant)
    return grant


def _send(grant: Grant, token: str, read_url: str) -> None:
    client = grant.engagement.client
    text = (
        f"{grant.invited_by.name} of {client} gives you access to its SOC 2 report "
        f"until {grant.expires_at:%d %b %Y}.\n\n"
        f"Open this link to read the terms and download your copy. It works once and is meant for you alone:\n"
        f"{read_url.replace('TOKEN', token)}\n"
    )
    transaction.on_commit(lambda: send_mail(f"SOC 2 report of {client.short}", text, None, [grant.email]))
