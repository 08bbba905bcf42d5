"""Whether the parts of a report agree: rules over one content, without the database.

Every rule yields what it finds with the place in the printed report (an anchor) and the thing at fault, so that a
finding leads to the paragraph. The rules are R36 to R46 and, where domain 1.3 asks for something that has no number
of its own, "S" with the number of the element of Section I. The dates are in reports.lattice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from reports import prose, reading
from reports.content import EXPECTED, Control, Snapshot, Test, has_other_information
from reports.wording import CATEGORIES, Phrases, anchor, day

Kind = Literal[
    "control",
    "exception",
    "part",
    "element",
    "limb",
    "statement",
    "subservice",
    "complementary",
    "criterion",
    "incidents",
    "changes",
    "firm",
    "report",
]


@dataclass(frozen=True)
class Discord:
    """Parts that do not agree: the rule, in words, the anchor in the report, and the thing at fault."""

    rule: str
    text: str
    place: str
    kind: Kind
    code: str = ""


class Reading:
    """A content with what is worked out of it once."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.words = Phrases(snapshot)

    @cached_property
    def paragraphs(self) -> Mapping[str, reading.Paragraph]:
        return {paragraph.key: paragraph for paragraph in reading.opinion(self.snapshot)}

    @cached_property
    def assertion(self) -> str:
        return reading.assertion(self.snapshot)

    @cached_property
    def control(self) -> Mapping[str, Control]:
        return {control["number"]: control for control in self.snapshot["controls"]}

    @cached_property
    def test(self) -> Mapping[str, Test]:
        return {test["id"]: test for control in self.snapshot["controls"] for test in control["tests"]}


ASSERTION: tuple[str, Kind, str] = ("section-assertion", "statement", "assertion")
Check = Callable[[Reading], Iterator[Discord]]
CHECKS: dict[str, list[Check]] = {}


def law(*rules: str) -> Callable[[Check], Check]:
    def keep(check: Check) -> Check:
        for rule in rules:
            CHECKS.setdefault(rule, []).append(check)
        return check

    return keep


def discords(snapshot: Snapshot, *only: str) -> list[Discord]:
    """What does not agree in a content; `only`: of these rules."""
    here = Reading(snapshot)
    checks = dict.fromkeys(check for rule, some in CHECKS.items() if not only or rule in only for check in some)
    return [one for check in checks for one in check(here) if not only or one.rule in only]


# Section I: every element says what it has to say (domain 1.3)


@law("S02", "S03", "S04", "S05", "S06", "S08", "S09", "S12", "S14", "S16", "S17", "S18")
def opinion_says_it(here: Reading) -> Iterator[Discord]:
    """What is examined, of whom, when, by what: in whatever words the firm has put it."""
    for key, rule, needed in _needed(here):
        paragraph = here.paragraphs.get(key)
        if paragraph is None:
            yield Discord(rule, f"Section I lacks its paragraph “{key}”.", "section-opinion", "element", key)
            continue
        for words in reading.lacking(paragraph.text, needed):
            yield Discord(
                rule,
                f"The paragraph “{_name(paragraph)}” does not say “{words}”.",
                f"opinion-{key}",
                "element",
                key,
            )


def _editions(snapshot: Snapshot) -> list[str]:
    return [snapshot["editions"]["criteria"], snapshot["editions"]["description"]]


def _name(paragraph: reading.Paragraph) -> str:
    return paragraph.heading or paragraph.key.replace("_", " ")


def _needed(here: Reading) -> Iterator[tuple[str, str, list[str]]]:
    s, w = here.snapshot, here.words
    days = [*s["period"].values()] if s["period"] else [s["as_of"] or ""]
    when = [day(str(iso)) for iso in days if iso]
    categories = [CATEGORIES[category] for category in s["categories"]]
    yield "addressee", "S02", [s["report"]["addressee"] or w.legal_name]
    yield (
        "scope",
        "S03",
        [
            s["system"]["description_title"],
            w.legal_name,
            *when,
            *categories,
            *_editions(s),
        ],
    )
    if w.carved_out:
        yield "carve_out", "S04", [one["name"] for one in w.carved_out]
    if w.included:
        yield "inclusive", "S04", [one["name"] for one in w.included]
    if w.has_cuecs:
        yield "cuec", "S05", ["user entit"]
    if "other" in w.section:
        yield "other_information", "S06", [w.section["other"].name]
    yield "auditor", "S08", ["American Institute of Certified Public Accountants"]
    if not w.no_opinion:
        yield "auditor", "S08", ["reasonable assurance"]
    yield "independence", "S09", ["independent"]
    if w.type_2:
        yield "tests", "S12", [w.section["controls"].name]
    else:
        yield "operation_not_examined", "S11", ["operating effectiveness"]
    yield "opinion", "S14", [f"({text.letter})" for text in w.limbs] + when
    if any(text.conclusion in {"unmodified", "qualified"} for text in w.expressed):
        yield "opinion", "S14", ["in all material respects"]
    yield "restricted_use", "S16", s["specified_parties"]
    firm = s["firm"]
    yield "signature", "S17", [firm["name"]]
    yield "signature", "S18", [firm["city"], firm["state"]]


