"""The order in which the dates of an examination stand to each other (R47 to R56). Pure functions.

The same order is kept by the database when a report is issued (reports.models.DATES_IN_ORDER).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

# How long after its date a report may be released before subsequent events are asked about anew.
LONGEST_TO_RELEASE = dt.timedelta(days=30)
LONGEST_TO_REPORT = dt.timedelta(days=120)
# R52: how old the inquiry may be at the report date. The firm's policy; confirm with a practitioner.
INQUIRY_DAYS = 5


@dataclass(frozen=True)
class Dates:
    """What happened when; None for what has not happened. `end`: the as-of date, or the last day of the period."""

    type_2: bool
    end: dt.date
    accepted: dt.date | None = None
    letter: dt.date | None = None
    amended: dt.date | None = None  # the last amendment of the letter
    first_test: dt.date | None = None
    evidence: dt.date | None = None  # the latest that is relied on
    review: dt.date | None = None  # the last sign-off
    report: dt.date | None = None
    assertion: dt.date | None = None
    representation: dt.date | None = None
    inquiry: dt.date | None = None
    quality_review: dt.date | None = None
    release: dt.date | None = None  # or today, while it is not released

    def over(self, date: dt.date) -> bool:
        """Whether what is examined was over on that date: a period ends with its last day."""
        return date > self.end if self.type_2 else date >= self.end


@dataclass(frozen=True)
class Disorder:
    """Two dates in the wrong order, or one that is missing. `about`: whose date it is."""

    rule: str
    text: str
    about: str


def day(date: dt.date) -> str:
    return f"{date.day} {date:%b %Y}"


def disorders(dates: Dates) -> Iterator[Disorder]:
    """Everything that is out of order."""
    yield from beginnings(dates)
    yield from of_amendments(dates)
    yield from of_report(dates)
    yield from of_assertion(dates)
    yield from of_representation(dates)
    yield from work(dates)
    yield from of_inquiry(dates)
    yield from of_quality_review(dates)
    yield from release(dates)
    yield from late(dates)


def beginnings(dates: Dates) -> Iterator[Disorder]:
    """R47: accepted, then the letter, then the first test."""
    accepted, letter, first = dates.accepted, dates.letter, dates.first_test
    if letter is None:
        yield Disorder("R47", "No executed engagement letter is on record.", "engagement")
        return
    if accepted is None:
        yield Disorder("R47", "The engagement was not accepted before its letter.", "engagement")
    elif accepted > letter:
        yield Disorder("R47", "The engagement letter is older than the acceptance.", "engagement")
    if first is not None and first < letter:
        yield Disorder(
            "R47", f"The first test was made on {day(first)}, before the engagement letter.", "engagement"
        )


def of_amendments(dates: Dates) -> Iterator[Disorder]:
    """R15, as to its date: the report keeps to what was agreed when it was dated."""
    amended = dates.amended
    if amended is None:
        return
    if dates.letter is not None and amended < dates.letter:
        yield Disorder("R15", f"The letter was amended on {day(amended)}, before it was signed.", "letter")
    if dates.report is not None and amended > dates.report:
        yield Disorder("R15", f"The letter was amended on {day(amended)}, after the report date.", "letter")


def of_report(dates: Dates) -> Iterator[Disorder]:
    """R48."""
    if dates.report is None:
        yield Disorder("R48", "The report date is not set.", "report")
    elif not dates.over(dates.report):
        yield Disorder("R48", "The report is dated before what it speaks of was over.", "report")


def of_assertion(dates: Dates) -> Iterator[Disorder]:
    """R49."""
    made = dates.assertion
    if made is None:
        yield Disorder("R49", "Management has not signed the assertion.", "assertion")
        return
    if not dates.over(made):
        yield Disorder("R49", "The assertion is dated before what it speaks of was over.", "assertion")
    if dates.report is not None and made > dates.report:
        yield Disorder("R49", "The assertion is dated after the report.", "assertion")


def of_representation(dates: Dates) -> Iterator[Disorder]:
    """R50."""
    letter = dates.representation
    if letter is None:
        yield Disorder("R50", "Management has not signed the representation letter.", "representation")
    elif dates.report is not None and letter != dates.report:
        yield Disorder(
            "R50",
            f"The representation letter is dated {day(letter)}, the report {day(dates.report)}.",
            "representation",
        )


def work(dates: Dates) -> Iterator[Disorder]:
    """R51."""
    if dates.report is None:
        return
    if dates.review is not None and dates.review > dates.report:
        yield Disorder("R51", f"The last review is signed on {day(dates.review)}, after the report date.", "report")
    if dates.evidence is not None and dates.evidence > dates.report:
        yield Disorder(
            "R51", f"Evidence relied on was received on {day(dates.evidence)}, after the report date.", "report"
        )


def of_inquiry(dates: Dates) -> Iterator[Disorder]:
    """R52."""
    asked = dates.inquiry
    if asked is None:
        yield Disorder("R52", "The inquiry about subsequent events is not answered.", "subsequent_events")
        return
    if dates.report is None:
        return
    age = (dates.report - asked).days
    if age < 0:
        yield Disorder("R52", "The inquiry about subsequent events is dated after the report.", "subsequent_events")
    elif age > INQUIRY_DAYS:
        yield Disorder(
            "R52",
            f"The inquiry about subsequent events is {age} days older than the report date; at most "
            f"{INQUIRY_DAYS} are allowed.",
            "subsequent_events",
        )


def of_quality_review(dates: Dates) -> Iterator[Disorder]:
    """R53, as to its date; whether there is one of this very content is another rule of that number."""
    if dates.quality_review and dates.release and dates.quality_review > dates.release:
        yield Disorder("R53", "The quality review was completed after the release.", "quality_review")


def release(dates: Dates) -> Iterator[Disorder]:
    """R54, what blocks and what warns."""
    yield from ahead(dates)
    yield from stale(dates)


def ahead(dates: Dates) -> Iterator[Disorder]:
    if dates.report and dates.release and dates.report > dates.release:
        yield Disorder("R54", "The report date lies in the future.", "report")


def stale(dates: Dates) -> Iterator[Disorder]:
    if dates.report and dates.release and dates.release - dates.report > LONGEST_TO_RELEASE:
        yield Disorder(
            "R54",
            f"The report is dated {day(dates.report)}, more than {LONGEST_TO_RELEASE.days} days ago: ask about "
            "subsequent events again and date it anew.",
            "report",
        )


def late(dates: Dates) -> Iterator[Disorder]:
    """R56."""
    if dates.report and dates.report - dates.end > LONGEST_TO_REPORT:
        days = (dates.report - dates.end).days
        yield Disorder("R56", f"The report date lies {days} days after {day(dates.end)}.", "report")
