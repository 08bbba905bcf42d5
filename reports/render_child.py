"""The process that lays out parts and binds them; run as `python -m reports.render_child <limits as JSON>`.

It answers one request after the other until its input ends or nobody asks for a while. A request and an answer
are a line of JSON, whose "parts" are the lengths of the bytes that follow it (reports/rendering.py).
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import logging
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from reports.layout import Layout, Leaves, Refused
from reports.linking import Bound, Excerpt, changed_pages, link

IDLE_SECONDS = 300


class Child:
    """What is kept between requests: style sheets, fonts, and how much processor time a request may take."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        self.layout = Layout(Path(job["assets"]), Path(job["fonts"]))

    def answer(self, request: dict[str, Any], parts: Sequence[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """The answer to a request. Raises Refused, MemoryError, RecursionError."""
        if request["do"] == "lay out":
            found = self.layout.leaves(parts[0].decode(), request["styles"], request["name"])
            wanted = sorted({face.sha256 for face in found.faces} - set(request["fonts"]))
            return {"fonts": wanted}, [found.pack(), *(self.layout.font_files[name] for name in wanted)]
        fonts = dict(zip(request["fonts"], parts, strict=False))
        self.layout.font_files |= fonts
        heads, *leaves = [Leaves.unpack(part) for part in parts[len(fonts) :]]
        bound = Bound(**request["bound"])
        if request["do"] == "excerpt":
            changed = changed_pages(leaves[0], leaves[1]) if len(leaves) > 1 else [0]
            excerpt = Excerpt(**request["excerpt"])
            return {"changed": changed}, [link(heads, leaves[:1], bound, self.layout.font_files, excerpt)]
        return {}, [link(heads, leaves, bound, self.layout.font_files)]


def serve(child: Child, source: IO[bytes], target: IO[bytes]) -> None:
    while select.select([source], [], [], IDLE_SECONDS)[0]:
        line = source.readline()
        if not line:
            return
        request = json.loads(line)
        parts = [source.read(length) for length in request.pop("parts")]
        _allow_processor_time(child.job["cpu_seconds"])
        try:
            found, given = child.answer(request, parts)
        except Refused as error:
            found, given = {"error": str(error)}, []
        except MemoryError:
            found, given = (
                {"error": f"Rendering needed more than {child.job['memory_mb']} MB of memory and was stopped."},
                [],
            )
        except RecursionError:
            found, given = {"error": "The text is nested too deeply to be laid out."}, []
        if "error" in found:
            # What was half laid out is not to count against the next request's memory.
            gc.collect()
        target.write(json.dumps({**found, "parts": [len(one) for one in given]}).encode() + b"\n")
        target.writelines(given)
        target.flush()
        del parts, given


def _limit(memory_mb: int) -> None:
    # macOS refuses RLIMIT_AS; the wall clock in the parent still holds.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 2**20, memory_mb * 2**20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _allow_processor_time(seconds: int) -> None:
    """From now on this much more; who takes it ends by a signal of its own."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + 1 + seconds, resource.RLIM_INFINITY))


def _end_with_parent() -> None:
    """When the worker is killed, its child goes too (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main() -> int:
    job = json.loads(sys.argv[1])
    _end_with_parent()
    _limit(job["memory_mb"])
    source, target = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints does not end up in an answer
    logging.disable(logging.WARNING)
    # Layout makes many objects that live to the end: collecting them over and over costs a seventh of the time.
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)
    serve(Child(job), source, target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
