"""Timestamps of a third party (RFC 3161) over checkpoints: an outsider's word for when each one was there.

They stand in a file beside the checkpoints, one JSON line each: number and SHA-256 of the checkpoint, and the
answer of the authority (DER, in base64) as it came. A checkpoint holds the hash of the one before, so that a
timestamp over one is a timestamp over all before it. An authority that does not answer holds nothing up: the clock
asks again.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import dataclasses
import datetime as dt
import fcntl
import hashlib
import itertools
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import requests
import rfc8785
import structlog
from cryptography import x509
from django.conf import settings
from rfc3161_client import (
    HashAlgorithm,
    TimeStampRequest,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from rfc3161_client.verify import Verifier

from audit import checkpoints

EVERY_SECONDS = 5 * 60
WAIT_SECONDS = 10
LARGEST = 100_000
CERTIFICATES = 0xA0  # of SignedData (RFC 5652): [0], a set
QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"

log = structlog.get_logger(__name__)


class Unavailable(Exception):
    """The authority gave no timestamp that counts; the message says why."""


class Wrong(Exception):
    """A kept timestamp that does not hold; the message says why."""


@dataclasses.dataclass(frozen=True)
class Timestamp:
    """An authority's answer over the checkpoint of that number and hash."""

    number: int
    sha256: str
    response: bytes

    def check(self) -> dt.datetime:
        """The time that it states, if it is over this hash and signed as TIMESTAMP_CA says. Raises Wrong."""
        try:
            answer = _decoded(self.response)
            _verifier().verify(answer, bytes.fromhex(self.sha256))
        except (ValueError, VerificationError) as error:
            raise Wrong(str(error)) from error
        return _time(answer)


def wanted() -> bool:
    return bool(settings.TIMESTAMP_URL)


def can_check() -> bool:
    return bool(settings.TIMESTAMP_CA)


def trusted() -> str:
    """The certificates (PEM) that the authority's signatures must lead to. Raises Unavailable."""
    try:
        return Path(settings.TIMESTAMP_CA).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(f"TIMESTAMP_CA cannot be read: {error}") from error


def stamp_latest() -> Timestamp | None:
    """Have the newest checkpoint timestamped; None where nothing is to do. Raises Unavailable."""
    newest = checkpoints.latest()
    last = latest()
    if newest is None or (last is not None and last.sha256 == newest.sha256):
        return None
    response = ask(rfc8785.dumps(newest.statement))
    made = Timestamp(newest.number, newest.sha256, response)
    with _held() as file:
        line = {"number": made.number, "sha256": made.sha256, "response": base64.b64encode(response).decode()}
        content, size = json.dumps(line, sort_keys=True).encode() + b"\n", os.fstat(file).st_size
        if os.write(file, content) != len(content):
            os.ftruncate(file, size)
            raise OSError("The timestamp was not written as a whole; is the disk full?")
        os.fsync(file)
    log.info("audit_timestamp", number=made.number, sha256=made.sha256)
    return made


def ask(message: bytes) -> bytes:
    """A timestamp over the message from the authority of TIMESTAMP_URL, checked. Raises Unavailable."""
    query = TimestampRequestBuilder().data(message).hash_algorithm(HashAlgorithm.SHA256).build()
    return _asked(query.as_bytes(), hashlib.sha256(message).digest(), query)


def answer(query: bytes, digest: bytes) -> bytes:
    """The authority's answer to a query that is there already, over this SHA-256; its nonce is not compared.

    Raises Unavailable.
    """
    return _asked(query, digest, None)


