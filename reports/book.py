"""The report as a book: parts that each begin on a page of their own, as HTML, and the cover that binds them.

A part is laid out by itself, so its HTML says nothing of page numbers; the table of contents gets them when all
other parts are laid out. Put one after the other the parts are the whole report (`Book.html`), which plain
WeasyPrint lays out alike.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.text import Truncator

from reports import arrangement, wording
from reports.content import Control, DescriptionPart, Snapshot, digest, result_of
from reports.models import Part

REGISTERS = {
    Part.DC2: "report/description/_commitments.html",
    Part.DC3: "report/description/_components.html",
    Part.DC4: "report/description/_incidents.html",
    Part.DC5: "report/description/_controls.html",
    Part.DC6: "report/description/_cuecs.html",
    Part.DC7: "report/description/_subservices.html",
    Part.DC8: "report/description/_not_relevant.html",
    Part.DC9: "report/description/_changes.html",
}
# Faces beyond the plain Latin ones are read only when the content has letters for them: each costs time.
SUBSETS = {
    "latin-ext": re.compile("[\u0100-\u02ff\u1e00-\u1eff\u2c60-\u2c7f]"),
    "greek": re.compile("[\u0370-\u03ff]"),
    "cyrillic": re.compile("[\u0400-\u045f\u0490-\u04ff]"),
}
CONTENTS = "contents"
# From this many controls on parts are short, so that a change is shown in about a second; below, they are long,
# because the last page of each is seldom full.
MANY = 150
SHORT, LONG = 2, 6  # pages
# From this many on the controls as stated begin on a page of their own.
SEVERAL = 30
# About as many characters, spaces not counted, stand on a page of Section III: text has more, registers fewer.
PAGEFUL = 1400


@dataclass(frozen=True)
class Chunk:
    """A part of the book that begins on a page of its own.

    `body` is HTML; `head` stands over every page, and one without a head bears no page numbers either; `wide`:
    its pages lie on the long side.
    """

    name: str
    body: str
    head: str
    wide: bool = False

    @cached_property
    def document(self) -> str:
        """It as a document of its own: without style sheets, and with links that any part may answer.

        Put together once: its hash names the part on the shelf, and it is what is laid out.
        """
        body = mark_safe(self.body.replace('<a href="#', '<a href="xref:'))  # noqa: S308
        return format_html('<!doctype html><html lang="en-US"><body>{}</body></html>', body)


@dataclass(frozen=True)
class Attached:
    """A file that the PDF carries (ISO 19005-3, 6.8). `relation`: to the report, as PDF names it."""

    name: str
    mime: str
    relation: str
    about: str
    text: str


@dataclass(frozen=True)
class Book:
    """All that is printed. `styles` are names of assets; `running` and `draft` stand on every page."""

    title: str
    author: str
    subject: str
    made_on: str
    styles: tuple[str, ...]
    running: str
    draft: str
    chunks: tuple[Chunk, ...]
    attached: tuple[Attached, ...] = ()

    @property
    def html(self) -> str:
        """The whole report as one document that refers to nothing but `asset:` files."""
        return render_to_string("report/document.html", {"book": self, "chunks": self.chunks})

    @property
    def heads(self) -> list[tuple[str, bool]]:
        """What stands over and under the pages, each once, and whether those lie on the long side."""
        return list(dict.fromkeys((chunk.head, chunk.wide) for chunk in self.chunks if chunk.head))

    def document_of_heads(self) -> str:
        """A page for each of the heads, with nothing on it."""
        pages = ((mark_safe(' class="wide"') if wide else "", head) for head, wide in self.heads)
        return format_html(
            '<!doctype html><html lang="en-US"><body data-running="{}" data-draft="{}">{}</body></html>',
            self.running,
            self.draft,
            format_html_join("", '<section{} data-title="{}"></section>', pages),
        )


def with_pages(chunk: Chunk, pages: Mapping[str, int]) -> Chunk:
    """The table of contents with the page numbers that its entries print; `pages` by anchor."""

    def numbered(entry: re.Match[str]) -> str:
        return f'<a href="#{entry[1]}" data-page="{pages.get(entry[1], "")}"'

    return replace(chunk, body=re.sub(r'<a href="#([^"]+)"', numbered, chunk.body))


def book_of(
    snapshot: Snapshot, *, draft: int | None, unformed: Sequence[str] = (), fingerprint: bool = True
) -> Book:
    """The report of a snapshot.

    `draft` is the draft's number, printed over every page; None gives the report as issued. `unformed`: limbs
    on which the partner has not concluded, which a draft says of them. `fingerprint`: whether the cover bears the
    hash of the content, which changes with every word. The same snapshot gives the same book.
    """
    words = wording.Phrases(snapshot)
    series = arrangement.by_series(snapshot)
    shared = {
        "s": snapshot,
        "w": words,
        "draft": draft,
        "unformed": unformed if draft else (),
        "fingerprint": digest(snapshot) if fingerprint else "",
        "parts": _parts(snapshot),
        "registers": REGISTERS,
        "components": _components(snapshot),
        "disclosed": [incident for incident in snapshot["incidents"] if incident["disclosed"]],
        "not_relevant": [criterion for criterion in snapshot["criteria"] if not criterion["relevant"]],
        "relevant_count": sum(criterion["relevant"] for criterion in snapshot["criteria"]),
        "csoc_count": sum(len(one["csocs"]) for one in snapshot["subservices"]),
        "categories": wording.CATEGORIES,
        "series": series,
        "columns": 4 if words.type_2 else 3,
        "unmapped": arrangement.unmapped(snapshot),
        "by_control": snapshot["report"]["section_four"] == "control",
        "tally": _tally(series),
        "found": {one["code"]: one for one in snapshot["deviations"]},
        "lines": arrangement.exceptions(snapshot),
        "responses": [one for one in snapshot["deviations"] if one["response"]],
        "assertion": snapshot["assertion"]["text"] or wording.assertion_text(snapshot),
    }
    running = render_to_string("report/_running.html", shared).strip()
    chunks = tuple(_chunks(snapshot, words, shared))
    return Book(
        title=f"{words.legal_name}: SOC 2 Type {snapshot['report']['type']} report, {words.span}",
        author=snapshot["firm"]["name"],
        subject=f"Report {snapshot['report']['number']} on the {words.system} {words.time}",
        made_on=dated(snapshot).isoformat(),
        styles=("report.css", *fonts_of(running, chunks), *(["draft.css"] if draft else [])),
        running=running,
        draft=f"Draft {draft}, not for distribution" if draft else "",
        chunks=chunks,
    )


def fonts_of(running: str, chunks: Iterable[Chunk]) -> list[str]:
    """The style sheets of the fonts for the scripts of what is printed, beside the one for Latin letters."""
    letters = "".join(set(running).union(*(chunk.head + chunk.body for chunk in chunks)))
    return [f"fonts-{name}.css" for name, script in SUBSETS.items() if script.search(letters)]


def _chunks(snapshot: Snapshot, words: wording.Phrases, shared: Mapping[str, Any]) -> Iterable[Chunk]:
    def chunk(name: str, template: str, head: str, *, wide: bool = False, **more: Any) -> Chunk:
        body = render_to_string(f"report/{template}", {**shared, **more, "head": head})
        return Chunk(name, body, head, wide)

    def within(key: str) -> dict[str, Any]:
        # Over the pages of Section III stands the system: its title with name and time takes lines of its own.
        here = words.section[key]
        title = f"Description of the {words.system}" if key == "description" else here.title
        return {"here": here, "head": f"{here.name} · {Truncator(title).chars(64)}"}

    yield chunk("cover", "_cover.html", "")
    yield chunk(CONTENTS, "_contents.html", "Contents")
    yield chunk("glance", "_glance.html", "The report at a glance")
    yield chunk("opinion", "_opinion.html", **within("opinion"))
    yield chunk("assertion", "_assertion.html", **within("assertion"))
    for number, piece in enumerate(_description(snapshot, shared)):
        described = {**within("description"), "first": number == 0, "piece": mark_safe(piece)}  # noqa: S308
        yield chunk(f"description-{number}", "_description.html", **described)
    section = {**within("controls"), "wide": True}
    pages = SHORT if len(snapshot["controls"]) >= MANY else LONG
    yield chunk("introduction", "_controls.html", **section)
    if shared["by_control"]:
        yield chunk("matrix", "_matrix.html", **section, matrix=arrangement.matrix(snapshot))
        for number, segments in enumerate(cut(arrangement.by_control(snapshot), LISTED, pages)):
            yield chunk(f"tests-{number}", "_tests_by_control.html", **section, segments=segments)
    else:
        for number, segments in enumerate(cut(shared["series"], TESTED, pages)):
            yield chunk(f"tests-{number}", "_tests.html", **section, segments=segments)
        if shared["unmapped"]:
            yield chunk("unmapped", "_unmapped.html", **section)
    if words.type_2:
        yield chunk("exceptions", "_exceptions.html", **section)
    if "other" in words.section:
        other = within("other")
        yield chunk("other", "_other.html", **{**other, "head": f"{other['head']} (unaudited)"})


def _description(snapshot: Snapshot, shared: Mapping[str, Any]) -> list[str]:
    """The pieces of Section III as HTML, each to begin a page, so that a change lays out few pages anew.

    The controls as stated begin one unless they are few, and when they are many a new one every few pages; other
    parts begin one when enough stands before and after: no piece ends after a few lines, none consists of them.
    """
    controls = len(snapshot["controls"])
    whole = [Segment.whole(one) for one in shared["series"]]
    runs = cut(shared["series"], STATED, SHORT) if controls >= MANY else [whole]
    blocks: list[tuple[bool, str]] = []
    for part in shared["parts"]:
        first, *others = runs if part["code"] == Part.DC5 else [[]]
        context = {**shared, "part": part, "stated": first, "ends": not others}
        begins = part["code"] == Part.DC5 and controls >= SEVERAL
        blocks.append((begins, render_to_string("report/description/_part.html", context)))
        for number, run in enumerate(others, 1):
            context = {**shared, "stated": run, "ends": number == len(others)}
            blocks.append((True, render_to_string("report/description/_stated.html", context)))
    pieces: list[str] = []
    for at, (begins, html) in enumerate(blocks):
        before = _pages(pieces[-1]) if pieces else 0
        after = _pages(html, *(text for _, text in takewhile(lambda one: not one[0], blocks[at + 1 :])))
        if not pieces or begins or (before >= 2 and after >= 1) or (before >= 1 and _pages(html) >= LONG):
            pieces.append(html)
        else:
            pieces[-1] += html
    return pieces


def _pages(*html: str) -> float:
    """About how many pages of Section III it takes."""
    return sum(len(re.sub(r"<[^>]*>|\s", "", one)) for one in html) / PAGEFUL


@dataclass(frozen=True)
class Segment:
    """Criteria of one series that stand together; `opens` when the series begins with them."""

    code: str
    name: str
    parts: list[arrangement.CriterionPart]
    opens: bool

    @classmethod
    def whole(cls, series: arrangement.Series) -> Segment:
        return cls(series.code, series.name, series.parts, opens=True)


@dataclass(frozen=True)
class Sheets:
    """How high things are in a table of criteria and controls, in points, and the room for them on a page."""

    page: float
    series: float
    heading: float
    reference: float
    control: Callable[[Control], float]

    def below(self, at: float, height: float) -> float:
        """Where something ends that begins at `at` or, if it does not fit there, on the next page.

        In points from the top of the first page, all pages one below the other.
        """
        left = self.page - at % self.page
        return at + height if height <= left or height > self.page else at + left + height


def cut(series: Sequence[arrangement.Series], sheets: Sheets, pages: int) -> list[list[Segment]]:
    """The criteria in runs that fill so many pages, each to begin a page.

    A run ends before the control, or the references of a criterion, that would no longer fit; the criterion goes
    on in the next one. Of long runs, a series that has only just begun goes over whole: their last pages would
    hold its first lines and nothing else, as on paper most take a little less than assumed. Where the cuts fall
    depends on controls and procedures, never on results: a result that changes moves none.
    """
    runs: list[list[Segment]] = [[]]
    at, began, room = 0.0, 0.0, pages * sheets.page
    for group in series:
        for number, part in enumerate(group.parts):
            left, continued, ends = list(part.controls), False, False
            while not ends:
                head = sheets.heading + (0 if _last_code(runs[-1]) == group.code else sheets.series)
                rest = sheets.reference * len(part.references)
                first = head + (sheets.control(left[0]) if left else rest)
                if at and sheets.below(at, first) > room:
                    whole = pages > SHORT and not continued and len(runs[-1]) > 1 and runs[-1][-1].opens
                    goes_over = whole and at - began <= sheets.page / 2
                    runs.append([runs[-1].pop()] if goes_over else [])
                    at = at - began if goes_over else 0
                    began = 0
                if _last_code(runs[-1]) != group.code:
                    began = at
                at = sheets.below(at, first)
                taken = left[:1]
                for control in left[1:]:
                    below = sheets.below(at, sheets.control(control))
                    if below > room:
                        break
                    taken.append(control)
                    at = below
                left = left[len(taken) :]
                ends = not left and (not taken or at + rest <= room)
                at = at + rest if ends and taken else at if ends else room
                references = part.references if ends else []
                piece = arrangement.CriterionPart(part.criterion, taken, references, continued=continued)
                if _last_code(runs[-1]) == group.code:
                    runs[-1][-1].parts.append(piece)
                else:
                    opens = number == 0 and not continued
                    runs[-1].append(Segment(group.code, group.name, [piece], opens=opens))
                continued = True
    if len(runs) > 1 and at <= sheets.page / 3:
        # Few lines at the very end: they go on below the others instead of standing on a page of their own.
        _join(runs[-2], runs.pop())
    return runs


def _join(run: list[Segment], more: list[Segment]) -> None:
    """Put a run below another one: a series, and a criterion, that the cut went through is whole again."""
    first, *others = more
    if _last_code(run) == first.code:
        part, *parts = first.parts
        if part.continued:
            before = run[-1].parts[-1]
            run[-1].parts[-1] = replace(
                before,
                controls=[*before.controls, *part.controls],
                references=[*before.references, *part.references],
            )
            run[-1].parts.extend(parts)
        else:
            run[-1].parts.extend(first.parts)
    else:
        run.append(first)
    run.extend(others)


def _last_code(run: Sequence[Segment]) -> str:
    return run[-1].code if run else ""


def _lines(characters: int, wide: int) -> int:
    return -(-characters // wide)


def _tested(control: Control) -> float:
    """How high a control stands in Section IV: the higher of what it says and of its tests."""
    how = len(control["nature"]) + len(control["frequency"]) + 11 + 7 * len(control["criteria"])
    said = 12 + 11.4 * _lines(len(control["wording"]), 46) + 10.6 * _lines(how, 48)
    tests = sum(11.4 + 11.4 * _lines(len(test["procedure"]) + 14, 56) for test in control["tests"])
    return max(said, tests)


def _stated(control: Control) -> float:
    """How high a control stands in Section III."""
    return 24 + 11.4 * _lines(len(control["wording"]), 84)


# Measured on letter paper with the margins of report.css and what stands over every table taken off.
TESTED = Sheets(page=450, series=44, heading=48, reference=17.6, control=_tested)
LISTED = Sheets(page=450, series=44, heading=0, reference=0, control=_tested)
STATED = Sheets(page=610, series=50, heading=25, reference=4, control=_stated)


def _parts(snapshot: Snapshot) -> list[DescriptionPart]:
    """The parts of the description in order; a register with entries is printed even without a text."""
    type_2 = snapshot["report"]["type"] == 2
    entries = {
        Part.DC2: snapshot["commitments"],
        Part.DC3: snapshot["components"],
        Part.DC4: [one for one in snapshot["incidents"] if one["disclosed"]]
        or snapshot["statements"]["no_incidents"],
        Part.DC5: snapshot["controls"],
        Part.DC6: [*snapshot["cuecs"], *snapshot["user_responsibilities"]],
        Part.DC7: snapshot["subservices"],
        Part.DC8: [one for one in snapshot["criteria"] if not one["relevant"]],
        Part.DC9: snapshot["changes"] or snapshot["statements"]["no_changes"],
    }
    written = {part["code"]: part for part in snapshot["description"]}
    parts: list[DescriptionPart] = []
    for code in Part:
        if code == Part.OTHER or (code == Part.DC9 and not type_2):
            continue
        part = written.get(code) or DescriptionPart(code=code.value, title=str(code.label), text="")
        if part["text"].strip() or entries.get(code):
            parts.append(part)
    return parts


def _components(snapshot: Snapshot) -> list[tuple[str, list[Any], list[Any]]]:
    groups = []
    for kind, title in wording.KINDS_OF_COMPONENTS.items():
        of_kind = [one for one in snapshot["components"] if one["kind"] == kind]
        if of_kind:
            inside = [one for one in of_kind if one["in_boundary"]]
            groups.append((title, inside, [one for one in of_kind if not one["in_boundary"]]))
    return groups


def _tally(series: Sequence[arrangement.Series]) -> list[dict[str, Any]]:
    """Controls by series and result, each counted at the first criterion it meets."""
    rows = []
    for group in series:
        results = [result_of(control) for part in group.parts for control in part.controls]
        rows.append(
            {
                "code": group.code,
                "name": group.name,
                "criteria": len(group.parts),
                "controls": len(results),
                "no_exceptions": results.count("no_exceptions"),
                "exceptions": results.count("exceptions"),
                "did_not_operate": results.count("did_not_operate"),
                "not_tested": results.count("not_tested") + results.count("carved_out"),
            }
        )
    return rows


def dated(snapshot: Snapshot) -> dt.date:
    """The date that the file itself bears: of the report, or of the last day it speaks of while that is not set."""
    text = snapshot["dates"]["report"] or snapshot["as_of"] or (snapshot["period"] or {"end": "1970-01-01"})["end"]
    return dt.date.fromisoformat(text)
