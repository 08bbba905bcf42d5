"""Readers' copies of a report of about 200 pages: ours, against a stamp by pikepdf that pyHanko signs."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import time
from collections.abc import Callable, Iterator

import pikepdf
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from accounts.certificates import Signer, kept_as, opened, opened_again
from accounts.models import SigningCertificate
from bench.results import Result, median, ratio
from reports import copying, sealing
from reports.book import book_of
from reports.rendering import Memory, Press, typeset
from tests.certificates import PASSWORD, a_file
from tests.reports import snapshots

CONTROLS = 480
TIMES = 15
KEYS = {"": rsa.generate_private_key(65537, 3072), "p256.": ec.generate_private_key(ec.SECP256R1())}
WHO = {"name": "Marlowe & Finch LLP", "reason": "Reader's copy", "location": "Portland"}


def measure() -> Iterator[Result]:
    press = Press()
    rendered = typeset(book_of(snapshots.full(CONTROLS), draft=None), Memory(), press)
    press.close()
    yield Result("copy.200.pages", rendered.pages, "pages")
    start = time.process_time()
    prepared = copying.prepare(rendered.pdf, **WHO)
    yield Result("copy.200.prepare_cpu_seconds", round(time.process_time() - start, 3), "s")
    yield Result("copy.200.kilobytes_added", round((len(prepared.content) - len(rendered.pdf)) / 1000, 1), "kB")
    for name, key in KEYS.items():
        kept = SigningCertificate(**kept_as(opened(a_file(key=key), PASSWORD)))
        ours, theirs = [], []
        for _ in range(TIMES):
            ours.append(taken(lambda kept=kept: ready_made(prepared, kept)))
            if len(theirs) < 3:
                theirs.append(taken(lambda kept=kept: made_anew(rendered.pdf, opened_again(kept))))
        quick = median(f"copy.200.{name}cpu_seconds", ours, "s")
        slow = median(f"copy.200.{name}stamp_and_sign_cpu_seconds", theirs, "s")
        yield quick
        yield slow
        yield ratio(f"copy.200.{name}cpu_vs_stamp_and_sign", quick, slow)


def taken(act: Callable[[], object]) -> float:
    start = time.process_time()
    act()
    return time.process_time() - start


def ready_made(prepared: copying.Prepared, kept: SigningCertificate) -> str:
    """All that a download does but for the database and the disk: hashes, the key, the copy, its hash."""
    hashlib.sha256(prepared.content).hexdigest()
    reader = copying.Reader("Dana Whitfield", "dana@reader.example", "7", dt.datetime.now(dt.UTC), "ab" * 32)
    copy = copying.copy(prepared.content, prepared.places, reader, opened_again(kept))
    return hashlib.sha256(copy).hexdigest()


def made_anew(pdf: bytes, signer: Signer) -> str:
    """The way without preparation: one form shared by all pages, saved by pikepdf, signed by pyHanko."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        font = pikepdf.Dictionary(
            Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
        )
        form = document.make_stream(
            b"BT /F 7 Tf 100 15 Td (Copy for Dana Whitfield, dana@reader.example) Tj ET",
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Form,
            BBox=[0, 0, 612, 30],
            Resources=pikepdf.Dictionary(Font=pikepdf.Dictionary(F=font)),
        )
        before, after = document.make_stream(b"q\n"), document.make_stream(b"\nQ /Stamp Do\n")
        for page in document.pages:
            contents = page.obj.Contents
            parts = list(contents) if isinstance(contents, pikepdf.Array) else [contents]
            page.obj.Contents = pikepdf.Array([before, *parts, after])
            if "/XObject" not in page.obj.Resources:
                page.obj.Resources.XObject = pikepdf.Dictionary()
            page.obj.Resources.XObject.Stamp = form
        saved = io.BytesIO()
        document.save(saved, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return hashlib.sha256(sealing.seal(saved.getvalue(), signer, **WHO)).hexdigest()
