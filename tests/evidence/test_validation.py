"""A file comes in when it is what its ending says, and is refused in words otherwise."""

from __future__ import annotations

import hashlib
import io
import random
import re
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import openpyxl
import pikepdf
import pypdfium2
import pytest
from django.core.files.uploadedfile import InMemoryUploadedFile, TemporaryUploadedFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from evidence import sandbox, validation
from evidence.probes import Unfit, archives, images, office, pdf
from evidence.validation import Budget, Refused, clean_name, inspect

XLSX_MAIN = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
# an idle machine takes a tenth of it
SLOW = 10
DOCX_MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"


def refusal(data: bytes, name: str, **options: Any) -> str:
    with pytest.raises(Refused) as caught:
        inspect(io.BytesIO(data), name, **options)
    return " ".join(caught.value.messages)


def document(change: Callable[[pikepdf.Pdf], object] | None = None, **save: Any) -> bytes:
    made = pikepdf.new()
    made.add_blank_page()
    if change:
        change(made)
    out = io.BytesIO()
    made.save(out, **save)
    return out.getvalue()


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind)
    return out.getvalue()


def packed(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


def word(**more: bytes) -> bytes:
    return packed(
        {
            "[Content_Types].xml": f'<Types><Override ContentType="{DOCX_MAIN}"/></Types>'.encode(),
            "word/document.xml": b"<document/>",
            **more,
        }
    )


def workbook() -> bytes:
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    book.active.append([1, 2])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def repacked(data: bytes, change: Callable[[str, bytes], tuple[str, bytes]]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return packed(dict(change(name, archive.read(name)) for name in archive.namelist()))


GOOD = {
    "report.pdf": document(),
    "screen.png": picture(),
    "photo.JPEG": picture("JPEG"),
    "list.csv": b"a,b\n1,2\n",
    "log.txt": "\x1b[32mpassed\x1b[0m żółć\n".encode(),
    "data.json": b'{"a": [1, 2]}',
    "book.xlsx": workbook(),
    "memo.docx": word(),
    "files.zip": packed({"a/list.csv": b"a,b\n", "b/book.xlsx": workbook()}),
}


# --- what comes in


@pytest.mark.parametrize("name", list(GOOD))
def test_honest_files_come_in(name: str) -> None:
    found = inspect(io.BytesIO(GOOD[name]), name)
    assert found.kind == name.rpartition(".")[2].lower().replace("jpeg", "jpg")
    assert found.content_type == validation.CONTENT_TYPES[found.kind]
    assert (found.size, found.sha256) == (len(GOOD[name]), hashlib.sha256(GOOD[name]).hexdigest())
    assert found.name == name


def test_facts_for_the_linter() -> None:
    assert inspect(io.BytesIO(GOOD["report.pdf"]), "x.pdf").facts == {
        "pages": 1,
        "attachments": 0,
        "restricted": False,
    }
    assert inspect(io.BytesIO(GOOD["screen.png"]), "x.png").facts == {"width": 40, "height": 30}
    assert inspect(io.BytesIO(b"a\r\n\r\nb\rc"), "x.txt").facts == {"lines": 3, "encoding": "utf-8"}
    assert inspect(io.BytesIO(GOOD["data.json"]), "x.json").facts["entries"] == 1
    assert inspect(io.BytesIO(GOOD["files.zip"]), "x.zip").facts["entries"] == 2
    (sheet,) = inspect(io.BytesIO(GOOD["book.xlsx"]), "x.xlsx").facts["sheets"]
    assert (sheet["rows"], sheet["last_column"], sheet["hidden"]) == (2, 2, False)


def test_file_is_left_at_its_beginning_whether_django_keeps_it_in_memory_or_on_disk() -> None:
    data = GOOD["report.pdf"]
    memory = InMemoryUploadedFile(io.BytesIO(data), "file", "x.pdf", "x/y", len(data), None)
    disk = TemporaryUploadedFile("x.pdf", "x/y", len(data), None)
    disk.write(data)
    for file in (memory, disk):
        file.read(3)
        assert inspect(file, "x.pdf").kind == "pdf"
        assert file.read() == data


def test_text_encodings() -> None:
    text = "Zażółć\n"
    for data in (text.encode(), text.encode("utf-8-sig"), text.encode("utf-16")):
        assert inspect(io.BytesIO(data), "x.txt").facts["lines"] == 1
    windows = "Résumé\n".encode("cp1252")
    assert "neither UTF-8 nor UTF-16" in refusal(windows, "x.txt")
    assert inspect(io.BytesIO(windows), "x.txt", encoding="cp1252").facts["encoding"] == "cp1252"
    assert "in line 3" in refusal(b"a\nb\n\xff", "x.csv")
    assert "neither" in refusal("ż".encode()[:1], "x.txt")


@pytest.mark.drill
def test_large_file_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "_CHUNK", 1 << 16)
    largest = 0

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:  # type: ignore[override]
            nonlocal largest
            chunk = super().read(size)
            largest = max(largest, len(chunk))
            return chunk

    assert inspect(Watched(b"line\n" * 1_000_000), "x.txt").facts["lines"] == 1_000_000
    assert largest == 1 << 16


# --- names


@pytest.mark.parametrize(
    ("given_name", "cleaned"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\ana\\list.csv", "list.csv"),
        ("invoice\u202egpj.exe", "invoicegpj.exe"),
        ("a\u200bb\u2066c\ufeff.pdf", "abc.pdf"),
        ("line\nbreak\t.pdf", "line break.pdf"),
        ("\x00\x1b[31mred.pdf", "[31mred.pdf"),
        ('a<b>"c"|?*.pdf', "a_b__c____.pdf"),
        ("Zażółć gęślą.pdf", "Zażółć gęślą.pdf"),
        ("cafe\u0301.pdf", "café.pdf"),
        ("..", "unnamed"),
        ("", "unnamed"),
        (" . ", "unnamed"),
        ("noending", "noending"),
    ],
)
def test_names_are_cleaned(given_name: str, cleaned: str) -> None:
    assert clean_name(given_name) == cleaned


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=400))
def test_cleaned_names_are_short_visible_and_stay_as_they_are(name: str) -> None:
    cleaned = clean_name(name)
    assert 0 < len(cleaned.encode()) <= 255
    assert not set(cleaned) & set('/\\\0\n\r\u202e\u2066<>:"|?*')
    assert clean_name(cleaned) == cleaned


