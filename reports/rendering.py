"""From a book to a tagged PDF: its parts are laid out one by one, kept by their content, and bound.

WeasyPrint and Pango are loaded in a child process only (reports/render_child.py), with limits on memory and time
and, where the system allows it, without any network, so that a hostile or enormous text can at worst fail its
own report. A child serves one engagement and stays a while, because its start costs more than a page.

What was laid out is kept on a shelf under the hash of everything it depends on, so a report in which one result
has changed is bound anew from parts of which one was laid out anew. Several workers may fill a shelf at once.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, Protocol

from django.conf import settings

from reports.book import CONTENTS, Book, Chunk, with_pages

# How long to wait for a part that another worker has taken, before it is laid out here as well.
PATIENCE_SECONDS = 5.0
# Changes when what the child makes of the same HTML changes.
EDITION = "1"


class RenderError(Exception):
    """The report could not be rendered. The message says why, in words for the person who waits for it."""


@dataclass(frozen=True)
class RenderOptions:
    """Limits of a child, the two folders it may read from."""

    assets: Path = Path(settings.BASE_DIR) / "static" / "report"
    fonts: Path = Path(settings.BASE_DIR) / "static" / "vendor" / "fonts"
    memory_mb: int = 3072
    cpu_seconds: int = 300
    wall_seconds: int = 600


@dataclass(frozen=True)
class Rendered:
    pdf: bytes
    pages: int
    sha256: str


class Shelf(Protocol):
    """Where what was laid out for an engagement is kept by name; several workers share it."""

    def get(self, name: str) -> bytes | None: ...

    def put(self, name: str, data: bytes) -> None: ...

    def claim(self, name: str) -> bool:
        """Whether the caller is the first who wants to lay out the part of that name; forgotten after a while."""


class Memory:
    """A shelf of this process, for what need not last."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def get(self, name: str) -> bytes | None:
        return self.kept.get(name)

    def put(self, name: str, data: bytes) -> None:
        self.kept[name] = data

    def claim(self, name: str) -> bool:
        return True


