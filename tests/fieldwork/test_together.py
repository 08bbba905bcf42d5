"""Several people in one sheet: nothing is written over unseen, a block is saved whole, in few queries."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit.models import Event
from fieldwork import testing
from fieldwork.models import ControlTest, ItemResult, SheetChange, SheetItem
from fieldwork.testing import Change, together
from tests import factories as f
from tests.fieldwork import makers as m
from tests.remembered import remembered

pytestmark = pytest.mark.django_db


@pytest.fixture
@remembered
def sheet() -> ControlTest:
    made = m.planned(m.at_fieldwork())
    testing.cite(made, m.evidence(made.engagement, made.control), by=f.person("sana"))
    return made


def cell(test: ControlTest, position: int, letter: str, outcome: str = "p", **fields: Any) -> Change:
    item = SheetItem.objects.get(test=test, position=position)
    code = test.citations.get().file.code
    return Change(item.pk, letter, outcome, fields.pop("file", code), **fields)


def note(test: ControlTest, position: int, text: str, **fields: Any) -> Change:
    return Change(SheetItem.objects.get(test=test, position=position).pk, note=text, **fields)


def results(test: ControlTest) -> dict[tuple[int, str], str]:
    found = ItemResult.objects.filter(item__test=test).values_list("item__position", "attribute__letter", "outcome")
    return {(position, letter): outcome for position, letter, outcome in found}


def test_the_later_one_sees_both_values_and_decides(sheet: ControlTest) -> None:
    sana, milan = f.person("sana"), f.person("milan")
    start = testing.last_change(sheet)
    (first,) = testing.save(sheet, [cell(sheet, 1, "A", seen=start)], window="one", by=sana)
    assert first.saved
    late = cell(sheet, 1, "A", "n", seen=start)
    (refused,) = testing.save(sheet, [late], window="two", by=milan)
    assert refused.state == "overtaken"
    assert "changed attribute A of item 1 meanwhile" in refused.words
    assert refused.by == str(sana)
    assert refused.cell is not None
    assert refused.cell.outcome == "p"
    assert results(sheet) == {(1, "A"): "p"}
    # Who has seen it may write over it; who says the same is in nobody's way; own changes never are.
    same, mine = cell(sheet, 1, "A", "p", seen=start), cell(sheet, 1, "A", "n", seen=refused.seen)
    assert testing.save(sheet, [same, mine], window="two", by=milan)[1].saved
    assert testing.save(sheet, [cell(sheet, 1, "A", "p", seen=refused.seen)], window="two", by=milan)[0].saved
    # The same person in another window is another hand.
    other = testing.save(sheet, [cell(sheet, 1, "A", "n", seen=start)], window="three", by=milan)[0]
    assert other.state == "overtaken"
    assert other.words.startswith("You, in another window,")


def test_emptied_cells_and_notes_are_not_written_over_either(sheet: ControlTest) -> None:
    sana, milan = f.person("sana"), f.person("milan")
    testing.save(sheet, [cell(sheet, 1, "A"), note(sheet, 2, "Of Sana")], window="one", by=sana)
    seen = testing.last_change(sheet)
    testing.save(sheet, [cell(sheet, 1, "A", "", seen=seen)], window="one", by=sana)
    answers = testing.save(
        sheet, [cell(sheet, 1, "A", "n", seen=seen), note(sheet, 2, "Of Milan", seen=0)], window="two", by=milan
    )
    assert [answer.state for answer in answers] == ["overtaken", "overtaken"]
    assert answers[0].cell is None
    assert answers[1].note == "Of Sana"
    assert results(sheet) == {}
    last, heard = testing.news(sheet, since=seen, window="two")
    assert [(one.change.item.position, one.cell) for one in heard] == [(1, None)]
    assert testing.news(sheet, since=last, window="two") == (last, [])
    assert testing.news(sheet, since=0, window="one")[1] == []


def test_a_block_is_saved_whole_or_not_at_all(sheet: ControlTest) -> None:
    sana = f.person("sana")
    block = [cell(sheet, row, letter) for row in (1, 2, 3) for letter in "ABC"]
    bad = [*block[:4], cell(sheet, 2, "B", "d"), *block[5:], note(sheet, 3, "Seen twice")]
    answers = testing.save(sheet, bad, whole=True, by=sana)
    assert [answer.state for answer in answers].count("refused") == 1
    assert "note what was found" in answers[4].words
    assert results(sheet) == {}
    assert not Event.objects.filter(action="test.items_noted").exists()
    # The note of the block itself says what the deviation is, wherever it stands in it.
    good = [*bad, note(sheet, 2, "Nine days late"), note(sheet, 1, "Fine")]
    with CaptureQueriesContext(connection) as queries:
        assert all(answer.saved for answer in testing.save(sheet, good, whole=True, by=sana))
    assert len(queries) < 45
    assert results(sheet)[2, "B"] == "d"
    assert ItemResult.objects.get(outcome="d").note == "Nine days late"
    assert len(Event.objects.get(action="test.results_recorded").detail["cells"]) == 9
    assert SheetChange.objects.filter(test=sheet).count() == 12


def test_single_changes_stand_for_themselves(sheet: ControlTest) -> None:
    sana = f.person("sana")
    foreign = m.planned(sheet.engagement, m.control(sheet.engagement, "CHG-01")).items.get(position=1)
    answers = testing.save(
        sheet,
        [
            Change(foreign.pk, "A", "p"),
            Change(sheet.items.get(position=1).pk, "Q", "p"),
            cell(sheet, 1, "A", file="E-999"),
            cell(sheet, 1, "A", "d"),
            cell(sheet, 1, "B"),
        ],
        by=sana,
    )
    assert [answer.state for answer in answers] == ["refused"] * 4 + ["saved"]
    assert results(sheet) == {(1, "B"): "p"}
    with pytest.raises(ValidationError, match="At most"):
        testing.save(sheet, [cell(sheet, 1, "A")] * 2_001, by=sana)


def test_what_the_page_sends_is_held_to_its_shape(sheet: ControlTest) -> None:
    client = Client()
    client.force_login(f.person("sana"))
    url = reverse("fieldwork:record", args=[sheet.engagement_id, sheet.pk])
    item = sheet.items.get(position=1).pk
    for entries in (
        "no json",
        "{}",
        "[]",
        "[1]",
        [{"item": "x", "attribute": "A", "value": "pass"}],
        [{"item": item, "attribute": "A", "value": "maybe"}],
        [{"item": item, "attribute": "A", "value": "pass", "by": 1}],
        [{"item": item, "attribute": 3, "value": "pass"}],
        [{"item": True, "note": "x"}],
        [{"item": item}],
        [{"item": 1 << 70, "note": "x"}],
        [{"item": item, "note": "zero \0 byte"}],
    ):
        sent = entries if isinstance(entries, str) else json.dumps(entries)
        answer = client.post(url, {"entries": sent})
        assert answer.status_code == 422, entries
        assert answer.json()["error"]
    assert not ItemResult.objects.exists()
    news = reverse("fieldwork:changes", args=[sheet.engagement_id, sheet.pk])
    assert client.get(news).status_code == 422
    assert client.get(news, {"since": 0}).json()["changes"] == []


def test_the_form_of_an_item_does_not_write_over_what_came_meanwhile(sheet: ControlTest) -> None:
    row = sheet.items.get(position=1)
    client = Client()
    client.force_login(f.person("milan"))
    url = reverse("fieldwork:item", args=[sheet.engagement_id, sheet.pk, row.pk])
    assert client.get(url).status_code == 200
    citation = sheet.citations.get()
    seen = testing.last_change(sheet)
    m.cell(sheet, 1, "A", "p")
    sent = {"A-outcome": "n", "A-citation": citation.pk, "A-seen": seen, "B-seen": seen, "C-seen": seen}
    refused = client.post(url, sent)
    assert refused.status_code == 422
    page = refused.content.decode()
    assert "changed attribute A of item 1 meanwhile" in page
    assert "It is pass" in page
    assert results(sheet) == {(1, "A"): "p"}
    newer = testing.last_change(sheet)
    assert f'name="A-seen" value="{newer}"' in page
    assert client.post(url, sent | {"A-seen": newer}).status_code == 302
    assert results(sheet) == {(1, "A"): "n"}


def test_one_cell_reads_its_own_row_and_not_the_sheet(sheet: ControlTest) -> None:
    sana = f.person("sana")
    testing.save(sheet, [cell(sheet, position, "A") for position in (1, 2, 3)], by=sana)
    desk = together._Desk(sheet, [change := cell(sheet, 2, "B")], "", sana)
    assert set(desk.items) == {change.item}
    assert {item for item, _ in desk.book.cells} == {change.item}
