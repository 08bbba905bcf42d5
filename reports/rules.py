"""What must hold before a report is issued: parts that agree, an opinion that rests on matters, dates in order.

The numbers are those of the rules as the firm reads them; severity and wording are ours and stand here once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator

from django.db.models import Max
from django.urls import reverse
from django.utils import timezone

from engagements.models import Engagement, Stage
from engagements.register import Finding, Rule, Severity, rule, shared
from fieldwork.models import ControlTest, Deviation, EvidenceCitation, SheetItem, SignOff
from fieldwork.signing import all_living
from fieldwork.whole import loose_cells, recorded
from reports import consistency, lattice, likeness, opinion
from reports.approving import approvals, asks_for_two
from reports.description import missing
from reports.drafting import COMPARED, reviewed
from reports.models import (
    Conclusion,
    Issuance,
    Limb,
    ManagementStatement,
    Matter,
    Part,
    QualityReview,
)
from reports.opinion import page
from reports.quality import reviewer_named, why_reviewed
from reports.recalling import open_fact, reopened
from reports.snapshot import (
    conclusions,
    description_of,
    issuance_states,
    present,
    present_sha256,
    sections_of,
    standing_deviations,
    standing_matters,
    standing_statements,
)
from reports.terms import agreed_terms, differences, letters_of, terms_of

Kind = ManagementStatement.Kind


@shared
def _reading(engagement: Engagement) -> consistency.Reading:
    return consistency.Reading(present(engagement))


def _found(rule: Rule, engagement: Engagement, discords: Iterable[consistency.Discord]) -> Iterator[Finding]:
    """What the engine found under a rule, with the page on which it is put right."""
    for one in discords:
        if one.rule == rule.id:
            url, label = _page_of(engagement, one)
            yield rule.finding(one.text, url=url, label=label)


def _page_of(engagement: Engagement, one: consistency.Discord) -> tuple[str, str]:
    key = engagement.pk
    if one.kind in {"control", "criterion"}:
        return reverse(f"engagements:{one.kind}", args=[key, one.code]), one.code
    if one.kind == "exception":
        return reverse("fieldwork:exception", args=[key, one.code]), one.code
    if one.kind == "part":
        return reverse("reports:section", args=[key, one.code]), one.code
    if one.kind == "statement":
        return page(engagement, "statements"), "Assertion"
    if one.kind in REGISTERS:
        return reverse("engagements:register", args=[key, REGISTERS[one.kind]]), one.code or "Register"
    return f"{page(engagement, 'text')}#{one.place}", "The paragraph"


REGISTERS = {
    "subservice": "subservice",
    "complementary": "cuec",
    "incidents": "incidents",
    "changes": "changes",
}


# Sections III, IV and V


@rule("R37", Severity.BLOCK, guards="issue", text="Every deviation of the test sheets stands in Section IV")
def deviations_reported(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    for cell in loose_cells(engagement):
        yield rule.finding(
            f"{cell.item.test}, {cell}: no exception is raised from this deviation.", at=cell.item.test
        )
    printed = {one["code"] for one in present(engagement)["deviations"]}
    for deviation in standing_deviations(engagement) if engagement.is_type_2 else ():
        if deviation.code not in printed:
            yield rule.finding(
                f"{deviation.code} would not be printed: {deviation.control} is out of scope.", at=deviation
            )


# What the consistency engine finds. Rules that other apps check on their own rows are not asked twice.
ENGINE = {
    "R36": "The text of a control is the same in Sections III and IV",
    "R37": "Exceptions and tests of Section IV say the same",
    "R40": "Section V and the other-information paragraph go together",
    "R41": "Complementary controls, their paragraphs and their conditions go together",
    "R42": "The report restricts its use to named classes of parties",
    "S02": "The report is addressed to whom it is for",
    "S03": "Title, time, categories and criteria are the same in Sections I, II and III",
    "S04": "Subservice organizations are named, with assumed controls that serve criteria or an assertion",
    "S05": "The paragraph on user entity controls has controls that serve criteria",
    "S06": "The paragraph on other information names its section",
    "S08": "The auditor's responsibilities name the standards and reasonable assurance",
    "S09": "The auditor states its independence",
    "S11": "A Type 1 says that operation was not examined",
    "S12": "The report points at its tests, and says why something was not tested",
    "S14": "The opinion speaks limb by limb, in all material respects, of the time examined",
    "S15": "Every emphasis or other-matter paragraph has its reason on file",
    "S16": "The restriction of use names every party",
    "S17": "The firm signs",
    "S18": "City and state stand under the report",
}


def _engine(code: str) -> Callable[[Rule, Engagement], Iterator[Finding]]:
    def check(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
        here = _reading(engagement)
        for law in consistency.CHECKS[code]:
            yield from _found(rule, engagement, law(here))

    return check


for _code, _text in ENGINE.items():
    rule(_code, Severity.BLOCK, guards="issue", text=_text)(_engine(_code))


@rule("R44", Severity.BLOCK, guards="issue", text="The changes that are described lie within the period")
def changes_in_period(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    yield from _found(rule, engagement, consistency.changes_in_period(_reading(engagement)))


@rule("R45", Severity.WARN, guards="issue", text="Texts do not recur in the firm's reports for other clients")
def unlike_others(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    sha256 = present_sha256(engagement)
    check = likeness.newest(engagement, sha256)
    # From the step on at which it is compared, silence must not look like a clean comparison.
    if check is None and engagement.stage == Stage.REPORTING and engagement.reporting_step in COMPARED:
        yield Finding(
            rule.id,
            rule.severity,
            likeness.why_not_compared(engagement, sha256),
            page(engagement, "likeness"),
            "Comparison",
            f"reports.likenesscheck:none:{sha256[:16]}",
        )
    for one in likeness.telling(check.found) if check else ():
        yield Finding(
            rule.id,
            rule.severity,
            f"{likeness.SECTIONS[one['section']]}: {one['share'] / 10:.0f}% of its words recur in engagement "
            f"{one['engagement']}.",
            page(engagement, "likeness"),
            "Comparison",
            f"reports.likenesscheck:{one['section']}:{sha256[:16]}",
        )


# The opinion


@rule(
    "R38", Severity.BLOCK, guards="issue", text="The partner has concluded on every limb, on matters where modified"
)
def limbs_concluded(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    url = page(engagement, "opinion")
    formed = conclusions(engagement)
    matters = standing_matters(engagement)
    for limb in opinion.unformed(engagement):
        yield rule.finding(f"No conclusion on {str(limb.label).lower()} yet.", url=url, label="Opinion")
    for limb, one in formed.items():
        touching = [matter for matter in matters if limb in matter.limbs]
        name = str(limb.label)
        if one.conclusion == Conclusion.UNMODIFIED:
            for matter in touching:
                yield rule.finding(f"{name} is unmodified, but {matter} touches it.", url=url, label="Opinion")
        elif not touching:
            yield rule.finding(
                f"{name} is {one.conclusion}, but no matter stands for it.", url=url, label="Opinion"
            )
        for matter in touching:
            if not matter.basis.strip():
                yield rule.finding(f"{matter} has no basis paragraph.", url=url, label="Opinion")


@rule("R38", Severity.BLOCK, guards="issue", text="The assertion is modified exactly when the opinion is")
def assertion_agrees(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    assertion = standing_statements(engagement).get(Kind.ASSERTION)
    if assertion is None:
        return  # R49 says so
    url = page(engagement, "statements")
    modified = any(one.conclusion != Conclusion.UNMODIFIED for one in conclusions(engagement).values())
    if modified and not assertion.modifications.strip():
        yield rule.finding(
            "The opinion is modified and management's assertion is not. Management has to sign one that says in "
            "what respects it does not hold.",
            url=url,
            label="Assertion",
        )
    if not modified and assertion.modifications.strip():
        yield rule.finding(
            "Management's assertion admits a failure and the opinion is unmodified.", url=url, label="Opinion"
        )


@rule("R39", Severity.BLOCK, guards="issue", text="No limb is unmodified while a criterion failed")
def no_failed_criterion(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    formed = conclusions(engagement)
    for deviation in standing_deviations(engagement):
        if (deviation.state, deviation.effect) != (Deviation.State.CONCLUDED, Deviation.Effect.CRITERION_FAILED):
            continue
        limb = Limb.DESIGN if deviation.test.phase == ControlTest.Phase.DESIGN else Limb.OPERATING
        one = formed.get(limb)
        if one is not None and one.conclusion == Conclusion.UNMODIFIED:
            yield rule.finding(
                f"{deviation.code}: a criterion is not met, but {str(limb.label).lower()} is unmodified.",
                at=deviation,
            )


# Management's part


@rule("R49", Severity.BLOCK, guards="issue", text="The description is complete and the assertion is made on it")
def assertion_signed(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    description = description_of(engagement)
    if description is None or description.completed_at is None:
        yield rule.finding(
            "Management has not completed the description.",
            url=page(engagement, "description"),
            label="Description",
        )
    elif missing(engagement):
        yield rule.finding(
            "The description was completed, but lacks something since.",
            url=page(engagement, "description"),
            label="Description",
        )
    assertion = standing_statements(engagement).get(Kind.ASSERTION)
    url = page(engagement, "statements")
    if assertion is None:
        yield rule.finding("Management has not signed the assertion.", url=url, label="Assertion")
        return
    completed = description.completed_at if description else None
    sections = [section for section in sections_of(engagement).values() if section.part != Part.OTHER]
    last = max((section.updated_at for section in sections if section.updated_at), default=None)
    if any(moment and moment > assertion.signed_at for moment in (completed, last)):
        yield rule.finding(
            "The description was edited after the assertion was signed: it has to be signed again.",
            url=url,
            label="Assertion",
        )
    yield from _ordered(rule, engagement, lattice.of_assertion)


@shared
def _dates(engagement: Engagement) -> lattice.Dates:
    """What happened when, read at once."""
    signed = standing_statements(engagement)
    reviews = [
        sign_off.at
        for steps in all_living(engagement).values()
        for step, sign_off in steps.items()
        if step != SignOff.Step.PREPARED
    ]
    first = min((at for _, _, at, _ in recorded(engagement)), default=None)
    evidence = EvidenceCitation.objects.filter(engagement=engagement).aggregate(at=Max("file__uploaded_at"))["at"]
    quality = QualityReview.objects.filter(engagement=engagement).aggregate(at=Max("at"))["at"]
    amendments = [one.executed_on for one in letters_of(engagement) if one.number and one.executed_on]

    def day_of(moment: dt.datetime | None) -> dt.date | None:
        return timezone.localdate(moment) if moment else None

    def stated(kind: Kind) -> dt.date | None:
        return signed[kind].stated_on if kind in signed else None

    return lattice.Dates(
        type_2=engagement.is_type_2,
        end=engagement.ends_on,
        accepted=engagement.accepted_on,
        letter=engagement.letter_on,
        amended=max(amendments, default=None),
        first_test=day_of(first),
        evidence=day_of(evidence),
        review=day_of(max(reviews, default=None)),
        report=engagement.report_date,
        assertion=stated(Kind.ASSERTION),
        representation=stated(Kind.REPRESENTATION),
        inquiry=stated(Kind.SUBSEQUENT_EVENTS),
        quality_review=day_of(quality),
        release=timezone.localdate(),
    )


PAGES = {
    "report": ("opinion", "Opinion"),
    "assertion": ("statements", "Assertion"),
    "representation": ("statements", "Letters"),
    "subsequent_events": ("statements", "Letters"),
    "quality_review": ("report", "Report"),
}


def _ordered(
    rule: Rule, engagement: Engagement, find: Callable[[lattice.Dates], Iterator[lattice.Disorder]]
) -> Iterator[Finding]:
    """What is out of order, with the page on which the date is set."""
    for one in find(_dates(engagement)):
        if one.about == "letter":
            url = reverse("engagements:letter", args=[engagement.pk])
            yield rule.finding(one.text, url=url, label="Letter")
        elif one.about in PAGES:
            name, label = PAGES[one.about]
            yield rule.finding(one.text, url=page(engagement, name), label=label)
        else:
            yield rule.finding(one.text, at=engagement)


# The lattice of dates


@rule("R50", Severity.BLOCK, guards="issue", text="The representation letter bears the report date")
def representation_dated(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    yield from _ordered(rule, engagement, lattice.of_representation)


@rule(
    "R52", Severity.BLOCK, guards="issue", text="Subsequent events were asked about shortly before the report date"
)
def subsequent_events(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    yield from _ordered(rule, engagement, lattice.of_inquiry)


@rule(
    "R15",
    Severity.BLOCK,
    guards=("reporting", "issue"),
    text="What is examined is what the engagement letter, with its amendments, has agreed",
)
def examined_as_agreed(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    found = letters_of(engagement)
    url = reverse("engagements:letter", args=[engagement.pk])
    for letter in found:
        if letter.number and letter.to_sign:
            yield rule.finding(
                f"{letter.title} of the engagement letter is not signed by both: have it signed, or withdraw it.",
                at=letter,
                label="Letter",
            )
    agreed = agreed_terms(found)
    for one in differences(agreed, terms_of(engagement)) if agreed is not None else []:
        yield rule.finding(
            f"{one['label']}: agreed is {one['old']}, now it is {one['new']}. Amend the engagement letter.",
            url=url,
            label="Letter",
        )


@rule(
    "R15",
    Severity.BLOCK,
    guards="issue",
    text="The engagement letter was last amended no later than the report date",
)
def amended_in_time(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    yield from _ordered(rule, engagement, lattice.of_amendments)


@rule("R47", Severity.BLOCK, guards="issue", text="The engagement is accepted, its letter executed, then tested")
def order_of_beginnings(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    yield from _ordered(rule, engagement, lattice.beginnings)


@rule(
    "R48", Severity.BLOCK, guards="issue", text="The report is dated after the period, or not before the as-of date"
)
def report_date(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    yield from _ordered(rule, engagement, lattice.of_report)


@rule("R51", Severity.BLOCK, guards="issue", text="The report is dated when evidence and review were complete")
def work_before_date(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    yield from _ordered(rule, engagement, lattice.work)


@rule("R53", Severity.BLOCK, guards="issue", text="The quality review of this very content is completed")
def quality_review(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    why = why_reviewed(engagement)
    if not why:
        return
    url = page(engagement, "report")
    if not reviewer_named(engagement):
        words = "; ".join(why)
        yield rule.finding(
            f"{words[0].upper()}{words[1:]}: name a quality reviewer.",
            url=reverse("engagements:team", args=[engagement.pk]),
            label="Team",
        )
    elif not reviewed(engagement, present_sha256(engagement)):
        yield rule.finding("The quality review of the present content is not completed.", url=url, label="Report")


@rule("R54", Severity.BLOCK, guards="issue", text="The report is not released before its date")
def not_before_its_date(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    yield from _ordered(rule, engagement, lattice.ahead)


@rule(
    "R54",
    Severity.WARN,
    guards="issue",
    text="A report released late asks for subsequent events anew",
)
def not_long_after_its_date(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    yield from _ordered(rule, engagement, lattice.stale)


@rule("R57", Severity.BLOCK, guards="issue", text="What is issued is not issued over: a reissue is a new version")
def issued_once(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    # Where the engagement was opened to reissue the report, the new one replaces what is current.
    alive = [Issuance.State.RENDERING, *([] if reopened(engagement) else [Issuance.State.CURRENT])]
    if any(state in alive for state in issuance_states(engagement)):
        yield rule.finding("The report is issued, or being issued.", url=page(engagement, "report"), label="Report")


@rule("R57", Severity.BLOCK, guards="leave", text="An engagement with a report that is current is not left")
def no_leaving_with_a_report(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    if Issuance.State.CURRENT in issuance_states(engagement):
        yield rule.finding(
            "Its report is current: reissue it, or withdraw it.", url=page(engagement, "report"), label="Report"
        )


@rule(
    "R58", Severity.BLOCK, guards="lock", text="What became known after issue is settled before the file is closed"
)
def facts_are_settled(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    fact = open_fact(engagement)
    if fact is not None:
        yield rule.finding(f"{fact}: nothing is decided about it.", url=page(engagement, "report"), label="Report")


@rule("R22", Severity.BLOCK, guards="issue", text="What could not be obtained is a deviation or limits the scope.")
def limitations_have_a_matter(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    """An item that limits the scope needs a matter that says so, touching a criterion of its control."""
    limiting = SheetItem.objects.filter(
        engagement=engagement, unobtainable_as=SheetItem.Unobtainable.LIMITATION
    ).select_related("test__control")
    if not limiting:
        return
    matters = Matter.objects.filter(engagement=engagement, cause=Matter.Cause.SCOPE, withdrawn_at__isnull=True)
    said = set(matters.values_list("criteria", flat=True))
    for item in limiting:
        served = set(item.test.control.criteria.values_list("pk", flat=True))
        if not served & said:
            yield rule.finding(
                f"{item.test} item {item.position} could not be obtained and limits the scope; no matter says so.",
                at=item.test,
            )


# The firm's own policy


@rule(
    "F01",
    Severity.BLOCK,
    guards="issue",
    text="Where the firm's policy asks for two people, a second one has approved the issue of this very content.",
)
def second_person(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    if asks_for_two(engagement) and not approvals(engagement, present_sha256(engagement)):
        yield rule.finding(
            "It takes two people to issue: nobody beside the partner has approved the present content.",
            url=page(engagement, "report"),
            label="Report",
        )
