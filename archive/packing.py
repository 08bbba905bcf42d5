"""The peer-review pack: the whole file as one archive that opens with no server and proves itself.

A worker streams it: rows, stored files, the trail and its checkpoints, pages to read (archive/pages.py), a manifest
with the hash of each, and verify_pack.py. Nothing is left out or rewritten: of a locked file it must have the root
that was recorded at the lock, or no pack is made. The same file and the same trail make the same bytes.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from django.core.exceptions import PermissionDenied
from django.core.files import File
from django.core.files.storage import FileSystemStorage, storages
from django.db import models, transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import FirmMember, User
from archive import adding, leaves, verify_pack
from archive.models import FileLock, Pack
from archive.pages import Pages
from archive.records import Records
from archive.retention import being_destroyed
from archive.verify_pack import (
    ITS_HASH,
    MANIFEST,
    canonical_manifest,
    central_entry,
    ending,
    leaf_hash,
    local_header,
)
from audit import checkpoints, timestamps, verify_trail
from audit.chain import stamp
from audit.export import verifiable
from audit.trail import action, chain_of, record
from engagements.models import Engagement
from engagements.roles import permissions_of
from engagements.workflow import WrongStage, locked
from evidence.models import EvidenceFile
from jobs.models import Job
from jobs.queue import enqueue
from jobs.running import Unrecoverable, finish, hold, report_progress
from reports.models import GeneralUseReport, Issuance, Report

ASKED = action("file.pack_requested", "asked for {target} of the file", firm_only=True)
MADE = action("file.pack_made", "made {target} of the file", firm_only=True)
FAILED = action("file.pack_failed", "could not make {target} of the file", firm_only=True)
TAKEN = action("file.pack_downloaded", "took {target} of the file along", firm_only=True)

SPOOL = 8 << 20
TRAIL, SCRIPT = "trail.jsonl", "verify_pack.py"


def may_take(engagement: Engagement, user: User) -> bool:
    """The partner, the quality reviewer, and an administrator of the firm who is on the team."""
    may = permissions_of(user, engagement)
    return "take_pack" in may or (
        "see_fieldwork" in may
        and FirmMember.objects.filter(firm=engagement.firm_id, user=user, is_admin=True).exists()
    )


def _require(engagement: Engagement, user: User) -> None:
    if not may_take(engagement, user):
        raise PermissionDenied("The partner, the quality reviewer or an administrator of the firm takes the pack.")


@transaction.atomic
def ask(engagement: Engagement, *, by: User) -> Pack:
    """Ask a worker for a pack; the one in the making, if there is one. Raises PermissionDenied, WrongStage."""
    engagement = locked(engagement)
    _require(engagement, by)
    if not engagement.frozen:
        raise WrongStage("A pack is made of a file in which nothing changes any more: when the report is issued.")
    if being_destroyed(engagement):
        raise WrongStage("The file is being destroyed, or was: there is nothing to make a pack of.")
    found = Pack.objects.filter(engagement=engagement, state=Pack.State.MAKING).first()
    if found is not None:
        return found
    last = Pack.objects.filter(engagement=engagement).aggregate(last=Max("number"))["last"] or 0
    pack = Pack.objects.create(engagement=engagement, number=last + 1, asked_by=by)
    pack.job = enqueue(
        "file.pack", key=f"file.pack:{engagement.pk}", by=by, engagement_id=engagement.pk, payload={"pack": pack.pk}
    )
    pack.save(update_fields=["job"])
    record(ASKED, by=by, engagement=engagement, target=pack)
    return pack


@transaction.atomic
def download(pack: Pack, *, by: User) -> Any:
    """The archive as an open file; who took it is on record."""
    _require(pack.engagement, by)
    if pack.state != Pack.State.READY:
        raise WrongStage("Only the newest pack is kept.")
    file = storages["reports"].open(pack.storage_name, "rb")
    record(TAKEN, by=by, engagement=pack.engagement, target=pack, sha256=pack.sha256)
    return file


def make(job: Job) -> dict[str, Any]:
    """The work of a job "file.pack"."""
    pack = Pack.objects.select_related("engagement__client", "engagement__firm").get(pk=job.payload["pack"])
    if pack.state == Pack.State.READY:
        return {"sha256": pack.sha256}
    if pack.state != Pack.State.MAKING:
        raise Unrecoverable(f"{pack}: {pack.get_state_display().lower()}.")
    with tempfile.NamedTemporaryFile(prefix="attestry-pack-") as file:
        try:
            # So that the trail's last events are signed too.
            checkpoints.write()
            made = write(pack.engagement, file, said=lambda part, words: report_progress(job, part, words))
        except leaves.Altered as error:
            raise Unrecoverable(str(error)) from error
        except (checkpoints.Broken, timestamps.Wrong) as error:
            raise Unrecoverable(f"The trail does not verify: {error}.") from error
        file.flush()
        pack.sha256, pack.size, pack.members, pack.root = made.sha256, made.size, made.count, made.root
        _keep(pack, Path(file.name))
    with transaction.atomic():
        held = hold(job)
        engagement = locked(pack.engagement)
        older = Pack.objects.filter(engagement=engagement, state=Pack.State.READY)
        for one in older:
            if one.sha256 != pack.sha256:
                transaction.on_commit(lambda name=one.storage_name: storages["reports"].delete(name))  # type: ignore[misc]
        older.update(state=Pack.State.GONE)
        pack.state, pack.made_at = Pack.State.READY, timezone.now()
        pack.save(update_fields=["state", "made_at", "sha256", "size", "members", "root"])
        record(
            MADE,
            by=pack.asked_by,
            engagement=engagement,
            target=pack,
            sha256=pack.sha256,
            root=pack.root,
            size=pack.size,
        )
        result: dict[str, Any] = {"sha256": pack.sha256, "size": pack.size}
        finish(held, result)
    return result


def making_failed(job: Job) -> None:
    pack = Pack.objects.select_for_update().get(pk=job.payload["pack"])
    if pack.state != Pack.State.MAKING:
        return
    pack.state = Pack.State.FAILED
    pack.save(update_fields=["state"])
    record(FAILED, by=None, engagement=pack.engagement, target=pack, reason=job.error)


def _keep(pack: Pack, path: Path) -> None:
    store: Any = storages["reports"]
    if isinstance(store, FileSystemStorage):
        place = Path(store.location) / pack.storage_name
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            tempfile.NamedTemporaryFile(dir=place.parent, prefix=".incoming-", delete=False) as copy,
            path.open("rb") as source,
        ):
            shutil.copyfileobj(source, copy, leaves.CHUNK)
        Path(copy.name).replace(place)
    elif not store.exists(pack.storage_name):
        with path.open("rb") as source:
            store.save(pack.storage_name, File(source))


class Writer:
    """Writes a ZIP of stored members whose every byte follows from what is in it (verify_pack.py checks each)."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.digest = hashlib.sha256()
        self.at = 0
        self.directory: list[bytes] = []
        self.names: set[str] = set()
        self.members: list[dict[str, Any]] = []

    def _out(self, data: bytes) -> None:
        self.file.write(data)
        self.digest.update(data)
        self.at += len(data)

    def add(self, name: str, blocks: Iterable[bytes], *, told: bool = True) -> str:
        """Add a member; `told`: with a line in the manifest. Returns the SHA-256 of its content."""
        if name in self.names:
            raise ValueError(f"Two members have the name {name}")
        found, crc, size = hashlib.sha256(), 0, 0
        with tempfile.SpooledTemporaryFile(max_size=SPOOL) as spool:
            for block in blocks:
                found.update(block)
                crc, size = zlib.crc32(block, crc), size + len(block)
                spool.write(block)
            spool.seek(0)
            self.directory.append(central_entry(name, crc, size, self.at))
            self._out(local_header(name, crc, size))
            while block := spool.read(leaves.CHUNK):
                self._out(block)
        self.names.add(name)
        if told:
            self.members.append({"name": name, "sha256": found.hexdigest(), "size": size})
        return found.hexdigest()

    def end(self) -> None:
        directory, start = b"".join(self.directory), self.at
        self._out(directory)
        self._out(ending(len(self.directory), len(directory), start))


