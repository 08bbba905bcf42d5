"""Texts that recur in the firm's other reports: names do not hide them, and nothing of others is shown."""

from __future__ import annotations

import copy
import json

import pytest

from reports import likeness
from reports.content import Snapshot
from tests.reports import snapshots


def renamed(snapshot: Snapshot) -> Snapshot:
    """The same report with every name, code and figure another."""
    text = json.dumps(snapshot)
    for old, new in (
        ("Lakeshore Ledger, Inc.", "Northwind Books GmbH"),
        ("Lakeshore Ledger", "Northwind"),
        ("Ledger Cloud", "Quillworks"),
        ("Stratus Harbor Hosting LLC", "Cumulus"),
        ("IAM-", "AC-"),
        ("1,900", "23,000"),
    ):
        text = text.replace(old, new)
    found: Snapshot = json.loads(text)
    return found


def other() -> Snapshot:
    snapshot = copy.deepcopy(snapshots.type_2())
    words = iter(range(100_000))

    def scrambled(text: str) -> str:
        return " ".join(f"{word}x{next(words)}" if at % 3 == 0 else word for at, word in enumerate(text.split()))

    for part in snapshot["description"]:
        part["text"] = scrambled(part["text"])
    for control in snapshot["controls"]:
        control["wording"] = scrambled(control["wording"])
        for test in control["tests"]:
            test["procedure"] = scrambled(test["procedure"])
    for name in ("commitments", "cuecs", "incidents", "changes"):
        for one in snapshot[name]:  # type: ignore[literal-required]
            one["text"] = scrambled(one["text"])
    for component in snapshot["components"]:
        component["description"] = scrambled(component["description"])
    return snapshot


def test_a_report_that_differs_in_names_only_is_found() -> None:
    """Domain 7, no. 3: over 95 percent."""
    mine = snapshots.full()
    found = {one["section"]: one for one in likeness.likeness(mine, {"2026-0001": renamed(mine)})}
    assert found.keys() == likeness.SECTIONS.keys()
    assert min(one["share"] for one in found.values()) > 950
    assert likeness.telling(found.values()) == list(found.values())


def test_another_text_is_not_found() -> None:
    mine = snapshots.type_2()
    found = likeness.likeness(mine, {"2026-0001": other()})
    assert max((one["share"] for one in found), default=0) < 100
    assert likeness.telling(found) == []


def test_what_is_shown_is_this_reports_own_text() -> None:
    mine = snapshots.full()
    theirs = renamed(mine)
    text = json.dumps(likeness.likeness(mine, {"2026-0001": theirs}))
    assert "Northwind" not in text
    assert "Quillworks" not in text
    assert "2026-0001" in text
    (description, *_) = likeness.likeness(mine, {"2026-0001": theirs})
    words = " ".join(likeness.texts_of(mine)["description"].split())
    assert description["passages"]
    assert all(passage in words for passage in description["passages"])


def test_the_report_with_most_in_common_is_named() -> None:
    mine = snapshots.type_2()
    found = likeness.likeness(mine, {"far": other(), "near": renamed(mine)})
    assert {one["engagement"] for one in found} == {"near"}


def test_a_few_words_in_common_tell_nothing() -> None:
    text = likeness.normal("one two three four five six seven eight nine ten", [])
    same = likeness.normal("zero one two three four five six seven eight zero", []).prints
    assert likeness.recurring(text, same) == (800, [])  # too short a passage to be shown
    assert likeness.recurring(likeness.normal("", []), same) == (0, [])


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Lakeshore Ledger’s staff reads 25 tickets", "Northwind’s staff reads 40 tickets"),
        ("control IAM-06 of the LAKESHORE LEDGER", "control AC-17 of the Northwind"),
        ("“Ledger,” it says", "ledger it says"),
    ],
)
def test_names_codes_and_figures_are_the_same(one: str, two: str) -> None:
    names = ["Lakeshore Ledger", "Northwind"]
    assert likeness.normal(one, names).plain == likeness.normal(two, names).plain
