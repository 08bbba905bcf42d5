"""Readers' own copies of an issued report: prepared once when it is issued, completed at each download.

The prepared file is the report before its seal, with a form shared by all pages whose stream is of fixed length
and not packed, a block of fixed length in the metadata, and behind it an update with an empty signature. At a
download these places are overwritten and the signature is filled in: nothing is read as PDF, and there is no
earlier revision without the reader's name. Without a key at hand the copy ends before the update.

The form is a watermark artifact: a screen reader passes over it, the tags stay as they are. Letters that the
vendored Inter has (Latin, Greek, Cyrillic) are printed as they are. A name with other letters is printed in its
transliteration to ASCII; the e-mail address identifies the person all the same, and the metadata carry the name as
it was given.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re
import unicodedata
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pikepdf
import structlog
from anyascii import anyascii
from django.conf import settings
from fontTools.subset import Options, Subsetter  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from accounts.certificates import Signer
from reports import sealing

log = structlog.get_logger(__name__)

FONTS = Path(settings.BASE_DIR) / "static" / "vendor" / "fonts"
FACES = tuple(f"inter-{subset}-400-normal.woff2" for subset in ("latin", "latin-ext", "greek", "cyrillic"))
NAMESPACE = "urn:attestry:copy:1"
PROPERTIES = {
    "Recipient": "Name of the person for whom the copy was made",
    "RecipientEmail": "E-mail address of that person",
    "CopiedAt": "When the copy was made",
    "Grant": "Number of the leave to read under which it was made",
    "MasterSHA256": "SHA-256 of the issued report",
}

SIZE = 6.6  # points
LEADING = {2: 8.4, 3: 7.4}  # by the number of lines
LOWEST = {2: 4.0, 3: 0.0}  # baseline of the last line above the form's origin
FROM_BELOW = 11.0  # of the form's origin, below the report's own footers
MARGIN = 60.0  # left and right: the cover's band ends before it
SMALL = 0.75  # a first line that would have to be smaller is broken in two
GREY = 0.32

LONGEST_NAME, LONGEST_EMAIL = 200, 254
# In the worst case each letter is of another face than the one before it.
SLOT = 16_384
BLOCK = 4_096


class CopyError(Exception):
    """Copies cannot be made. The message says why."""


@dataclass(frozen=True)
class Prepared:
    """What copies are made from, and the places in it, as JSON."""

    content: bytes
    places: dict[str, Any]


@dataclass(frozen=True)
class Reader:
    """For whom a copy is made, under which grant, when (aware), and of which issued report."""

    name: str
    email: str
    grant: str
    at: dt.datetime
    issued_sha256: str

    @property
    def when(self) -> dt.datetime:
        return self.at.astimezone(dt.UTC)


# At issue


def prepare(pdf: bytes, *, name: str, reason: str, location: str) -> Prepared:
    """Make of a report without a seal what its copies are made from. `name`, `reason`, `location`: who signs them.

    The same report gives the same pages; only the number of the update differs. Raises CopyError when it cannot
    be read or the fonts are missing.
    """
    mark = hashlib.sha256(pdf).hexdigest().encode()  # no text of the report can hold it
    try:
        with pikepdf.open(io.BytesIO(pdf)) as document:
            room = _put_on_every_page(document, mark)
            _reserve_metadata(document, mark)
            saved = io.BytesIO()
            # What is packed stays so; the form's stream is packed with a method that packs nothing.
            document.save(
                saved,
                stream_decode_level=pikepdf.StreamDecodeLevel.none,
                object_stream_mode=pikepdf.ObjectStreamMode.generate,
                deterministic_id=True,
            )
    except pikepdf.PdfError as error:
        raise CopyError(f"The report cannot be read: {error}") from error
    plain = saved.getvalue()
    slot = _only(plain, _stored(b"%" + mark, SLOT))
    block = _only(plain, _padded(b"<!--%b-->" % mark, BLOCK))
    try:
        reserved = sealing.reserve(plain, name=name, reason=reason, location=location)
    except sealing.SealError as error:
        raise CopyError(str(error)) from error
    places = {
        "unsigned": len(plain),
        "slot": [slot, SLOT],
        "block": [block, BLOCK],
        "signature": [reserved.start, reserved.end],
        "signed_at": reserved.time,
        "room": room,
        "faces": [
            {"letters": "".join(glyphs), "glyphs": [one for one, _ in glyphs.values()],
             "widths": [width for _, width in glyphs.values()]}
            for _, glyphs in _faces()
        ],
    }  # fmt: skip
    return Prepared(reserved.content, places)


def _only(data: bytes, wanted: bytes) -> int:
    at = data.find(wanted)
    if at < 0 or data.find(wanted, at + 1) >= 0:
        raise CopyError("The place for the reader's name was not kept as it is.")
    return at


def _put_on_every_page(document: pikepdf.Pdf, mark: bytes) -> float:
    """Show the form on each page, below its footer, about its centre; returns the room that the narrowest has."""
    boxes = [tuple(float(side) for side in page.mediabox) for page in document.pages]
    room = min(right - left for left, _, right, _ in boxes) - 2 * MARGIN
    form = _form(document, mark, room)
    before, after = document.make_stream(b"q\n"), dict[tuple[float, ...], pikepdf.Object]()
    for page, box in zip(document.pages, boxes, strict=True):
        left, bottom, right, _ = box
        if box not in after:
            x, y = (left + right) / 2, bottom + FROM_BELOW
            after[box] = document.make_stream(
                b"\nQ\n/Artifact <</Type /Pagination /Subtype /Watermark>> BDC\n"
                + f"q 1 0 0 1 {x:.3f} {y:.3f} cm /ReaderStamp Do Q\nEMC\n".encode()
            )
        contents = page.obj.Contents
        parts = list(contents) if isinstance(contents, pikepdf.Array) else [contents]
        page.obj.Contents = pikepdf.Array([before, *parts, after[box]])
        resources = page.obj.Resources
        if "/XObject" not in resources:
            resources.XObject = pikepdf.Dictionary()
        resources.XObject.ReaderStamp = form
    return room


def _form(document: pikepdf.Pdf, mark: bytes, room: float) -> pikepdf.Object:
    form = document.make_stream(
        b"",
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Form,
        BBox=[-room / 2 - 2, -SIZE, room / 2 + 2, 3 * LEADING[3] + SIZE],
        Resources=pikepdf.Dictionary(
            Font=pikepdf.Dictionary(
                {f"/F{at}": _embed(document, program, glyphs) for at, (program, glyphs) in enumerate(_faces())}
            )
        ),
    )
    form.write(_stored(b"%" + mark, SLOT), filter=pikepdf.Name.FlateDecode)
    return form


def _reserve_metadata(document: pikepdf.Pdf, mark: bytes) -> None:
    """XMP (ISO 16684-1) as it is, with a block that is overwritten; PDF/A wants what stands there described."""
    if "/Metadata" in document.Root:
        xmp = document.Root.Metadata.read_bytes()
    else:
        xmp = (
            b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
            b'<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
            b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n</rdf:RDF>\n</x:xmpmeta>\n'
            b'<?xpacket end="r"?>'
        )
    schemas = b"<pdfaExtension:schemas><rdf:Bag>"
    xmp = xmp.replace(schemas, schemas + _schema().encode(), 1)
    body, end, rest = xmp.rpartition(b"</rdf:RDF>")
    if not end:
        raise CopyError("The report's metadata are not XMP.")
    block = _padded(b"<!--%b-->" % mark, BLOCK)
    # Streams of metadata are never packed: who knows nothing of PDF shall be able to read them.
    document.Root.Metadata = document.make_stream(
        body + block + b"\n" + end + rest, Type=pikepdf.Name.Metadata, Subtype=pikepdf.Name.XML
    )


def _schema() -> str:
    properties = "".join(
        f'<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>'
        f"<pdfaProperty:valueType>{'Date' if name == 'CopiedAt' else 'Text'}</pdfaProperty:valueType>"
        "<pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{words}</pdfaProperty:description></rdf:li>\n"
        for name, words in PROPERTIES.items()
    )
    return (
        '<rdf:li rdf:parseType="Resource">\n<pdfaSchema:schema>Reader\'s copy of a report</pdfaSchema:schema>\n'
        f"<pdfaSchema:namespaceURI>{NAMESPACE}</pdfaSchema:namespaceURI>\n"
        "<pdfaSchema:prefix>attestry</pdfaSchema:prefix>\n"
        f"<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property>\n</rdf:li>"
    )


# Letters


@lru_cache(maxsize=1)
def _faces() -> tuple[tuple[bytes, dict[str, tuple[int, float]]], ...]:
    """The faces, unpacked, with glyph and width (thousandths of an em) of each letter that no earlier one has."""
    faces: list[tuple[bytes, dict[str, tuple[int, float]]]] = []
    known: set[int] = set()
    for file in FACES:
        try:
            font = TTFont(FONTS / file)
        except OSError as error:
            raise CopyError(f"The font {file} is missing from static/vendor/fonts.") from error
        names = {
            code: name
            for code, name in sorted(font.getBestCmap().items())
            if code not in known and unicodedata.category(chr(code))[0] != "C"
        }
        known |= names.keys()
        options = Options()
        options.layout_features, options.hinting, options.notdef_outline = [], False, True
        subsetter = Subsetter(options)
        subsetter.populate(unicodes=names)
        subsetter.subset(font)
        font["head"].modified = font["head"].created  # else the time of saving gets into the bytes
        font.recalcTimestamp, font.flavor = False, None
        program = io.BytesIO()
        font.save(program)
        per_em, metrics = 1000 / font["head"].unitsPerEm, font["hmtx"]
        glyphs = {
            chr(code): (font.getGlyphID(name), round(metrics[name][0] * per_em, 3)) for code, name in names.items()
        }
        faces.append((program.getvalue(), glyphs))
    return tuple(faces)


def _embed(document: pikepdf.Pdf, program: bytes, glyphs: Mapping[str, tuple[int, float]]) -> pikepdf.Object:
    """A composite font with the whole face, its glyphs addressed directly, and a map back to Unicode."""
    font = TTFont(io.BytesIO(program))
    head, hhea, os2 = font["head"], font["hhea"], font["OS/2"]
    per_em = 1000 / head.unitsPerEm
    tag = "".join(chr(65 + byte % 26) for byte in hashlib.sha256(program).digest()[:6])
    base = pikepdf.Name(f"/{tag}+Inter-Regular")
    file = document.make_stream(b"", Length1=len(program))
    file.write(zlib.compress(program, 9), filter=pikepdf.Name.FlateDecode)
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
        FontFile2=file,
    )
    widths: list[Any] = []
    for glyph, width in sorted(set(glyphs.values())):
        widths += [glyph, [width]]
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
    return document.make_indirect(composite)


def _to_unicode(glyphs: Mapping[str, tuple[int, float]]) -> bytes:
    # Of letters that share a glyph the first one is what the glyph means.
    meant = {glyph: letter for letter, (glyph, _) in sorted(glyphs.items(), reverse=True)}
    lines = [f"<{glyph:04x}> <{meant[glyph].encode('utf-16-be').hex()}>" for glyph in sorted(meant)]
    # At most 100 pairs go into one block of the map.
    blocks = [lines[at : at + 100] for at in range(0, len(lines), 100)]
    body = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        f"1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n{body}\n"
        "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    ).encode()


# At a download


def copy(prepared: bytes, places: Mapping[str, Any], reader: Reader, signer: Signer | None) -> bytes:
    """The reader's copy, signed when there is a key. The same arguments without one give the same bytes."""
    made = bytearray(prepared)
    at, size = places["slot"]
    _overwrite(made, at, _stored(_stamp(reader, places), size))
    at, size = places["block"]
    _overwrite(made, at, _padded(_facts(reader), size))
    if signer is not None:
        _overwrite(made, places["signed_at"], reader.when.strftime(sealing.TIME).encode())
        start, end = places["signature"]
        digest = hashlib.sha256(memoryview(made)[:start])
        digest.update(memoryview(made)[end:])
        signature = sealing.signature(digest.digest(), signer).hex().encode()
        if len(signature) <= end - start - 2:
            _overwrite(made, start + 1, signature)
            return bytes(made)
        log.error("copy_unsigned", reason="the certificates are too many", digits=len(signature))
    return bytes(made[: places["unsigned"]])


