"""Typst's time for the rows of Section IV: `python -m bench.typst_once <folder with rows.json>`; prints JSON.

A process of its own, because the package is no dependency of the product and may be missing.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from pathlib import Path

import typst  # type: ignore[import-not-found, unused-ignore]

SOURCE = Path(__file__).with_name("rows.typ")


def main(folder: str) -> None:
    copied = Path(shutil.copy(SOURCE, folder))
    start = time.perf_counter()
    pdf = typst.compile(copied)
    seconds = time.perf_counter() - start
    if not pdf.startswith(b"%PDF"):
        raise RuntimeError("Typst set nothing")
    kept = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "megabytes": kept / (2**20 if sys.platform == "darwin" else 2**10)}))


main(*sys.argv[1:])
