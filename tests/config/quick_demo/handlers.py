from typing import Any

from django.utils import timezone

from jobs.models import Job
from jobs.queue import handler
from reports import storage
from reports.models import Issuance


@handler("quick_demo.render")
def render(job: Job) -> dict[str, Any]:
    issuance = Issuance.objects.get(pk=job.payload["issuance"])
    issuance.pdf_sha256 = storage.keep_pdf(issuance.engagement_id, b"%PDF-1.7 by a worker")
    # Nobody reads it: there is nothing to make copies from.
    issuance.prepared_sha256, issuance.prepared = issuance.pdf_sha256, {}
    issuance.state, issuance.released_at = Issuance.State.CURRENT, timezone.now()
    issuance.save(update_fields=["pdf_sha256", "prepared_sha256", "prepared", "state", "released_at"])
    return {}