@law("S11")
def type_1_says_so(here: Reading) -> Iterator[Discord]:
    yield from (one for one in opinion_says_it(here) if one.rule == "S11")


@law("S15")
def paragraphs_have_reasons(here: Reading) -> Iterator[Discord]:
    """Emphasis and other-matter paragraphs are each linked to a recorded reason."""
    for paragraph in here.snapshot["paragraphs"]:
        for name, text in (("text", paragraph["text"]), ("reason on file", paragraph["reason"])):
            if not text.strip():
                yield Discord(
                    "S15", f"The paragraph “{paragraph['title']}” has no {name}.", "opinion-paragraphs", "limb"
                )


@law("S03")
def assertion_agrees(here: Reading) -> Iterator[Discord]:
    """Title, system, time, categories and editions are the same in Sections I and II, signed long ago or not."""
    s, w = here.snapshot, here.words
    categories = [CATEGORIES[category] for category in s["categories"]]
    needed = [s["system"]["description_title"], w.span, *categories, *_editions(s), w.legal_name]
    for words in reading.lacking(here.assertion, needed):
        yield Discord(
            "S03",
            f"Management's assertion does not say “{words}”, as Section I does.",
            "section-assertion",
            "statement",
            "assertion",
        )
    foreign = [name for key, name in CATEGORIES.items() if key not in s["categories"]]
    relevant = re.search(r"relevant to ([^.]{1,120}?) in ", reading.flat(here.assertion))
    for name in foreign:
        if relevant and name in relevant[1]:
            yield Discord(
                "S03",
                f"Management's assertion speaks of {name}, which is not in scope.",
                "section-assertion",
                "statement",
                "assertion",
            )


# Subservice organizations, complementary controls, Section V, restricted use


@law("S04", "R16")
def subservices_complete(here: Reading) -> Iterator[Discord]:
    for one in here.words.carved_out:
        place = anchor("part", "DC7")
        if not one["monitoring"]:
            yield Discord(
                "R16", f"{one['name']} is carved out, but no control watches it.", place, "subservice", one["name"]
            )
        for csoc in one["csocs"]:
            if not csoc["criteria"]:
                yield Discord(
                    "S04",
                    f"{csoc['code']} of {one['name']} serves no criterion.",
                    place,
                    "complementary",
                    csoc["code"],
                )
    for one in here.words.included:
        for name, there in (("text", one["assertion"]), ("signatory", one["signatory"])):
            if not there.strip():
                yield Discord(
                    "S04",
                    f"{one['name']} is included, but its own assertion has no {name}.",
                    "section-assertion",
                    "subservice",
                    one["name"],
                )


@law("S05")
def cuecs_mapped(here: Reading) -> Iterator[Discord]:
    for one in here.snapshot["cuecs"]:
        if not one["criteria"]:
            yield Discord(
                "S05", f"{one['code']} serves no criterion.", anchor("part", "DC6"), "complementary", one["code"]
            )


@law("R40")
def section_five(here: Reading) -> Iterator[Discord]:
    """Section V and the paragraph on it go together; what stands in Section V says something."""
    there = has_other_information(here.snapshot)
    if there != ("other_information" in here.paragraphs):
        words = (
            "Section V is printed without the paragraph that says it was not examined."
            if there
            else "The other-information paragraph is printed, but Section V is empty."
        )
        yield Discord("R40", words, "opinion-other_information", "element", "other_information")
    for deviation in here.snapshot["deviations"]:
        if deviation["response"] is not None and not deviation["response"]["text"].strip():
            yield Discord(
                "R40",
                f"Section V has a response to {deviation['code']} that says nothing.",
                anchor("response", deviation["code"]),
                "exception",
                deviation["code"],
            )


