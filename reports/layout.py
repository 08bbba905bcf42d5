"""Lays out HTML with WeasyPrint: a part of the report as relocatable PDF objects, or all of it the plain way.

Runs in the child process of reports/render_child.py. This is the one module that knows WeasyPrint, and the only
one that touches its internals and pydyf's (both pinned exactly):

- `Stream.marked` and `_build_box_tree`, so that running heads are artifacts and not orphans of the structure
  tree (WeasyPrint issue 1836);
- `PDF.page_references`, which is quadratic as it comes;
- `generate_pdf` with `build_fonts_dictionary` and `add_outlines` left out, whose work is done once for all parts
  by the linker;
- `Font` and its use of HarfBuzz, to embed one subset for the glyphs of all parts;
- `Font.get_unused_glyph_id`, whose numbers would mean other characters in every part.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import io
import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pydyf  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from weasyprint import CSS, DEFAULT_OPTIONS, HTML
from weasyprint import pdf as weasyprint_pdf
from weasyprint.formatting_structure import boxes
from weasyprint.pdf import fonts as pdf_fonts
from weasyprint.pdf import stream as pdf_stream
from weasyprint.pdf import tags as pdf_tags
from weasyprint.text.ffi import ffi, harfbuzz
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

TYPES = {".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
XREF = "xref:"
PIXEL = 0.75  # points
COLLECTED_EVERY = 8  # pages
LENGTHS = struct.Struct(">II")
# What WeasyPrint knows of a font and needs to embed it.
_FACE = (
    "family",
    "style",
    "weight",
    "hash",
    "index",
    "upem",
    "ascent",
    "descent",
    "flags",
    "glyph_count",
    "bitmap",
    "font_size",
    "italic_angle",
    "stemv",
    "stemh",
    "variations",
    "tables",
    "png",
    "svg",
    "colr",
)


class Refused(Exception):
    """The report cannot be rendered, for a reason that its author can mend."""


class Assets(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
    """Serves `asset:name` from the report's own folders. Everything else ends the rendering."""

    def __init__(self, assets: Path, fonts: Path) -> None:
        super().__init__()
        self._folders = {"": assets, "fonts": fonts}
        self.refused: list[str] = []

    def fetch(self, url: str, headers: object = None) -> URLFetcherResponse:
        scheme, _, name = url.partition(":")
        folder, _, file = name.rpartition("/")
        path = self._folders.get(folder, Path()) / file
        if scheme != "asset" or folder not in self._folders or path.suffix not in TYPES or file.startswith("."):
            raise self._refuse(f"The report refers to {url[:200]}, but is rendered from its own assets only.")
        try:
            body = path.read_bytes()
        except OSError:
            raise self._refuse(f"The report's asset {name} is missing; `make demo` brings the fonts.") from None
        return URLFetcherResponse(url, body, {"Content-Type": TYPES[path.suffix]})

    def _refuse(self, why: str) -> FatalURLFetchingError:
        # Kept, too: WeasyPrint catches even this error where an SVG refers to an image.
        self.refused.append(why)
        return FatalURLFetchingError(why)


def oracle(html: str, assets: Path, fonts: Path, variant: str = "pdf/ua-1") -> bytes:
    """The plain way: one `HTML(...).write_pdf()` in this process, with nothing of ours. For bench and tests."""
    pdf: bytes = HTML(string=html, url_fetcher=Assets(assets, fonts)).write_pdf(pdf_variant=variant)
    return pdf


@dataclass
class Face:
    """A font as parts use it: what a PDF says of it, and the glyphs that occur with their widths and texts."""

    key: str
    name: str
    sha256: str
    data: dict[str, Any]
    widths: dict[int, float] = field(default_factory=dict)
    to_unicode: dict[int, str] = field(default_factory=dict)
    missing: dict[int, int] = field(default_factory=dict)

    def add(self, other: Face) -> None:
        for mine, theirs in (
            (self.widths, other.widths),
            (self.to_unicode, other.to_unicode),
            (self.missing, other.missing),
        ):
            for glyph, value in theirs.items():
                mine.setdefault(glyph, value)  # type: ignore[arg-type]


@dataclass
class Page:
    """A page of a part by the numbers of its objects; `marks` are the structure elements of its marked content."""

    number: int
    contents: int
    width: float
    height: float
    marks: list[int]


@dataclass
class Link:
    """A link's annotation, the anchor it leads to ("" for one to the web) and its structure element."""

    number: int
    target: str
    element: int | None


