"""Section I element by element and Section II, as text: what must be there is there, what must not be is not."""

from __future__ import annotations

import html
import re
from itertools import product

import pytest

from reports.book import book_of
from reports.content import EXPECTED, Conclusion, Limb, Snapshot
from reports.prose import to_html
from reports.wording import (
    Phrases,
    anchor,
    assertion_text,
    default_specified_parties,
    elements,
    joined,
    possessive,
    sections,
)
from tests.reports import snapshots

LIMBS: tuple[Limb, ...] = ("description", "design", "operating")
CONCLUSIONS: tuple[Conclusion, ...] = ("unmodified", "qualified", "adverse", "disclaimed")
SENTENCES: dict[Limb, tuple[str, str]] = {
    "description": ("the description presents, in all material respects,", "the description does not present"),
    "design": (
        "the controls stated in the description were suitably designed, in all material respects,",
        "the controls stated in the description were not suitably designed",
    ),
    "operating": (
        "the controls stated in the description operated effectively, in all material respects,",
        "the controls stated in the description did not operate effectively",
    ),
}
ALWAYS = ["addressee", "scope", "management", "auditor", "independence", "limitations", "opinion", "restricted_use"]


def text_of(snapshot: Snapshot, key: str = "opinion") -> str:
    """A section with all its parts as plain text on one line."""
    chunks = book_of(snapshot, draft=None).chunks
    (head,) = (chunk.head for chunk in chunks if f'<section id="section-{key}"' in chunk.body)
    section = "".join(chunk.body for chunk in chunks if chunk.head == head)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", section)).split())


def keys(snapshot: Snapshot) -> list[str]:
    return [element.key for element in elements(snapshot)]


def opinion_of(text: str) -> str:
    return text[max(text.rfind("pinion In our opinion"), text.rfind("Disclaimer of opinion Because")) :]


# What stands in Section I


def test_unmodified_type_2_has_its_elements_in_order() -> None:
    assert keys(snapshots.type_2()) == [
        *("addressee", "scope", "carve_out", "cuec", "management", "auditor", "independence", "limitations"),
        *("tests", "opinion", "restricted_use", "signature"),
    ]


def test_type_1_says_that_operation_was_not_examined_and_shows_no_tests() -> None:
    snapshot = snapshots.type_1()
    assert "operation_not_examined" in keys(snapshot)
    assert "tests" not in keys(snapshot)
    text = text_of(snapshot)
    assert "as of June 30, 2026" in text
    assert "we performed no procedures regarding the operating effectiveness" in text.lower()
    assert "would be achieved" in text
    assert "throughout the period" not in text
    assert "(c)" not in text
    assert "operated effectively as of that date" in text  # the condition of limb b


def test_type_2_names_period_title_categories_and_editions() -> None:
    snapshot = snapshots.type_2()
    text = text_of(snapshot)
    for words in (
        "To the management of Lakeshore Ledger, Inc.:",
        "throughout the period October 1, 2025 to September 30, 2026",
        "titled “Description of the Ledger Cloud system”",
        "security and availability",
        "TSP section 100, 2017 (points of focus revised 2022)",
        "DC section 200, 2018 (implementation guidance revised 2022)",
        "attestation standards established by the American Institute of Certified Public Accountants",
        "reasonable assurance",
        "independent of Lakeshore Ledger",
        "Marlowe & Finch LLP",
        "Portland, Oregon",
        "November 20, 2026",
    ):
        assert words in text, words
    assert "certified" not in text.replace("Institute of Certified Public Accountants", "").lower()


@pytest.mark.parametrize(
    ("element", "register", "words"),
    [
        ("cuec", "cuecs", "complementary user entity controls"),
        ("carve_out", "subservices", "carve-out method"),
    ],
)
def test_a_paragraph_stands_exactly_when_its_register_has_entries(element: str, register: str, words: str) -> None:
    """R41."""
    snapshot = snapshots.type_2()
    assert element in keys(snapshot)
    assert words in text_of(snapshot)
    snapshot[register] = []  # type: ignore[literal-required]
    assert element not in keys(snapshot)
    assert words not in text_of(snapshot)


def test_conditions_of_the_opinion_follow_the_registers() -> None:
    """R41: limbs b and c carry the conditions of whichever complementary controls there are."""
    snapshot = snapshots.type_2()
    both = "complementary subservice organization controls and complementary user entity controls assumed"
    assert both in Phrases(snapshot).condition_operating
    assert "subservice organizations and user entities applied" in Phrases(snapshot).condition_design
    snapshot["cuecs"] = []
    assert "user entit" not in Phrases(snapshot).condition_operating
    snapshot["subservices"] = []
    assert Phrases(snapshot).condition_operating == ""
    assert Phrases(snapshot).condition_design == "if those controls operated effectively throughout that period"
    assert "complementary" not in opinion_of(text_of(snapshot)).split("Restricted use")[0]


