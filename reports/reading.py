"""The printed report as plain text: what its paragraphs say, whatever words they are made of."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from reports import arrangement, prose, wording
from reports.book import book_of
from reports.content import Control, Deviation, Snapshot
from reports.wording import Phrases, assertion_text

_BLOCK = re.compile(r"</(?:p|li|h[1-6]|tr|div|ul|ol|table|section|blockquote|pre)>|<br\s*/?>", re.IGNORECASE)
_CELL = re.compile(r"</t[dh]>", re.IGNORECASE)
# What stands on a line of its own below the text before it.
_NOTE = re.compile(r'<span class="(?:how|see)">')
# The letter of a limb stands in a column of its own.
_LETTER = re.compile(r'(<span class="letter">[^<]*</span>)')
_TAG = re.compile(r"<[^>]*>")
_ANCHOR = re.compile(r'\bid="([^"]+)"')
# The section in which each kind of place is printed; a response makes its section itself.
_SECTIONS = {
    "opinion": "opinion",
    "matter": "opinion",
    "part": "description",
    "criterion": "controls",
    "control": "controls",
    "exception": "controls",
}
_SILENT = re.compile(r"<(style|script|template)\b.*?</\1>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Paragraph:
    """An element of Section I as it is printed: its key, its heading ("" for none) and its text, a line a block."""

    key: str
    heading: str
    text: str

    @property
    def line(self) -> str:
        """The text on one line."""
        return flat(self.text)


def plain(markup: str) -> str:
    """The text of HTML, each block on a line of its own, and a row of a table on one.

    >>> plain("<p>A <b>bold</b> &amp; long\\nword</p><ul><li>one</li></ul>")
    'A bold & long word\\none'
    """
    markup = _LETTER.sub(r"\1 ", _SILENT.sub("", markup))
    markup = _NOTE.sub(r" \g<0>", _CELL.sub(" | ", " ".join(markup.split())))
    text = html.unescape(_TAG.sub("", _BLOCK.sub("\n", markup)))
    lines = (" ".join(line.split()).strip("| ") for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def flat(text: str) -> str:
    """Text on one line, with ordinary spaces."""
    return " ".join(text.split())


def opinion(snapshot: Snapshot) -> list[Paragraph]:
    """Section I element by element, in the order of printing."""
    words = Phrases(snapshot)
    context = {"s": snapshot, "w": words}
    return [
        Paragraph(
            element.key,
            element.heading,
            plain(prose.to_html(element.own) if element.own else render_to_string(element.template, context)),
        )
        for element in words.elements
    ]


def assertion(snapshot: Snapshot) -> str:
    """Section II's own text: as signed, or as proposed while it is unsigned."""
    return plain(prose.to_html(snapshot["assertion"]["text"] or wording.assertion_text(snapshot)))


def sections(snapshot: Snapshot) -> Mapping[str, str]:
    """The text of every section by its key, in order, a line a block: what two drafts are compared by."""
    words = Phrases(snapshot)
    by_head = {f"{section.name} · ": key for key, section in words.section.items()}
    found: dict[str, list[str]] = {key: [] for key in words.section}
    for chunk in book_of(snapshot, draft=None).chunks:
        key = next((key for head, key in by_head.items() if chunk.head.startswith(head)), None)
        if key is not None:
            found[key].append(plain(chunk.body))
    return {key: "\n".join(texts) for key, texts in found.items()}


@dataclass(frozen=True)
class Passage:
    """A paragraph as a page shows it: anchor, title and HTML, or the control of the row with its exceptions."""

    place: str
    title: str
    html: SafeString
    control: Control | None = None
    exceptions: Sequence[Deviation] = ()

    @property
    def anchors(self) -> set[str]:
        """The places of the printed report that stand in it, its own among them."""
        return {
            self.place,
            *_ANCHOR.findall(self.html),
            *(wording.anchor("exception", one["code"]) for one in self.exceptions),
        }


@dataclass(frozen=True)
class Part:
    """A section of the report with its passages."""

    section: wording.Section
    passages: list[Passage]


def places(parts: Iterable[Part]) -> dict[str, str]:
    """For every place of the printed report the place of the passage that holds it; a section is its own."""
    found: dict[str, str] = {}
    for part in parts:
        found[part.section.anchor] = part.section.anchor
        found |= {place: passage.place for passage in part.passages for place in passage.anchors}
    return found


def shown_at(held: Mapping[str, str], place: str) -> str:
    """The passage (of those in `places()`) that shows a place of the printed report.

    Of what is not printed, and should be, it is the section to which it belongs.
    """
    return held.get(place) or f"section-{_SECTIONS[place.split('-')[0]]}"


def parts(snapshot: Snapshot) -> list[Part]:
    """The report section by section and passage by passage, with the anchors of the printed one.

    Of the criteria those stand in Section IV that no control meets; the others are named at their controls.
    """
    words = Phrases(snapshot)
    context = {"s": snapshot, "w": words}
    bodies: dict[str, list[str]] = {}
    for chunk in book_of(snapshot, draft=None).chunks:
        bodies.setdefault(chunk.head.split(" · ")[0], []).append(chunk.body)
    found: dict[str, list[Passage]] = {
        "opinion": [
            Passage(
                element.anchor,
                element.heading,
                prose.to_html(element.own)
                if element.own
                else mark_safe(render_to_string(element.template, context)),  # noqa: S308 - our own template
            )
            for element in words.elements
        ],
        "assertion": [
            Passage(
                "section-assertion", "", prose.to_html(snapshot["assertion"]["text"] or assertion_text(snapshot))
            )
        ],
        "controls": [
            *(
                Passage(
                    wording.anchor("criterion", row.criterion["code"]),
                    f"{row.criterion['code']} {row.criterion['title']}",
                    render_to_string("report/controls/_unmet.html", {"criterion": row.criterion}),
                )
                for _, rows in arrangement.matrix(snapshot)
                for row in rows
                if not (row.criterion["relevant"] and row.controls)
            ),
            *(
                Passage(
                    wording.anchor("control", control["number"]),
                    control["title"],
                    SafeString(),
                    control=control,
                    exceptions=[one for one in snapshot["deviations"] if one["control"] == control["number"]],
                )
                for control in snapshot["controls"]
            ),
        ],
    }
    for key in ("description", "other"):
        if key in words.section:
            found[key] = _split("".join(bodies[words.section[key].name]))
    return [Part(section, found[key]) for key, section in words.section.items()]


def _split(body: str) -> list[Passage]:
    """The HTML of a section at its headings that have an anchor."""
    pieces = re.split(r'<h2 id="([^"]+)">(.*?)</h2>', re.sub(r"</?section\b[^>]*>", "", body))
    return [
        Passage(place, plain(title), mark_safe(text))  # noqa: S308 - split out of what our templates made
        for place, title, text in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True)
    ]


def lacking(text: str, needed: Iterable[str]) -> list[str]:
    """The words that a text does not hold, whatever its line breaks and its upper case."""
    here = flat(text).casefold()
    return [words for words in dict.fromkeys(needed) if words and flat(words).casefold() not in here]
