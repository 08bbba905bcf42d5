"""Zip archives read under a budget: entries, unpacked bytes, ratio, no tricks with offsets."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from evidence.probes import Unfit

UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error, OSError)

_CHUNK = 1 << 16
_TAIL = 22 + (1 << 16)
_DIRECTORY = 4 << 20
_ALWAYS_FINE = 1 << 20
_TOGETHER_FINE = 20 << 20
_ENCRYPTED = 0x1
_EMPTY = "The archive is empty. Add the files to it, or upload them one by one."
_NESTED = frozenset("zip jar war 7z rar gz tgz tar bz2 xz zst lz4 lzma cab iso dmg arj ace lha".split())
_OFFICE = frozenset(("xlsx", "docx", "pptx"))
_ARCHIVE_MAGIC = (b"PK\x03\x04", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")


def examine(path: Path, *, entries: int, unpacked: int, ratio: int) -> dict[str, Any]:
    """An archive that is kept closed: whole, within the budget and without another archive inside."""
    with open_archive(path, entries=entries, unpacked=unpacked, ratio=ratio) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        if not infos:
            raise Unfit(_EMPTY)
        if "[Content_Types].xml" in archive.namelist():
            raise Unfit(
                "This is an Office document named .zip. Give it its own ending (.xlsx, .docx or .pptx) and "
                "upload it again."
            )
        for info in infos:
            _check_name(info.filename)
            first = _read_through(archive, info)
            ending = PurePosixPath(info.filename.lower()).suffix.lstrip(".")
            if ending in _NESTED or (first.startswith(_ARCHIVE_MAGIC) and ending not in _OFFICE):
                raise Unfit(
                    f"The archive holds another archive ({info.filename}). Unpack it and upload its files, or "
                    "pack all files into one flat archive."
                )
        return {"entries": len(infos), "unpacked": sum(info.file_size for info in infos)}


def open_archive(path: Path, *, entries: int, unpacked: int, ratio: int) -> zipfile.ZipFile:
    """The archive, its directory checked against the budget before anything is unpacked.

    Declared sizes bind: zipfile never hands out more than an entry declares, and a wrong declaration fails
    the checksum when the entry is read. Raises `Unfit`.
    """
    _check_directory(path, entries)
    try:
        archive = zipfile.ZipFile(path)
    except UNREADABLE as error:
        raise Unfit("The file is damaged: its directory of entries cannot be read. Create it again.") from error
    try:
        _check_budget(archive.infolist(), entries, unpacked, ratio)
    except Unfit:
        archive.close()
        raise
    return archive


def chunks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """The bytes of one entry, piece by piece; raises `Unfit` where it is damaged."""
    try:
        with archive.open(name) as part:
            while chunk := part.read(_CHUNK):
                yield chunk
    except (*UNREADABLE, KeyError) as error:
        raise Unfit(f"The file is damaged: its part {name} cannot be read. Save it again.") from error


def _check_directory(path: Path, entries: int) -> None:
    """Refuses a directory too large to be worth parsing, from the end record alone."""
    with path.open("rb") as file:
        start = file.read(4)
        if start == b"PK\x05\x06":
            raise Unfit(_EMPTY)
        if start != b"PK\x03\x04":
            raise Unfit("The file does not begin like an archive or Office document. Create it again.")
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) - end < 22:
        raise Unfit("The file is cut off: its end is missing. Upload it again from the original.")
    count, directory = struct.unpack("<HI", tail[end + 10 : end + 16])
    if count > entries or directory > _DIRECTORY:
        raise Unfit(_too_many(entries))


def _check_budget(infos: list[zipfile.ZipInfo], entries: int, unpacked: int, ratio: int) -> None:
    if len(infos) > entries:
        raise Unfit(_too_many(entries))
    if len({info.filename for info in infos}) != len(infos):
        raise Unfit("The archive holds two entries of the same name. Create it again.")
    if any(info.flag_bits & _ENCRYPTED for info in infos):
        raise Unfit("The archive is protected with a password. Upload it without one.")
    if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in infos):
        raise Unfit("The archive uses an unusual compression. Pack it again as an ordinary zip.")
    if sum(info.file_size for info in infos) > unpacked:
        raise Unfit(f"Unpacked, the file would take more than {unpacked >> 20:,} MB. Split it into smaller files.")
    for info in infos:
        _check_plain(info)
        if info.file_size > _ALWAYS_FINE and info.file_size > ratio * max(1, info.compress_size):
            raise Unfit(
                f"The part {info.filename} unpacks to more than {ratio} times its size, as only a damaged or "
                "malicious file does. Upload its content as a file of its own."
            )
    _check_together(infos, ratio)
    _check_overlap(infos)


def _check_together(infos: list[zipfile.ZipInfo], ratio: int) -> None:
    """Many small entries of zeros are a bomb too, though each of them is fine."""
    whole = sum(info.file_size for info in infos)
    if whole > _TOGETHER_FINE and whole > ratio * sum(info.compress_size for info in infos):
        raise Unfit(
            f"Unpacked, the file would take more than {ratio} times its size, as only a damaged or malicious file "
            "does. Upload its content as files of their own."
        )


def _check_overlap(infos: list[zipfile.ZipInfo]) -> None:
    """Entries sharing bytes are how a small bomb unpacks to a large one (Fifield, 2019)."""
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise Unfit("The archive is malformed: its entries overlap. Create it again.")
        end = info.header_offset + 30 + len(info.orig_filename) + info.compress_size


def _check_plain(info: zipfile.ZipInfo) -> None:
    """Links, pipes and devices hold nothing themselves and point at the machine of whoever unpacks them."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Unfit(
            f"The archive holds a link or device ({info.filename}) in place of a file. Pack the file itself."
        )


def _check_name(name: str) -> None:
    if name.startswith(("/", "\\")) or ".." in PurePosixPath(name.replace("\\", "/")).parts or ":" in name[:3]:
        raise Unfit(f"The archive holds a file outside of itself ({name!r}). Create it again.")


def _read_through(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Reads the entry to its checksum and returns how it begins."""
    first = b""
    for chunk in chunks(archive, info.filename):
        first = first or chunk[:16]
    return first


def _too_many(entries: int) -> str:
    return f"The archive holds more than {entries:,} entries. Split it into smaller ones."
