"""Files made to exhaust whoever opens them, each in another way: name of the file and how it is made.

Making them must not take longer than refusing them: what repeats is packed once and written many times.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial

import pikepdf
from PIL import Image

from tests.evidence.test_validation import document, packed, picture, png, word, workbook

MB = 1 << 20
Make = Callable[[], bytes]
SHEET, STRINGS, TYPES = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "[Content_Types].xml"
DOCUMENT = "word/document.xml"
_MAIN = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def bombs() -> Iterator[tuple[str, str, Make]]:
    """What it does, under which name it comes, how it is made."""
    yield from _archives()
    yield from _workbooks()
    yield from _documents()
    yield from _pictures()
    yield from _pdfs()
    yield from _texts()


# -- what repeats ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Repeated:
    """A block again and again, which is packed only once, between what stands before and after it."""

    block: bytes
    times: int
    before: bytes = b""
    after: bytes = b""

    def pieces(self) -> Iterator[bytes]:
        yield self.before
        for _ in range(self.times):
            yield self.block
        yield self.after

    def packed(self) -> bytes:
        """As DEFLATE: each piece stands for itself, so that it can be copied."""
        return _piece(self.before) + _piece(self.block) * self.times + _piece(self.after) + b"\3\0"

    def crc(self) -> int:
        found = 0
        for piece in self.pieces():
            found = zlib.crc32(piece, found)
        return found

    def size(self) -> int:
        return len(self.before) + len(self.block) * self.times + len(self.after)

    def zlib(self) -> bytes:
        check = 1
        for piece in self.pieces():
            check = zlib.adler32(piece, check)
        return b"\x78\xda" + self.packed() + struct.pack(">I", check)


@cache
def _piece(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)


def zeros(size: int) -> Repeated:
    return Repeated(bytes(MB), size // MB)


def zipped(parts: Mapping[str, bytes | Repeated]) -> bytes:
    """An archive of them, those that are the same packed once."""
    done: dict[int, tuple[bytes, int, int]] = {}
    body, entries, at = [], [], 0
    for name, content in parts.items():
        if id(content) not in done:
            whole = content if isinstance(content, Repeated) else Repeated(content, 1)
            done[id(content)] = (whole.packed(), whole.crc(), whole.size())
        small, crc, size = done[id(content)]
        piece = _local(name.encode(), crc, len(small), size) + small
        body.append(piece)
        entries.append((name.encode(), crc, len(small), size, at))
        at += len(piece)
    return _closed(b"".join(body), entries)


# -- archives --------------------------------------------------------------------------------------


def _archives() -> Iterator[tuple[str, str, Make]]:
    yield "one entry of zeros", "a.zip", lambda: zipped({"a.txt": zeros(480 * MB)})
    yield "eight entries of zeros", "a.zip", lambda: zipped(dict.fromkeys(map(str, range(8)), zeros(60 * MB)))
    yield (
        "small entries, each within its ratio",
        "a.zip",
        lambda: zipped(dict.fromkeys((f"{n}.txt" for n in range(450)), zeros(MB))),
    )
    yield (
        "beyond the budget in small entries",
        "a.zip",
        lambda: zipped(dict.fromkeys((f"{n}.txt" for n in range(1_900)), zeros(MB))),
    )
    for depth in (1, 3):
        yield f"archives in archives, {depth} deep", "a.zip", partial(nested, depth)
    yield "an archive called a text", "a.zip", lambda: packed({"notes.txt": nested(1)})
    yield "a gzip called a text", "a.zip", lambda: packed({"notes.txt": gzip.compress(bytes(10 * MB)) * 10})
    yield "a tar.gz inside", "a.zip", lambda: packed({"logs.tar.gz": tarred()})
    yield "one entry too many", "a.zip", lambda: packed({str(n): b"" for n in range(2_001)})
    yield "sixty thousand entries", "a.zip", lambda: zipped({str(n): b"" for n in range(60_000)})
    yield "more entries than the old format counts", "a.zip", lambda: packed({str(n): b"" for n in range(70_000)})
    yield "a directory of padding", "a.zip", padded_directory
    yield "all entries are the same bytes", "a.zip", overlapping
    yield "each entry quotes the next", "a.zip", quoted
    yield "a size that lies", "a.zip", lying
    yield "packed by bzip2", "a.zip", lambda: packed({"a.txt": bytes(40 * MB)}, zipfile.ZIP_BZIP2)
    yield "packed by lzma", "a.zip", lambda: packed({"a.txt": bytes(40 * MB)}, zipfile.ZIP_LZMA)
    yield "a tar.gz", "a.tar.gz", tarred
    yield "a tar.gz called zip", "a.zip", tarred
    yield "a bz2 called text", "a.txt", lambda: bz2.compress(bytes(10 * MB)) * 30
    yield "an xz called listing", "a.csv", lambda: lzma.compress(bytes(10 * MB), preset=0) * 30


def nested(depth: int) -> bytes:
    data = packed({"zeros.txt": bytes(5 * MB)})
    for _ in range(depth):
        data = packed({f"{number}.zip": data for number in range(8)})
    return data


@cache
def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        head = tarfile.TarInfo("zeros.log")
        head.size = 200 * MB
        archive.addfile(head, io.BytesIO(bytes(head.size)))
    return out.getvalue()


def padded_directory() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(1_000):
            info = zipfile.ZipInfo(f"{number}.txt")
            info.comment = b"x" * 60_000
            archive.writestr(info, b"")
    return out.getvalue()


def _local(name: bytes, crc: int, packed_size: int, size: int) -> bytes:
    return struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 33, crc, packed_size, size, len(name), 0) + name


def _closed(body: bytes, entries: list[tuple[bytes, int, int, int, int]]) -> bytes:
    """With a directory of entries: name, crc, packed and unpacked size, where it begins."""
    directory = b"".join(
        struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 8, 0, 33, crc, small, size, len(name), 0, 0, 0, 0, 0, at)
        + name
        for name, crc, small, size, at in entries
    )
    count = len(entries)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
    return body + directory + end


def _deflated(data: bytes) -> bytes:
    return zlib.compress(data, 9)[2:-4]


def overlapping(count: int = 400) -> bytes:
    """A directory that names one piece of data again and again."""
    content = bytes(MB)
    small = _deflated(content)
    name, crc = b"a000", zlib.crc32(content)
    body = _local(name, crc, len(small), MB) + small
    return _closed(body, [(b"a%03d" % number, crc, len(small), MB, 0) for number in range(count)])


def quoted(count: int = 250) -> bytes:
    """Fifield's: the data of each entry is a stored block with the header of the next, then that entry's data."""
    content = bytes(MB)
    data, size, crc = _deflated(content), MB, zlib.crc32(content)
    names = [b"a%03d" % number for number in range(count)]
    head = _local(names[-1], crc, len(data), size)
    pieces, made = [head + data], [(names[-1], crc, len(data), size)]
    for name in reversed(names[:-1]):
        quote = struct.pack("<BHH", 0, len(head), len(head) ^ 0xFFFF)
        content = head + content
        small, size, crc = made[-1][2] + len(quote) + len(head), len(content), zlib.crc32(content)
        head = _local(name, crc, small, size)
        pieces.append(head + quote)
        made.append((name, crc, small, size))
    body, entries, at = b"".join(reversed(pieces)), [], 0
    for entry, piece in zip(reversed(made), reversed(pieces), strict=True):
        entries.append((*entry, at))
        at += len(piece)
    return _closed(body, entries)


def lying() -> bytes:
    content = zeros(200 * MB)
    small, crc = content.packed(), content.crc()
    body = _local(b"a.txt", crc, len(small), 10) + small
    return _closed(body, [(b"a.txt", crc, len(small), 10, 0)])


# -- office documents ------------------------------------------------------------------------------


def remade(source: bytes, parts: Mapping[str, bytes | Repeated]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(source)) as archive:
        return zipped({**{name: archive.read(name) for name in archive.namelist()}, **parts})


def dull(size: int, before: bytes, after: bytes) -> Repeated:
    """Letters that pack well, but not too well."""
    chance = random.Random(7)
    lines = [chance.randbytes(40).hex().encode() for _ in range(200)]
    return Repeated(b"".join(chance.choice(lines) for _ in range(MB // 80)), size // MB, before, after)


def laughing(encoding: str = "utf-8") -> bytes:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{entities}]><x>&l9;</x>'.encode(encoding)


def swollen() -> bytes:
    """One long entity used again and again (quadratic)."""
    return b'<!DOCTYPE x [<!ENTITY a "' + b"a" * 50_000 + b'">]><x>' + b"&a;" * 50_000 + b"</x>"


_BEGUN, _ENDED = b"<worksheet " + _MAIN + b"><sheetData>", b"</sheetData></worksheet>"


def sheet(rows: bytes) -> bytes:
    return _BEGUN + rows + _ENDED


def cells(size: int) -> Repeated:
    chance = random.Random(5)
    rows = [f'<row><c t="n"><v>{chance.random()}</v></c></row>'.encode() for _ in range(2_000)]
    return Repeated(b"".join(chance.choice(rows) for _ in range(MB // 50)), size // MB, _BEGUN, _ENDED)


def _workbooks() -> Iterator[tuple[str, str, Make]]:
    book = workbook()
    for size in (60, 300):
        yield (
            f"{size} MB of one cell",
            "a.xlsx",
            lambda size=size: remade(book, {SHEET: Repeated(b"<c/>" * (MB // 4), size)}),
        )
    yield "more cells than are examined", "a.xlsx", lambda: remade(book, {SHEET: cells(60 * MB)})
    yield (
        "more shared texts than are examined",
        "a.xlsx",
        lambda: remade(book, {STRINGS: dull(60 * MB, b"<sst><si><t>", b"</t></si></sst>")}),
    )
    yield (
        "a cell of 45 MB",
        "a.xlsx",
        lambda: remade(book, {SHEET: dull(45 * MB, _BEGUN + b'<row><c t="str"><v>', b"</v></c></row>" + _ENDED)}),
    )
    yield "nested without an end", "a.xlsx", lambda: remade(book, {SHEET: deep(45 * MB)})
    yield (
        "one element of a million attributes",
        "a.xlsx",
        lambda: remade(book, {SHEET: sheet(b"<row " + b" ".join(b'a%d=""' % n for n in range(3 * MB)) + b"/>")}),
    )
    yield "entities in a sheet", "a.xlsx", lambda: remade(book, {SHEET: laughing()})
    yield "entities in UTF-16", "a.xlsx", lambda: remade(book, {SHEET: laughing("utf-16")})
    yield "entities in the content types", "a.xlsx", lambda: remade(book, {TYPES: laughing()})
    yield "one entity, fifty thousand times", "a.xlsx", lambda: remade(book, {STRINGS: swollen()})
    yield (
        "an entity from elsewhere",
        "a.xlsx",
        lambda: remade(book, {SHEET: b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///dev/zero">]><x>&a;</x>'}),
    )
    yield "a part of zeros", "a.xlsx", lambda: remade(book, {"xl/media/zeros.bin": zeros(300 * MB)})
    yield (
        "three thousand sheets",
        "a.xlsx",
        lambda: remade(book, {f"xl/worksheets/sheet{n}.xml": b"<worksheet/>" for n in range(2, 3_000)}),
    )
    yield "a workbook in a workbook", "a.xlsx", lambda: remade(book, {"xl/embeddings/b.xlsx": nested(2)})


def deep(size: int) -> Repeated:
    chance = random.Random(3)
    tags = [b"<a%x>" % chance.randrange(1 << 40) for _ in range(1_000)]
    return Repeated(b"".join(chance.choice(tags) for _ in range(MB // 12)), size // MB, _BEGUN, _ENDED)


def _documents() -> Iterator[tuple[str, str, Make]]:
    yield "400 MB of text", "a.docx", lambda: remade(word(), {DOCUMENT: Repeated(b"<p/>" * (MB // 4), 400)})
    yield (
        "text beyond what is examined",
        "a.docx",
        lambda: remade(word(), {DOCUMENT: dull(60 * MB, b"<p>", b"</p>")}),
    )
    yield "entities in the text", "a.docx", lambda: remade(word(), {DOCUMENT: laughing()})
    yield "entities in the styles", "a.docx", lambda: remade(word(), {"word/styles.xml": laughing()})
    yield "a presentation of zeros", "a.pptx", lambda: remade(word(), {"ppt/slides/slide1.xml": zeros(300 * MB)})


# -- pictures --------------------------------------------------------------------------------------


def _pictures() -> Iterator[tuple[str, str, Make]]:
    yield "ten thousand pixels square", "a.png", lambda: large_png(10_000, 10_000)
    yield "two million pixels square", "a.png", lambda: large_png(2_000_000, 2_000_000)
    yield "a line of 2^31 pixels", "a.png", lambda: large_png(2**31 - 1, 1)
    yield (
        "a text chunk of 200 MB",
        "a.png",
        lambda: chunk_png(b"zTXt", b"note\0\0" + zeros(200 * MB).zlib()),
    )
    yield (
        "a colour profile of 200 MB",
        "a.png",
        lambda: chunk_png(b"iCCP", b"icc\0\0" + zeros(200 * MB).zlib()),
    )
    yield "a JPEG of 65,500 pixels square", "a.jpg", large_jpeg
    yield "a JPEG of ten thousand scans", "a.jpg", scans
    yield "ten thousand frames", "a.gif", frames
    yield "ten thousand frames called png", "a.png", frames
    yield "a drawing that draws itself", "a.svg", laughing
    yield "a drawing called text", "a.txt", lambda: b"<svg>" + b"<g>" * 5_000_000


def large_png(width: int, height: int) -> bytes:
    rows = zlib.compress(bytes(min(width // 8 + 1, 1 << 20) * 64), 9)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return png((b"IHDR", head), (b"IDAT", rows))


def chunk_png(kind: bytes, content: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    return png((b"IHDR", head), (kind, content), (b"IDAT", zlib.compress(bytes(9 * 8))))


def large_jpeg() -> bytes:
    data = bytearray(picture("JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 65_500, 65_500)
    return bytes(data)


def scans() -> bytes:
    """The last scan of a progressive picture, ten thousand times: each passes over all of it."""
    out = io.BytesIO()
    Image.new("RGB", (7_000, 7_000), "teal").save(out, "JPEG", progressive=True)
    data = out.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * 10_000 + data[-2:]


def frames() -> bytes:
    out = io.BytesIO()
    first = Image.new("P", (500, 500))
    rest = [Image.new("P", (500, 500), number % 2) for number in range(200)]
    first.save(out, "GIF", save_all=True, append_images=rest)
    data = out.getvalue()
    return data[:-1] + data[-3_000:-1] * 50 + data[-1:]


# -- PDF -------------------------------------------------------------------------------------------


def _pdfs() -> Iterator[tuple[str, str, Make]]:
    for layers, size in ((2, 100), (4, 300)):
        yield f"packed {layers} times", "a.pdf", partial(layered, layers, size * MB)
    yield (
        "packed by two methods",
        "a.pdf",
        lambda: streamed(zlib.compress(b"\x00\x20" * MB, 9), ["/RunLengthDecode", "/FlateDecode"]),
    )
    for size in (100, 300):
        yield f"an object stream of {size} MB", "a.pdf", partial(object_stream, size * MB)
    yield "a page half a million times", "a.pdf", same_page
    yield "pages that lead back to themselves", "a.pdf", circular
    yield "two million objects", "a.pdf", many_objects
    yield "millions of objects in one stream", "a.pdf", packed_objects
    yield "a table of twenty million objects", "a.pdf", wide_table
    yield "a table for 2^31 objects", "a.pdf", lambda: written(b"1", size=2**31 - 1)


def streamed(content: bytes, filters: list[str]) -> bytes:
    made = pikepdf.new()
    page = made.add_blank_page()
    page.obj.Contents = pikepdf.Stream(made, b"")
    stream = pikepdf.Stream(made, content)
    stream.stream_dict["/Filter"] = pikepdf.Array([pikepdf.Name(one) for one in filters])
    made.Root["/Hidden"] = made.make_indirect(stream)
    out = io.BytesIO()
    made.save(out, compress_streams=False, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return out.getvalue()


def layered(layers: int, size: int) -> bytes:
    content = Repeated(b" " * MB, size // MB).zlib()
    for _ in range(layers - 1):
        content = zlib.compress(content, 9)
    return streamed(content, ["/FlateDecode"] * layers)


def object_stream(size: int) -> bytes:
    body = Repeated(b"x" * MB, size // MB, b"1 0 << /A (", b") >>").zlib()
    first = b"1 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length %d >>\nstream\n" % len(body)
    end = b"\nendstream\nendobj\ntrailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"
    return b"%PDF-1.7\n" + first + body + end


def same_page() -> bytes:
    def change(made: pikepdf.Pdf) -> None:
        page = made.pages[0].obj
        made.Root.Pages.Kids = pikepdf.Array([page] * 500_000)
        made.Root.Pages.Count = 500_000

    return document(change)


def circular() -> bytes:
    def change(made: pikepdf.Pdf) -> None:
        made.Root.Pages.Kids = pikepdf.Array([made.Root.Pages] * 50_000)

    return document(change)


def written(hidden: bytes, size: int = 5) -> bytes:
    """Objects written by hand, one of them hidden."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/Hidden 4 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
        hidden,
    ]
    out, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 5\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    return out + end % (table, size, len(out))


