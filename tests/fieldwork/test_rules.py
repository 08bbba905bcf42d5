"""Each rule of fieldwork with a case that fails it and one that passes (signatures: test_signing)."""

from __future__ import annotations

import datetime as dt

import pgtrigger
import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from engagements.models import Engagement, RuleOverride
from engagements.register import Severity, findings, rules
from evidence import populations
from evidence.models import EvidenceFile, Population
from fieldwork import deviations, notes, testing
from fieldwork.models import ControlTest, Deviation, DeviationCell, ItemResult, Sample, SampleItem, SheetItem
from fieldwork.occurring import candidates, shortfall_of, shortfalls, subject_of
from tests import factories as f
from tests.fieldwork import makers as m
from tests.remembered import remembered

pytestmark = pytest.mark.django_db

OURS = [
    "F01", "F02", "F03", "R07", "R18", "R19", "R21", "R22", "R24", "R25", "R26", "R28", "R29", "R30", "R31", "R32",
    "R33", "R34", "R35", "R47",
]  # fmt: skip


def standing(step: str, subject: object) -> set[str]:
    return {finding.rule for finding in findings(step, subject)}


@pytest.fixture
@remembered
def done() -> ControlTest:
    """A sheet on a sample, prepared and reviewed."""
    engagement = m.at_fieldwork()
    control = m.control(engagement)
    test = m.concluded(engagement, a_control=control, a_sample=m.sample(engagement, control))
    m.signed(test)
    return test


def test_all_are_registered() -> None:
    assert set(OURS) <= {rule.id for rule in rules()}
    warns = {rule.id for rule in rules() if rule.severity == Severity.WARN}
    assert {"R21", "R34"} <= warns


def test_a_finished_engagement_has_none_of_them(done: ControlTest) -> None:
    assert not set(OURS) & standing("issue", done.engagement)
    assert not {"F01", "R29"} & standing("reporting", done.engagement)


def test_f01_every_control_has_a_reviewed_test(done: ControlTest) -> None:
    engagement = done.engagement
    other = m.control(engagement, "CHG-01")
    texts = [finding.text for finding in findings("reporting", engagement) if finding.rule == "F01"]
    assert texts == ["CHG-01 has no test of operating effectiveness."]
    m.planned(engagement, other, phase="design", kinds=["inspection"])
    assert len([one for one in findings("reporting", engagement) if one.rule == "F01"]) == 2


def test_f01_counts_what_it_does_not_list() -> None:
    engagement = m.at_fieldwork()
    for number in range(20):
        m.control(engagement, f"IAM-{number:02d}")
    texts = [finding.text for finding in findings("reporting", engagement) if finding.rule == "F01"]
    assert len(texts) == 13
    assert texts[-1] == "8 more tests are missing or not reviewed."


def test_f01_type_1_needs_a_design_test() -> None:
    engagement = m.at_fieldwork(type="1")
    test = m.concluded(engagement)
    assert test.phase == "design"
    m.signed(test)
    assert "F01" not in standing("reporting", engagement)


def test_f02_open_notes_block_the_issue(done: ControlTest) -> None:
    milan = f.person("milan")
    note = notes.raise_note(done, text="Which policy?", by=milan)
    assert "F02" in standing("issue", done.engagement)
    notes.clear(note, by=milan)
    assert "F02" not in standing("issue", done.engagement)


def test_r18_r19_sample_of_another_version(done: ControlTest) -> None:
    population = done.sample.population  # type: ignore[union-attr]
    with pgtrigger.ignore("evidence.Population:accepted_stays", "evidence.Population:population_machine"):
        Population.objects.filter(pk=population.pk).update(state=Population.State.PROVIDED, sha256="0" * 64)
    assert {"R18", "R19"} <= standing("issue", done.engagement)


def test_r19_a_void_sample_under_a_test(done: ControlTest) -> None:
    Sample.objects.filter(tests=done).update(voided_at=timezone.now(), voided_reason="new version")
    assert "R19" in standing("issue", done.engagement)
    done.refresh_from_db()
    assert "R19" in standing("sign", done)


def test_r22_an_exchanged_item(done: ControlTest) -> None:
    drawn = SheetItem.objects.filter(test=done).first()
    assert drawn is not None
    SheetItem.objects.filter(pk=drawn.pk).update(sample_item=None)
    assert "R22" in standing("issue", done.engagement)
    assert "R22" in standing("sign", done)


def test_r22_an_item_taken_from_another_sample(done: ControlTest) -> None:
    control = m.control(done.engagement, "CHG-01")
    other = m.sample(done.engagement, control, count=50)
    SheetItem.objects.filter(test=done, position=1).update(
        sample_item=SampleItem.objects.filter(sample=other).first()
    )
    assert "R22" in standing("issue", done.engagement)


def test_r24_inquiry_alone(done: ControlTest) -> None:
    ControlTest.objects.filter(pk=done.pk).update(kinds=["inquiry"])
    assert "R24" in standing("issue", done.engagement)


def test_r25_a_result_without_evidence(done: ControlTest) -> None:
    ItemResult.objects.all().delete()
    done.attributes.update(usual_citation=None)
    done.citations.all().delete()
    assert "R25" in standing("issue", done.engagement)
    assert "R25" in standing("sign", done)


def test_r25_evidence_without_page_row_or_cell(done: ControlTest) -> None:
    done.citations.update(note="")
    assert "R25" in standing("sign", done)
    cell = ItemResult.objects.filter(item__test=done)[:1].get()
    ItemResult.objects.filter(pk=cell.pk).update(place="row 3")
    assert "R25" not in standing("sign", done)


