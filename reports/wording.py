"""The words of the report that are the firm's: which paragraphs stand in it, and the phrases they share.

Section I is a list of elements (domain 1.3), each with a template of its own under templates/report/opinion/,
so that one paragraph can be reworded without touching the others. What depends on the content (who, when,
which limbs, which conditions, how an opinion is modified: domain 1.4 to 1.6) is worked out here once, in
`Phrases`, and is the same in every section. The wording is our own throughout.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.template.loader import render_to_string

from reports.content import (
    Category,
    Cause,
    Conclusion,
    Limb,
    LimbConclusion,
    Matter,
    Snapshot,
    Subservice,
    has_other_information,
)

CATEGORIES: dict[Category, str] = {
    "security": "security",
    "availability": "availability",
    "processing_integrity": "processing integrity",
    "confidentiality": "confidentiality",
    "privacy": "privacy",
}
LIMBS: dict[Limb, str] = {
    "description": "Presentation of the description",
    "design": "Suitability of the design of controls",
    "operating": "Operating effectiveness of controls",
}
CONCLUSIONS: dict[Conclusion, str] = {
    "unmodified": "Unmodified",
    "qualified": "Qualified",
    "adverse": "Adverse",
    "disclaimed": "No opinion expressed",
}
CAUSES: dict[Cause, str] = {
    "misstatement": "misstatement of the description",
    "design": "controls not suitably designed",
    "operation": "controls that did not operate effectively",
    "scope": "evidence that could not be obtained",
}


@dataclass(frozen=True)
class Section:
    """A section of the report. Numerals follow from what is there, none is fixed (domain 1.2)."""

    key: str
    numeral: str
    title: str

    @property
    def anchor(self) -> str:
        return f"section-{self.key}"

    @property
    def name(self) -> str:
        return f"Section {self.numeral}"


@dataclass(frozen=True)
class Element:
    """A paragraph (or a few under one heading) of Section I."""

    key: str
    heading: str
    own: str = ""  # the firm's own words for it (Markdown); "" prints the product's

    @property
    def template(self) -> str:
        return f"report/opinion/_{self.key}.html"

    @property
    def anchor(self) -> str:
        return f"opinion-{self.key}"


@dataclass(frozen=True)
class LimbText:
    """One limb as the opinion words it."""

    limb: Limb
    letter: str
    conclusion: Conclusion
    matters: tuple[Matter, ...]
    because: str  # "except for the effects of matter 1", "because of the significance of ..."; "" if unmodified
    own: str = ""  # the firm's own sentence; "" prints the product's

    @property
    def name(self) -> str:
        return LIMBS[self.limb]

    @property
    def verdict(self) -> str:
        return CONCLUSIONS[self.conclusion]

    @property
    def modified(self) -> bool:
        return self.conclusion != "unmodified"

    @property
    def template(self) -> str:
        return f"report/opinion/_limb_{self.limb}.html"


def day(iso: str) -> str:
    """An ISO date in the report's own style.

    >>> day("2026-09-30")
    'September 30, 2026'
    """
    date = dt.date.fromisoformat(iso)
    return f"{date:%B} {date.day}, {date.year}"


def joined(words: Iterable[str]) -> str:
    """Words as a series.

    >>> joined(["a", "b", "c"]), joined(["a", "b"]), joined(["a"])
    ('a, b, and c', 'a and b', 'a')
    """
    words = list(words)
    if len(words) < 3:
        return " and ".join(words)
    return ", ".join(words[:-1]) + ", and " + words[-1]


def possessive(name: str) -> str:
    """
    >>> possessive("Lakeshore Ledger"), possessive("Northwind Systems")
    ('Lakeshore Ledger’s', 'Northwind Systems’')
    """
    return name + ("’" if name.endswith(("s", "S")) else "’s")


def anchor(kind: str, code: str) -> str:
    """The id of a place in the report, whatever characters a code has.

    >>> anchor("control", "IAM-06"), anchor("control", "A/1 é")
    ('control-IAM-06', 'control-A_2f_1_20__e9_')
    """
    return f"{kind}-" + re.sub(r"[^A-Za-z0-9.-]", lambda found: f"_{ord(found[0]):x}_", code)


def sections(snapshot: Snapshot) -> dict[str, Section]:
    """The sections of this report by key, in order."""
    type_2 = snapshot["report"]["type"] == 2
    titles = {
        "opinion": "Independent service auditor’s report",
        "assertion": "Management’s assertion",
        "description": snapshot["system"]["description_title"],
        "controls": "Criteria, controls, tests of controls, and results" if type_2 else "Criteria and controls",
    }
    if has_other_information(snapshot):
        titles["other"] = "Other information provided by management"
    numerals = ("I", "II", "III", "IV", "V")
    return {key: Section(key, numerals[at], title) for at, (key, title) in enumerate(titles.items())}


def elements(snapshot: Snapshot) -> list[Element]:
    """The elements of Section I that this report has, in the order of printing (domain 1.3).

    The presence of "carve_out", "inclusive", "cuec" and "other_information" follows from the registers alone,
    so that a paragraph can neither be forgotten nor stand without its cause (R40, R41).
    """
    return Phrases(snapshot).elements


def default_specified_parties(snapshot: Snapshot) -> list[str]:
    """The classes of readers the firm usually names; a firm may change them per engagement (R42, domain 1.3)."""
    words = Phrases(snapshot)
    during = " during some or all of the period" if words.type_2 else ""
    return [
        f"{words.client} itself",
        f"user entities of the {words.system}{during}",
        f"business partners of {words.client} that are exposed to risk from their dealings with the system",
        "practitioners who provide services to those user entities and business partners",
        "prospective user entities and business partners",
        "regulators",
    ]


def assertion_text(snapshot: Snapshot) -> str:
    """Management's assertion as proposed to the signatory, in Markdown (domain 1.6).

    Takes its conditions and its modification from the same content as the opinion; what is signed is kept
    and printed as it was signed.
    """
    text = render_to_string("report/assertion/proposed.md", {"s": snapshot, "w": Phrases(snapshot)})
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


KINDS_OF_COMPONENTS = {
    "infrastructure": "Infrastructure",
    "software": "Software",
    "people": "People",
    "data": "Data",
    "procedures": "Procedures",
}


def general_use_text(snapshot: Snapshot) -> str:
    """Management's assertion in the short form of a SOC 3 report, in Markdown (domain 1.10).

    The boundaries and the principal commitments are part of it, so that management signs all that is printed. It
    has the modifications of the assertion in the snapshot.
    """
    words = Phrases(snapshot)
    inside: dict[str, list[str]] = {kind: [] for kind in KINDS_OF_COMPONENTS}
    outside = []
    for one in snapshot["components"]:
        if one["in_boundary"]:
            inside[one["kind"]].append(_plain(one["name"]))
        else:
            outside.append(_plain(one["name"]))
    text = render_to_string(
        "report/assertion/general.md",
        {
            "s": snapshot,
            "w": words,
            "legal_name": words.legal_name,
            "client": words.client,
            "carved_out": [_plain(f"{one['name']} ({one['services']})") for one in words.carved_out],
            "modifications": snapshot["assertion"]["modifications"].strip(),
            "inside": [(KINDS_OF_COMPONENTS[kind], names) for kind, names in inside.items() if names],
            "outside": outside,
            "commitments": [
                f"{CATEGORIES[one['category']].capitalize()}: {_plain(one['text'])}"
                for one in snapshot["commitments"]
            ],
        },
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


class Phrases:
    """What the templates say over and over, in the right form for this report."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.type_2 = snapshot["report"]["type"] == 2
        self.legal_name = snapshot["client"]["legal_name"]
        self.client = snapshot["client"]["short_name"] or self.legal_name
        self.client_s = possessive(self.client)
        name = snapshot["system"]["name"]
        self.system = name if name.lower().endswith("system") else f"{name} system"
        self.section = sections(snapshot)

    # When

    @cached_property
    def time(self) -> str:
        """ "as of June 30, 2026" or "throughout the period October 1, 2025 to September 30, 2026"."""
        return f"throughout the period {self.span}" if self.type_2 else f"as of {self.span}"

    @cached_property
    def span(self) -> str:
        period, as_of = self.snapshot["period"], self.snapshot["as_of"]
        if period:
            return f"{day(period['start'])} to {day(period['end'])}"
        return day(as_of) if as_of else ""

    @cached_property
    def short_span(self) -> str:
        """The date or the period for a running head, where room is scarce."""
        period, as_of = self.snapshot["period"], self.snapshot["as_of"]
        days = [period["start"], period["end"]] if period else [as_of] if as_of else []
        dates = [dt.date.fromisoformat(iso) for iso in days]
        return " – ".join(f"{date:%b} {date.day}, {date.year}" for date in dates)

    @property
    def that_time(self) -> str:
        return "throughout that period" if self.type_2 else "as of that date"

    # What

    @cached_property
    def categories(self) -> str:
        return joined(CATEGORIES[category] for category in CATEGORIES if category in self.snapshot["categories"])

    @property
    def achieved(self) -> str:
        """Suitable design speaks of what was achieved; without a test of operation, of what would be."""
        return "were achieved" if self.type_2 else "would be achieved"

    @property
    def subject(self) -> str:
        """What the controls were examined for."""
        return "design and operating effectiveness" if self.type_2 else "design"

    @cached_property
    def carved_out(self) -> list[Subservice]:
        return [one for one in self.snapshot["subservices"] if one["method"] == "carve_out"]

    @cached_property
    def included(self) -> list[Subservice]:
        return [one for one in self.snapshot["subservices"] if one["method"] == "inclusive"]

    @cached_property
    def has_csocs(self) -> bool:
        return any(one["csocs"] for one in self.snapshot["subservices"])

    @property
    def has_cuecs(self) -> bool:
        return bool(self.snapshot["cuecs"])

    @cached_property
    def condition_design(self) -> str:
        """The condition of limb b, beginning with a comma's clause, or "" (domain 1.3 no. 14, 1.9)."""
        parts = [f"if those controls operated effectively {self.that_time}"]
        if who := self._others("subservice organizations", "user entities"):
            parts.append(
                f"if {who} applied the complementary controls assumed in the design of {self.client_s} controls "
                f"{self.that_time}"
            )
        return " and ".join(parts)

    @cached_property
    def condition_operating(self) -> str:
        which = self._others("complementary subservice organization controls", "complementary user entity controls")
        if not which:
            return ""
        when = f"operated effectively {self.that_time}"
        return f"if the {which} assumed in the design of {self.client_s} controls {when}"

    def _others(self, csocs: str, cuecs: str) -> str:
        return joined([word for word, there in ((csocs, self.has_csocs), (cuecs, self.has_cuecs)) if there])

    # The opinion

    @cached_property
    def limbs(self) -> list[LimbText]:
        by_number = {matter["number"]: matter for matter in self.snapshot["opinion"]["matters"]}
        texts = []
        for letter, one in zip("abc", self.snapshot["opinion"]["limbs"], strict=False):
            matters = tuple(by_number[number] for number in sorted(one["matters"]))
            own = "" if one["conclusion"] == "adverse" else self.own_words(f"limb_{one['limb']}", inline=True)
            because = self._because(one, matters)
            texts.append(LimbText(one["limb"], letter, one["conclusion"], matters, because, own))
        return texts

    def own_words(self, key: str, *, inline: bool = False) -> str:
        """The firm's own words for a paragraph with the facts put in; "" where the product's are printed.

        A disclaimer changes too much for a wording written for an examination that was carried out: where a limb is
        disclaimed all paragraphs are the product's.
        """
        if any(one["conclusion"] == "disclaimed" for one in self.snapshot["opinion"]["limbs"]):
            return ""
        text = next((one["text"] for one in self.snapshot["wording"] if one["element"] == key), "")
        return filled(text, self, inline=inline) if text else ""

    @cached_property
    def limb(self) -> dict[Limb, LimbText]:
        return {text.limb: text for text in self.limbs}

    @cached_property
    def effective(self) -> LimbText:
        """The opinion of a SOC 3 report: design and operation in one sentence, as modified as the worse of them."""
        limbs = [text for text in self.limbs if text.limb != "description"]
        kinds = {text.conclusion for text in limbs}
        order: tuple[Conclusion, ...] = ("disclaimed", "adverse", "qualified", "unmodified")
        worst = next(kind for kind in order if kind in kinds)
        numbers = sorted({matter["number"] for text in limbs for matter in text.matters})
        matters = tuple(matter for matter in self.snapshot["opinion"]["matters"] if matter["number"] in numbers)
        conclusion = LimbConclusion(limb="operating", conclusion=worst, matters=numbers)
        return LimbText("operating", "", worst, matters, self._because(conclusion, matters))

    @property
    def expressed(self) -> list[LimbText]:
        """The limbs on which an opinion is expressed."""
        return [text for text in self.limbs if text.conclusion != "disclaimed"]

    @property
    def disclaimed(self) -> list[LimbText]:
        return [text for text in self.limbs if text.conclusion == "disclaimed"]

    @cached_property
    def disclaimed_because(self) -> str:
        numbers = {matter["number"] for text in self.disclaimed for matter in text.matters}
        matters = [matter for matter in self.snapshot["opinion"]["matters"] if matter["number"] in numbers]
        return f"because of the significance of {self._the_matters(matters)}"

    @property
    def modified(self) -> list[LimbText]:
        return [text for text in self.limbs if text.modified]

    @property
    def no_opinion(self) -> bool:
        """Whether no limb is expressed at all."""
        return bool(self.limbs) and not self.expressed

    @property
    def no_opinion_on_operation(self) -> bool:
        return "operating" in self.limb and self.limb["operating"].conclusion == "disclaimed"

    def _because(self, conclusion: LimbConclusion, matters: Sequence[Matter]) -> str:
        if conclusion["conclusion"] == "unmodified":
            return ""
        if conclusion["conclusion"] == "qualified":
            effects = [matter for matter in matters if matter["cause"] != "scope"]
            possible = [matter for matter in matters if matter["cause"] == "scope"]
            parts = []
            if effects or not matters:
                parts.append(f"the effects of {self._the_matters(effects)}")
            if possible:
                parts.append(f"the possible effects of {self._the_matters(possible)}")
            return f"except for {joined(parts)}"
        return f"because of the significance of {self._the_matters(matters)}"

    def _the_matters(self, matters: Sequence[Matter]) -> str:
        """ "the matter described above" or "matters 1 and 3 described above" ."""
        if len(self.snapshot["opinion"]["matters"]) < 2 or not matters:
            return "the matter described above"
        numbers = joined(str(matter["number"]) for matter in matters)
        return f"{'matters' if len(matters) > 1 else 'matter'} {numbers} described above"

    @cached_property
    def opinion_heading(self) -> str:
        kinds = {text.conclusion for text in self.limbs}
        opinions = [word for kind, word in (("qualified", "qualified"), ("adverse", "adverse")) if kind in kinds]
        if self.no_opinion:
            return "Disclaimer of opinion"
        words = f"{joined(opinions)} opinion{'s' if len(opinions) > 1 else ''}".strip()
        if self.disclaimed:
            words += " and disclaimer of opinion"
        return words[0].upper() + words[1:]

    @cached_property
    def basis_heading(self) -> str:
        if self.disclaimed and not any(text.conclusion in ("qualified", "adverse") for text in self.limbs):
            return "Basis for disclaimer of opinion"
        return f"Basis for {self.opinion_heading[0].lower()}{self.opinion_heading[1:]}"

    @cached_property
    def matters(self) -> list[tuple[Matter, list[LimbText]]]:
        """The matters in order, each with the limbs it modifies."""
        return [
            (matter, [text for text in self.limbs if matter in text.matters])
            for matter in sorted(self.snapshot["opinion"]["matters"], key=lambda matter: matter["number"])
        ]

    @cached_property
    def elements(self) -> list[Element]:
        modified, other = bool(self.modified), "other" in self.section
        candidates = [
            ("addressee", "", True),
            ("scope", "Scope", True),
            ("carve_out", "", bool(self.carved_out)),
            ("inclusive", "", bool(self.included)),
            ("cuec", "", self.has_cuecs),
            ("other_information", "", other),
            ("management", f"Responsibilities of {self.client}", True),
            ("auditor", "Responsibilities of the service auditor", True),
            ("independence", "", True),
            ("limitations", "Inherent limitations", True),
            ("operation_not_examined", "Other matter: operating effectiveness not examined", not self.type_2),
            ("tests", "Description of tests of controls", self.type_2),
            ("basis", self.basis_heading if modified else "", modified),
            ("opinion", self.opinion_heading, True),
            ("paragraphs", "", bool(self.snapshot["paragraphs"])),
            ("restricted_use", "Restricted use", True),
            ("signature", "", True),
        ]
        return [Element(key, heading, self.own_words(key)) for key, heading, there in candidates if there]

    # The assertion

    @property
    def assertion_modified(self) -> bool:
        return bool(self.snapshot["assertion"]["modifications"].strip())


