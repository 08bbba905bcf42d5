"""The SOC 3 report as a book: cover, the auditor's report and management's assertion in the short form.

No tests, no controls, no description beyond the boundaries and the principal commitments, which are part of the
assertion, and no restriction of its use (R42, domain 1.10). It concludes nothing that the SOC 2 report does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string

from reports import wording
from reports.book import Book, Chunk, dated, fonts_of
from reports.content import Snapshot, digest

# Sections I and II are the auditor's report and the assertion in both.
_ELSEWHERE = re.compile(r"\bSections?\s+(?:III|IV|V)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Signed:
    """The assertion for general use as management has signed it."""

    text: str
    signatory: str
    title: str
    on: str


def why_not(snapshot: Snapshot) -> list[str]:
    """Why there can be no SOC 3 report of this content, in words; empty when there can be one.

    A practitioner may correct it here: domain 1.10 says that it is over a period and may be qualified.
    """
    words = wording.Phrases(snapshot)
    reasons = []
    if not words.type_2:
        reasons.append("A SOC 3 report is over a period: there is none of a Type 1 examination.")
    if words.disclaimed:
        reasons.append("No opinion is expressed on a limb, and a SOC 3 report is an opinion and nothing else.")
    elif words.limb["description"].modified:
        reasons.append(
            "The opinion on the description is modified, and the boundaries and commitments would be taken from it."
        )
    if words.included:
        names = wording.joined(one["name"] for one in words.included)
        reasons.append(f"The assertion of {names} (inclusive method) was given for the SOC 2 report alone.")
    reasons += [
        f"The basis of matter {matter['number']} points at a section that a SOC 3 report does not have."
        for matter in words.effective.matters
        if elsewhere(matter["basis"])
    ]
    if not snapshot["commitments"] or not any(one["in_boundary"] for one in snapshot["components"]):
        reasons.append("The registers name no component within the boundaries, or no commitment.")
    return reasons


def elsewhere(text: str) -> bool:
    """Whether a text points at a section that stands in the SOC 2 report alone."""
    return _ELSEWHERE.search(text) is not None


def left_out(snapshot: Snapshot) -> list[str]:
    """Titles of the emphasis and other-matter paragraphs that are of the SOC 2 report alone: not printed here."""
    return [one["title"] for one in snapshot["paragraphs"] if elsewhere(one["text"])]


def general_book(snapshot: Snapshot, signed: Signed, *, number: str) -> Book:
    """The same content gives the same book."""
    words = wording.Phrases(snapshot)
    shared = {
        "s": {**snapshot, "paragraphs": [one for one in snapshot["paragraphs"] if not elsewhere(one["text"])]},
        "w": words,
        "number": number,
        "fingerprint": digest(snapshot),
        "assertion": signed.text,
        "signatory": signed.signatory,
        "signatory_title": signed.title,
        "signed_on": signed.on,
    }
    running = render_to_string("report/general/_running.html", shared).strip()
    chunks = tuple(_chunks(words, shared))
    return Book(
        title=f"{words.legal_name}: SOC 3 report, {words.span}",
        author=snapshot["firm"]["name"],
        subject=f"Report {number} on the controls within the {words.system} {words.time}",
        made_on=dated(snapshot).isoformat(),
        styles=("report.css", *fonts_of(running, chunks), "general.css"),
        running=running,
        draft="",
        chunks=chunks,
    )


def _chunks(words: wording.Phrases, shared: dict[str, Any]) -> Iterable[Chunk]:
    yield Chunk("general-cover", render_to_string("report/general/_cover.html", shared), "")
    for key in ("opinion", "assertion"):
        here = words.section[key]
        head = f"{here.name} · {here.title}"
        body = render_to_string(f"report/general/_{key}.html", {**shared, "here": here, "head": head})
        yield Chunk(f"general-{key}", body, head)
