"""What people do in an engagement, as the demo has them do it: nothing here writes a row by itself."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterable
from typing import NamedTuple

from django.utils import timezone

from accounts.models import User
from config.demo_data import listings
from config.demo_data.controls import TEXTS, Text
from engagements.models import Control, Engagement
from evidence import populations, reconciliations, requests, uploads
from evidence.comparing import Alike, Settings
from evidence.models import EvidenceFile, EvidenceRequest, ListingDifference, Population, Reconciliation
from fieldwork import deviations, drawing, regrouping, signing
from fieldwork.models import (
    Attribute,
    ControlTest,
    Deviation,
    EvidenceCitation,
    ItemResult,
    Sample,
    SheetItem,
)
from fieldwork.testing.concluding import conclude_test
from fieldwork.testing.planning import plan_test
from fieldwork.testing.procedures import record_procedure
from fieldwork.testing.recording import cite, record_many
from fieldwork.testing.sheetbook import Entry

KINDS = ("inquiry", "inspection", "observation", "reperformance")
# Listings that come as a workbook; the others are CSV.
SPREADSHEETS = {"GOV-01", "IAM-06", "COM-02", "MON-04"}
FALLBACK = Text("", "Inspected the evidence of the control's operation in the period.")


class Crew(NamedTuple):
    """Who does the work of an engagement."""

    partner: User
    manager: User
    preparers: tuple[User, ...]
    admin: User
    owners: tuple[User, ...]
    signatory: User


class Finding(NamedTuple):
    """A deviation to plant: which attribute on which items (places in the sample), and how it is evaluated."""

    attribute: str
    items: tuple[int, ...]
    notes: tuple[str, ...]
    title: str
    description: str
    cause: str
    type: str
    extent: str
    evaluation: str
    effect: str
    compensating: str = ""
    failed: tuple[str, ...] = ()
    softer_reason: str = ""


def text_of(control: Control) -> Text:
    return TEXTS.get(control.number, FALLBACK)


def kinds_of(control: Control) -> list[str]:
    """The kinds of test that the library's suggestion names; inspection where it names none."""
    method = control.typical_test.partition(":")[0].lower()
    found = [name for name in KINDS if name in method]
    return found if found and found != ["inquiry"] else [*found, "inspection"]


def answer(
    request: EvidenceRequest, crew: Crew, files: Iterable[tuple[str, bytes]], span: tuple[dt.date, dt.date]
) -> list[EvidenceFile]:
    """The person asked uploads the files and submits."""
    by = request.assigned_to or crew.admin
    made = [
        uploads.receive(request, file=io.BytesIO(content), name=name, by=by, speaks_from=span[0], speaks_to=span[1])
        for name, content in files
    ]
    requests.submit(request, by=by)
    return made


def evidence_for(control: Control, day: dt.date) -> tuple[str, bytes]:
    """A believable file that shows a configuration, a document or a record as of a day."""
    title = f"{control.number} {control.title}"
    lines = [
        f"System of record: {control.engagement.system_name}",
        f"Captured: {day.isoformat()} 09:{len(title) % 60:02d} UTC",
        f"Control: {control.wording}",
        "Status: in force, no exceptions listed",
    ]
    stem = control.number.lower()
    # Pictures and PDFs are looked into by a process of their own: a few of each show what there is.
    shape = sum(map(ord, control.number)) % 9
    if shape == 0:
        return f"{stem}-console.png", listings.as_picture(title, [line[:110] for line in lines])
    if shape == 1:
        settings: dict[str, object] = {"control": control.number, "captured": day.isoformat(), "enforced": True}
        return f"{stem}-settings.json", listings.as_json(settings)
    if shape in {2, 5, 7}:
        rows = [{"Item": f"{stem}-{n:02d}", "State": "in force", "Checked": day.isoformat()} for n in range(1, 13)]
        return f"{stem}-register.csv", listings.as_csv(["Item", "State", "Checked"], rows)
    if shape == 3:
        return f"{stem}-record.pdf", listings.as_picture(title, [line[:110] for line in lines], "PDF")
    return f"{stem}-record.txt", listings.as_text(title, lines)


