"""A real clamd for tests: the machine's own, or Debian's packages unpacked under var/, nothing installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = ("clamav-base", "clamav-daemon", "libclamav12", "libmspack0")
UNPACKED = Path(__file__).resolve().parent.parent / "var" / "clamav"
MISSING = (
    "needs clamd: install clamav-daemon (apt-get install clamav-daemon), or let apt-get download "
    f"{' '.join(PACKAGES)} into a folder and unpack them with dpkg -x into {UNPACKED.name} under var/"
)
# The test file of the anti-malware industry, in two pieces so that this file is none itself.
EICAR = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*").encode()


def binary() -> Path | None:
    """clamd, fetched once where this is a Debian with its packages at hand; else None."""
    if found := shutil.which("clamd", path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
        return Path(found)
    unpacked = UNPACKED / "usr" / "sbin" / "clamd"
    if not unpacked.exists() and shutil.which("apt-get") and shutil.which("dpkg"):
        _fetch()
    return unpacked if unpacked.exists() else None


def _fetch() -> None:
    fresh = UNPACKED.with_name(f"clamav-{os.getpid()}")
    fresh.mkdir(parents=True, exist_ok=True)
    try:
        got = subprocess.run(
            ["apt-get", "download", *PACKAGES], cwd=fresh, capture_output=True, timeout=120, check=False
        )
        packages = sorted(fresh.glob("*.deb"))
        if got.returncode or not packages:
            return
        for package in packages:
            subprocess.run(["dpkg", "-x", str(package), str(fresh)], check=True, capture_output=True)
            package.unlink()
        if not UNPACKED.exists():
            fresh.rename(UNPACKED)
    except (OSError, subprocess.SubprocessError):
        return
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


@contextmanager
def clamd(folder: Path, *, most: str = "2M") -> Iterator[str]:
    """A scanner that knows one signature and takes files up to `most`; yields its SCANNER_URL."""
    program = binary()
    assert program is not None, MISSING
    signatures = folder / "signatures"
    signatures.mkdir(exist_ok=True)
    (signatures / "local.ndb").write_text(f"Local.Eicar-Test:0:*:{EICAR.hex()}\n")
    place = folder / "clamd.sock"
    config = folder / "clamd.conf"
    config.write_text(
        f"DatabaseDirectory {signatures}\nLocalSocket {place}\nForeground yes\nStreamMaxLength {most}\n"
        "MaxThreads 2\nConcurrentDatabaseReload no\n"
    )
    libraries = program.parent.parent / "lib" / "x86_64-linux-gnu"
    environment = {**os.environ, "LD_LIBRARY_PATH": str(libraries)} if UNPACKED in program.parents else None
    with (folder / "clamd.log").open("wb") as log:
        server = subprocess.Popen([str(program), "-c", str(config)], stdout=log, stderr=log, env=environment)
    try:
        deadline = time.monotonic() + 30
        while not _listens(place):
            assert server.poll() is None, (folder / "clamd.log").read_text()
            assert time.monotonic() < deadline, (folder / "clamd.log").read_text()
            time.sleep(0.05)
        yield f"unix://{place}"
    finally:
        server.kill()
        server.wait()
        place.unlink(missing_ok=True)


def _listens(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(place))
        except OSError:
            return False
    return True
