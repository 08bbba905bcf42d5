"""The report's content, read from the database into the plain data of `reports.content`.

The same rows give the same bytes: everything is in a fixed order, dates are ISO texts, and nothing of the
moment goes in. The number of queries does not grow with the engagement.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from django.db.models import Count, Prefetch, prefetch_related_objects
from django.utils import timezone

from accounts.models import ClientMember
from controls.models import Category
from engagements.coverage import (
    changes_of,
    complementary_of,
    controls_in_scope,
    criteria_of,
    incidents_of,
    not_relevant,
    served_by,
    subservices_of,
)
from engagements.models import (
    Commitment,
    ComplementaryControl,
    Component,
    Control,
    Engagement,
    SubserviceOrganization,
)
from engagements.register import shared
from engagements.signature import signer
from evidence.models import Population, Reconciliation
from fieldwork.models import (
    ControlTest,
    Deviation,
    FailedCriterion,
    ItemResult,
    ManagementResponse,
    SamplingProfile,
    SheetItem,
    TouchedCommitment,
)
from fieldwork.whole import exceptions_of, samples_of, tests_of
from reports import content, wording
from reports.models import (
    Conclusion,
    DescriptionSection,
    EmphasisParagraph,
    Issuance,
    Limb,
    ManagementStatement,
    Matter,
    MatterCriterion,
    MatterDeviation,
    Opinion,
    OwnWording,
    Part,
    SystemDescription,
)

# Printed in Sections I, II and IV. One place, for the day when an edition changes.
EDITIONS = content.Editions(
    criteria="TSP section 100, 2017 Trust Services Criteria (points of focus revised 2022)",
    description="DC section 200, 2018 (implementation guidance revised 2022)",
)

OCCURRENCES = {
    "annual": "Annual",
    "semiannual": "Semi-annual",
    "quarterly": "Quarterly",
    "monthly": "Monthly",
    "semimonthly": "Twice a month",
    "weekly": "Weekly",
    "daily": "Daily",
    "multiple_daily": "Many times a day",
}


@shared
def description_of(engagement: Engagement) -> SystemDescription | None:
    return SystemDescription.objects.filter(engagement=engagement).first()


@shared
def sections_of(engagement: Engagement) -> dict[str, DescriptionSection]:
    """The parts of the description that were written, by part."""
    return {one.part: one for one in DescriptionSection.objects.filter(engagement=engagement).order_by("part")}


@shared
def standing_statements(engagement: Engagement) -> dict[str, ManagementStatement]:
    """What management has signed and not signed anew, by kind."""
    current = ManagementStatement.objects.filter(engagement=engagement, superseded_at__isnull=True)
    return {statement.kind: statement for statement in current}


@shared
def issuance_states(engagement: Engagement) -> list[str]:
    """How it stands with each of the reports that were to be issued."""
    return list(Issuance.objects.filter(engagement=engagement).values_list("state", flat=True))


@shared
def conclusions(engagement: Engagement) -> dict[Limb, Opinion]:
    """The newest conclusion on each limb that has one."""
    newest: dict[Limb, Opinion] = {}
    for one in Opinion.objects.filter(engagement=engagement).select_related("formed_by").order_by("pk"):
        newest[Limb(one.limb)] = one
    return newest


@shared
def standing_matters(engagement: Engagement) -> list[Matter]:
    return list(
        Matter.objects.filter(engagement=engagement, withdrawn_at__isnull=True)
        .order_by("number")
        .prefetch_related(
            Prefetch("criterion_links", MatterCriterion.objects.select_related("criterion")),
            Prefetch("deviation_links", MatterDeviation.objects.select_related("deviation__control")),
        )
    )


@shared
def standing_deviations(engagement: Engagement) -> list[Deviation]:
    """The exceptions that stand, by code, with all that is said of them."""
    found = exceptions_of(engagement)
    prefetch_related_objects(
        found,
        Prefetch("failed_links", FailedCriterion.objects.select_related("criterion")),
        Prefetch("touched_links", TouchedCommitment.objects.select_related("commitment")),
        Prefetch(
            "cells",
            ItemResult.objects.select_related("item__sample_item", "citation__file").order_by(
                "item__position", "attribute__letter"
            ),
        ),
    )
    return sorted(found, key=lambda deviation: natural(deviation.code))


def build(engagement: Engagement) -> content.Snapshot:
    """The content of the engagement's report as it stands now.

    A limb on which the partner has not concluded stands as unmodified: drafts are marked as drafts, and the
    rules let no report be issued before every limb is concluded on.
    """
    description = description_of(engagement)
    statements = standing_statements(engagement)
    bodies = {part: section.body for part, section in sections_of(engagement).items()}
    sheets = _sheets(engagement)
    numbers = {control.number for control in sheets.controls}
    deviations = _deviations(sheets) if engagement.is_type_2 else []
    made = content.Snapshot(
        format=content.FORMAT,
        report=content.ReportIdentity(
            number=report_number(engagement),
            type=cast(Literal[1, 2], int(engagement.type)),
            addressee="",
            section_four=cast(Literal["criterion", "control"], engagement.section_four),
        ),
        firm=_firm(engagement),
        client=content.Client(legal_name=engagement.client.name, short_name=engagement.client.short_name),
        system=content.System(
            name=engagement.system_name,
            description_title=description.title if description else description_title(engagement),
        ),
        as_of=_iso(engagement.as_of),
        period=(
            content.Period(start=engagement.starts_on.isoformat(), end=engagement.ends_on.isoformat())
            if engagement.is_type_2
            else None
        ),
        dates=content.Dates(
            report=_iso(engagement.report_date),
            engagement_letter=_iso(engagement.letter_on),
        ),
        categories=[
            cast(content.Category, category.value) for category in Category if category in engagement.categories
        ],
        editions=EDITIONS,
        criteria=_criteria(engagement),
        controls=[_control(control, sheets, engagement) for control in sheets.controls],
        deviations=deviations,
        subservices=_subservices(engagement, numbers),
        cuecs=_cuecs(engagement),
        user_responsibilities=[],
        components=[
            content.Component(
                kind=cast(content.ComponentKind, one.kind),
                name=one.name,
                description=one.description,
                in_boundary=one.in_boundary,
                reason=one.reason,
            )
            for one in Component.objects.filter(engagement=engagement).order_by("pk")
        ],
        commitments=[
            content.Commitment(
                kind=cast(Literal["commitment", "requirement"], one.kind),
                category=cast(content.Category, one.category),
                text=one.text,
                source=one.source,
            )
            for one in Commitment.objects.filter(engagement=engagement).order_by("pk")
        ],
        incidents=[
            content.Incident(
                date=one.occurred_on.isoformat(),
                title=one.title,
                text=one.nature,
                disclosed=bool(one.disclosed),
                reason=one.reason,
            )
            for one in incidents_of(engagement)
        ],
        changes=[
            content.Change(date=one.effective_on.isoformat(), title=one.title, text=one.description)
            for one in changes_of(engagement)
            if engagement.is_type_2
        ],
        statements=content.Statements(
            no_incidents=engagement.incidents_none_statement, no_changes=engagement.changes_none_statement
        ),
        description=[
            content.DescriptionPart(code=part.value, title=str(part.label), text=bodies.get(part, ""))
            for part in parts_of(engagement)
            if part != Part.OTHER
        ],
        assertion=_assertion(statements.get(ManagementStatement.Kind.ASSERTION)),
        opinion=_opinion(engagement, {one["code"] for one in deviations}, numbers),
        paragraphs=[
            content.Paragraph(
                kind=cast(Literal["emphasis", "other_matter"], one.kind),
                title=one.title,
                text=one.text,
                reason=one.reason,
            )
            for one in EmphasisParagraph.objects.filter(engagement=engagement).order_by("pk")
        ],
        other_information=bodies.get(Part.OTHER, ""),
        specified_parties=[],
        procedures=_procedures(engagement, sheets),
        wording=_own_words(engagement),
    )
    made["specified_parties"] = wording.default_specified_parties(made)
    return made


@shared
def present(engagement: Engagement) -> content.Snapshot:
    """`build`, once for a look at the engagement: rules and pages ask for it many times."""
    return build(engagement)


@shared
def present_sha256(engagement: Engagement) -> str:
    """The hash of the content as it stands now, once for a look."""
    return content.digest(present(engagement))


def _own_words(engagement: Engagement) -> list[content.Wording]:
    own = OwnWording.objects.in_force(engagement.firm, engagement.type)
    return [content.Wording(element=one.element, version=one.version, text=one.text) for one in own]


def parts_of(engagement: Engagement) -> list[Part]:
    """The parts of the description by the engagement's type: changes of the period only in a Type 2."""
    return [part for part in Part if part != Part.DC9 or engagement.is_type_2]