def provide(
    engagement: Engagement,
    code: str,
    controls: list[Control],
    crew: Crew,
    *,
    missing: int = -1,
    request: EvidenceRequest | None = None,
) -> Population:
    """The client provides the listing of a control with its record."""
    found = listings.listing(
        code, engagement.starts_on, engagement.ends_on, seed=engagement.number, missing=missing
    )
    names = listings.columns(code)
    spreadsheet = code in SPREADSHEETS
    content = listings.as_xlsx(names, found.rows) if spreadsheet else listings.as_csv(names, found.rows)
    return populations.provide(
        engagement,
        name=found.name,
        controls=controls,
        file=io.BytesIO(content),
        file_name=f"{found.name.lower().replace(' ', '-')}.{'xlsx' if spreadsheet else 'csv'}",
        key_column=found.key,
        date_column=found.date,
        request=request,
        by=crew.admin,
        ipe={
            "ipe_type": Population.Type.QUERY if "=" in found.query else Population.Type.STANDARD_REPORT,
            "source_system": found.system,
            "environment": "Production",
            "query": found.query,
            "parameters": f"{found.date} from {engagement.starts_on} to {engagement.ends_on}; no other filter",
            "run_by": crew.admin.name,
            "run_at": dt.datetime.combine(engagement.ends_on + dt.timedelta(days=4), dt.time(10, 12), dt.UTC),
            "system_row_count": len(found.rows),
            "covers_from": engagement.starts_on,
            "covers_to": engagement.ends_on,
        },
    )


def accept(population: Population, crew: Crew) -> Population:
    words = (
        "Query and parameters inspected; the number of rows equals the system's count shown in the screen capture."
        if population.row_count
        else "Query and parameters inspected; the system showed no row for the period when the query was run again."
    )
    return populations.accept(population, conclusion=words, precision_adequate=True, by=crew.preparers[0])


