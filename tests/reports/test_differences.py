"""What changed in words between two texts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports import differences, reading
from tests.reports import snapshots


def marked(runs: list[differences.Run]) -> str:
    signs = {"same": "{}", "gone": "[-{}-]", "new": "[+{}+]"}
    return "".join(signs[run.kind].format(run.text) for run in runs)


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("one two three", "one two three", "one two three"),
        ("one two three", "one 2 three", "one [-two -][+2 +]three"),
        ("", "one", "[+one+]"),
        ("one two", "one", "one[-two-]"),
        ("a  b\nc", "a b c", "a b c"),
    ],
)
def test_by_words(old: str, new: str, shown: str) -> None:
    assert marked(differences.by_words(old, new)).replace(" [-two-]", "[-two-]") == shown


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from("a b c\n"), max_size=30), st.lists(st.sampled_from("a b d\n"), max_size=30))
def test_nothing_is_lost_and_only_what_changed_is_shown(one: list[str], other: list[str]) -> None:
    old, new = "".join(one), "".join(other)
    runs = differences.by_words(old, new)
    kept = " ".join(run.text for run in runs if run.kind != "new")
    came = " ".join(run.text for run in runs if run.kind != "gone")
    assert (kept.split(), came.split()) == (old.split(), new.split())
    [changes] = differences.between({"I": old}, {"I": new})
    written = [[line for line in text.splitlines() if line.strip()] for text in (old, new)]
    assert bool(changes.lines) == (written[0] != written[1])
    assert all(run.text.strip() for line in changes.lines for run in line.runs)


def test_lines_are_paired_with_those_they_replace() -> None:
    old = "First line of some words.\nA line that is gone for good.\nThe third line stays as it is."
    new = "First line of other words.\nThe third line stays as it is.\nQuite another thing was put here."
    found = differences.lines(old, new)
    assert [line.kind for line in found] == ["changed", "gone", "new"]
    assert marked(list(found[0].runs)) == "First line of [-some -][+other +]words."


def test_one_changed_result_is_all_that_two_reports_differ_in() -> None:
    old, new = snapshots.qualified(), snapshots.qualified()
    new["deviations"][1]["found"] = new["deviations"][1]["found"].replace("four", "five")
    changes = differences.between(reading.sections(old), reading.sections(new))
    by_key = {one.key: one for one in changes if one.lines}
    assert by_key.keys() == {"controls"}
    (line,) = by_key["controls"].lines
    assert (by_key["controls"].came, by_key["controls"].went) == (1, 1)
    assert "[-four -][+five +]" in marked(list(line.runs))


def test_a_section_that_comes_or_goes_is_named() -> None:
    changes = differences.between({"other": "Plans."}, {"opinion": "Fine."})
    assert [(one.key, one.came, one.went) for one in changes] == [("opinion", 1, 0), ("other", 0, 1)]
