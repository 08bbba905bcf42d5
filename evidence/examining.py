"""What machines do with a file once it is here: scan it, read it, remark on what it says. Done by a worker.

All of it can be done again at any time and none of it changes what was received.
"""

from __future__ import annotations

from typing import Any

import structlog
from django.db import transaction

from engagements.models import Engagement
from engagements.workflow import locked
from evidence import lint, previews, sandbox, scanning, storage
from evidence.disk import on_disk
from evidence.models import EvidenceFile, FileCheck, FileReading
from evidence.probes import Unfit, texts
from evidence.uploads import EXAMINE, verified
from jobs.models import Job
from jobs.queue import enqueue

log = structlog.get_logger(__name__)

# What is kept of a text: enough to find a file by, and within what PostgreSQL takes as words of one row.
MOST_TEXT = 400_000
SHAPE: dict[str, Any] = {"rows": 60, "columns": 30, "cell": 200}
# Kinds for which no parser is needed, and so no process of its own.
_HERE = ("txt", "csv")
# Codes of the remarks that reading a file yields.
_OF_TEXT = ("no_date", "read_outside_period", "truncated")


def examine(job: Job) -> dict[str, Any]:
    """The worker's part."""
    file = EvidenceFile.objects.select_related("engagement").filter(pk=job.payload["file"]).first()
    if file is None:
        return {}
    try:
        check = scanning.check(file)
        if check.scan == FileCheck.Scan.QUARANTINED:
            return {"scan": check.scan}
        reading = read(file)
    except storage.Altered as error:
        log.error("evidence_altered", engagement=file.engagement_id, file=file.code, error=str(error))
        return {"altered": str(error)}
    return {"scan": check.scan, "characters": len(reading.text)}


def read(file: EvidenceFile) -> FileReading:
    """Read the file, draw its first pages, and note what the linter has to say of its text.

    Raises `storage.Altered`, and `uploads.Withheld` for a quarantined file.
    """
    found: dict[str, Any] = {"text": "", "tables": [], "pages": 0, "cut": False}
    with verified(file) as content, on_disk(content) as path:
        try:
            how = {"kind": file.kind, "encoding": _encoding(content), "most": MOST_TEXT, **SHAPE}
            probe = "first_rows" if file.kind == "xlsx" else "reading"
            found |= texts.read(path, **how) if file.kind in _HERE else sandbox.run(probe, path, **how)
        except (Unfit, sandbox.Exhausted) as error:
            log.info("evidence_unread", file=file.code, error=str(error))
            found["unread"] = True
        shown = previews.draw_first(file, path, found["pages"])
    text = found.pop("text")
    with transaction.atomic():
        # First the engagement, then its file, as every flow does: otherwise two of them wait for each other.
        engagement = locked(file.engagement)
        reading, _ = FileReading.objects.update_or_create(
            file=file, defaults={"text": text, "preview": {**found, "sizes": shown}}
        )
        _remark(file, engagement, text)
    return reading


def _encoding(content: Any) -> str:
    """By its mark or its bytes, as it was accepted (`evidence.validation`)."""
    content.seek(0)
    head = content.read(1 << 16)
    content.seek(0)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head[: len(head) - 4 if len(head) > 4 else None].decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            return "cp1252"
    return "utf-8-sig"


def _remark(file: EvidenceFile, engagement: Engagement, text: str) -> None:
    """Add what the text showed to the findings; explanations that were given stay with theirs."""
    # What is issued stays as it was, and is read for the search alone.
    if engagement.frozen_at is not None:
        return
    held = EvidenceFile.objects.select_for_update(of=("self",)).get(pk=file.pk)
    remarks = lint.in_text(kind=held.kind, text=text, name=held.name)
    if held.speaks_from is None and held.speaks_to is None:
        remarks += lint.days_in_text(text, period_start=engagement.period_start, period_end=engagement.ends_on)
    if any(one["code"] == "empty" for one in held.findings):
        # That nothing is in it says it all.
        remarks = [one for one in remarks if one.code != "no_date"]
    former = {one["message"]: one for one in held.findings}
    kept = [one for one in held.findings if one["code"] not in _OF_TEXT]
    findings = kept + [former.get(one.message, one.plain()) for one in remarks]
    if findings != held.findings:
        held.findings = findings
        held.save(update_fields=["findings"])


def enqueue_for(file: EvidenceFile) -> Job:
    return enqueue(EXAMINE, key=f"{EXAMINE}:{file.pk}", engagement_id=file.engagement_id, payload={"file": file.pk})


def look_after(most: int = 500) -> int:
    """Ask again for files that the scanner has not seen, when it is there. Returns how many."""
    if not scanning.configured():
        return 0
    waiting = EvidenceFile.objects.exclude(checked__scan__in=[FileCheck.Scan.CLEAN, FileCheck.Scan.QUARANTINED])
    files = list(waiting.order_by("pk")[:most])
    if not files or not scanning.answers():
        return 0
    for file in files:
        enqueue_for(file)
    return len(files)
