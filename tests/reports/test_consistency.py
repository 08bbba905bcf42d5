"""Contents spoilt in one thing each: the consistency engine names the rule that is broken, and passes the sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reports import content, reading, wording
from reports.consistency import CHECKS, discords
from reports.content import Snapshot
from tests.reports import snapshots

Spoil = Callable[[Any], object]


def signed(data: Snapshot) -> Snapshot:
    """With the assertion signed as it was proposed."""
    data["assertion"]["text"] = wording.assertion_text(data)
    return data


def sound(data: Snapshot) -> Snapshot:
    """The report with every criterion met, its parties and its assertion as they would be."""
    data["specified_parties"] = wording.default_specified_parties(data)
    for one in data["deviations"]:
        one["effect"] = one["effect"] or "control_effective"
    return signed(data)


def type_1() -> Snapshot:
    return sound(snapshots.type_1())


def type_2() -> Snapshot:
    return sound(snapshots.type_2())


def qualified() -> Snapshot:
    return sound(snapshots.qualified())


def inclusive() -> Snapshot:
    data = snapshots.type_2()
    data["subservices"][0].update(method="inclusive", assertion="We run the hosting.", signatory="V. Roe, CEO")
    return sound(data)


def leavers(data: Snapshot) -> Any:
    return snapshots.find(data, "IAM-06")["tests"][0]


def own(element: str, text: str) -> Spoil:
    return lambda s: s["wording"].append({"element": element, "version": 1, "text": text})


SPOILT: dict[str, tuple[str, Callable[[], Snapshot], Spoil]] = {
    "a control stated in other words in Section III": (
        "R36",
        type_2,
        lambda s: s["description"][4].update(text="- **IAM-06**: We take access away."),
    ),
    "a control without wording": ("R36", type_2, lambda s: s["controls"][0].update(wording=" ")),
    "an exception that no test lists": ("R37", qualified, lambda s: leavers(s).update(deviation_codes=[])),
    "a test that hides its exception": ("R37", qualified, lambda s: leavers(s).update(result="no_exceptions")),
    "an exception without its numbers": ("R37", qualified, lambda s: s["deviations"][0].update(items_tested=None)),
    "more deviations than items": ("R37", qualified, lambda s: s["deviations"][0].update(deviations=26)),
    "an exception with other numbers than its test": (
        "R37",
        qualified,
        lambda s: s["deviations"][0].update(items_tested=40),
    ),
    "a modified limb without a matter": ("R38", qualified, lambda s: s["opinion"]["limbs"][2].update(matters=[])),
    "a matter without a basis": ("R38", qualified, lambda s: s["opinion"]["matters"][0].update(basis="")),
    "an adverse limb on a matter that is not pervasive": (
        "R38",
        qualified,
        lambda s: s["opinion"]["limbs"][2].update(conclusion="adverse"),
    ),
    "a disclaimer on what is no limitation of scope": (
        "R38",
        qualified,
        lambda s: s["opinion"]["limbs"][2].update(conclusion="disclaimed"),
    ),
    "an assertion that admits nothing": ("R38", qualified, lambda s: s["assertion"].update(modifications="")),
    "an assertion that admits what the opinion does not": (
        "R38",
        type_2,
        lambda s: s["assertion"].update(modifications="Access was removed late."),
    ),
    "a failed criterion under an unmodified limb": (
        "R39",
        qualified,
        lambda s: s["opinion"]["limbs"][2].update(conclusion="unmodified", matters=[]),
    ),
    "a response that says nothing": ("R40", qualified, lambda s: s["deviations"][1]["response"].update(text="")),
    "a carved-out organization without assumed controls": (
        "R41",
        type_2,
        lambda s: s["subservices"][0].update(csocs=[]),
    ),
    "an assertion signed before there were user entity controls": (
        "R41",
        type_2,
        lambda s: s["assertion"].update(text=wording.assertion_text({**s, "cuecs": []})),
    ),
    "an assertion with a condition that nothing calls for": ("R41", type_2, lambda s: s.update(cuecs=[])),
    "an opinion without its condition": (
        "R41",
        type_2,
        own("limb_operating", "the controls operated effectively, in all material respects, {time}"),
    ),
    "nobody whom the report is for": ("R42", type_2, lambda s: s.update(specified_parties=[])),
    "users of a period in a Type 1": (
        "R42",
        type_1,
        lambda s: s["specified_parties"].append("users during some or all of the period"),
    ),
    "an incident without a decision": ("R43", type_2, lambda s: s["incidents"][1].update(reason="")),
    "no incident, and nobody says so": ("R43", type_2, lambda s: s.update(incidents=[])),
    "no change, and nobody says so": ("R44", type_2, lambda s: s.update(changes=[])),
    "a change after the period": ("R44", type_2, lambda s: s["changes"][0].update(date="2026-10-02")),
    "a firm without a city": ("R46", type_2, lambda s: s["firm"].update(city="")),
    "a report dated within its period": ("R48", type_2, lambda s: s["dates"].update(report="2026-09-30")),
    "an assertion dated within the period": ("R49", type_2, lambda s: s["assertion"].update(date="2026-09-30")),
    "an assertion dated after the report": ("R49", type_1, lambda s: s["assertion"].update(date="2026-08-15")),
    "a criterion that no control meets": (
        "R13",
        type_2,
        lambda s: [control.update(criteria=["CC6.2"]) for control in s["controls"]],
    ),
    "a criterion set aside without a reason": ("R13", type_2, lambda s: s["criteria"][0].update(relevant=False)),
    "a carved-out organization that nobody watches": (
        "R16",
        type_2,
        lambda s: s["subservices"][0].update(monitoring=[]),
    ),
    "an assumed control that serves no criterion": (
        "S04",
        type_2,
        lambda s: s["subservices"][0]["csocs"][0].update(criteria=[]),
    ),
    "an included organization that asserts nothing": (
        "S04",
        inclusive,
        lambda s: s["subservices"][0].update(assertion=""),
    ),
    "a user entity control that serves no criterion": ("S05", type_2, lambda s: s["cuecs"][0].update(criteria=[])),
    "an assertion on a description of another title": (
        "S03",
        type_2,
        lambda s: s["system"].update(description_title="Description of Ledger Cloud, revised"),
    ),
    "an assertion on another period": ("S03", type_2, lambda s: s["period"].update(start="2025-11-01")),
    "an assertion on fewer categories": ("S03", type_2, lambda s: s["categories"].append("confidentiality")),
    "an assertion on more categories": ("S03", type_2, lambda s: s["categories"].remove("availability")),
    "an assertion on an older edition": (
        "S03",
        type_2,
        lambda s: s["editions"].update(criteria="TSP section 100, 2029"),
    ),
    "a scope that does not say when": (
        "S03",
        type_2,
        own("scope", "We have examined {title} of {legal_name} for {categories}."),
    ),
    "an organization left out of the carve-out paragraph": (
        "S04",
        type_2,
        own("carve_out", "{client} uses others."),
    ),
    "a paragraph on evidence that names no standards": ("S08", type_2, own("auditor", "We did {subject}.")),
    "tests that are nowhere": ("S12", type_2, own("tests", "We tested controls.")),
    "a test left out without a reason": ("S12", type_2, lambda s: leavers(s).update(result="not_tested")),
    "a limb without its measure": (
        "S14",
        qualified,
        lambda s: [own(f"limb_{one}", "it was fine")(s) for one in ("description", "design", "operating")],
    ),
    "an emphasis without a reason": (
        "S15",
        type_2,
        lambda s: s["paragraphs"].append({"kind": "emphasis", "title": "T", "text": "T", "reason": " "}),
    ),
    "parties left out of the restriction": ("S16", type_2, own("restricted_use", "Only for {client}.")),
    "inquiry and nothing else": ("R24", type_2, lambda s: leavers(s).update(kinds=["inquiry"])),
    "an exception nobody concluded on": ("R32", qualified, lambda s: s["deviations"][1].update(effect="")),
    "a control that did not operate where there was cause": (
        "R35",
        type_2,
        lambda s: leavers(s).update(result="did_not_operate", population=4, reason="There was none."),
    ),
}


@pytest.mark.parametrize("make", [type_1, type_2, qualified, inclusive, lambda: sound(snapshots.full())])
def test_a_sound_report_passes(make: Callable[[], Snapshot]) -> None:
    assert discords(make()) == []


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_report_is_refused_with_the_rule_it_breaks(name: str) -> None:
    rule, make, spoil = SPOILT[name]
    data = make()
    spoil(data)
    content.validate(data)  # the shape is right: only the engine can see it
    found = discords(data)
    assert rule in {one.rule for one in found}
    assert all(one.place and one.text for one in found)


def test_the_table_breaks_every_rule_of_the_engine() -> None:
    assert len(SPOILT) >= 30
    # These hold by the templates, which only another release can change.
    fixed = {"S02", "S06", "S09", "S11", "S17", "S18"}
    assert {rule for rule, _, _ in SPOILT.values()} == CHECKS.keys() - fixed


def test_a_rule_can_be_asked_alone() -> None:
    data = qualified()
    data["firm"]["city"] = data["specified_parties"][0] = ""
    assert {one.rule for one in discords(data, "R46")} == {"R46"}


def test_a_finding_leads_to_its_paragraph() -> None:
    data = type_2()
    own("scope", "Nothing.")(data)
    assert {one.place for one in discords(data)} == {"opinion-scope"}


def leads_to(data: Snapshot) -> dict[str, str]:
    """The place on the page of every finding by its rule, which is a passage of it or one of its sections."""
    parts = reading.parts(data)
    held = reading.places(parts)
    here = {part.section.anchor for part in parts} | {one.place for part in parts for one in part.passages}
    found = {one.rule: reading.shown_at(held, one.place) for one in discords(data)}
    assert set(found.values()) <= here
    return found


@pytest.mark.parametrize("name", SPOILT)
def test_every_finding_leads_to_a_place_of_the_page(name: str) -> None:
    rule, make, spoil = SPOILT[name]
    data = make()
    spoil(data)
    assert rule in leads_to(data)


def test_a_finding_leads_to_the_passage_that_holds_what_is_at_fault() -> None:
    data = qualified()
    first, second = data["deviations"][:2]
    data["opinion"]["matters"][0]["basis"] = ""
    first["cause"] = ""
    data["criteria"][0].update(relevant=False)
    data["description"] = [part for part in data["description"] if part["code"] != "DC4"]
    data["incidents"] = []
    found = leads_to(data)
    assert found["R32"] == wording.anchor("control", first["control"])
    assert found["R13"] == wording.anchor("criterion", data["criteria"][0]["code"])
    # It has no paragraph as long as nothing is written.
    assert found["R43"] == "section-description"
    second["response"]["text"] = " "  # type: ignore[index]
    assert leads_to(data)["R40"] == "responses"
