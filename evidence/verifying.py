"""Whether what is stored is still what was received: every night, every file, by its hash."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from audit.trail import action, record
from engagements.models import Engagement
from evidence import storage
from evidence.models import EvidenceFile, FileCheck
from jobs.models import Job
from jobs.queue import enqueue
from jobs.running import report_progress

ALTERED = action("evidence.altered", "found that what is stored of {target} is not what was received")
WHOLE = action("evidence.whole", "found {target} stored as it was received again")
OBTAINED_ALTERED = action(
    "evidence.obtained_altered", "found that what is stored of {target} is not what was received", firm_only=True
)
OBTAINED_WHOLE = action("evidence.obtained_whole", "found {target} stored as it was received again", firm_only=True)

log = structlog.get_logger(__name__)

JOB = "evidence.verify"
# A job ends before its worker's time is up; the files that were looked at longest ago come first, so that the
# next night goes on where this one ended.
SECONDS = 420.0


def begin_all(*, at: dt.datetime | None = None) -> int:
    """A job for every engagement with files. Returns how many."""
    day = (at or timezone.now()).date().isoformat()
    found = Engagement.objects.filter(pk__in=EvidenceFile.objects.order_by().values("engagement_id"))
    engagements = list(found.values_list("pk", flat=True))
    for pk in engagements:
        enqueue(JOB, key=f"{JOB}:{pk}:{day}", engagement_id=pk, payload={"engagement": pk})
    return len(engagements)


def verify(job: Job) -> dict[str, Any]:
    """The worker's part."""
    looked, altered = 0, 0
    end = time.monotonic() + SECONDS
    files = EvidenceFile.objects.filter(engagement_id=job.payload["engagement"])
    total = files.count()
    for file in files.select_related("checked").order_by("checked__verified_at", "pk").iterator(chunk_size=200):
        if time.monotonic() > end:
            break
        altered += bool(verify_one(file))
        looked += 1
        if looked % 50 == 0:
            report_progress(job, 100 * looked // total)
    return {"looked_at": looked, "of": total, "altered": altered}


def verify_one(file: EvidenceFile) -> str:
    """Read the stored bytes and keep what came of it; returns what is wrong with them, in words, or nothing.

    That they were altered, and that they are whole again, is on the record of the engagement.
    """
    try:
        storage.opened(file.engagement_id, file.sha256).close()
        wrong = ""
    except storage.Altered as error:
        wrong = str(error)[:200]
        log.error("evidence_altered", engagement=file.engagement_id, file=file.code, error=wrong)
    with transaction.atomic():
        FileCheck.objects.get_or_create(file=file)
        check = FileCheck.objects.select_for_update().get(file=file)
        before, check.altered, check.verified_at = check.altered, wrong, timezone.now()
        check.save(update_fields=["altered", "verified_at"])
        if bool(before) != bool(wrong):
            mine = file.obtained_by_auditor
            found, whole = (OBTAINED_ALTERED, OBTAINED_WHOLE) if mine else (ALTERED, WHOLE)
            record(found if wrong else whole, by=None, engagement=file.engagement, target=file, sha256=file.sha256)
    return wrong
