"""What must hold before a report is issued: parts that agree, an opinion that rests on matters, dates in order.

The numbers are those of the rules as the firm reads them; severity and wording are ours and stand here once.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

from django.db.models import Max
from django.urls import reverse
from django.utils import timezone

from engagements.coverage import controls_in_scope
from engagements.models import Engagement
from engagements.register import Finding, Rule, Severity, rule, shared
from fieldwork.models import ControlTest, Deviation, EvidenceCitation, ItemResult, SheetItem, SignOff
from reports import opinion
from reports.approving import approvals, asks_for_two
from reports.content import Snapshot, digest, has_other_information
from reports.description import missing
from reports.drafting import reviewed
from reports.models import (
    Conclusion,
    Issuance,
    Limb,
    ManagementStatement,
    Matter,
    Part,
)
from reports.opinion import page
from reports.quality import reviewer_named, why_reviewed
from reports.recalling import open_fact, reopened
from reports.snapshot import (
    build,
    conclusions,
    description_of,
    sections_of,
    standing_deviations,
    standing_matters,
    standing_statements,
)
from reports.statements import INQUIRY_DAYS
from reports.wording import elements

Kind = ManagementStatement.Kind

LONGEST_TO_RELEASE = dt.timedelta(days=30)
LONGEST_TO_REPORT = dt.timedelta(days=120)


@shared
def _content(engagement: Engagement) -> Snapshot:
    return build(engagement)


@shared
def _keys(engagement: Engagement) -> list[str]:
    return [element.key for element in elements(_content(engagement))]


def _day(date: dt.date) -> str:
    return f"{date.day} {date:%b %Y}"


# Sections III, IV and V


@rule("R36", Severity.BLOCK, guards="issue", text="The text of a control is the same in Sections III and IV")
def same_wording(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    """Both sections print the one wording; what is left is prose that states a control again in other words."""
    wordings = {control.number: control.wording for control in controls_in_scope(engagement)}
    for section in sections_of(engagement).values():
        if section.part == Part.OTHER:
            continue
        for number, text in restated(section.body, wordings):
            yield rule.finding(
                f"{section.part} states {number} in other words than Section IV: “{text[:80]}”.", at=section
            )


def restated(body: str, wordings: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Lines of a text that state a control (number, separator, words) other than in its wording."""
    for line in body.splitlines():
        plain = re.sub(r"[*_`]", "", line).strip().strip("|").strip().lstrip("-+#>").strip()
        found = re.match(r"(\S+?)\s*(?::|\||–|—|\s-\s)\s*(.+)", plain)
        if found and found[1] in wordings:
            words, text = " ".join(wordings[found[1]].split()), " ".join(found[2].split())
            if text.split(" | ")[0] not in {words, re.sub(r"[*_`]", "", words)}:
                yield found[1], text


