"""Throws one file at the validators in a process of its own and prints what that took, as JSON.

`python -m tests.evidence.thrown <path> <name>`. A child's ru_maxrss begins at what the process that started it
held, so that a large test process would be measured in its place: this one is small, and newly executed.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from evidence.validation import Refused, inspect  # noqa: E402


def main(path: str, name: str) -> None:
    before, start = processor(), time.monotonic()
    refused: list[str] = []
    with Path(path).open("rb") as file:
        try:
            inspect(file, name)
        except Refused as refusal:
            refused = refusal.messages
    waited, seconds = time.monotonic() - start, processor() - before
    found = {"refused": refused, "seconds": seconds, "waited": waited, "megabytes": peak()}
    sys.stdout.write(json.dumps(found) + "\n")


def processor() -> float:
    """Seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def peak() -> float:
    """The most that this process or one of its children held, in megabytes."""
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit
    return max(children, own() or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)


def own() -> float:
    """Linux keeps the peak of what was executed here apart from that of whoever executed it."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except FileNotFoundError:
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main(*sys.argv[1:])
