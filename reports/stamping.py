"""A reader's own copy of an issued report: who, when and which grant, on every page and in the file's metadata.

One small form is shared by all pages, marked as a watermark artifact so that a screen reader passes over it and
the tags stay as they are. Letters that the vendored Inter has (Latin, Greek, Cyrillic) are printed as they are,
from an embedded subset. A name with other letters is printed in its transliteration to ASCII; the e-mail address
identifies the person all the same, and the metadata carry the name as it was given.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import pikepdf
from anyascii import anyascii
from django.conf import settings
from fontTools.subset import Options, Subsetter  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

FONTS = Path(settings.BASE_DIR) / "static" / "vendor" / "fonts"
FACES = tuple(f"inter-{subset}-400-normal.woff2" for subset in ("latin", "latin-ext", "greek", "cyrillic"))
NAMESPACE = "urn:attestry:copy:1"

SIZE = 6.6  # points
LEADING = 8.4
FROM_BELOW = 15.0  # of the lowest line's baseline, below the report's own footers
MARGIN = 60.0  # left and right: the cover's band ends before it
GREY = 0.32


class StampError(Exception):
    """The copy could not be made. The message says why."""


@dataclass(frozen=True)
class _Line:
    """Text with the face of each of its letters."""

    letters: tuple[tuple[int, str], ...]

    @property
    def text(self) -> str:
        return "".join(letter for _, letter in self.letters)


def stamp(
    pdf: bytes | IO[bytes],
    *,
    name: str,
    email: str,
    at: dt.datetime,
    grant_id: str,
    master_sha256: str,
    issued_sha256: str,
) -> bytes:
    """A copy of the issued PDF for one reader.

    `master_sha256` is the hash of the PDF given, which bears no seal; `issued_sha256` that of the issued report,
    which the copy names. `at` is an aware time, printed in UTC. Raises StampError when the PDF is not the one
    whose hash is given (nothing but the issued bytes is ever passed on), cannot be read, or the fonts are missing.
    The same arguments give the same bytes.
    """
    master = pdf if isinstance(pdf, bytes) else pdf.read()
    if hashlib.sha256(master).hexdigest() != master_sha256:
        raise StampError("The file is not the issued report: its SHA-256 differs.")
    when = at.astimezone(dt.UTC)
    lines = [
        _line(f"Copy for {_printable(name)}, {_printable(email)}"),
        _line(
            f"{when:%Y-%m-%d %H:%M:%S} UTC · Grant {_printable(grant_id)} · Issued report SHA-256 {issued_sha256}"
        ),
    ]
    try:
        with pikepdf.open(io.BytesIO(master)) as document:
            _put_on_every_page(document, lines)
            _describe(document, name=name, email=email, when=when, grant_id=grant_id, issued_sha256=issued_sha256)
            copy = io.BytesIO()
            document.save(
                copy, object_stream_mode=pikepdf.ObjectStreamMode.generate, deterministic_id=True, linearize=False
            )
    except pikepdf.PdfError as error:
        raise StampError(f"The issued report cannot be read: {error}") from error
    return copy.getvalue()


# Letters


@lru_cache(maxsize=1)
def _faces() -> tuple[tuple[bytes, frozenset[int]], ...]:
    """The faces, unpacked, with the letters each has."""
    faces = []
    for file in FACES:
        try:
            font = TTFont(FONTS / file)
        except OSError as error:
            raise StampError(f"The font {file} is missing from static/vendor/fonts.") from error
        font.flavor = None
        unpacked = io.BytesIO()
        font.save(unpacked)
        faces.append((unpacked.getvalue(), frozenset(font.getBestCmap())))
    return tuple(faces)


def _face_of(letter: str) -> int | None:
    return next((at for at, (_, letters) in enumerate(_faces()) if ord(letter) in letters), None)


def _printable(text: str) -> str:
    """The text as the stamp can show it: composed, on one line, transliterated when a letter has no glyph."""
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    composed = "".join(letter for letter in composed if unicodedata.category(letter)[0] != "C")
    if all(_face_of(letter) is not None for letter in composed):
        return composed
    return " ".join(re.sub(r"[^\x20-\x7e]", "", anyascii(composed)).split()) or "?"


def _line(text: str) -> _Line:
    return _Line(tuple((face, letter) for letter in text if (face := _face_of(letter)) is not None))


# Page furniture


@dataclass(frozen=True)
class _Embedded:
    """A face in the document: its object, and glyph and width (thousandths of an em) of each letter used."""

    font: pikepdf.Object
    glyphs: dict[str, tuple[int, float]]


def _put_on_every_page(document: pikepdf.Pdf, lines: Sequence[_Line]) -> None:
    form, width = _form(document, lines)
    before, after = document.make_stream(b"q\n"), {}
    stamped: set[tuple[int, int]] = set()
    for page in document.pages:
        left, bottom, right, _ = (float(side) for side in page.mediabox)
        box = (left, bottom, right)
        if box not in after:
            scale = min(1.0, (right - left - 2 * MARGIN) / width)
            x, y = left + (right - left - width * scale) / 2, bottom + FROM_BELOW
            after[box] = document.make_stream(
                b"\nQ\n/Artifact <</Type /Pagination /Subtype /Watermark>> BDC\n"
                + f"q {scale:.5f} 0 0 {scale:.5f} {x:.3f} {y:.3f} cm /ReaderStamp Do Q\nEMC\n".encode()
            )
        contents = page.obj.Contents
        parts = list(contents) if isinstance(contents, pikepdf.Array) else [contents]
        page.obj.Contents = pikepdf.Array([before, *parts, after[box]])
        resources = page.obj.Resources
        if not resources.is_indirect or resources.objgen not in stamped:
            stamped.add(resources.objgen)
            if "/XObject" not in resources:
                resources.XObject = pikepdf.Dictionary()
            resources.XObject.ReaderStamp = form


def _form(document: pikepdf.Pdf, lines: Sequence[_Line]) -> tuple[pikepdf.Object, float]:
    """The shared form, its origin at the left end of the lowest baseline, and its width in points."""
    fonts = _embed(document, lines)
    widths = [sum(fonts[face].glyphs[letter][1] for face, letter in line.letters) * SIZE / 1000 for line in lines]
    width = max(widths)
    content = [f"{GREY} g BT"]
    for at, (line, own) in enumerate(zip(lines, widths, strict=True)):
        x, y = (width - own) / 2, (len(lines) - 1 - at) * LEADING
        content.append(f"1 0 0 1 {x:.3f} {y:.3f} Tm")
        for face, letters in _runs(line.letters):
            codes = "".join(f"{fonts[face].glyphs[letter][0]:04x}" for letter in letters)
            content.append(f"/F{face} {SIZE} Tf <{codes}> Tj")
    content.append("ET")
    form = document.make_stream(
        "\n".join(content).encode(),
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Form,
        BBox=[0, -SIZE, width, len(lines) * LEADING],
        Resources=pikepdf.Dictionary(
            Font=pikepdf.Dictionary({f"/F{face}": embedded.font for face, embedded in fonts.items()})
        ),
    )
    return form, width


def _runs(letters: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    runs: list[tuple[int, str]] = []
    for face, letter in letters:
        if runs and runs[-1][0] == face:
            runs[-1] = (face, runs[-1][1] + letter)
        else:
            runs.append((face, letter))
    return runs


def _embed(document: pikepdf.Pdf, lines: Sequence[_Line]) -> dict[int, _Embedded]:
    used: dict[int, set[str]] = {}
    for line in lines:
        for face, letter in line.letters:
            used.setdefault(face, set()).add(letter)
    return {face: _embed_face(document, _faces()[face][0], "".join(sorted(used[face]))) for face in sorted(used)}


def _embed_face(document: pikepdf.Pdf, face: bytes, letters: str) -> _Embedded:
    """A composite font with just these letters, its glyphs addressed directly, and a map back to Unicode."""
    font = TTFont(io.BytesIO(face))
    options = Options()
    options.layout_features, options.hinting, options.notdef_outline = [], False, True
    subsetter = Subsetter(options)
    subsetter.populate(text=letters)
    subsetter.subset(font)
    head, hhea, os2 = font["head"], font["hhea"], font["OS/2"]
    head.modified = head.created  # else the time of saving gets into the bytes
    font.recalcTimestamp = False
    program = io.BytesIO()
    font.save(program)
    per_em = 1000 / head.unitsPerEm
    names, metrics = font.getBestCmap(), font["hmtx"]
    glyphs = {
        letter: (font.getGlyphID(names[ord(letter)]), metrics[names[ord(letter)]][0] * per_em) for letter in letters
    }
    tag = "".join(chr(65 + byte % 26) for byte in hashlib.sha256(letters.encode()).digest()[:6])
    base = pikepdf.Name(f"/{tag}+Inter-Regular")
    descriptor = pikepdf.Dictionary(
        Type=pikepdf.Name.FontDescriptor,
        FontName=base,
        Flags=4,
        FontBBox=[round(side * per_em) for side in (head.xMin, head.yMin, head.xMax, head.yMax)],
        ItalicAngle=0,
        Ascent=round(hhea.ascent * per_em),
        Descent=round(hhea.descent * per_em),
        CapHeight=round(os2.sCapHeight * per_em),
        StemV=80,
        FontFile2=document.make_stream(program.getvalue(), Length1=len(program.getvalue())),
    )
    widths: list[Any] = []
    for glyph, width in sorted(set(glyphs.values())):
        widths += [glyph, [round(width, 3)]]
    descendant = pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.CIDFontType2,
        BaseFont=base,
        CIDSystemInfo=pikepdf.Dictionary(Registry="Adobe", Ordering="Identity", Supplement=0),
        CIDToGIDMap=pikepdf.Name.Identity,
        DW=0,
        W=widths,
        FontDescriptor=document.make_indirect(descriptor),
    )
    composite = pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.Type0,
        BaseFont=base,
        Encoding=pikepdf.Name("/Identity-H"),
        DescendantFonts=[document.make_indirect(descendant)],
        ToUnicode=document.make_stream(_to_unicode(glyphs)),
    )
    return _Embedded(document.make_indirect(composite), glyphs)


def _to_unicode(glyphs: dict[str, tuple[int, float]]) -> bytes:
    pairs = "\n".join(
        f"<{glyph:04x}> <{letter.encode('utf-16-be').hex()}>" for letter, (glyph, _) in sorted(glyphs.items())
    )
    # At most 100 pairs go into one block of the map.
    lines = pairs.split("\n")
    blocks = [lines[at : at + 100] for at in range(0, len(lines), 100)]
    body = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        f"1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n{body}\n"
        "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    ).encode()


# Metadata


def _describe(
    document: pikepdf.Pdf, *, name: str, email: str, when: dt.datetime, grant_id: str, issued_sha256: str
) -> None:
    """Whose copy it is and of what, for machines: in XMP and in the information dictionary."""
    facts = {
        "Recipient": name,
        "RecipientEmail": email,
        "CopiedAt": when.isoformat(timespec="seconds"),
        "Grant": grant_id,
        "MasterSHA256": issued_sha256,
    }
    with document.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as metadata:
        metadata.register_xml_namespace(NAMESPACE, "attestry")
        for key, value in facts.items():
            metadata[f"{{{NAMESPACE}}}{key}"] = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", value)
    for key, value in facts.items():
        document.docinfo[f"/Attestry{key}"] = value
    document.docinfo["/ModDate"] = f"D:{when:%Y%m%d%H%M%S}Z"
