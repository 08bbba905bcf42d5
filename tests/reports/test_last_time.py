"""The description against the client's last report: shown to who may read that one, and to nobody else."""

import copy
import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from engagements.models import Engagement, Role
from engagements.roles import set_role
from reports import last_time
from reports.models import DescriptionSection, Issuance, Report
from reports.snapshot import build
from tests import factories as f
from tests.database import untriggered
from tests.reports import makers as m
from tests.reports import snapshots


def test_a_part_is_its_prose_and_its_register_line_by_line() -> None:
    old = snapshots.type_2()
    new = copy.deepcopy(old)
    new["components"][0]["description"] = "Managed clusters in three regions"
    new["controls"].pop()
    was, now = last_time.texts(old), last_time.texts(new)
    assert {key for key in was if was[key] != now[key]} == {"DC3", "DC5"}
    assert was["DC5"].count("\n") == now["DC5"].count("\n") + 1


def last_year(now: Engagement, *, state: str = "current", **fields: Any) -> Issuance:
    """The report of last year, issued, with Petra and Carla in it."""
    people = f.people(now)
    before = f.proposed(
        a_client=now.client,
        partner=people["petra"],
        period_start=dt.date(2024, 10, 1),
        period_end=dt.date(2025, 9, 30),
        **fields,
    )
    set_role(before, people["carla"], Role.CLIENT_ADMIN, by=people["petra"])
    said = copy.deepcopy(build(now))
    said["description"][0]["text"] = "We lend books to schools."
    said["components"][0]["description"] = "A desktop program."
    of: dict[str, Any] = {"engagement": before, "snapshot": said, "content_sha256": "0" * 64}
    draft = Report.objects.create(**of, number=1, requested_by=people["petra"])
    issuance = Issuance.objects.create(
        **of, draft=draft, number=f"{before.number}-1", report_date=dt.date(2025, 11, 1), issued_by=people["petra"]
    )
    for step in dict.fromkeys(["failed"] if state == "failed" else ["current", state]):
        untriggered(
            f"UPDATE reports_issuance SET state = '{step}', released_at = '2025-11-02', pdf_sha256 = '1', "  # noqa: S608
            f"prepared_sha256 = '2', prepared = '{{}}' WHERE id = {issuance.pk}"
        )
    return issuance


@pytest.fixture
def now() -> Engagement:
    engagement = m.in_scope()
    m.described(engagement)
    return engagement


@pytest.mark.django_db
def test_what_changed_is_shown_part_by_part_with_the_registers(now: Engagement, client: Client) -> None:
    last_year(now)
    carla = f.people(now)["carla"]
    last = last_time.last_report(now, by=carla)
    assert last is not None
    changed = {one.key for one in last_time.since(now, last) if one.lines}
    assert changed == {"DC1", "DC3"}
    client.force_login(carla)
    page = client.get(reverse("reports:description_changes", args=[now.pk])).content.decode()
    assert "A desktop program." in page
    page = client.get(reverse("reports:section", args=[now.pk, "DC1"])).content.decode()
    assert "We lend books to schools." in page
    page = client.get(reverse("reports:section", args=[now.pk, "DC7"])).content.decode()
    assert "word for word that of the last report" in page


@pytest.mark.django_db
def test_a_part_begins_with_the_text_of_the_last_report_and_saves_nothing_of_it_by_itself(client: Client) -> None:
    engagement = m.in_scope()
    m.described(engagement)
    last_year(engagement)
    DescriptionSection.objects.filter(engagement=engagement).update(body="", version=0)
    address = reverse("reports:section", args=[engagement.pk, "DC1"])
    client.force_login(f.people(engagement)["carla"])
    page = client.get(address)
    assert page.context["form"]["body"].value() == "We lend books to schools."
    assert "nothing is saved yet" in page.content.decode()
    assert DescriptionSection.objects.get(engagement=engagement, part="DC1").body == ""
    # Emptied on purpose, it stays empty.
    DescriptionSection.objects.filter(engagement=engagement, part="DC1").update(version=2)
    assert client.get(address).context["form"]["body"].value() == ""
    # What changed in last year's period did not change in this one; who only reads is not shown it as the text.
    other = client.get(reverse("reports:section", args=[engagement.pk, "DC9"]))
    assert other.context["form"]["body"].value() == ""
    client.force_login(f.people(engagement)["petra"])
    assert (
        "nothing is saved yet"
        not in client.get(reverse("reports:section", args=[engagement.pk, "DC2"])).content.decode()
    )


@pytest.mark.django_db
def test_who_may_not_read_the_last_report_is_not_shown_it(now: Engagement, client: Client) -> None:
    last_year(now)
    people = f.people(now)
    for who in ("sig", "milan", "sana"):
        assert last_time.last_report(now, by=people[who]) is None
    # Petra has a role in it, but has not said that she is independent there (R02).
    assert last_time.last_report(now, by=people["petra"]) is None
    client.force_login(people["sig"])
    page = client.get(reverse("reports:description_changes", args=[now.pk])).content.decode()
    assert "A desktop program." not in page
    assert "No earlier report" in page


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["withdrawn", "superseded", "failed"])
def test_only_a_report_that_is_current_counts(now: Engagement, state: str) -> None:
    last_year(now, state=state)
    assert last_time.last_report(now, by=f.people(now)["carla"]) is None


@pytest.mark.django_db
def test_of_two_that_of_the_same_system_counts(now: Engagement) -> None:
    same = last_year(now)
    last_year(now, system_name="Northwind Payroll")
    last = last_time.last_report(now, by=f.people(now)["carla"])
    assert last is not None
    assert last.issuance == same.pk
