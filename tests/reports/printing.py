"""Reports as PDF, for tests without a database: one press for a process, one shelf for all of a run."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from reports.book import book_of
from reports.content import Snapshot
from reports.rendering import Memory, Press, Rendered, typeset


class Folder(Memory):
    """A shelf on which the processes of a run find what the others have laid out."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        path.mkdir(exist_ok=True)

    def get(self, name: str) -> bytes | None:
        found = super().get(name)
        if found is None and (file := self.path / name).exists():
            found = self.kept[name] = file.read_bytes()
        return found

    def put(self, name: str, data: bytes) -> None:
        super().put(name, data)
        with tempfile.NamedTemporaryFile(dir=self.path, delete=False) as file:
            file.write(data)
        Path(file.name).replace(self.path / name)


_HOME = Path(os.environ["ATTESTRY_HOME"])
PRESS = Press()
# tests/conftest.py gives each process a home within the one of the run.
SHELF = Folder((_HOME.parent if "PYTEST_XDIST_WORKER" in os.environ else _HOME) / "shelf")


def printed(snapshot: Snapshot, *, draft: int | None = None) -> Rendered:
    return typeset(book_of(snapshot, draft=draft), SHELF, PRESS)
