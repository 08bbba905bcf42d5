"""Pictures of evidence made here, kept beside it: what a browser shows is never the client's file itself."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import transaction

from accounts.models import User
from audit.trail import action, record
from evidence import sandbox
from evidence.disk import on_disk
from evidence.models import EvidenceFile
from evidence.probes import Unfit
from evidence.uploads import check_may_open, of_firm, verified

VIEWED = action("evidence.viewed", "looked at {target}: {name}")
# What the auditor looks at is the firm's own work.
VIEWED_BY_FIRM = action("evidence.viewed_by_firm", "looked at {target}: {name}", firm_only=True)

PICTURED = ("pdf", "png", "jpg")
# Drawn at once by the worker; further pages when somebody turns to them.
FIRST = 8
WIDTH = 1200
_DAY = 24 * 60 * 60


class NotShown(Exception):
    """There is no picture of this page; the words say why."""


def name_of(file: EvidenceFile, page: int) -> str:
    return f"{file.engagement_id}/previews/{file.sha256[:2]}/{file.sha256}-{page}.webp"


def draw_first(file: EvidenceFile, path: Path, pages: int) -> list[list[int]]:
    """Draw and keep the first pages; their sizes in pixels, none when the file cannot be drawn."""
    if file.kind not in PICTURED or not pages:
        return []
    try:
        drawn = _draw(file, path, list(range(1, min(pages, FIRST) + 1)))
    except NotShown:
        return []
    return [[one["width"], one["height"]] for one in drawn]


def page(file: EvidenceFile, number: int, *, by: User) -> bytes:
    """The picture of a page, drawn now if it was not before.

    Raises NotShown, `storage.Altered`, `uploads.Withheld`.
    """
    check_may_open(file, by=by)
    if file.kind not in PICTURED:
        raise NotShown("Files of this kind have no pages.")
    store = storages["evidence"]
    name = name_of(file, number)
    if store.exists(name):
        with store.open(name, "rb") as kept:
            return bytes(kept.read())
    with verified(file) as content, on_disk(content) as path:
        drawn = _draw(file, path, [number])
    if not drawn:
        raise NotShown("The file has no such page.")
    return base64.b64decode(drawn[0]["data"])


def _draw(file: EvidenceFile, path: Path, numbers: list[int]) -> list[dict[str, Any]]:
    try:
        drawn: list[dict[str, Any]] = sandbox.run("pictures", path, kind=file.kind, pages=numbers, width=WIDTH)
    except (Unfit, sandbox.Exhausted) as error:
        raise NotShown("The page cannot be shown. Download the file to see it.") from error
    store = storages["evidence"]
    for one in drawn:
        name = name_of(file, one["number"])
        if not store.exists(name):
            store.save(name, ContentFile(base64.b64decode(one["data"])))
    return drawn


def view(file: EvidenceFile, *, by: User) -> None:
    """Somebody looks at the file's preview: once a day for each person it is on record.

    Raises `uploads.Withheld`.
    """
    check_may_open(file, by=by)
    key = f"viewed:{file.pk}:{by.pk}"
    if cache.get(key):
        return
    with transaction.atomic():
        what = VIEWED_BY_FIRM if of_firm(file.engagement, by) else VIEWED
        record(what, by=by, engagement=file.engagement, target=file, name=file.name, sha256=file.sha256)
    cache.set(key, "1", _DAY)
