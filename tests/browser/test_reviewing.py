"""A reviewer goes through the queue by keyboard: j and k move, the workpaper follows, s signs it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from fieldwork import notes, signing
from tests import factories as f
from tests.browser.conftest import Sit
from tests.fieldwork import makers as m


@pytest.mark.drill
def test_the_queue_by_keyboard_alone(sit: Sit) -> None:
    engagement = m.at_fieldwork()
    sheets = [m.concluded(engagement, a_control=m.control(engagement, f"IAM-0{n}")) for n in (6, 7, 8)]
    for sheet in sheets:
        m.signed(sheet, "prepared")
    notes.raise_note(sheets[2], text="Which policy?", by=f.person("milan"))
    desk = sit(f.person("milan"))
    page = desk.page
    page.goto(f"/engagements/{engagement.pk}/review/")
    shown = page.locator("#review-one h2").first
    expect(shown).to_contain_text("IAM-06.1")
    page.keyboard.press("j")
    expect(shown).to_contain_text("IAM-07.1")
    page.keyboard.press("j")
    expect(shown).to_contain_text("IAM-08.1")
    page.keyboard.press("s")  # a note is open: nothing is offered, and nothing is signed
    page.keyboard.press("k")
    expect(shown).to_contain_text("IAM-07.1")
    expect(page.locator("#review-one form[data-sign]")).to_have_attribute("data-sign", str(sheets[1].pk))
    page.keyboard.press("s")
    expect(page.locator("#review-rows li")).to_have_count(2)
    assert signing.living(sheets[1])["reviewed"].by == f.person("milan")
    assert "reviewed" not in signing.living(sheets[0])
    assert "reviewed" not in signing.living(sheets[2])
