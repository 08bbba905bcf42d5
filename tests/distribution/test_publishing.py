"""The SOC 3 report for everybody: published by the client, read without terms or account, while it is current."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import Event
from distribution import publishing
from distribution.models import Publication
from engagements.models import Engagement
from engagements.workflow import WrongStage
from reports import recalling, storage
from reports.models import GeneralUseReport
from tests import factories as f
from tests.archive import makers as archive
from tests.reports import makers as reports

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick")]


@pytest.fixture
def report() -> GeneralUseReport:
    return reports.short_form(archive.issued())


def published(report: GeneralUseReport) -> Publication:
    engagement = Engagement.objects.get(pk=report.engagement_id)
    return publishing.publish(engagement, by=f.people(engagement)["carla"])


def withdrawn(report: GeneralUseReport) -> None:
    engagement, petra = report.engagement, report.issued_by
    fact = recalling.record_fact(engagement, fact="Access.", known_on=timezone.localdate(), by=petra)
    recalling.decide(fact, decision="withdraw", reason="Wrong.", by=petra, password=f.PASSWORD)


def test_whoever_has_the_address_reads_it(report: GeneralUseReport) -> None:
    made = published(report)
    assert published(report) == made, "once published it keeps its address"
    nobody = Client()
    shown = nobody.get(made.get_absolute_url())
    assert shown.status_code == 200
    client = report.issuance.snapshot["client"]["legal_name"]
    for words in (f"SOC 3 report of {client}", report.number, report.pdf_sha256, "general use"):
        assert words in shown.content.decode()
    pdf = nobody.get(reverse("distribution:published_pdf", args=[made.address]))
    assert pdf.content == storage.pdf_of(report.engagement_id, report.pdf_sha256)
    assert pdf["Content-Type"] == "application/pdf"
    for route in ("published", "published_pdf"):
        assert nobody.get(reverse(f"distribution:{route}", args=["x" * 16])).status_code == 404
    assert Event.objects.filter(action="distribution.general_use_published").count() == 1


def test_the_client_decides(report: GeneralUseReport) -> None:
    people = f.people(report.engagement)
    for who in ("petra", "milan", "owen", "sig"):
        with pytest.raises(PermissionDenied):
            publishing.publish(report.engagement, by=people[who])
    made = published(report)
    with pytest.raises(PermissionDenied):
        publishing.end(made, by=people["petra"])
    with pytest.raises(DatabaseError), transaction.atomic():
        Publication.objects.update(address="guessed")
    carla, petra = Client(), Client()
    carla.force_login(people["carla"])
    petra.force_login(people["petra"])
    page = reverse("distribution:distribution", args=[report.engagement_id])
    assert made.get_absolute_url() in petra.get(page).content.decode()
    end = reverse("distribution:unpublish", args=[report.engagement_id])
    assert petra.post(end).status_code == 403
    assert end in carla.get(page).content.decode()
    carla.post(end)
    assert Client().get(made.get_absolute_url()).status_code == 404
    with pytest.raises(ValidationError, match="before"):
        publishing.end(made, by=people["carla"])
    again = published(report)
    assert again.address != made.address


def test_what_was_withdrawn_is_handed_out_no_more(report: GeneralUseReport) -> None:
    made = published(report)
    withdrawn(report)
    shown = Client().get(made.get_absolute_url()).content.decode()
    assert "withdrawn. Do not rely on it." in shown
    assert "report.pdf" not in shown
    pdf = Client().get(reverse("distribution:published_pdf", args=[made.address]))
    assert (pdf.status_code, pdf["Location"]) == (302, made.get_absolute_url())
    with pytest.raises(WrongStage):
        publishing.publish(Engagement.objects.get(pk=report.engagement_id), by=made.published_by)


def test_nothing_is_published_before_it_is_issued() -> None:
    engagement = archive.issued()
    with pytest.raises(WrongStage, match="no current SOC 3"):
        publishing.publish(engagement, by=f.people(engagement)["carla"])
