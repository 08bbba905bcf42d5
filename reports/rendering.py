"""From a content snapshot to HTML to a tagged PDF.

The HTML is made here, from templates. The PDF is made in a child process (reports/render_child.py) with
limits on memory, CPU and time and, where the system allows it, without any network, so that a hostile or
enormous text can at worst fail its own report. WeasyPrint and Pango are loaded in the child only.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.template.loader import render_to_string

from reports import arrangement, wording
from reports.content import DescriptionPart, Snapshot, canonical, digest, result_of
from reports.models import Part

REGISTERS = {
    Part.DC2: "report/description/_commitments.html",
    Part.DC3: "report/description/_components.html",
    Part.DC4: "report/description/_incidents.html",
    Part.DC5: "report/description/_controls.html",
    Part.DC6: "report/description/_cuecs.html",
    Part.DC7: "report/description/_subservices.html",
    Part.DC8: "report/description/_not_relevant.html",
    Part.DC9: "report/description/_changes.html",
}
COMPONENTS = {
    "infrastructure": "Infrastructure",
    "software": "Software",
    "people": "People",
    "data": "Data",
    "procedures": "Procedures",
}
# Faces beyond the plain Latin ones are read only when the content has letters for them: each costs time.
SUBSETS = {
    "latin-ext": re.compile("[\u0100-\u02ff\u1e00-\u1eff\u2c60-\u2c7f]"),
    "greek": re.compile("[\u0370-\u03ff]"),
    "cyrillic": re.compile("[\u0400-\u045f\u0490-\u04ff]"),
}


class RenderError(Exception):
    """The report could not be rendered. The message says why, in words for the person who waits for it."""


@dataclass(frozen=True)
class RenderOptions:
    """Limits of the child and the two folders it may read from."""

    assets: Path = Path(settings.BASE_DIR) / "static" / "report"
    fonts: Path = Path(settings.BASE_DIR) / "static" / "vendor" / "fonts"
    memory_mb: int = 3072
    cpu_seconds: int = 300
    wall_seconds: int = 600
    variant: str = "pdf/ua-1"


@dataclass(frozen=True)
class Rendered:
    pdf: bytes
    pages: int
    sha256: str


def html_of(snapshot: Snapshot, *, draft: int | None, unformed: Sequence[str] = ()) -> str:
    """The whole report as one HTML document that refers to nothing but `asset:` files.

    `draft` is the draft's number, printed over every page; None renders the report as issued. `unformed`: limbs
    on which the partner has not concluded, which a draft says of them. The same snapshot gives the same HTML.
    """
    words = wording.Phrases(snapshot)
    text = canonical(snapshot).decode()
    series = arrangement.by_series(snapshot)
    unmapped = arrangement.unmapped(snapshot)
    return render_to_string(
        "report/document.html",
        {
            "s": snapshot,
            "w": words,
            "draft": draft,
            "unformed": unformed if draft else (),
            "title": f"{words.legal_name}: SOC 2 Type {snapshot['report']['type']} report, {words.span}",
            "subject": f"Report {snapshot['report']['number']} on the {words.system} {words.time}",
            "made_on": dated(snapshot).isoformat(),
            "subsets": [name for name, letters in SUBSETS.items() if letters.search(text)],
            "fingerprint": digest(snapshot),
            "parts": _parts(snapshot),
            "registers": REGISTERS,
            "components": _components(snapshot),
            "disclosed": [incident for incident in snapshot["incidents"] if incident["disclosed"]],
            "not_relevant": [criterion for criterion in snapshot["criteria"] if not criterion["relevant"]],
            "relevant_count": sum(criterion["relevant"] for criterion in snapshot["criteria"]),
            "csoc_count": sum(len(one["csocs"]) for one in snapshot["subservices"]),
            "categories": wording.CATEGORIES,
            "series": series,
            "columns": 4 if words.type_2 else 3,
            "unmapped": unmapped,
            "tally": _tally(series),
            "found": {one["code"]: one for one in snapshot["deviations"]},
            "lines": arrangement.exceptions(snapshot),
            "responses": [one for one in snapshot["deviations"] if one["response"]],
            "assertion": snapshot["assertion"]["text"] or wording.assertion_text(snapshot),
        },
    )


def render_pdf(
    html: str,
    *,
    options: RenderOptions | None = None,
    on_progress: Callable[[str, int], None] | None = None,
) -> Rendered:
    """The HTML as a tagged PDF, rendered in a child process of its own.

    `on_progress(step, pages)` is called in this thread as the child reports: the step in words and the pages
    laid out so far. Raises RenderError when a limit is hit, when the HTML refers to anything but the report's
    own assets or to a place it does not have, or when the child fails.
    """
    options = options or RenderOptions()
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
        source.write(html.encode())
        source.seek(0)
        status = _run(_command(options), source, target, options, on_progress)
        if "error" in status:
            raise RenderError(str(status["error"]))
        target.seek(0)
        pdf = target.read()
    return Rendered(pdf, int(status["pages"]), hashlib.sha256(pdf).hexdigest())


def _parts(snapshot: Snapshot) -> list[DescriptionPart]:
    """The parts of the description in order; a register with entries is printed even without a text."""
    type_2 = snapshot["report"]["type"] == 2
    entries = {
        Part.DC2: snapshot["commitments"],
        Part.DC3: snapshot["components"],
        Part.DC4: [one for one in snapshot["incidents"] if one["disclosed"]]
        or snapshot["statements"]["no_incidents"],
        Part.DC5: snapshot["controls"],
        Part.DC6: [*snapshot["cuecs"], *snapshot["user_responsibilities"]],
        Part.DC7: snapshot["subservices"],
        Part.DC8: [one for one in snapshot["criteria"] if not one["relevant"]],
        Part.DC9: snapshot["changes"] or snapshot["statements"]["no_changes"],
    }
    written = {part["code"]: part for part in snapshot["description"]}
    parts: list[DescriptionPart] = []
    for code in Part:
        if code == Part.OTHER or (code == Part.DC9 and not type_2):
            continue
        part = written.get(code) or DescriptionPart(code=code.value, title=str(code.label), text="")
        if part["text"].strip() or entries.get(code):
            parts.append(part)
    return parts


def _components(snapshot: Snapshot) -> list[tuple[str, list[Any], list[Any]]]:
    groups = []
    for kind, title in COMPONENTS.items():
        of_kind = [one for one in snapshot["components"] if one["kind"] == kind]
        if of_kind:
            inside = [one for one in of_kind if one["in_boundary"]]
            groups.append((title, inside, [one for one in of_kind if not one["in_boundary"]]))
    return groups


def _tally(series: Sequence[arrangement.Series]) -> list[dict[str, Any]]:
    """Controls by series and result, each counted at the first criterion it meets."""
    rows = []
    for group in series:
        results = [result_of(control) for part in group.parts for control in part.controls]
        rows.append(
            {
                "code": group.code,
                "name": group.name,
                "criteria": len(group.parts),
                "controls": len(results),
                "no_exceptions": results.count("no_exceptions"),
                "exceptions": results.count("exceptions"),
                "did_not_operate": results.count("did_not_operate"),
                "not_tested": results.count("not_tested") + results.count("carved_out"),
            }
        )
    return rows


def _command(options: RenderOptions) -> list[str]:
    job = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(options).items()}
    child = [sys.executable, "-m", "reports.render_child", json.dumps(job)]
    return [*_without_network(), *child]


@cache
def _without_network() -> tuple[str, ...]:
    """The words that put a command into an empty network namespace; none where the system does not allow it."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return ()
    prefix = (unshare, "--map-root-user", "--net", "--")
    tried = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    return prefix if tried.returncode == 0 else ()


