"""Reports as PDF, for tests without a database: one press and one shelf for all tests of a process."""

from __future__ import annotations

from reports.book import book_of
from reports.content import Snapshot
from reports.rendering import Memory, Press, Rendered, typeset

PRESS = Press()
SHELF = Memory()


def printed(snapshot: Snapshot, *, draft: int | None = None) -> Rendered:
    return typeset(book_of(snapshot, draft=draft), SHELF, PRESS)