def test_r26_evidence_younger_than_the_result(done: ControlTest) -> None:
    with pgtrigger.ignore("evidence.EvidenceFile:received_stays"):
        EvidenceFile.objects.filter(citations__test=done).update(uploaded_at=timezone.now() + dt.timedelta(hours=1))
    assert "R26" in standing("issue", done.engagement)


def test_r33_a_deviation_nobody_raised(done: ControlTest) -> None:
    cell = ItemResult.objects.first()
    assert cell is not None
    ItemResult.objects.filter(pk=cell.pk).update(outcome="d", note="Late")
    assert "R33" in standing("issue", done.engagement)
    assert "R33" in standing("sign", done)


def test_r33_dismissed_without_a_name() -> None:
    test = m.concluded(m.at_fieldwork(), deviating=[(1, "A")])
    deviations.not_a_deviation(test.deviations.get(), reason="A test account.", by=f.person("petra"))
    assert "R33" not in standing("issue", test.engagement)
    Deviation.objects.update(concluded_by=None)
    assert "R33" in standing("issue", test.engagement)
    assert DeviationCell.objects.exists()


QUARTERS = b"ticket,employee,left on\nR1,Q4,2025-12-18\nR2,Q1,2026-03-20\nR4,Q3,2026-09-16\n"


def reviewed_quarterly(engagement: Engagement, content: bytes) -> Population:
    control = m.control(engagement, "IAM-08", frequency="Q")
    made = m.provided(engagement, control, content=content, name="Access reviews")
    return populations.accept(made, conclusion="Complete.", precision_adequate=True, by=f.person("sana"))


def test_r34_three_of_four_quarters() -> None:
    engagement = m.at_fieldwork()
    reviewed_quarterly(engagement, QUARTERS)
    (found,) = [finding for finding in findings("issue", engagement) if finding.rule == "R34"]
    assert found.severity == Severity.WARN
    assert found.text.startswith("IAM-08: 3 of 4 occurrences found (quarterly). None for 1 Apr 2026 to 30 Jun 2026")
    test = m.planned(engagement, shortfalls(engagement)[0].control)
    deviations.raise_shortfall(
        test,
        title="No review in the second quarter",
        description="One of four did not happen.",
        by=f.person("sana"),
    )
    assert "R34" not in standing("issue", engagement)


def test_r34_another_exception_of_the_control_does_not_hide_it() -> None:
    """A late review is no missing one; only what speaks of as many missing occurrences settles them."""
    engagement = m.at_fieldwork()
    reviewed_quarterly(engagement, QUARTERS)
    control = shortfalls(engagement)[0].control
    test = m.planned(engagement, control)
    known = Deviation.objects.create(
        engagement=engagement, code="EX-01", control=control, test=test, title="Late", raised_by=f.person("sana")
    )
    assert shortfall_of(control) is not None
    assert "R34" in standing("issue", engagement)
    known.missing_occurrences = 1
    known.save(update_fields=["missing_occurrences"])
    assert shortfall_of(control) is None
    assert not candidates(engagement)


def test_r34_is_raised_once_and_the_test_then_has_an_exception() -> None:
    engagement = m.at_fieldwork()
    reviewed_quarterly(engagement, QUARTERS)
    test = m.planned(engagement, shortfalls(engagement)[0].control)
    words = {"title": "No review", "description": "One of four did not happen.", "by": f.person("sana")}
    deviations.raise_shortfall(test, **words)
    with pytest.raises(ValidationError, match="EX-01 says already"):
        deviations.raise_shortfall(test, **words)
    m.worked(test)
    with pytest.raises(ValidationError, match="EX-01 stands on this test"):
        testing.conclude_test(test, "no_exceptions", by=f.person("sana"))
    assert testing.conclude_test(test, "exceptions", by=f.person("sana")).result == "exceptions"


def test_r34_gone_past_with_a_reason_is_no_candidate() -> None:
    engagement = m.at_fieldwork()
    reviewed_quarterly(engagement, QUARTERS)
    (short,) = candidates(engagement)
    RuleOverride.objects.create(
        engagement=engagement,
        rule="R34",
        subject=subject_of(short.control),
        text=short.words,
        reason="The office was closed.",
        by=f.person("milan"),
    )
    assert shortfall_of(short.control) is None
    assert not candidates(engagement)
    assert "R34" not in standing("issue", engagement)


def test_r34_all_four_quarters() -> None:
    engagement = m.at_fieldwork()
    reviewed_quarterly(engagement, QUARTERS + b"R3,Q2,2026-06-19\n")
    assert "R34" not in standing("issue", engagement)


def test_r35_did_not_operate_without_a_listing() -> None:
    engagement = m.at_fieldwork()
    test = m.planned(engagement, items=())
    m.population(engagement, test.control, count=0, name="Incidents")
    testing.conclude_test(test, "did_not_operate", "There was none.", by=f.person("sana"))
    m.signed(test)
    assert not {"R35", "R25", "F01"} & standing("issue", engagement)
    ControlTest.objects.filter(pk=test.pk).update(empty_population=None)
    assert "R35" in standing("issue", engagement)
    test.refresh_from_db()
    assert "R35" in standing("sign", test)


def test_r47_a_test_before_the_letter(done: ControlTest) -> None:
    Engagement.objects.filter(pk=done.engagement_id).update(letter_on=timezone.localdate() + dt.timedelta(days=3))
    done.engagement.refresh_from_db()
    assert "R47" in standing("issue", done.engagement)