def _overwrite(data: bytearray, at: int, new: bytes) -> None:
    data[at : at + len(new)] = new


def _stored(data: bytes, size: int) -> bytes:
    """Data, filled up to that size, as zlib writes what it does not pack (RFC 1950, RFC 1951 3.2.4)."""
    filled = _padded(data, size)
    length = size.to_bytes(2, "little")
    inverse = (size ^ 0xFFFF).to_bytes(2, "little")
    return b"\x78\x01\x01" + length + inverse + filled + zlib.adler32(filled).to_bytes(4, "big")


def _padded(data: bytes, size: int) -> bytes:
    if len(data) > size:
        raise CopyError("The reader's name does not fit into its place.")
    return data.ljust(size)


def _stamp(reader: Reader, places: Mapping[str, Any]) -> bytes:
    """The form's stream: lines about the origin, each made to fit the room."""
    letters = _letters(places["faces"])
    name, email = _printable(reader.name, letters)[:LONGEST_NAME], _printable(reader.email, letters)[:LONGEST_EMAIL]
    facts = (
        f"{reader.when:%Y-%m-%d %H:%M:%S} UTC · Grant {_printable(reader.grant, letters)[:40]} · "
        f"Issued report SHA-256 {reader.issued_sha256}"
    )
    room = float(places["room"])
    lines = [f"Copy for {name}, {email}", facts]
    if _width(lines[0], letters) * SMALL > room:
        lines = [f"Copy for {name}", email, facts]
    content = [f"{GREY} g BT"]
    for at, line in enumerate(reversed(lines)):
        width = _width(line, letters)
        scale = min(1.0, room / width) if width else 1.0
        y = LOWEST[len(lines)] + at * LEADING[len(lines)]
        content.append(f"1 0 0 1 {-width * scale / 2:.3f} {y:.3f} Tm")
        for face, codes in _runs(line, letters):
            content.append(f"/F{face} {SIZE * scale:.3f} Tf<{codes}>Tj")
    content.append("ET")
    return "\n".join(content).encode()


