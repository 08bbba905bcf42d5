"""A client's evidence pack walked through by the flows: planted faults become exceptions, and the report says so.

The listings are our own, in the shape of a public practice pack (MIT, "Skyline Analytics" of the GRC Engineering
Club) with the same faults planted: a leaver whose account is active and was used, an administrator who reviewed his
own access, a contractor with administrator rights who has not signed in for months. What is right in them stays
without a finding. The real pack is a third party's and is not part of this repository; the walk takes its worksheet
as it is (`walked`), which was tried by hand.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from engagements.models import Engagement, Stage
from engagements.register import findings
from evidence.models import Population
from fieldwork import deviations, drawing, regrouping, signing, testing
from fieldwork.models import ControlTest, Deviation, ItemResult, SheetItem
from fieldwork.testing import Entry
from reports import content
from reports.book import book_of
from reports.snapshot import build
from tests import factories as f
from tests.fieldwork import makers as m

pytestmark = pytest.mark.django_db

REVIEW = b"""\
username,full_name,role,department,access_level,status,last_login,termination_date,reviewed_by,review_decision,review_date
bquist,Berit Quist,Security Analyst,Security,AuditReadOnly,active,2026-06-08,,tmora,retain,2026-06-19
dvane,Dario Vane,Platform Lead,Engineering,PowerUser,active,2026-06-12,,tmora,retain,2026-06-19
tmora,Tessa Mora,IT Administrator,IT,Administrator,active,2026-06-15,,tmora,retain,2026-06-19
lfrost,Lena Frost,Data Engineer,Engineering,PowerUser,active,2026-06-09,2026-05-13,tmora,retain,2026-06-19
hoyer,Hugo Oyer,Contractor - Reporting,External,Administrator,active,2026-02-27,,tmora,retain,2026-06-19
mkaya,Mert Kaya,Finance Manager,Finance,BillingReadOnly,active,2026-06-10,,tmora,retain,2026-06-19
sbell,Sami Bell,Support Engineer,Support,SupportTier1,disabled,2026-01-16,2026-01-30,tmora,revoke,2026-06-19
"""
IDLE = dt.timedelta(days=90)
ATTRIBUTES = [
    ("A", "Leavers", "The account of a person who left is disabled, and was not used afterwards."),
    ("B", "Reviewer", "Somebody else than its holder reviewed the access."),
    ("C", "Idle rights", "Administrator rights unused for 90 days are taken away."),
]
Row = dict[str, str]


def faults(row: Row) -> dict[str, str]:
    """What an auditor finds in a row of the worksheet, by attribute; nothing in most."""
    found = {}
    reviewed = dt.date.fromisoformat(row["review_date"])
    if row["termination_date"] and row["status"] == "active":
        found["A"] = f"Left on {row['termination_date']}, active, last sign-in {row['last_login']}"
    if row["reviewed_by"] == row["username"]:
        found["B"] = "Reviewed by its own holder"
    if (
        row["access_level"] == "Administrator"
        and row["status"] == "active"
        and reviewed - dt.date.fromisoformat(row["last_login"]) > IDLE
    ):
        found["C"] = f"Administrator, last sign-in {row['last_login']}, retained"
    return found


def walked(listing: bytes) -> ControlTest:
    """From the client's worksheet to a sheet with every cell recorded, each with its row of the worksheet."""
    engagement = m.at_fieldwork()
    sana = f.people(engagement)["sana"]
    control = m.control(
        engagement,
        "IAM-08",
        title="Quarterly review of access",
        wording="Each quarter the IT administrator reviews all accounts and revokes what is not needed.",
        frequency="Q",
    )
    population = m.population(
        engagement, control, content=listing, name="Access review, second quarter", key_column="username",
        date_column="", source_system="Directory",
    )  # fmt: skip
    sample = drawing.draw(population, control, method="census", by=sana)
    test = m.planned(engagement, control, a_sample=sample, attributes=ATTRIBUTES)
    citation = testing.cite(test, m.evidence(engagement, control, "access-review.txt"), by=sana)
    columns = {attribute.letter: attribute for attribute in test.attributes.all()}
    entries = []
    for item in SheetItem.objects.filter(test=test).select_related("sample_item"):
        assert item.sample_item is not None
        found = faults(item.sample_item.values)
        entries += [
            Entry(item, attribute, "d" if letter in found else "p", citation, f"row {item.sample_item.row + 1}",
                  found.get(letter, ""))
            for letter, attribute in columns.items()
        ]  # fmt: skip
    testing.record_many(test, entries, by=sana)
    return test


