"""The destruction of a file whose time is over: rows and bytes go; the trail and a certificate stay (R60).

What stays can still be verified. The trail is a chain of hashes in which nothing is changed: it is kept whole, with
the names, reasons and changed words that its events hold. The certificate lists the hash of every leaf, over which
anybody computes the root that the trail recorded at the lock; the trail's event of the destruction holds the
certificate's own hash. So a pack that somebody kept can be matched with it, file by file, long afterwards.

The database lets rows go only while a purge is approved, and approves none before its time (archive/models.py).
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import rfc8785
from django.apps import apps
from django.core.files.storage import FileSystemStorage, storages
from django.db import connection, models, transaction
from django.utils import timezone

from archive import adding, leaves
from archive.models import (
    Addendum,
    AddendumFile,
    AddendumReview,
    ClosingReminder,
    FileLock,
    LegalHold,
    Purge,
    PurgeCertificate,
)
from audit.chain import stamp
from audit.trail import action, chain_of, record
from engagements.models import Engagement, EngagementMember, EngagementUserPermission, InvitedRole, Stage
from engagements.workflow import locked
from jobs.models import Job
from jobs.running import Unrecoverable, finish, hold, report_progress
from reports.models import GeneralUseReport, Issuance

PURGED = action("file.purged", "destroyed the file; the certificate stays", firm_only=True)
FAILED = action("file.purge_failed", "could not carry out the {target}: {reason}", firm_only=True)

FORMAT = "attestry.purge/1"
# What stays: the shell of the engagement and who could see it, and what speaks of the file's end.
STAYS: tuple[type[models.Model], ...] = (
    *(Engagement, EngagementMember, EngagementUserPermission, InvitedRole),
    *(FileLock, LegalHold, Purge, PurgeCertificate, ClosingReminder),
)
STORES = ("evidence", "reports")
BLANKED = {
    "acceptance_note": "",
    "incidents_none_statement": "",
    "changes_none_statement": "",
    "letter_signed_for_client": "",
    "letter_signed_for_firm": "",
}


def destroy(job: Job) -> dict[str, Any]:
    """The work of a job "file.purge": the rows, then the bytes, then the certificate; each can be done again."""
    purge = Purge.objects.select_related("engagement", "asked_by", "approved_by").get(pk=job.payload["purge"])
    if purge.state == Purge.State.DONE:
        return {"engagement": purge.engagement_id}
    if purge.state != Purge.State.APPROVED:
        raise Unrecoverable(f"{purge}: {purge.get_state_display().lower()}.")
    if not purge.destroyed:
        report_progress(job, 5, "Comparing the file with the root of its lock")
        _take_rows(job, purge)
    report_progress(job, 60, "Deleting the stored files")
    for store in STORES:
        empty(store, purge.engagement_id)
    with transaction.atomic():
        held = hold(job)
        engagement = locked(purge.engagement)
        certificate = _certify(engagement, purge)
        for name, value in BLANKED.items():
            setattr(engagement, name, value)
        engagement.stage = Stage.PURGED
        engagement.save(update_fields=["stage", *BLANKED])
        purge.state, purge.destroyed = Purge.State.DONE, {"certificate": certificate.sha256}
        purge.save(update_fields=["state", "destroyed"])
        record(
            PURGED,
            by=purge.approved_by,
            engagement=engagement,
            target=certificate,
            certificate_sha256=certificate.sha256,
            asked_by=str(purge.asked_by),
        )
        result: dict[str, Any] = {"certificate": certificate.sha256}
        finish(held, result)
    return result


def destroying_failed(job: Job) -> None:
    """Nothing was destroyed: the approval ends, and the file is kept as before. Else it stays to be finished."""
    purge = Purge.objects.select_for_update().get(pk=job.payload["purge"])
    if purge.state != Purge.State.APPROVED or purge.destroyed:
        return
    purge.state = Purge.State.CANCELLED
    purge.save(update_fields=["state"])
    record(FAILED, by=None, engagement=purge.engagement, target=purge, reason=job.error)


def _take_rows(job: Job, purge: Purge) -> None:
    """Delete the rows, after everything the certificate needs is noted; both or neither."""
    lock = FileLock.objects.get(engagement=purge.engagement, state=FileLock.State.LOCKED)
    try:
        found = leaves.root_of(purge.engagement, (lock.trail_seq, lock.trail_hash))
    except leaves.Altered as error:
        raise Unrecoverable(f"{error} Nothing was destroyed.") from error
    if found.root != lock.root:
        raise Unrecoverable("The file is not the one that was locked: find out why first. Nothing was destroyed.")
    with transaction.atomic():
        hold(job)
        engagement = locked(purge.engagement)
        noted = _noted(engagement, found)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            for statement in deletions():
                cursor.execute(statement, [engagement.pk])
        purge.destroyed = noted
        purge.save(update_fields=["destroyed"])


def _noted(engagement: Engagement, found: leaves.Root) -> dict[str, Any]:
    counts = {}
    for model in leaves.tables():
        if model is not Engagement and (count := leaves.rows_of(model, engagement).count()):
            counts[model._meta.label_lower] = count
    for model in (Addendum, AddendumFile, AddendumReview):
        if added := leaves.all_of(model).filter(engagement=engagement).count():
            counts[model._meta.label_lower] = added
    issued = Issuance.objects.filter(engagement=engagement, released_at__isnull=False).order_by("pk")
    general = GeneralUseReport.objects.filter(engagement=engagement, released_at__isnull=False)
    reports: list[Issuance | GeneralUseReport] = [*issued, *general.select_related("issuance").order_by("pk")]
    return {
        "rows": counts,
        "leaves": list(found.hashes),
        "files": [{"store": one.store, "sha256": one.sha256} for one in leaves.stored(engagement)],
        "addenda": [
            {"number": one.number, "sha256": one.sha256, "files": [file.sha256 for file in one.files.all()]}
            for one in adding.of_file(engagement)
        ],
        "bytes": found.bytes,
        "reports": [
            {
                "number": one.number,
                "general_use": isinstance(one, GeneralUseReport),
                "sha256": one.pdf_sha256,
                "report_date": one.report_date.isoformat(),
                "released_at": stamp(one.released_at),
                "state": one.state,
                "firm": whole_of(one).snapshot["firm"]["name"],
                "client": whole_of(one).snapshot["client"]["legal_name"],
            }
            for one in reports
            if one.released_at
        ],
    }


def whole_of(report: Issuance | GeneralUseReport) -> Issuance:
    """The report with the content: a SOC 3 report has that of the one it belongs to."""
    return report if isinstance(report, Issuance) else report.issuance


def deletions() -> list[str]:
    """A statement for each table with rows of an engagement, but for what stays. Foreign keys wait for the end."""
    own: dict[type[models.Model], str] = {}
    for model in apps.get_models(include_auto_created=True):
        if model in STAYS:
            continue
        keys = [
            field.column
            for field in model._meta.local_fields
            if isinstance(field, models.ForeignKey) and field.related_model is Engagement
        ]
        if keys:
            own[model] = f"DELETE FROM {model._meta.db_table} WHERE {keys[0]} = %s"  # noqa: S608
    below = []
    for model in apps.get_models(include_auto_created=True):
        if model in STAYS or model in own:
            continue
        for field in model._meta.local_fields:
            parent = field.related_model
            if isinstance(field, models.ForeignKey) and parent in own:
                assert isinstance(parent, type)
                table, of = model._meta.db_table, parent._meta.db_table
                below.append(
                    f"DELETE FROM {table} WHERE {field.column} IN (SELECT id FROM {of} WHERE engagement_id = %s)"  # noqa: S608
                )
                break
    return [*below, *own.values()]


def empty(store: str, engagement_id: int) -> None:
    """Delete all bytes of the engagement in one of our stores. Done again, it does nothing."""
    found: Any = storages[store]
    if isinstance(found, FileSystemStorage):
        place = Path(found.location) / str(engagement_id)
        if place.exists():
            shutil.rmtree(place)
        return
    folders = [str(engagement_id)]
    while folders:
        folder = folders.pop()
        inner, names = found.listdir(folder)
        folders += [f"{folder}/{name}" for name in inner if name]
        for name in names:
            if name:
                found.delete(f"{folder}/{name}")


def _certify(engagement: Engagement, purge: Purge) -> PurgeCertificate:
    assert purge.approved_by is not None  # purge_takes_two
    assert purge.approved_at is not None
    lock = FileLock.objects.get(engagement=engagement, state=FileLock.State.LOCKED)
    assert lock.locked_at is not None  # file_lock_has_root
    seq, head = leaves.trail_head(engagement)
    facts = {
        "format": FORMAT,
        "firm": engagement.firm.legal_name,
        "client": engagement.client.name,
        "engagement": engagement.number,
        "system": engagement.system_name,
        "covers": engagement.span_label,
        "lock": {
            "at": stamp(lock.locked_at),
            "by": str(lock.asked_by),
            "root": lock.root,
            "trail": {"chain": chain_of(engagement), "seq": lock.trail_seq, "hash": lock.trail_hash},
        },
        "retention": {
            "released_on": lock.released_on.isoformat(),
            "years": lock.retention_years,
            "kept_until": lock.retain_until.isoformat(),
            "holds": [
                {
                    "reason": one.reason,
                    "from": stamp(one.placed_at),
                    "to": stamp(one.lifted_at) if one.lifted_at else None,
                    "lifted_because": one.lift_reason,
                }
                for one in LegalHold.objects.filter(engagement=engagement).order_by("pk")
            ],
        },
        "asked": {"by": str(purge.asked_by), "at": stamp(purge.asked_at), "reason": purge.reason},
        "approved": {"by": str(purge.approved_by), "at": stamp(purge.approved_at)},
        "destroyed_at": stamp(timezone.now()),
        "destroyed": purge.destroyed,
        "trail_before": {"chain": chain_of(engagement), "seq": seq, "hash": head},
    }
    content = rfc8785.dumps(facts)
    return PurgeCertificate.objects.create(
        engagement=engagement, text=content.decode(), sha256=hashlib.sha256(content).hexdigest()
    )
