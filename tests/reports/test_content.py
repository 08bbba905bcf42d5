"""The snapshot: hashed the same everywhere, and refused when something in it leads nowhere."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from reports import content
from tests.reports import snapshots


def test_hash_does_not_depend_on_the_order_of_keys_or_on_a_round_trip() -> None:
    snapshot = snapshots.qualified()
    again = json.loads(json.dumps(snapshot, sort_keys=True))
    assert content.digest(again) == content.digest(snapshot)
    assert json.loads(content.canonical(snapshot)) == snapshot


def test_hash_changes_with_any_content() -> None:
    snapshot = snapshots.qualified()
    before = content.digest(snapshot)
    snapshot["deviations"][0]["trace"]["items"].append("0020")
    assert content.digest(snapshot) != before


@pytest.mark.parametrize("make", [snapshots.type_1, snapshots.type_2, snapshots.qualified, snapshots.full])
def test_samples_are_valid(make: Callable[[], content.Snapshot]) -> None:
    assert content.validate(make())


Spoil = Callable[[dict[str, Any]], object]
SPOILT: dict[str, tuple[Spoil, str]] = {
    "missing key": (lambda s: s.pop("firm"), "snapshot.firm is missing"),
    "unknown key": (lambda s: s.update(extra=1), "snapshot.extra is unknown"),
    "a float": (lambda s: s["controls"][0]["tests"][0].update(items_tested=2.5), "must be a whole number"),
    "true for a number": (lambda s: s["controls"][0]["tests"][0].update(deviations=True), "must be a whole number"),
    "number for a text": (lambda s: s["controls"][0].update(wording=5), "wording must be text"),
    "not a list": (lambda s: s.update(cuecs="none"), "snapshot.cuecs must be a list"),
    "not an object": (lambda s: s.update(client="Lakeshore"), "snapshot.client must be an object"),
    "result outside of the vocabulary": (
        lambda s: s["controls"][0]["tests"][0].update(result="fine"),
        "result is 'fine', not one of 'no_exceptions'",
    ),
    "type 3": (lambda s: s["report"].update(type=3), "type is 3, not one of 1, 2"),
    "another format": (lambda s: s.update(format="attestry.report/9"), "format is"),
    "no such day": (lambda s: s["dates"].update(report="2026-02-30"), "'2026-02-30', not a date"),
    "date in words": (lambda s: s["changes"][0].update(date="in May"), "'in May', not a date"),
    "type 2 without a period": (lambda s: s.update(period=None), "has a period and no as-of date"),
    "type 1 with a period": (lambda s: s["report"].update(type=1), "has an as-of date and no period"),
    "limb missing": (lambda s: s["opinion"]["limbs"].pop(), "instead of description, design, operating"),
    "unknown criterion": (
        lambda s: s["controls"][0]["criteria"].append("CC9.9"),
        "control GOV-01 refers to criterion CC9.9, which the report does not have",
    ),
    "unknown exception": (
        lambda s: s["controls"][0]["tests"][0]["deviation_codes"].append("EX-77"),
        "refers to exception EX-77",
    ),
    "unknown test": (lambda s: s["deviations"][0]["trace"].update(test="T"), "EX-01 refers to test T"),
    "unknown matter": (lambda s: s["opinion"]["limbs"][0]["matters"].append(9), "refers to matter 9"),
    "control twice": (
        lambda s: s["controls"].append(copy.deepcopy(s["controls"][0])),
        "control GOV-01 is there twice",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_refused_in_words(name: str) -> None:
    spoil, words = SPOILT[name]
    data: dict[str, Any] = json.loads(json.dumps(snapshots.qualified()))
    spoil(data)
    with pytest.raises(content.ContentError) as refusal:
        content.validate(data)
    assert words in str(refusal.value)


def test_type_1_prints_no_tests() -> None:
    data = snapshots.type_1()
    data["controls"] = snapshots.type_2()["controls"]
    with pytest.raises(content.ContentError, match="prints no tests of operation"):
        content.validate(data)


def test_result_of_a_control_shows_the_worst() -> None:
    control = snapshots.find(snapshots.full(), "GOV-03")
    assert len(control["tests"]) == 2
    assert content.result_of(control) == "no_exceptions"
    control["tests"][1]["result"] = "not_tested"
    assert content.result_of(control) == "not_tested"
    control["tests"][0]["result"] = "exceptions"
    assert content.result_of(control) == "exceptions"
    assert content.result_of({**control, "tests": [], "result": "carved_out"}) == "carved_out"
    assert content.result_of({**control, "tests": [], "result": None}) == "not_tested"


def test_section_v_exists_for_a_text_or_a_response() -> None:
    snapshot = snapshots.type_2()
    assert not content.has_other_information(snapshot)
    assert content.has_other_information({**snapshot, "other_information": "Plans."})
    assert not content.has_other_information({**snapshot, "other_information": " \n"})
    assert content.has_other_information(snapshots.with_exceptions(snapshot))