class Press:
    """A child process that lays out and binds; started when first needed, and again when it has ended."""

    def __init__(self, options: RenderOptions | None = None) -> None:
        self.options = options or RenderOptions()
        self.child: subprocess.Popen[bytes] | None = None
        self.fonts: set[str] = set()

    def lay_out(self, document: str, styles: Sequence[str], name: str, shelf: Shelf) -> bytes:
        """A part laid out, its fonts put on the shelf. Raises RenderError."""
        request = {"do": "lay out", "styles": styles, "name": name, "fonts": sorted(self.fonts)}
        found, parts = self._ask(request, [document.encode()])
        for font, data in zip(found["fonts"], parts[1:], strict=True):
            shelf.put(_font_name(font), data)
            self.fonts.add(font)
        return parts[0]

    def bind(self, leaves: Sequence[bytes], bound: dict[str, Any], shelf: Shelf) -> bytes:
        """The PDF of parts laid out. Raises RenderError."""
        return self._bound({"do": "bind", "bound": bound}, leaves, shelf)[1]

    def excerpt(
        self, leaves: Sequence[bytes], bound: dict[str, Any], shelf: Shelf, *, before: int, total: int
    ) -> tuple[list[int], bytes]:
        """One part as a PDF of its own, and its pages, from 0, that changed.

        `leaves`: the heads, the part, and the part as it was when there was one. `before` pages of `total` come
        before it. Raises RenderError.
        """
        request = {"do": "excerpt", "bound": bound, "excerpt": {"before": before, "total": total}}
        found, pdf = self._bound(request, leaves, shelf)
        return found["changed"], pdf

    def _bound(
        self, request: dict[str, Any], leaves: Sequence[bytes], shelf: Shelf
    ) -> tuple[dict[str, Any], bytes]:
        wanted = {font for one in leaves for font in summary(one)["fonts"]}
        files = {font: shelf.get(_font_name(font)) for font in sorted(wanted - self.fonts)}
        found = [(font, data) for font, data in files.items() if data is not None]
        answer, parts = self._ask(
            {**request, "fonts": [font for font, _ in found]}, [*(data for _, data in found), *leaves]
        )
        self.fonts |= {font for font, _ in found}
        return answer, parts[0]

    def close(self) -> None:
        if self.child is not None:
            _end(self.child)
            self.child = None
            self.folder.cleanup()

    def _ask(self, request: dict[str, Any], parts: Sequence[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        deadline = time.monotonic() + self.options.wall_seconds
        child = self._running()
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            # One that has ended says so when it is read from.
            with contextlib.suppress(BrokenPipeError):
                child.stdin.write(json.dumps({**request, "parts": [len(one) for one in parts]}).encode() + b"\n")
                child.stdin.writelines(parts)
                child.stdin.flush()
            answer = json.loads(_line(child.stdout, deadline))
            given = [_exactly(child.stdout, length) for length in answer.pop("parts")]
        except TimeoutError:
            self.close()
            raise RenderError(
                f"Rendering took longer than {self.options.wall_seconds} seconds and was stopped."
            ) from None
        except EOFError:
            code = child.wait()
            self.said.seek(0)
            said = self.said.read().decode(errors="replace")
            self.close()
            raise RenderError(_why(code, said, self.options)) from None
        if "error" in answer:
            raise RenderError(answer["error"])
        return answer, given

    def _running(self) -> subprocess.Popen[bytes]:
        if self.child is not None and self.child.poll() is None:
            return self.child
        self.close()
        self.fonts.clear()
        self.said = tempfile.TemporaryFile()  # noqa: SIM115 - it lasts as long as the child
        # WeasyPrint keeps the fonts of a layout in a folder that a killed process does not take away.
        self.folder = tempfile.TemporaryDirectory(prefix="attestry-press-", ignore_cleanup_errors=True)
        # The child gets nothing of the server's environment: it needs no secret and could print none.
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(settings.BASE_DIR),
            "PYTHONHASHSEED": "0",
            "LC_ALL": "C.UTF-8",
            "HOME": tempfile.gettempdir(),
            "TMPDIR": self.folder.name,
        }
        for name in ("DYLD_FALLBACK_LIBRARY_PATH", "FONTCONFIG_PATH", "FONTCONFIG_FILE", "XDG_CACHE_HOME"):
            if name in os.environ:
                environment[name] = os.environ[name]
        self.child = subprocess.Popen(
            _command(self.options),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
            env=environment,
            start_new_session=True,
        )
        return self.child


def typeset(
    book: Book,
    shelf: Shelf,
    press: Press,
    *,
    on_progress: Callable[[str, int, int], None] | None = None,
    call_help: Callable[[dict[str, Chunk]], None] | None = None,
) -> Rendered:
    """The PDF of a book; what is on the shelf is not laid out again.

    `on_progress(step, done, all)` is told after each part. `call_help(parts)` may have other workers `lay_out`
    parts by name onto the same shelf. Raises RenderError.
    """
    by_name = laid_out(book, shelf, press, on_progress=on_progress, call_help=call_help)
    ordered = [by_name[chunk.name] for chunk in book.chunks]
    pdf = press.bind([_heads(book, shelf, press), *ordered], _bound(book, book.chunks), shelf)
    return Rendered(pdf, sum(summary(one)["pages"] for one in ordered), hashlib.sha256(pdf).hexdigest())


def laid_out(
    book: Book,
    shelf: Shelf,
    press: Press,
    *,
    on_progress: Callable[[str, int, int], None] | None = None,
    call_help: Callable[[dict[str, Chunk]], None] | None = None,
) -> dict[str, bytes]:
    """All parts of a book laid out, by their names in it; the arguments are those of `typeset`."""
    tell = on_progress or (lambda *_: None)
    inner = {key_of(book, chunk): chunk for chunk in book.chunks if chunk.name != CONTENTS}
    leaves = {name: data for name in inner if (data := shelf.get(name)) is not None}
    missing = {name: chunk for name, chunk in inner.items() if name not in leaves}
    if call_help is not None and len(missing) > 2:
        call_help(missing)
    # Here, while others help: after the last part they would have nothing to do.
    _heads(book, shelf, press)
    for name, data in lay_out(book, missing, shelf, press, wait=True):
        leaves[name] = data
        tell("Laying out", len(leaves), len(inner))
    by_name = {chunk.name: leaves[name] for name, chunk in inner.items()}
    contents = next((chunk for chunk in book.chunks if chunk.name == CONTENTS), None)
    if contents is not None:
        by_name[CONTENTS] = _contents(book, contents, by_name, shelf, press)
    tell("Binding", len(inner), len(inner))
    return by_name


def excerpt(
    book: Book,
    chunk: Chunk,
    leaves: Sequence[bytes],
    shelf: Shelf,
    press: Press,
    *,
    before: int,
    total: int,
) -> tuple[list[int], bytes]:
    """One part of a book as a PDF, and its pages that changed; see `Press.excerpt`. Raises RenderError."""
    heads = _heads(book, shelf, press)
    return press.excerpt([heads, *leaves], _bound(book, [chunk]), shelf, before=before, total=total)


def _bound(book: Book, chunks: Sequence[Chunk]) -> dict[str, Any]:
    heads = book.heads
    return {
        "title": book.title,
        "author": book.author,
        "subject": book.subject,
        "made_on": book.made_on,
        "heads": [heads.index((chunk.head, chunk.wide)) if chunk.head else None for chunk in chunks],
        "attached": [asdict(one) for one in book.attached],
    }


def lay_out(
    book: Book, chunks: dict[str, Chunk], shelf: Shelf, press: Press, *, wait: bool
) -> Iterator[tuple[str, bytes]]:
    """Lays out the parts that nobody else has taken, and gives each; with `wait` also those that others laid out.

    A part that another worker took and does not put on the shelf is laid out here after all.
    """
    others = []
    for name, chunk in chunks.items():
        if shelf.claim(name):
            yield name, _laid_out(book, chunk, name, shelf, press)
        else:
            others.append(name)
    patience = time.monotonic() + PATIENCE_SECONDS
    while wait and others:
        here = [(name, data) for name in others if (data := shelf.get(name)) is not None]
        yield from here
        others = [name for name in others if name not in dict(here)]
        if here:
            patience = time.monotonic() + PATIENCE_SECONDS
        elif time.monotonic() > patience:
            name = others.pop(0)
            yield name, _laid_out(book, chunks[name], name, shelf, press)
        elif others:
            time.sleep(0.02)


def _laid_out(book: Book, chunk: Chunk, name: str, shelf: Shelf, press: Press) -> bytes:
    return _put(book, chunk.document, "chunk.css", chunk.name, name, shelf, press)


def _heads(book: Book, shelf: Shelf, press: Press) -> bytes:
    """The pages that lend their heads to those of all parts."""
    document = book.document_of_heads()
    name = _hash(book, "heads", document)
    return shelf.get(name) or _put(book, document, "heads.css", "heads", name, shelf, press)


def _put(book: Book, document: str, style: str, part: str, name: str, shelf: Shelf, press: Press) -> bytes:
    data = press.lay_out(document, [*book.styles, style], part, shelf)
    shelf.put(name, data)
    return data


def _contents(book: Book, contents: Chunk, others: dict[str, bytes], shelf: Shelf, press: Press) -> bytes:
    """The table of contents, laid out with the pages that the parts have when it stands between them."""
    length = 1
    while True:
        page, pages = 1, dict[str, int]()
        for chunk in book.chunks:
            if chunk.name == CONTENTS:
                page += length
                continue
            told = summary(others[chunk.name])
            pages |= {anchor: page + at for anchor, at in told["anchors"].items() if anchor not in pages}
            page += told["pages"]
        numbered = with_pages(contents, pages)
        name = key_of(book, numbered)
        found = shelf.get(name) or _laid_out(book, numbered, name, shelf, press)
        if summary(found)["pages"] == length:
            return found
        length = summary(found)["pages"]


def summary(leaves: bytes) -> dict[str, Any]:
    """The number of pages, the page of every anchor, and the fonts of a part laid out."""
    length = int.from_bytes(leaves[:4], "big")
    told: dict[str, Any] = json.loads(leaves[8 : 8 + length])
    return told


def key_of(book: Book, chunk: Chunk) -> str:
    """The name of a part on the shelf: a hash of all that its look depends on."""
    return _hash(book, chunk.name, chunk.document)


def _hash(book: Book, name: str, document: str) -> str:
    words = json.dumps([_edition(), book.styles, name, document])
    return hashlib.sha256(words.encode()).hexdigest()


@cache
def _edition() -> str:
    """What decides besides the HTML: the renderer's versions and the style sheets as they are."""
    assets = RenderOptions().assets
    digest = hashlib.sha256()
    for path in sorted(assets.iterdir()):
        digest.update(path.read_bytes())
    names = ("weasyprint", "pydyf", "fonttools")
    return "|".join([EDITION, *(version(name) for name in names), digest.hexdigest()])


def _font_name(sha256: str) -> str:
    return f"font-{sha256}"


_LOCK = threading.Lock()
_PRESSES: dict[int, Press] = {}


@contextlib.contextmanager
def press_for(engagement_id: int) -> Iterator[Press]:
    """The press of this process, ended first when it last served another engagement: none sees another's text."""
    with _LOCK:
        for other in [one for one in _PRESSES if one != engagement_id]:
            _PRESSES.pop(other).close()
        yield _PRESSES.setdefault(engagement_id, Press())


@atexit.register
def _close_presses() -> None:
    for press in _PRESSES.values():
        press.close()


def _command(options: RenderOptions) -> list[str]:
    job = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(options).items()}
    return [*without_network(), sys.executable, "-m", "reports.render_child", json.dumps(job)]