def description_title(engagement: Engagement) -> str:
    """The usual title of Section III: whose system, which, and of when."""
    system = engagement.system_name
    system = system if system.lower().endswith("system") else f"{system} system"
    when = (
        f"throughout the period {wording.day(engagement.starts_on.isoformat())} to "
        f"{wording.day(engagement.ends_on.isoformat())}"
        if engagement.is_type_2
        else f"as of {wording.day(engagement.ends_on.isoformat())}"
    )
    return f"Description of {wording.possessive(engagement.client.name)} {system} {when}"


def report_number(engagement: Engagement) -> str:
    """The engagement's number and which report of it this is; a final rendering that failed used up none."""
    gone = [Issuance.State.SUPERSEDED, Issuance.State.WITHDRAWN]
    # Where the report is reissued the next one replaces what is current.
    states = gone if engagement.frozen else [*gone, Issuance.State.CURRENT]
    issued = sum(state in states for state in issuance_states(engagement))
    return f"{engagement.number}-R{issued + 1}"


def _firm(engagement: Engagement) -> content.Firm:
    firm = engagement.firm
    office, licence = signer(engagement)
    license_ = f"{licence.jurisdiction} license {licence.number}".strip() if licence and licence.number else ""
    review = (
        f"Last peer review accepted {wording.day(firm.peer_review_on.isoformat())}" if firm.peer_review_on else ""
    )
    return content.Firm(
        name=firm.legal_name,
        city=office.city if office else "",
        state=office.state if office else "",
        license=license_,
        peer_review=review,
    )


