"""A large file goes through in pieces: its size never shows in memory."""

from __future__ import annotations

import io
import tracemalloc

import pytest

from engagements.models import Stage
from evidence import uploads
from tests import factories as f
from tests.evidence import makers

pytestmark = pytest.mark.django_db

SIZE = 30 << 20


class Endless(io.RawIOBase):
    """A text file of SIZE bytes that exists nowhere."""

    def __init__(self) -> None:
        self.at = 0

    def read(self, size: int = -1) -> bytes:
        size = min(size if size >= 0 else SIZE, SIZE - self.at)
        self.at += size
        return b"a line of log\n"[: max(size, 0)] if size < 14 else (b"a line of log\n" * (size // 14 + 1))[:size]

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset
        return offset


@pytest.mark.drill
def test_thirty_megabytes_in_a_few() -> None:
    engagement = f.at_stage(f.accepted(), Stage.FIELDWORK)
    asked, owen = makers.request(engagement), f.people(engagement)["owen"]
    tracemalloc.start()
    try:
        file = uploads.receive(asked, file=Endless(), name="app.txt", by=owen)  # type: ignore[arg-type]
        _, peak = tracemalloc.get_traced_memory()
        with uploads.verified(file) as stored:
            assert stored.seek(0, 2) == SIZE
    finally:
        tracemalloc.stop()
    assert file.size == SIZE
    assert peak < 12 << 20
