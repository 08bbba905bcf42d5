"""Office Open XML documents: the main part agrees with the ending, no macros, no entities, no surprises."""

from __future__ import annotations

import re
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evidence.probes import Unfit
from evidence.probes.archives import chunks, open_archive
from evidence.probes.markup import parse
from evidence.probes.sheets import describe

_MAIN = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml",
}
_WORDS = {"xlsx": "an Excel workbook", "docx": "a Word document", "pptx": "a PowerPoint presentation"}
_DOCTYPE = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_KEPT = 16
_BLANK = b"\xef\xbb\xbf\xff\xfe \t\r\n"


def examine(path: Path, *, kind: str, entries: int, unpacked: int, xml: int, ratio: int) -> dict[str, Any]:
    """Facts about a document of this kind (xlsx, docx, pptx); for a workbook what its sheets hold and hide."""
    with open_document(path, kind=kind, entries=entries, unpacked=unpacked, xml=xml, ratio=ratio) as archive:
        names = archive.namelist()
        embedded = sum("/embeddings/" in name for name in names)
        if kind == "xlsx":
            if embedded:
                raise Unfit(
                    "The workbook has other files embedded in it. Upload those as files of their own and "
                    "save the workbook without them."
                )
            return {"sheets": [asdict(sheet) for sheet in describe(archive)]}
        return {"embedded": embedded}


def open_document(path: Path, *, kind: str, entries: int, unpacked: int, xml: int, ratio: int) -> zipfile.ZipFile:
    """The document as an archive, every part read once against the budget and searched for what is barred."""
    archive = open_archive(path, entries=entries, unpacked=unpacked, ratio=ratio)
    try:
        _check(archive, kind, xml)
    except Unfit:
        archive.close()
        raise
    return archive


def _check(archive: zipfile.ZipFile, kind: str, xml: int) -> None:
    _read_parts(archive, xml)
    names = archive.namelist()
    if any(name.lower().endswith(("vbaproject.bin", "vbadata.xml")) for name in names):
        raise Unfit(_macros(kind))
    _check_main_part(archive, kind)
    for name in names:
        if name.lower().endswith("settings.xml.rels"):
            _check_template(archive, name)


def _read_parts(archive: zipfile.ZipFile, xml: int) -> None:
    """Reads every part to its checksum; markup, whatever its name, is counted and must declare no entities."""
    left = xml
    for info in sorted(archive.infolist(), key=lambda info: -info.file_size):
        markup = False
        before = b""
        for number, chunk in enumerate(chunks(archive, info.filename)):
            # without the zero bytes UTF-16 reads like ASCII
            text = before + chunk.replace(b"\0", b"")
            markup = markup if number else text.lstrip(_BLANK).startswith(b"<")
            if not markup:
                continue
            left -= len(chunk)
            if left < 0 or (number == 0 and info.file_size > xml):
                raise Unfit(
                    f"The document holds more than {xml >> 20:,} MB of content unpacked, too much to examine. "
                    "Split it, or save a large listing as CSV."
                )
            if _DOCTYPE.search(text):
                raise Unfit(
                    f"The document's part {info.filename} declares entities, which no Office program writes. "
                    "Save it again from the original."
                )
            before = text[-_KEPT:]


def _check_main_part(archive: zipfile.ZipFile, kind: str) -> None:
    types: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag.rpartition(" ")[2] in ("Override", "Default"):
            types.append(attributes.get("ContentType", ""))

    parse(archive, "[Content_Types].xml", start)
    if _MAIN[kind] in types:
        return
    if any("macroenabled" in content_type.lower() for content_type in types):
        raise Unfit(_macros(kind))
    for other, main in _MAIN.items():
        if main in types:
            raise Unfit(f"The file is {_WORDS[other]}, its name says .{kind}. Rename it to .{other}.")
    raise Unfit(f"The file is not {_WORDS[kind]}, whatever its name says. Save it again as .{kind}.")


def _check_template(archive: zipfile.ZipFile, name: str) -> None:
    def start(tag: str, attributes: dict[str, str]) -> None:
        if (
            attributes.get("Type", "").endswith("/attachedTemplate")
            and attributes.get("TargetMode") == "External"
            and attributes.get("Target", "").lower().startswith(("http", "ftp", "\\\\", "file://"))
        ):
            raise Unfit(
                "The document loads a template from elsewhere when opened. Detach the template, or save it as PDF."
            )

    parse(archive, name, start)


def _macros(kind: str) -> str:
    return f"The document carries macros, which are not accepted. Save it as .{kind} without macros, or as PDF."
