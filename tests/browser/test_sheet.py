"""The test sheet in the browser: two people at once, and sixty items by six attributes by the keyboard alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from evidence import examining
from fieldwork import testing
from fieldwork.models import ControlTest, EvidenceCitation, ItemResult
from tests import factories as f
from tests.browser.conftest import Sit
from tests.browser.desk import Desk
from tests.fieldwork import makers as m

OFFLINE = re.compile("ERR_INTERNET_DISCONNECTED|htmx:sendError|htmx:afterRequest")
PASTE = """(cell, text) => {
  const data = new DataTransfer();
  data.setData('text/plain', text);
  cell.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
}"""


def sheet(items: int, letters: str) -> ControlTest:
    """A planned test whose columns rest on a file already."""
    test = m.planned(
        m.at_fieldwork(),
        items=[f"Leaver {number:03d}" for number in range(1, items + 1)],
        attributes=[(letter, f"Attribute {letter}", f"Rule {letter}.") for letter in letters],
    )
    file = m.evidence(test.engagement, test.control)
    examining.read(file)
    for attribute in test.attributes.all():
        testing.cite_for_attribute(attribute, file, by=f.person("sana"))
    return test


def cell(page: Page, row: int, letter: str) -> Locator:
    return page.locator(f"tr[data-item]:nth-child({row}) td[data-attribute='{letter}']")


def saved(page: Page) -> None:
    expect(page.locator("[data-sheet-status]")).to_contain_text("saved")
    expect(page.locator("td.saving")).to_have_count(0)


def column(desk: Desk, letter: str, rows: int) -> None:
    cell(desk.page, 1, letter).click()
    for _ in range(rows):
        desk.page.keyboard.press("p")


def test_two_people_in_one_sheet_lose_nothing_and_see_both_values(sit: Sit) -> None:
    rows = 12
    test = sheet(rows, "ABC")
    sana, milan = sit(f.person("sana")), sit(f.person("milan"))
    for desk in (sana, milan):
        desk.open(test.get_absolute_url())
    column(sana, "A", rows)
    column(milan, "B", rows)
    # What the other did appears without loading the page again.
    expect(sana.page.locator("td[data-attribute='B'][data-value='pass']")).to_have_count(rows)
    expect(milan.page.locator("td[data-attribute='A'][data-value='pass']")).to_have_count(rows)
    assert ItemResult.objects.filter(item__test=test, outcome="p").count() == rows * 2

    # Sana's line is down: her entries are kept and said to be unsaved, while Milan goes on.
    sana.context.set_offline(True)
    cell(sana.page, 1, "C").click()
    sana.page.keyboard.press("p")
    sana.page.keyboard.press("p")
    expect(sana.page.locator("[data-sheet-status]")).to_contain_text("2 entries are not saved yet")
    with sana.page.expect_event("dialog") as asked:
        sana.page.close(run_before_unload=True)
    assert asked.value.type == "beforeunload", "closing the window asks first"
    asked.value.dismiss()
    cell(milan.page, 1, "C").click()
    milan.page.keyboard.press("n")
    saved(milan.page)
    # The line is back: the page sends what it kept by itself.
    sana.context.set_offline(False)
    contested = cell(sana.page, 1, "C")
    expect(contested).to_have_class(re.compile("conflict"))
    expect(contested).to_contain_text("you: pass")
    expect(contested).to_have_attribute("data-value", "na")
    expect(cell(sana.page, 2, "C")).to_have_attribute("data-value", "pass")
    expect(sana.page.locator("[data-sheet-problems]")).to_contain_text("Milan")
    sana.look(narrow=True)
    assert ItemResult.objects.get(item__test=test, item__position=1, attribute__letter="C").outcome == "n"
    cell(sana.page, 2, "C").click()
    sana.page.keyboard.press("e")
    expect(sana.page.locator("#cite [data-place]").first).to_be_visible(timeout=15_000)
    sana.look(narrow=True)
    sana.page.keyboard.press("Escape")
    sana.page.get_by_role("button", name="Use mine").click()
    saved(sana.page)
    expect(cell(milan.page, 1, "C")).to_have_attribute("data-value", "pass")
    assert ItemResult.objects.filter(item__test=test, outcome="p").count() == rows * 2 + 2
    # What the browser and htmx say of a line that is down is no fault of the page.
    sana.wrong = [line for line in sana.wrong if not OFFLINE.search(line)]


@pytest.mark.drill
def test_sixty_items_by_six_attributes_by_the_keyboard_alone(sit: Sit) -> None:
    test = sheet(60, "ABCDEF")
    desk = sit(f.person("sana"))
    page = desk.open(test.get_absolute_url())
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    page.keyboard.press("ArrowDown")
    expect(cell(page, 1, "A")).to_be_focused()
    for at in range(6):
        page.keyboard.press("Control+Home")
        for _ in range(at):
            page.keyboard.press("ArrowRight")
        for _ in range(60):
            page.keyboard.press("p")
    saved(page)
    assert ItemResult.objects.filter(item__test=test, outcome="p").count() == 360
    assert len(asked) < 200, "keys that follow at once go along in one request"

    # A deviation asks for its note; the search leads to an item; evidence is cited down to its line.
    page.keyboard.press("/")
    page.keyboard.type("leaver 031")
    page.keyboard.press("Enter")
    page.keyboard.press("Home")
    page.keyboard.press("d")
    page.keyboard.type("Nine days late")
    page.keyboard.press("Enter")
    expect(cell(page, 31, "A")).to_have_attribute("data-value", "deviation")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("e")
    dialog = page.locator("#cite")
    expect(dialog.locator("[data-place]").first).to_be_visible(timeout=15_000)
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('[data-place]')"):
            break
    page.keyboard.press("Enter")
    expect(dialog.get_by_label("Where in it")).to_be_focused()
    page.keyboard.press("Enter")
    saved(page)
    deviating = ItemResult.objects.get(item__test=test, outcome="d")
    assert (deviating.item.position, deviating.note, deviating.place) == (31, "Nine days late", "line 1")
    assert EvidenceCitation.objects.filter(test=test).count() == 1

    # A block from a spreadsheet: refused whole where one cell of it makes no sense, taken whole otherwise.
    start = cell(page, 2, "E")
    start.evaluate(PASTE, "p\tn\tfine\nd: shown late\tmaybe\tsecond\n")
    expect(cell(page, 3, "F")).to_have_class(re.compile("failed"))
    expect(page.locator("[data-sheet-problems]")).to_contain_text("“maybe” is no result")
    assert not ItemResult.objects.filter(item__test=test, outcome="n").exists()
    start.evaluate(PASTE, "p\tn\tfine\nd: shown late\tn\tsecond\n")
    saved(page)
    expect(page.locator("[data-sheet-problems]")).to_be_hidden()
    found = ItemResult.objects.filter(item__test=test, item__position=3).order_by("attribute__letter")
    assert [one.outcome for one in found][-2:] == ["d", "n"]
    assert found[4].note == "shown late"
    assert list(test.items.filter(position__in=[2, 3]).values_list("note", flat=True)) == ["fine", "second"]
    # Nothing of a block is saved while the server refuses one cell of it.
    cell(page, 5, "A").evaluate(PASTE, "n\nd\n")
    expect(page.locator("[data-sheet-status]")).to_contain_text("Nothing of the block was saved")
    expect(cell(page, 5, "A")).to_have_attribute("data-value", "pass")
    assert not ItemResult.objects.filter(item__test=test, item__position=5, outcome="n").exists()
    page.get_by_role("button", name="Undo all").click()
    expect(page.locator("[data-sheet-problems]")).to_be_hidden()
