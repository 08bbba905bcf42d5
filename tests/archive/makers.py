"""Files that are complete: issued, locked, packed; with their bytes in the stores."""

from __future__ import annotations

import datetime as dt
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from archive import adding, leaves, locking, packing
from archive.models import Addendum, FileLock, Pack
from audit import checkpoints
from engagements.models import Engagement
from evidence.storage import keep
from jobs.running import run
from reports import issuing, storage
from reports.models import DiscoveredFact, Issuance
from tests import factories as f
from tests.database import as_owner
from tests.remembered import remembered
from tests.reports import makers as m

# What readers' copies are made from is numbered anew each time: the bytes of the one that is remembered.
PREPARED: list[bytes] = []


@remembered
def _issued() -> Issuance:
    draft = m.ready()
    engagement = Engagement.objects.get(pk=draft.engagement_id)
    made = issuing.issue(engagement, by=f.people(engagement)["petra"], password=f.PASSWORD, draft=draft)
    assert made.job_id is not None
    run(made.job_id)
    made.refresh_from_db()
    PREPARED.append(storage.pdf_of(made.engagement_id, made.prepared_sha256))
    return made


def issued() -> Engagement:
    """A Type 2 with its report issued (blank pages: use the fixture `quick`), and every stored byte in place."""
    found = _issued()
    stored(found.engagement_id)
    return Engagement.objects.get(pk=found.engagement_id)


def stored(engagement_id: int) -> None:
    """Rows that were remembered come without bytes, and another test may have taken them."""
    keep(engagement_id, io.BytesIO(b"abc"))
    for pdf in (m.a_pdf(2), m.a_pdf(3), *PREPARED):
        storage.keep_pdf(engagement_id, pdf)


def lock(engagement: Engagement) -> FileLock:
    made = locking.lock(engagement, by=f.people(engagement)["petra"], password=f.PASSWORD)
    assert made.job_id is not None
    run(made.job_id)
    made.refresh_from_db()
    engagement.refresh_from_db()
    return made


@remembered
def _locked(engagement: Engagement) -> FileLock:
    return lock(engagement)


def locked() -> Engagement:
    engagement = issued()
    assert _locked(engagement).locked
    return engagement


def added(engagement: Engagement, *, who: str = "petra", **fields: Any) -> Addendum:
    """An addendum with a file."""
    said = {"reason": "Found later.", "text": "The letter of the landlord.", "effect": "None: it says the same."}
    files = [SimpleUploadedFile("letter.txt", b"Dear Sirs")]
    return adding.add(engagement, by=f.people(engagement)[who], **{**said, "attachments": files, **fields})


def aged(engagement: Engagement, years: int = 8) -> None:
    """Put the lock back by years, as if they had passed."""
    back = f"interval '{years} years'"
    tampered(
        "archive_filelock",
        f"UPDATE archive_filelock SET released_on = released_on - {back}, retain_until = retain_until - {back} "  # noqa: S608
        f"WHERE engagement_id = {engagement.pk}",
    )


def tampered(table: str, sql: str) -> None:
    """What only the owner of the tables can do, and no role of the application: put the triggers out of the way."""
    constraints_now()
    as_owner(f"ALTER TABLE {table} DISABLE TRIGGER USER; {sql}; ALTER TABLE {table} ENABLE TRIGGER USER")


def released(engagement: Engagement, days: int) -> dt.date:
    """Put the release back by days; returns its day."""
    at = timezone.now() - dt.timedelta(days=days)
    tampered(
        "reports_issuance",
        f"UPDATE reports_issuance SET released_at = '{at.isoformat()}' WHERE engagement_id = {engagement.pk}",  # noqa: S608
    )
    return timezone.localdate(at)


def packed(engagement: Engagement) -> Pack:
    made = packing.ask(engagement, by=f.people(engagement)["petra"])
    assert made.job_id is not None
    run(made.job_id)
    made.refresh_from_db()
    return made


_BYTES: list[bytes] = []


def pack_bytes() -> bytes:
    """The pack of a locked file, made once in a run; with nothing of it in the database afterwards."""
    if not _BYTES:
        engagement = locked()
        checkpoints.write()
        file = io.BytesIO()
        packing.write(engagement, file)
        _BYTES.append(file.getvalue())
    return _BYTES[0]


def archive_of(engagement: Engagement, path: Path) -> Path:
    """The engagement's pack, written to a file without a job."""
    with path.open("wb") as file:
        packing.write(engagement, file)
    return path


def script(folder: Path) -> Path:
    path = folder / "verify_pack.py"
    path.write_text(packing.single_file())
    return path


def verified(script: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the script as an outsider does: a bare Python, no packages, elsewhere."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(script), *map(str, arguments)], capture_output=True, text=True, check=False
    )


def known(engagement: Engagement, **fields: object) -> DiscoveredFact:
    """A fact that became known after the issue."""
    issuance = Issuance.objects.get(engagement=engagement, state=Issuance.State.CURRENT)
    return DiscoveredFact.objects.create(
        engagement=engagement,
        issuance=issuance,
        known_on=timezone.localdate(),
        fact="A leaver kept access.",
        opened_by=f.people(engagement)["milan"],
        **fields,
    )


def rows_left(engagement: Engagement) -> dict[str, int]:
    """How many rows the tables of the file hold."""
    found = {model._meta.label_lower: leaves.rows_of(model, engagement).count() for model in leaves.tables()}
    return {label: count for label, count in found.items() if count}


def constraints_now() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