@dataclass
class Leaves:
    """A part laid out: PDF objects that refer to each other by numbers of this part, and what the linker adds to.

    `objects`: number, bytes before a stream, the stream or None. `shared`: numbers that stand for what all parts
    share (pages, fonts, document). `kids`: structure elements right below the document. `anchors`: page (from 0)
    and place in points; `bookmarks`: level, text, page and place.
    """

    objects: list[tuple[int, bytes, bytes | None]]
    shared: dict[int, str]
    pages: list[Page]
    links: list[Link]
    kids: list[int]
    anchors: dict[str, tuple[int, float, float]]
    bookmarks: list[tuple[int, str, int, float, float]]
    faces: list[Face]

    def pack(self) -> bytes:
        """As bytes: the lengths of what follows, pages and anchors as JSON, the rest as JSON, then the streams."""
        streams = io.BytesIO()
        objects = []
        for number, head, stream in self.objects:
            at = -1 if stream is None else streams.tell()
            objects.append((number, head.decode("latin-1"), at, len(stream or b"")))
            streams.write(stream or b"")
        summary = {
            "pages": len(self.pages),
            "anchors": {name: page for name, (page, _, _) in self.anchors.items()},
            "fonts": sorted({face.sha256 for face in self.faces}),
        }
        rest = {
            "objects": objects,
            "shared": list(self.shared.items()),
            "pages": [astuple(page) for page in self.pages],
            "links": [astuple(link) for link in self.links],
            "kids": self.kids,
            "anchors": self.anchors,
            "bookmarks": self.bookmarks,
            "faces": [
                (
                    *(one.key, one.name, one.sha256, one.data),
                    *(list(each.items()) for each in (one.widths, one.to_unicode, one.missing)),
                )
                for one in self.faces
            ],
        }
        first = json.dumps(summary, separators=(",", ":")).encode()
        second = zlib.compress(json.dumps(rest, separators=(",", ":")).encode(), 1)
        return LENGTHS.pack(len(first), len(second)) + first + second + streams.getvalue()

    @classmethod
    def unpack(cls, data: bytes) -> Leaves:
        """What `pack` gave."""
        first, second = LENGTHS.unpack_from(data)
        rest = json.loads(zlib.decompress(data[LENGTHS.size + first : LENGTHS.size + first + second]))
        base = LENGTHS.size + first + second
        return cls(
            objects=[
                (number, head.encode("latin-1"), None if at < 0 else data[base + at : base + at + length])
                for number, head, at, length in rest["objects"]
            ],
            shared=dict(rest["shared"]),
            pages=[Page(*page) for page in rest["pages"]],
            links=[Link(*link) for link in rest["links"]],
            kids=rest["kids"],
            anchors={name: tuple(place) for name, place in rest["anchors"].items()},
            bookmarks=[tuple(one) for one in rest["bookmarks"]],
            faces=[
                Face(key, name, sha256, data, dict(widths), dict(texts), dict(missing))
                for key, name, sha256, data, widths, texts, missing in rest["faces"]
            ],
        )


