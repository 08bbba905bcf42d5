"""The order of dates, pair by pair: as the rules see it, and as the database keeps it when a report is issued."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any

import pgtrigger
import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from engagements.models import Engagement, LetterAmendment
from evidence.models import EvidenceFile
from fieldwork.models import ItemResult, SignOff
from reports import lattice
from reports.models import Issuance, ManagementStatement, QualityReview, Report
from tests.reports import makers as m

DAY = dt.timedelta(days=1)
END, REPORT = dt.date(2026, 9, 30), dt.date(2026, 11, 20)
SOUND = lattice.Dates(
    type_2=True,
    end=END,
    accepted=dt.date(2025, 9, 1),
    letter=dt.date(2025, 9, 10),
    first_test=dt.date(2025, 11, 3),
    evidence=REPORT,
    review=REPORT,
    report=REPORT,
    assertion=REPORT - 2 * DAY,
    representation=REPORT,
    inquiry=REPORT - 5 * DAY,
    quality_review=REPORT + DAY,
    release=REPORT + DAY,
)
BROKEN: list[tuple[str, dict[str, Any]]] = [
    ("R47", {"letter": None}),
    ("R47", {"accepted": None}),
    ("R47", {"accepted": dt.date(2025, 9, 11)}),
    ("R47", {"first_test": dt.date(2025, 9, 9)}),
    ("R15", {"amended": dt.date(2025, 9, 9)}),
    ("R15", {"amended": REPORT + DAY}),
    ("R48", {"report": None}),
    ("R48", {"report": END}),
    ("R49", {"assertion": None}),
    ("R49", {"assertion": END}),
    ("R49", {"assertion": REPORT + DAY}),
    ("R50", {"representation": None}),
    ("R50", {"representation": REPORT - DAY}),
    ("R51", {"review": REPORT + DAY}),
    ("R51", {"evidence": REPORT + DAY}),
    ("R52", {"inquiry": None}),
    ("R52", {"inquiry": REPORT - 6 * DAY}),
    ("R52", {"inquiry": REPORT + DAY}),
    ("R53", {"quality_review": REPORT + 2 * DAY}),
    ("R54", {"release": REPORT - DAY}),
    ("R54", {"release": REPORT + 31 * DAY}),
    ("R56", {"end": REPORT - 121 * DAY}),
]


def found(dates: lattice.Dates) -> set[str]:
    return {one.rule for one in lattice.disorders(dates)}


def test_dates_in_order_pass() -> None:
    assert found(SOUND) == set()
    assert found(dataclasses.replace(SOUND, type_2=False, end=REPORT - 2 * DAY, quality_review=None)) == set()


@pytest.mark.parametrize(("rule", "change"), BROKEN, ids=[f"{rule}-{at}" for at, (rule, _) in enumerate(BROKEN)])
def test_a_pair_out_of_order_is_named(rule: str, change: dict[str, Any]) -> None:
    assert rule in found(dataclasses.replace(SOUND, **change))


@pytest.mark.parametrize("allowed", [{"inquiry": REPORT}, {"release": REPORT + 30 * DAY}, {"evidence": None}])
def test_the_last_day_that_is_allowed_is_allowed(allowed: dict[str, Any]) -> None:
    assert found(dataclasses.replace(SOUND, **allowed)) == set()


def stated(kind: str, days: int) -> Callable[[Engagement], object]:
    def change(engagement: Engagement) -> None:
        moved = timezone.localdate() + days * DAY
        ManagementStatement.objects.filter(engagement=engagement, kind=kind).update(stated_on=moved)

    return change


def amended(engagement: Engagement) -> None:
    LetterAmendment.objects.create(
        engagement=engagement,
        number=1,
        on=timezone.localdate() + DAY,
        reason="R",
        signed_for_client="S",
        signed_for_firm="P",
        recorded_by=engagement.created_by,
    )


IN_DATABASE: list[tuple[str, Callable[[Engagement], object]]] = [
    (
        "R47",
        lambda one: ItemResult.objects.filter(engagement=one).update(at=dt.datetime(2025, 9, 9, tzinfo=dt.UTC)),
    ),
    ("R15", amended),
    ("R48", lambda one: Engagement.objects.filter(pk=one.pk).update(report_date=timezone.localdate() - DAY)),
    ("R49", stated("assertion", 1)),
    ("R50", stated("representation", -1)),
    ("R51", lambda one: EvidenceFile.objects.filter(engagement=one).update(uploaded_at=timezone.now() + 2 * DAY)),
    ("R51", lambda one: SignOff.objects.filter(engagement=one).update(at=timezone.now() + 2 * DAY)),
    ("R52", stated("subsequent_events", 1)),
    ("R52", stated("subsequent_events", -6)),
    ("R53", lambda one: QualityReview.objects.filter(engagement=one).update(at=timezone.now() + DAY)),
]


def issued(draft: Report) -> Issuance:
    return Issuance.objects.create(
        engagement=draft.engagement,
        draft=draft,
        number="X",
        snapshot={},
        content_sha256="0" * 64,
        report_date=timezone.localdate(),
        issued_by=draft.engagement.created_by,
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("quick")
def test_the_database_issues_nothing_out_of_order() -> None:
    draft = m.ready()
    for rule, change in IN_DATABASE:
        with transaction.atomic():
            with pgtrigger.ignore():
                change(draft.engagement)
            with pytest.raises(IntegrityError, match=rule), transaction.atomic():
                issued(draft)
            transaction.set_rollback(True)
    with transaction.atomic():
        assert issued(draft).pk
        transaction.set_rollback(True)


@pytest.mark.django_db
@pytest.mark.usefixtures("quick")
def test_the_database_takes_no_statement_dated_early_or_ahead() -> None:
    engagement = m.ready().engagement
    made = ManagementStatement.objects.filter(engagement=engagement)[0]
    for wrong in (engagement.ends_on, timezone.localdate() + 2 * DAY):
        with pytest.raises(IntegrityError), transaction.atomic():
            ManagementStatement.objects.create(
                engagement=engagement,
                kind="assertion",
                text="T",
                content_sha256="0" * 64,
                stated_on=wrong,
                signatory_name="S",
                signatory_title="T",
                signed_by=made.signed_by,
                signed_at=timezone.now(),
                superseded_at=timezone.now(),
            )