def test_long_names_keep_their_ending() -> None:
    cleaned = clean_name("ż" * 300 + ".pdf")
    assert cleaned.endswith("ż.pdf")
    assert 250 < len(cleaned.encode()) <= 255


# --- endings and content disagree


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("a.doc", ".docx"),
        ("a.xlsm", "without macros"),
        ("a.eml", "to PDF"),
        ("a.html", "PDF"),
        ("a.svg", "PDF"),
        ("a.exe", "Accepted are"),
        ("a.pdf.exe", "Accepted are"),
        ("a.heic", "PNG or JPEG"),
        ("a.tar.gz", ".zip"),
        ("a.yaml", ".txt"),
        ("README", "no ending"),
        ("invoice\u202efdp.scr", "Accepted are"),
    ],
)
def test_other_endings_are_refused_with_advice(name: str, advice: str) -> None:
    assert advice in refusal(b"x", name)


@pytest.mark.parametrize("name", [f"x.{kind}" for kind in validation.CONTENT_TYPES])
def test_empty_file_is_refused(name: str) -> None:
    assert "empty (0 bytes)" in refusal(b"", name)


@pytest.mark.parametrize("actual", list(GOOD))
@pytest.mark.parametrize("claimed", list(validation.CONTENT_TYPES))
def test_nothing_passes_under_another_ending(actual: str, claimed: str) -> None:
    kind = actual.rpartition(".")[2].lower().replace("jpeg", "jpg")
    if kind == claimed or (kind in validation.TEXTS and claimed in ("csv", "txt")):
        return
    assert refusal(GOOD[actual], f"x.{claimed}")


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (picture(), "x.pdf", "is a PNG picture, its name says .pdf"),
        (document(), "x.txt", "is a PDF"),
        (b"MZ\x90\0\x03", "x.pdf", "is a program"),
        (b"MZ\x90\0\x03", "x.txt", "neither"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "x.xlsx", "password"),
        (b"random", "x.png", "Save or export it again"),
        (b"  <!DOCTYPE html><script>alert(1)</script>", "x.txt", "web page"),
        ("\ufeff<svg onload=alert(1)>".encode(), "x.csv", "web page"),
        (b"<?xml version='1.0'?>", "x.json", "web page"),
        (b"a\0b", "x.txt", "binary"),
        (b"{'a': 1}", "x.json", "not valid JSON"),
        (b"[" * 200_000, "x.json", "nested too deeply"),
        (word(), "x.xlsx", "is a Word document, its name says .xlsx"),
        (workbook(), "x.zip", "Office document named .zip"),
        (packed({"a.txt": b"x"}), "x.docx", "[Content_Types].xml"),
    ],
)
def test_disagreement_is_explained(data: bytes, name: str, words: str) -> None:
    assert words in refusal(data, name)