class Layout:
    """Lays out part after part; style sheets and fonts are read once."""

    def __init__(self, assets: Path, fonts: Path) -> None:
        _change_weasyprint()
        self.fetcher = Assets(assets, fonts)
        self.font_config = FontConfiguration()
        self.styles: dict[str, CSS] = {}
        self.font_files: dict[str, bytes] = {}
        self.since_collected = 0

    def leaves(self, html: str, styles: Sequence[str], name: str) -> Leaves:
        """A part laid out. `name` is its own in the report. Raises Refused."""
        self.fetcher.refused.clear()
        try:
            document = HTML(string=html, url_fetcher=self.fetcher).render(
                font_config=self.font_config, stylesheets=[self._style(style) for style in styles]
            )
            options = {**DEFAULT_OPTIONS, "pdf_tags": True, "pdf_version": "1.7"}
            pdf = weasyprint_pdf.generate_pdf(document, None, 1, **options)
        except FatalURLFetchingError as error:
            raise Refused(str(error)) from None
        if self.fetcher.refused:
            raise Refused(self.fetcher.refused[0])
        found = self._taken_apart(document, pdf, name)
        # What a part leaves behind hangs together in circles, and to look for them takes as long as half a page.
        del document, pdf
        self.since_collected += len(found.pages)
        if self.since_collected >= COLLECTED_EVERY:
            gc.collect()
            self.since_collected = 0
        return found

    def _style(self, name: str) -> CSS:
        if name not in self.styles:
            self.styles[name] = CSS(f"asset:{name}", url_fetcher=self.fetcher, font_config=self.font_config)
        return self.styles[name]

    def _taken_apart(self, document: Any, pdf: pydyf.PDF, name: str) -> Leaves:
        objects: list[Any] = pdf.objects
        root = objects[_number(pdf.catalog["StructTreeRoot"])]
        top = objects[_number(root["K"][0])]
        tree = objects[_number(root["ParentTree"])]
        marks: list[Any] = [
            [_number(one) for one in entry] if isinstance(entry, list) else _number(entry)
            for entry in tree["Nums"][1::2]
        ]
        fonts = next(_number(one["Font"]) for one in objects if isinstance(one, dict) and "ExtGState" in one)
        dropped = {0, pdf.pages.number, pdf.catalog.number, root.number, top.number, tree.number, fonts}
        shared = {pdf.pages.number: "pages", top.number: "document", fonts: "fonts"}
        pages, links = [], []
        for one in objects:
            if not isinstance(one, pydyf.Dictionary):
                continue
            if one.get("Type") == "/Page":
                index = one.pop("StructParents")
                contents = _number(one.pop("Contents"))
                del one["Parent"]
                box = document.pages[index]
                pages.append(Page(one.number, contents, box.width * PIXEL, box.height * PIXEL, marks[index]))
            elif one.get("Subtype") == "/Link":
                at = one.pop("StructParent", None)
                target = _target(one)
                links.append(Link(one.number, target, None if at is None else marks[at]))
        _name_heads(objects, name)
        packed = []
        for one in objects:
            if one.number in dropped:
                continue
            if isinstance(one, pydyf.Stream):
                head, _, stream = one.data.partition(b"\nstream\n")
                packed.append((one.number, head, stream))
            else:
                packed.append((one.number, one.data, None))
        return Leaves(
            objects=packed,
            shared=shared,
            pages=pages,
            links=links,
            kids=[_number(one) for one in top["K"]],
            anchors=_anchors(document),
            bookmarks=_bookmarks(document),
            faces=self._faces(document),
        )

    def _faces(self, document: Any) -> list[Face]:
        faces: dict[str, Face] = {}
        for font in document.fonts.values():
            sha256 = hashlib.sha256(font.file_content).hexdigest()
            self.font_files[sha256] = font.file_content
            face = Face(font.hash, font.name.decode("latin-1"), sha256, {key: getattr(font, key) for key in _FACE})
            face.widths, face.to_unicode, face.missing = font.widths, font.to_unicode, font.missing
            if font.hash in faces:
                faces[font.hash].add(face)
            else:
                faces[font.hash] = face
        return list(faces.values())


def embedded(faces: Iterable[Face], files: Mapping[str, bytes]) -> tuple[list[Any], dict[str, int]]:
    """Fonts as PDF objects, each with the glyphs of its face only, and the number of each face's dictionary.

    The objects refer to each other by their numbers, which begin at 1.
    """
    pdf = pydyf.PDF()
    before = len(pdf.objects)
    fonts = {}
    for face in faces:
        fonts[face.key] = _font(face, files[face.sha256])
    options = {**DEFAULT_OPTIONS, "pdf_version": "1.7"}
    found = pdf_fonts.build_fonts_dictionary(pdf, fonts, compress=True, subset=True, options=options)
    made = []
    for one in pdf.objects[before:]:
        head, _, stream = (
            one.data.partition(b"\nstream\n") if isinstance(one, pydyf.Stream) else (one.data, b"", None)
        )
        made.append((one.number, head, stream))
    return made, {key: _number(reference) for key, reference in found.items()}


def figures(face: Face, file: bytes, text: str) -> dict[str, tuple[int, float]]:
    """Glyph and width of characters in a face, its figures all of one width where the font has such."""
    font = TTFont(io.BytesIO(file), fontNumber=face.data["index"], lazy=True)
    names, widths = font.getBestCmap(), font["hmtx"]
    tabular = _tabular(font)
    found = {}
    for character in text:
        name = names[ord(character)]
        name = tabular.get(name, name)
        found[character] = font.getGlyphID(name), widths[name][0] * 1000 / font["head"].unitsPerEm
    return found


def _tabular(font: TTFont) -> dict[str, str]:
    """The glyphs that the feature "tnum" puts in place of others."""
    if "GSUB" not in font:
        return {}
    table = font["GSUB"].table
    found: dict[str, str] = {}
    for record in table.FeatureList.FeatureRecord:
        if record.FeatureTag == "tnum":
            for index in record.Feature.LookupListIndex:
                for sub in table.LookupList.Lookup[index].SubTable:
                    found |= getattr(getattr(sub, "ExtSubTable", sub), "mapping", {})
    return found


