"""The SOC 3 report for everybody: published by the client under an address of its own, without terms or account.

Its use is not restricted (domain 1.10), so nobody is asked who they are and nobody is written down. It is there for
as long as it is current and the client leaves it there; afterwards the address says what became of it.
"""

from __future__ import annotations

import secrets

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.context import EVERYBODY, acting_for
from audit.trail import action, record
from distribution.models import Publication
from engagements.models import Engagement
from engagements.roles import require
from engagements.workflow import WrongStage, locked
from reports import general_use, storage
from reports.models import GeneralUseReport

PUBLISHED = action("distribution.general_use_published", "published {target}")
ENDED = action("distribution.general_use_unpublished", "no longer publishes {target}")

State = GeneralUseReport.State


def standing(engagement: Engagement) -> Publication | None:
    """Of the report that is current, else of the last that was published and left there."""
    found = Publication.objects.filter(engagement=engagement, ended_at__isnull=True).select_related(
        "report", "published_by"
    )
    return max(found, key=lambda one: (one.report.state == State.CURRENT, one.pk), default=None)


@transaction.atomic
def publish(engagement: Engagement, *, by: User) -> Publication:
    """Publish the current SOC 3 report; the one that is there when it is published. Raises PermissionDenied,
    WrongStage."""
    engagement = locked(engagement)
    require(engagement, by, "manage_distribution")
    report = general_use.released(engagement)
    if report is None or report.state != State.CURRENT:
        raise WrongStage("There is no current SOC 3 report to publish.")
    found = Publication.objects.filter(report=report, ended_at__isnull=True).first()
    if found is not None:
        return found
    made = Publication.objects.create(
        engagement=engagement, report=report, address=secrets.token_urlsafe(12), published_by=by
    )
    record(PUBLISHED, by=by, engagement=engagement, target=report, sha256=report.pdf_sha256)
    return made


@transaction.atomic
def end(publication: Publication, *, by: User) -> Publication:
    """Take it back: the address leads to nothing from now on. Raises PermissionDenied, ValidationError."""
    engagement = locked(publication.engagement)
    require(engagement, by, "manage_distribution")
    publication = (
        Publication.objects.select_for_update(of=("self",)).select_related("report").get(pk=publication.pk)
    )
    if publication.ended_at is not None:
        raise ValidationError("It was taken back before.")
    publication.ended_by, publication.ended_at = by, timezone.now()
    publication.save(update_fields=["ended_by", "ended_at"])
    record(ENDED, by=by, engagement=engagement, target=publication.report, sha256=publication.report.pdf_sha256)
    return publication


def at(address: str) -> Publication | None:
    """What is published under an address, whatever became of it since; None for any other address."""
    with acting_for(EVERYBODY):
        found = Publication.objects.filter(address=address, ended_at__isnull=True)
        return found.select_related("report__issuance", "engagement__client", "engagement__firm").first()


def newer(publication: Publication) -> Publication | None:
    """What the client publishes in the place of a report that is not current any more."""
    if publication.report.state == State.CURRENT:
        return None
    with acting_for(EVERYBODY):
        found = Publication.objects.filter(
            engagement=publication.engagement_id, report__state=State.CURRENT, ended_at__isnull=True
        )
        return found.first()


def content(publication: Publication) -> bytes:
    """The PDF of what is current, its hash checked. Raises WrongStage for a report that nobody is to rely on."""
    if publication.report.state != State.CURRENT:
        raise WrongStage("This report is not current.")
    with acting_for(EVERYBODY):
        return storage.pdf_of(publication.engagement_id, publication.report.pdf_sha256)
