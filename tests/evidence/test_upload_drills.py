"""Uploads under pressure: aborted, killed, mutated and malicious, in numbers. Deselected unless asked for."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import os
import random
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from django.conf import settings as configured
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image
from pytest_django import Settings

from audit.context import act_for_everybody
from engagements.models import Engagement, Stage
from evidence import staging
from evidence.models import EvidenceFile, Upload
from evidence.validation import CONTENT_TYPES, Refused, inspect
from jobs.models import Job
from jobs.running import run
from tests import factories as f
from tests.evidence import makers
from tests.evidence.test_resumable import VERSION, meta
from tests.evidence.test_validation import document, packed, picture, png, word, workbook
from tests.workers import ROOT, _database_url

pytestmark = [pytest.mark.drill, pytest.mark.services]

UPLOADS, ABORTS, KILLS = 100, 200, 5
MALFORMED = int(os.environ.get("MALFORMED", "2000"))


# -- Aborts and kills ------------------------------------------------------------------------------


class Server:
    """The product's own web server on this test's database, killed and started at will."""

    def __init__(self, folder: Path, staging: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.folder, self.staging = folder, staging
        self.started = 0
        self.start()

    def start(self) -> None:
        self.started += 1
        with (self.folder / f"web-{self.started}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "web", "--port", str(self.port)],
                cwd=ROOT,
                env=os.environ | {"DATABASE_URL": _database_url(), "UPLOAD_STAGING": str(self.staging)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 120
        while not self.answers():
            assert time.monotonic() < deadline, (self.folder / f"web-{self.started}.log").read_text()
            time.sleep(0.2)

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as probe:
                probe.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                return probe.recv(12) == b"HTTP/1.1 200"
        except OSError:
            return False

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Sender:
    """A client of tus that breaks off when told to, and goes on when the server is back."""

    def __init__(self, port: int, headers: dict[str, str], chance: random.Random) -> None:
        self.port, self.headers, self.chance = port, headers, chance

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> Any:
        """The answer, asked for until the server gives one."""
        for _ in range(600):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                connection.request(method, path, body=body, headers={**self.headers, **VERSION, **headers})
                answer = connection.getresponse()
                answer.read()
                return answer
            except (OSError, http.client.HTTPException):
                time.sleep(0.1)
            finally:
                connection.close()
        raise AssertionError("the server did not come back")

    def offset(self, place: str) -> int:
        return int(self.ask("HEAD", place, {}).headers["Upload-Offset"])

    def break_off(self, place: str, data: bytes, at: int) -> None:
        """Announce all the rest and send only a piece of it."""
        rest = data[at:]
        sent = rest[: self.chance.randrange(1, len(rest))]
        lines = {
            **self.headers,
            **VERSION,
            "Host": "127.0.0.1",
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": str(at),
            "Content-Length": str(len(rest)),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(f"PATCH {place} HTTP/1.1\r\n{head}\r\n".encode() + sent)
            if self.chance.random() < 0.5:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def send(self, begin: str, name: str, data: bytes, aborts: int) -> None:
        place = self.ask(
            "POST",
            begin,
            {"Upload-Length": str(len(data)), "Upload-Metadata": meta(filename=name, request="REQ-001")},
            b"",
        ).headers["Location"]
        least = 0
        while (at := self.offset(place)) < len(data):
            assert at >= least, "what had arrived was lost"
            least = at
            if aborts:
                aborts -= 1
                self.break_off(place, data, at)
                continue
            # At 423 the server still holds the connection that was broken.
            answer = self.ask(
                "PATCH",
                place,
                {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(at)},
                data[at : at + 200_000],
            )
            assert answer.status in (204, 400, 409, 423), answer.status


@pytest.mark.django_db(transaction=True)
def test_aborts_and_kills_lose_nothing(settings: Settings, tmp_path: Path) -> None:
    settings.UPLOAD_STAGING = tmp_path / "staging"
    engagement = f.at_stage(f.accepted(), Stage.FIELDWORK)
    makers.request(engagement)
    client = Client()
    client.force_login(f.people(engagement)["owen"], backend="django.contrib.auth.backends.ModelBackend")
    session = client.cookies[configured.SESSION_COOKIE_NAME].value
    secret = "a" * 32
    headers = {
        "Cookie": f"{configured.SESSION_COOKIE_NAME}={session}; {configured.CSRF_COOKIE_NAME}={secret}",
        "X-CSRFToken": secret,
    }
    chance = random.Random(4)
    files = {
        f"log-{number}.txt": b"2026-01-09 " + chance.randbytes(chance.randrange(50_000, 400_000)).hex().encode()
        for number in range(UPLOADS)
    }
    aborts = [0] * UPLOADS
    for _ in range(ABORTS):
        aborts[chance.randrange(UPLOADS)] += 1
    begin = reverse("evidence:begin_upload", args=[engagement.pk])
    server = Server(tmp_path, tmp_path / "staging")
    done = threading.Event()

    def kill_now_and_then() -> None:
        for number in range(KILLS):
            target = UPLOADS * (number + 1) // (KILLS + 1)
            while len(finished) < target and not done.wait(0.05):
                pass
            server.kill()
            server.start()

    finished: list[str] = []

    def send(job: tuple[int, str]) -> None:
        number, name = job
        Sender(server.port, headers, random.Random(number)).send(begin, name, files[name], aborts[number])
        finished.append(name)

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(send, enumerate(files)))
    finally:
        done.set()
        killer.join()
        server.kill()
    assert server.started == KILLS + 1
    act_for_everybody()
    for job in Job.objects.unfinished().filter(kind="evidence.check_upload").order_by("pk"):
        run(job.pk)
    # Announced to a server that was killed before it could answer: begun again by the client, and left to expire.
    unheard = Upload.objects.exclude(state=Upload.State.DONE)
    assert {(one.state, staging.offset(one.token)) for one in unheard} <= {("receiving", 0)}
    assert len(unheard) <= 4 * KILLS
    received = {file.name: file for file in EvidenceFile.objects.all()}
    assert len(received) == EvidenceFile.objects.count() == UPLOADS
    for name, data in files.items():
        assert received[name].sha256 == hashlib.sha256(data).hexdigest(), name
        with received[name].open() as stored:
            assert stored.read() == data
    assert {path.stem for path in (tmp_path / "staging").iterdir()} == {str(one.token) for one in unheard}


# -- Malformed files -------------------------------------------------------------------------------


def seeds() -> dict[str, bytes]:
    return {
        "pdf": document(),
        "png": picture(),
        "jpg": picture("JPEG"),
        "xlsx": workbook(),
        "docx": word(),
        "zip": packed({"a.txt": b"2026-01-01", "b.csv": b"a,b\n1,2\n"}),
        "csv": b"ticket,day\nOFF-1,2026-01-01\nOFF-2,2026-01-02\n",
        "txt": b"disabled 2026-01-09 by owen\n" * 20,
        "json": json.dumps([{"ticket": number, "day": "2026-01-01"} for number in range(20)]).encode(),
    }


NAMES = ("a", "../../etc/passwd", "x" * 400, "\u202etxt.exe", "con", "a\x00b", "…", " ", "a.b.c", "REQ-001 '\"<b>")


def mutated(data: bytes, chance: random.Random) -> bytes:
    kind = chance.randrange(8)
    at = chance.randrange(len(data))
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data + chance.randbytes(chance.randrange(1, 4000))
    if kind == 2:
        return chance.randbytes(chance.randrange(1, 400)) + data
    if kind == 3:
        return data[:at] + data[at + chance.randrange(1, 200) :]
    if kind == 4:
        return data[:at] + data[:at] + data[at:]
    if kind == 5:
        return data[:at] + b"\x00" * chance.randrange(1, 600) + data[at:]
    changed = bytearray(data)
    for _ in range(1 if kind == 6 else chance.randrange(1, 60)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def honest(kind: str, data: bytes) -> bool:
    """Whether another parser than the one that let it in finds what the ending promises."""
    try:
        if kind == "pdf":
            return len(pypdfium2.PdfDocument(data)) > 0
        if kind in ("png", "jpg"):
            with Image.open(io.BytesIO(data)) as image:
                image.load()
                return image.format == {"png": "PNG", "jpg": "JPEG"}[kind]
        if kind in ("xlsx", "docx", "pptx", "zip"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return archive.testzip() is None
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except (OSError, ValueError, SyntaxError, zipfile.BadZipFile, zlib.error, pypdfium2.PdfiumError):
        return False
    if kind == "json":
        json.loads(text)
    return "\x00" not in text


@pytest.mark.django_db
def test_malformed_files_are_answered_in_words(settings: Settings, tmp_path: Path) -> None:
    store = settings.STORAGES["evidence"]
    assert str(tmp_path) in str(store["OPTIONS"]["location"])
    engagement: Engagement = f.at_stage(f.accepted(), Stage.FIELDWORK)
    asked = makers.request(engagement)
    client = Client(raise_request_exception=False)
    client.force_login(f.people(engagement)["owen"], backend="django.contrib.auth.backends.ModelBackend")
    url = reverse("evidence:upload", args=[engagement.pk, asked.code])
    chance = random.Random(2000)
    kinds = seeds()
    answers: dict[int, int] = {}
    outside = []
    for number in range(MALFORMED):
        kind = chance.choice(list(kinds))
        data = mutated(kinds[kind], chance)
        claimed = kind if chance.random() < 0.85 else chance.choice([*CONTENT_TYPES, "exe", "html", ""])
        name = f"{chance.choice(NAMES)}{number}.{claimed}"
        answer = client.post(url, {"file": SimpleUploadedFile(name, data)}, headers={"Accept": "application/json"})
        answers[answer.status_code] = answers.get(answer.status_code, 0) + 1
        if answer.status_code == 201 and not (claimed in CONTENT_TYPES and honest(claimed, data)):
            outside.append((number, name))
        elif answer.status_code == 422:
            assert answer.json()["error"].strip()
    assert set(answers) <= {201, 422}, answers
    assert not outside
    assert answers[422] > MALFORMED // 3, answers
    for file in EvidenceFile.objects.all():
        with file.open() as stored:
            assert inspect(stored, file.name).kind == file.kind


# -- Bombs -----------------------------------------------------------------------------------------


def flate_pdf(layers: int, size: int) -> bytes:
    content = b" " * size
    for _ in range(layers):
        content = zlib.compress(content, 9)
    made = pikepdf.new()
    page = made.add_blank_page()
    page.obj.Contents = pikepdf.Stream(made, b"")
    stream = pikepdf.Stream(made, content)
    stream.stream_dict["/Filter"] = pikepdf.Array([pikepdf.Name("/FlateDecode")] * layers)
    made.Root["/Hidden"] = made.make_indirect(stream)
    out = io.BytesIO()
    made.save(out, compress_streams=False, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return out.getvalue()


def object_stream_pdf(size: int) -> bytes:
    body = zlib.compress(b"1 0 << /A (" + b"x" * size + b") >>", 9)
    head = b"%PDF-1.7\n"
    first = b"1 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length %d >>\nstream\n" % len(body)
    return head + first + body + b"\nendstream\nendobj\ntrailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"


def sparse_zip(names: list[str], size: int) -> bytes:
    return packed(dict.fromkeys(names, b"\0" * size))


def large_png(width: int, height: int) -> bytes:
    rows = zlib.compress(b"\0" * (width // 8 + 1) * 64, 9)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return png((b"IHDR", head), (b"IDAT", rows))


def laughing(part: str, kind: str) -> bytes:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    text = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{entities}]><x>&l9;</x>'.encode()
    source = workbook() if kind == "xlsx" else word()
    with zipfile.ZipFile(io.BytesIO(source)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return packed({**parts, part: text})


def stuffed(kind: str, part: str, size: int, filling: bytes) -> bytes:
    source = workbook() if kind == "xlsx" else word()
    with zipfile.ZipFile(io.BytesIO(source)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return packed({**parts, part: filling * (size // len(filling))})


def nested(depth: int) -> bytes:
    data = packed({"zeros.txt": b"\0" * (5 << 20)})
    for _ in range(depth):
        data = packed({f"{number}.zip": data for number in range(8)})
    return data


def bombs() -> Iterator[tuple[str, Callable[[], bytes]]]:
    mb = 1 << 20
    for size in (20, 120, 480):
        yield "zip", lambda size=size: sparse_zip(["a.txt"], size * mb)
        yield "zip", lambda size=size: sparse_zip([f"{n}.txt" for n in range(8)], size * mb // 8)
    for depth in (1, 2, 3):
        yield "zip", lambda depth=depth: nested(depth)
    for count in (2_001, 20_000, 60_000):
        yield "zip", lambda count=count: packed({f"{n}": b"" for n in range(count)}, zipfile.ZIP_STORED)
    for kind, part in (("xlsx", "xl/worksheets/sheet1.xml"), ("docx", "word/document.xml")):
        for size in (60, 200, 400):
            yield kind, lambda kind=kind, part=part, size=size: stuffed(kind, part, size * mb, b"<c/>" * 100)
        yield kind, lambda kind=kind, part=part: laughing(part, kind)
        yield kind, lambda kind=kind: laughing("[Content_Types].xml", kind)
        yield kind, lambda kind=kind: stuffed(kind, "extra/zeros.bin", 300 * mb, b"\0" * 1000)
    for side in (10_000, 20_000, 30_000, 60_000, 2_000_000):
        yield "png", lambda side=side: large_png(side, side)
    for layers, size in ((2, 100), (3, 300), (4, 300)):
        yield "pdf", lambda layers=layers, size=size: flate_pdf(layers, size * mb)
    for size in (100, 300):
        yield "pdf", lambda size=size: object_stream_pdf(size * mb)
    for depth in (5_000, 100_000, 1_000_000, 10_000_000):
        yield "json", lambda depth=depth: b"[" * depth + b"]" * depth
    yield "json", lambda: b'{"a":' * 500_000 + b"1" + b"}" * 500_000
    yield "json", lambda: b"[" + b"1," * (20 * mb) + b"1]"
    yield "json", lambda: b'"' + b"x" * (40 * mb) + b'"'


def test_bombs_are_refused_at_once() -> None:
    thrown = 0
    accepted, slow = [], []
    for number, (kind, make) in enumerate(bombs()):
        data = make()
        thrown += 1
        before = spent()
        try:
            inspect(io.BytesIO(data), f"bomb-{number}.{kind}")
        except Refused:
            pass
        else:
            accepted.append((number, kind))
        if (seconds := spent() - before) > 2:
            slow.append((number, kind, round(seconds, 1)))
        del data
    assert thrown >= 40
    assert not accepted
    assert not slow
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert largest < 300 * 1024, f"{largest >> 10} MB"


def spent() -> float:
    """Seconds of processor of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
