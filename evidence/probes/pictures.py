"""Pages of a PDF, and pictures, as new pictures: nothing of the file itself reaches a browser."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image, ImageOps

from evidence.probes import Unfit

# Beyond this, a page is a poster; it is drawn smaller.
_TALLEST = 4


def examine(path: Path, *, kind: str, pages: list[int], width: int) -> list[dict[str, Any]]:
    """The pages (from 1) that are there, each at most `width` wide, as WebP in base64. Raises `Unfit`."""
    try:
        if kind != "pdf":
            return [_encoded(1, _decoded(path, kind, width))]
        document = pypdfium2.PdfDocument(path)
        return [_encoded(page, _drawn(document[page - 1], width)) for page in pages if 0 < page <= len(document)]
    except (pypdfium2.PdfiumError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise Unfit("The page cannot be shown. Download the file to see it.") from error


def _drawn(page: Any, width: int) -> Image.Image:
    across, down = page.get_size()
    scale = min(width / max(across, 1), _TALLEST * width / max(down, 1), 4)
    picture: Image.Image = page.render(scale=scale).to_pil()
    return picture.convert("RGB")


def _decoded(path: Path, kind: str, width: int) -> Image.Image:
    with Image.open(path, formats=["PNG" if kind == "png" else "JPEG"]) as image:
        upright = ImageOps.exif_transpose(image)
        upright.thumbnail((width, _TALLEST * width))
        # what is transparent shows on white, as on paper
        clear = upright.convert("RGBA")
        paper = Image.new("RGBA", clear.size, "white")
        return Image.alpha_composite(paper, clear).convert("RGB")


def _encoded(number: int, picture: Image.Image) -> dict[str, Any]:
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=82, method=2)
    data = base64.b64encode(out.getvalue()).decode()
    return {"number": number, "width": picture.width, "height": picture.height, "data": data}
