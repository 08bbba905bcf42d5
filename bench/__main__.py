"""Runs all measures, or those named ("rendering", "copies"), on services of its own, which end with it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from config import environment

HOME = Path(tempfile.mkdtemp(prefix="attestry-bench-"))
environment.forget_services()
os.environ |= {
    "ATTESTRY_HOME": str(HOME),
    "ATTESTRY_ENV": "test",
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "LOG_LEVEL": "ERROR",
}

import django  # noqa: E402

from audit.context import act_for_everybody  # noqa: E402
from config import embedded  # noqa: E402

django.setup()

from bench import copies, files, pages, populations, preview, rendering, sheets  # noqa: E402
from bench.results import Result, line, write  # noqa: E402

RESULTS = Path(__file__).resolve().parent.parent / "var" / "bench" / "results.json"


def main(wanted: list[str]) -> None:
    act_for_everybody()
    services = embedded.Services(HOME, durable=False)
    services.join()
    try:
        results: list[Result] = []
        for part in (rendering, copies, preview, pages, sheets, files, populations):
            if not wanted or part.__name__.removeprefix("bench.") in wanted:
                for result in part.measure():
                    print(line(result), flush=True)
                    results.append(result)
    finally:
        services.leave()
        shutil.rmtree(HOME, ignore_errors=True)
    write(results, RESULTS)
    print(f"\n{RESULTS}")


main(sys.argv[1:])
