"""The PDF read back: text, outline, links, tags, labels, fonts, and what the renderer refuses."""

from __future__ import annotations

import io
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import pikepdf
import pypdfium2
import pytest

from reports import rendering
from reports.book import Book, Chunk, book_of
from reports.content import Snapshot
from reports.rendering import Memory, Press, Rendered, RenderError, RenderOptions, summary, typeset
from tests.reports import pdf, snapshots
from tests.reports.printing import PRESS, SHELF, printed

LONG = (
    "The Extraordinarily Long-Winded Mutual Bookkeeping, Reconciliation and Payroll Administration Cooperative of "
    "the Northern Counties"
)


def stress() -> Snapshot:
    """Names, numbers and texts longer than anybody foresaw, and letters of several scripts."""
    snapshot = snapshots.qualified()
    snapshot["client"] = {"legal_name": LONG, "short_name": ""}
    snapshot["system"]["description_title"] = f"Description of the system of {LONG}"
    snapshot["system"]["name"] = "Integrated Multi-Ledger Reconciliation and Regulatory Reporting Platform"
    snapshots.find(snapshot, "IAM-05")["wording"] = "Every request for access is approved by the owner. " * 60
    snapshots.find(snapshot, "GOV-02")["tests"][0]["procedure"] = (
        "Inspected " + "x" * 180 + " and compared it. " * 130
    )
    snapshots.find(snapshot, "CHG-01")["tests"][0]["result_text"] = "Łódź Čapek Ωμέγα Журнал " + "W" * 120
    snapshots.find(snapshot, "BCP-03")["number"] = "BUSINESS-CONTINUITY-AND-RECOVERY-03"
    snapshots.find(snapshot, "BUSINESS-CONTINUITY-AND-RECOVERY-03")["tests"][0]["id"] = "BCR-03.1"
    snapshot["subservices"][0]["monitoring"] = []
    return snapshot


@pytest.fixture(scope="module")
def qualified() -> Rendered:
    return printed(snapshots.qualified())


@pytest.fixture(scope="module")
def document(qualified: Rendered) -> Iterator[pikepdf.Pdf]:
    with pikepdf.open(io.BytesIO(qualified.pdf)) as opened:
        yield opened


@pytest.fixture(scope="module")
def texts(qualified: Rendered) -> list[str]:
    return pdf.texts(qualified.pdf)


@pytest.fixture(scope="module")
def draft() -> Rendered:
    """A draft of the stress report."""
    return printed(stress(), draft=3)


@pytest.fixture(scope="module")
def type_1() -> Rendered:
    return printed(snapshots.type_1())


# What a reader sees


def test_cover_names_client_type_period_and_firm(texts: list[str]) -> None:
    cover = texts[0]
    for words in (
        "Lakeshore Ledger, Inc.",
        "TYPE 2 REPORT",
        "Throughout the period October 1, 2025 to September 30, 2026",
        "relevant to security and availability",
        "Marlowe & Finch LLP",
        "Report 2026-0147 · dated November 20, 2026",
    ):
        assert words.lower() in cover.lower(), words


def test_every_page_but_the_cover_is_numbered_and_has_running_heads(qualified: Rendered, texts: list[str]) -> None:
    assert qualified.pages == len(texts)
    for number, text in enumerate(texts[1:], 2):
        assert f"Page {number} of {qualified.pages}" in text
        assert "Lakeshore Ledger · SOC 2 Type 2 · Oct 1, 2025 – Sep 30, 2026" in text
        assert "Confidential. Use restricted to the parties specified in Section I." in text
    assert "Page 1 of" not in texts[0]


def test_sections_follow_in_order(texts: list[str]) -> None:
    pages = [
        next(number for number, text in enumerate(texts, 1) if f"SECTION {numeral} {title}" in text)
        for numeral, title in (
            ("I", "Independent service auditor’s report"),
            ("II", "Management’s assertion"),
            ("III", "Description of the Ledger Cloud system"),
            ("IV", "Criteria, controls, tests of controls, and results"),
            ("V", "Other information provided by management"),
        )
    ]
    assert pages == sorted(set(pages))


