"""Renders the HTML of a file once, as the worker does or the plain way, each in a child; prints what it took."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import django
import pikepdf

django.setup()

from reports.rendering import RenderOptions, render_pdf  # noqa: E402

PLAIN = """
import sys
from pathlib import Path
from reports.render_child import oracle
sys.stdout.buffer.write(oracle(sys.stdin.read(), Path(sys.argv[1]), Path(sys.argv[2])))
"""


def plain(html: str) -> bytes:
    options = RenderOptions()
    return subprocess.run(
        [sys.executable, "-c", PLAIN, str(options.assets), str(options.fonts)],
        input=html.encode(),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout


def main(side: str, path: str) -> None:
    html = Path(path).read_text()
    start = time.perf_counter()
    pdf = render_pdf(html).pdf if side == "worker" else plain(html)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    # Linux counts kilobytes, macOS bytes.
    megabytes = peak / (2**20 if sys.platform == "darwin" else 2**10)
    with pikepdf.open(BytesIO(pdf)) as document:
        pages = len(document.pages)
    print(json.dumps({"seconds": seconds, "megabytes": megabytes, "pages": pages}))


main(*sys.argv[1:])
