import datetime as dt
import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from jobs.queue import enqueue
from reports.models import Issuance, Report
from tests import factories


class Command(BaseCommand):
    def handle(self, *args: Any, **options: Any) -> None:
        engagement = factories.proposed()
        if os.environ.get("QUICK_DEMO_BREAKS"):
            raise RuntimeError("interrupted")
        by = engagement.created_by
        frozen = {"snapshot": {}, "content_sha256": "b" * 64}
        draft = Report.objects.create(engagement=engagement, number=1, requested_by=by, **frozen)
        issuance = Issuance.objects.create(
            engagement=engagement,
            draft=draft,
            number="R 1/26",
            report_date=dt.date(2026, 11, 1),
            issued_by=by,
            **frozen,
        )
        enqueue("quick_demo.render", key="quick", by=by, payload={"issuance": issuance.pk})
        (settings.ATTESTRY_HOME / "demo" / "logins.txt").write_text("Partner petra@example.com at {site}/\n")
