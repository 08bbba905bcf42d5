"""Rendered files: kept once under their SHA-256 within the engagement, read with their hash checked.

A PDF is named by its own hash, the pictures of its pages by the PDF's hash and the page, the parts that a report
is bound from by what they were made of.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import tempfile
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages


class Altered(Exception):
    """Stored bytes are missing or no longer have the hash under which they were stored."""


def pdf_name(engagement_id: int, sha256: str) -> str:
    return f"{engagement_id}/{sha256}.pdf"


def page_name(engagement_id: int, sha256: str, page: int) -> str:
    return f"{engagement_id}/{sha256}/{page:04d}.png"


def keep_pdf(engagement_id: int, pdf: bytes) -> str:
    """Store the PDF; returns its SHA-256. Storing it again leaves it as it is, and mends a torn copy."""
    sha256 = hashlib.sha256(pdf).hexdigest()
    _put(pdf_name(engagement_id, sha256), pdf)
    return sha256


def keep_page(engagement_id: int, sha256: str, page: int, png: bytes) -> None:
    """Store the picture of a page of the PDF with this hash."""
    _put(page_name(engagement_id, sha256, page), png)


def pdf_of(engagement_id: int, sha256: str) -> bytes:
    """The PDF with this hash. Raises Altered when it is missing or is no longer what was stored."""
    try:
        with storages["reports"].open(pdf_name(engagement_id, sha256), "rb") as file:
            pdf: bytes = file.read()
    except FileNotFoundError as error:
        raise Altered(f"The stored report {sha256[:12]} is missing.") from error
    if hashlib.sha256(pdf).hexdigest() != sha256:
        raise Altered(f"The stored report {sha256[:12]} was altered.")
    return pdf


def page_of(engagement_id: int, sha256: str, page: int) -> bytes | None:
    """The picture of a page, or None when there is none."""
    name = page_name(engagement_id, sha256, page)
    store = storages["reports"]
    if not store.exists(name):
        return None
    with store.open(name, "rb") as file:
        png: bytes = file.read()
    return png


def keep_piece(engagement_id: int, name: str, data: bytes) -> None:
    """Store a part of a report that was laid out (reports/shelf.py)."""
    _put(f"{engagement_id}/pieces/{name}", data)


def piece_of(engagement_id: int, name: str) -> bytes | None:
    """A part that was laid out, or None when there is none."""
    try:
        with storages["reports"].open(f"{engagement_id}/pieces/{name}", "rb") as file:
            data: bytes = file.read()
    except FileNotFoundError:
        return None
    return data


def forget_pieces(before: dt.datetime) -> int:
    """Delete the parts that were laid out before a time; they are laid out again when needed. Returns how many."""
    store: Any = storages["reports"]
    forgotten = 0
    if isinstance(store, FileSystemStorage) and not store.exists(""):
        return 0  # nothing was ever rendered here
    for engagement in store.listdir("")[0]:
        folder = f"{engagement}/pieces"
        if not store.exists(folder) and isinstance(store, FileSystemStorage):
            continue
        for name in store.listdir(folder)[1]:
            if store.get_modified_time(f"{folder}/{name}") < before:
                store.delete(f"{folder}/{name}")
                forgotten += 1
    return forgotten


def _put(name: str, data: bytes) -> None:
    """Put the bytes under the name in one step: a worker that dies half-way leaves nothing torn."""
    store: Any = storages["reports"]
    if isinstance(store, FileSystemStorage):
        place = Path(store.location) / name
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".incoming-", delete=False) as copy:
            copy.write(data)
        Path(copy.name).replace(place)
        return
    if store.exists(name):
        return
    written = store.save(name, ContentFile(data))
    if written != name:
        store.delete(written)  # somebody stored the same bytes in between