# The firm's own words

# The paragraphs that a firm may put into its own words, and the sentences of the limbs.
OWN = {
    "scope": "Scope",
    "carve_out": "Subservice organizations, carve-out",
    "inclusive": "Subservice organizations, inclusive",
    "cuec": "Complementary user entity controls",
    "other_information": "Other information",
    "management": "Responsibilities of the service organization",
    "auditor": "Responsibilities of the service auditor",
    "independence": "Independence",
    "limitations": "Inherent limitations",
    "operation_not_examined": "Other matter of a Type 1",
    "tests": "Description of tests of controls",
    "restricted_use": "Restricted use",
    "limb_description": "Limb (a), the description",
    "limb_design": "Limb (b), suitability of design",
    "limb_operating": "Limb (c), operating effectiveness",
}
# What a paragraph in the firm's own words refers to, in braces.
FACTS: dict[str, Callable[[Phrases], str]] = {
    "client": lambda words: words.client,
    "client_s": lambda words: words.client_s,
    "legal_name": lambda words: words.legal_name,
    "system": lambda words: words.system,
    "title": lambda words: words.snapshot["system"]["description_title"],
    "time": lambda words: words.time,
    "that_time": lambda words: words.that_time,
    "span": lambda words: words.span,
    "categories": lambda words: words.categories,
    "subject": lambda words: words.subject,
    "achieved": lambda words: words.achieved,
    "description_criteria": lambda words: words.snapshot["editions"]["description"],
    "trust_services_criteria": lambda words: words.snapshot["editions"]["criteria"],
    "firm": lambda words: words.snapshot["firm"]["name"],
    "condition_design": lambda words: words.condition_design,
    "condition_operating": lambda words: words.condition_operating,
    **{
        f"section_{key}": lambda words, key=key: words.section[key].name if key in words.section else ""  # type: ignore[misc]
        for key in ("opinion", "assertion", "description", "controls", "other")
    },
}
LISTS: dict[str, Callable[[Phrases], list[str]]] = {
    "carved_out": lambda words: [f"{one['name']}: {one['services']}" for one in words.carved_out],
    "included": lambda words: [f"{one['name']}: {one['services']}" for one in words.included],
    "parties": lambda words: words.snapshot["specified_parties"],
}
_NAME = re.compile(r"\{([^{}\n]*)\}")


def unknown_facts(text: str, *, inline: bool = False) -> list[str]:
    """Names in braces that mean nothing; a limb's sentence takes no list.

    >>> unknown_facts("{client} and {clients}"), unknown_facts("{parties}", inline=True)
    (['clients'], ['parties'])
    """
    known = set(FACTS) if inline else {*FACTS, *LISTS}
    return [name for name in dict.fromkeys(_NAME.findall(text)) if name not in known]


def filled(text: str, words: Phrases, *, inline: bool = False) -> str:
    """The text with its facts put in; in Markdown a fact is text and nothing else."""

    def fact(found: re.Match[str]) -> str:
        name = found[1]
        if name in LISTS and not inline:
            return "\n\n" + "".join(f"- {_plain(one)}\n" for one in LISTS[name](words)) + "\n"
        if name not in FACTS:
            return found[0]
        return FACTS[name](words) if inline else _plain(FACTS[name](words))

    return _NAME.sub(fact, text)


def _plain(text: str) -> str:
    """
    >>> _plain("A*B_[x]")
    'A\\\\*B\\\\_\\\\[x\\\\]'
    """
    return re.sub(r"([\\`*_\[\]<>#|~!&])", r"\\\1", " ".join(text.split()))
