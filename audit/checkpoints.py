"""Signed statements of how far every chain had come, kept in a file outside the database.

Whoever rules over the database can rewrite a whole chain so that it holds together; these show that it is not the
one that was there. One line for each checkpoint, in canonical JSON (RFC 8785): the statement that is signed, the
signature (Ed25519), and the heads that have moved since the checkpoint before. The statement names the root of the
tree over all heads (audit.tree) and the hash of the statement before.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import fcntl
import hashlib
import json
import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rfc8785
import structlog
from cryptography.exceptions import InvalidSignature
from django.conf import settings
from django.db import connection

from audit.chain import stamp
from audit.keys import fingerprint, signing_key, trusted
from audit.tree import Heads, root

FORMAT = "attestry.checkpoint/1"
EVERY_SECONDS = 15 * 60

log = structlog.get_logger(__name__)


class Broken(Exception):
    """The file of checkpoints was altered: `number` is the first bad one."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(reason)
        self.number, self.reason = number, reason


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """`heads` of all chains as they stood; `moved` are the keys of those that the line itself names."""

    statement: dict[str, Any]
    signature: str
    heads: Heads
    moved: frozenset[str]

    @property
    def number(self) -> int:
        return int(self.statement["number"])

    @property
    def at(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.statement["at"])

    @property
    def sha256(self) -> str:
        return hashlib.sha256(rfc8785.dumps(self.statement)).hexdigest()


def write(*, always: bool = False) -> Checkpoint | None:
    """Sign the heads of all chains and add the checkpoint to the file; None when no chain has moved since the last.

    Raises Broken when the file does not read as it was written: nothing is added then. OSError when it cannot be
    written; a line is there as a whole or not at all.
    """
    with _held(settings.AUDIT_CHECKPOINTS) as file:
        last = None
        for last in _read(file):  # noqa: B007 (the last one)
            pass
        heads, at = _heads()
        if last is not None and last.heads == heads and not always:
            return None
        key = signing_key()
        statement: dict[str, Any] = {
            "format": FORMAT,
            "number": last.number + 1 if last else 1,
            "at": stamp(at),
            "previous": last.sha256 if last else "",
            "root": root(heads),
            "chains": len(heads),
            "key": fingerprint(key.public_key().public_bytes_raw()),
        }
        before = last.heads if last else {}
        moved = {chain: list(head) for chain, head in heads.items() if before.get(chain) != head}
        signature = key.sign(rfc8785.dumps(statement)).hex()
        line: dict[str, Any] = {"heads": moved, "signature": signature, "statement": statement}
        _append(file, rfc8785.dumps(line) + b"\n")
        written = Checkpoint(statement, signature, heads, frozenset(moved))
    # Where logs go to another machine, this line is a witness there.
    log.info("audit_checkpoint", number=written.number, sha256=written.sha256)
    return written


def read() -> Iterator[Checkpoint]:
    """All checkpoints from the first on, each as soon as it is checked: form, order, signature, root.

    Raises Broken at the first bad one. Nothing when there is no file.
    """
    path = Path(settings.AUDIT_CHECKPOINTS)
    if path.exists():
        keys = trusted()
        with path.open("rb") as file:
            for checkpoint in _read(file.fileno()):
                _check_signature(checkpoint, keys)
                yield checkpoint


def latest() -> Checkpoint | None:
    """The last checkpoint as it stands in the file, unchecked; its `heads` are only those that moved."""
    path = Path(settings.AUDIT_CHECKPOINTS)
    if not path.exists() or not path.stat().st_size:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as lines:
        line = lines[lines.rfind(b"\n", 0, -1) + 1 :]
    return _parse(line, {}, 0)


def _heads() -> tuple[Heads, dt.datetime]:
    """The time is that of the database, as in the events."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT key, seq, head FROM audit_chain ORDER BY key")
        heads = {key: (seq, head) for key, seq, head in cursor.fetchall()}
        cursor.execute("SELECT clock_timestamp()")
        (at,) = cursor.fetchone()
    return heads, at


@contextlib.contextmanager
def _held(path: Path) -> Iterator[int]:
    """The file, opened to add to it, with nobody else doing so."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _append(descriptor: int, line: bytes) -> None:
    size = os.fstat(descriptor).st_size
    try:
        if os.write(descriptor, line) != len(line):
            raise OSError("The checkpoint was not written as a whole; is the disk full?")
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _read(descriptor: int) -> Iterator[Checkpoint]:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        heads: Heads = {}
        previous: Checkpoint | None = None
        for number, line in enumerate(file, start=1):
            checkpoint = _parse(line, heads, number)
            _check_place(checkpoint, previous, number)
            heads, previous = checkpoint.heads, checkpoint
            yield checkpoint


def _parse(line: bytes, before: Heads, number: int) -> Checkpoint:
    try:
        found = json.loads(line)
        moved = {str(chain): (int(seq), str(head)) for chain, (seq, head) in found["heads"].items()}
        checkpoint = Checkpoint(found["statement"], str(found["signature"]), {**before, **moved}, frozenset(moved))
        dt.datetime.fromisoformat(checkpoint.statement["at"])
        whole = line == rfc8785.dumps(found) + b"\n" and checkpoint.statement["format"] == FORMAT
    except (ValueError, TypeError, KeyError, AttributeError):
        whole = False
    if not whole:
        raise Broken(number, "its line is not what was written there")
    return checkpoint


def _check_place(checkpoint: Checkpoint, previous: Checkpoint | None, number: int) -> None:
    if checkpoint.statement["number"] != number:
        raise Broken(number, f"is missing or out of order: number {checkpoint.statement['number']} stands there")
    if checkpoint.statement["previous"] != (previous.sha256 if previous else ""):
        raise Broken(number, "does not follow from the checkpoint before it")
    if previous is not None and checkpoint.at < previous.at:
        raise Broken(number, "is dated before the checkpoint before it")
    if checkpoint.statement["root"] != root(checkpoint.heads) or checkpoint.statement["chains"] != len(
        checkpoint.heads
    ):
        raise Broken(number, "its heads are not those that were signed")


def _check_signature(checkpoint: Checkpoint, keys: dict[str, Any]) -> None:
    key = keys.get(checkpoint.statement["key"])
    if key is None:
        raise Broken(checkpoint.number, "is signed with a key that is not ours (AUDIT_KEY, AUDIT_FORMER_KEYS)")
    try:
        key.verify(bytes.fromhex(checkpoint.signature), rfc8785.dumps(checkpoint.statement))
    except (InvalidSignature, ValueError) as error:
        raise Broken(checkpoint.number, "its signature does not hold") from error
