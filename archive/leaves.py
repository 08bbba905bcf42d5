"""The file of an engagement as the leaves of a Merkle tree: every row, every stored byte, the trail so far.

What a leaf is, and how the root comes of them, stands in verify_pack.py, which has to say it to outsiders; this is
where the leaves come from. The order of the parts is fixed: tables by name, then the two stores, then the trail.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import hashlib
import json
import uuid
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.files.storage import storages
from django.db import models

from archive.verify_pack import leaf_hash, tree_root
from audit.chain import stamp
from audit.models import Chain
from audit.trail import chain_of
from engagements.freeze import EngagementOwned
from engagements.models import Engagement
from evidence.models import EvidenceFile
from evidence.storage import stored_name
from reports.models import GeneralUseReport, Issuance, Report
from reports.storage import pdf_name

CHUNK = 1 << 20
# What still moves when the file is locked: an engagement's stage, and whether a report is current.
MOVING: dict[type[models.Model], frozenset[str]] = {
    Engagement: frozenset({"stage"}),
    Issuance: frozenset({"state"}),
    GeneralUseReport: frozenset({"state"}),
}


class Altered(Exception):
    """Stored bytes are missing or are not those that were stored; or a row is not the one that was locked."""


@dataclasses.dataclass(frozen=True)
class Stored:
    """Bytes in one of our stores, by their hash."""

    store: str
    name: str
    sha256: str

    def blocks(self) -> Iterator[bytes]:
        """The bytes, checked as they pass: raises Altered at the end when they are not those of the hash."""
        found = hashlib.sha256()
        try:
            with storages[self.store].open(self.name, "rb") as file:
                while block := file.read(CHUNK):
                    found.update(block)
                    yield block
        except FileNotFoundError as error:
            raise Altered(f"The stored file {self.sha256[:12]} is missing.") from error
        if found.hexdigest() != self.sha256:
            raise Altered(f"The stored file {self.sha256[:12]} was altered.")


@dataclasses.dataclass(frozen=True)
class Root:
    root: str
    leaves: int
    bytes: int
    trail_seq: int
    trail_hash: str
    hashes: tuple[str, ...]


def tables() -> list[type[models.Model]]:
    """The tables whose rows make up the file, by name: all that freezes, the engagement, and its issued reports."""
    owned = [model for model in apps.get_models() if issubclass(model, EngagementOwned)]
    return sorted([*owned, Engagement, Issuance, GeneralUseReport], key=lambda model: model._meta.label_lower)


def all_of(model: Any) -> Any:
    """All rows of a table."""
    return model.objects.all()


def rows_of(model: type[models.Model], engagement: Engagement) -> Any:
    """Its rows in the file, by key."""
    key = "pk" if model is Engagement else "engagement"
    return all_of(model).filter(**{key: engagement.pk}).order_by("pk")


def lines_of(model: type[models.Model], engagement: Engagement) -> Iterator[tuple[int, str]]:
    """Key and text of each row: one line of JSON, ASCII, the columns in the order of their names."""
    names = sorted({field.attname for field in model._meta.concrete_fields} - MOVING.get(model, frozenset()))
    place = names.index("id")
    for values in rows_of(model, engagement).values_list(*names).iterator(chunk_size=500):
        yield values[place], text_of(dict(zip(names, map(plain, values), strict=True)))


def text_of(values: dict[str, Any]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def plain(value: Any) -> Any:
    """A column's value as JSON has it: times in UTC to the microsecond, numbers with decimals as text."""
    if isinstance(value, dt.datetime):
        return stamp(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | uuid.UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value


def evidence_of(engagement: Engagement) -> list[Stored]:
    hashes = EvidenceFile.objects.filter(engagement=engagement).values_list("sha256", flat=True)
    return [Stored("evidence", stored_name(engagement.pk, one), one) for one in sorted(set(hashes))]


def reports_of(engagement: Engagement) -> list[Stored]:
    drafts = Report.objects.filter(engagement=engagement).values_list("pdf_sha256", flat=True)
    issued = Issuance.objects.filter(engagement=engagement).values_list("pdf_sha256", "prepared_sha256")
    general = GeneralUseReport.objects.filter(engagement=engagement).values_list("pdf_sha256", flat=True)
    hashes = {*drafts, *general, *(one for pair in issued for one in pair)} - {""}
    return [Stored("reports", pdf_name(engagement.pk, one), one) for one in sorted(hashes)]


def stored(engagement: Engagement) -> list[Stored]:
    return [*evidence_of(engagement), *reports_of(engagement)]


def trail_head(engagement: Engagement) -> tuple[int, str]:
    return Chain.objects.values_list("seq", "head").get(pk=chain_of(engagement))


def trail_leaf(engagement: Engagement, seq: int, head: str) -> bytes:
    return leaf_hash(f"trail/{chain_of(engagement)}/{seq}", head)


def root_of(engagement: Engagement, trail: tuple[int, str], *, read: bool = True) -> Root:
    """The root over the file as it stands, with the trail up to an event (number and hash).

    Raises Altered when stored bytes are missing or changed; `read` says whether they are looked at.
    """
    hashes, size = [], 0
    for model in tables():
        label = model._meta.label_lower
        for pk, text in lines_of(model, engagement):
            line = text.encode("ascii")
            size += len(line)
            hashes.append(leaf_hash(f"rows/{label}/{pk}", hashlib.sha256(line).hexdigest()))
    for one in stored(engagement):
        if read:
            size += sum(map(len, one.blocks()))
        hashes.append(leaf_hash(f"{one.store}/{one.sha256}", one.sha256))
    hashes.append(trail_leaf(engagement, *trail))
    told = tuple(one.hex() for one in hashes)
    return Root(tree_root(hashes), len(hashes), size, *trail, told)
