"""A timestamp authority of our own: openssl behind HTTP, with a root, a certificate for timestamps, and a clock."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

CONFIGURATION = """
[tsa]
default_tsa = own
[own]
serial = serial
crypto_device = builtin
signer_cert = tsa.pem
certs = root.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[stamping]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
"""


class Authority:
    """`root` is the file with its certificate. `mood` says how it answers: "well", "down", "junk" or "other"."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mood, self.asked = folder, "well", 0
        folder.mkdir(parents=True)
        (folder / "tsa.cnf").write_text(CONFIGURATION)
        (folder / "serial").write_text("01\n")
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        for name, section, signed in (
            ("root", "ca", []),
            ("tsa", "stamping", ["-CA", "root.pem", "-CAkey", "root.key"]),
        ):
            self._openssl(
                *("req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "30"),
                *("-subj", f"/O=Test/CN={name}", "-config", "req.cnf", "-extensions", section, *signed),
            )
        self.root = folder / "root.pem"

    def _openssl(self, *arguments: str) -> None:
        (self.folder / "req.cnf").write_text("[req]\ndistinguished_name = name\n[name]\n" + CONFIGURATION)
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()

    def answer(self, query: bytes) -> tuple[int, bytes]:
        self.asked += 1
        if self.mood == "down":
            return 503, b""
        if self.mood == "junk":
            return 200, b"<html>Out of order"
        if self.mood == "endless":
            return 200, b"x" * 200_000
        if self.mood == "other" and (self.folder / "reply").exists():
            return 200, (self.folder / "reply").read_bytes()
        (self.folder / "query").write_bytes(query)
        self._openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "reply")
        return 200, (self.folder / "reply").read_bytes()


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Authority, str]]:
    """The authority and its address."""
    authority = Authority(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/timestamp-query"
            status, body = authority.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield authority, f"http://127.0.0.1:{server.server_port}/tsa"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
