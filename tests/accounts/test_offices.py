"""The cities in which a firm signs, and its policies."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.urls import reverse

from accounts.clients import close_office, make_main_office, open_office
from accounts.models import Firm, Office
from audit.models import Event
from engagements.workflow import change
from reports.snapshot import build
from tests import factories as f
from tests.reports import makers as reports

pytestmark = pytest.mark.django_db


def test_one_office_is_the_main_one_and_none_is_lost(client: Client) -> None:
    engagement = f.staffed()
    firm, petra = engagement.firm, engagement.created_by
    salem = open_office(firm, city=" Salem ", state="Oregon", by=petra)
    assert (str(salem), salem.is_main) == ("Salem, Oregon", False)
    with pytest.raises(ValidationError):
        open_office(firm, city="salem", state="OREGON", by=petra)
    [portland] = firm.offices.filter(is_main=True)
    with pytest.raises(ValidationError, match="main office"):
        close_office(portland, by=petra)
    with pytest.raises(PermissionDenied):
        close_office(salem, by=f.person("sana"))
    make_main_office(salem, by=petra)
    close_office(portland, by=petra)
    assert Firm.objects.get().main_office == salem
    with pytest.raises(ValidationError, match="closed"):
        make_main_office(portland, by=petra)
    assert open_office(firm, city="Portland", state="Oregon", by=petra).pk == portland.pk
    client.force_login(petra)
    page = client.get(reverse("accounts:firm")).content.decode()
    assert "Salem" in page
    client.post(reverse("accounts:office_close", args=[portland.pk]))
    assert Office.objects.filter(closed_at__isnull=True).get() == salem
    assert Event.objects.filter(action__startswith="office.").count() == 5


def test_the_report_names_the_city_that_the_engagement_chose() -> None:
    engagement = reports.in_scope()
    petra = engagement.created_by
    assert build(engagement)["firm"]["city"] == "Portland"
    boise = open_office(engagement.firm, city="Boise", state="Idaho", by=petra)
    engagement = change(engagement, office=boise, by=petra)
    assert (build(engagement)["firm"]["city"], build(engagement)["firm"]["state"]) == ("Boise", "Idaho")
    theirs = f.firm("Ostrom CPA").offices.get()
    with pytest.raises(ValidationError, match="no office of"):
        change(engagement, office=theirs, by=petra)


def test_policies_are_the_administrators_and_leave_their_values_in_the_trail(client: Client) -> None:
    engagement = f.staffed()
    client.force_login(engagement.created_by)
    sent = {"retention_years": "10", "quality_triggers": ["always", "first_year"], "two_to_issue": "on"}
    client.post(reverse("accounts:firm_policies"), sent)
    firm = Firm.objects.get()
    assert (firm.retention_years, firm.quality_triggers, firm.two_to_issue) == (10, ["always", "first_year"], True)
    assert Event.objects.get(action="firm.changed").detail["values"]["two_to_issue"] == ["False", "True"]
    assert client.post(reverse("accounts:firm_policies"), sent | {"retention_years": "2"}).status_code == 422
    client.force_login(f.person("sana"))
    assert client.post(reverse("accounts:firm_policies"), sent).status_code == 403