class Made:
    def __init__(self, writer: Writer, root: str) -> None:
        self.sha256, self.size, self.root = writer.digest.hexdigest(), writer.at, root
        self.count = len(writer.directory)


def write(engagement: Engagement, file: IO[bytes], *, said: Callable[[int, str], None] = lambda *_: None) -> Made:
    """Write the pack of an engagement. Raises leaves.Altered when the file is not what it was."""
    lock = FileLock.objects.filter(engagement=engagement, state=FileLock.State.LOCKED).first()
    head = leaves.trail_head(engagement)
    trail = (lock.trail_seq, lock.trail_hash) if lock else head
    out, hashes, parts = Writer(file), list[bytes](), list[dict[str, Any]]()

    said(2, "Writing the rows")
    for model in leaves.tables():
        label = model._meta.label_lower
        before, member = len(hashes), f"data/{label}.jsonl"
        out.add(member, _rows(model, engagement, hashes))
        parts.append({"kind": "rows", "name": label, "member": member, "count": len(hashes) - before})
    said(10, "Copying evidence and reports")
    paths = _stored(out, engagement, hashes, parts)
    hashes.append(leaves.trail_leaf(engagement, *trail))
    chain = chain_of(engagement)
    parts.append({"kind": "trail", "chain": chain, "seq": trail[0], "hash": trail[1]})
    root = verify_pack.tree_root(hashes)
    if lock and (lock.root, lock.leaves) != (root, len(hashes)):
        raise leaves.Altered("The file is not the one that was locked: its Merkle root is another.")

    said(60, "Copying the trail")
    out.add(TRAIL, (line.encode("ascii") for line in verifiable([chain])))
    added, places = _added(out, engagement)
    records = Records(engagement)
    for label, lines in records.later():
        out.add(f"later/{label}.jsonl", (f"{line}\n".encode("ascii") for line in lines))
    said(70, "Writing the pages")
    pages = Pages(engagement, records, paths=paths, added=places, lock=lock, root=root, count=len(hashes))
    for name, blocks in pages.all():
        out.add(name, blocks)
    out.add(SCRIPT, [single_file().encode()])
    said(95, "Writing the manifest")
    manifest = canonical_manifest(
        {
            "format": verify_pack.FORMAT,
            "about": {
                "firm": engagement.firm.legal_name,
                "client": engagement.client.name,
                "engagement": engagement.number,
                "system": engagement.system_name,
                "covers": engagement.span_label,
            },
            "lock": _told(lock),
            "tree": {"root": root, "leaves": len(hashes), "parts": parts},
            "trail": {"chain": chain, "seq": head[0], "hash": head[1]},
            "addenda": added,
            "members": out.members,
        }
    )
    out.add(MANIFEST, [manifest], told=False)
    out.add(ITS_HASH, [f"{hashlib.sha256(manifest).hexdigest()}  {MANIFEST}\n".encode("ascii")], told=False)
    out.end()
    return Made(out, root)