def _criteria(engagement: Engagement) -> list[content.Criterion]:
    reasons = not_relevant(engagement)
    return [
        content.Criterion(
            code=one.code,
            category=cast(content.Category, one.category),
            series=one.series,
            series_title=one.series_title,
            title=one.title,
            paraphrase=one.paraphrase,
            relevant=one.code not in reasons,
            reason=reasons.get(one.code, ""),
        )
        for one in criteria_of(engagement)
    ]


# Controls, their tests and what came out of them


@dataclass(frozen=True)
class _Sheets:
    """What was tested, read at once."""

    controls: list[Control]
    criteria: Mapping[int, list[str]]  # of a control, in the order of the criteria
    tests: Mapping[int, list[ControlTest]]  # of a control
    deviations: list[Deviation]
    deviation_codes: Mapping[int, list[str]]  # of a test
    tested: Mapping[int, int]  # items of a test that have a result
    deviating: Mapping[int, int]  # items of a test with a deviation that stands
    cells: Mapping[int, list[ItemResult]]  # of a deviation
    responses: Mapping[int, ManagementResponse]  # the newest, of a deviation
    titles: Mapping[int, str]  # of the client's people


def _sheets(engagement: Engagement) -> _Sheets:
    controls = sorted(controls_in_scope(engagement), key=lambda control: natural(control.number))
    served = served_by(engagement)
    criteria = {control.pk: served.get(control.pk, []) for control in controls}
    in_scope = set(criteria)
    tests: dict[int, list[ControlTest]] = defaultdict(list)
    for test in tests_of(engagement):
        if test.control_id in in_scope:
            tests[test.control_id].append(test)
    deviations = [one for one in standing_deviations(engagement) if one.control_id in in_scope]
    codes: dict[int, list[str]] = defaultdict(list)
    for deviation in deviations:
        codes[deviation.test_id].append(deviation.code)
    responses: dict[int, ManagementResponse] = {}
    for response in ManagementResponse.objects.filter(engagement=engagement).select_related("by").order_by("pk"):
        responses[response.deviation_id] = response
    titles = dict(ClientMember.objects.filter(organization_id=engagement.client_id).values_list("user_id", "title"))
    tested, deviating = _counts(engagement)
    return _Sheets(
        controls=controls,
        criteria=criteria,
        tests=tests,
        deviations=deviations,
        deviation_codes=codes,
        tested=tested,
        deviating=deviating,
        cells={deviation.pk: list(deviation.cells.all()) for deviation in deviations},
        responses=responses,
        titles=titles,
    )


