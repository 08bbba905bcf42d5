"""Whether a file may come in: the ending is on the list, and the content is what the ending says.

The same check serves the web and the API. Parsers for binary kinds run in a child process with limits
(`evidence.sandbox`). Office documents, archives and pictures are held to a budget before and while they are
unpacked, because declared sizes lie. Nothing here looks for malware; that is the scanner's work.
"""

from __future__ import annotations

import codecs
import hashlib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from django.core.exceptions import ValidationError

from audit.refusals import UPLOAD, note
from evidence import sandbox
from evidence.disk import on_disk
from evidence.probes import Unfit

CONTENT_TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "csv": "text/csv",
    "txt": "text/plain",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "zip": "application/zip",
}
TEXTS = ("csv", "txt", "json")
OFFICE = ("xlsx", "docx", "pptx")

_SYNONYMS = {"jpeg": "jpg", "jpe": "jpg", "text": "txt"}
_WORDS = {
    "pdf": "a PDF",
    "png": "a PNG picture",
    "jpg": "a JPEG picture",
    "zip": "a zip archive or Office document",
    "old": "an old or encrypted Office document",
    "exe": "a program",
    "gif": "a GIF picture",
}
_MAGIC = (
    (b"%PDF-", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old"),
    (b"MZ", "exe"),
    (b"\x7fELF", "exe"),
    (b"GIF8", "gif"),
)
_ADVICE = {
    **dict.fromkeys(("doc", "dot", "rtf", "odt", "pages"), "Save it as .docx or PDF."),
    **dict.fromkeys(("xls", "xlt", "ods", "numbers", "xlsb"), "Save it as .xlsx or CSV."),
    **dict.fromkeys(("ppt", "pps", "odp", "key"), "Save it as .pptx or PDF."),
    **dict.fromkeys(("docm", "dotm"), "Save it as .docx without macros, or as PDF."),
    **dict.fromkeys(("xlsm", "xltm"), "Save it as .xlsx without macros, or as CSV."),
    **dict.fromkeys(("pptm", "ppsm"), "Save it as .pptx without macros, or as PDF."),
    **dict.fromkeys(("eml", "msg"), "Print the e-mail to PDF; attachments are uploaded as files of their own."),
    **dict.fromkeys(("htm", "html", "mht", "mhtml", "svg"), "Print the page to PDF or take a picture of it."),
    **dict.fromkeys(("heic", "heif", "webp", "gif", "bmp", "tif", "tiff"), "Save the picture as PNG or JPEG."),
    **dict.fromkeys(("7z", "rar", "gz", "tgz", "tar", "bz2", "xz"), "Pack the files into a .zip."),
    **dict.fromkeys(
        ("log", "md", "yml", "yaml", "tf", "toml", "ini", "conf", "cfg", "xml", "sql", "tsv", "out"),
        "If it is plain text, give it the ending .txt (a listing .csv).",
    ),
    **dict.fromkeys(("mp4", "mov", "avi", "mkv", "webm"), "Take pictures of the screens that matter."),
}
# Its parser reads from the file as it goes: a few hundred thousand parts need no more.
_PDF = sandbox.Limits(memory=400 << 20)
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_CHUNK = 1 << 20
_HEAD = 1024
_MARKUP = re.compile(r"\s*<(?:!doctype\s+html|html|svg|script|\?xml)", re.IGNORECASE)
# bell, backspace, tab, line and form feed, return and escape stand in honest logs; the rest means binary
_BINARY = bytes(code for code in range(32) if code not in b"\a\b\t\n\f\r\x1b")
_NOTHING = " \t,;"
_UNSAFE_IN_NAMES = str.maketrans(dict.fromkeys('<>:"|?*', "_"))
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_NAME_BYTES = 255
_SUFFIX_BYTES = 32


class Refused(ValidationError):
    """The file may not come in; the messages say what is wrong and what to do."""

    def __init__(self, *messages: str) -> None:
        super().__init__(list(messages))


@dataclass(frozen=True)
class Budget:
    """What one file may cost: bytes received and unpacked, entries, ratio, pixels (security 5.2)."""

    size: int = 100 << 20
    entries: int = 2_000
    unpacked: int = 500 << 20
    xml: int = 50 << 20
    ratio: int = 100
    pixels: int = 60_000_000
    json: int = 32 << 20


@dataclass(frozen=True)
class Inspected:
    """What the file turned out to be, from its content alone, and what the linter wants to know of it."""

    kind: str
    content_type: str
    facts: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    size: int = 0
    sha256: str = ""


def inspect(
    file: IO[bytes],
    name: str,
    *,
    budget: Budget | None = None,
    encoding: Literal["cp1252"] | None = None,
) -> Inspected:
    """What the file is, or `Refused` with the reason in words, which leaves a record (`audit.refusals`).

    The file is read once in pieces, hashed on the way, and left at its beginning. Text is UTF-8, or UTF-16
    with its mark, or Windows-1252 when `encoding` says so. Kinds are those of `CONTENT_TYPES`; zip archives
    stay closed. Facts by kind: pages, attachments and restricted (PDF); width and height (pictures); sheets
    as `evidence.probes.sheets.Sheet` (xlsx); embedded (docx, pptx); lines and encoding (text); entries (json,
    zip) and unpacked (zip).
    """
    cleaned = clean_name(name)
    try:
        return _inspected(file, cleaned, budget or Budget(), encoding)
    except Refused as refused:
        note_refused(cleaned, refused)
        raise


def note_refused(name: str, refused: ValidationError) -> None:
    note(UPLOAD, name=name, why=" ".join(refused.messages))


def _inspected(file: IO[bytes], cleaned: str, budget: Budget, encoding: str | None) -> Inspected:
    kind = kind_of(cleaned)
    if kind == "json":
        _check_size_of_json(file, budget)
    text = _Text(encoding) if kind in TEXTS else None
    size, sha256, head = _read_through(file, budget, text.feed if text else None)
    _check_magic(kind, head)
    if text:
        facts = text.facts()
        if kind == "json":
            facts |= _probe_json(file, text.codec)
    else:
        facts = _probe(file, kind, budget)
    return Inspected(kind, CONTENT_TYPES[kind], facts, cleaned, size, sha256)


def clean_name(name: str) -> str:
    """The name as it may be shown and stored: no path, no invisible or direction-changing characters.

    At most 255 bytes of UTF-8, the ending kept; "unnamed" when nothing is left.
    """
    name = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    name = "".join(" " if letter in "\t\n\r" else letter for letter in name)
    name = "".join(letter for letter in name if unicodedata.category(letter) not in _INVISIBLE)
    name = " ".join(name.translate(_UNSAFE_IN_NAMES).split()).strip(". ")
    stem, dot, ending = name.rpartition(".")
    suffix = f".{ending}" if dot and len(ending.encode()) < _SUFFIX_BYTES else ""
    room = _NAME_BYTES - len(suffix.encode())
    stem = (stem if suffix else name).encode()[:room].decode(errors="ignore").strip(". ")
    return f"{stem or 'unnamed'}{suffix}"


class _Text:
    """Follows a text file piece by piece: strictly decodable, no binary, no markup posing as text."""

    def __init__(self, declared: str | None) -> None:
        self.codec = declared or ""
        self.lines = 0
        self.breaks = 0
        self.start = ""
        self.decoder: codecs.IncrementalDecoder | None = None
        self.full = False

    def feed(self, chunk: bytes, *, final: bool = False) -> None:
        if self.decoder is None:
            self.codec = self.codec or ("utf-16" if chunk.startswith(_UTF16_BOMS) else "utf-8-sig")
            self.decoder = codecs.getincrementaldecoder(self.codec)()
        try:
            text = self.decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            line = self.breaks + error.object[: error.start].count(b"\n") + 1
            raise Refused(
                f"The text is neither UTF-8 nor UTF-16 ({error.reason} in line {line}). Save it as "
                "UTF-8 (in Excel 'CSV UTF-8'). Where a listing is provided, Windows-1252 can be chosen instead."
            ) from error
        # In all these encodings but UTF-16 a control character is its own byte, and no other one has it.
        plain = text.encode("utf-8", "replace") if self.codec == "utf-16" else chunk
        if len(plain.translate(None, _BINARY)) != len(plain):
            raise Refused(
                "The file is not text, whatever its name says: it holds binary characters. Upload the original "
                "with its right ending."
            )
        if len(self.start) < _HEAD:
            self.start += text[:_HEAD]
            if _MARKUP.match(self.start):
                raise Refused(
                    "The file is a web page, drawing or XML, whatever its name says. Print it to PDF or take a "
                    "picture of it."
                )
        self.breaks += text.count("\n")
        self._count(text)

    def facts(self) -> dict[str, Any]:
        return {"lines": self.lines + self.full, "encoding": self.codec.removesuffix("-sig")}

    def _count(self, text: str) -> None:
        """Counts the lines that hold something, whatever ends them; between \\r and \\n there is nothing."""
        for index, line in enumerate(text.replace("\r", "\n").split("\n")):
            if index:
                self.lines += self.full
                self.full = False
            self.full = self.full or bool(line.strip(_NOTHING))


def kind_of(name: str) -> str:
    """The kind by the name's ending. Raises `Refused`."""
    _, dot, ending = name.rpartition(".")
    ending = ending.lower()
    kind = _SYNONYMS.get(ending, ending)
    if dot and kind in CONTENT_TYPES:
        return kind
    accepted = "Accepted are " + ", ".join(CONTENT_TYPES) + "."
    if not dot:
        raise Refused(f"The file's name has no ending that says what it is. {accepted}")
    raise Refused(f"Files ending in .{ending} are not accepted. {_ADVICE.get(ending, accepted)}")


def _read_through(file: IO[bytes], budget: Budget, feed: Callable[..., None] | None) -> tuple[int, str, bytes]:
    """Size, SHA-256 and the first bytes."""
    digest = hashlib.sha256()
    size = 0
    head = b""
    file.seek(0)
    while chunk := file.read(_CHUNK):
        size += len(chunk)
        if size > budget.size:
            raise Refused(
                f"The file is larger than {budget.size >> 20} MB. Split it, or upload the part that matters."
            )
        digest.update(chunk)
        if not head:
            head = chunk[:_HEAD]
            _refuse_foreign_text(head, feed)
        if feed:
            feed(chunk)
    if size == 0:
        raise Refused("The file is empty (0 bytes). Export or save it again and look at it before uploading.")
    if feed:
        feed(b"", final=True)
    file.seek(0)
    return size, digest.hexdigest(), head


def _refuse_foreign_text(head: bytes, feed: Callable[..., None] | None) -> None:
    """Says what a binary file posing as text is, before its bytes fail to decode."""
    found = _magic(head)
    if feed and found and found != "exe":
        raise Refused(f"The file is {_WORDS[found]}, whatever its name says. Upload it with its right ending.")


def _magic(head: bytes) -> str | None:
    return next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)


