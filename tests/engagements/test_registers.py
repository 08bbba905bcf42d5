"""The registers of the description: who keeps them and what is refused."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from audit.models import Event
from engagements import registers
from engagements.models import ComplementaryControl, Component, Engagement, Incident, SubserviceOrganization
from tests import factories as f
from tests.engagements.makers import control

pytestmark = pytest.mark.django_db

HOST = {"name": "Cumulus", "services": "Hosting", "method": "carve_out"}


def test_the_client_keeps_the_descriptions_content_and_auditors_do_not() -> None:
    engagement = f.accepted()
    people = f.people(engagement)
    for key in ("petra", "milan", "owen", "sig"):
        with pytest.raises(PermissionDenied):
            registers.add_component(engagement, kind="software", name="Ledger", by=people[key])
        with pytest.raises(PermissionDenied):
            registers.add_cuec(engagement, text="Users do.", criteria=["CC6.2"], by=people[key])
    made = registers.add_component(engagement, kind="software", name="Ledger", by=people["carla"])
    event = Event.objects.filter(engagement_id=engagement.pk).first()
    assert event is not None
    assert (event.action, event.target_label) == ("register.entered", "Ledger")
    assert event.detail["values"]["kind"] == "software"
    assert Component.objects.get() == made


def test_the_firm_keeps_the_subservice_organizations() -> None:
    engagement = f.accepted()
    people = f.people(engagement)
    with pytest.raises(PermissionDenied):
        registers.add_subservice(engagement, **HOST, by=people["carla"])
    one = control(engagement)
    made = registers.add_subservice(engagement, **HOST, monitoring=[one.number], by=people["milan"])
    assert [link.control for link in made.monitoring.all()] == [one]
    with pytest.raises(ValidationError, match="NB-77"):
        registers.revise(made, monitoring=["NB-77"], by=people["milan"])
    assert made.monitoring.count() == 1


def test_numbers_of_complementary_controls_count_on() -> None:
    engagement = f.accepted()
    carla = f.people(engagement)["carla"]
    host = registers.add_subservice(engagement, **HOST, by=engagement.created_by)
    numbers = [registers.add_cuec(engagement, text="A", criteria=["CC6.2"], by=carla).number for _ in range(2)]
    numbers.append(registers.add_csoc(engagement, host, text="B", criteria=["CC6.4"], by=carla).number)
    assert numbers == ["CUEC-01", "CUEC-02", "CSOC-01"]


def test_complementary_controls_name_criteria_in_scope() -> None:
    engagement = f.accepted()
    carla = f.people(engagement)["carla"]
    with pytest.raises(ValidationError, match="R12"):
        registers.add_cuec(engagement, text="A", criteria=["P1.1"], by=carla)
    with pytest.raises(ValidationError, match="Name the criteria"):
        registers.add_cuec(engagement, text="A", criteria=[], by=carla)
    assert not ComplementaryControl.objects.exists()


def test_no_assumed_control_at_an_included_organization_or_anothers() -> None:
    engagement, other = f.accepted(), f.accepted(system_name="Payroll")
    carla = f.people(engagement)["carla"]
    included = registers.add_subservice(engagement, **{**HOST, "method": "inclusive"}, by=engagement.created_by)
    foreign = registers.add_subservice(other, **HOST, by=other.created_by)
    with pytest.raises(ValidationError, match="tested, not assumed"):
        registers.add_csoc(engagement, included, text="A", criteria=["CC6.4"], by=carla)
    with pytest.raises(ValidationError, match="another engagement"):
        registers.add_csoc(engagement, foreign, text="A", criteria=["CC6.4"], by=carla)


def test_outside_the_boundary_needs_a_reason() -> None:
    engagement = f.accepted()
    carla = f.people(engagement)["carla"]
    with pytest.raises(ValidationError, match="outside"):
        registers.add_component(engagement, kind="software", name="Blog", in_boundary=False, by=carla)


def test_a_commitment_is_of_a_category_in_scope() -> None:
    engagement = f.accepted()
    with pytest.raises(ValidationError, match="not part of the examination"):
        registers.add_commitment(
            engagement,
            kind="commitment",
            category="privacy",
            text="T",
            source="S",
            by=f.people(engagement)["carla"],
        )


def test_incidents_and_changes_lie_in_the_period() -> None:
    engagement = f.accepted()
    carla = f.people(engagement)["carla"]
    late = dt.date(2026, 10, 1)
    with pytest.raises(ValidationError, match="period"):
        registers.add_incident(engagement, occurred_on=late, title="T", nature="N", by=carla)
    with pytest.raises(ValidationError, match="period"):
        registers.add_change(engagement, effective_on=late, title="T", description="D", by=carla)
    type_1 = f.accepted(type="1", system_name="Payroll")
    with pytest.raises(ValidationError, match="DC9"):
        registers.add_change(type_1, effective_on=dt.date(2026, 1, 1), title="T", description="D", by=carla)


def test_a_decision_about_disclosure_needs_a_reason() -> None:
    engagement = f.accepted()
    carla = f.people(engagement)["carla"]
    day = dt.date(2026, 3, 1)
    with pytest.raises(ValidationError, match="DC4"):
        registers.add_incident(engagement, occurred_on=day, title="T", nature="N", disclosed=True, by=carla)
    made = registers.add_incident(engagement, occurred_on=day, title="T", nature="N", by=carla)
    registers.revise(made, disclosed=False, reason="Nothing was missed.", by=carla)
    event = Event.objects.filter(engagement_id=engagement.pk).first()
    assert event is not None
    assert event.detail["values"] == {"disclosed": [None, False], "reason": ["", "Nothing was missed."]}


def test_a_statement_of_none_and_an_entry_exclude_each_other() -> None:
    engagement = f.accepted()
    people = f.people(engagement)
    with pytest.raises(PermissionDenied):
        registers.state_no_incident(engagement, statement="None.", by=people["petra"])
    registers.state_no_incident(engagement, statement="None occurred.", by=people["carla"])
    assert Engagement.objects.get(pk=engagement.pk).incidents_none_statement == "None occurred."
    registers.state_no_incident(engagement, statement="", by=people["carla"])
    registers.add_incident(engagement, occurred_on=dt.date(2026, 3, 1), title="T", nature="N", by=people["carla"])
    with pytest.raises(ValidationError, match="holds entries"):
        registers.state_no_incident(engagement, statement="None.", by=people["carla"])


def test_an_entry_withdraws_the_statement_of_none() -> None:
    engagement = f.accepted()
    carla = f.people(engagement)["carla"]
    registers.state_no_change(engagement, statement="None.", by=carla)
    registers.add_change(engagement, effective_on=dt.date(2026, 3, 1), title="T", description="D", by=carla)
    assert Engagement.objects.get(pk=engagement.pk).changes_none_statement == ""


def test_what_is_deleted_stays_in_the_trail() -> None:
    engagement = f.accepted()
    people = f.people(engagement)
    made = registers.add_incident(
        engagement, occurred_on=dt.date(2026, 3, 1), title="Outage", nature="Two hours", by=people["carla"]
    )
    with pytest.raises(PermissionDenied):
        registers.delete(made, by=people["petra"])
    registers.delete(made, by=people["carla"])
    assert not Incident.objects.exists()
    event = Event.objects.filter(engagement_id=engagement.pk).first()
    assert event is not None
    assert event.action == "register.deleted"
    assert event.detail["values"]["nature"] == "Two hours"


def test_an_organization_is_named_once() -> None:
    engagement = f.accepted()
    registers.add_subservice(engagement, **HOST, by=engagement.created_by)
    with pytest.raises(ValidationError):
        registers.add_subservice(engagement, **HOST, by=engagement.created_by)
    assert SubserviceOrganization.objects.count() == 1
