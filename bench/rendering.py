"""A report by parts, against plain WeasyPrint and Chromium on the same HTML: time, memory, ratios.

Where the package `typst` is installed (`.venv/bin/uv pip install typst`; nothing of the product needs it), what it
takes for the rows of Section IV stands beside.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator

from bench.results import Result, median, ratio

# Number of controls and how often each way is measured, in turns.
SIZES = ((150, 1), (400, 3), (1000, 1))
LINKED = ("cold", "again", "one change", "moving change")


def measure() -> Iterator[Result]:
    ways = ["plain", "linked"]
    if shutil.which("chromium"):
        ways.append("chromium")
    if importlib.util.find_spec("typst"):
        ways.append("typst")
    for controls, times in SIZES:
        found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
        for _ in range(times):
            for way in ways:
                found[way].append(once(way, controls))
        name = f"render.{controls}"
        yield median(f"{name}.pages", [one["pages"] for one in found["linked"]], "pages")
        seconds = {
            way: median(f"{name}.{way.replace(' ', '_')}.seconds", [one["seconds"] for one in found[way]], "s")
            for way in ways
            if way != "linked"
        }
        seconds |= {
            step: median(f"{name}.{step.replace(' ', '_')}.seconds", [one[step] for one in found["linked"]], "s")
            for step in LINKED
        }
        memory = {
            way: median(f"{name}.{way}.megabytes", [one["megabytes"] for one in found[way]], "MB") for way in ways
        }
        yield from seconds.values()
        yield from memory.values()
        for step, title in (("cold", "cold"), ("one change", "one_change"), ("moving change", "moving_change")):
            yield ratio(f"{name}.{title}_speedup", seconds["plain"], seconds[step])
        yield ratio(f"{name}.worker_memory_ratio", memory["linked"], memory["plain"])
        if "chromium" in seconds:
            yield ratio(f"{name}.cold_vs_chromium", seconds["cold"], seconds["chromium"])
            yield ratio(f"{name}.one_change_vs_chromium", seconds["one change"], seconds["chromium"])
        if "typst" in seconds:
            yield ratio(f"{name}.one_change_vs_typst", seconds["one change"], seconds["typst"])


def once(way: str, controls: int) -> dict[str, float]:
    """One measure, in a fresh process so that its peak memory is its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.render_once", way, str(controls)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{way}: {done.stderr[-2000:]}")
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured
