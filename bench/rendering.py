"""A report rendered as a worker does it, against plain WeasyPrint on the same HTML: time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.results import Result, median, ratio
from reports.rendering import html_of
from tests.reports import snapshots

# Number of controls (None: as the library has them) and how often both sides are measured, in turns.
SIZES = ((None, 3), (400, 1))
SIDES = ("worker", "plain")


def measure() -> Iterator[Result]:
    for count, times in SIZES:
        snapshot = snapshots.full(count)
        size = f"{len(snapshot['controls'])} controls"
        start = time.perf_counter()
        html = html_of(snapshot, draft=None)
        yield Result(f"report, {size}: HTML", round(time.perf_counter() - start, 3), "s")
        with tempfile.NamedTemporaryFile(suffix=".html") as file:
            Path(file.name).write_text(html)
            found = {side: [] for side in SIDES}
            for _ in range(times):
                for side in SIDES:
                    found[side].append(once(side, file.name))
        yield Result(f"report, {size}: pages", found["worker"][0]["pages"], "pages")
        for quantity, unit in (("seconds", "s"), ("megabytes", "MB")):
            sides = [
                median(f"report, {size}: {side}, {quantity}", [one[quantity] for one in found[side]], unit)
                for side in SIDES
            ]
            yield from sides
            yield ratio(f"report, {size}: worker / plain, {quantity}", *sides)


def once(side: str, html: str) -> dict[str, float]:
    """One rendering, from a fresh process so that the peak memory of its child is its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.render_once", side, html], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{side}: {done.stderr[-2000:]}")
    measured: dict[str, float] = json.loads(done.stdout)
    return measured
