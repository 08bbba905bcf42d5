"""Every report there can be: type, conclusion on each limb, carve-out or inclusive or both, with and without CUECs.

Section I of all of them as text; as a PDF, too, and whole reports for each pair of these properties (`make drill`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product

import pytest

from reports import consistency, content, reading, wording
from reports.book import book_of
from reports.content import Cause, Conclusion, Limb, Snapshot
from reports.rendering import excerpt, key_of, lay_out
from tests.reports import snapshots
from tests.reports.pdf import texts
from tests.reports.printing import PRESS, SHELF, printed

CONCLUSIONS: tuple[Conclusion, ...] = ("unmodified", "qualified", "adverse", "disclaimed")
METHODS = ("none", "carve_out", "inclusive", "both")
HOLDS: dict[Limb, str] = {
    "description": "the description presents, in all material respects,",
    "design": "were suitably designed, in all material respects,",
    "operating": "operated effectively, in all material respects,",
}
FAILS: dict[Limb, str] = {
    "description": "the description does not present",
    "design": "the controls stated in the description were not suitably designed",
    "operating": "the controls stated in the description did not operate effectively",
}
CAUSES: dict[tuple[Limb, bool], Cause] = {
    ("description", False): "misstatement",
    ("design", False): "design",
    ("operating", False): "operation",
}


@dataclass(frozen=True)
class Kind:
    type: int
    conclusions: tuple[Conclusion, ...]
    method: str
    cuecs: bool

    def __str__(self) -> str:
        limbs = "-".join(one[:3] for one in self.conclusions)
        return f"type{self.type}-{limbs}-{self.method}-{'cuec' if self.cuecs else 'no_cuec'}"

    @property
    def limbs(self) -> list[Limb]:
        return ["description", "design", "operating"][: 1 + self.type]  # type: ignore[return-value]


def kinds() -> Iterator[Kind]:
    for number in (1, 2):
        for conclusions in product(CONCLUSIONS, repeat=1 + number):
            for method, cuecs in product(METHODS, (True, False)):
                yield Kind(number, conclusions, method, cuecs)


ALL = list(kinds())


def made(kind: Kind) -> Snapshot:
    """The report of that kind, consistent throughout."""
    data: Snapshot = json.loads(base(kind.type))
    hosted = data["subservices"][0]
    support = {
        **hosted,
        "name": "Sister Support Ltd.",
        "services": "Support of users",
        "method": "inclusive",
        "csocs": [],
        "assertion": "We support the users.",
        "signatory": "V. Roe, director",
    }
    data["subservices"] = {  # type: ignore[assignment]
        "none": [],
        "carve_out": [hosted],
        "inclusive": [support],
        "both": [hosted, support],
    }[kind.method]
    if not kind.cuecs:
        data["cuecs"] = []
    for limb, conclusion in zip(kind.limbs, kind.conclusions, strict=True):
        if conclusion != "unmodified":
            cause = "scope" if conclusion == "disclaimed" else CAUSES[limb, False]
            snapshots.modify(data, limb, conclusion, cause=cause, title=f"The matter of {limb}")  # type: ignore[arg-type]
    data["specified_parties"] = wording.default_specified_parties(data)
    return data


def signed(data: Snapshot) -> Snapshot:
    data["assertion"]["text"] = wording.assertion_text(data)
    return content.validate(data)


@cache
def base(number: int) -> str:
    return json.dumps(snapshots.type_1() if number == 1 else snapshots.type_2())


def present(kind: Kind) -> dict[str, bool]:
    """Words that a report of that kind holds or omits."""
    expressed = [one for one in kind.conclusions if one != "disclaimed"]
    modified = [one for one in kind.conclusions if one != "unmodified"]
    nothing = not expressed
    bearing = [
        limb
        for limb, one in zip(kind.limbs, kind.conclusions, strict=True)
        if limb != "description" and one in {"unmodified", "qualified"}
    ]
    carved = kind.method in {"carve_out", "both"}
    included = kind.method in {"inclusive", "both"}
    found = {
        "(carve-out method)": carved,
        "Stratus Harbor Hosting LLC": carved,
        "Our examination did not extend to the services of the subservice organization": carved,
        "(inclusive method)": included,
        "Our examination extended to those elements and controls": included,
        "Sister Support Ltd.": included,
        "Our examination did not extend to user entities": kind.cuecs,
        "We performed no procedures regarding the operating effectiveness": kind.type == 1,
        "Basis for": bool(modified),
        "In our opinion": bool(expressed),
        "we do not express an opinion on": "disclaimed" in kind.conclusions,
        "sufficient and appropriate to give our opinion": not nothing,
        "In summary, we": not nothing,
        "and we have done so": not nothing,
        "user entities applied the complementary": "design" in bearing and kind.cuecs,
        "if subservice organizations": "design" in bearing and carved,
        "complementary user entity controls assumed": "operating" in bearing and kind.cuecs,
        "throughout the period October 1, 2025": kind.type == 2,
        "as of June 30, 2026": kind.type == 1,
        "are listed in Section": kind.type == 2,
    }
    for limb, conclusion in zip(kind.limbs, kind.conclusions, strict=True):
        found[HOLDS[limb]] = conclusion in {"unmodified", "qualified"}
        found[FAILS[limb]] = conclusion == "adverse"
        found[f"The matter of {limb}"] = conclusion != "unmodified"
    return found


def wrong(kind: Kind, text: str) -> list[str]:
    text = reading.flat(text)
    return [
        f"{'lacks' if there else 'has'}: {words}"
        for words, there in present(kind).items()
        if (words in text) != there
    ]


def test_there_are_as_many_as_there_can_be() -> None:
    assert len(ALL) == (4**2 + 4**3) * 4 * 2 == len(set(map(str, ALL)))


@pytest.mark.parametrize("cuecs", [True, False], ids=["cuec", "no_cuec"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("number", [1, 2])
def test_section_i_holds_and_omits_the_right_paragraphs(number: int, method: str, cuecs: bool) -> None:
    for kind in ALL:
        if (kind.type, kind.method, kind.cuecs) == (number, method, cuecs):
            text = "\n".join(f"{one.heading}\n{one.text}" for one in reading.opinion(made(kind)))
            assert wrong(kind, text) == [], str(kind)


@pytest.mark.drill
def test_the_engine_passes_every_one_of_them() -> None:
    for kind in ALL:
        assert consistency.discords(signed(made(kind))) == [], str(kind)


def properties(kind: Kind) -> dict[str, object]:
    limbs = {f"limb {at}": one for at, one in enumerate(kind.conclusions)}
    return {"type": kind.type, "method": kind.method, "cuecs": kind.cuecs, **limbs}


def pairwise() -> list[Kind]:
    """Kinds that together have every pair of values of two properties, by the greedy choice."""
    pairs = {
        kind: set(combinations(sorted((name, str(value)) for name, value in properties(kind).items()), 2))
        for kind in ALL
    }
    wanted = set().union(*pairs.values())
    chosen = []
    while wanted:
        best = max(ALL, key=lambda kind: len(pairs[kind] & wanted))
        chosen.append(best)
        wanted -= pairs[best]
    return chosen


def squeezed(text: str) -> str:
    """Text without spaces, hyphens and bullets: where lines end is no matter here."""
    return re.sub("[-•\\s\x02\ufffe]", "", text)


def printed_words(pages: Sequence[str]) -> str:
    """What stands on the pages below their running heads, squeezed."""
    return squeezed(" ".join(re.sub(r"^.*?Page \d+ of \d+", "", page) for page in pages))


def misprinted(kind: Kind, pages: Sequence[str]) -> list[str]:
    """What the pages of Section I lack, or hold that they should not."""
    body = printed_words(pages)
    return [
        f"{'lacks' if there else 'has'}: {words}"
        for words, there in present(kind).items()
        if (squeezed(words) in body) != there
    ]


def section_i(snapshot: Snapshot) -> list[str]:
    """Its pages, read back from a PDF of that part alone, made as the preview makes it."""
    book = book_of(snapshot, draft=None)
    part = next(chunk for chunk in book.chunks if chunk.name == "opinion")
    [(_, leaves)] = lay_out(book, {key_of(book, part): part}, SHELF, PRESS, wait=False)
    return texts(excerpt(book, part, [leaves], SHELF, PRESS, before=2, total=80)[1])


@pytest.mark.drill
@pytest.mark.parametrize("cuecs", [True, False], ids=["cuec", "no_cuec"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("number", [1, 2])
def test_section_i_of_every_one_of_them_is_printed_right(number: int, method: str, cuecs: bool) -> None:
    """All 640 as PDFs: what they hold and omit, and that no paragraph is lost on the way to the page."""
    for kind in ALL:
        if (kind.type, kind.method, kind.cuecs) == (number, method, cuecs):
            snapshot = made(kind)
            pages = section_i(snapshot)
            assert misprinted(kind, pages) == [], str(kind)
            body, elements = printed_words(pages), reading.opinion(snapshot)
            lines = [line for one in elements for line in (one.heading, *one.text.splitlines())]
            assert [line for line in lines if squeezed(line) not in body] == [], str(kind)


@pytest.mark.drill
def test_their_pdfs_hold_and_omit_the_right_paragraphs() -> None:
    """Whole reports: each pair of properties at least once."""
    chosen = pairwise()
    assert len(chosen) < 40
    for kind in chosen:
        pages = texts(printed(signed(made(kind))).pdf)
        # Section I alone: from the opinion's first page to the assertion's.
        assert misprinted(kind, [page for page in pages if "Section I ·" in page]) == [], str(kind)