def test_size_limit() -> None:
    assert "larger than 1 MB" in refusal(b"x" * (1 << 20) + b"y", "x.txt", budget=Budget(size=1 << 20))
    assert "up to 1 MB" in refusal(b"[" + b" " * (1 << 20) + b"]", "x.json", budget=Budget(json=1 << 20))


# --- PDF


def script(target: pikepdf.Pdf) -> pikepdf.Dictionary:
    return pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))


def annotated(made: pikepdf.Pdf, action: pikepdf.Object) -> None:
    note = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 1, 1], A=action)
    made.pages[0].Annots = pikepdf.Array([note])


ACTIVE: dict[str, Callable[[pikepdf.Pdf], object]] = {
    "open action": lambda made: setattr(made.Root, "OpenAction", script(made)),
    "indirect": lambda made: setattr(made.Root, "OpenAction", made.make_indirect(script(made))),
    "stream": lambda made: setattr(
        made.Root,
        "OpenAction",
        pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=made.make_stream(b"app.alert(1)")),
    ),
    "page": lambda made: setattr(made.pages[0], "AA", pikepdf.Dictionary(O=script(made))),
    "link": lambda made: annotated(made, script(made)),
    "names": lambda made: setattr(
        made.Root,
        "Names",
        pikepdf.Dictionary(JavaScript=pikepdf.Dictionary(Names=[pikepdf.String("a"), script(made)])),
    ),
    "next": lambda made: annotated(
        made, pikepdf.Dictionary(S=pikepdf.Name.URI, URI="http://example.org", Next=pikepdf.Array([script(made)]))
    ),
    "launch": lambda made: annotated(made, pikepdf.Dictionary(S=pikepdf.Name.Launch, F="cmd.exe")),
    "xfa": lambda made: setattr(
        made.Root, "AcroForm", pikepdf.Dictionary(Fields=[], XFA=made.make_stream(b"<xdp/>"))
    ),
}


@pytest.mark.parametrize("place", list(ACTIVE))
@pytest.mark.parametrize("mode", ["disable", "generate"])
def test_active_content_is_refused_wherever_it_hangs(place: str, mode: str) -> None:
    data = document(ACTIVE[place], object_stream_mode=getattr(pikepdf.ObjectStreamMode, mode))
    assert "Print it to a new PDF" in refusal(data, "x.pdf")


def test_script_with_its_name_in_disguise_is_refused() -> None:
    data = document(ACTIVE["open action"], object_stream_mode=pikepdf.ObjectStreamMode.disable)
    hidden = data.replace(b"/JavaScript", b"/J#61vaScript").replace(b"/JS ", b"/#4aS ")
    assert hidden != data
    assert "scripts" in refusal(hidden, "x.pdf")


def test_text_about_scripts_is_no_script() -> None:
    assert inspect(io.BytesIO(document(lambda made: setattr(made.Root, "Note", "see /JavaScript"))), "x.pdf")


def test_attachments_are_counted_not_refused() -> None:
    data = document(lambda made: made.attachments.update({"a.csv": b"x"}))
    assert inspect(io.BytesIO(data), "x.pdf").facts["attachments"] == 1


def test_password_is_refused_restriction_is_noted() -> None:
    locked = document(encryption=pikepdf.Encryption(owner="o", user="u"))
    assert "protected with a password" in refusal(locked, "x.pdf")
    restricted = document(encryption=pikepdf.Encryption(owner="o", user=""))
    assert inspect(io.BytesIO(restricted), "x.pdf").facts["restricted"] is True


def test_restricted_pdf_is_still_searched() -> None:
    data = document(ACTIVE["open action"], encryption=pikepdf.Encryption(owner="o", user=""))
    assert "scripts" in refusal(data, "x.pdf")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\n" + document(), "before its beginning"),
        (b"GIF89a" + document(), "before its beginning"),
        (document()[:-200], "cut off"),
        (document() + b"<html>", "behind its end"),
        (document() + packed({"a.txt": b"x"}), "behind its end"),
        (document() + packed({"a.txt": random.Random(1).randbytes(3_000)}), "behind its end"),
        (b"%PDF-1.7\nnothing\n%%EOF\n", "damaged"),
        (document() + b"\n\n", ""),
    ],
)
def test_pdf_must_be_whole_and_alone(data: bytes, words: str) -> None:
    if words:
        assert words in refusal(data, "x.pdf")
    else:
        assert inspect(io.BytesIO(data), "x.pdf")