def test_contents_give_the_pages_to_which_they_lead(document: pikepdf.Pdf, texts: list[str]) -> None:
    places = pdf.destinations(document)
    contents = " ".join(texts[1].replace(".", " ").split())
    entries = {
        "Independent service auditor’s report": "section-opinion",
        "Criteria and related controls": "part-DC5",
        "Criteria, controls, tests of controls, and results": "section-controls",
        "CC6 Logical and physical access": "series-CC6",
        "Exceptions of the period": "exceptions",
        "Management’s responses to exceptions": "responses",
    }
    assert set(entries.values()) <= {target for page, target in pdf.links(document) if page == 2}
    for title, target in entries.items():
        assert f"{title} {places[target]}" in contents


def test_section_iv_is_landscape_the_rest_is_letter(document: pikepdf.Pdf) -> None:
    places = pdf.destinations(document)
    for number, page in enumerate(document.pages, 1):
        size = tuple(round(float(side)) for side in page.mediabox[2:])
        wide = places["section-controls"] <= number < places["section-other"]
        assert size == ((792, 612) if wide else (612, 792))


def test_outline_leads_to_sections_series_and_criteria(qualified: Rendered, document: pikepdf.Pdf) -> None:
    places = pdf.destinations(document)
    entries = pdf.outline(qualified.pdf)
    assert (1, "Independent service auditor’s report", places["section-opinion"]) in entries
    assert (2, "Qualified opinion", places["opinion-opinion"]) in entries
    assert (2, "CC6 Logical and physical access", places["series-CC6"]) in entries
    assert (3, "CC6.2 User registration and removal", places["criterion-CC6.2"]) in entries
    assert (2, "Exceptions of the period", places["exceptions"]) in entries
    assert [title for level, title, _ in entries if level == 1] == [
        "Contents",
        "The report at a glance",
        "Independent service auditor’s report",
        "Management’s assertion",
        "Description of the Ledger Cloud system",
        "Criteria, controls, tests of controls, and results",
        "Other information provided by management",
    ]


def test_links_lead_somewhere_and_exceptions_are_tied_both_ways(document: pikepdf.Pdf) -> None:
    places = pdf.destinations(document)
    found = pdf.links(document)
    assert {target for _, target in found} <= set(places)
    tied = {(places_page, target) for places_page, target in found}
    for here, there in (
        ("matter-1", "exception-EX-01"),
        ("exception-EX-01", "matter-1"),
        ("control-IAM-06", "exception-EX-01"),
        ("exception-EX-01", "control-IAM-06"),
        ("exception-EX-01", "criterion-CC6.2"),
        ("exception-EX-01", "response-EX-01"),
        ("response-EX-01", "exception-EX-01"),
    ):
        assert (places[here], there) in tied, (here, there)
    for control in snapshots.qualified()["controls"]:
        stated, tested = f"stated-{control['number']}", f"control-{control['number']}"
        assert {(places[stated], tested), (places[tested], stated)} <= tied


@pytest.mark.drill
def test_heads_of_a_table_are_repeated_on_every_page_it_takes(draft: Rendered) -> None:
    texts = pdf.texts(draft.pdf)
    pages = [
        text for text in texts if "Every request for access is approved" in text and "Test of the control" in text
    ]
    assert len(pages) >= 2


@pytest.mark.drill
def test_nothing_runs_over_the_edge(draft: Rendered) -> None:
    """Long names, numbers and words without a space stay inside the page's margins."""
    with pypdfium2.PdfDocument(draft.pdf) as opened:
        for number, page in enumerate(opened):
            width, height = page.get_size()
            text = page.get_textpage()
            for at in range(text.count_rects()):
                left, bottom, right, top = text.get_rect(at)
                assert left >= 50, (number, text.get_text_bounded(left, bottom, right, top))
                assert right <= width - 50, (number, text.get_text_bounded(left, bottom, right, top))
                assert 0 <= bottom <= top <= height


@pytest.mark.drill
def test_draft_says_so_on_every_page(draft: Rendered, texts: list[str]) -> None:
    assert all("Draft 3, not for distribution" in text for text in pdf.texts(draft.pdf))
    assert not any("not for distribution" in text for text in texts)


def test_letters_of_other_scripts_are_read_back(draft: Rendered) -> None:
    assert "Łódź Čapek Ωμέγα Журнал" in " ".join(pdf.texts(draft.pdf))


