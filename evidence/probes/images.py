"""Pictures: whole, of the format their name says, not too many pixels, nothing hidden behind their end."""

from __future__ import annotations

import re
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from evidence.probes import Unfit

_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, IndexError, OverflowError)
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_TAIL = 1 << 16
_MOST_SCANS = 100
# Within a scan 0xFF is followed by zero, or by a restart's number.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_ALONE = (b"\xff\xd8", b"\xff\x01", _END)


def examine(path: Path, *, kind: str, pixels: int) -> dict[str, Any]:
    """Width and height. `kind` is png or jpg; raises `Unfit`."""
    try:
        width, height = _measure(path, kind, pixels)
        if kind == "jpg":
            _check_scans(path)
        with _open(path, kind) as image:
            image.verify()
        with _open(path, kind) as image:
            # verify looks at checksums only; decoding finds a picture that is cut off
            image.load()
    except Image.DecompressionBombError as error:
        raise Unfit(_too_large(pixels)) from error
    except UnidentifiedImageError as error:
        raise Unfit(f"The file is not a {kind.upper()} picture, whatever its name says. Save it again.") from error
    except _BROKEN as error:
        raise Unfit("The picture is damaged or cut off. Save or take it again.") from error
    _check_end(path, kind)
    return {"width": width, "height": height}


def _measure(path: Path, kind: str, pixels: int) -> tuple[int, int]:
    with _open(path, kind) as image:
        if image.width * image.height > pixels:
            raise Unfit(_too_large(pixels))
        return image.width, image.height


def _open(path: Path, kind: str) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(path, formats=["PNG" if kind == "png" else "JPEG"])


def _check_scans(path: Path) -> None:
    """A progressive picture passes over all its pixels with every scan: a few are honest, thousands a bomb."""
    data = path.read_bytes()
    scans, place = 0, 2
    while found := _MARKER.search(data, place):
        place = found.end()
        if found[0] == _SCAN:
            scans += 1
            if scans > _MOST_SCANS:
                raise Unfit("The picture is drawn over and over again. Open it and save it under a new name.")
        elif found[0] == _END:
            return
        if found[0] not in _ALONE and len(data) >= place + 2:
            place += int.from_bytes(data[place : place + 2], "big")


def _check_end(path: Path, kind: str) -> None:
    """A PNG ends with its last chunk; cameras add to a JPEG, but an archive behind it is a disguise."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    if (kind == "png" and not tail.endswith(_PNG_END)) or b"PK\x05\x06" in tail[-1024:]:
        raise Unfit("The picture carries other data behind its end. Open it and save it under a new name.")


def _too_large(pixels: int) -> str:
    return f"The picture has more than {pixels // 1_000_000} million pixels. Scale it down or split it."