def test_pdf_that_only_one_parser_repairs_is_refused() -> None:
    """The table of its objects ends in the middle of the word that comes after it."""
    whole = document()
    damaged = whole[: whole.index(b"0000000064")] + whole[whole.index(b"trailer") + 5 :]
    with pikepdf.open(io.BytesIO(damaged)) as repaired:
        assert len(repaired.pages) == 1
    with pytest.raises(pypdfium2.PdfiumError):
        pypdfium2.PdfDocument(damaged)
    assert "damaged and cannot be shown" in refusal(damaged, "x.pdf")


def test_pdf_without_pages() -> None:
    out = io.BytesIO()
    pikepdf.new().save(out)
    assert "Print or export it again" in refusal(out.getvalue(), "x.pdf")


@pytest.mark.drill
def test_pdf_that_unpacks_to_much_more_is_refused_quickly() -> None:
    table = zlib.compress(b"\0" * (100 << 20))
    start = b"%PDF-1.5\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"
    bomb = start + (
        b"5 0 obj\n<</Type/XRef/W[1 2 1]/Size %d/Root 1 0 R/Filter/FlateDecode/Length %d>>\nstream\n"
        % (25 << 20, len(table))
    )
    bomb += table + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(start)
    started = time.monotonic()
    assert refusal(bomb, "x.pdf")
    assert time.monotonic() - started < SLOW


# --- pictures


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    made = b"\x89PNG\r\n\x1a\n"
    for kind, body in chunks:
        made += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return made


def test_pixel_bomb_is_refused_before_decoding() -> None:
    rows = zlib.compress(b"\0" * (1 << 20))
    bomb = png((b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 1, 0, 0, 0, 0)), (b"IDAT", rows), (b"IEND", b""))
    started = time.monotonic()
    assert "60 million pixels" in refusal(bomb, "x.png")
    assert "2 million pixels" in refusal(picture(size=(2_000, 1_001)), "x.png", budget=Budget(pixels=2_000_000))
    assert time.monotonic() - started < SLOW


def test_text_chunk_bomb() -> None:
    header = (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    text = (b"zTXt", b"a\0\0" + zlib.compress(b"\0" * (80 << 20)))
    assert refusal(png(header, text, (b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b"")), "x.png")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (picture()[:-20], "x.png"),
        (picture("JPEG", (400, 300))[:700], "x.jpg"),
        (picture() + packed({"a": b"x"}), "x.png"),
        (picture("JPEG") + packed({"a": b"x"}), "x.jpg"),
        (picture() + b"trailing", "x.png"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "x.png"),
    ],
)
def test_broken_pictures_and_disguises(data: bytes, name: str) -> None:
    assert "picture" in refusal(data, name)


# --- archives and Office documents


def patched(data: bytes, at: bytes, offset: int, value: bytes) -> bytes:
    """The archive with bytes changed behind every record of this signature."""
    changed = bytearray(data)
    place = changed.find(at)
    while place >= 0:
        changed[place + offset : place + offset + len(value)] = value
        place = changed.find(at, place + 4)
    return bytes(changed)


def linked(mode: int = stat.S_IFLNK | 0o777) -> bytes:
    """An archive with an entry that is no plain file but, say, a link to one."""
    entry = zipfile.ZipInfo("evidence.txt")
    entry.create_system, entry.external_attr = 3, mode << 16
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("readme.txt", b"x")
        archive.writestr(entry, b"/etc/passwd")
    return made.getvalue()