def test_type_1_read_back(type_1: Rendered) -> None:
    text = " ".join(pdf.texts(type_1.pdf))
    assert "As of June 30, 2026" in text
    assert "Criteria and controls" in text
    assert "Other matter: operating effectiveness not examined" in text
    for words in ("Test of the control", "Exceptions of the period", "Significant changes", "Section V"):
        assert words not in text


# What a machine sees


def test_file_says_what_it_is(document: pikepdf.Pdf) -> None:
    root, info = document.Root, document.docinfo
    assert str(root.Lang) == "en-US"
    assert root.MarkInfo.Marked
    assert root.ViewerPreferences.DisplayDocTitle
    assert (
        str(info["/Title"]) == "Lakeshore Ledger, Inc.: SOC 2 Type 2 report, October 1, 2025 to September 30, 2026"
    )
    assert str(info["/Author"]) == "Marlowe & Finch LLP"
    assert str(info["/CreationDate"]).startswith("D:20261120")
    with document.open_metadata() as metadata:
        assert str(metadata["pdfuaid:part"]) == "1"
    assert "/EmbeddedFiles" not in root.Names


def test_page_labels_are_the_printed_numbers(document: pikepdf.Pdf) -> None:
    labels = [str(page.label) for page in document.pages]
    assert labels == ["Cover", *(str(number) for number in range(2, len(labels) + 1))]


def test_fonts_are_embedded(document: pikepdf.Pdf, draft: Rendered) -> None:
    assert set(pdf.fonts(document).values()) == {True}
    assert {name.split("-")[0] for name in pdf.fonts(document)} == {"Inter", "Source"}
    with pikepdf.open(io.BytesIO(draft.pdf)) as opened:
        assert set(pdf.fonts(opened).values()) == {True}


def test_all_text_is_in_the_structure_tree_or_an_artifact(document: pikepdf.Pdf) -> None:
    tree = pdf.in_tree(document)
    numbers = set()
    for at, page in enumerate(document.pages):
        found, stray = pdf.marked(page)
        assert not stray, f"text outside of any mark on page {at + 1}"
        numbers |= {(at, number) for number in found}
    assert numbers == tree


def test_structure_has_headings_tables_and_lists(document: pikepdf.Pdf) -> None:
    kinds = [str(element.S) for element in pdf.structure(document)]
    assert {
        "/Document",
        "/Sect",
        "/H1",
        "/H2",
        "/H3",
        "/P",
        "/L",
        "/LI",
        "/Table",
        "/TR",
        "/TH",
        "/TD",
        "/Link",
    } <= set(kinds)
    heads = [element for element in pdf.structure(document) if element.S == "/TH"]
    known = {str(element.ID) for element in heads}
    cells = [
        element for element in pdf.structure(document) if element.S == "/TD" and "/Headers" in element.get("/A", {})
    ]
    assert cells
    assert all(str(name) in known for cell in cells for name in cell.A.Headers)


def test_headings_skip_no_level(document: pikepdf.Pdf) -> None:
    levels = [
        int(str(element.S)[2]) for element in pdf.structure(document) if re.fullmatch(r"/H\d", str(element.S))
    ]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.drill
def test_same_snapshot_gives_the_same_bytes(type_1: Rendered) -> None:
    """Also from another process, in which nothing is known yet."""
    press = Press()
    again = typeset(book_of(snapshots.type_1(), draft=None), Memory(), press)
    press.close()
    assert again.sha256 == type_1.sha256
    assert again.pdf == type_1.pdf


# What is refused


def small(body: str, head: str = "") -> str:
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'


def laid_out(html: str, options: RenderOptions | None = None) -> None:
    """The HTML as a part, by a press of its own where it has other limits."""
    press = Press(options) if options else PRESS
    try:
        press.lay_out(html, [], "small", Memory())
    finally:
        if options:
            press.close()


