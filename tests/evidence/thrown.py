"""Throws files at the validators, each in a process of its own, and says what that took, a line of JSON each.

Reads lines of JSON with `path` and `name`. It is started once and forked for each: to start Django for every file
would take longer than to refuse it. A child's ru_maxrss begins at what the process that started it held, so that
a large test process would be measured in its place: this one is small, and newly executed.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from evidence.validation import Refused, inspect  # noqa: E402


def main() -> None:
    for line in sys.stdin:
        wanted = json.loads(line)
        alone(lambda wanted=wanted: thrown(wanted["path"], wanted["name"]))  # type: ignore[misc]


def alone(what: Callable[[], dict[str, Any]]) -> None:
    """Do it in a copy of this process, and print what it found."""
    child = os.fork()
    if child == 0:
        found = what()
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)


def thrown(path: str, name: str) -> dict[str, Any]:
    before, start = processor(), time.monotonic()
    refused: list[str] = []
    with Path(path).open("rb") as file:
        try:
            inspect(file, name)
        except Refused as refusal:
            refused = refusal.messages
    waited, seconds = time.monotonic() - start, processor() - before
    return {"refused": refused, "seconds": seconds, "waited": waited, "megabytes": peak()}


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
    main()
