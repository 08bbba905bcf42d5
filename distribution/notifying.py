"""Whoever has the report, or may get it, is told when it is withdrawn or superseded (R57).

A worker writes to each person once; who was told, and when, stands in the access log.
"""

from __future__ import annotations

from typing import Any

from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts.models import User
from distribution.models import AccessEvent, Grant
from engagements.models import Engagement, EngagementMember, Role
from jobs.models import Job
from jobs.queue import enqueue
from reports.models import Issuance
from reports.recalling import on_recalled

KIND = "reader.notify"
# Who answers for the report on the client's side.
CLIENT = (Role.CLIENT_ADMIN, Role.SIGNATORY)


@on_recalled
def tell_later(issuance: Issuance, newer: Issuance | None, by: User) -> None:
    enqueue(
        KIND,
        key=f"{KIND}:{issuance.pk}",
        by=by,
        engagement_id=issuance.engagement_id,
        payload={"issuance": issuance.pk, "newer": newer.number if newer else ""},
    )


def recipients(issuance: Issuance) -> Any:
    """Leave to read of everybody who took a copy, ended or not, and of those who still may."""
    took = AccessEvent.objects.filter(grant=OuterRef("pk"), issuance=issuance, kind=AccessEvent.Kind.DOWNLOADED)
    told = AccessEvent.objects.filter(grant=OuterRef("pk"), issuance=issuance, kind=AccessEvent.Kind.NOTIFIED)
    live = Q(revoked_at__isnull=True, expires_at__gt=timezone.now())
    of_it = Grant.objects.filter(engagement=issuance.engagement_id)
    return of_it.annotate(took=Exists(took)).filter(Q(took=True) | live).exclude(Exists(told)).order_by("pk")


def tell(job: Job) -> dict[str, Any]:
    """The work of a job "reader.notify": a mail to each reader who was not told yet, then to the client."""
    issuance = Issuance.objects.select_related("engagement__client", "engagement__firm").get(
        pk=job.payload["issuance"]
    )
    newer = str(job.payload["newer"])
    count = 0
    for grant in recipients(issuance):
        # A mail that cannot be sent leaves no word that it was.
        with transaction.atomic():
            AccessEvent.objects.create(
                engagement=issuance.engagement,
                grant=grant,
                issuance=issuance,
                kind=AccessEvent.Kind.NOTIFIED,
                reason=f"replaced by report {newer}" if newer else "withdrawn",
                report_sha256=issuance.pdf_sha256,
            )
            send_mail(_subject(issuance, newer), _to_reader(issuance, newer, grant), None, [grant.email])
        count += 1
    people = EngagementMember.objects.filter(engagement=issuance.engagement, role__in=CLIENT)
    emails = list(people.filter(user__is_active=True).values_list("user__email", flat=True))
    for email in emails:
        send_mail(_subject(issuance, newer), _to_client(issuance, newer, count), None, [email])
    return {"readers": count, "client": len(emails)}


def _subject(issuance: Issuance, newer: str) -> str:
    word = "replaced" if newer else "withdrawn"
    return f"SOC 2 report of {issuance.engagement.client.short} {word}"


def _facts(issuance: Issuance, newer: str) -> str:
    engagement: Engagement = issuance.engagement
    day = timezone.localdate()
    what = (
        f"{engagement.firm} has replaced its SOC 2 report {issuance.number} on {engagement.client}, dated "
        f"{_day(issuance.report_date)}, by report {newer} on {_day(day)}. Do not rely on the earlier one any more."
        if newer
        else f"{engagement.firm} has withdrawn its SOC 2 report {issuance.number} on {engagement.client}, dated "
        f"{_day(issuance.report_date)}, on {_day(day)}. Do not rely on it any more."
    )
    return f"{what}\n\nThe file that was issued has the SHA-256\n{issuance.pdf_sha256}\n"


def _to_reader(issuance: Issuance, newer: str, grant: Grant) -> str:
    copy = (
        "You have downloaded a copy: please mark or destroy it, and tell those to whom your terms let you give "
        "it.\n"
        if grant.took  # type: ignore[attr-defined]
        else "Our records do not show that you downloaded it.\n"
    )
    way = (
        "The link of your invitation leads to the report that replaces it, for as long as your access lasts.\n"
        if newer
        else f"Ask {issuance.engagement.client} what takes its place.\n"
    )
    return f"Dear {grant.name},\n\n{_facts(issuance, newer)}\n{copy}{way}"


def _to_client(issuance: Issuance, newer: str, count: int) -> str:
    readers = f"{count} reader{'' if count == 1 else 's'}"
    return (
        f"{_facts(issuance, newer)}\nWe have written to {readers} of the report. If you gave it to anybody by "
        "another way, please tell them.\n"
    )


def _day(day: Any) -> str:
    return f"{day.day} {day:%b %Y}"
