"""The rules that evidence keeps, each with a failing and a passing case."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from engagements import workflow
from engagements.models import Engagement, Stage
from engagements.register import Finding, findings
from evidence import populations, requests, uploads
from evidence.models import Population
from tests import factories as f
from tests.evidence import makers

pytestmark = pytest.mark.django_db


@pytest.fixture
def engagement() -> Engagement:
    return f.at_stage(f.accepted(), Stage.FIELDWORK)


def of(rule: str, step: str, engagement: Engagement) -> list[Finding]:
    return [finding for finding in findings(step, engagement) if finding.rule == rule]


def test_r20_the_period_grew_after_acceptance(engagement: Engagement) -> None:
    made = makers.population(engagement)
    populations.accept(made, conclusion="Counts agree.", precision_adequate=True, by=f.people(engagement)["sana"])
    assert of("R20", "issue", engagement) == []
    engagement.period_start = dt.date(2025, 7, 1)
    engagement.save(update_fields=["period_start"])
    (finding,) = of("R20", "issue", engagement)
    assert "POP-001" in finding.text
    assert finding.url == made.get_absolute_url()


def test_r23_evidence_of_another_time(engagement: Engagement) -> None:
    asked = makers.request(engagement)
    file = makers.upload(asked, speaks_from=dt.date(2025, 3, 1), speaks_to=dt.date(2025, 3, 31))
    (finding,) = of("R23", "reporting", engagement)
    assert "E-001" in finding.text
    assert finding.url == file.get_absolute_url()
    uploads.date(
        file,
        speaks_from=dt.date(2025, 10, 1),
        speaks_to=dt.date(2026, 3, 31),
        by=f.people(engagement)["owen"],
    )
    assert of("R23", "reporting", engagement) == []


def test_r23_does_not_speak_of_replaced_files(engagement: Engagement) -> None:
    asked = makers.request(engagement)
    old = makers.upload(asked, speaks_to=dt.date(2025, 3, 31))
    makers.upload(asked, b"newer", replaces=old)
    assert of("R23", "issue", engagement) == []


def test_r23_may_be_overridden(engagement: Engagement) -> None:
    makers.upload(makers.request(engagement), speaks_to=dt.date(2025, 3, 31))
    (finding,) = of("R23", "reporting", engagement)
    workflow.override(
        engagement,
        step="reporting",
        rule="R23",
        subject=finding.subject,
        reason="The policy stood unchanged.",
        by=f.people(engagement)["milan"],
    )
    assert of("R23", "reporting", engagement) == []


def test_e01_requests_are_closed_before_reporting(engagement: Engagement) -> None:
    assert of("E01", "reporting", engagement) == []
    asked = makers.submitted(engagement)
    (finding,) = of("E01", "reporting", engagement)
    assert finding.text == "1 request is not accepted yet."
    requests.accept(asked, by=f.people(engagement)["sana"])
    assert of("E01", "reporting", engagement) == []


def early(engagement: Engagement, **fields: Any) -> Population:
    """Listed in the middle of the period, accepted with an explanation."""
    record = {"run_at": dt.datetime(2026, 7, 1, 9, tzinfo=dt.UTC), "covers_to": dt.date(2026, 6, 30)}
    made = makers.population(engagement, ipe=record, **fields)
    assert "early" in {remark.kind for remark in populations.remarks(made)}
    return populations.accept(
        made,
        conclusion="Counts agree.",
        precision_adequate=True,
        difference_explained="Rolled forward after period end.",
        by=f.people(engagement)["sana"],
    )


def test_r20_events_listed_early_are_rolled_forward(engagement: Engagement) -> None:
    first = early(engagement)
    (finding,) = of("R20", "issue", engagement)
    assert "before the period had ended" in finding.text
    after = {"covers_from": dt.date(2026, 7, 1), "system_row_count": 1}
    rest = b"ticket,employee,left on\nOFF-4,Dan Ek,2026-08-31\n"
    with pytest.raises(ValidationError) as refusal:
        makers.population(engagement, rest, continues=first, ipe={**after, "covers_from": dt.date(2026, 7, 2)})
    assert "no day may be left out" in refusal.value.message_dict["covers_from"][0]
    rolled = makers.population(engagement, rest, continues=first, ipe=after)
    assert populations.remarks(rolled) == []
    assert of("R20", "issue", engagement) != []
    populations.accept(rolled, conclusion="Counts agree.", precision_adequate=True, by=f.people(engagement)["sana"])
    assert of("R20", "issue", engagement) == []


def test_r20_an_explanation_suffices_for_what_lists_no_events(engagement: Engagement) -> None:
    early_list = makers.population(
        engagement,
        date_column="",
        ipe={"run_at": dt.datetime(2026, 7, 1, 9, tzinfo=dt.UTC), "covers_to": dt.date(2026, 6, 30)},
    )
    populations.accept(
        early_list,
        conclusion="As of a day.",
        precision_adequate=True,
        difference_explained="Configuration as of 30 June.",
        by=f.people(engagement)["sana"],
    )
    assert of("R20", "issue", engagement) == []


def test_whoever_provided_a_listing_does_not_accept_it(engagement: Engagement) -> None:
    who = f.people(engagement)
    made = makers.population(engagement, by=who["sana"])
    with pytest.raises(ValidationError, match="another member of the team"):
        populations.accept(made, conclusion="Mine.", precision_adequate=True, by=who["sana"])
    populations.accept(made, conclusion="Counts agree.", precision_adequate=True, by=who["milan"])