def _letters(faces: Sequence[Mapping[str, Any]]) -> dict[str, tuple[int, int, float]]:
    """Face, glyph and width of every letter that the prepared file can show."""
    return {
        letter: (at, glyph, width)
        for at, face in enumerate(faces)
        for letter, glyph, width in zip(face["letters"], face["glyphs"], face["widths"], strict=True)
    }


def _printable(text: str, letters: Mapping[str, object]) -> str:
    """The text as the stamp can show it: composed, on one line, transliterated when a letter has no glyph."""
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    composed = "".join(letter for letter in composed if unicodedata.category(letter)[0] != "C")
    if all(letter in letters for letter in composed):
        return composed
    return " ".join(re.sub(r"[^\x20-\x7e]", "", anyascii(composed)).split()) or "?"


def _width(line: str, letters: Mapping[str, tuple[int, int, float]]) -> float:
    return sum(letters[letter][2] for letter in line) * SIZE / 1000


def _runs(line: str, letters: Mapping[str, tuple[int, int, float]]) -> Iterable[tuple[int, str]]:
    """Face and codes of what stands together."""
    runs: list[tuple[int, str]] = []
    for letter in line:
        face, glyph, _ = letters[letter]
        before = runs.pop()[1] if runs and runs[-1][0] == face else ""
        runs.append((face, f"{before}{glyph:04x}"))
    return runs


