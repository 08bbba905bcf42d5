"""Sheets at work, made through the flows: a population of leavers, its sample, evidence, a test of it."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from typing import Any

from controls.models import Criterion
from engagements.models import Control, ControlCriterion, Engagement, Stage
from evidence import populations, requests, uploads
from evidence.models import EvidenceFile, Population
from fieldwork import deviations, drawing, profiles, signing, testing
from fieldwork.models import ControlTest, Deviation, ItemResult, Sample, SamplingProfile, SheetItem, SignOff
from tests import factories as f
from tests.remembered import remembered

ATTRIBUTES = [
    ("A", "Ticket", "A ticket was raised on or before the last day."),
    ("B", "Disabled", "The account was disabled within one day of leaving."),
    ("C", "Devices", "All devices were returned, or none were handed out."),
]


@remembered
def at_fieldwork(**fields: Any) -> Engagement:
    """Accepted, at fieldwork, with a sampling profile approved by the firm."""
    engagement = f.accepted(**fields)
    profile()
    return f.at_stage(engagement, Stage.FIELDWORK)


def profile() -> SamplingProfile:
    firm = f.firm()
    found = SamplingProfile.objects.approved_for(firm)
    if found is not None:
        return found
    shipped = SamplingProfile.objects.get(firm=None, code="firm_default_proposal")
    petra = f.partner_of(firm, "petra", "Petra Alder")
    return profiles.approve(firm, shipped, petra)


@remembered
def control(
    engagement: Engagement, number: str = "IAM-06", *, criteria: Sequence[str] = ("CC6.2", "CC6.3"), **fields: Any
) -> Control:
    """A control in scope with its criteria, put there directly: its flow is tested elsewhere."""
    values: dict[str, Any] = {
        "title": "Access is removed within one day of leaving",
        "wording": "Access of people who leave is removed within one business day.",
        "nature": "M",
        "frequency": "E",
        "typical_test": "For a sample of leavers inspect tickets and directory logs.",
        **fields,
    }
    made = Control.objects.create(engagement=engagement, number=number, **values)
    ControlCriterion.objects.bulk_create(
        ControlCriterion(engagement=engagement, control=made, criterion=Criterion.objects.get(pk=code))
        for code in criteria
    )
    return made


def leavers(count: int, start: dt.date = dt.date(2025, 10, 2)) -> bytes:
    """A listing of so many people who left, spread over a year."""
    rows = ["ticket,employee,left on"]
    for number in range(count):
        day = start + dt.timedelta(days=number * 360 // max(count, 1))
        rows.append(f"OFF-{number + 1},Person {number + 1},{day.isoformat()}")
    return ("\n".join(rows) + "\n").encode()


@remembered
def population(engagement: Engagement, a_control: Control, *, count: int = 41, **fields: Any) -> Population:
    """An accepted population of leavers."""
    made = provided(engagement, a_control, count=count, **fields)
    return populations.accept(
        made,
        conclusion="Agreed to the HR system's count; the query was seen.",
        precision_adequate=True,
        by=f.people(engagement)["sana"],
    )


@remembered
def provided(
    engagement: Engagement,
    a_control: Control,
    *,
    count: int = 41,
    content: bytes | None = None,
    replaces: Population | None = None,
    **fields: Any,
) -> Population:
    listing = leavers(count) if content is None else content
    ipe: dict[str, Any] = {
        "ipe_type": Population.Type.QUERY,
        "source_system": "HR system",
        "query": "SELECT * FROM leavers",
        "run_by": "Owen Pike",
        "run_at": dt.datetime(2026, 10, 5, 9, 0, tzinfo=dt.UTC),
        "system_row_count": listing.count(b"\n") - 1,
        "covers_from": dt.date(2025, 10, 1),
        "covers_to": dt.date(2026, 9, 30),
    }
    return populations.provide(
        engagement,
        name=fields.pop("name", "Leavers"),
        controls=[a_control],
        file=io.BytesIO(listing),
        file_name="leavers.csv",
        key_column=fields.pop("key_column", "ticket"),
        date_column=fields.pop("date_column", "left on"),
        ipe=ipe | fields,
        replaces=replaces,
        by=f.people(engagement)["carla"],
    )


@remembered
def evidence(engagement: Engagement, a_control: Control | None = None, name: str = "directory.txt") -> EvidenceFile:
    """A file of a request that was handed in and accepted."""
    who = f.people(engagement)
    request = requests.make(
        engagement,
        title=f"Evidence {name}",
        due=dt.date(2026, 10, 15),
        assigned_to=who["owen"],
        controls=[a_control] if a_control else [],
        by=who["sana"],
    )
    (request,) = requests.open_requests([request], by=who["sana"])
    file = uploads.receive(request, file=io.BytesIO(f"log of {name}\n".encode()), name=name, by=who["owen"])
    request = requests.submit(request, by=who["owen"])
    requests.accept(request, by=who["sana"])
    file.refresh_from_db()
    return file


SCAN = b"CHECK_ID;STATUS;FINDING_UID;RESOURCE_UID;COMPLIANCE\ns3_bucket_public;FAIL;1;bucket-1;SOC2: cc_6_1\n"


@remembered
def scanned(engagement: Engagement, data: bytes = SCAN, name: str = "prowler.csv") -> EvidenceFile:
    """What a scanner wrote, obtained by the auditor."""
    by = f.people(engagement)["sana"]
    return uploads.receive(engagement, file=io.BytesIO(data), name=name, obtained_by_auditor=True, by=by)


@remembered
def sample(engagement: Engagement, a_control: Control, *, count: int = 41, **options: Any) -> Sample:
    return drawing.draw(
        population(engagement, a_control, count=count), a_control, by=f.people(engagement)["sana"], **options
    )


@remembered
def planned(
    engagement: Engagement,
    a_control: Control | None = None,
    *,
    a_sample: Sample | None = None,
    items: Sequence[str] = ("First", "Second", "Third"),
    attributes: Sequence[tuple[str, str, str]] = ATTRIBUTES,
    **fields: Any,
) -> ControlTest:
    """A planned test, by default of three items named by the auditor."""
    usual = ControlTest.Phase.OPERATING if engagement.is_type_2 else ControlTest.Phase.DESIGN
    return testing.plan_test(
        a_control or control(engagement),
        phase=fields.pop("phase", usual),
        kinds=fields.pop("kinds", ["inspection", "reperformance"]),
        procedure="Inspected tickets and directory logs of the leavers selected.",
        attributes=attributes,
        sample=a_sample,
        items=() if a_sample else items,
        by=f.people(engagement)["sana"],
        **fields,
    )


def cell(test: ControlTest, position: int, letter: str, outcome: str = "p", **fields: Any) -> ItemResult:
    """Record one cell as Sana, citing the test's first evidence."""
    citation = fields.pop("citation", None) or test.citations.first()
    return testing.record_result(
        SheetItem.objects.get(test=test, position=position),
        test.attributes.get(letter=letter),
        outcome,
        citation,
        by=fields.pop("by", f.people(test.engagement)["sana"]),
        **fields,
    )