def _check_magic(kind: str, head: bytes) -> None:
    found = _magic(head)
    expected = "zip" if kind in OFFICE else kind
    if kind in TEXTS or found == expected:
        return
    if kind in OFFICE and found == "old":
        raise Refused(
            f"The document is protected with a password or of an old Office format. Save it as .{kind} without a "
            "password."
        )
    if kind == "pdf" and b"%PDF-" in head:
        raise Refused("The PDF has other data before its beginning. Print it to a new PDF and upload that.")
    if found:
        raise Refused(f"The file is {_WORDS[found]}, its name says .{kind}. Upload it with its right ending.")
    raise Refused(f"The content is not that of a .{kind} file. Save or export it again from its program.")


def _probe(file: IO[bytes], kind: str, budget: Budget) -> dict[str, Any]:
    container: dict[str, Any] = {"entries": budget.entries, "unpacked": budget.unpacked, "ratio": budget.ratio}
    with on_disk(file) as path:
        if kind == "pdf":
            return _run("pdf", path, limits=_PDF)
        if kind in ("png", "jpg"):
            return _run("images", path, kind=kind, pixels=budget.pixels)
        if kind == "zip":
            return _run("archives", path, **container)
        return _run("office", path, kind=kind, xml=budget.xml, **container)


def _check_size_of_json(file: IO[bytes], budget: Budget) -> None:
    """Known before it is read: it is parsed as a whole, so that less of it is taken."""
    if file.seek(0, 2) > budget.json:
        raise Refused(
            f"JSON files are accepted up to {budget.json >> 20} MB. Split it, or pack it into a .zip as it is."
        )


def _probe_json(file: IO[bytes], codec: str) -> dict[str, Any]:
    with on_disk(file) as path:
        return _run("structured", path, encoding=codec)


def _run(probe: str, path: Path, *, limits: sandbox.Limits | None = None, **options: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = sandbox.run(probe, path, limits=limits, **options)
    except Unfit as refusal:
        raise Refused(*refusal.problems) from refusal
    except sandbox.Exhausted as error:
        raise Refused(
            "The file could not be examined within the limits of time and memory, which an honest file of its "
            "kind does not reach. Save it again from its program, or split it."
        ) from error
    return found
