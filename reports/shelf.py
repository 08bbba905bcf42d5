"""Parts of a report laid out, kept in the store of reports so that every worker finds them.

What lies there goes into reports: each piece bears a code that only the installation can make, and one that does
not fit its name and content is as good as missing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

import structlog
from celery import current_app
from django.core.cache import cache
from django.utils.crypto import constant_time_compare, salted_hmac
from kombu.exceptions import OperationalError

from reports import storage
from reports.book import Book, Chunk
from reports.rendering import lay_out, press_for

log = structlog.get_logger(__name__)

# Longer than a part takes to be laid out; who wants it sooner does it himself (rendering.PATIENCE_SECONDS).
CLAIM_SECONDS = 120
HELPERS = 3


@dataclass(frozen=True)
class Stored:
    """The shelf of an engagement."""

    engagement_id: int

    def get(self, name: str) -> bytes | None:
        found = storage.piece_of(self.engagement_id, name)
        if found is None:
            return None
        code, data = found[:64], found[64:]
        if not constant_time_compare(code.decode("ascii", "replace"), self._code(name, data)):
            log.error("piece_altered", engagement=self.engagement_id, name=name)
            return None
        return data

    def put(self, name: str, data: bytes) -> None:
        storage.keep_piece(self.engagement_id, name, self._code(name, data).encode() + data)

    def claim(self, name: str) -> bool:
        return cache.add(f"lay-out:{self.engagement_id}:{name}", 1, CLAIM_SECONDS)

    def _code(self, name: str, data: bytes) -> str:
        salt = f"reports.shelf:{self.engagement_id}:{name}"
        return salted_hmac(salt, data, algorithm="sha256").hexdigest()

    def call_help(self, book: Book, missing: dict[str, Chunk]) -> None:
        """Ask other workers to lay out parts from the last one on; without them the asker does all."""
        work = {
            "book": asdict(replace(book, chunks=())),
            "missing": [(name, asdict(chunk)) for name, chunk in reversed(missing.items())],
        }
        name = f"work-{next(iter(missing))}"
        self.put(name, json.dumps(work).encode())
        try:
            for _ in range(min(HELPERS, len(missing) // 3)):
                current_app.send_task("reports.lay_out", args=[self.engagement_id, name])
        except OperationalError as error:
            log.warning("broker_unreachable", error=str(error))


def help_out(engagement_id: int, name: str) -> int:
    """Lay out what another worker asked for and nobody has taken yet; returns how many parts that were."""
    shelf = Stored(engagement_id)
    found = shelf.get(name)
    if found is None:
        return 0
    work = json.loads(found)
    book = Book(**{**work["book"], "styles": tuple(work["book"]["styles"]), "chunks": ()})
    parts = {key: Chunk(**chunk) for key, chunk in work["missing"]}
    with press_for(engagement_id) as press:
        return sum(1 for _ in lay_out(book, parts, shelf, press, wait=False))
