"""Malware: every file is shown to ClamAV where one is configured, and what was not found clean is not trusted.

SCANNER_URL names a clamd, tcp://host:3310 or unix:///run/clamd.sock. Its INSTREAM command is all we speak: the
client libraries are years without care or under the GPL, and the protocol is forty lines. It fails closed: a
scanner that is away, breaks off or answers something else leaves the file unscanned, and a file that it will not
take whole (StreamMaxLength) is quarantined, because half a look is none.
"""

from __future__ import annotations

import select
import socket
import struct
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit.trail import action, record
from evidence import storage
from evidence.models import EvidenceFile, FileCheck

QUARANTINED = action("evidence.quarantined", "quarantined {target}: {note}")
OBTAINED_QUARANTINED = action("evidence.obtained_quarantined", "quarantined {target}: {note}", firm_only=True)
RELEASED = action("evidence.released", "released {target} from quarantine: the scanner finds it clean")
OBTAINED_RELEASED = action(
    "evidence.obtained_released", "released {target} from quarantine: the scanner finds it clean", firm_only=True
)

log = structlog.get_logger(__name__)

_CHUNK = 1 << 17
_SECONDS = 120.0
_ANSWER = 4096
# A scanner that breaks off the same file so often will not take it.
MOST_ATTEMPTS = 5
TOO_LARGE = "Larger than the scanner takes"


class Away(Exception):
    """The scanner did not answer, or not as a scanner does; nothing is known of the file."""


@dataclass(frozen=True)
class Verdict:
    """`clean`, or `note`: what was found, in the scanner's words."""

    clean: bool
    note: str = ""


def configured() -> bool:
    return bool(settings.SCANNER_URL)


def connect() -> socket.socket:
    """A connection to the scanner. Raises Away."""
    parts = urlsplit(settings.SCANNER_URL)
    try:
        if parts.scheme == "unix":
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(_SECONDS)
            connection.connect(parts.path)
            return connection
        return socket.create_connection((parts.hostname or "", parts.port or 3310), timeout=_SECONDS)
    except OSError as error:
        raise Away(f"The scanner is not to be reached: {error}") from error


def scan(content: IO[bytes]) -> Verdict:
    """What the scanner says of the bytes from here to the end. Raises Away."""
    with connect() as connection:
        try:
            _send(connection, content)
        except (BrokenPipeError, ConnectionResetError) as error:
            # It closes the connection when its limit is passed; what it said before may have arrived.
            answer = _last_words(connection)
            if not answer:
                raise Away(f"The scanner broke off: {error}") from error
        else:
            answer = _answer(connection)
    return _verdict(answer)


def _send(connection: socket.socket, content: IO[bytes]) -> None:
    connection.sendall(b"zINSTREAM\0")
    while block := content.read(_CHUNK):
        if select.select([connection], [], [], 0)[0]:
            return  # it has made up its mind
        connection.sendall(struct.pack("!L", len(block)) + block)
    connection.sendall(struct.pack("!L", 0))


def _answer(connection: socket.socket) -> str:
    said = b""
    try:
        while b"\0" not in said and len(said) < _ANSWER and (more := connection.recv(_ANSWER)):
            said += more
    except OSError as error:
        raise Away(f"The scanner did not answer: {error}") from error
    return said.partition(b"\0")[0].decode(errors="replace").strip()


def _last_words(connection: socket.socket) -> str:
    try:
        return connection.recv(_ANSWER).partition(b"\0")[0].decode(errors="replace").strip()
    except OSError:
        return ""


def _verdict(answer: str) -> Verdict:
    if answer == "stream: OK":
        return Verdict(clean=True)
    if answer.startswith("stream: ") and answer.endswith(" FOUND"):
        return Verdict(clean=False, note=f"Found {answer[8:-6]}")
    if "size limit exceeded" in answer:
        return Verdict(clean=False, note=TOO_LARGE)
    raise Away(f"The scanner answered {answer[:120]!r}")


def check(file: EvidenceFile) -> FileCheck:
    """Scan a stored file and keep what came of it. Without an answer it stays as it was, unscanned or clean.

    Raises `storage.Altered`: what is not what was received is not scanned in its place.
    """
    if not configured():
        return FileCheck.objects.get_or_create(file=file)[0]
    with storage.opened(file.engagement_id, file.sha256) as content:
        try:
            verdict = scan(content)
        except Away as error:
            return _unanswered(file, str(error))
    return _settle(file, verdict)


@transaction.atomic
def _settle(file: EvidenceFile, verdict: Verdict) -> FileCheck:
    FileCheck.objects.get_or_create(file=file)
    check = FileCheck.objects.select_for_update().get(file=file)
    before = check.scan
    check.scan = FileCheck.Scan.CLEAN if verdict.clean else FileCheck.Scan.QUARANTINED
    check.note, check.attempts, check.scanned_at = verdict.note[:200], 0, timezone.now()
    check.save(update_fields=["scan", "note", "attempts", "scanned_at"])
    changed = before != check.scan
    mine = file.obtained_by_auditor
    if changed and not verdict.clean:
        what = OBTAINED_QUARANTINED if mine else QUARANTINED
        record(what, by=None, engagement=file.engagement, target=file, note=check.note, sha256=file.sha256)
    elif before == FileCheck.Scan.QUARANTINED and verdict.clean:
        what = OBTAINED_RELEASED if mine else RELEASED
        record(what, by=None, engagement=file.engagement, target=file, sha256=file.sha256)
    return check


@transaction.atomic
def _unanswered(file: EvidenceFile, words: str) -> FileCheck:
    """It stays what it was; a file at which the scanner breaks off again and again is quarantined."""
    log.warning("scanner_away", file=file.code, error=words)
    FileCheck.objects.get_or_create(file=file)
    check = FileCheck.objects.select_for_update().get(file=file)
    if check.scan == FileCheck.Scan.UNSCANNED:
        broke_off = "broke off" in words
        check.attempts, check.note = check.attempts + broke_off, words[:200]
        check.save(update_fields=["attempts", "note"])
        if check.attempts >= MOST_ATTEMPTS:
            return _settle(file, Verdict(clean=False, note="The scanner breaks off at it again and again"))
    return check


def answers() -> bool:
    """Whether the scanner is there."""
    try:
        with connect() as connection:
            connection.sendall(b"zPING\0")
            return _answer(connection) == "PONG"
    except (Away, OSError):
        return False
