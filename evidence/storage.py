"""The evidence's bytes: stored once per engagement under their SHA-256, read with their hash checked.

Two engagements never share bytes, even equal ones (R69): whether a file is there already would tell one client
what another has given.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import IO, Any

from django.core.files import File
from django.core.files.storage import FileSystemStorage, storages

_CHUNK = 1 << 20


class Altered(Exception):
    """Stored bytes are missing or no longer have the hash under which they were received."""


def stored_name(engagement_id: int, sha256: str) -> str:
    """Where bytes with this hash lie in the store."""
    return f"{engagement_id}/{sha256[:2]}/{sha256}"


def keep(engagement_id: int, content: IO[bytes]) -> tuple[str, int]:
    """Store the bytes from the beginning of a file; returns their SHA-256 and their number.

    They are streamed, flushed to the disk and put in place in one step; storing the same bytes twice leaves them
    as they are. When the caller's transaction is rolled back they stay as bytes that no row names.
    """
    store = storages["evidence"]
    content.seek(0)
    if isinstance(store, FileSystemStorage):
        return _keep_on_disk(Path(store.location), engagement_id, content)
    sha256, size = _copy(content, None)
    name = stored_name(engagement_id, sha256)
    if store.exists(name) and not _is_whole(engagement_id, sha256):
        # As on a disk: what is received lies there afterwards, whatever became of what lay there before.
        store.delete(name)
    if not store.exists(name):
        content.seek(0)
        written = store.save(name, File(content))
        if written != name:
            # Somebody stored the same bytes in between: theirs stay.
            store.delete(written)
    return sha256, size


def _is_whole(engagement_id: int, sha256: str) -> bool:
    try:
        opened(engagement_id, sha256).close()
    except Altered:
        return False
    return True


def _keep_on_disk(root: Path, engagement_id: int, content: IO[bytes]) -> tuple[str, int]:
    incoming = _directory(root / str(engagement_id))
    with tempfile.NamedTemporaryFile(dir=incoming, prefix=".incoming-", delete=False) as copy:
        temporary = Path(copy.name)
        try:
            sha256, size = _copy(content, copy)
            copy.flush()
            os.fsync(copy.fileno())
            place = root / stored_name(engagement_id, sha256)
            _directory(place.parent)
            temporary.replace(place)
            _sync(place.parent)
        finally:
            temporary.unlink(missing_ok=True)
    return sha256, size


def opened(engagement_id: int, sha256: str) -> IO[bytes]:
    """The bytes as a file at its beginning, after they were read once and have the right hash. Raises Altered."""
    try:
        file: Any = storages["evidence"].open(stored_name(engagement_id, sha256), "rb")
        found, _ = _copy(file, None)
    except FileNotFoundError as error:
        raise Altered(f"The stored file {sha256[:12]} is missing.") from error
    if found != sha256:
        file.close()
        raise Altered(f"The stored file {sha256[:12]} was altered: it now has the hash {found[:12]}.")
    file.seek(0)
    return file  # type: ignore[no-any-return]


def _copy(source: IO[bytes], target: IO[bytes] | None) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while block := source.read(_CHUNK):
        digest.update(block)
        size += len(block)
        if target is not None:
            target.write(block)
    return digest.hexdigest(), size


def _directory(path: Path) -> Path:
    """The folder, made with access for ourselves only."""
    for level in (*reversed(path.parents), path):
        if not level.exists():
            level.mkdir(mode=0o700, exist_ok=True)
    return path


def _sync(directory: Path) -> None:
    """Make a rename in the folder survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
