"""A received file as a path, for parsers that run in a process of their own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def on_disk(file: IO[bytes], *, suffix: str = "") -> Iterator[Path]:
    """The path of the file's content: where Django put a large upload, else a copy for as long as needed.

    The file is left at its beginning.
    """
    path = getattr(file, "temporary_file_path", None)
    if path is not None:
        file.flush()
        yield Path(path())
    else:
        with tempfile.NamedTemporaryFile(suffix=suffix) as copy:
            file.seek(0)
            shutil.copyfileobj(file, copy, 1 << 20)
            copy.flush()
            yield Path(copy.name)
    file.seek(0)