def _facts(reader: Reader) -> bytes:
    """Whose copy it is and of what, for machines."""
    values = {
        "Recipient": reader.name[:LONGEST_NAME],
        "RecipientEmail": reader.email[:LONGEST_EMAIL],
        "CopiedAt": reader.when.isoformat(timespec="seconds"),
        "Grant": reader.grant[:40],
        "MasterSHA256": reader.issued_sha256,
    }
    told = "\n".join(f"<attestry:{name}>{_xml(values[name])}</attestry:{name}>" for name in PROPERTIES)
    return f'<rdf:Description rdf:about="" xmlns:attestry="{NAMESPACE}">\n{told}\n</rdf:Description>'.encode()


def _xml(text: str) -> str:
    """The text without what XML 1.0 cannot hold, its signs escaped."""
    return escape(re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text))


# What a copy says of itself


@dataclass(frozen=True)
class Claim:
    """The grant and the issued report that the metadata of a file name; anybody can write such words."""

    grant: str
    issued_sha256: str


def claim_in(pdf: bytes) -> Claim | None:
    """Of which report and for which grant a file says to be a copy, read from its bytes as they are."""
    found = {
        name: match[1].decode()
        for name, pattern in (("Grant", rb"[0-9]{1,18}"), ("MasterSHA256", rb"[0-9a-f]{64}"))
        if (match := re.search(rb"<attestry:%b>(%b)</attestry:%b>" % (name.encode(), pattern, name.encode()), pdf))
    }
    return Claim(found["Grant"], found["MasterSHA256"]) if len(found) == 2 else None