def many_objects(count: int = 2_000_000) -> bytes:
    """Empty objects, each of twenty bytes and with a line of the table."""
    pages = written(b"1")
    out = bytearray(pages[: pages.index(b"xref\n0 5")])
    places = [out.index(b"%d 0 obj" % number) for number in range(1, 5)]
    for number in range(5, count):
        places.append(len(out))
        out += b"%d 0 obj 1 endobj\n" % number
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    return bytes(out) + end % (count, table, count, len(out))


def _with_table(out: bytes, table: bytes, fields: bytes, size: int) -> bytes:
    """A file that ends with its table in a stream."""
    body = zlib.compress(table, 1)
    head = b"%d 0 obj\n<</Type/XRef/W%s/Size %d/Root 1 0 R/Filter/FlateDecode/Length %d>>\nstream\n"
    start = len(out)
    return (
        out + head % (9, fields, size, len(body)) + body + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % start
    )


def _begun() -> tuple[bytes, list[int]]:
    data = written(b"1")
    data = data[: data.index(b"xref\n0 5")]
    return data, [data.index(b"%d 0 obj" % number) for number in range(1, 5)]


def packed_objects(count: int = 3_000_000) -> bytes:
    """All of them in one stream of objects, which packs to almost nothing."""
    out, places = _begun()
    head = b"".join(b"%d 0 " % (number + 10) for number in range(count))
    body = zlib.compress(head + b"1 ", 1)
    at = len(out)
    out += b"8 0 obj\n<</Type/ObjStm/N %d/First %d/Filter/FlateDecode/Length %d>>\nstream\n" % (
        count,
        len(head),
        len(body),
    )
    out += body + b"\nendstream\nendobj\n"
    rows = [struct.pack(">BIH", 0, 0, 0), *(struct.pack(">BIH", 1, place, 0) for place in places)]
    rows += [struct.pack(">BIH", 0, 0, 0)] * 3 + [struct.pack(">BIH", 1, at, 0)]
    rows.append(struct.pack(">BIH", 1, len(out), 0))
    inside = b"".join(struct.pack(">BIH", 2, 8, number) for number in range(1 << 16))
    table = b"".join(rows) + (inside * (count // (1 << 16) + 1))[: count * 7]
    return _with_table(out, table, b"[1 4 2]", count + 10)


def wide_table(count: int = 20_000_000) -> bytes:
    out, places = _begun()
    rows = b"\0\0\0" + b"".join(struct.pack(">BH", 1, place) for place in places)
    return _with_table(out, rows + b"\1\0\x09" * count, b"[1 2 0]", count + 5)


# -- text ------------------------------------------------------------------------------------------


def _texts() -> Iterator[tuple[str, str, Make]]:
    yield "lists in lists", "a.json", lambda: b"[" * 10_000_000 + b"]" * 10_000_000
    yield "objects in objects", "a.json", lambda: b'{"a":' * 500_000 + b"1" + b"}" * 500_000
    yield "larger than JSON may be", "a.json", lambda: b"[" + b"1," * (20 * MB) + b"1]"
    yield "ten million empty lists", "a.json", lambda: b"[" + b"[]," * (10 * MB) + b"1]"
    yield "four million objects", "a.json", lambda: b"[" + b'{"a":1},' * (4 * MB - 10) + b"1]"
    yield "six million texts", "a.json", lambda: b"[" + b'"ab",' * (6 * MB) + b"1]"
    yield "a number of a million digits", "a.json", lambda: b"[" + b"9" * 1_000_000 + b",]"
    yield (
        "a key twice",
        "a.json",
        lambda: json.dumps({str(n): n for n in range(300_000)}).encode()[:-1] + b',"1":2}',
    )
    yield "base64 in a text of another kind", "a.eml", lambda: base64.b64encode(nested(1))
