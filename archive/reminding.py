"""Reminders that a file is to be complete, by the calendar of its release (R55).

The clock asks every day, and may ask as often as it likes: each mark of a release is reminded of once. Where the
clock stood still, only the newest mark that has passed is.
"""

from __future__ import annotations

import datetime as dt

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.urls import reverse

from accounts.models import FirmMember
from archive import locking
from archive.models import ClosingReminder, FileLock
from audit.trail import action, record
from engagements.models import Engagement, EngagementMember, Role, Stage
from engagements.workflow import locked

log = structlog.get_logger(__name__)

REMINDED = action(
    "file.reminded", "reminded {count} people that the file is to be complete by {due}", firm_only=True
)
ESCALATED = action(
    "file.escalated", "told {count} people that the file is late: it was due on {due}", firm_only=True
)

TEAM = (Role.PARTNER, Role.MANAGER)
MARKS = (*locking.REMINDERS, locking.DAYS)


def remind(today: dt.date) -> int:
    """Send what is due. Returns for how many engagements."""
    open_files = Engagement.objects.filter(stage__in=[Stage.ISSUED, Stage.WITHDRAWN]).exclude(
        file_locks__in=FileLock.objects.exclude(state=FileLock.State.FAILED)
    )
    count = 0
    for engagement in open_files.order_by("pk"):
        try:
            count += _remind(engagement, today)
        except OSError as error:
            # No mail, no word that there was one: the clock asks again within the hour.
            log.warning("closing_reminder_not_sent", engagement=engagement.pk, error=str(error))
    return count


@transaction.atomic
def _remind(engagement: Engagement, today: dt.date) -> bool:
    engagement = locked(engagement)
    released = locking.released_on(engagement)
    if released is None:
        return False
    passed = [mark for mark in MARKS if released + dt.timedelta(days=mark) <= today]
    if not passed:
        return False
    mark = passed[-1]
    to = recipients(engagement, escalated=mark >= locking.DAYS)
    reminder, new = ClosingReminder.objects.get_or_create(
        engagement=engagement, released_on=released, mark=mark, defaults={"to": to}
    )
    if not new:
        return False
    due = released + dt.timedelta(days=locking.DAYS)
    subject, text = words(engagement, released, due, today)
    for email in to:
        send_mail(subject, text, None, [email])
    record(
        ESCALATED if mark >= locking.DAYS else REMINDED,
        by=None,
        engagement=engagement,
        target=reminder,
        count=len(to),
        due=f"{due.day} {due:%b %Y}",
        days=(today - released).days,
    )
    return True


def recipients(engagement: Engagement, *, escalated: bool) -> list[str]:
    """Partner and manager; when it is late, the quality reviewer and the firm's administrators too."""
    roles = (*TEAM, Role.QUALITY_REVIEWER) if escalated else TEAM
    members = EngagementMember.objects.filter(engagement=engagement, role__in=roles, user__is_active=True)
    emails = set(members.values_list("user__email", flat=True))
    if escalated:
        admins = FirmMember.objects.filter(firm=engagement.firm, is_admin=True, user__is_active=True)
        emails |= set(admins.values_list("user__email", flat=True))
    return sorted(emails)


def words(engagement: Engagement, released: dt.date, due: dt.date, today: dt.date) -> tuple[str, str]:
    """Subject and text of the mail."""
    left = (due - today).days
    when = f"{due.day} {due:%b %Y}"
    if left > 0:
        subject = f"{engagement}: file to be complete by {when}"
        how = f"{left} day{'' if left == 1 else 's'} from now"
    else:
        subject = f"{engagement}: the file is late"
        how = f"{-left} day{'' if left == -1 else 's'} ago" if left else "today"
    ended = "withdrawn" if engagement.stage == Stage.WITHDRAWN else "released"
    text = (
        f"The report of {engagement} was {ended} on {released.day} {released:%b %Y}. Its documentation is to be "
        f"complete within {locking.DAYS} days, by {when}: {how}.\n\n"
        "Look through the file and lock it:\n"
        f"{settings.SITE_URL}{reverse('archive:file', args=[engagement.pk])}\n"
    )
    if ended == "withdrawn":
        text = text.replace("The report of", "The engagement", 1)
    return subject, text