def test_inclusive_method_says_that_the_examination_extended_to_it_and_prints_its_assertion() -> None:
    snapshot = snapshots.type_2()
    snapshot["subservices"][0].update(
        {"method": "inclusive", "assertion": "We run the **hosting**.", "signatory": "V. Roe"}
    )
    assert "inclusive" in keys(snapshot)
    assert "carve_out" not in keys(snapshot)
    text = text_of(snapshot)
    assert "Our examination extended to those elements and controls" in text
    assert "and of the subservice organization included in the description" in text
    assertion = text_of(snapshot, "assertion")
    assert "Assertion of Stratus Harbor Hosting LLC We run the hosting . V. Roe" in assertion


def test_other_information_paragraph_exactly_with_section_v() -> None:
    """R40."""
    without, with_ = snapshots.type_2(), snapshots.qualified()
    assert "other" not in sections(without)
    assert "other_information" not in keys(without)
    assert sections(with_)["other"].numeral == "V"
    assert "other_information" in keys(with_)
    assert "we express no opinion on it" in text_of(with_)
    assert text_of(with_, "other").count("Unaudited") == 1


def test_emphasis_paragraphs_say_that_the_opinion_is_not_modified() -> None:
    snapshot = snapshots.type_2()
    snapshot["paragraphs"] = [
        {
            "kind": "emphasis",
            "title": "short period",
            "text": "The period is *three* months.",
            "reason": "kept inside",
        },
        {
            "kind": "other_matter",
            "title": "prior report",
            "text": "Another firm examined it.",
            "reason": "kept inside",
        },
    ]
    text = text_of(snapshot)
    assert "Emphasis of matter: short period The period is three months." in text
    assert "Other matter: prior report" in text
    assert text.count("Our opinion is not modified with respect to this matter.") == 1
    assert "kept inside" not in book_of(snapshot, draft=None).html


def test_restricted_use_names_the_parties() -> None:
    """R42."""
    snapshot = snapshots.type_2()
    snapshot["specified_parties"] = default_specified_parties(snapshot)
    text = text_of(snapshot)
    assert "user entities of the Ledger Cloud system during some or all of the period" in text
    assert "should not be used, by anyone else" in text
    type_1 = snapshots.type_1()
    assert not any("during some or all" in party for party in default_specified_parties(type_1))


# How opinions are modified


@pytest.mark.parametrize(("limb", "conclusion"), list(product(LIMBS, CONCLUSIONS)))
def test_every_opinion_on_every_limb(limb: Limb, conclusion: Conclusion) -> None:
    snapshot = snapshots.type_2()
    if conclusion != "unmodified":
        cause = "scope" if conclusion == "disclaimed" else "operation"
        snapshots.modify(snapshot, limb, conclusion, cause=cause)  # type: ignore[arg-type]
    text = text_of(snapshot)
    opinion = opinion_of(text)
    for name, (holds, fails) in SENTENCES.items():
        expected = "unmodified" if name != limb else conclusion
        assert (holds in opinion) == (expected in ("unmodified", "qualified")), name
        assert (fails in opinion) == (expected == "adverse"), name
    assert ("except for the effects of the matter described above" in opinion) == (conclusion == "qualified")
    assert ("because of the significance of the matter described above, the" in opinion) == (
        conclusion == "adverse"
    )
    assert ("we do not express an opinion on" in opinion) == (conclusion == "disclaimed")
    assert ("basis" in keys(snapshot)) == (conclusion != "unmodified")
    assert ("Late removal of access" in text) == (conclusion != "unmodified")


HEADINGS = [
    ({}, "Opinion", None),
    ({"operating": "qualified"}, "Qualified opinion", "Basis for qualified opinion"),
    ({"operating": "adverse"}, "Adverse opinion", "Basis for adverse opinion"),
    ({"design": "qualified", "operating": "adverse"}, "Qualified and adverse opinions", None),
    (
        {"operating": "disclaimed"},
        "Opinion and disclaimer of opinion",
        "Basis for disclaimer of opinion",
    ),
    (
        {"design": "qualified", "operating": "disclaimed"},
        "Qualified opinion and disclaimer of opinion",
        "Basis for qualified opinion and disclaimer of opinion",
    ),
    (dict.fromkeys(LIMBS, "disclaimed"), "Disclaimer of opinion", "Basis for disclaimer of opinion"),
]