def reconcile_leavers(population: Population, crew: Crew) -> Reconciliation:
    """The auditor holds the leavers against the disabled accounts, which were exported under observation."""
    by = crew.preparers[0]
    rows = [dict(zip(population.columns, row, strict=True)) for row in populations.rows(population).rows]
    accounts = [{"Employee no": row["Employee"].lstrip("0"), "Department": row["Department"]} for row in rows]
    # One account is still active, one person had moved to another department, and one was never in the roster.
    del accounts[len(accounts) // 3]
    accounts[-1]["Department"] = next(name for name in listings.DEPARTMENTS if name != accounts[-1]["Department"])
    accounts.append({"Employee no": "9001", "Department": "Contractor"})
    file = uploads.receive(
        population.engagement,
        file=io.BytesIO(listings.as_csv(["Employee no", "Department"], accounts)),
        name="disabled-accounts.csv",
        by=by,
        obtained_by_auditor=True,
        speaks_from=population.covers_from,
        speaks_to=population.covers_to,
    )
    made = reconciliations.begin(
        population.engagement,
        title="Leavers to disabled accounts",
        first=reconciliations.Source("Leavers", population=population),
        second=reconciliations.Source("Disabled accounts", file=file),
        pattern="leavers_disabled",
        by=by,
    )
    made = reconciliations.match(
        made,
        Settings(
            keys=(("Employee", "Employee no"),),
            compared=(("Department", "Department"),),
            alike=frozenset({Alike.CASE, Alike.SPACES, Alike.ZEROS}),
            one_way=True,
        ),
        by=by,
    )
    for difference in ListingDifference.objects.filter(reconciliation=made):
        alone = difference.kind == ListingDifference.Kind.ONLY_FIRST
        reconciliations.explain(
            made,
            [difference.pk],
            cause="finding" if alone else "timing",
            explanation="The account was still active when the accounts were exported: followed up in IAM-06."
            if alone
            else "The person changed departments in the last month; the identity provider follows at night.",
            by=by,
        )
    return reconciliations.conclude(
        made,
        conclusion="Every leaver is known to the identity provider. The listing is complete; one account is "
        "followed up in the test of the control.",
        by=by,
    )


def select(population: Population, control: Control, by: User, *, column: str, value: str, most: int) -> Sample:
    """A targeted selection: the last rows with this value."""
    listing = populations.rows(population)
    rows = [number for number, cell in enumerate(listing.column(column), start=1) if cell == value][-most:]
    return drawing.choose(
        population,
        control,
        dict.fromkeys(rows, ""),
        reason=f"The last {len(rows)} with {column.lower()} “{value}”: a fault there would reach every account.",
        by=by,
    )


def attributes_of(control: Control) -> list[tuple[str, str, str]]:
    return [(chr(ord("A") + place), title, rule) for place, (title, rule) in enumerate(text_of(control).attributes)]


def plan(
    control: Control, crew: Crew, by: User, *, sample: Sample | None, items: Iterable[str] = (), procedure: str = ""
) -> ControlTest:
    operating = control.engagement.is_type_2
    procedure = procedure or text_of(control).procedure
    return plan_test(
        control,
        phase=ControlTest.Phase.OPERATING if operating else ControlTest.Phase.DESIGN,
        kinds=kinds_of(control),
        procedure=procedure if operating else f"Walked one instance through: {procedure[0].lower()}{procedure[1:]}",
        attributes=attributes_of(control),
        sample=sample,
        items=items,
        assigned_to=by,
        by=by,
    )


def fill(
    test: ControlTest, files: list[EvidenceFile], by: User, finding: Finding | None = None, most: int = 0
) -> None:
    """Cite the evidence and record the sheet; `most` leaves the items after that number open."""
    citations = [cite(test, file, by=by) for file in files]
    items = list(SheetItem.objects.filter(test=test))
    entries = []
    for attribute in Attribute.objects.filter(test=test):
        for place, item in enumerate(items, start=1):
            if most and place > most:
                continue
            deviates = finding is not None and attribute.letter == finding.attribute and place in finding.items
            note = finding.notes[finding.items.index(place)] if finding is not None and deviates else None
            entries.append(
                Entry(
                    item=item,
                    attribute=attribute,
                    outcome=ItemResult.Outcome.DEVIATION if deviates else ItemResult.Outcome.PASS,
                    citation=citations[place % len(citations)],
                    place=f"row {place + 1}" if len(items) > 1 else "p. 1",
                    note=note,
                )
            )
    record_many(test, entries, by=by)
    for kind in ("inquiry", "observation"):
        if kind in test.kinds:
            converse(test, kind, citations[0], by)


def converse(test: ControlTest, kind: str, citation: EvidenceCitation, by: User) -> None:
    """What was heard or seen, with whom and when, and the evidence that bears it out."""
    control, engagement = test.control, test.engagement
    asked = kind == "inquiry"
    record_procedure(
        test,
        kind,
        people=f"{control.owner.name}, who owns the control"
        if control.owner
        else "The person who runs the control",
        on=min(engagement.ends_on, timezone.localdate()) - dt.timedelta(days=20),
        what="How the control is done, by whom, and what happens when it fails."
        if asked
        else "One instance from its beginning to its record.",
        outcome="It is done as management describes it; no other way and no exception was known."
        if asked
        else "It ran as management describes it, and left the record that the test inspects.",
        corroborated_by=citation,
        by=by,
    )


def raise_finding(test: ControlTest, finding: Finding, crew: Crew, by: User) -> Deviation:
    """Raise the exception from the deviating cells, or as a missing occurrence."""
    finding = worded(finding, test)
    cells = ItemResult.objects.filter(item__test=test, outcome=ItemResult.Outcome.DEVIATION)
    if finding.items:
        deviation = deviations.raise_from_cells(cells, title=finding.title, description=finding.description, by=by)
    else:
        deviation = deviations.raise_shortfall(test, title=finding.title, description=finding.description, by=by)
    return deviation


def raise_apart(test: ControlTest, finding: Finding, crew: Crew, by: User) -> Deviation:
    """Raised one by one as they were found, and merged when the cause turned out to be the same."""
    finding = worded(finding, test)
    first, *others = ItemResult.objects.filter(item__test=test, outcome=ItemResult.Outcome.DEVIATION).order_by(
        "item__position"
    )
    made = deviations.raise_from_cells([first], title=finding.title, description=finding.description, by=by)
    for cell in others:
        one = deviations.raise_from_cells(
            [cell], title=f"{finding.title}: {cell.item}", description=cell.note, by=by
        )
        regrouping.merge(one, made, reason=finding.cause, by=crew.manager)
    made.refresh_from_db()
    return made


def worded(finding: Finding, test: ControlTest) -> Finding:
    """The finding with the number of items that were really tested."""
    tested = SheetItem.objects.filter(test=test).count()
    return finding._replace(
        description=finding.description.format(tested=tested), extent=finding.extent.format(tested=tested)
    )


def evaluate(deviation: Deviation, finding: Finding, crew: Crew) -> None:
    finding = worded(finding, deviation.test)
    compensating = None
    if finding.compensating:
        compensating = Control.objects.get(engagement=deviation.engagement, number=finding.compensating)
    deviations.evaluate(
        deviation,
        cause=finding.cause,
        type=finding.type,
        extent=finding.extent,
        evaluation=finding.evaluation,
        effect=finding.effect,
        compensating_control=compensating,
        failed_criteria=finding.failed,
        by=crew.manager,
    )
    deviations.release_to_client(deviation, by=crew.manager)


def conclude(test: ControlTest, by: User, result: str, words: str = "") -> None:
    conclude_test(test, result, words, by=by)


def sign(test: ControlTest, crew: Crew, by: User, *, reviewed: bool = True, partner: bool = False) -> None:
    signing.sign(test, "prepared", by=by)
    if reviewed:
        signing.sign(test, "reviewed", by=crew.manager)
    if partner:
        signing.sign(test, "partner", by=crew.partner)


def draw(population: Population, control: Control, by: User, *, risk: str = "normal") -> Sample:
    return drawing.draw(population, control, risk, by=by)