@remembered
def worked(test: ControlTest, *, deviating: Sequence[tuple[int, str]] = ()) -> list[ItemResult]:
    """Evidence cited and every cell filled; those of `deviating` (position, letter) with a deviation."""
    sana = f.people(test.engagement)["sana"]
    if not test.citations.exists():
        testing.cite(test, evidence(test.engagement, test.control, f"log-{test}.txt"), note="p. 1", by=sana)
    for position, letter in deviating:
        cell(test, position, letter, "d", place="p. 2", note="Disabled nine days after leaving")
    for attribute in test.attributes.all():
        testing.fill(test, attribute, "p", citation=test.citations.first(), by=sana)
    return list(ItemResult.objects.filter(item__test=test, outcome="d"))


@remembered
def raised(test: ControlTest, cells: Sequence[ItemResult]) -> Deviation:
    return deviations.raise_from_cells(
        cells,
        title="Access removed late",
        description="Access of one leaver was removed nine days after leaving.",
        by=f.people(test.engagement)["sana"],
    )


@remembered
def concluded(engagement: Engagement, *, deviating: Sequence[tuple[int, str]] = (), **fields: Any) -> ControlTest:
    """A sheet ready to be signed as prepared."""
    test = planned(engagement, **fields)
    cells = worked(test, deviating=deviating)
    if cells:
        raised(test, cells)
    result = ControlTest.Result.EXCEPTIONS if cells else ControlTest.Result.NO_EXCEPTIONS
    return testing.conclude_test(test, result, by=f.people(engagement)["sana"])


@remembered
def signed(test: ControlTest, *steps: str) -> list[SignOff]:
    """Signed as prepared by Sana, reviewed by Milan, partner by Petra."""
    who = f.people(test.engagement)
    by = {"prepared": who["sana"], "reviewed": who["milan"], "partner": who["petra"]}
    return [signing.sign(test, step, by=by[step]) for step in steps or ("prepared", "reviewed")]


@remembered
def evaluated(deviation: Deviation, **fields: Any) -> Deviation:
    """Evaluated by Milan as isolated and harmless, unless asked otherwise."""
    values: dict[str, Any] = {
        "cause": "The leaver form came late from the department.",
        "type": Deviation.Type.ISOLATED,
        "extent": "One of the items tested.",
        "evaluation": "The account was not used after the last day.",
        "effect": Deviation.Effect.CONTROL_EFFECTIVE,
        **fields,
    }
    return deviations.evaluate(deviation, by=f.people(deviation.engagement)["milan"], **values)
