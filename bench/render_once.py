"""Renders a report once in one way and prints what it took: `python -m bench.render_once <way> <controls>`.

Ways: "plain", WeasyPrint on the whole; "linked", by parts with another process helping, then again after changes;
"chromium", its print to PDF; "typst", the rows of Section IV alone. Imports and starts of our own processes
are over when a clock starts, because workers stay; a browser's start counts, because nobody keeps one.
"""

from __future__ import annotations

import copy
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

django.setup()

from reports.book import CONTENTS, Book, book_of  # noqa: E402
from reports.content import Snapshot  # noqa: E402
from reports.layout import oracle  # noqa: E402
from reports.rendering import Press, Rendered, RenderOptions, key_of, lay_out, typeset  # noqa: E402
from tests.reports import snapshots  # noqa: E402

OPTIONS = RenderOptions()


class Folder:
    """A shelf that two processes share: a folder, in which whoever makes a file first has claimed its name."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, name: str, data: bytes) -> None:
        unfinished = self.path / f"{name}.{os.getpid()}"
        unfinished.write_bytes(data)
        unfinished.replace(self.path / name)

    def claim(self, name: str) -> bool:
        try:
            (self.path / f"{name}.claim").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


def peak(who: int) -> float:
    """Megabytes; Linux counts kilobytes, macOS bytes."""
    return resource.getrusage(who).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def timed(act: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = act()
    return time.perf_counter() - start, found


def plain(snapshot: Snapshot) -> dict[str, float]:
    html = book_of(snapshot, draft=None).html
    seconds, _ = timed(lambda: oracle(html, OPTIONS.assets, OPTIONS.fonts))
    return {"seconds": seconds, "megabytes": peak(resource.RUSAGE_SELF)}


def linked(snapshot: Snapshot) -> dict[str, float]:
    """Cold with a helper, nothing changed, one result changed, a text grown by pages."""
    with tempfile.TemporaryDirectory() as folder:
        shelf, press = Folder(Path(folder)), Press()
        warm(press, shelf)
        helper = subprocess.Popen(
            [sys.executable, "-m", "bench.render_once", "help", str(len(snapshot["controls"])), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert helper.stdin is not None
        assert helper.stdout is not None
        helper.stdout.readline()
        making, book = timed(lambda: book_of(snapshot, draft=None))

        def call_help(_: object) -> None:
            helper.stdin.write(b"\n")
            helper.stdin.flush()

        cold, rendered = timed(lambda: typeset(book, shelf, press, call_help=call_help))
        helper.communicate()
        again, _ = timed(lambda: typeset(book, shelf, press))
        # As with the plain way, the HTML is there when the clock starts.
        changed, grown = book_after(snapshot, one_result), book_after(snapshot, long_text)
        one, _ = timed(lambda: typeset(changed, shelf, press))
        moving, moved = timed(lambda: typeset(grown, shelf, press))
        press.close()
    assert isinstance(rendered, Rendered)
    assert moved.pages > rendered.pages
    return {
        "book": making,
        "cold": cold,
        "again": again,
        "one change": one,
        "moving change": moving,
        "pages": rendered.pages,
        "megabytes": peak(resource.RUSAGE_CHILDREN),
    }


def book_after(snapshot: Snapshot, change: Callable[[Snapshot], None]) -> Book:
    after = copy.deepcopy(snapshot)
    change(after)
    return book_of(after, draft=None)


def one_result(snapshot: Snapshot) -> None:
    tests = [test for control in snapshot["controls"] for test in control["tests"]]
    tests[len(tests) // 2]["result_text"] = "Inspected again; no exceptions noted in the second inspection."


def long_text(snapshot: Snapshot) -> None:
    snapshot["description"][0]["text"] += "\n\nA paragraph that goes on about the services provided. " * 120


def warm(press: Press, shelf: Folder) -> None:
    """What a press does once in its life, for its first report."""
    document = (
        '<html lang="en"><body data-running="" data-draft=""><section data-title=""><p>Warm</p></section></body>'
    )
    heads = press.lay_out(document, ["report.css", "heads.css"], "heads", shelf)
    part = press.lay_out(document, ["report.css", "chunk.css"], "warm", shelf)
    press.bind(
        [heads, part],
        {"title": "", "author": "", "subject": "", "made_on": "", "heads": [0], "attached": []},
        shelf,
    )


def help_out(snapshot: Snapshot, folder: str) -> None:
    """Lay out from the other end as soon as a line comes in."""
    shelf, press = Folder(Path(folder)), Press()
    book = book_of(snapshot, draft=None)
    parts = {key_of(book, chunk): chunk for chunk in reversed(book.chunks) if chunk.name != CONTENTS}
    warm(press, shelf)
    print("ready", flush=True)
    if sys.stdin.readline():
        for _ in lay_out(book, parts, shelf, press, wait=False):
            pass
    press.close()


def chromium(snapshot: Snapshot) -> dict[str, float]:
    html = book_of(snapshot, draft=None).html
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(OPTIONS.assets, Path(folder) / "report")
        for sheet in (Path(folder) / "report").glob("*.css"):
            sheet.write_text(sheet.read_text().replace("asset:fonts/", f"{OPTIONS.fonts}/"))
        page = Path(folder) / "report" / "page.html"
        page.write_text(html.replace("asset:", ""))
        program = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
        command = [program, *options, f"--print-to-pdf={folder}/out.pdf", page.as_uri()]
        seconds, _ = timed(lambda: subprocess.run(command, check=True, capture_output=True))
        if not (Path(folder) / "out.pdf").stat().st_size:
            raise RuntimeError("Chromium printed nothing")
    return {"seconds": seconds, "megabytes": peak(resource.RUSAGE_CHILDREN)}


def typst(snapshot: Snapshot) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            {
                **{name: control[name] for name in ("number", "title", "wording")},
                "tests": [
                    {
                        "procedure": test["procedure"],
                        "items": str(test["items_tested"] or ""),
                        "result": test["result_text"] or "No exceptions noted.",
                    }
                    for test in control["tests"]
                ],
            }
            for control in snapshot["controls"]
        ]
        (Path(folder) / "rows.json").write_text(json.dumps(rows))
        command = [sys.executable, "-m", "bench.typst_once", folder]
        found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def main(way: str, controls: str, *more: str) -> None:
    snapshot = snapshots.full(int(controls))
    if way == "help":
        help_out(snapshot, *more)
        return
    ways = {"plain": plain, "linked": linked, "chromium": chromium, "typst": typst}
    print(json.dumps(ways[way](snapshot)))


main(*sys.argv[1:])