def _rows(model: type[models.Model], engagement: Engagement, hashes: list[bytes]) -> Iterator[bytes]:
    label = model._meta.label_lower
    for pk, text in leaves.lines_of(model, engagement):
        line = text.encode("ascii")
        hashes.append(leaf_hash(f"rows/{label}/{pk}", hashlib.sha256(line).hexdigest()))
        yield line + b"\n"


def _stored(
    out: Writer, engagement: Engagement, hashes: list[bytes], parts: list[dict[str, Any]]
) -> dict[tuple[str, str], str]:
    """Copy the stored bytes; returns the member of each, by store and hash."""
    paths: dict[tuple[str, str], str] = {}
    for one in EvidenceFile.objects.filter(engagement=engagement).order_by("pk"):
        paths.setdefault(("evidence", one.sha256), f"evidence/{safe(one.code)}/{safe(one.name)}")
    for draft in Report.objects.filter(engagement=engagement).exclude(pdf_sha256="").order_by("pk"):
        paths.setdefault(("reports", draft.pdf_sha256), f"reports/draft-{draft.number}.pdf")
    issued = Issuance.objects.filter(engagement=engagement).exclude(pdf_sha256="").order_by("pk")
    for report in issued:
        paths[("reports", report.pdf_sha256)] = f"reports/{safe(report.number)}.pdf"
        if report.prepared_sha256:
            paths.setdefault(
                ("reports", report.prepared_sha256), f"reports/{safe(report.number)} prepared for its readers.pdf"
            )
    for general in GeneralUseReport.objects.filter(engagement=engagement).exclude(pdf_sha256="").order_by("pk"):
        paths[("reports", general.pdf_sha256)] = f"reports/{safe(general.number)}.pdf"
    for name, stored in (("evidence", leaves.evidence_of(engagement)), ("reports", leaves.reports_of(engagement))):
        members = []
        for one_stored in stored:
            path = paths[(name, one_stored.sha256)]
            out.add(path, one_stored.blocks())
            hashes.append(leaf_hash(f"{name}/{one_stored.sha256}", one_stored.sha256))
            members.append(path)
        parts.append({"kind": "files", "name": name, "members": members})
    return paths


