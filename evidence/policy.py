"""What an engagement takes: the largest file, all files together, and whether files wait for the scanner."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Sum

from accounts.models import User
from audit.trail import action, record
from engagements.models import Engagement
from engagements.roles import require
from engagements.workflow import WORKING, locked, must_be
from evidence.models import EvidenceFile, FilePolicy, Upload

CHANGED = action("evidence.policy_changed", "changed what files are taken: {taken}")

MB = 1 << 20
GB = 1 << 30


@dataclass(frozen=True)
class Policy:
    """Bytes of the largest file and of all together; `hold`: only its uploader opens an unscanned file."""

    largest: int
    quota: int
    hold: bool


def policy_of(engagement: Engagement) -> Policy:
    """The engagement's policy, never beyond what the installation takes."""
    own = FilePolicy.objects.filter(engagement=engagement).first()
    if own is None:
        return Policy(settings.UPLOAD_MAX_BYTES, settings.UPLOAD_QUOTA_BYTES, bool(settings.SCANNER_URL))
    return Policy(min(own.largest_mb * MB, settings.UPLOAD_MAX_BYTES), own.quota_gb * GB, own.hold_unscanned)


def used(engagement: Engagement) -> int:
    """Bytes of all files here, and of those on their way in at their full size."""
    arrived = EvidenceFile.objects.filter(engagement=engagement).aggregate(sum=Sum("size"))["sum"] or 0
    coming = Upload.objects.filter(engagement=engagement).exclude(
        state__in=[Upload.State.DONE, Upload.State.REFUSED]
    )
    return int(arrived + (coming.aggregate(sum=Sum("size"))["sum"] or 0))


@transaction.atomic
def change(engagement: Engagement, *, largest_mb: int, quota_gb: int, hold_unscanned: bool, by: User) -> FilePolicy:
    """Set the policy of the engagement. Raises PermissionDenied, WrongStage, ValidationError."""
    engagement = locked(engagement)
    require(engagement, by, "manage_engagement")
    must_be(engagement, *WORKING)
    most = settings.UPLOAD_MAX_BYTES // MB
    if not 0 < largest_mb <= most:
        raise ValidationError({"largest_mb": f"This installation takes files of 1 to {most:,} MB."})
    if not 0 < quota_gb <= 100_000:
        raise ValidationError({"quota_gb": "Give a number of GB from 1 to 100,000."})
    made, _ = FilePolicy.objects.update_or_create(
        engagement=engagement,
        defaults={"largest_mb": largest_mb, "quota_gb": quota_gb, "hold_unscanned": hold_unscanned},
    )
    held = "held until scanned" if hold_unscanned else "opened before they are scanned"
    taken = f"at most {largest_mb:,} MB each, {quota_gb:,} GB together, {held}"
    record(CHANGED, by=by, engagement=engagement, target=made, taken=taken)
    return made
