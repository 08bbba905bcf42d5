"""Where files lie while they arrive: one file per upload, its length is how much has arrived.

What was taken is on the disk before it is acknowledged. Web and worker processes share the folder
(`UPLOAD_STAGING`); a lock on the file lets one of them write at a time.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.core.files import File

_CHUNK = 1 << 18


class Missing(Exception):
    """Nothing of this upload is here (any more)."""


class Busy(Exception):
    """Another connection is writing to this upload."""


class Misplaced(Exception):
    """The part does not begin where the last one ended; `offset` says where that is."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"{offset} bytes have arrived")
        self.offset = offset


class Garbled(Exception):
    """The part is not what its checksum says; nothing of it was kept."""


class Arrived(File):  # type: ignore[type-arg]
    """What has arrived, as Django's uploads are: parsers are given its path instead of a copy."""

    def temporary_file_path(self) -> str:
        return str(self.name)


def begin(token: UUID) -> None:
    """Make the empty file."""
    path = _path(token)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def offset(token: UUID) -> int:
    """How many bytes have arrived. Raises Missing."""
    try:
        return _path(token).stat().st_size
    except FileNotFoundError as error:
        raise Missing(str(token)) from error


def append(
    token: UUID, part: IO[bytes] | Any, *, at: int, end: int, digest: Any = None, wanted: bytes = b""
) -> int:
    """Take the bytes of a part that begins at `at`, no further than `end`; returns how many are there now.

    What came before a connection broke is kept, unless the part has a checksum: `digest` is a hash object and
    `wanted` its value. Raises Missing, Busy, Misplaced, Garbled.
    """
    try:
        file = _path(token).open("r+b", buffering=0)
    except FileNotFoundError as error:
        raise Missing(str(token)) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(str(token)) from error
        here = file.seek(0, os.SEEK_END)
        if here != at:
            raise Misplaced(here)
        whole = False
        try:
            _copy(part, file, end - at, digest.update if digest else None)
            whole = digest is None or digest.digest() == wanted
        finally:
            if digest is not None and not whole:
                file.truncate(at)
            os.fsync(file.fileno())
        if not whole:
            raise Garbled(str(token))
        return file.seek(0, os.SEEK_END)


def _copy(part: Any, file: Any, most: int, update: Callable[[bytes], None] | None) -> None:
    while most > 0 and (block := part.read(min(_CHUNK, most))):
        view = memoryview(block)
        while view:
            view = view[file.write(view) :]
        most -= len(block)
        if update:
            update(block)


def opened(token: UUID) -> Arrived:
    """All that has arrived, from its beginning. Raises Missing."""
    path = _path(token)
    try:
        return Arrived(path.open("rb"), name=str(path))
    except FileNotFoundError as error:
        raise Missing(str(token)) from error


def remove(token: UUID) -> None:
    _path(token).unlink(missing_ok=True)


def strays(known: set[str], *, before: float) -> list[Path]:
    """Files that no upload names and that nobody has written to since; they may be removed."""
    root = _root()
    if not root.exists():
        return []
    found = [path for path in root.glob("*.part") if path.stem not in known]
    return [path for path in found if path.stat().st_mtime < before]


def elsewhere(tokens: Iterable[UUID]) -> int:
    """How many of these uploads do not lie in this folder."""
    return sum(not _path(token).exists() for token in tokens)


def _root() -> Path:
    return Path(settings.UPLOAD_STAGING)


def _path(token: UUID) -> Path:
    return _root() / f"{token}.part"