@pytest.mark.parametrize(("limbs", "heading", "basis"), HEADINGS)
def test_headings_tell_the_kind(limbs: dict[Limb, Conclusion], heading: str, basis: str | None) -> None:
    snapshot = snapshots.type_2()
    for limb, conclusion in limbs.items():
        snapshots.modify(snapshot, limb, conclusion, cause="scope" if conclusion == "disclaimed" else "operation")
    words = Phrases(snapshot)
    assert words.opinion_heading == heading
    if basis:
        assert words.basis_heading == basis


def test_scope_limitation_qualifies_by_its_possible_effects() -> None:
    snapshot = snapshots.modify(snapshots.type_2(), "operating", "qualified", cause="scope")
    text = text_of(snapshot)
    assert "except for the possible effects of the matter described above" in text
    assert "We were not able to obtain sufficient appropriate evidence on this matter" in text


def test_several_matters_are_numbered_and_named_in_their_limb() -> None:
    snapshot = snapshots.modify(snapshots.type_2(), "operating", "qualified")
    snapshots.modify(snapshot, "operating", "qualified", cause="scope", title="Logs missing")
    snapshots.modify(snapshot, "description", "qualified", cause="misstatement", title="Backups")
    text = text_of(snapshot)
    assert "except for the effects of matter 1 described above and the possible effects of matter 2" in text
    assert "(a) except for the effects of matter 3 described above, the description presents" in text
    assert "Matter 2: Logs missing" in text


def test_disclaimer_of_all_limbs_changes_verb_and_claims_no_evidence() -> None:
    snapshot = snapshots.type_2()
    for limb in LIMBS:
        snapshots.modify(snapshot, limb, "disclaimed", cause="scope")
    text = text_of(snapshot)
    assert "We were engaged to examine" in text
    assert "We have examined" not in text
    assert "In our opinion" not in text
    assert "sufficient and appropriate to give our opinion" not in text
    assert "In summary, we" not in text
    assert "They do not support, and readers should not draw from them, a conclusion" in text
    assert "and we have done so" not in text
    assert "No conclusion rests on this section." in text_of(snapshot, "controls")


def test_disclaimer_of_one_limb_leaves_the_others_examined() -> None:
    snapshot = snapshots.modify(snapshots.type_2(), "operating", "disclaimed", cause="scope")
    text = text_of(snapshot)
    assert "We have examined the accompanying description" in text
    assert "We were further engaged to examine whether those controls operated effectively" in text
    assert "In our opinion" in text
    assert "tested whether those controls operated effectively" not in text


def test_basis_leads_to_control_criterion_and_exception() -> None:
    document = book_of(snapshots.qualified(), draft=None).html
    basis = re.search(r'<div class="matter" id="matter-1">.*?</div>', document, re.DOTALL)
    assert basis
    for target in ("control-IAM-06", "criterion-CC6.2", "exception-EX-01"):
        assert f'href="#{target}"' in basis[0]


# The assertion


def test_proposed_assertion_has_its_limbs_and_conditions() -> None:
    text = assertion_text(snapshots.type_2())
    assert "to the best of our knowledge and belief, that:" in text
    assert "(a) the description presents" in text
    assert "(c) the controls stated in the description operated effectively throughout the period" in text
    assert Phrases(snapshots.type_2()).condition_operating in text
    assert "Stratus Harbor Hosting LLC under the carve-out method" in text
    assert "does not hold" not in text
    assert "(c)" not in assertion_text(snapshots.type_1())
    assert "\n\n\n" not in text


def test_proposed_assertion_is_modified_as_management_says() -> None:
    text = assertion_text(snapshots.qualified())
    assert "that, except for what is stated below:" in text
    assert text.rstrip().endswith(
        "Access was not always removed within one day of departure (criteria CC6.2 and CC6.3)."
    )


def test_assertion_is_printed_as_signed_or_marked_as_unsigned() -> None:
    snapshot = snapshots.type_2()
    snapshot["assertion"]["text"] = "We assert what we assert.\n"
    text = text_of(snapshot, "assertion")
    assert "We assert what we assert. Ines Okafor Chief Executive Officer Lakeshore Ledger, Inc." in text
    assert "November 18, 2026" in text
    snapshot["assertion"]["signed_at"] = None
    text = text_of(snapshot, "assertion")
    assert "not yet signed" in text
    assert "Ines Okafor" not in text


# Sections III to V


