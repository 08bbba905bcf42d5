"""Binds the laid-out parts of a report into one PDF: numbers, links, outline, tags, fonts and page numbers.

Runs in the child process. Every part brings PDF objects that refer to each other by numbers of its own
(reports/layout.py); here they are renumbered and hung into one page tree, one structure tree, one tree of
destinations and one outline. Fonts are embedded once for the glyphs of all parts. Equal parts give equal bytes.

PDF 1.7 (ISO 32000-1), tagged for PDF/UA-1 (ISO 14289-1) and archivable as PDF/A-3a (ISO 19005-3).
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from xml.sax.saxutils import escape

from reports.layout import Face, Leaves, Refused, embedded, figures

# A reference in serialised PDF, and the literal strings in which none is looked for.
REFERENCE = re.compile(rb"\((?:\\.|[^\\()])*\)|(?<![\w.])(\d+) 0 R")
# Readers that look for an object scan the head of its stream: few in one keep that cheap.
PER_STREAM = 100
LETTERS = "Page of0123456789"
POINTS_PER_MM = 72 / 25.4


@dataclass(frozen=True)
class Bound:
    """What a report is called, and for each part the page that lends its heads; one without bears no numbers."""

    title: str
    author: str
    subject: str
    made_on: str
    heads: Sequence[int | None]
    attached: Sequence[Mapping[str, str]] = ()  # reports.book.Attached as plain data


@dataclass
class Writer:
    """The objects of the file, by number from 1: bytes before a stream, the stream or None."""

    objects: list[tuple[bytes, bytes | None]] = field(default_factory=list)

    def add(self, head: bytes, stream: bytes | None = None) -> int:
        self.objects.append((head, stream))
        return len(self.objects)

    def reserve(self) -> int:
        return self.add(b"")

    def put(self, number: int, head: bytes) -> None:
        self.objects[number - 1] = (head, None)

    def stream(self, entries: str, data: bytes) -> int:
        packed = zlib.compress(data, 6)
        head = f"<<{entries}/Filter /FlateDecode/Length {len(packed)}>>".encode()
        return self.add(head, packed + b"\nendstream")

    def file(self, catalog: int, info: int) -> bytes:
        """The whole file, with what has no stream of its own in object streams."""
        out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        places: dict[int, tuple[int, int, int]] = {0: (0, 0, 65535)}
        digest = hashlib.md5(usedforsecurity=False)
        small: list[int] = []
        for number, (head, stream) in enumerate(self.objects, 1):
            if stream is None:
                small.append(number)
                continue
            places[number] = (1, len(out), 0)
            digest.update(head + stream)
            out += b"%d 0 obj\n%b\nstream\n%b\nendobj\n" % (number, head, stream)
        following = len(self.objects) + 1
        for start in range(0, len(small), PER_STREAM):
            group = small[start : start + PER_STREAM]
            bodies = [self.objects[number - 1][0] for number in group]
            at, heads = 0, []
            for number, body in zip(group, bodies, strict=True):
                heads.append(f"{number} {at}")
                at += len(body) + 1
            first = " ".join(heads).encode()
            data = first + b"\n" + b"\n".join(bodies)
            digest.update(data)
            packed = zlib.compress(data, 6)
            places |= {number: (2, following, index) for index, number in enumerate(group)}
            places[following] = (1, len(out), 0)
            out += b"%d 0 obj\n<</Type /ObjStm/N %d/First %d/Filter /FlateDecode/Length %d>>\nstream\n" % (
                following,
                len(group),
                len(first) + 1,
                len(packed),
            )
            out += packed + b"\nendstream\nendobj\n"
            following += 1
        start = len(out)
        places[following] = (1, start, 0)
        table = b"".join(
            kind.to_bytes(1) + place.to_bytes(4) + index.to_bytes(2)
            for kind, place, index in (places[number] for number in range(following + 1))
        )
        packed, name = zlib.compress(table, 6), digest.hexdigest().encode()
        out += (
            b"%d 0 obj\n<</Type /XRef/Size %d/W [1 4 2]/Root %d 0 R/Info %d 0 R/ID [<%b> <%b>]"
            b"/Filter /FlateDecode/Length %d>>\nstream\n"
        ) % (following, following + 1, catalog, info, name, name, len(packed))
        out += packed + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % start
        return bytes(out)


@dataclass(frozen=True)
class Excerpt:
    """Where the pages of an excerpt stand in the whole report: how many come before them, how many there are."""

    before: int
    total: int


def link(
    heads: Leaves,
    parts: Sequence[Leaves],
    bound: Bound,
    fonts: Mapping[str, bytes],
    excerpt: Excerpt | None = None,
) -> bytes:
    """The PDF. `heads`: pages with nothing but heads; `fonts`: font files by SHA-256.

    With an `excerpt` the parts are some of the report's, and bear the page numbers they have in it. Raises Refused
    when a link of the whole report leads nowhere.
    """
    return _Binding(heads, parts, bound, fonts, excerpt).pdf()


def changed_pages(after: Leaves, before: Leaves) -> list[int]:
    """The pages, from 0, of a part that have another content than in an earlier layout of it."""
    mine, theirs = _contents_of(after), _contents_of(before)
    return [at for at, content in enumerate(mine) if at >= len(theirs) or content != theirs[at]]


def _contents_of(part: Leaves) -> list[bytes | None]:
    streams = {number: stream for number, _, stream in part.objects}
    return [streams[page.contents] for page in part.pages]


class _Binding:
    def __init__(
        self,
        heads: Leaves,
        parts: Sequence[Leaves],
        bound: Bound,
        fonts: Mapping[str, bytes],
        excerpt: Excerpt | None,
    ) -> None:
        self.heads, self.parts, self.bound, self.font_files = heads, parts, bound, fonts
        self.excerpt = excerpt
        self.writer = Writer()
        self.total = sum(len(part.pages) for part in parts)
        self.page_numbers: list[int] = []
        self.destinations: dict[str, tuple[int, float, float]] = {}
        page = 0
        for part in parts:
            for anchor, (at, left, top) in part.anchors.items():
                self.destinations.setdefault(anchor, (page + at, left, top))
            page += len(part.pages)
        if excerpt is None:
            self._look_for_dangling()

    def pdf(self) -> bytes:
        writer = self.writer
        self.catalog, self.pages, self.root, self.top, self.tree = (writer.reserve() for _ in range(5))
        self.font_dictionary = self._fonts()
        # A page's content begins by turning its axes: what is put before it stands between these.
        self.save, self.restore = (writer.add(b"<</Length 1>>", one + b"\nendstream") for one in (b"q", b"Q"))
        streams = {number: (head, stream) for number, head, stream in self.heads.objects}
        lent = [writer.add(*streams[page.contents]) for page in self.heads.pages]
        kids: list[int] = []
        of_pages: list[tuple[int, list[int]]] = []
        of_links: list[int] = []
        for part, head in zip(self.parts, self.bound.heads, strict=True):
            self._add(part, None if head is None else lent[head], kids, of_pages, of_links)
        writer.put(
            self.pages, b"<</Type /Pages/Kids [%b]/Count %d>>" % (_references(self.page_numbers), self.total)
        )
        writer.put(self.root, b"<</Type /StructTreeRoot/K [%d 0 R]/ParentTree %d 0 R>>" % (self.top, self.tree))
        writer.put(
            self.top,
            b"<</Type /StructElem/S /Document/K [%b]/P %d 0 R>>" % (_references(kids), self.root),
        )
        entries = [b"%d [%b]" % (number, _references(marks)) for number, marks in of_pages]
        entries += [b"%d %d 0 R" % (number, element) for number, element in enumerate(of_links, self.total)]
        writer.put(self.tree, b"<</Nums [%b]>>" % b" ".join(entries))
        info = writer.add(self._information())
        writer.put(self.catalog, self._catalog())
        return writer.file(self.catalog, info)

    def _look_for_dangling(self) -> None:
        targets = {one.target for part in self.parts for one in part.links if one.target}
        nowhere = sorted(targets - self.destinations.keys())
        if nowhere:
            raise Refused(f"The report has links that lead nowhere: {', '.join('#' + one for one in nowhere[:5])}")

    def _fonts(self) -> int:
        """The dictionary of all fonts; afterwards `self.figures` writes page numbers."""
        faces: dict[str, Face] = {}
        for part in (*self.parts, self.heads):
            for face in part.faces:
                mine = faces.get(face.key)
                if mine is None:
                    faces[face.key] = Face(face.key, face.name, face.sha256, face.data)
                    mine = faces[face.key]
                mine.add(face)
        self.figure_face = next(
            (one for one in faces.values() if _plain_sans(one)), next(iter(faces.values()), None)
        )
        self.figures: dict[str, tuple[int, float]] = {}
        if self.figure_face is not None:
            face = self.figure_face
            self.figures = figures(face, self.font_files[face.sha256], LETTERS)
            for letter, (glyph, width) in self.figures.items():
                face.to_unicode.setdefault(glyph, letter)
                face.widths.setdefault(glyph, width)
        objects, dictionaries = embedded(faces.values(), self.font_files)
        numbers = {number: self.writer.reserve() for number, _, _ in objects}
        for number, head, stream in objects:
            self.writer.objects[numbers[number] - 1] = (_renumbered(head, numbers), stream)
        entries = b"".join(b"/%b %d 0 R" % (key.encode(), numbers[number]) for key, number in dictionaries.items())
        return self.writer.add(b"<<%b>>" % entries)

    def _add(
        self,
        part: Leaves,
        lent: int | None,
        kids: list[int],
        of_pages: list[tuple[int, list[int]]],
        of_links: list[int],
    ) -> None:
        writer = self.writer
        shared = {"pages": self.pages, "document": self.top, "fonts": self.font_dictionary}
        numbers = {number: shared[name] for number, name in part.shared.items()}
        base = len(writer.objects) + 1
        numbers |= {number: base + index for index, (number, _, _) in enumerate(part.objects)}
        pages = {page.number: page for page in part.pages}
        links = {one.number: one for one in part.links}
        extra: list[tuple[int, bytes]] = []
        first = len(of_pages)
        for index, page in enumerate(part.pages):
            of_pages.append((first + index, [numbers[mark] for mark in page.marks]))
            self.page_numbers.append(numbers[page.number])
        for number, local, stream in part.objects:
            head = _renumbered(local, numbers)
            if number in links:
                writer.add(self._annotation(head, links[number], numbers, of_links))
            elif number in pages:
                extra.append((first + part.pages.index(pages[number]), head))
                writer.reserve()
            else:
                writer.add(head, stream)
        kids += [numbers[kid] for kid in part.kids]
        for at, head in extra:
            page = part.pages[at - first]
            contents = [numbers[page.contents]]
            if lent is not None:
                before = [self.save, lent, self.restore, self._page_number(at + 1, page.width)]
                contents = [*before, *contents]
            entries = b"/Parent %d 0 R/Contents [%b]/StructParents %d>>" % (self.pages, _references(contents), at)
            writer.put(self.page_numbers[at], head.removesuffix(b">>") + entries)

    def _annotation(self, head: bytes, one: Any, numbers: Mapping[int, int], of_links: list[int]) -> bytes:
        entries = b"/F 4"
        if one.target:
            entries += b"/Dest " + _string(one.target)
        if one.element is not None:
            entries += b"/StructParent %d" % (self.total + len(of_links))
            of_links.append(numbers[one.element])
        return head.removesuffix(b">>") + entries + b">>"

    def _page_number(self, number: int, width: float) -> int:
        """What report.css puts into the lower right corner, as an artifact that no reader speaks aloud."""
        assert self.figure_face is not None
        size = 7.4
        wide = width > 612
        margin, foot = (20, 21) if wide else (27, 25)
        before, total = (self.excerpt.before, self.excerpt.total) if self.excerpt else (0, self.total)
        words = f"Page {before + number} of {total}"
        long = sum(self.figures[letter][1] for letter in words) * size / 1000
        left = width - margin * POINTS_PER_MM - long
        base = (foot - 6) * POINTS_PER_MM - size * self.figure_face.data["ascent"] / 1000
        text = "".join(f"{self.figures[letter][0]:04x}" for letter in words)
        return self.writer.stream(
            "",
            (
                "/Artifact <</Type /Pagination/Subtype /Footer>> BDC q .086275 .12549 .168627 rg "
                f"BT /{self.figure_face.key} {size} Tf 1 0 0 1 {left:.2f} {base:.2f} Tm <{text}> Tj ET Q EMC"
            ).encode(),
        )

    def _outline(self) -> bytes:
        """The entry of the catalog for the bookmarks; empty without any."""
        top: list[_Entry] = []
        open_: list[tuple[int, list[_Entry]]] = [(0, top)]
        page = 0
        for part in self.parts:
            for level, label, at, left, height in part.bookmarks:
                while open_[-1][0] >= level:
                    open_.pop()
                entry = _Entry(label, page + at, left, height, self.writer.reserve())
                open_[-1][1].append(entry)
                open_.append((level, entry.below))
            page += len(part.pages)
        if not top:
            return b""
        whole = self.writer.reserve()
        count = self._write_outline(top, whole)
        self.writer.put(
            whole,
            b"<</Type /Outlines/First %d 0 R/Last %d 0 R/Count %d>>" % (top[0].number, top[-1].number, count),
        )
        return b"/Outlines %d 0 R" % whole

    def _write_outline(self, entries: Sequence[_Entry], parent: int) -> int:
        count = len(entries)
        for index, entry in enumerate(entries):
            head = b"/Title %b/Dest %b/Parent %d 0 R" % (
                _string(entry.label),
                self._place(entry.page, entry.left, entry.height),
                parent,
            )
            if index:
                head += b"/Prev %d 0 R" % entries[index - 1].number
            if index + 1 < len(entries):
                head += b"/Next %d 0 R" % entries[index + 1].number
            if entry.below:
                below = self._write_outline(entry.below, entry.number)
                count += below
                head += b"/First %d 0 R/Last %d 0 R/Count %d" % (
                    entry.below[0].number,
                    entry.below[-1].number,
                    below,
                )
            self.writer.put(entry.number, b"<<%b>>" % head)
        return count

    def _place(self, page: int, left: float, height: float) -> bytes:
        return b"[%d 0 R /XYZ %b %b 0]" % (self.page_numbers[page], _decimal(left), _decimal(height))

    def _names(self) -> bytes:
        entries = b" ".join(
            _string(name) + b" " + self._place(*self.destinations[name])
            for name in sorted(self.destinations, key=lambda name: name.encode())
        )
        dests = self.writer.add(b"<</Names [%b]>>" % entries)
        if not self.bound.attached:
            return b"/Names <</Dests %d 0 R>>" % dests
        files = sorted((one["name"], self._attached(one)) for one in self.bound.attached)
        named = b" ".join(_string(name) + b" %d 0 R" % number for name, number in files)
        return b"/Names <</Dests %d 0 R/EmbeddedFiles <</Names [%b]>>>>/AF [%b]" % (
            dests,
            named,
            _references(number for _, number in files),
        )

    def _attached(self, one: Mapping[str, str]) -> int:
        """A file specification with its file, associated with the whole document (ISO 19005-3, 6.8)."""
        text = one["text"].encode()
        made = f"D:{self.bound.made_on.replace('-', '')}"
        mime = one["mime"].replace("/", "#2F")
        check = hashlib.md5(text, usedforsecurity=False).hexdigest()
        file = self.writer.stream(
            f"/Type /EmbeddedFile/Subtype /{mime}/Params <</Size {len(text)}/ModDate ({made})/CheckSum <{check}>>>",
            text,
        )
        name = _string(one["name"])
        return self.writer.add(
            b"<</Type /Filespec/F %b/UF %b/Desc %b/AFRelationship /%b/EF <</F %d 0 R/UF %d 0 R>>>>"
            % (name, name, _string(one["about"]), one["relation"].encode(), file, file)
        )

    def _labels(self) -> bytes:
        """Labels as printed: the cover by name, every other page by the number it bears."""
        if self.bound.heads[0] is not None:
            return b""
        return b"/PageLabels <</Nums [0 <</P (Cover)>> 1 <</S /D/St 2>>]>>"

    def _catalog(self) -> bytes:
        profile = self.writer.stream("/N 3", (files("weasyprint.pdf") / "sRGB2014.icc").read_bytes())
        xmp = _metadata(self.bound)
        # PDF/A wants it readable by those who know nothing of PDF: not compressed.
        meaning = self.writer.add(b"<</Type /Metadata/Subtype /XML/Length %d>>" % len(xmp), xmp + b"\nendstream")
        return (
            b"<</Type /Catalog/Pages %d 0 R/StructTreeRoot %d 0 R/MarkInfo <</Marked true>>/Lang (en-US)"
            b"/ViewerPreferences <</DisplayDocTitle true>>/Metadata %d 0 R"
            b"/OutputIntents [<</Type /OutputIntent/S /GTS_PDFA1/OutputConditionIdentifier (sRGB)"
            b"/Info (sRGB2014)/DestOutputProfile %d 0 R>>]%b%b%b>>"
        ) % (self.pages, self.root, meaning, profile, self._names(), self._outline(), self._labels())

    def _information(self) -> bytes:
        made = f"D:{self.bound.made_on.replace('-', '')}"
        entries = {
            "Title": self.bound.title,
            "Author": self.bound.author,
            "Subject": self.bound.subject,
            "Creator": "Attestry",
            "Producer": "Attestry",
            "CreationDate": made,
            "ModDate": made,
        }
        return b"<<%b>>" % b"".join(b"/%b %b" % (key.encode(), _string(value)) for key, value in entries.items())


@dataclass
class _Entry:
    label: str
    page: int
    left: float
    height: float
    number: int
    below: list[_Entry] = field(default_factory=list)


def _plain_sans(face: Face) -> bool:
    return (face.data["family"], int(face.data["weight"]), int(face.data["style"])) == ("Inter", 400, 0)


def _renumbered(head: bytes, numbers: Mapping[int, int]) -> bytes:
    def other(found: re.Match[bytes]) -> bytes:
        return found[0] if found[1] is None else b"%d 0 R" % numbers[int(found[1])]

    return REFERENCE.sub(other, head)


def _references(numbers: Iterable[int]) -> bytes:
    return b" ".join(b"%d 0 R" % number for number in numbers)


def _string(text: str) -> bytes:
    """A text as PDF writes it: plain where it is ASCII, else as UTF-16."""
    if text.isascii():
        return b"(" + re.sub(rb"([\\()])", rb"\\\1", text.encode()) + b")"
    return b"<" + ("\ufeff" + text).encode("utf-16-be").hex().encode() + b">"


def _decimal(value: float) -> bytes:
    return f"{value:.2f}".rstrip("0").rstrip(".").encode()


def _metadata(bound: Bound) -> bytes:
    """XMP (ISO 16684-1) that says the same as the document information, and which standards the file follows.

    PDF/A knows nothing of PDF/UA's property, so its schema is described in place (ISO 19005-3, 6.6.2.3.3).
    """
    title, author, subject = (escape(text) for text in (bound.title, bound.author, bound.subject))
    made = bound.made_on
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"
 pdfaid:part="3" pdfaid:conformance="A"/>
<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" pdfuaid:part="1"/>
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/">
<xmp:CreatorTool>Attestry</xmp:CreatorTool>
<xmp:CreateDate>{made}</xmp:CreateDate>
<xmp:ModifyDate>{made}</xmp:ModifyDate>
<pdf:Producer>Attestry</pdf:Producer>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>The part of ISO 14289 that the file follows</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>""".encode()