def _counts(engagement: Engagement) -> tuple[dict[int, int], dict[int, int]]:
    """Items with a result, and items with a deviation that stands, by test."""
    tested: dict[int, set[int]] = defaultdict(set)
    deviating: dict[int, set[int]] = defaultdict(set)
    cleared = set(
        Deviation.objects.filter(engagement=engagement, state=Deviation.State.NOT_A_DEVIATION).values_list(
            "cell_links__cell_id", flat=True
        )
    )
    for pk, item, test, outcome in ItemResult.objects.filter(engagement=engagement).values_list(
        "pk", "item_id", "item__test_id", "outcome"
    ):
        if outcome != ItemResult.Outcome.NOT_APPLICABLE:
            tested[test].add(item)
        if outcome == ItemResult.Outcome.DEVIATION and pk not in cleared:
            deviating[test].add(item)
    return (
        {test: len(items) for test, items in tested.items()},
        {test: len(items) for test, items in deviating.items()},
    )


def _control(control: Control, sheets: _Sheets, engagement: Engagement) -> content.Control:
    tests = sheets.tests.get(control.pk, []) if engagement.is_type_2 else []
    untested = engagement.is_type_2 and not tests
    return content.Control(
        number=control.number,
        title=control.title,
        wording=control.wording,
        nature=str(control.get_nature_display()),
        frequency=str(control.get_frequency_display()),
        criteria=sheets.criteria[control.pk],
        tests=[_test(test, sheets) for test in tests],
        result="not_tested" if untested else None,
        reason="No test of this control is on record." if untested else "",
    )


def _test(test: ControlTest, sheets: _Sheets) -> content.Test:
    result = cast(content.Result, test.result or "not_tested")
    unexamined = result in ("not_tested", "did_not_operate")
    return content.Test(
        id=str(test),
        kinds=[kind for kind in ORDER_OF_KINDS if kind in test.kinds],
        procedure=test.procedure,
        population=_population(test),
        unit=_unit(test, sheets.tested.get(test.pk, 0)),
        items_tested=sheets.tested.get(test.pk),
        deviations=sheets.deviating.get(test.pk, 0) if test.pk in sheets.tested else None,
        result=result,
        result_text="" if unexamined else test.conclusion,
        reason=(test.conclusion or "No result is recorded yet.") if unexamined else "",
        deviation_codes=sheets.deviation_codes.get(test.pk, []),
    )


ORDER_OF_KINDS: tuple[content.TestKind, ...] = ("inquiry", "observation", "inspection", "reperformance")


def _unit(test: ControlTest, tested: int) -> str:
    """Items that the auditor chose are called so: their rate says nothing about the population."""
    if test.sample is None or not test.sample.is_targeted:
        return ""
    return "item selected by us" if tested == 1 else "items selected by us"


def _population(test: ControlTest) -> int | None:
    if test.sample is not None:
        return test.sample.population.row_count
    return test.empty_population.row_count if test.empty_population is not None else None


def _deviations(sheets: _Sheets) -> list[content.Deviation]:
    numbers = {control.number for control in sheets.controls}
    shared = _sharing(sheets.deviations)
    found = []
    for one in sheets.deviations:
        cells = sheets.cells[one.pk]
        items = list({cell.item_id: cell.item for cell in cells}.values())
        compensating = one.compensating_control.number if one.compensating_control else None
        found.append(
            content.Deviation(
                code=one.code,
                title=one.title,
                control=one.control.number,
                criteria=sheets.criteria[one.control_id],
                found=one.description,
                items_tested=sheets.tested.get(one.test_id) if items else one.expected_occurrences,
                deviations=len(items) if items else one.missing_occurrences,
                unit="" if items else content.EXPECTED,
                cause=one.cause,
                one_cause=shared[one.pk],
                type=cast(content.DeviationType, one.type),
                extent=one.extent,
                evaluation=one.evaluation,
                effect=cast(content.Effect, one.effect if one.state == Deviation.State.CONCLUDED else ""),
                failed_criteria=[
                    link.criterion_id
                    for link in sorted(one.failed_links.all(), key=lambda link: link.criterion.position)
                ],
                commitments=[link.commitment.text for link in one.touched_links.all()],
                compensating_control=compensating if compensating in numbers else None,
                trace=content.Trace(
                    test=str(one.test),
                    items=[_key(item) for item in items],
                    evidence=sorted({cell.citation.file.code for cell in cells}, key=natural),
                ),
                response=_response(sheets.responses.get(one.pk), sheets),
            )
        )
    return found


