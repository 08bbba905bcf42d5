from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.utils import timezone

from jobs.models import Job
from jobs.queue import handler
from reports.models import Issuance


@handler("quick_demo.render")
def render(job: Job) -> dict[str, Any]:
    issuance = Issuance.objects.get(pk=job.payload["issuance"])
    issuance.state, issuance.pdf_sha256, issuance.released_at = "current", "a" * 64, timezone.now()
    storages["reports"].save(issuance.storage_name, ContentFile(b"%PDF-1.7 by a worker"))
    issuance.save(update_fields=["state", "pdf_sha256", "released_at"])
    return {}
