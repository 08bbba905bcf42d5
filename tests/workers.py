"""Real Celery workers on the broker and the database of the test that starts them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import redis
from django.conf import settings
from django.db import connection
from kombu import Connection

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT = 60.0


class Workers:
    """Starts worker processes, and kills them as a crash or an out-of-memory killer would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        _empty_broker()

    def start(self, *, concurrency: int = 1) -> "subprocess.Popen[bytes]":
        """A worker in a process group of its own, ready to take jobs."""
        log = self.folder / f"worker-{len(self.processes)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "worker", f"--concurrency={concurrency}"],
                cwd=ROOT,
                env=os.environ
                | {
                    "DATABASE_URL": _database_url(),
                    "BROKER_URL": settings.CELERY_BROKER_URL,
                    "LOG_LEVEL": "INFO",
                },
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.processes.append(process)
        deadline = time.monotonic() + START_TIMEOUT
        while " ready." not in (shown := log.read_text()):
            assert process.poll() is None, shown
            assert time.monotonic() < deadline, shown
            time.sleep(0.05)
        return process

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        """Ends a worker and its children at once, with no chance to say anything."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                self.kill(process)

    @property
    def log(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("worker-*.log")))


def _database_url() -> str:
    database = connection.settings_dict
    host, passfile = (quote(part, safe="") for part in (database["HOST"], database["OPTIONS"]["passfile"]))
    return f"postgres://{database['USER']}@{host}/{database['NAME']}?passfile={passfile}"


def _empty_broker() -> None:
    with Connection(settings.CELERY_BROKER_URL) as broker:
        client = broker.default_channel.client
        assert isinstance(client, redis.Redis)
        client.flushdb()