def _added(out: Writer, engagement: Engagement) -> tuple[dict[str, list[str]], dict[int, str]]:
    """Copy the files of addenda; returns their members by the addendum's number, and by the file's row."""
    members: dict[str, list[str]] = {}
    places: dict[int, str] = {}
    for file, stored in adding.stored(engagement):
        of = members.setdefault(str(file.addendum.number), [])
        name = f"addenda/{file.addendum.number}/{len(of) + 1} {safe(file.name)}"
        out.add(name, stored.blocks())
        of.append(name)
        places[file.pk] = name
    return members, places


def _told(lock: FileLock | None) -> dict[str, Any] | None:
    if lock is None or lock.locked_at is None:
        return None
    return {
        "root": lock.root,
        "leaves": lock.leaves,
        "at": stamp(lock.locked_at),
        "by": str(lock.asked_by),
        "retain_until": lock.retain_until.isoformat(),
    }


def safe(name: str) -> str:
    """A file's name that every system can write, with its ending."""
    kept = "".join(one if one.isascii() and (one.isalnum() or one in "._- ()") else "_" for one in name)
    stem, dot, suffix = kept.strip(" .").rpartition(".")
    return f"{(stem if dot else suffix)[:80].strip()}{dot}{suffix[:10] if dot else ''}".strip(" .") or "_"


def single_file() -> str:
    """verify_pack.py with what it needs of verify_trail.py in it: one file, only Python's own library."""
    needed, own = inspect.getsource(verify_trail), inspect.getsource(verify_pack)
    without = {"main", "write_down"}
    bodies = []
    for source, left_out in ((needed, without), (own, set())):
        tree = ast.parse(source)
        for node in tree.body:
            imports = isinstance(node, ast.Import | ast.ImportFrom)
            text = ast.get_source_segment(source, node) or ""
            if imports or getattr(node, "name", "") in left_out or isinstance(node, ast.Expr):
                continue
            if source is needed and isinstance(node, ast.If):
                continue
            apart = isinstance(node, ast.FunctionDef | ast.ClassDef | ast.If)
            bodies.append(f"\n\n{text}\n" if apart else f"{text}\n")
    head = f'"""{ast.get_docstring(ast.parse(own), clean=False)}"""\n\n'
    return head + _imports(needed, own) + "\n" + "".join(bodies)


def _imports(*sources: str) -> str:
    plain, named = set(), dict[str, set[str]]()
    for source in sources:
        for node in ast.parse(source).body:
            if isinstance(node, ast.Import):
                plain |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.module.startswith("audit"):
                named.setdefault(node.module, set()).update(alias.name for alias in node.names)
    lines = ["from __future__ import annotations\n"]
    named.pop("__future__")
    lines += [f"import {name}" for name in sorted(plain)]
    lines += [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(named.items())]
    return "\n".join(lines) + "\n"