def _sharing(deviations: list[Deviation]) -> dict[int, list[str]]:
    """The codes of the others that share the cause of each."""
    groups: dict[int, list[Deviation]] = defaultdict(list)
    for one in deviations:
        groups[one.cause_shared_with_id or one.pk].append(one)
    return {
        one.pk: [other.code for other in group if other.pk != one.pk] for group in groups.values() for one in group
    }


def _key(item: SheetItem) -> str:
    return item.sample_item.key if item.sample_item else item.label


def _response(response: ManagementResponse | None, sheets: _Sheets) -> content.Response | None:
    if response is None:
        return None
    return content.Response(
        text=response.text,
        by=response.by.name,
        title=sheets.titles.get(response.by_id, ""),
        date=timezone.localdate(response.at).isoformat(),
    )


# Others' controls


def _complementary(one: ComplementaryControl) -> content.ComplementaryControl:
    mappings = sorted(one.mappings.all(), key=lambda mapping: mapping.criterion.position)
    return content.ComplementaryControl(
        code=one.number, text=one.text, criteria=[mapping.criterion_id for mapping in mappings]
    )


def _cuecs(engagement: Engagement) -> list[content.ComplementaryControl]:
    found = [one for one in complementary_of(engagement) if one.kind == ComplementaryControl.Kind.CUEC]
    return [_complementary(one) for one in sorted(found, key=lambda one: natural(one.number))]


def _subservices(engagement: Engagement, numbers: set[str]) -> list[content.Subservice]:
    subservices = []
    for one in subservices_of(engagement):
        csocs = sorted(one.complementary.all(), key=lambda csoc: natural(csoc.number))
        touched = {mapping.criterion for csoc in csocs for mapping in csoc.mappings.all()}
        monitoring = {link.control.number for link in one.monitoring.all()} & numbers
        period = None
        if one.report_period_start and one.report_period_end:
            period = content.Period(
                start=one.report_period_start.isoformat(), end=one.report_period_end.isoformat()
            )
        subservices.append(
            content.Subservice(
                name=one.name,
                services=one.services,
                method=cast(Literal["carve_out", "inclusive"], one.method),
                criteria=[criterion.code for criterion in sorted(touched, key=lambda one: one.position)],
                csocs=[_complementary(csoc) for csoc in csocs],
                monitoring=sorted(monitoring, key=natural),
                report_period=period,
                assertion=one.assertion if one.method == SubserviceOrganization.Method.INCLUSIVE else "",
                signatory=one.signatory if one.method == SubserviceOrganization.Method.INCLUSIVE else "",
            )
        )
    return subservices


# Management's statements, the opinion, the method


def _assertion(signed: ManagementStatement | None) -> content.Assertion:
    if signed is None:
        return content.Assertion(
            text="", modifications="", signatory="", signatory_title="", date=None, signed_at=None
        )
    return content.Assertion(
        text=signed.text,
        modifications=signed.modifications,
        signatory=signed.signatory_name,
        signatory_title=signed.signatory_title,
        date=signed.stated_on.isoformat(),
        signed_at=signed.signed_at.astimezone(dt.UTC).isoformat(timespec="seconds"),
    )


def limbs_of(engagement: Engagement) -> list[Limb]:
    """The limbs of the opinion: a Type 1 has none on operating effectiveness."""
    return [limb for limb in Limb if limb != Limb.OPERATING or engagement.is_type_2]


def _opinion(engagement: Engagement, deviations: set[str], numbers: set[str]) -> content.Opinion:
    concluded = {limb: one.conclusion for limb, one in conclusions(engagement).items()}
    matters = standing_matters(engagement)
    in_scope = {criterion.code for criterion in criteria_of(engagement)}
    limbs = []
    for limb in limbs_of(engagement):
        conclusion = concluded.get(limb, Conclusion.UNMODIFIED.value)
        modified = conclusion != Conclusion.UNMODIFIED
        limbs.append(
            content.LimbConclusion(
                limb=cast(content.Limb, limb.value),
                conclusion=cast(content.Conclusion, conclusion),
                matters=[matter.number for matter in matters if modified and limb in matter.limbs],
            )
        )
    printed = {number for limb in limbs for number in limb["matters"]}
    return content.Opinion(
        limbs=limbs,
        matters=[_matter(matter, deviations, numbers, in_scope) for matter in matters if matter.number in printed],
    )


