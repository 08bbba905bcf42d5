"""The content read from the database: complete, traceable, the same each time."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from engagements.models import Control, ControlCriterion, Engagement
from fieldwork.models import Deviation
from reports import content
from reports.snapshot import build, natural
from tests.reports import makers as m

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", ["1", "2"])
def test_it_fits_the_shape_and_gives_the_same_bytes(kind: str) -> None:
    engagement = m.in_scope(type=kind)
    m.worked(engagement, deviating=kind == "2", sign=False)
    m.described(engagement)
    first = build(engagement)
    content.validate(first)
    assert content.canonical(first) == content.canonical(build(Engagement.objects.get(pk=engagement.pk)))


def test_an_exception_can_be_followed_to_items_and_evidence() -> None:
    engagement = m.in_scope()
    m.worked(engagement, deviating=True, sign=False)
    snapshot = build(engagement)
    (deviation,) = snapshot["deviations"]
    assert deviation["trace"] == {"test": "IAM-01.1", "items": ["REQ-2"], "evidence": ["E-1"]}
    assert (deviation["items_tested"], deviation["deviations"]) == (3, 1)
    assert deviation["failed_criteria"] == ["CC6.2"]
    assert deviation["response"] is not None
    assert deviation["response"]["text"] == "A deputy approves now."
    (test,) = snapshot["controls"][0]["tests"]
    assert (test["items_tested"], test["deviations"], test["deviation_codes"]) == (3, 1, ["EX-01"])


def test_what_is_not_a_deviation_is_not_counted() -> None:
    engagement = m.in_scope()
    m.worked(engagement, deviating=True, sign=False)
    Deviation.objects.update(state=Deviation.State.NOT_A_DEVIATION, dismissal_reason="Approved by phone.")
    snapshot = build(engagement)
    assert snapshot["deviations"] == []
    assert snapshot["controls"][0]["tests"][0]["deviations"] == 0


def test_a_shortfall_counts_what_was_expected_and_is_missing() -> None:
    engagement = m.in_scope()
    test = m.worked(engagement, sign=False)
    m.excepted(test, expected_occurrences=4, missing_occurrences=1)
    (deviation,) = build(engagement)["deviations"]
    assert (deviation["items_tested"], deviation["deviations"], deviation["unit"]) == (4, 1, "expected occurrences")


def test_the_number_of_queries_does_not_grow() -> None:
    engagement = m.in_scope()
    m.worked(engagement, deviating=True, sign=False)
    few = queries(engagement)
    for number in range(2, 30):
        control = Control.objects.create(
            engagement=engagement, number=f"IAM-{number:02d}", title="T", wording="W", nature="M", frequency="E"
        )
        ControlCriterion.objects.create(engagement=engagement, control=control, criterion_id="CC6.1")
    assert queries(engagement) == few


def queries(engagement: Any) -> int:
    with CaptureQueriesContext(
        connection,
    ) as caught:
        build(Engagement.objects.select_related("client", "firm").get(pk=engagement.pk))
    return len(caught)


def test_codes_are_in_counting_order() -> None:
    assert sorted(["IAM-10", "IAM-9", "CM-2"], key=natural) == ["CM-2", "IAM-9", "IAM-10"]
