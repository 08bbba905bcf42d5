"""The process that lays out and writes the PDF; run as `python -m reports.render_child <job as JSON>`.

HTML comes in on stdin, the PDF goes out on stdout, and every line on stderr that begins with a brace is a
message to reports/rendering.py: a step with the pages so far, and at the end {"pages": n} or {"error": "..."}.

This is the one module that knows WeasyPrint, and the only one that touches its internals and pydyf's (both
pinned exactly): `Stream.marked` and `_build_box_tree` so that running heads are artifacts and not orphans
of the structure tree (WeasyPrint issue 1836), and `PDF.page_references`, which is quadratic as it comes.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import hashlib
import json
import logging
import os
import re
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydyf  # type: ignore[import-untyped]
from weasyprint import HTML
from weasyprint.formatting_structure import boxes
from weasyprint.pdf import stream as pdf_stream
from weasyprint.pdf import tags as pdf_tags
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

PAGE = re.compile(r"Page (\d+)")
TYPES = {".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


class Refused(Exception):
    """The report cannot be rendered, for a reason that its author can mend."""


class Assets(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
    """Serves `asset:name` from the report's own folders. Everything else ends the rendering."""

    def __init__(self, assets: Path, fonts: Path) -> None:
        super().__init__()
        self._folders = {"": assets, "fonts": fonts}
        self.refused: list[str] = []

    def fetch(self, url: str, headers: object = None) -> URLFetcherResponse:
        scheme, _, name = url.partition(":")
        folder, _, file = name.rpartition("/")
        path = self._folders.get(folder, Path()) / file
        if scheme != "asset" or folder not in self._folders or path.suffix not in TYPES or file.startswith("."):
            raise self._refuse(f"The report refers to {url[:200]}, but is rendered from its own assets only.")
        try:
            body = path.read_bytes()
        except OSError:
            raise self._refuse(f"The report's asset {name} is missing; `make demo` brings the fonts.") from None
        return URLFetcherResponse(url, body, {"Content-Type": TYPES[path.suffix]})

    def _refuse(self, why: str) -> FatalURLFetchingError:
        # Kept, too: WeasyPrint catches even this error where an SVG refers to an image.
        self.refused.append(why)
        return FatalURLFetchingError(why)


class Messages(logging.Handler):
    """Hands WeasyPrint's progress on, and keeps what must not be overlooked: links that lead nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.dangling: list[str] = []
        self._pages = 0

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.name == "weasyprint.progress":
            step = message.partition(" - ")[2]
            if found := PAGE.search(step):
                self._pages = int(found[1])
                if self._pages % 10:
                    return
            say({"step": step.split(" - ")[0], "pages": self._pages})
        elif "No anchor" in message:
            self.dangling.append(message)


def say(word: dict[str, Any]) -> None:
    os.write(2, (json.dumps(word) + "\n").encode())


def oracle(html: str, assets: Path, fonts: Path, variant: str = "pdf/ua-1") -> bytes:
    """The plain way: one `HTML(...).write_pdf()` in this process, with nothing of ours. For bench and tests."""
    pdf: bytes = HTML(string=html, url_fetcher=Assets(assets, fonts)).write_pdf(pdf_variant=variant)
    return pdf


def render(html: str, assets: Path, fonts: Path, variant: str) -> tuple[bytes, int]:
    """The PDF and its number of pages. Raises Refused."""
    messages = Messages()
    for name in ("weasyprint", "weasyprint.progress"):
        logger = logging.getLogger(name)
        logger.handlers = [messages]
        logger.setLevel(logging.INFO if name == "weasyprint.progress" else logging.ERROR)
        logger.propagate = False
    _running_heads_are_artifacts()
    _remember_page_references()
    fetcher = Assets(assets, fonts)
    try:
        document = HTML(string=html, url_fetcher=fetcher).render(font_config=FontConfiguration())
        pdf = document.write_pdf(
            pdf_variant=variant,
            pdf_identifier=hashlib.sha256(html.encode()).hexdigest()[:32],
            finisher=_label_pages,
        )
    except FatalURLFetchingError as error:
        raise Refused(str(error)) from None
    if fetcher.refused:
        raise Refused(fetcher.refused[0])
    if messages.dangling:
        raise Refused(f"The report has links that lead nowhere: {'; '.join(sorted(set(messages.dangling))[:5])}")
    return pdf, len(document.pages)


def _label_pages(document: Any, pdf: pydyf.PDF) -> None:
    """Labels as printed: the cover by name, every other page by the number it bears."""
    del document
    cover = pydyf.Dictionary({"P": pydyf.String("Cover")})
    body = pydyf.Dictionary({"S": "/D", "St": 2})
    pdf.catalog["PageLabels"] = pydyf.Dictionary({"Nums": pydyf.Array([0, cover, 1, body])})


def _running_heads_are_artifacts() -> None:
    """What stands in the margins is marked as a pagination artifact and kept out of the structure tree."""
    marked, build = pdf_stream.Stream.marked, pdf_tags._build_box_tree  # noqa: SLF001

    @contextlib.contextmanager
    def mark(self: Any, box: Any, tag: str) -> Iterator[None]:
        if self._tags is None or box.element_tag is not None:
            with marked(self, box, tag):
                yield
            return
        self.begin_marked_content("Artifact", pydyf.Dictionary({"Type": "/Pagination"}))
        try:
            yield
        finally:
            self.end_marked_content()

    def build_box_tree(box: Any, *args: Any) -> Iterator[Any]:
        return iter(()) if isinstance(box, boxes.MarginBox) else build(box, *args)

    pdf_stream.Stream.marked = mark
    pdf_tags._build_box_tree = build_box_tree  # noqa: SLF001


def _remember_page_references() -> None:
    """pydyf builds a tuple of all pages for every structure element; build it once for a number of pages."""

    def page_references(self: Any) -> tuple[bytes, ...]:
        kids = self.pages["Kids"]
        known: tuple[int, tuple[bytes, ...]] | None = self.__dict__.get("_references")
        if known is None or known[0] != len(kids):
            known = len(kids), tuple(f"{number} 0 R".encode() for number in kids[::3])
            self.__dict__["_references"] = known
        return known[1]

    pydyf.PDF.page_references = property(page_references)


def _limit(memory_mb: int, cpu_seconds: int) -> None:
    limits = (
        (resource.RLIMIT_AS, memory_mb * 2**20, memory_mb * 2**20),
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 2),  # the soft limit tells itself apart by its signal
    )
    for kind, soft, hard in limits:
        # macOS refuses RLIMIT_AS; the wall clock in the parent still holds.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (soft, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_with_parent() -> None:
    """When the worker is killed, its child goes too (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main() -> int:
    job = json.loads(sys.argv[1])
    _end_with_parent()
    _limit(job["memory_mb"], job["cpu_seconds"])
    out = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints does not end up in the PDF
    html = sys.stdin.buffer.read().decode()
    # Layout makes many objects that live to the end: collecting them over and over costs a seventh of the time.
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)
    try:
        pdf, pages = render(html, Path(job["assets"]), Path(job["fonts"]), job["variant"])
    except Refused as error:
        say({"error": str(error)})
        return 1
    except MemoryError:
        say({"error": f"Rendering needed more than {job['memory_mb']} MB of memory and was stopped."})
        return 1
    except RecursionError:
        say({"error": "The text is nested too deeply to be laid out."})
        return 1
    with os.fdopen(out, "wb") as target:
        target.write(pdf)
    say({"pages": pages})
    return 0


if __name__ == "__main__":
    sys.exit(main())