REFERENCES = {
    "image from the web": small('<img alt="x" src="http://127.0.0.1:9/x.png">'),
    "image over TLS": small('<img alt="x" src="https://example.com/x.png">'),
    "style from the web": small("x", '<link rel="stylesheet" href="http://127.0.0.1:9/x.css">'),
    "import in a style": small("x", '<style>@import url("http://127.0.0.1:9/x.css");</style>'),
    "font from the web": small(
        "x", '<style>@font-face{font-family:a;src:url("http://127.0.0.1:9/x.woff2")}</style>'
    ),
    "background": small("x", '<style>body{background:url("http://127.0.0.1:9/x.png")}</style>'),
    "file as image": small('<img alt="x" src="file:///etc/hostname">'),
    "file as attachment": small("x", '<link rel="attachment" href="file:///etc/passwd">'),
    "file as style": small("x", '<link rel="stylesheet" href="file:///etc/passwd">'),
    "data": small('<img alt="x" src="data:image/svg+xml,<svg/>">'),
    "image in an SVG": small(
        '<svg width="9" height="9"><image href="file:///etc/hostname" width="9" height="9"/></svg>'
    ),
    "asset out of its folder": small("x", '<link rel="stylesheet" href="asset:../../manage.py">'),
    "asset out of the fonts": small("x", '<link rel="stylesheet" href="asset:fonts/../fonts.css">'),
    "asset that is not there": small("x", '<link rel="stylesheet" href="asset:none.css">'),
    "asset of another kind": small("x", '<link rel="attachment" href="asset:../report/report.py">'),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_only_own_assets_are_read(name: str) -> None:
    with pytest.raises(RenderError, match=r"own assets only|is missing"):
        laid_out(REFERENCES[name])


def test_link_that_leads_nowhere_is_refused() -> None:
    chunk = Chunk("one", '<p>See <a href="#nowhere">there</a></p>', "One")
    with pytest.raises(RenderError, match=r"lead nowhere: #nowhere"):
        typeset(Book("t", "a", "s", "2026-01-01", ("report.css",), "", "", (chunk,)), SHELF, PRESS)


def test_missing_fonts_are_told(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"fonts/inter-latin-400-normal\.woff2 is missing"):
        laid_out(small("x", '<link rel="stylesheet" href="asset:report.css">'), RenderOptions(fonts=tmp_path))


@pytest.mark.drill
def test_limits_end_in_words() -> None:
    options = RenderOptions()
    heavy = small("<p>" + "word " * 50_000)
    with pytest.raises(RenderError, match="longer than 0 seconds"):
        laid_out(heavy, replace(options, wall_seconds=0))
    with pytest.raises(RenderError, match="more than 2 seconds of processor time"):
        laid_out(heavy, replace(options, cpu_seconds=2))
    with pytest.raises(RenderError, match="more than 64 MB of memory"):
        laid_out(small("x"), replace(options, memory_mb=64))


def test_deep_nesting_ends_in_words() -> None:
    with pytest.raises(RenderError, match="nested too deeply"):
        laid_out(small("<div>" * 3000 + "x"))


def fan_out(depth: int, wide: int) -> str:
    """A drawing in which each level uses the one below `wide` times."""
    levels = "".join(
        f'<g id="a{level}">' + f'<use href="#a{level - 1}"/>' * wide + "</g>" for level in range(1, depth)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><defs><rect id="a0" width="1" height="1"/>'
        f'{levels}</defs><use href="#a{depth - 1}"/></svg>'
    )


OUT_OF_TIME = "more than 1 seconds of processor time and was stopped"
TOO_DEEP = "nested too deeply"
HOSTILE = {
    "SVG fan-out": (small(fan_out(40, wide=2)), OUT_OF_TIME),
    "SVG fan-out as data": (
        small(f'<img alt="x" src="data:image/svg+xml,{quote(fan_out(40, wide=2))}">'),
        "own assets only",
    ),
    "forced pages": (small('<p style="break-before: page">x</p>' * 300_000), OUT_OF_TIME),
    "nested flex boxes": (small('<div style="display: flex">' * 30 + "x"), OUT_OF_TIME),
    "nested groups in an SVG": (small("<svg>" + "<g>" * 5000 + "</g>" * 5000 + "</svg>"), TOO_DEEP),
    "nested parentheses": (small(f'<p style="width: calc({"(" * 9000}1px{")" * 9000})">x</p>'), TOO_DEEP),
    "columns without end": (small('<table><tr><td colspan="999999999">x</td></tr></table>'), "1024 MB of memory"),
}

QUICKLY_REFUSED = {"SVG fan-out", "SVG fan-out as data", "nested groups in an SVG"}


@pytest.fixture(scope="module")
def strict() -> Iterator[Press]:
    """The product's child with less time and memory."""
    press = Press(replace(RenderOptions(), cpu_seconds=1, memory_mb=1024))
    yield press
    press.close()


@pytest.fixture(scope="module")
def patient() -> Iterator[Press]:
    """With less memory only, for what is not to end by its time on a slow machine."""
    press = Press(replace(RenderOptions(), memory_mb=1024))
    yield press
    press.close()


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[] if one in QUICKLY_REFUSED else pytest.mark.drill) for one in HOSTILE]
)
def test_hostile_content_fails_alone_and_in_words(name: str, strict: Press, patient: Press) -> None:
    html, why = HOSTILE[name]
    press = strict if why == OUT_OF_TIME else patient
    with pytest.raises(RenderError, match=why):
        press.lay_out(html, [], "small", Memory())
    good = Chunk("one", '<section data-title="One"><p>Nothing of that is left.</p></section>', "One")
    made = typeset(Book("t", "a", "s", "2026-01-01", ("report.css",), "", "", (good,)), Memory(), press)
    assert "Nothing of that is left." in pdf.texts(made.pdf)[0]


