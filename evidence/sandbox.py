"""Runs a probe on an untrusted file in a child process with limits on memory, time and output.

A file that blows up its parser takes the child with it and nothing else. The child gets a path and its
options as JSON on standard input, has no environment of ours and answers with JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evidence.probes import Unfit

PROBES = (
    "archives",
    "first_rows",
    "images",
    "office",
    "pdf",
    "pictures",
    "reading",
    "records",
    "structured",
    "workbooks",
)

_ROOT = Path(__file__).resolve().parent.parent
_ANSWERED = 0
_UNFIT = 3


@dataclass(frozen=True)
class Limits:
    """What one probe may use: bytes of memory and of answer, seconds of processor and of waiting."""

    memory: int = 1 << 30
    answer: int = 256 << 20
    processor: int = 20
    wait: int = 60


class Exhausted(Exception):
    """The probe died or ran into its limits before it could answer."""


def run(probe: str, path: Path | str, *, limits: Limits | None = None, **options: Any) -> Any:
    """What the probe found out about the file.

    Raises `Unfit` when the probe refuses the file and `Exhausted` when it did not survive it. `options` must
    be plain data.
    """
    if probe not in PROBES:
        raise ValueError(f"unknown probe {probe!r}")
    limits = limits or Limits()
    order = {"probe": probe, "path": str(path), "options": options, "limits": vars(limits)}
    code = f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from evidence.sandbox import answer; answer()"
    with tempfile.TemporaryFile() as out:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-c", code],
                input=json.dumps(order).encode(),
                stdout=out,
                stderr=subprocess.DEVNULL,
                env={"LC_ALL": "C.UTF-8", "TMPDIR": tempfile.gettempdir()},
                timeout=limits.wait,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Exhausted(f"no answer within {limits.wait} seconds") from error
        out.seek(0)
        if done.returncode == _ANSWERED:
            return json.load(out)
        if done.returncode == _UNFIT:
            raise Unfit(*json.load(out))
    raise Exhausted(f"ended with {done.returncode}")


def answer() -> None:
    """The child's side: limits first, then the parser, then one line of JSON."""
    order = json.loads(sys.stdin.buffer.read())
    _confine(Limits(**order["limits"]))
    probe = importlib.import_module(f"evidence.probes.{order['probe']}")
    try:
        found = probe.examine(Path(order["path"]), **order["options"])
    except Unfit as refusal:
        json.dump(refusal.problems, sys.stdout)
        sys.stdout.flush()
        os._exit(_UNFIT)
    json.dump(found, sys.stdout)
    sys.stdout.flush()
    # a parser holding a large document may take seconds to tear down; nothing is left to do
    os._exit(_ANSWERED)


def _confine(limits: Limits) -> None:
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, limits.processor),
        (resource.RLIMIT_FSIZE, limits.answer),
    ):
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):
            # macOS knows RLIMIT_AS but refuses to set it; the other limits still hold
            if kind != resource.RLIMIT_AS:
                raise