def _run(
    command: Sequence[str],
    source: IO[bytes],
    target: IO[bytes],
    options: RenderOptions,
    on_progress: Callable[[str, int], None] | None,
) -> dict[str, Any]:
    """Run the child to its end and give back its last word: {"pages": n} or {"error": "..."}."""
    deadline = time.monotonic() + options.wall_seconds
    # The child gets nothing of the server's environment: it needs no secret and could print none.
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(settings.BASE_DIR),
        "PYTHONHASHSEED": "0",
        "LC_ALL": "C.UTF-8",
        "HOME": tempfile.gettempdir(),
    }
    for name in ("DYLD_FALLBACK_LIBRARY_PATH", "FONTCONFIG_PATH", "FONTCONFIG_FILE", "XDG_CACHE_HOME"):
        if name in os.environ:
            environment[name] = os.environ[name]
    child = subprocess.Popen(
        list(command),
        stdin=source,
        stdout=target,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    assert child.stderr is not None
    status: dict[str, Any] = {}
    tail: list[str] = []
    try:
        for line in _lines(child.stderr, deadline):
            if not line.startswith("{"):
                tail = [*tail[-20:], line]
                continue
            word = json.loads(line)
            if "step" not in word:
                status = word
            elif on_progress:
                on_progress(word["step"], word["pages"])
        code = child.wait(max(0.1, deadline - time.monotonic()))
    except (TimeoutError, subprocess.TimeoutExpired):
        raise RenderError(f"Rendering took longer than {options.wall_seconds} seconds and was stopped.") from None
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        child.stderr.close()
    if "error" in status or (status and code == 0):
        return status
    return {"error": _why(code, tail, options)}


def _lines(stream: IO[bytes], deadline: float) -> Any:
    """The lines of the child's stderr as they come; TimeoutError when the deadline passes first."""
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            chunk = os.read(stream.fileno(), 65536)
            if not chunk:
                break
            *complete, pending = (pending + chunk).split(b"\n")
            for line in complete:
                yield line.decode(errors="replace")
    if pending:
        yield pending.decode(errors="replace")


def _why(code: int, tail: Sequence[str], options: RenderOptions) -> str:
    said = "\n".join(tail)
    if code in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
        return f"Rendering used more than {options.cpu_seconds} seconds of processor time and was stopped."
    if "cannot load library" in said:
        return "WeasyPrint cannot load Pango on this machine. `manage.py doctor` says how to install it."
    # GLib ends the process by SIGTRAP when it gets no memory; the kernel by SIGKILL.
    if "MemoryError" in said or -code in (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGTRAP):
        return f"Rendering needed more than {options.memory_mb} MB of memory and was stopped."
    last = next((line for line in reversed(tail) if line.strip()), "no message")
    return f"The renderer ended unexpectedly (code {code}): {last}"


def dated(snapshot: Snapshot) -> dt.date:
    """The date that the file itself bears: of the report, or of the last day it speaks of while that is not set."""
    text = snapshot["dates"]["report"] or snapshot["as_of"] or (snapshot["period"] or {"end": "1970-01-01"})["end"]
    return dt.date.fromisoformat(text)
