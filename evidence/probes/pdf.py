"""PDF documents: openable, whole, without scripts or launchers; attachments are counted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
from pikepdf import settings

from evidence.probes import Unfit

_TAIL = 1024
_FLATE = 64 << 20
_OBJECTS = 300_000
_CHUNK = 1 << 20
_OBJECT = b" obj"
# How many objects a stream of objects says that it holds.
_HELD = re.compile(rb"/N[\0\t\n\f\r ]{1,8}(\d{6,20})")
_OVERLAP = 40
_TOO_MANY = "The PDF has too many parts to examine. Split it, or print it to a new PDF."
_DAMAGED = "The PDF is damaged and cannot be read. Print or export it again."
_PACKING = ("/FlateDecode", "/Fl", "/LZWDecode", "/LZW", "/RunLengthDecode", "/RL")
_INTERESTING = re.compile(rb"/(?:JavaScript|JS|Launch|XFA|EF|EmbeddedFile)(?![A-Za-z0-9])")


def examine(path: Path) -> dict[str, Any]:
    """Pages, attachments and whether the author restricted its use. Raises `Unfit`."""
    _check_end(path)
    _check_count(path)
    settings.set_qpdf_limits(flate_max_memory=_FLATE, doc_max_warnings=5_000)
    try:
        with pikepdf.open(path) as document:
            size = document.trailer.get("/Size", 0)
            if not isinstance(size, int):
                raise Unfit(_DAMAGED)
            if size > _OBJECTS:
                raise Unfit(_TOO_MANY)
            pages = len(document.pages)
            if pages == 0:
                raise Unfit("The PDF has no pages. Print or export it again.")
            _check_shown(path)
            return {
                "pages": pages,
                "attachments": _inspect_objects(document),
                "restricted": bool(document.is_encrypted),
            }
    except pikepdf.PasswordError as error:
        raise Unfit(
            "The PDF is protected with a password. Upload it without one: open it and print it to a new PDF."
        ) from error
    except (pikepdf.PdfError, pikepdf.PikepdfError, RuntimeError, ValueError) as error:
        raise Unfit(_DAMAGED) from error


def _check_end(path: Path) -> None:
    """The last marker must end the file: what hangs behind it is another file in disguise."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    end = tail.rfind(b"%%EOF")
    if end < 0:
        raise Unfit("The PDF is cut off or carries other data behind its end. Print or export it again.")
    if tail[end + 5 :].strip(b"\0\t\n\f\r "):
        raise Unfit("The PDF carries other data behind its end. Print it to a new PDF and upload that.")


def _check_shown(path: Path) -> None:
    """One parser repairs in silence what others cannot open: it must be a PDF for what shows and reads it too."""
    try:
        with pypdfium2.PdfDocument(path) as document:
            pages = len(document)
    except pypdfium2.PdfiumError as error:
        raise Unfit("The PDF is damaged and cannot be shown. Print or export it again.") from error
    if not pages:
        raise Unfit("The PDF is damaged: no page of it can be shown. Print or export it again.")


def _check_count(path: Path) -> None:
    """Refuses what would be long in opening: every object of a file costs memory, however small it is.

    A stream that does not write its number plainly is counted when it has been opened.
    """
    count, before = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            text = before + chunk
            count += text.count(_OBJECT, max(0, len(before) - len(_OBJECT) + 1))
            if count > _OBJECTS or any(int(held) > _OBJECTS for held in _HELD.findall(text)):
                raise Unfit(_TOO_MANY)
            before = text[-_OVERLAP:]


def _inspect_objects(document: pikepdf.Pdf) -> int:
    """Refuses scripts, launchers and dynamic forms wherever they hang; the number of embedded files."""
    attachments = 0
    # numbers and names come as plain values, whatever the types say
    objects: Iterable[Any] = document.objects
    for number, thing in enumerate(objects):
        if number > _OBJECTS:
            raise Unfit(_TOO_MANY)
        if isinstance(thing, pikepdf.Stream) and _layers(thing) > 1:
            raise Unfit(
                "The PDF packs its content several times over, as only a damaged or malicious file does. "
                "Print it to a new PDF and upload that."
            )
        head = thing.stream_dict if isinstance(thing, pikepdf.Stream) else thing
        # the written form has every name in plain letters, however it was spelt in the file
        if not isinstance(head, pikepdf.Object) or not _INTERESTING.search(head.unparse(resolved=True)):
            continue
        attachments += _inspect(head)
    return attachments


def _layers(stream: pikepdf.Stream) -> int:
    """How many times a stream is compressed; pictures and text coding do not count."""
    filters = stream.stream_dict.get("/Filter")
    return sum(str(one) in _PACKING for one in filters) if isinstance(filters, pikepdf.Array) else 0


def _inspect(thing: pikepdf.Object) -> int:
    attachments = 0
    pending = [thing]
    while pending:
        item = pending.pop()
        if isinstance(item, pikepdf.Array):
            pending.extend(_direct(item))
        elif isinstance(item, pikepdf.Dictionary):
            keys = set(item.keys())
            action = item.get("/S")
            if keys & {"/JS", "/JavaScript"} or action == "/JavaScript":
                raise Unfit(
                    "The PDF carries scripts, which are not accepted. Print it to a new PDF and upload that."
                )
            if action == "/Launch" or "/Launch" in keys:
                raise Unfit(
                    "The PDF starts other programs, which is not accepted. Print it to a new PDF and upload that."
                )
            if "/XFA" in keys:
                raise Unfit(
                    "The PDF is a dynamic form (XFA) that most programs cannot show. Print it to a new PDF and "
                    "upload that."
                )
            attachments += item.get("/Type") == "/EmbeddedFile"
            pending.extend(_direct(item.values()))
    return attachments


def _direct(children: Any) -> list[pikepdf.Object]:
    """The children written in place; what they refer to comes up as an object of its own."""
    return [child for child in children if isinstance(child, pikepdf.Object) and not child.is_indirect]