@pytest.mark.parametrize(
    "html",
    [
        '<div style="height: 1e9px">x</div><p>y</p>',
        '<div style="padding-top: 1e9px">x</div><p>y</p>',
        '<p style="margin-top: 1e9px">x</p><p>y</p>',
        '<table><tr style="height: 1e9px"><td>x</td></tr></table><p>y</p>',
    ],
)
def test_a_height_makes_no_pages_without_end(html: str, strict: Press) -> None:
    assert summary(strict.lay_out(small(html), [], "small", Memory()))["pages"] <= 3


def test_own_assets_only_where_the_network_is_in_reach(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Without `unshare`: nobody is even asked."""
    rendering.without_network.cache_clear()
    request.addfinalizer(rendering.without_network.cache_clear)
    monkeypatch.setattr(rendering.shutil, "which", lambda _: None)
    press = Press()
    assert rendering._command(press.options)[0] == sys.executable
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"127.0.0.1:{server.getsockname()[1]}"
        for html in REFERENCES.values():
            with pytest.raises(RenderError, match=r"own assets only|is missing"):
                press.lay_out(html.replace("127.0.0.1:9", address), [], "small", Memory())
        with pytest.raises(BlockingIOError):
            server.accept()
        # That the server would have heard of it.
        with socket.create_connection(server.getsockname()):
            server.accept()[0].close()
    press.close()


def test_a_killed_child_leaves_no_fonts_behind() -> None:
    press = Press()
    press.lay_out(small("x"), ["report.css"], "small", Memory())
    folder = Path(press.folder.name)
    assert [one.name for one in folder.iterdir() if one.name.startswith("weasyprint-")]
    assert press.child is not None
    press.child.kill()
    press.child.wait()
    press.lay_out(small("x"), ["report.css"], "small", Memory())
    assert not folder.exists()
    folder = Path(press.folder.name)
    press.close()
    assert not folder.exists()


def test_child_that_cannot_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import sys; sys.exit('OSError: cannot load library libpango-1.0-0')"
    monkeypatch.setattr(rendering, "_command", lambda _: [sys.executable, "-c", script])
    with pytest.raises(RenderError, match=r"manage\.py doctor"):
        laid_out(small("x"), RenderOptions())


def test_progress_is_told() -> None:
    steps: list[tuple[str, int, int]] = []
    book = book_of(snapshots.type_1(), draft=7)
    typeset(book, Memory(), PRESS, on_progress=lambda *step: steps.append(step))
    parts = len(book.chunks) - 1
    assert steps == [*(("Laying out", number, parts) for number in range(1, parts + 1)), ("Binding", parts, parts)]


def test_child_has_no_network_where_the_system_allows_that() -> None:
    prefix = rendering.without_network()
    if not prefix:
        pytest.skip("no user namespaces here")
    shown = subprocess.run([*prefix, "cat", "/proc/net/dev"], capture_output=True, text=True, check=True).stdout
    assert [line.split(":")[0].strip() for line in shown.splitlines()[2:]] in ([], ["lo"])