@law("R41")
def complementary(here: Reading) -> Iterator[Discord]:
    """The lists of complementary controls, the paragraphs on them and the conditions in Sections I and II."""
    s, w = here.snapshot, here.words
    for one in w.carved_out:
        if not one["csocs"]:
            yield Discord(
                "R41",
                f"{one['name']} is carved out, but no complementary control is assumed there.",
                anchor("part", "DC7"),
                "subservice",
                one["name"],
            )
    for key, there, words in (
        ("carve_out", bool(w.carved_out), "Carved-out subservice organizations"),
        ("inclusive", bool(w.included), "Included subservice organizations"),
        ("cuec", bool(s["cuecs"]), "Complementary user entity controls"),
    ):
        if there != (key in here.paragraphs):
            yield Discord(
                "R41", f"{words} and the paragraph on them do not go together.", f"opinion-{key}", "element", key
            )
    yield from _conditions(here)


def _conditions(here: Reading) -> Iterator[Discord]:
    w = here.words
    opinion = here.paragraphs.get("opinion")
    texts: list[tuple[str, str, str, Kind, str]] = [("Section II", here.assertion, *ASSERTION)]
    bearing = [
        text for text in w.limbs if text.limb != "description" and text.conclusion in {"unmodified", "qualified"}
    ]
    lines = opinion.text.splitlines() if opinion is not None else []
    for limb in bearing:
        sentence = " ".join(line for line in lines if line.startswith(f"({limb.letter})"))
        texts.append((f"Limb ({limb.letter})", sentence, "opinion-opinion", "limb", limb.limb))
    for name, text, place, kind, code in texts:
        here_says = reading.flat(text).casefold()
        for words, there, said in (
            ("user entities", w.has_cuecs, "user entit" in here_says),
            ("subservice organizations", w.has_csocs, "subservice organization" in here_says),
        ):
            if there and not said:
                yield Discord(
                    "R41",
                    f"{name} lacks the condition on controls at {words}.",
                    place,
                    kind,
                    code,
                )
            if not there and said and f"complementary {words[:-3]}" in here_says:
                yield Discord(
                    "R41",
                    f"{name} speaks of complementary controls at {words}; there are none.",
                    place,
                    kind,
                    code,
                )


@law("R42")
def restricted_use(here: Reading) -> Iterator[Discord]:
    if "restricted_use" not in here.paragraphs:
        yield Discord("R42", "The paragraph on restricted use is missing.", "opinion-restricted_use", "element")
    if not here.snapshot["specified_parties"]:
        yield Discord("R42", "No class of specified parties is named.", "opinion-restricted_use", "element")
    if not here.words.type_2 and any("during some or all" in party for party in here.snapshot["specified_parties"]):
        yield Discord(
            "R42", "A Type 1 has no users “during some or all of the period”.", "opinion-restricted_use", "element"
        )


# Controls, tests and exceptions