def _matter(matter: Matter, deviations: set[str], numbers: set[str], in_scope: set[str]) -> content.Matter:
    links = list(matter.deviation_links.all())
    criteria = sorted((link.criterion for link in matter.criterion_links.all()), key=lambda one: one.position)
    return content.Matter(
        number=matter.number,
        title=matter.title,
        cause=cast(content.Cause, matter.cause),
        pervasive=matter.pervasive,
        basis=matter.basis,
        criteria=[criterion.code for criterion in criteria if criterion.code in in_scope],
        controls=sorted({link.deviation.control.number for link in links} & numbers, key=natural),
        deviations=sorted({link.deviation.code for link in links} & deviations, key=natural),
    )


def _procedures(engagement: Engagement, sheets: _Sheets) -> content.Procedures:
    numbers = {control.pk: control.number for control in sheets.controls}
    samples = [sample for sample in samples_of(engagement) if sample.control_id in numbers]
    profiles = list({sample.profile_id: sample.profile for sample in samples if sample.profile}.values())
    if not profiles:
        approved = SamplingProfile.objects.approved_for(engagement.firm)
        profiles = [approved] if approved else []
    used = {sample.population_id for sample in samples}
    used |= {
        test.empty_population_id for tests in sheets.tests.values() for test in tests if test.empty_population_id
    }
    reconciled = _reconciled(engagement)
    listings = sorted(
        Population.objects.filter(engagement=engagement, pk__in=used)
        .select_related("file")
        .prefetch_related("control_links"),
        key=lambda population: (natural(population.code), population.version),
    )
    return content.Procedures(
        sampling=wording.joined(str(profile) for profile in profiles) if engagement.is_type_2 else "",
        sizes=_sizes(profiles[-1].sizes) if profiles and engagement.is_type_2 else [],
        listings=[
            content.Listing(
                code=str(one),
                name=one.name,
                source=f"{one.source_system}, {one.query}" if one.query else one.source_system,
                rows=one.row_count,
                evaluation=" ".join(filter(None, [one.conclusion, *reconciled[one.pk]])),
                controls=sorted(
                    (numbers[link.control_id] for link in one.control_links.all() if link.control_id in numbers),
                    key=natural,
                ),
            )
            for one in listings
            if engagement.is_type_2
        ],
        others="",
    )


def _reconciled(engagement: Engagement) -> dict[int, list[str]]:
    """What concluded reconciliations say about the listings they hold, by population."""
    found: dict[int, list[str]] = defaultdict(list)
    concluded = (
        Reconciliation.objects.filter(engagement=engagement, state=Reconciliation.State.CONCLUDED)
        .annotate(count=Count("differences"))
        .prefetch_related("listings")
        .order_by("code")
    )
    for one in concluded:
        pair = list(one.listings.all())
        count: int = one.count  # type: ignore[attr-defined]
        words = (
            "no difference"
            if not count
            else "1 difference, explained"
            if count == 1
            else f"{count:,} differences, each explained"
        )
        for listing, other in ((pair[0], pair[1]), (pair[1], pair[0])):
            if listing.population_id is not None:
                found[listing.population_id].append(
                    f"Reconciled with {other.label}, {other.row_count:,} rows: {words}."
                )
    return found


def _sizes(sizes: Mapping[str, Any]) -> list[content.SampleSize]:
    rows = [
        content.SampleSize(occurrences=OCCURRENCES[key], items=_items(sizes["by_frequency"][key]))
        for key in OCCURRENCES
        if key in sizes.get("by_frequency", {})
    ]
    above = 0
    for step in sizes.get("event_population", []):
        limit = step["max"]
        if limit is None:
            words = f"On event, more than {above} occurrences"
        else:
            words = f"On event, {above + 1} to {limit} occurrences"
            above = limit
        rows.append(content.SampleSize(occurrences=words, items=_items(step["n"])))
    return rows


def _items(wanted: int | str | Sequence[int | str]) -> str:
    if isinstance(wanted, int | str):
        return str(wanted)
    distinct = list(dict.fromkeys(str(one) for one in wanted))
    return distinct[0] if len(distinct) == 1 else f"{distinct[0]} to {distinct[-1]}, by assessed risk"


def natural(code: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that counts: IAM-9 before IAM-10."""
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _split(code))


def _split(code: str) -> Iterable[str]:
    run = ""
    for character in code:
        if run and character.isdecimal() != run[-1].isdecimal():
            yield run
            run = ""
        run += character
    if run:
        yield run


def _iso(day: dt.date | None) -> str | None:
    return day.isoformat() if day else None
