"""A sample expanded after a deviation: further items by the same seed, the old ones stay, all can be redrawn."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.models import Event
from engagements.register import findings
from evidence import populations
from fieldwork import deviations, drawing, expanding, redraw, sampling, testing
from fieldwork.models import ControlTest, ItemResult, Sample, SampleExpansion, SheetItem, SignOff
from fieldwork.proposing import proposed
from fieldwork.standing import standing
from tests import factories as f
from tests.fieldwork import makers as m
from tests.remembered import remembered

WHY = "The form was late once, in a week without the coordinator."


@pytest.fixture
@remembered
def sheet() -> ControlTest:
    """25 of 41 leavers, two of them deviating."""
    engagement = m.at_fieldwork()
    control = m.control(engagement)
    test = m.planned(engagement, control, a_sample=m.sample(engagement, control, size=25))
    m.worked(test, deviating=[(2, "B"), (5, "B")])
    return test


def expanded(test: ControlTest, size: int = 10, **more: object) -> SampleExpansion:
    values = {"size": size, "reason": WHY, "by": f.person("sana"), **more}
    sample = Sample.objects.get(pk=test.sample_id)
    return expanding.expand(sample, **values)  # type: ignore[arg-type]


@pytest.mark.django_db
def test_the_old_items_stay_and_the_rest_follows_from_the_seed(sheet: ControlTest) -> None:
    sample = Sample.objects.get(pk=sheet.sample_id)
    before = list(sample.items.values_list("row", flat=True))
    made = expanded(sheet)
    rows = list(sample.items.order_by("position").values_list("row", flat=True))
    assert rows[:25] == before
    assert rows[25:] == [row + 1 for row in sampling.further(sample.seed, [row - 1 for row in before], 10, 41)]
    assert (sample.total, made.number, SheetItem.objects.filter(test=sheet).count()) == (35, 1, 35)
    assert standing(sheet).filled == 75
    assert ItemResult.objects.filter(item__test=sheet, outcome="d").count() == 2
    event = Event.objects.get(action="sample.expanded")
    assert (event.detail["size"], event.detail["rows"], event.detail["reason"]) == (10, rows[25:], WHY)
    assert drawing.compare(sample).equal
    assert "R22" not in {finding.rule for finding in findings("sign", sheet)}
    expanded(sheet, 6)
    assert drawing.compare(Sample.objects.get(pk=sample.pk)).equal
    assert not Sample.objects.get(pk=sample.pk).projects, "all items are tested now"


@pytest.mark.django_db
def test_what_was_evaluated_on_fewer_items_is_evaluated_again(sheet: ControlTest) -> None:
    deviation = m.evaluated(m.raised(sheet, list(ItemResult.objects.filter(outcome="d"))))
    deviations.conclude(deviation, by=f.person("petra"), softer_reason="Once.")
    found = proposed(deviation)
    assert found is not None
    assert (found.assessment.tested, found.proposal.effect) == (25, "criterion_failed")
    expanded(sheet, 16)
    deviation.refresh_from_db()
    assert (deviation.state, deviation.concluded_by) == ("raised", None)
    for attribute in sheet.attributes.all():
        testing.fill(sheet, attribute, "p", citation=sheet.citations.get(), by=f.person("sana"))
    again = proposed(deviation)
    assert again is not None
    assert (again.assessment.tested, again.assessment.deviations) == (41, 2), "no deviation goes away"
    assert again.proposal.effect == "control_effective"


@pytest.mark.django_db
def test_refusals(sheet: ControlTest) -> None:
    with pytest.raises(ValidationError, match="Say why"):
        expanded(sheet, reason=" ")
    for size in (0, 17):
        with pytest.raises(ValidationError, match="Between 1 and 16"):
            expanded(sheet, size)
    for key in ("carla", "quinn"):
        with pytest.raises(PermissionDenied):
            expanded(sheet, by=f.person(key))
    m.raised(sheet, list(ItemResult.objects.filter(outcome="d")))
    testing.conclude_test(sheet, "exceptions", by=f.person("sana"))
    m.signed(sheet, "prepared")
    with pytest.raises(ValidationError, match="Return it to the preparer"):
        expanded(sheet)
    assert not SampleExpansion.objects.exists()


@pytest.mark.django_db
def test_nothing_is_expanded_for_nothing() -> None:
    engagement = m.at_fieldwork()
    control = m.control(engagement)
    test = m.planned(engagement, control, a_sample=m.sample(engagement, control, size=25))
    with pytest.raises(ValidationError, match="Nothing in this sample deviates"):
        expanded(test)


@pytest.mark.django_db
def test_an_expansion_is_not_taken_back(sheet: ControlTest) -> None:
    expanded(sheet)
    with pytest.raises(DatabaseError), transaction.atomic():
        SampleExpansion.objects.all().delete()


@pytest.mark.django_db
def test_an_outsider_draws_them_again(sheet: ControlTest, tmp_path: Path) -> None:
    expanded(sheet)
    sample, sana = Sample.objects.get(pk=sheet.sample_id), f.person("sana")
    (tmp_path / "listing.csv").write_bytes(populations.download(sample.population, by=sana))
    record = drawing.take_record(sample, by=sana)
    assert record["further"] == [10]

    def run(changed: dict[str, object]) -> int:
        (tmp_path / "sample.json").write_text(json.dumps(record | changed))
        command = [sys.executable, "-I", "-S", redraw.__file__, "listing.csv", "--record", "sample.json"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode

    assert run({}) == 0
    assert run({"further": [9]}) == 1
    assert run({"rows": record["rows"][:-1]}) == 1


@pytest.mark.django_db
def test_in_the_page(client: Client, sheet: ControlTest) -> None:
    sample = Sample.objects.get(pk=sheet.sample_id)
    client.force_login(f.person("sana"))
    assert (
        reverse("fieldwork:expand", args=[sample.engagement_id, sample.pk])
        in client.get(sample.get_absolute_url()).content.decode()
    )
    url = reverse("fieldwork:expand", args=[sample.engagement_id, sample.pk])
    assert "16 of 41 not drawn" in client.get(url).content.decode()
    assert client.post(url, {"size": 99, "reason": WHY}).status_code == 422
    assert client.post(url, {"size": 4, "reason": WHY})["Location"] == sheet.get_absolute_url()
    assert "4 further items" in client.get(sample.get_absolute_url()).content.decode()
    again = reverse("fieldwork:redraw", args=[sample.engagement_id, sample.pk])
    assert f"The same {sample.size + 4} items" in client.post(again, HTTP_HX_REQUEST="true").content.decode()
    assert "signed as prepared" not in client.get(url).content.decode()
    SignOff.objects.create(
        engagement=sheet.engagement,
        test=sheet,
        step="prepared",
        by=f.person("sana"),
        at=timezone.now(),
        content_sha256="0" * 64,
    )
    assert "signed as prepared: returned to the preparer first" in client.get(url).content.decode()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 120), st.data())
def test_further_items_are_new_ones_and_continue_a_random_draw(count: int, data: st.DataObject) -> None:
    seed = sampling.seed("E", "C", "0" * 64)
    first = data.draw(st.integers(0, count))
    more = data.draw(st.integers(0, count - first))
    drawn = sampling.select(seed, first, count)
    further = sampling.further(seed, drawn, more, count)
    assert len(further) == more == len(set(further) - set(drawn))
    assert sorted(drawn + further) == sampling.select(seed, first + more, count)
    assert further == redraw.further(seed, drawn, more, count)
    with pytest.raises(ValueError):
        sampling.further(seed, drawn, count - first + 1, count)