def _font(face: Face, file: bytes) -> Any:
    """WeasyPrint's font for a face, made from its file instead of from Pango."""
    font = pdf_fonts.Font.__new__(pdf_fonts.Font)
    for key, value in face.data.items():
        setattr(font, key, value)
    font.name = face.name.encode("latin-1")
    font.file_content, font.used_in_forms = file, False
    font.widths, font.to_unicode, font.missing = (
        dict(sorted(each.items())) for each in (face.widths, face.to_unicode, face.missing)
    )
    # HarfBuzz reads the bytes where they are: they live as long as the font does.
    font.kept = ffi.from_buffer(file)
    blob = _harfbuzz().hb_blob_create(font.kept, len(file), 1, ffi.NULL, ffi.NULL)
    font.hb_face = ffi.gc(_harfbuzz().hb_face_create(blob, face.data["index"]), harfbuzz.hb_face_destroy)
    harfbuzz.hb_blob_destroy(blob)
    return font


@cache
def _harfbuzz() -> Any:
    ffi.cdef(
        """
        hb_blob_t * hb_blob_create (const char *data, unsigned int length, int mode, void *user, void *destroy);
        hb_face_t * hb_face_create (hb_blob_t *blob, unsigned int index);
        """
    )
    return harfbuzz


def _number(reference: bytes | str) -> int:
    return int(reference.split()[0])


def _target(link: Any) -> str:
    """The anchor that a link leads to; the link then has no action until the linker gives it one."""
    action = link.get("A")
    if action is None or not action["URI"].string.startswith(XREF):
        return ""
    target: str = action["URI"].string.removeprefix(XREF)
    del link["A"]
    link["Contents"] = pydyf.String(target)
    return target


def _name_heads(objects: Iterable[Any], name: str) -> None:
    """The names of table heads hold in the whole document: make them this part's own, in cells too."""
    named: dict[int, Any] = {}
    for one in objects:
        if isinstance(one, dict) and one.get("S") == "/TH" and "ID" in one:
            named.setdefault(id(one["ID"]), one["ID"])
    for text in named.values():
        text.string = f"{name}.{text.string}"


def _anchors(document: Any) -> dict[str, tuple[int, float, float]]:
    found: dict[str, tuple[int, float, float]] = {}
    for number, page in enumerate(document.pages):
        for anchor, (left, top, _, _) in page.anchors.items():
            found.setdefault(anchor, (number, round(left * PIXEL, 2), round((page.height - top) * PIXEL, 2)))
    return found


def _bookmarks(document: Any) -> list[tuple[int, str, int, float, float]]:
    return [
        (level, label, number, round(left * PIXEL, 2), round((page.height - top) * PIXEL, 2))
        for number, page in enumerate(document.pages)
        for level, label, (left, top), _ in page.bookmarks
    ]


@cache
def _change_weasyprint() -> None:
    _running_heads_are_artifacts()
    _remember_page_references()
    weasyprint_pdf.build_fonts_dictionary = lambda *_: pydyf.Dictionary()
    weasyprint_pdf.add_outlines = lambda *_: ([], 0)
    pdf_fonts.Font.get_unused_glyph_id = _unused_glyph


def _unused_glyph(font: Any, codepoint: int) -> int:
    """A number for a character that the font lacks, the same in every part."""
    spare = 0x10000 - font.glyph_count
    number = codepoint if font.glyph_count <= codepoint < 0x10000 else font.glyph_count + codepoint % spare
    font.missing[codepoint] = number
    return int(number)


def _running_heads_are_artifacts() -> None:
    """What stands in the margins is marked as a pagination artifact and kept out of the structure tree."""
    marked, build = pdf_stream.Stream.marked, pdf_tags._build_box_tree  # noqa: SLF001

    @contextlib.contextmanager
    def mark(self: Any, box: Any, tag: str) -> Iterator[None]:
        if self._tags is None or box.element_tag is not None:
            with marked(self, box, tag):
                yield
            return
        self.begin_marked_content("Artifact", pydyf.Dictionary({"Type": "/Pagination"}))
        try:
            yield
        finally:
            self.end_marked_content()

    def build_box_tree(box: Any, *args: Any) -> Iterator[Any]:
        return iter(()) if isinstance(box, boxes.MarginBox) else build(box, *args)

    pdf_stream.Stream.marked = mark
    pdf_tags._build_box_tree = build_box_tree  # noqa: SLF001


def _remember_page_references() -> None:
    """pydyf builds a tuple of all pages for every structure element; build it once for a number of pages."""

    def page_references(self: Any) -> tuple[bytes, ...]:
        kids = self.pages["Kids"]
        known: tuple[int, tuple[bytes, ...]] | None = self.__dict__.get("_references")
        if known is None or known[0] != len(kids):
            known = len(kids), tuple(f"{number} 0 R".encode() for number in kids[::3])
            self.__dict__["_references"] = known
        return known[1]

    pydyf.PDF.page_references = property(page_references)