@cache
def without_network() -> tuple[str, ...]:
    """The words that put a command into an empty network namespace; none where the system does not allow it."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return ()
    prefix = (unshare, "--map-root-user", "--net", "--")
    tried = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    return prefix if tried.returncode == 0 else ()


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def _line(stream: IO[bytes], deadline: float) -> bytes:
    _await(stream, deadline)
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    return line


def _exactly(stream: IO[bytes], length: int) -> bytes:
    # What the child begins to answer it has whole: no waiting in between.
    data = stream.read(length)
    if len(data) != length:
        raise EOFError
    return data


def _await(stream: IO[bytes], deadline: float) -> None:
    if not select.select([stream], [], [], max(0.0, deadline - time.monotonic()))[0]:
        raise TimeoutError


def _why(code: int, said: str, options: RenderOptions) -> str:
    tail = said.splitlines()[-20:]
    if code in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
        return f"Rendering used more than {options.cpu_seconds} seconds of processor time and was stopped."
    if "cannot load library" in said:
        return "WeasyPrint cannot load Pango on this machine. `manage.py doctor` says how to install it."
    # GLib ends the process by SIGTRAP when it gets no memory; the kernel by SIGKILL.
    if "MemoryError" in said or -code in (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGTRAP):
        return f"Rendering needed more than {options.memory_mb} MB of memory and was stopped."
    last = next((line for line in reversed(tail) if line.strip()), "no message")
    return f"The renderer ended unexpectedly (code {code}): {last}"