def raised(test: ControlTest, letter: str, title: str) -> Deviation:
    cells = list(
        ItemResult.objects.filter(item__test=test, outcome="d", attribute__letter=letter).select_related("item")
    )
    who = " and ".join(cell.item.label for cell in cells)
    return deviations.raise_from_cells(
        cells, title=title, description=f"{title}: {who}. {cells[0].note}.", by=f.people(test.engagement)["sana"]
    )


@pytest.fixture
def pack() -> ControlTest:
    return walked(REVIEW)


def deviating(test: ControlTest) -> set[tuple[str, str]]:
    cells = ItemResult.objects.filter(item__test=test, outcome="d")
    return set(cells.values_list("item__label", "attribute__letter"))


def test_exactly_the_planted_faults_are_found(pack: ControlTest) -> None:
    assert deviating(pack) == {("lfrost", "A"), ("tmora", "B"), ("hoyer", "C")}
    population = Population.objects.get(engagement=pack.engagement)
    assert (population.row_count, pack.items.count()) == (7, 7)


def test_from_the_worksheet_to_the_report(pack: ControlTest) -> None:
    engagement, who = pack.engagement, f.people(pack.engagement)
    leaver = raised(pack, "A", "Access of a leaver was active")
    own = raised(pack, "B", "Own access was reviewed by its holder")
    idle = raised(pack, "C", "Administrator rights of an idle contractor were retained")
    testing.conclude_test(pack, "exceptions", by=who["sana"])
    m.signed(pack)
    # The contractor's rights were kept by the same review that nobody checked: one cause, one exception.
    own = regrouping.merge(idle, own, reason="One person reviews alone, his own access too.", by=who["milan"])
    assert signing.living(pack) == {}
    m.signed(pack)
    failed: dict[str, Any] = {
        "type": "systematic",
        "markers": ["concentrated"],
        "cause": "One person reviews all access alone.",
        "effect": "criterion_failed",
        "failed_criteria": ["CC6.2"],
    }
    m.evaluated(
        leaver, effect="criterion_failed", failed_criteria=["CC6.3"], cause="No notice from the department."
    )
    m.evaluated(own, **failed)
    for one in (leaver, own):
        deviations.release_to_client(one, by=who["milan"])
        deviations.respond(one, text="A second reviewer was named in July.", by=who["carla"])
        deviations.conclude(one, by=who["petra"])
    rules = {finding.rule for finding in findings("issue", engagement)}
    assert not {"R22", "R25", "R29", "R32", "R33"} & rules

    snapshot = build(f.at_stage(engagement, Stage.REPORTING))
    content.validate(snapshot)
    said = {one["code"]: one for one in snapshot["deviations"]}
    assert set(said) == {leaver.code, own.code}, "the merged one is told with the other"
    assert said[leaver.code]["trace"]["items"] == ["lfrost"]
    assert said[own.code]["trace"]["items"] == ["tmora", "hoyer"]
    assert (said[own.code]["items_tested"], said[own.code]["deviations"]) == (7, 2)
    assert said[own.code]["response"] is not None
    (tested,) = [test for control in snapshot["controls"] for test in control["tests"]]
    assert (tested["result"], tested["items_tested"], tested["deviations"]) == ("exceptions", 7, 3)
    printed = book_of(snapshot, draft=1).html
    for words in (
        "Access of a leaver was active: lfrost. Left on 2026-05-13, active, last sign-in 2026-06-09.",
        "Own access was reviewed by its holder: tmora.",
        "Administrator rights of an idle contractor were retained: hoyer. Administrator, last sign-in 2026-02-27",
        "A second reviewer was named in July.",
        "deviations: 3",
    ):
        assert words in printed


def test_nobody_of_the_client_saw_it_before_it_was_released(pack: ControlTest) -> None:
    leaver = raised(pack, "A", "Access of a leaver was active")
    with pytest.raises(deviations.WrongStage):
        deviations.respond(leaver, text="We know.", by=f.people(pack.engagement)["carla"])
    assert Engagement.objects.get(pk=pack.engagement_id).stage == Stage.FIELDWORK
