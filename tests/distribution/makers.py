"""An issued report without the work before it, and readers of it."""

from __future__ import annotations

import datetime as dt
import io

import pikepdf
from django.utils import timezone

from distribution import agreements, granting
from distribution.models import Grant
from engagements.models import Engagement, Stage
from reports.models import Issuance, Report
from tests import factories as f
from tests.reports import makers as reports

READ_URL = "https://attestry.test/read/TOKEN/"


def pdf(pages: int = 3) -> bytes:
    made = pikepdf.new()
    for _ in range(pages):
        made.add_blank_page(page_size=(612, 792))
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def issued(**fields: object) -> Engagement:
    """An engagement whose report is issued: a three-page file, frozen."""
    engagement = f.at_stage(f.accepted(**fields), Stage.REPORTING)
    petra = engagement.created_by
    draft = Report.objects.create(
        engagement=engagement, number=1, snapshot={}, content_sha256="0" * 64, requested_by=petra
    )
    issuance = Issuance.objects.create(
        engagement=engagement,
        draft=draft,
        number=f"{engagement.number}-1",
        snapshot={"firm": {"name": "Marlowe & Finch LLP"}, "client": {"legal_name": "Lakeshore Ledger, Inc."}},
        content_sha256="0" * 64,
        report_date=dt.date(2026, 11, 1),
        issued_by=petra,
    )
    reports.released(issuance, pdf())
    Engagement.objects.filter(pk=engagement.pk).update(frozen_at=timezone.now())
    Engagement.objects.filter(pk=engagement.pk).update(stage=Stage.ISSUED)
    engagement.refresh_from_db()
    return engagement


def reader(engagement: Engagement, email: str = "rita@prospect.example", **fields: object) -> Grant:
    """Rita Reader of Prospect Ltd, invited by Carla; the terms are published when there are none."""
    carla = f.people(engagement)["carla"]
    if agreements.current(engagement) is None:
        agreements.publish(
            engagement, text="Keep it to yourself.\n\nUse it for your own assessment only.", by=carla
        )
    return granting.invite(
        engagement,
        email=email,
        name=str(fields.pop("name", "Rita Reader")),
        company="Prospect Ltd",
        by=carla,
        read_url=READ_URL,
        **fields,  # type: ignore[arg-type]
    )
