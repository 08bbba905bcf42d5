"""Inquiries, observations and reperformances: who, when, what, and what corroborates them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import Event
from engagements.register import findings
from fieldwork import reviewing, signing, testing
from fieldwork.models import ControlTest, ProcedureRecord, SignOff
from fieldwork.whole import recorded
from tests import factories as f
from tests.fieldwork import makers as m

pytestmark = pytest.mark.django_db


def said(**fields: Any) -> dict[str, Any]:
    return {
        "people": "Head of people, Carla Nord",
        "on": dt.date(2026, 9, 1),
        "what": "How leavers are told to IT.",
        "outcome": "By ticket on the day notice is given.",
        **fields,
    }


def missing(test: ControlTest) -> list[str]:
    return [finding.text for finding in findings("sign", test) if finding.rule == "R24"]


def test_an_inquiry_is_on_record_and_corroborated_before_the_test_is_signed() -> None:
    test = m.concluded(m.at_fieldwork(), kinds=["inquiry", "inspection"])
    sana = f.person("sana")
    assert missing(test) == ["The inquiry is not on record: with whom, when, and what came of it."]
    alone = testing.record_procedure(test, "inquiry", **said(), by=sana)
    test = testing.conclude_test(test, "no_exceptions", by=sana)
    assert "corroborated by nothing" in missing(test)[0]
    testing.strike_procedure(alone, by=sana)
    file = m.evidence(test.engagement, test.control, "tickets.txt")
    made = testing.record_procedure(test, "inquiry", **said(corroborated_by=file, place="p. 2"), by=sana)
    assert made.corroborated_by is not None
    assert made.corroborated_by.file == file
    test = testing.conclude_test(test, "no_exceptions", by=sana)
    assert missing(test) == []
    before = signing.hash_of(signing.content_of(test))
    assert signing.sign(test, "prepared", by=sana).content_sha256 == before
    with pytest.raises(ValidationError, match="has signed"):
        testing.record_procedure(test, "observation", **said(), by=sana)
    actions = Event.objects.filter(action__startswith="test.procedure").order_by("pk")
    assert list(actions.values_list("action", flat=True)) == [
        "test.procedure_recorded",
        "test.procedure_struck",
        "test.procedure_recorded",
    ]
    assert "How leavers are told" in actions[1].detail["procedure"]


def test_what_is_watched_outside_the_period_supports_design_only() -> None:
    test = m.planned(m.at_fieldwork(), kinds=["inspection"])
    sana = f.person("sana")
    inside = testing.record_procedure(test, "observation", **said(), by=sana)
    before = test.engagement.starts_on - dt.timedelta(days=3)
    outside = testing.record_procedure(test, "observation", **said(on=before), by=sana)
    assert (inside.supports_design_only, outside.supports_design_only) == (False, True)
    test.refresh_from_db()
    assert test.kinds == ["inspection", "observation"]
    with pytest.raises(ValidationError) as refused:
        testing.record_procedure(
            test,
            "inspection",
            people=" ",
            on=timezone.localdate() + dt.timedelta(days=1),
            what="",
            outcome="",
            by=sana,
        )
    assert set(refused.value.message_dict) == {"kind", "people", "on", "what", "outcome"}


def test_the_short_form() -> None:
    test = m.planned(m.at_fieldwork())
    client = Client()
    client.force_login(f.person("sana"))
    url = reverse("fieldwork:add_procedure", args=[test.engagement_id, test.pk, "reperformance"])
    assert "What you did again" in client.get(url).content.decode()
    assert client.get(url.replace("reperformance", "inspection")).status_code == 404
    refused = client.post(url, {"people": "Owner", "on": "2026-09-01", "what": "The totals", "outcome": ""})
    assert refused.status_code == 422
    assert not ProcedureRecord.objects.exists()
    sent = {"people": "Owner", "on": "2026-09-01", "what": "The totals", "outcome": "They agree."}
    assert client.post(url, sent).status_code == 302
    assert "They agree." in client.get(test.get_absolute_url()).content.decode()
    made = ProcedureRecord.objects.get()
    strike = reverse("fieldwork:strike_procedure", args=[test.engagement_id, test.pk, made.pk])
    assert client.post(strike).status_code == 302
    assert not ProcedureRecord.objects.exists()


def test_whoever_put_an_inquiry_on_record_does_not_review_the_sheet() -> None:
    test = m.concluded(m.at_fieldwork(), kinds=["inquiry", "inspection"])
    who = f.people(test.engagement)
    file = m.evidence(test.engagement, test.control, "tickets.txt")
    testing.record_procedure(test, "inquiry", **said(corroborated_by=file), by=who["milan"])
    test = testing.conclude_test(test, "no_exceptions", by=who["sana"])
    m.signed(test, "prepared")
    with pytest.raises(ValidationError, match="R28: you worked on this sheet"):
        signing.sign(test, "reviewed", by=who["milan"])
    assert not reviewing.waiting_for(test.engagement, SignOff.Step.REVIEWED, who["milan"]).exists()
    assert reviewing.waiting_for(test.engagement, SignOff.Step.REVIEWED, who["petra"]).get() == test
    assert (test.pk, who["milan"].pk) in {(test_pk, user) for test_pk, user, _, _ in recorded(test.engagement)}