def test_control_wording_is_the_same_in_iii_and_iv() -> None:
    """R36."""
    snapshot = snapshots.qualified()
    snapshots.find(snapshot, "IAM-06")["wording"] = (
        'Access <ends> & is "gone"  within 1 day — always. *Not* _markup_.'
    )
    for control in snapshot["controls"]:
        stated = html.escape(control["wording"]).replace("&#x27;", "&#x27;")
        document = book_of(snapshot, draft=None).html
        section_3, section_4 = document.split('id="section-controls"')
        assert section_3.count(stated) == 1, control["number"]
        assert section_4.count(stated) == 1, control["number"]


def test_control_that_meets_several_criteria_is_printed_once_and_referred_to() -> None:
    document = book_of(snapshots.type_2(), draft=None).html.split('id="section-controls"')[1]
    assert document.count('id="control-IAM-05"') == 1
    reference = re.search(r'<tbody class="reference">.*?IAM-05.*?</tbody>', document, re.DOTALL)
    assert reference
    assert 'href="#criterion-CC6.2"' in reference[0]


def test_exception_shows_items_deviations_and_where_it_leads() -> None:
    """R37, domain 1.8."""
    snapshot = snapshots.qualified()
    text = text_of(snapshot, "controls")
    assert "Exceptions noted. For 3 of 25 departures" in text
    assert "Tested: 25 departures of a population of 41; deviations: 3. See EX-01" in text
    assert "Modifies the opinion on operating effectiveness (c): Late removal of access" in text
    assert "No modification. The control was nevertheless concluded to have operated effectively." in text
    assert "Traceability: test IAM-06.1 · sample items 0007, 0019 · evidence E-0112, E-0113" in text
    assert "Cause (systematic): The personnel system’s notice" in text


def test_exception_without_a_text_of_its_test_shows_what_was_found() -> None:
    """The nature of a deviation is printed with its numbers (domain 1.8)."""
    snapshot = snapshots.qualified()
    snapshots.find(snapshot, "IAM-06")["tests"][0]["result_text"] = ""
    snapshot["deviations"][0]["found"] = "Three accounts outlived their owners."
    results = text_of(snapshot, "controls").split("Exceptions of the period")[0]
    assert "Exceptions noted. Three accounts outlived their owners. Tested: 25 departures" in results


def test_a_missing_occurrence_is_said_beside_the_items_tested() -> None:
    """Two reviews without fault do not hide that a third was due and never took place (R34, R37)."""
    snapshot = snapshots.qualified()
    test = snapshots.find(snapshot, "IAM-06")["tests"][0]
    test.update(unit="", items_tested=2, population=3, deviations=0)
    snapshot["deviations"][0].update(unit=EXPECTED, items_tested=4, deviations=1)
    results, _, exceptions = text_of(snapshot, "controls").partition("Exceptions of the period")
    words = "Expected in the period: 4 occurrences; missing: 1."
    assert f"Tested: 2 items of a population of 3; deviations: 0. {words}" in results
    assert words in exceptions
    assert "Tested: 4 expected" not in exceptions


def test_no_response_of_management_stands_among_results() -> None:
    """Domain 1.8: what is unaudited is in Section V only."""
    snapshot = snapshots.qualified()
    answer = "A named deputy now holds the review."
    assert answer in text_of(snapshot, "other")
    assert answer not in text_of(snapshot, "controls")
    assert book_of(snapshot, draft=None).html.count(answer) == 1


def test_results_without_exception_print_no_numbers() -> None:
    text = text_of(snapshots.type_2(), "controls")
    assert "No exceptions noted." in text
    assert "Tested:" not in text
    assert "We noted no exceptions in our tests of controls." in text


def test_every_result_of_the_vocabulary_has_its_words() -> None:
    text = text_of(snapshots.full(), "controls")
    assert "Did not operate in the period. No incident in the period required notice" in text
    assert "Not tested. The control was put in place in the last week of the period" in text
    assert "Carved out. Performed by Stratus Harbor Hosting LLC." in text
    assert (
        "No modification. The control was not effective; CHG-03 , which operated effectively, compensates" in text
    )


def test_criterion_that_is_not_relevant_is_named_with_its_reason() -> None:
    snapshot = snapshots.type_2()
    snapshot["criteria"][0].update({"relevant": False, "reason": "There is nobody else."})
    assert "Not relevant to the system. There is nobody else." in text_of(snapshot, "controls")
    assert "There is nobody else." in text_of(snapshot, "description")
    # Its controls stand where they meet another criterion, or apart: none is dropped.
    assert "Controls without a criterion" in text_of(snapshot, "controls")
    assert book_of(snapshot, draft=None).html.count('id="control-GOV-01"') == 1


