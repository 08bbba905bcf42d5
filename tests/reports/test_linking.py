"""Bound from parts, the report is what plain WeasyPrint makes of the whole: the oracle of docs/design."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace

import pikepdf
import pypdfium2
import pytest
from PIL import ImageChops

from reports.book import Book, book_of
from reports.layout import oracle
from reports.rendering import Memory, Press, RenderOptions, key_of, typeset
from tests.reports import pdf, snapshots
from tests.reports.printing import PRESS, SHELF


def compare(book: Book) -> None:
    """Page by page the same words, and the same destinations, links, outline, tags, fonts and look."""
    options = RenderOptions()
    plain = oracle(book.html, options.assets, options.fonts)
    linked = typeset(book, SHELF, PRESS).pdf
    for number, (theirs, ours) in enumerate(zip(pdf.texts(plain), pdf.texts(linked), strict=True), 1):
        assert Counter(ours.split()) == Counter(theirs.split()), f"page {number}"
    assert pdf.outline(linked) == pdf.outline(plain)
    with pikepdf.open(io.BytesIO(plain)) as theirs, pikepdf.open(io.BytesIO(linked)) as ours:
        assert pdf.destinations(ours) == pdf.destinations(theirs)
        assert pdf.links(ours) == pdf.links(theirs)
        assert pdf.fonts(ours).keys() == pdf.fonts(theirs).keys()
        for here, there in zip(pdf.tree(ours), pdf.tree(theirs), strict=True):
            assert here == there
        assert not ours.check_pdf_syntax()
    with pypdfium2.PdfDocument(plain) as theirs, pypdfium2.PdfDocument(linked) as ours:
        for number, (left, right) in enumerate(zip(theirs, ours, strict=True), 1):
            seen = [page.render(scale=0.5).to_pil().convert("L") for page in (left, right)]
            # Figures of page numbers lie some hundredths of a point beside those of WeasyPrint.
            assert ImageChops.difference(*seen).getextrema()[1] <= 100, f"page {number}"


def test_linked_equals_plain() -> None:
    compare(book_of(snapshots.qualified(), draft=None))


@pytest.mark.drill
@pytest.mark.parametrize("draft", [None, 12])
def test_a_large_report_equals_plain(draft: int | None) -> None:
    compare(book_of(snapshots.full(400), draft=draft))


def test_what_did_not_change_is_not_laid_out_again() -> None:
    """A result is printed in one part; the cover bears the hash of the whole content."""
    snapshot = snapshots.qualified()
    before = book_of(snapshot, draft=None)
    snapshots.find(snapshot, "CHG-01")["tests"][0]["result_text"] = "Inspected again."
    after = book_of(snapshot, draft=None)
    keys = [{key_of(book, chunk): chunk.name for chunk in book.chunks} for book in (before, after)]
    assert {keys[1][key] for key in keys[1].keys() - keys[0].keys()} == {"cover", "tests-0"}


@pytest.mark.drill
def test_the_contents_follow_pages_that_move() -> None:
    """A text that takes pages more moves all that comes after it, and its numbers in the table of contents."""
    snapshot = snapshots.qualified()
    snapshot["description"][0]["text"] += "\n\nA paragraph that goes on and on about the services. " * 200
    linked = typeset(book_of(snapshot, draft=None), SHELF, PRESS).pdf
    contents = " ".join(pdf.texts(linked)[1].replace(".", " ").split())
    with pikepdf.open(io.BytesIO(linked)) as document:
        places = pdf.destinations(document)
    before = typeset(book_of(snapshots.qualified(), draft=None), SHELF, PRESS)
    with pikepdf.open(io.BytesIO(before.pdf)) as document:
        assert places["exceptions"] > pdf.destinations(document)["exceptions"]
    assert f"Exceptions of the period {places['exceptions']}" in contents


@pytest.mark.drill
def test_a_part_that_somebody_else_took_and_lost_is_laid_out_after_all(monkeypatch: pytest.MonkeyPatch) -> None:
    class Taken(Memory):
        def claim(self, name: str) -> bool:
            return False

    monkeypatch.setattr("reports.rendering.PATIENCE_SECONDS", 0.05)
    book = book_of(snapshots.type_1(), draft=None)
    assert typeset(book, Taken(), PRESS).pdf == typeset(book, SHELF, PRESS).pdf


@pytest.mark.drill
def test_an_ended_press_starts_again() -> None:
    book = book_of(snapshots.type_1(), draft=None)
    book = replace(book, chunks=tuple(chunk for chunk in book.chunks if chunk.name in ("cover", "assertion")))
    press = Press()
    first = typeset(book, Memory(), press)
    assert press.child is not None
    press.child.kill()
    press.child.wait()
    assert typeset(book, Memory(), press).pdf == first.pdf
    press.close()


def test_file_claims_the_archive_and_the_accessible_standard() -> None:
    linked = typeset(book_of(snapshots.type_1(), draft=None), SHELF, PRESS).pdf
    with pikepdf.open(io.BytesIO(linked)) as document, document.open_metadata() as metadata:
        assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("3", "A")
        assert metadata["pdfuaid:part"] == "1"
        assert metadata["dc:title"] == str(document.docinfo["/Title"])
        assert "/Filter" not in document.Root.Metadata
        intent = document.Root.OutputIntents[0]
        assert intent.DestOutputProfile.N == 3
        links = [one for page in document.pages for one in page.obj.get("/Annots", [])]
        assert links
        assert all(one.F == 4 and "/Contents" in one for one in links)
