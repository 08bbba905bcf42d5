"""What a file says, as plain text and first rows: for the preview, for search and for the linter.

Reads only as far as its budget goes; what it cannot read it leaves out, because the file was accepted already.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2

from evidence.probes import Unfit
from evidence.probes.markup import local, parse
from evidence.probes.texts import Budget, Enough, listing, plain

Reader = Callable[[Path, Budget, dict[str, Any], str, dict[str, int]], None]

_ENTRIES = 500
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main "


def examine(
    path: Path, *, kind: str, encoding: str, most: int, rows: int, columns: int, cell: int
) -> dict[str, Any]:
    """`text`, `tables` (name, rows, cut), `pages` and whether the text was `cut`; a workbook's are read by
    `evidence.probes.first_rows`."""
    return read_by(_READERS[kind], path, encoding, most, {"rows": rows, "columns": columns, "cell": cell})


def read_by(reader: Reader, path: Path, encoding: str, most: int, shape: dict[str, int]) -> dict[str, Any]:
    """What `examine` gives, read by this reader."""
    found: dict[str, Any] = {"tables": [], "pages": 0}
    budget = Budget(most)
    try:
        reader(path, budget, found, encoding, shape)
        found["cut"] = False
    except Enough:
        found["cut"] = True
    except Unfit:
        found["cut"] = bool(budget.parts)
    return {"text": budget.text(), **found}


def _pdf(path: Path, budget: Budget, found: dict[str, Any], encoding: str, shape: dict[str, int]) -> None:
    document = pypdfium2.PdfDocument(path)
    found["pages"] = len(document)
    for page in document:
        budget.add(page.get_textpage().get_text_bounded().replace("\r\n", "\n") + "\n")


def _json(path: Path, budget: Budget, found: dict[str, Any], encoding: str, shape: dict[str, int]) -> None:
    text = path.read_text(encoding=encoding, errors="replace")
    budget.add(json.dumps(json.loads(text), indent=2, ensure_ascii=False) if len(text) < 4 << 20 else text)


def _docx(path: Path, budget: Budget, found: dict[str, Any], encoding: str, shape: dict[str, int]) -> None:
    with zipfile.ZipFile(path) as archive:
        _words(archive, "word/document.xml", budget)


def _pptx(path: Path, budget: Budget, found: dict[str, Any], encoding: str, shape: dict[str, int]) -> None:
    with zipfile.ZipFile(path) as archive:
        slides = [
            name for name in archive.namelist() if name.startswith("ppt/slides/slide") and name.endswith(".xml")
        ]
        for number, name in enumerate(sorted(slides, key=lambda name: (len(name), name)), 1):
            budget.add(f"Slide {number}\n")
            _words(archive, name, budget)


def _words(archive: zipfile.ZipFile, part: str, budget: Budget) -> None:
    inside: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        inside.append(local(tag))
        if inside[-1] in ("tab", "tc"):
            budget.add("\t")

    def end(tag: str) -> None:
        if inside.pop() in ("p", "br"):
            budget.add("\n")

    def text(text: str) -> None:
        if inside[-1:] == ["t"]:
            budget.add(text)

    parse(archive, part, start, end=end, text=text)


def _zip(path: Path, budget: Budget, found: dict[str, Any], encoding: str, shape: dict[str, int]) -> None:
    with zipfile.ZipFile(path) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        rows = [
            ["Name", "Bytes"],
            *([info.filename[: shape["cell"]], str(info.file_size)] for info in infos[:_ENTRIES]),
        ]
        found["tables"].append({"name": "", "rows": rows, "cut": len(infos) > _ENTRIES})
        budget.add("\n".join(info.filename for info in infos))


def _picture(path: Path, budget: Budget, found: dict[str, Any], encoding: str, shape: dict[str, int]) -> None:
    found["pages"] = 1


_READERS = {
    "pdf": _pdf,
    "txt": plain,
    "json": _json,
    "csv": listing,
    "docx": _docx,
    "pptx": _pptx,
    "zip": _zip,
    "png": _picture,
    "jpg": _picture,
}