def overlapping() -> bytes:
    """Two directory entries for the same bytes, as a bomb without nesting does it."""
    data = packed({"a": b"x" * 100, "b": b"x" * 100})
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4)
    return data[: second + 42] + struct.pack("<I", 0) + data[second + 46 :]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (packed({}), "empty"),
        (packed({"a.txt": b"\0" * (20 << 20)}), "100 times"),
        (packed({f"{n}": b"" for n in range(2_001)}), "2,000 entries"),
        (packed({"inner.zip": packed({"a": b"x"})}), "another archive"),
        (packed({"inner.dat": packed({"a": b"x"})}), "another archive"),
        (packed({"inner.bin": b"\x1f\x8b\x08"}), "another archive"),
        (packed({"../evil.txt": b"x"}), "outside"),
        (packed({"/etc/passwd": b"x"}), "outside"),
        (packed({"a": b"x"}, zipfile.ZIP_LZMA), "unusual compression"),
        (patched(patched(packed({"a": b"x"}), b"PK\1\2", 8, b"\1"), b"PK\3\4", 6, b"\1"), "password"),
        (patched(packed({"a": b"x" * 99}), b"PK\1\2", 24, struct.pack("<I", 600 << 20)), "500 MB"),
        (patched(packed({"a": b"x" * 99}), b"PK\1\2", 24, struct.pack("<I", 50)), "damaged"),
        (overlapping(), "overlap"),
        (packed({"a": b"x" * 99})[:-10], "cut off"),
        (b"MZ" + packed({"a": b"x"}), "program"),
        (picture() + packed({"a": b"x"}), "PNG"),
        (packed({"dir/": b""}), "empty"),
        (linked(), "a link"),
        (linked(stat.S_IFIFO | 0o644), "a link"),
    ],
)
def test_archives_outside_the_budget(data: bytes, words: str) -> None:
    assert words in refusal(data, "x.zip")


def _sheet(rows: bytes) -> bytes:
    start = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    place = "xl/worksheets/sheet1.xml"
    body = start + rows + b"</sheetData></worksheet>"
    return repacked(workbook(), lambda name, content: (name, body if name == place else content))


def _progressive(scans: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "JPEG", progressive=True)
    data = out.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * scans + data[-2:]


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        # Each of these came in once, or took minutes or a gigabyte to refuse; in full in tests/evidence/bombs.py.
        (packed({f"{n}.txt": bytes(1 << 20) for n in range(25)}), "a.zip", "100 times its size"),
        (_sheet(b'<row><c t="str"><v>' + b"a1" * 40_000 + b"</v></c></row>"), "a.xlsx", "Cell A1 .* more text"),
        (_sheet(b"<a>" * 600 + b"</a>" * 600), "a.xlsx", "nested too deeply"),
        (
            _sheet(b"<row " + b" ".join(b'a%d="%d"' % (n, n * 7919) for n in range(120_000)) + b"/>"),
            "a.xlsx",
            "excessive length",
        ),
        (_progressive(200), "a.jpg", "over and over"),
        (document()[:-6] + b"1 0 obj" * 300_001 + b"%%EOF", "a.pdf", "too many parts"),
        (b"[" + b"[]," * 1_000_001 + b"1]", "a.json", "too many values"),
        (b"[" + b'"",' * 3_000_001 + b"1]", "a.json", "too many values"),
    ],
    ids=["small entries", "cell", "depth", "attributes", "scans", "objects", "lists", "texts"],
)
def test_what_would_exhaust_the_parser_is_refused_before(data: bytes, name: str, words: str) -> None:
    assert re.search(words, refusal(data, name))


def test_what_comes_near_it_comes_in() -> None:
    assert inspect(io.BytesIO(_progressive(60)), "a.jpg").facts["width"] == 40
    assert inspect(io.BytesIO(_sheet(b'<row><c t="str"><v>' + b"a" * 32_767 + b"</v></c></row>")), "a.xlsx")
    assert inspect(io.BytesIO(b'{"a": 1, "b": {"c": [1.5]}}'), "a.json").facts["entries"] == 2
    assert inspect(io.BytesIO(b"[{}, [], 1]"), "a.json").facts["entries"] == 3
    assert inspect(io.BytesIO(b"17"), "a.json").facts["entries"] == 1


def test_bombs_are_refused_quickly() -> None:
    layer = packed({f"{n}.txt": b"\0" * (10 << 20) for n in range(3)})
    sheet = b"<worksheet><sheetData>" + b"<row><c><v>1</v></c></row>" * 1_000_000 + b"</sheetData></worksheet>"
    book = repacked(workbook(), lambda name, part: (name, sheet if "sheet1.xml" in name else part))
    for data, name in ((layer, "x.zip"), (book, "x.xlsx")):
        started = time.monotonic()
        assert refusal(data, name, budget=Budget(unpacked=20 << 20))
        assert time.monotonic() - started < SLOW