def restated(body: str, wordings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Lines of a text that state a control (number, separator, words) other than in its wording."""
    for line in body.splitlines():
        plain = re.sub(r"[*_`]", "", line).strip().strip("|").strip().lstrip("-+#>").strip()
        found = re.match(r"(\S+?)\s*(?::|\||–|—|\s-\s)\s*(.+)", plain)
        if found and found[1] in wordings:
            words, text = " ".join(wordings[found[1]].split()), " ".join(found[2].split())
            if text.split(" | ")[0] not in {words, re.sub(r"[*_`]", "", words)}:
                yield found[1], text


@law("R36")
def same_wording(here: Reading) -> Iterator[Discord]:
    """Both sections print the one wording; what is left is prose that states a control again in other words."""
    wordings = {number: control["wording"] for number, control in here.control.items()}
    for part in here.snapshot["description"]:
        for number, text in restated(part["text"], wordings):
            yield Discord(
                "R36",
                f"{part['code']} states {number} in other words than Section IV: “{text[:80]}”.",
                anchor("part", part["code"]),
                "part",
                part["code"],
            )
    for number, wording in wordings.items():
        if not wording.strip():
            yield Discord("R36", f"{number} has no wording.", anchor("control", number), "control", number)


@law("R13")
def criteria_met(here: Reading) -> Iterator[Discord]:
    met = {code for control in here.snapshot["controls"] for code in control["criteria"]}
    for criterion in here.snapshot["criteria"]:
        code = criterion["code"]
        place = anchor("criterion", code)
        if criterion["relevant"] and code not in met:
            yield Discord("R13", f"No control meets {code}.", place, "criterion", code)
        if not criterion["relevant"] and not criterion["reason"].strip():
            yield Discord("R13", f"{code} is not relevant, and no reason says why.", place, "criterion", code)


@law("R37")
def deviations_reported(here: Reading) -> Iterator[Discord]:
    """Each exception stands at a test that says so, with numbers; each test that says so has one."""
    listed = {code: test for test in here.test.values() for code in test["deviation_codes"]}
    for one in here.snapshot["deviations"]:
        code, found = one["code"], listed.get(one["code"])
        place = anchor("exception", code)
        if found is None:
            yield Discord("R37", f"{code} stands at no test of Section IV.", place, "exception", code)
        elif found["result"] != "exceptions":
            yield Discord(
                "R37",
                f"{code} stands, but {found['id']} does not say “exceptions noted”.",
                place,
                "exception",
                code,
            )
        if one["items_tested"] is None or one["deviations"] is None:
            yield Discord(
                "R37", f"{code} has no number of items tested or of deviations.", place, "exception", code
            )
        elif one["deviations"] < 1 or one["deviations"] > one["items_tested"]:
            yield Discord(
                "R37",
                f"{code}: {one['deviations']} of {one['items_tested']} items cannot be.",
                place,
                "exception",
                code,
            )
        elif found and one["unit"] != EXPECTED and found["items_tested"] not in {None, one["items_tested"]}:
            yield Discord(
                "R37",
                f"{code} speaks of {one['items_tested']} items tested, {found['id']} of {found['items_tested']}.",
                place,
                "exception",
                code,
            )
    for control in here.snapshot["controls"]:
        for test in control["tests"]:
            yield from _test(control, test)


def _test(control: Control, test: Test) -> Iterator[Discord]:
    number = control["number"]
    place = anchor("control", number)
    if test["result"] == "exceptions" and not test["deviation_codes"]:
        yield Discord(
            "R37", f"{test['id']} notes an exception that is nowhere described.", place, "control", number
        )
    if test["result"] == "no_exceptions" and test["deviations"]:
        yield Discord("R37", f"{test['id']} has deviations and says “no exceptions”.", place, "control", number)
    if test["result"] == "did_not_operate" and (test["population"] or not test["reason"].strip()):
        yield Discord(
            "R35",
            f"{test['id']} did not operate: that needs a population of zero and a reason.",
            place,
            "control",
            number,
        )
    if test["result"] == "not_tested" and not test["reason"].strip():
        yield Discord("S12", f"{test['id']} is not tested, and no reason says why.", place, "control", number)
    if test["kinds"] == ["inquiry"] and test["result"] in {"no_exceptions", "exceptions"}:
        yield Discord("R24", f"{test['id']} rests on inquiry alone.", place, "control", number)


CHECKS["R35"] = CHECKS["R24"] = [deviations_reported]
CHECKS["S12"].append(deviations_reported)


# The opinion and the assertion


@law("R38")
def limbs_rest_on_matters(here: Reading) -> Iterator[Discord]:
    matters = {matter["number"]: matter for matter in here.snapshot["opinion"]["matters"]}
    used = set()
    for text in here.words.limbs:
        used |= {matter["number"] for matter in text.matters}
        if text.modified and not text.matters:
            yield Discord(
                "R38",
                f"{text.name} is {text.verdict.lower()}, but no matter stands for it.",
                "opinion-opinion",
                "limb",
                text.limb,
            )
        if not text.modified and text.matters:
            yield Discord(
                "R38",
                f"{text.name} is unmodified, but matter {text.matters[0]['number']} touches it.",
                "opinion-opinion",
                "limb",
                text.limb,
            )
        if (
            text.conclusion == "adverse"
            and text.matters
            and not any(one["pervasive"] and one["cause"] != "scope" for one in text.matters)
        ):
            yield Discord(
                "R38", f"{text.name} is adverse without a pervasive matter.", "opinion-basis", "limb", text.limb
            )
        if (
            text.conclusion == "disclaimed"
            and text.matters
            and not any(one["pervasive"] and one["cause"] == "scope" for one in text.matters)
        ):
            yield Discord(
                "R38",
                f"{text.name} is disclaimed without a pervasive limitation of scope.",
                "opinion-basis",
                "limb",
                text.limb,
            )
    for number, matter in matters.items():
        if not matter["basis"].strip():
            yield Discord("R38", f"Matter {number} has no basis paragraph.", anchor("matter", str(number)), "limb")
        if number not in used:
            yield Discord("R38", f"Matter {number} modifies no limb.", anchor("matter", str(number)), "limb")


@law("R38")
def assertion_modified_alike(here: Reading) -> Iterator[Discord]:
    told = here.snapshot["assertion"]["modifications"].strip()
    modified = bool(here.words.modified)
    if modified and not told:
        yield Discord(
            "R38",
            "The opinion is modified and management's assertion is not. Management has to sign one that says in "
            "what respects it does not hold.",
            *ASSERTION,
        )
    if not modified and told:
        yield Discord("R38", "Management's assertion admits a failure and the opinion is unmodified.", *ASSERTION)
    if told and reading.lacking(here.assertion, [reading.plain(prose.to_html(told))]):
        yield Discord("R38", "The assertion as printed does not say in what respects it does not hold.", *ASSERTION)


@law("R39")
def no_failed_criterion(here: Reading) -> Iterator[Discord]:
    operating = here.words.limb.get("operating")
    if operating is None or operating.modified:
        return
    for one in here.snapshot["deviations"]:
        if one["effect"] == "criterion_failed":
            failed = ", ".join(one["failed_criteria"]) or "a criterion"
            yield Discord(
                "R39",
                f"{one['code']}: {failed} is not met, but operating effectiveness is unmodified.",
                anchor("exception", one["code"]),
                "exception",
                one["code"],
            )


@law("R32")
def exceptions_concluded(here: Reading) -> Iterator[Discord]:
    for one in here.snapshot["deviations"]:
        lacks = [name for name in ("found", "cause") if not one[name].strip()]
        if not one["effect"]:
            lacks.append("conclusion")
        if lacks:
            place = anchor("exception", one["code"])
            yield Discord("R32", f"{one['code']} lacks its {' and '.join(lacks)}.", place, "exception", one["code"])


# Registers of the description


@law("R43")
def incidents_decided(here: Reading) -> Iterator[Discord]:
    s, place = here.snapshot, anchor("part", "DC4")
    if not s["incidents"] and not s["statements"]["no_incidents"].strip():
        yield Discord(
            "R43", "No incident is recorded, and no statement says that there was none.", place, "incidents"
        )
    for one in s["incidents"]:
        if not one["reason"].strip():
            yield Discord("R43", f"“{one['title']}” has no reason for its disclosure or not.", place, "incidents")
        if one["disclosed"] and not one["text"].strip():
            yield Discord("R43", f"“{one['title']}” is disclosed without a word on it.", place, "incidents")


@law("R44")
def changes_stated(here: Reading) -> Iterator[Discord]:
    s, place = here.snapshot, anchor("part", "DC9")
    if not here.words.type_2:
        if s["changes"]:
            yield Discord("R44", "A Type 1 has no changes of a period.", place, "changes")
        return
    if not s["changes"] and not s["statements"]["no_changes"].strip():
        yield Discord("R44", "No change is recorded, and no statement says that there was none.", place, "changes")


@law("R44")
def changes_in_period(here: Reading) -> Iterator[Discord]:
    period = here.snapshot["period"]
    for one in here.snapshot["changes"] if period else ():
        if period and not period["start"] <= one["date"] <= period["end"]:
            words = f"“{one['title']}” of {day(one['date'])} lies outside the period."
            yield Discord("R44", words, anchor("part", "DC9"), "changes")


@law("R46")
def firm_signs(here: Reading) -> Iterator[Discord]:
    firm = here.snapshot["firm"]
    for name, there in (("name", firm["name"]), ("city", firm["city"]), ("state", firm["state"])):
        if not there.strip():
            yield Discord("R46", f"The firm's {name} is not on record.", "opinion-signature", "firm")


@law("R48", "R49")
def dates_of_content(here: Reading) -> Iterator[Discord]:
    """Those dates of the lattice that are printed: of the report, the assertion and what is examined."""
    s = here.snapshot
    end = s["period"]["end"] if s["period"] else s["as_of"] or ""
    report, made = s["dates"]["report"], s["assertion"]["date"]

    def over(iso: str) -> bool:
        return iso > end if here.words.type_2 else iso >= end

    if report and not over(report):
        yield Discord(
            "R48", "The report is dated before what it speaks of was over.", "opinion-signature", "report"
        )
    if made and not over(made):
        yield Discord("R49", "The assertion is dated before what it speaks of was over.", *ASSERTION)
    if made and report and made > report:
        yield Discord("R49", "The assertion is dated after the report.", *ASSERTION)
    if s["assertion"]["signed_at"] and not s["assertion"]["signatory"].strip():
        yield Discord("R49", "The assertion is signed by nobody.", *ASSERTION)