def test_description_has_its_parts_and_registers() -> None:
    text = text_of(snapshots.type_2(), "description")
    for words in (
        "Services provided DC1",
        "The service is available 99.9 percent of each calendar month",
        "Outside the boundary. No production access from it",
        "A faulty release delayed month-end reports",
        "CUEC-1",
        "CSOC-2",
        "July 1, 2025 to June 30, 2026",
        "April 18, 2026 Second region.",
        "no condition of the service auditor’s opinion",
    ):
        assert words in text, words
    assert "Phishing" not in text  # not disclosed


def test_type_1_has_no_changes_and_nothing_tested() -> None:
    snapshot = snapshots.type_1()
    document = book_of(snapshot, draft=None).html
    assert "DC9" not in document
    assert "Exceptions of the period" not in document
    assert "No exceptions noted" not in document
    assert "Test of the control" not in document


def test_registers_are_printed_even_if_nobody_wrote_their_part() -> None:
    snapshot = snapshots.type_2()
    snapshot["description"] = []
    text = text_of(snapshot, "description")
    assert "Complementary user entity controls DC6" in text
    assert "Services provided" not in text


def test_empty_registers_print_the_statement_of_none() -> None:
    """R43, R44: a recorded none differs from an empty field."""
    snapshot = snapshots.type_2()
    snapshot["incidents"], snapshot["changes"] = [], []
    snapshot["statements"] = {
        "no_incidents": "No incident met the criteria.",
        "no_changes": "No change was significant.",
    }
    text = text_of(snapshot, "description")
    assert "No incident met the criteria." in text
    assert "No change was significant." in text


def test_a_name_that_ends_with_a_period_ends_no_sentence() -> None:
    snapshot = snapshots.qualified()
    snapshot["client"]["short_name"] = ""
    document = book_of(snapshot, draft=None).html
    assert "Inc.." not in document


# Words


def test_small_words() -> None:
    assert joined(["a", "b", "c", "d"]) == "a, b, c, and d"
    assert possessive("Northwind Systems") == "Northwind Systems’"
    assert anchor("control", "A/1 é") == "control-A_2f_1_20__e9_"
    assert anchor("control", "A/1") != anchor("control", "A_1")
    snapshot = snapshots.type_2()
    snapshot["system"]["name"] = "The Ledger System"
    assert Phrases(snapshot).system == "The Ledger System"


HOSTILE = {
    "<script>alert(1)</script>": "<script",
    "<img src=http://evil.example/x.png>": "<img",
    "![x](http://evil.example/x.png)": "<img",
    "[x](javascript:alert(1))": 'href="javascript',
    "[x](file:///etc/passwd)": 'href="file',
    "<link rel=attachment href=file:///etc/passwd>": "<link",
    '<p style="background:url(http://evil.example)">x</p>': "<p style",
    "<style>@import url(http://evil.example)</style>": "<style",
    "<iframe src=//evil.example></iframe>": "<iframe",
    '<a id="section-opinion" name="x">x</a>': '<a id="section-opinion"',
    "[x](data:text/html,hi)": 'href="data:',
    "<svg><use href='#x'/></svg>": "<svg",
    "a\x00b": "\x00",
    "[x]: http://evil.example\n\n![x]": "<img",
}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_markdown_is_only_text(text: str) -> None:
    assert HOSTILE[text] not in to_html(text)


def test_markdown_headings_fit_into_the_report() -> None:
    assert to_html("# A\n\n### B\n\n# C", level=3) == "<h3>A</h3>\n<h4>B</h4>\n<h3>C</h3>\n"
    assert "<h6>" in to_html("# 1\n\n## 2\n\n### 3\n\n#### 4\n\n##### 5", level=4)


def test_hostile_texts_everywhere_stay_text() -> None:
    """Every text of the snapshot, plain or Markdown, is escaped or sanitised."""
    evil = '<img src="http://evil.example/x.png"><script>x</script>'

    fixed = re.compile(
        r"\.(format|type|code|number|id|controls?|criteria|test|.*date|as_of|start|end|report|signed_at|series"
        r"|engagement_letter|representation_letter|kinds?|result|category|categories|limb|conclusion|cause|method"
        r"|effect|deviations|deviation_codes|failed_criteria|compensating_control|monitoring)$"
    )

    def poison(value: object, path: str = "") -> object:
        if isinstance(value, dict):
            return {key: poison(one, f"{path}.{key}") for key, one in value.items()}
        if isinstance(value, list):
            return [poison(one, path) for one in value]
        if isinstance(value, str) and not fixed.search(path):
            return value + evil
        return value

    poisoned = poison(snapshots.qualified())
    document = book_of(poisoned, draft=2).html  # type: ignore[arg-type]
    assert "evil.example" in document
    assert "<img" not in document
    assert "<script" not in document