def test_macros_are_refused_under_any_ending() -> None:
    with_macros = repacked(workbook(), lambda name, part: (name, part))
    macro_type = "application/vnd.ms-excel.sheet.macroEnabled.main+xml"
    enabled = repacked(workbook(), lambda name, part: (name, part.replace(XLSX_MAIN.encode(), macro_type.encode())))
    with zipfile.ZipFile(file := io.BytesIO(with_macros), "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0")
    assert "macros" in refusal(file.getvalue(), "x.xlsx")
    assert "macros" in refusal(enabled, "x.xlsx")
    assert "without macros" in refusal(enabled, "x.xlsm")
    assert "macros" in refusal(word(**{"word/vbaProject.bin": b"x"}), "x.docx")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_in_office_documents(encoding: str) -> None:
    attack = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
    assert "entities" in refusal(word(**{"word/document.xml": attack.encode(encoding)}), "x.docx")
    padded = attack.replace("<!DOCTYPE", " " * 65_500 + "<!DOCTYPE")
    assert "entities" in refusal(word(**{"word/header1.xml": padded.encode(encoding)}), "x.docx")


def test_template_from_elsewhere_is_refused() -> None:
    relation = (
        '<Relationships><Relationship Id="r" Type="http://x/relationships/attachedTemplate" '
        'Target="{}" TargetMode="External"/></Relationships>'
    )
    part = "word/_rels/settings.xml.rels"
    remote = relation.format("http://evil.example/t.dotm").encode()
    assert "template from elsewhere" in refusal(word(**{part: remote}), "x.docx")
    own = relation.format("file:///C:/Users/ana/Templates/Letter.dotx").encode()
    assert inspect(io.BytesIO(word(**{part: own.replace(b"file:///", b"")})), "x.docx")


def test_embedded_files() -> None:
    memo = word(**{"word/embeddings/sheet.xlsx": workbook()})
    assert inspect(io.BytesIO(memo), "x.docx").facts == {"embedded": 1}
    book = repacked(workbook(), lambda name, part: (name, part))
    with zipfile.ZipFile(file := io.BytesIO(book), "a") as archive:
        archive.writestr("xl/embeddings/oleObject1.bin", b"x")
    assert "embedded" in refusal(file.getvalue(), "x.xlsx")


# --- the child process


def test_probe_that_exhausts_its_limits_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    path.write_text("[" + "[1,2,3]," * 900_000 + "0]")
    with pytest.raises(sandbox.Exhausted):
        sandbox.run("structured", path, limits=sandbox.Limits(memory=100 << 20), encoding="utf-8")
    with pytest.raises(sandbox.Exhausted, match=r"0\.05 seconds"):
        sandbox.run("structured", path, limits=sandbox.Limits(wait=0.05), encoding="utf-8")  # type: ignore[arg-type]

    def exhausted(*_: Any, **__: Any) -> None:
        raise sandbox.Exhausted("ended with -9")

    monkeypatch.setattr(sandbox, "run", exhausted)
    assert "limits of time and memory" in refusal(document(), "x.pdf")


def test_only_known_probes_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown probe"):
        sandbox.run("os", tmp_path)


# --- whatever comes


SEEDS: dict[str, tuple[bytes, Callable[[Path], Any]]] = {
    "pdf": (document(), pdf.examine),
    "png": (picture(), lambda path: images.examine(path, kind="png", pixels=1_000_000)),
    "jpg": (picture("JPEG"), lambda path: images.examine(path, kind="jpg", pixels=1_000_000)),
    "zip": (
        GOOD["files.zip"],
        lambda path: archives.examine(path, entries=100, unpacked=1 << 24, ratio=100),
    ),
    "xlsx": (
        workbook(),
        lambda path: office.examine(path, kind="xlsx", entries=100, unpacked=1 << 24, xml=1 << 24, ratio=100),
    ),
}


def test_a_pdf_whose_size_is_no_number_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(re.sub(rb"/Size \d+", b"/Size (x)", document()))
    with pytest.raises(Unfit, match="damaged"):
        pdf.examine(path)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(list(SEEDS)),
    changes=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=8),
    cut=st.integers(0, 400),
)
def test_mutated_files_are_accepted_or_refused_but_never_crash(
    tmp_path: Path, kind: str, changes: list[tuple[int, int]], cut: int
) -> None:
    seed, examine = SEEDS[kind]
    harmed = bytearray(seed)
    for place, value in changes:
        harmed[place % len(harmed)] = value
    path = tmp_path / "x"
    path.write_bytes(harmed[: len(harmed) - cut] if cut < len(harmed) else b"")
    try:
        examine(path)
    except Unfit as unfit:
        words = unfit.problems
    else:
        words = ["accepted"]
    assert all(words)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["csv", "txt"]))
def test_any_bytes_as_text_are_accepted_or_refused(data: bytes, kind: str) -> None:
    with suppress(Refused):
        assert inspect(io.BytesIO(data), f"x.{kind}").size == len(data) > 0
