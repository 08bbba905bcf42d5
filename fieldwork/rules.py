"""The rules of fieldwork (domain 4.2), each with the step it guards."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby, islice, pairwise

from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from engagements.coverage import controls_in_scope
from engagements.models import Engagement
from engagements.register import Finding, Rule, Severity, rule
from evidence.models import Population
from fieldwork import noting
from fieldwork.drawing import Draw
from fieldwork.models import (
    ControlTest,
    Deviation,
    DeviationCell,
    EvidenceCitation,
    ItemResult,
    Procedure,
    ProcedureRecord,
    ReviewNote,
    SampleItem,
    SheetItem,
    SignOff,
)
from fieldwork.occurring import shortfalls
from fieldwork.proposing import failing_compensation
from fieldwork.signing import all_living, stale_sign_offs
from fieldwork.testing.concluding import empty_cells
from fieldwork.whole import exceptions_of, loose_cells, open_notes, recorded, samples_of, tests_of

BLOCK, WARN = Severity.BLOCK, Severity.WARN
STATED = 12

Result = ControlTest.Result


def _some(found: Iterable[Finding], rest: str, rule: Rule, url: str) -> Iterator[Finding]:
    """The first findings one by one, the rest as a number: four hundred lines help nobody."""
    every = iter(found)
    yield from islice(every, STATED)
    left = sum(1 for _ in every)
    if left:
        yield rule.finding(rest.format(left), url=url, label="Testing")


# --- before and at the first test


@rule(
    "R47",
    BLOCK,
    guards="issue",
    text="The first test lies on or after the day of the engagement letter.",
)
def no_test_before_letter(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    first = min((test.created_at for test in tests_of(engagement)), default=None)
    if first is not None and engagement.letter_on is not None and first.date() < engagement.letter_on:
        yield rule.finding(
            f"The first test is of {first:%d %b %Y}, the letter of {engagement.letter_on:%d %b %Y}.", at=engagement
        )


# --- samples


@rule("R18", BLOCK, guards="draw", text="A sample is drawn only from an accepted population.")
def draw_from_accepted(rule: Rule, draw: Draw) -> Iterable[Finding]:
    if draw.population.state != Population.State.ACCEPTED:
        state = draw.population.get_state_display().lower()
        yield rule.finding(f"{draw.population} is {state}. Accept its record first.", at=draw.population)


@rule("R18", BLOCK, guards="issue", text="Every sample in use rests on an accepted population.")
def samples_rest_on_accepted(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    for sample in samples_of(engagement):
        if sample.population.state not in {Population.State.ACCEPTED, Population.State.SUPERSEDED}:
            yield rule.finding(f"{sample.control}: its population {sample.population} is not accepted.", at=sample)


@rule("R19", BLOCK, guards="issue", text="A sample belongs to the version of the population it was drawn from.")
def samples_of_this_version(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    for sample in samples_of(engagement):
        listing = sample.population
        if sample.population_sha256 != listing.sha256 or listing.state == Population.State.SUPERSEDED:
            yield rule.finding(f"{sample.control}: {listing} changed after its sample was drawn.", at=sample)
    for test in tests_of(engagement):
        if test.result == Result.NOT_TESTED or test.sample is None or test.sample.voided_at is None:
            continue
        yield rule.finding(f"{test}: its sample is void. Draw from the new population.", at=test)


@rule("R19", BLOCK, guards="sign", text="A sheet on a void sample is not signed.")
def sheet_on_living_sample(rule: Rule, test: ControlTest) -> Iterable[Finding]:
    if test.sample is not None and test.sample.voided_at is not None:
        yield rule.finding(
            f"The sample is void ({test.sample.voided_reason}). Draw from the new population.", at=test
        )


@rule("R21", WARN, guards="draw", text="A sample below the firm's profile needs a manager's approval and a reason.")
def smaller_than_profile(rule: Rule, draw: Draw) -> Iterable[Finding]:
    if draw.size >= draw.proposed:
        return
    if not draw.may_go_below:
        yield rule.finding(
            f"The profile asks for {draw.proposed}, not {draw.size}. A manager or the partner draws fewer.",
            at=draw.population,
        )
    elif not draw.smaller_reason:
        yield rule.finding(
            f"The profile asks for {draw.proposed}, not {draw.size}. Say why fewer are enough.", at=draw.population
        )


@rule("R22", BLOCK, guards="issue", text="Sample items are never substituted: the sheet holds those drawn.")
def no_substitution(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    yield from _substituted(rule, tests_of(engagement))


@rule("R22", BLOCK, guards="sign", text="The sheet holds all items of its sample and none of another.")
def sheet_holds_sample(rule: Rule, test: ControlTest) -> Iterable[Finding]:
    yield from _substituted(rule, [test])


def _substituted(rule: Rule, tests: Iterable[ControlTest]) -> Iterable[Finding]:
    shown = {test.pk: test for test in tests}
    sampled = {pk: test.sample_id for pk, test in shown.items() if test.sample_id}
    drawn: dict[int, set[int]] = defaultdict(set)
    for sample_id, item in SampleItem.objects.filter(sample__in=sampled.values()).values_list("sample_id", "pk"):
        drawn[sample_id].add(item)
    on_sheet: dict[int, set[int]] = defaultdict(set)
    for test_id, item_id in SheetItem.objects.filter(test__in=shown, sample_item__isnull=False).values_list(
        "test_id", "sample_item_id"
    ):
        if item_id is not None:
            on_sheet[test_id].add(item_id)
    for pk, test in shown.items():
        expected = drawn[sampled[pk]] if pk in sampled else set()
        if on_sheet[pk] != expected:
            yield rule.finding(f"{test}: the sheet's items are not those of its sample.", at=test)


# --- procedures and evidence


@rule("R24", BLOCK, guards=("plan_test", "sign"), text="Operating effectiveness is not tested by inquiry alone.")
def more_than_inquiry(rule: Rule, test: ControlTest) -> Iterable[Finding]:
    if test.phase == ControlTest.Phase.OPERATING and test.kinds == [Procedure.INQUIRY]:
        yield rule.finding(
            "Inquiry alone shows nothing of operation: add inspection, observation or reperformance."
        )


@rule("R24", BLOCK, guards="issue", text="No operating test rests on inquiry alone.")
def no_inquiry_alone(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    for test in tests_of(engagement):
        if (test.phase, test.kinds) != (ControlTest.Phase.OPERATING, [Procedure.INQUIRY]):
            continue
        if test.result == Result.NOT_TESTED:
            continue
        yield rule.finding(f"{test} rests on inquiry alone.", at=test)


@rule("R24", BLOCK, guards="sign", text="An inquiry about operation is corroborated.")
def inquiry_corroborated(rule: Rule, test: ControlTest) -> Iterable[Finding]:
    if test.phase != ControlTest.Phase.OPERATING or test.result not in {Result.NO_EXCEPTIONS, Result.EXCEPTIONS}:
        return
    asked = ProcedureRecord.objects.filter(test=test, kind=Procedure.INQUIRY, corroborated_by=None)
    for one in asked:
        yield rule.finding(
            f"The inquiry of {one.people} is corroborated by nothing: name the evidence that bears it out.", at=test
        )


@rule("R24", BLOCK, guards="sign", text="An inquiry or observation named in the report is on record.")
def procedures_on_record(rule: Rule, test: ControlTest) -> Iterable[Finding]:
    if test.result not in {Result.NO_EXCEPTIONS, Result.EXCEPTIONS}:
        return
    # What was inspected or done again shows in the cells of the sheet; what was heard or seen shows nowhere else.
    wanted = {Procedure.INQUIRY.value, Procedure.OBSERVATION.value} & set(test.kinds)
    there = set(ProcedureRecord.objects.filter(test=test).values_list("kind", flat=True)) if wanted else set()
    for kind in sorted(wanted - there):
        yield rule.finding(f"The {kind} is not on record: with whom, when, and what came of it.", at=test)


@rule("R25", BLOCK, guards="sign", text="A test cites evidence with the place in it, and so does each deviation.")
def evidence_with_place(rule: Rule, test: ControlTest) -> Iterable[Finding]:
    if test.result in {Result.NO_EXCEPTIONS, Result.EXCEPTIONS}:
        cited = EvidenceCitation.objects.filter(test=test)
        placed = ~Q(note="") | Exists(ItemResult.objects.filter(citation=OuterRef("pk")).exclude(place=""))
        if not cited.exists():
            yield rule.finding("The test cites no evidence.", at=test)
        elif not cited.filter(placed).exists():
            yield rule.finding("It is said nowhere where in the evidence one looked: page, row or cell.", at=test)
    for cell in (
        ItemResult.objects.filter(
            item__test=test, outcome=ItemResult.Outcome.DEVIATION, place="", citation__note=""
        )
        .select_related("item", "attribute", "citation__file")
        .order_by("item__position", "attribute__letter")
    ):
        yield rule.finding(
            f"Item {cell.item.position}, attribute {cell.attribute.letter}: say where in {cell.citation.file} "
            "the deviation shows (page, row or cell).",
            at=test,
        )


@rule("R25", BLOCK, guards="issue", text="Every test with a result cites evidence.")
def results_cite_evidence(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    bare = ControlTest.objects.filter(
        ~Exists(EvidenceCitation.objects.filter(test=OuterRef("pk"))),
        engagement=engagement,
        result__in=[Result.NO_EXCEPTIONS, Result.EXCEPTIONS],
    )
    for test in bare.select_related("control"):
        yield rule.finding(f"{test} cites no evidence.", at=test)


@rule("R26", BLOCK, guards="record_result", text="The evidence is there before the result is recorded.")
def evidence_before_result(rule: Rule, cell: ItemResult) -> Iterable[Finding]:
    if cell.citation.file.uploaded_at > cell.at:
        yield rule.finding(f"{cell.citation.file} was received after the result.")


@rule("R26", BLOCK, guards="issue", text="No result is older than the evidence it rests on.")
def no_result_before_evidence(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    early = ItemResult.objects.filter(engagement=engagement, citation__file__uploaded_at__gt=F("at"))
    found = set(early.values_list("item__test_id", flat=True))
    for test in tests_of(engagement):
        if test.pk in found:
            yield rule.finding(f"{test} has results older than their evidence.", at=test)


# --- sign-offs


@rule("F03", BLOCK, guards="sign", text="A sheet is signed when it is filled and concluded.")
def filled_and_concluded(rule: Rule, test: ControlTest) -> Iterable[Finding]:
    if test.result == Result.NONE:
        yield rule.finding("The test is not concluded.", at=test)
    if test.result in {Result.NO_EXCEPTIONS, Result.EXCEPTIONS}:
        left = empty_cells(test)
        if left is None:
            yield rule.finding("The sheet has no items or no attributes.", at=test)
        elif left:
            yield rule.finding(f"{left} cells of the sheet are empty.", at=test)


@rule("R28", BLOCK, guards="issue", text="Who prepared a workpaper does not review it.")
def different_people(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    people: dict[int, set[int]] = defaultdict(set)
    for test_id, user_id, _, _ in recorded(engagement):
        people[test_id].add(user_id)
    for test_id, steps in all_living(engagement).items():
        prepared = steps.get(SignOff.Step.PREPARED)
        workers = people[test_id] | ({prepared.by_id} if prepared else set())
        for step in (SignOff.Step.REVIEWED, SignOff.Step.PARTNER, SignOff.Step.QUALITY):
            sign_off = steps.get(step)
            if sign_off is not None and sign_off.by_id in workers:
                yield rule.finding(f"{sign_off.test}: prepared and reviewed by {sign_off.by}.", at=sign_off.test)


@rule("R29", BLOCK, guards=("reporting", "issue"), text="A workpaper is as it was when it was signed.")
def nothing_changed_since(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    seen = set()
    for sign_off in stale_sign_offs(engagement):
        if sign_off.test_id not in seen:
            seen.add(sign_off.test_id)
            yield rule.finding(
                f"{sign_off.test} changed after {sign_off.by} signed it. Return it and sign again.",
                at=sign_off.test,
            )


@rule("R30", BLOCK, guards="issue", text="A sign-off carries the server's time, after all that was signed.")
def time_of_signing(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    now = timezone.now()
    last: dict[int, dt.datetime] = {}
    for test_id, _, _, at in recorded(engagement):
        last[test_id] = max(at, last.get(test_id, at))
    for test_id, steps in all_living(engagement).items():
        for sign_off in steps.values():
            earliest = max(sign_off.test.created_at, last.get(test_id, sign_off.test.created_at))
            if not earliest <= sign_off.at <= now:
                yield rule.finding(f"{sign_off.test}: the time of its sign-off cannot be right.", at=sign_off.test)


@rule("R31", BLOCK, guards="issue", text="The reviewer signs after the preparer, the partner after the reviewer.")
def order_of_signing(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    order = list(SignOff.Step)
    for steps in all_living(engagement).values():
        for before, after in pairwise(order):
            later, earlier = steps.get(after), steps.get(before)
            if later is not None and (earlier is None or earlier.at > later.at):
                yield rule.finding(
                    f"{later.test} was signed as {after.label.lower()} before it was {before.label.lower()}.",
                    at=later.test,
                )


@rule("F01", BLOCK, guards=("reporting", "issue"), text="Every control in scope has a test, prepared and reviewed.")
def every_control_tested(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    phase = ControlTest.Phase.OPERATING if engagement.is_type_2 else ControlTest.Phase.DESIGN
    kind = "operating effectiveness" if engagement.is_type_2 else "design"
    signed = all_living(engagement)
    by_control: dict[int, list[ControlTest]] = defaultdict(list)
    for test in tests_of(engagement):
        by_control[test.control_id].append(test)

    def found() -> Iterator[Finding]:
        for control in controls_in_scope(engagement):
            own = by_control[control.pk]
            if not any(test.phase == phase for test in own):
                yield rule.finding(f"{control} has no test of {kind}.", at=control)
            for test in own:
                if SignOff.Step.REVIEWED not in signed.get(test.pk, {}):
                    yield rule.finding(f"{test} is not prepared and reviewed.", at=test)

    yield from _some(found(), "{} more tests are missing or not reviewed.", rule, _testing_url(engagement))


@rule("F02", BLOCK, guards="issue", text="No review note is open.")
def no_open_notes(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    for target, notes in groupby(open_notes(engagement), key=lambda note: note.target):
        labels = [note.label for note in notes]
        label, count = labels[-1], len(labels)
        yield rule.finding(
            f"{label} has {count} open review note{'' if count == 1 else 's'}.",
            url=noting.url_of(engagement, target),
            label=label,
        )


@rule("F02", BLOCK, guards="sign_review", text="A workpaper with open review notes is not signed as reviewed.")
def notes_cleared_first(rule: Rule, test: ControlTest) -> Iterable[Finding]:
    count = ReviewNote.objects.filter(test=test, cleared_at__isnull=True).count()
    if count:
        yield rule.finding(f"{count} review note{' is' if count == 1 else 's are'} open.", at=test)


# --- exceptions


@rule(
    "R32", BLOCK, guards="issue", text="Every exception has cause, extent, evaluation and the partner's conclusion."
)
def exceptions_concluded(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    for deviation in exceptions_of(engagement):
        missing = [name for name in ("cause", "extent", "evaluation") if not getattr(deviation, name)]
        if deviation.state != Deviation.State.CONCLUDED or deviation.concluded_by_id is None:
            missing.append("conclusion by the partner")
        if missing or not deviation.effect:
            yield rule.finding(f"{deviation} has no {', no '.join(missing) or 'effect'}.", at=deviation)


@rule("R32", BLOCK, guards="issue", text="What is said to be compensated is: in scope, tested, of the same period.")
def compensation_holds(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    for deviation, words in failing_compensation(engagement, exceptions_of(engagement)):
        yield rule.finding(f"{deviation}: {words}", at=deviation)


@rule("R33", BLOCK, guards="sign", text="Every deviation of the sheet is raised as an exception.")
def deviations_raised(rule: Rule, test: ControlTest) -> Iterable[Finding]:
    loose = ItemResult.objects.filter(item__test=test, outcome=ItemResult.Outcome.DEVIATION).filter(
        ~Exists(DeviationCell.objects.filter(cell=OuterRef("pk")))
    )
    for cell in loose.select_related("item", "attribute").order_by("item__position", "attribute__letter"):
        yield rule.finding(
            f"Item {cell.item.position}, attribute {cell.attribute.letter}: raise the deviation as an exception.",
            at=test,
        )


@rule(
    "R33", BLOCK, guards="issue", text="No deviation is lost; none is dismissed but by the partner with a reason."
)
def no_deviation_lost(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    for test in {cell.item.test_id: cell.item.test for cell in loose_cells(engagement)}.values():
        yield rule.finding(f"{test} has deviations that were not raised as exceptions.", at=test)
    for deviation in Deviation.objects.filter(engagement=engagement, state=Deviation.State.NOT_A_DEVIATION).filter(
        Q(dismissal_reason="") | Q(concluded_by__isnull=True)
    ):
        yield rule.finding(f"{deviation} was dismissed without the partner's reason.", at=deviation)


@rule("R34", WARN, guards="issue", text="The population holds as many occurrences as the frequency promises.")
def occurrences_complete(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    for shortfall in shortfalls(engagement):
        yield rule.finding(shortfall.words, at=shortfall.control)


@rule("R35", BLOCK, guards="sign", text="'Did not operate' rests on an accepted population of zero rows.")
def zero_population(rule: Rule, test: ControlTest) -> Iterable[Finding]:
    if test.result == Result.DID_NOT_OPERATE and not _empty(test.empty_population):
        yield rule.finding("'Did not operate' rests on no accepted population of zero rows.", at=test)


@rule("R35", BLOCK, guards="issue", text="Every 'did not operate' rests on an accepted population of zero rows.")
def zero_populations(rule: Rule, engagement: Engagement) -> Iterable[Finding]:
    for test in tests_of(engagement):
        if test.result == Result.DID_NOT_OPERATE and not _empty(test.empty_population):
            yield rule.finding(f"{test} says 'did not operate' without a population of zero rows.", at=test)


def _empty(population: Population | None) -> bool:
    return population is not None and population.row_count == 0 and population.state == Population.State.ACCEPTED


def _testing_url(engagement: Engagement) -> str:
    return f"{engagement.get_absolute_url()}testing/"
