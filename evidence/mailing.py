"""Mail about requests: what every one has in its head and foot, and how a person stops it."""

from __future__ import annotations

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.db import transaction
from django.urls import reverse

from accounts.models import User
from accounts.people import firm_of
from audit.trail import action, record
from evidence.correspondence import MailChoice
from evidence.zones import known_zones

CHOSEN = action("mail.chosen", "chose which mail to get")
STOPPED = action("mail.stopped", "stopped the daily mail")

_SALT = "evidence.mailing"


def choice_of(user: User) -> MailChoice:
    """What the person chose, or the defaults, not saved."""
    return MailChoice.objects.filter(user=user).first() or MailChoice(user=user)


@transaction.atomic
def choose(user: User, *, daily: bool, urgent: bool, time_zone: str) -> MailChoice:
    """Raises ValidationError for a time zone that nobody knows."""
    if time_zone and time_zone not in known_zones():
        raise ValidationError({"time_zone": "Choose a time zone of the list."})
    values = {"daily": daily, "urgent": urgent, "time_zone": time_zone}
    made, _ = MailChoice.objects.update_or_create(user=user, defaults=values)
    record(CHOSEN, by=user, firm=firm_of(user), target=made, **values)
    return made


@transaction.atomic
def stop(token: str) -> User | None:
    """End the daily mail of the person whom a mail's own address names; None when it names nobody."""
    user = named_by(token)
    if user is None:
        return None
    choice, _ = MailChoice.objects.select_for_update().get_or_create(user=user)
    if choice.daily:
        choice.daily = False
        choice.save(update_fields=["daily"])
        record(STOPPED, by=user, firm=firm_of(user), target=choice)
    return user


def named_by(token: str) -> User | None:
    try:
        pk = signing.loads(token, salt=_SALT)
    except signing.BadSignature:
        return None
    return User.objects.filter(pk=pk, is_active=True).first()


def stop_url(user: User) -> str:
    """Where the person ends the daily mail without signing in; it does nothing else."""
    return settings.SITE_URL + reverse("evidence:stop_mail", args=[signing.dumps(user.pk, salt=_SALT)])


def send(user: User, subject: str, lines: list[str], *, daily: bool) -> None:
    """Send one mail. No confidential content goes by mail: codes, titles and links."""
    foot = ["", "--", f"Which mail you get: {settings.SITE_URL}{reverse('evidence:mail')}"]
    headers = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
    if daily:
        foot.append(f"No daily mail any more: {stop_url(user)}")
        # RFC 8058: the mail program's own button.
        headers |= {
            "List-Unsubscribe": f"<{stop_url(user)}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    subject = " ".join(subject.split())
    EmailMessage(subject, "\n".join([*lines, *foot, ""]), None, [user.email], headers=headers).send()
