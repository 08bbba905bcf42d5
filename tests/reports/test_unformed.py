"""A draft never claims an opinion that the partner has not formed."""

from __future__ import annotations

from reports.book import book_of
from tests.reports import snapshots


def test_a_draft_says_on_which_limbs_nothing_is_concluded() -> None:
    html = book_of(snapshots.type_2(), draft=1, unformed=["design", "operating"]).html
    assert html.count("Not concluded yet") == 3, "two rows at a glance and the notice in Section I"
    assert "limb (b)" in html
    assert "limb (c)" in html
    assert "limb (a)" not in html


def test_nothing_is_said_when_all_is_concluded_or_issued() -> None:
    assert "Not concluded yet" not in book_of(snapshots.type_2(), draft=1).html
    assert "Not concluded yet" not in book_of(snapshots.type_2(), draft=None, unformed=["design"]).html