@rule("R37", Severity.BLOCK, guards="issue", text="Every deviation of the test sheets stands in Section IV")
def deviations_reported(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    cells = (
        ItemResult.objects.filter(
            engagement=engagement, outcome=ItemResult.Outcome.DEVIATION, deviation_links__isnull=True
        )
        .select_related("item__test__control", "attribute__test__control")
        .order_by("pk")
    )
    for cell in cells:
        yield rule.finding(
            f"{cell.item.test}, {cell}: no exception is raised from this deviation.", at=cell.item.test
        )
    if not engagement.is_type_2:
        return
    snapshot = _content(engagement)
    printed = {one["code"]: one for one in snapshot["deviations"]}
    listed = {
        code: test["result"]
        for control in snapshot["controls"]
        for test in control["tests"]
        for code in test["deviation_codes"]
    }
    for deviation in standing_deviations(engagement):
        one = printed.get(deviation.code)
        if one is None or deviation.code not in listed:
            yield rule.finding(
                f"{deviation.code} would not be printed: {deviation.control} is out of scope.", at=deviation
            )
        elif one["items_tested"] is None or one["deviations"] is None:
            yield rule.finding(f"{deviation.code} has no number of items tested or of deviations.", at=deviation)
        elif listed[deviation.code] != "exceptions":
            yield rule.finding(
                f"{deviation.code} stands, but its test does not say “exceptions noted”.", at=deviation
            )


@rule("R40", Severity.BLOCK, guards="issue", text="Section V and the other-information paragraph go together")
def section_five(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    yield from (rule.finding(text) for text in section_five_problems(_content(engagement), *_keys(engagement)))


@rule("R41", Severity.BLOCK, guards="issue", text="Complementary controls and their paragraphs go together")
def complementary(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    url = page(engagement, "report")
    for text in complementary_problems(_content(engagement), *_keys(engagement)):
        yield rule.finding(text, url=url, label="Report")


@rule("R42", Severity.BLOCK, guards="issue", text="The report restricts its use to named classes of parties")
def restricted_use(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    yield from (rule.finding(text) for text in restricted_use_problems(_content(engagement), *_keys(engagement)))


def section_five_problems(snapshot: Snapshot, *keys: str) -> Iterator[str]:
    """R40 on a content and the elements that would be printed."""
    if has_other_information(snapshot) and "other_information" not in keys:
        yield "Section V is printed without the paragraph that says it was not examined."
    if not has_other_information(snapshot) and "other_information" in keys:
        yield "The other-information paragraph is printed, but Section V is empty."


def complementary_problems(snapshot: Snapshot, *keys: str) -> Iterator[str]:
    """R41 on a content and the elements that would be printed."""
    carved_out = [one for one in snapshot["subservices"] if one["method"] == "carve_out"]
    for one in carved_out:
        if not one["csocs"]:
            yield f"{one['name']} is carved out, but no complementary control is assumed there."
    if bool(carved_out) != ("carve_out" in keys):
        yield "Carved-out subservice organizations and the paragraph on them do not go together."
    if bool(snapshot["cuecs"]) != ("cuec" in keys):
        yield "Complementary user entity controls and the paragraph on them do not go together."


def restricted_use_problems(snapshot: Snapshot, *keys: str) -> Iterator[str]:
    """R42 on a content and the elements that would be printed."""
    if "restricted_use" not in keys:
        yield "The paragraph on restricted use is missing."
    if not snapshot["specified_parties"]:
        yield "No class of specified parties is named."


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
    if assertion.stated_on < engagement.ends_on or (
        engagement.is_type_2 and assertion.stated_on == engagement.ends_on
    ):
        yield rule.finding("The assertion is dated before what it speaks of was over.", url=url, label="Assertion")
    if engagement.report_date and assertion.stated_on > engagement.report_date:
        yield rule.finding("The assertion is dated after the report.", url=url, label="Assertion")


@rule("R50", Severity.BLOCK, guards="issue", text="The representation letter bears the report date")
def representation_dated(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    letter = standing_statements(engagement).get(Kind.REPRESENTATION)
    url = page(engagement, "statements")
    if letter is None:
        yield rule.finding("Management has not signed the representation letter.", url=url, label="Letters")
    elif engagement.report_date and letter.stated_on != engagement.report_date:
        yield rule.finding(
            f"The representation letter is dated {_day(letter.stated_on)}, the report "
            f"{_day(engagement.report_date)}.",
            url=url,
            label="Letters",
        )


@rule(
    "R52", Severity.BLOCK, guards="issue", text="Subsequent events were asked about shortly before the report date"
)
def subsequent_events(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    inquiry = standing_statements(engagement).get(Kind.SUBSEQUENT_EVENTS)
    url = page(engagement, "statements")
    if inquiry is None:
        yield rule.finding("The inquiry about subsequent events is not answered.", url=url, label="Letters")
    elif engagement.report_date:
        days = (engagement.report_date - inquiry.stated_on).days
        if days < 0:
            yield rule.finding("The inquiry about subsequent events is dated after the report.", url=url)
        elif days > INQUIRY_DAYS:
            yield rule.finding(
                f"The inquiry about subsequent events is {days} days older than the report date; at most "
                f"{INQUIRY_DAYS} are allowed.",
                url=url,
                label="Letters",
            )


# Dates


@rule("R47", Severity.BLOCK, guards="issue", text="The engagement is accepted, then its letter executed")
def order_of_beginnings(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    if engagement.letter_on is None:
        yield rule.finding("No executed engagement letter is on record.", at=engagement)
        return
    if engagement.accepted_on and engagement.accepted_on > engagement.letter_on:
        yield rule.finding("The engagement letter is older than the acceptance.", at=engagement)


@rule(
    "R48", Severity.BLOCK, guards="issue", text="The report is dated after the period, or not before the as-of date"
)
def report_date(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    date, url = engagement.report_date, page(engagement, "opinion")
    if date is None:
        yield rule.finding("The report date is not set.", url=url, label="Opinion")
    elif date < engagement.ends_on or (engagement.is_type_2 and date == engagement.ends_on):
        yield rule.finding("The report is dated before what it speaks of was over.", url=url, label="Opinion")


@rule("R51", Severity.BLOCK, guards="issue", text="The report is dated when evidence and review were complete")
def work_before_date(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    date, url = engagement.report_date, page(engagement, "opinion")
    if date is None:
        return  # R48 says so
    reviews = SignOff.objects.filter(engagement=engagement, voided_at__isnull=True).exclude(
        step=SignOff.Step.PREPARED
    )
    last = reviews.aggregate(last=Max("at"))["last"]
    if last and timezone.localdate(last) > date:
        yield rule.finding(
            f"The last review is signed on {_day(timezone.localdate(last))}, after the report date.",
            url=url,
            label="Opinion",
        )
    latest = EvidenceCitation.objects.filter(engagement=engagement).aggregate(last=Max("file__uploaded_at"))["last"]
    if latest and timezone.localdate(latest) > date:
        yield rule.finding(
            f"Evidence relied on was received on {_day(timezone.localdate(latest))}, after the report date.",
            url=url,
            label="Opinion",
        )


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
    elif not reviewed(engagement, digest(_content(engagement))):
        yield rule.finding("The quality review of the present content is not completed.", url=url, label="Report")


@rule("R54", Severity.BLOCK, guards="issue", text="The report is not released before its date")
def not_before_its_date(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    if engagement.report_date and engagement.report_date > timezone.localdate():
        yield rule.finding("The report date lies in the future.", url=page(engagement, "opinion"), label="Opinion")


@rule(
    "R54",
    Severity.WARN,
    guards="issue",
    text="A report released late asks for subsequent events anew",
)
def not_long_after_its_date(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    if engagement.report_date and timezone.localdate() - engagement.report_date > LONGEST_TO_RELEASE:
        yield rule.finding(
            f"The report is dated {_day(engagement.report_date)}, more than 30 days ago: ask about subsequent "
            "events again and date it anew.",
            url=page(engagement, "opinion"),
            label="Opinion",
        )


@rule("R56", Severity.WARN, guards="issue", text="The report follows the end of the period within 120 days")
def soon_after_period(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    date = engagement.report_date
    if date and date - engagement.ends_on > LONGEST_TO_REPORT:
        yield rule.finding(
            f"The report date lies {(date - engagement.ends_on).days} days after {_day(engagement.ends_on)}.",
            url=page(engagement, "opinion"),
            label="Opinion",
        )


@rule("R57", Severity.BLOCK, guards="issue", text="What is issued is not issued over: a reissue is a new version")
def issued_once(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    # Where the engagement was opened to reissue the report, the new one replaces what is current.
    alive = [Issuance.State.RENDERING, *([] if reopened(engagement) else [Issuance.State.CURRENT])]
    if Issuance.objects.filter(engagement=engagement, state__in=alive).exists():
        yield rule.finding("The report is issued, or being issued.", url=page(engagement, "report"), label="Report")


@rule("R57", Severity.BLOCK, guards="leave", text="An engagement with a report that is current is not left")
def no_leaving_with_a_report(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    if Issuance.objects.filter(engagement=engagement, state=Issuance.State.CURRENT).exists():
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
    if asks_for_two(engagement) and not approvals(engagement, digest(_content(engagement))):
        yield rule.finding(
            "It takes two people to issue: nobody beside the partner has approved the present content.",
            url=page(engagement, "report"),
            label="Report",
        )