def _asked(query: bytes, digest: bytes, made: TimeStampRequest | None) -> bytes:
    try:
        with requests.post(
            settings.TIMESTAMP_URL,
            data=query,
            headers={"Content-Type": QUERY, "Accept": REPLY},
            timeout=WAIT_SECONDS,
            stream=True,
        ) as reply:
            reply.raise_for_status()
            content: bytes = reply.raw.read(LARGEST + 1, decode_content=True)
    except (requests.RequestException, OSError) as error:
        raise Unavailable(f"{_host()} does not answer: {type(error).__name__}") from error
    if len(content) > LARGEST:
        raise Unavailable(f"{_host()} answers with more than a timestamp")
    try:
        _verifier(made).verify(_decoded(content), digest)
    except (ValueError, VerificationError) as error:
        raise Unavailable(f"The answer of {_host()} does not verify: {error}") from error
    return content


def probe() -> dt.datetime:
    """Whether the authority would answer just now: the time that it states. Raises Unavailable."""
    return _time(_decoded(ask(secrets.token_bytes(32))))


def read() -> Iterator[Timestamp]:
    """All timestamps in their order. Raises Wrong for a line that cannot be read."""
    path = _path()
    if not path.exists():
        return
    with path.open("rb") as file:
        for count, line in enumerate(file, start=1):
            try:
                found = json.loads(line)
                response = base64.b64decode(found["response"], validate=True)
                yield Timestamp(int(found["number"]), str(found["sha256"]), response)
            except (ValueError, TypeError, KeyError, binascii.Error) as error:
                raise Wrong(f"line {count} of the timestamps cannot be read") from error


def latest() -> Timestamp | None:
    """The timestamp made last, unchecked; None also when the file cannot be read."""
    last = None
    try:
        for last in read():  # noqa: B007 (the last one)
            pass
    except Wrong:
        log.warning("timestamps_unreadable", file=str(_path()))
    return last


def _path() -> Path:
    return Path(settings.AUDIT_CHECKPOINTS).with_suffix(".timestamps.jsonl")


def _verifier(query: TimeStampRequest | None = None) -> Verifier:
    """Trusts the certificates of TIMESTAMP_CA; with a query, its nonce is asked for too. Raises ValueError."""
    try:
        known = x509.load_pem_x509_certificates(Path(settings.TIMESTAMP_CA).read_bytes())
    except OSError as error:
        raise ValueError(f"TIMESTAMP_CA cannot be read: {error}") from error
    roots = [one for one in known if one.issuer == one.subject] or known
    between = [one for one in known if one not in roots]
    return VerifierBuilder(roots=roots, intermediates=between, nonce=query.nonce if query else None).build()


def _decoded(response: bytes) -> TimeStampResponse:
    """Raises ValueError. Authorities that run on OpenSSL put their certificates in any order; the library wants the
    order of DER. No signature covers it, and nothing changes its length when they are sorted."""
    try:
        (reply,) = _elements(response, 0, len(response))
        token = _elements(response, *reply[1:])[1]
        content = _elements(response, *_elements(response, *token[1:])[1][1:])[0]
        for tag, first, last in _elements(response, *content[1:]):
            if tag == CERTIFICATES:
                ends = [end for _, _, end in _elements(response, first, last)]
                each = sorted(response[a:b] for a, b in itertools.pairwise([first, *ends]))
                response = response[:first] + b"".join(each) + response[last:]
    except IndexError as error:
        raise ValueError("it is no timestamp") from error
    return decode_timestamp_response(response)


def _elements(der: bytes, at: int, end: int) -> list[tuple[int, int, int]]:
    """What stands one after the other in DER from `at` to `end`: tag, and where the content begins and ends."""
    found = []
    while at < end:
        tag, size, start = der[at], der[at + 1], at + 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(der[at + 2 : start], "big")
        at = start + size
        if at > end:
            raise ValueError("it is cut off")
        found.append((tag, start, at))
    return found


def _time(answer: TimeStampResponse) -> dt.datetime:
    stated = answer.tst_info.gen_time
    return stated if stated.tzinfo else stated.replace(tzinfo=dt.UTC)


def _host() -> str:
    return urlsplit(settings.TIMESTAMP_URL).hostname or "The timestamp authority"


@contextlib.contextmanager
def _held() -> Iterator[int]:
    descriptor = os.open(_path(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
