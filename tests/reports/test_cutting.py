"""Section IV in parts of a few pages: nothing lost, nothing twice, and a result moves no cut."""

import copy
import itertools
import re
from collections.abc import Iterable

import pytest

from reports import arrangement
from reports.book import LONG, MANY, SEVERAL, SHORT, STATED, TESTED, Book, Segment, Sheets, book_of, cut
from reports.content import Control, Snapshot
from reports.rendering import Memory, Press, key_of, lay_out, summary
from tests.reports import snapshots

Line = tuple[str, list[str], list[str]]


def numbers(controls: Iterable[Control]) -> list[str]:
    return [control["number"] for control in controls]


def lines(segments: list[Segment]) -> list[Line]:
    """The criteria with their controls and references, those that go on put together again."""
    found: list[Line] = []
    for part in (part for segment in segments for part in segment.parts):
        controls = numbers(part.controls)
        references = numbers(control for control, _ in part.references)
        if part.continued:
            code, before, referred = found.pop()
            assert code == part.criterion["code"]
            assert not referred
            controls = before + controls
        found.append((part.criterion["code"], controls, references))
    return found


@pytest.mark.parametrize("sheets", [TESTED, STATED], ids=["tested", "stated"])
@pytest.mark.parametrize("controls", [20, 150, 400])
@pytest.mark.parametrize("pages", [SHORT, LONG])
def test_nothing_is_lost_and_nothing_comes_twice(controls: int, sheets: Sheets, pages: int) -> None:
    series = arrangement.by_series(snapshots.full(controls))
    runs = cut(series, sheets, pages)
    assert all(runs)
    assert lines([one for run in runs for one in run]) == lines([Segment.whole(one) for one in series])
    opened = [one.code for run in runs for one in run if one.opens]
    assert opened == [one.code for one in series]


def test_a_result_moves_no_cut() -> None:
    snapshot = snapshots.full(60)
    changed = copy.deepcopy(snapshot)
    for control in changed["controls"]:
        for test in control["tests"]:
            test["result_text"] = "Exceptions noted, at length. " * 20

    def cuts(one: Snapshot) -> list[list[tuple[str, list[str]]]]:
        runs = cut(arrangement.by_series(one), TESTED, SHORT)
        parts = [[part for segment in run for part in segment.parts] for run in runs]
        return [[(part.criterion["code"], numbers(part.controls)) for part in run] for run in parts]

    assert len(cuts(snapshot)) > 3
    assert cuts(changed) == cuts(snapshot)


def test_a_control_higher_than_two_pages_stands_alone() -> None:
    sheets = Sheets(page=100, series=10, heading=5, reference=2, control=lambda _: 350)
    series = arrangement.by_series(snapshots.full(20))
    runs = cut(series, sheets, SHORT)
    assert all(sum(len(part.controls) for one in run for part in one.parts) <= 1 for run in runs)
    assert lines([one for run in runs for one in run]) == lines([Segment.whole(one) for one in series])


@pytest.mark.parametrize("height", [5, 7, 14, 30])
def test_no_page_at_the_end_holds_few_lines(height: int) -> None:
    sheets = Sheets(page=100, series=10, heading=5, reference=2, control=lambda _: height)
    series = arrangement.by_series(snapshots.full(79))
    runs = cut(series, sheets, SHORT)
    last = [part for segment in runs[-1] for part in segment.parts]
    high = sum(5 + height * len(part.controls) + 2 * len(part.references) for part in last) + 10 * len(runs[-1])
    assert high > 100 / 3
    assert lines([one for run in runs for one in run]) == lines([Segment.whole(one) for one in series])


@pytest.mark.parametrize("height", range(40, 200, 7))
def test_a_series_that_has_only_just_begun_does_not_end_a_long_part(height: int) -> None:
    sheets = Sheets(page=450, series=44, heading=48, reference=17, control=lambda _: height)
    series = arrangement.by_series(snapshots.full(79))
    runs = cut(series, sheets, LONG)
    assert lines([one for run in runs for one in run]) == lines([Segment.whole(one) for one in series])
    assert [one.code for run in runs for one in run if one.opens] == [one.code for one in series]
    for run, after in itertools.pairwise(runs):
        last = run[-1]
        if len(run) > 1 and last.opens and not after[0].parts[0].continued:
            high = sum(48 + height * len(part.controls) + 17 * len(part.references) for part in last.parts)
            assert after[0].opens or high + 44 > 450 / 2


@pytest.mark.parametrize(("controls", "pages"), [(60, LONG), (150, SHORT)])
@pytest.mark.drill
def test_parts_take_the_pages_that_they_are_cut_for(controls: int, pages: int) -> None:
    """The heights assumed are those on paper: else a change would cost more, or much paper would stay white."""
    book = book_of(snapshots.full(controls), draft=None)
    tests = [chunk for chunk in book.chunks if chunk.name.startswith("tests-")][:3]
    press = Press()
    try:
        laid = lay_out(book, {key_of(book, one): one for one in tests}, Memory(), press, wait=False)
        found = [summary(data)["pages"] for _, data in laid]
    finally:
        press.close()
    assert found == [pages] * 3


# All criteria of this report are relevant: nothing stands in DC8.
PARTS = [f"DC{number}" for number in range(1, 10) if number != 8]


def pieces(book: Book) -> list[list[str]]:
    """The parts of Section III that begin in each of its pieces."""
    described = [chunk for chunk in book.chunks if chunk.name.startswith("description-")]
    assert [chunk.name for chunk in described] == [f"description-{number}" for number in range(len(described))]
    return [re.findall(r'criterion-code">(DC\d)<', chunk.body) for chunk in described]


@pytest.mark.parametrize("controls", [20, 60, 160])
def test_section_three_is_cut_where_enough_stands_on_both_sides(controls: int) -> None:
    snapshot = snapshots.full(controls)
    found = pieces(book_of(snapshot, draft=None))
    assert [part for piece in found for part in piece] == PARTS
    if controls >= SEVERAL:
        assert found[1][:1] == ["DC5"]
    # Pieces without a part of their own go on with the controls.
    assert ([] in found) == (controls >= MANY)
    assert found[-1]

    for part in snapshot["description"]:
        if part["code"] == "DC8":
            continue
        part["text"] = "A sentence. " * (500 if part["code"] in {"DC1", "DC2", "DC6"} else 1)
    long = pieces(book_of(snapshot, draft=None))
    assert [part for piece in long for part in piece] == PARTS
    assert long[0] == ["DC1"]
    assert len(long) > len(found)


def test_a_changed_paragraph_changes_one_piece_of_section_three() -> None:
    snapshot = snapshots.full(60)
    changed = copy.deepcopy(snapshot)
    next(part for part in changed["description"] if part["code"] == "DC1")["text"] += " In other words."
    before, after = book_of(snapshot, draft=None), book_of(changed, draft=None)
    other = [one.name for one, two in zip(before.chunks, after.chunks, strict=True) if one != two]
    assert other == ["cover", "description-0"]
