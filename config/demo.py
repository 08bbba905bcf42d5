"""`make demo`: everything at once on this machine, with engagements made through the product's own flows.

Services, migrations, a worker and a clock, the demonstration engagements, the issued report as a worker
rendered it, and the web server. Whatever is started here ends with it.
"""

import fcntl
import os
import re
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from psycopg2 import sql

from config import environment
from config.embedded import OWNER, Services
from config.postgresql import plain
from config.processes import Child, end, manage, web_command
from engagements.models import Engagement
from jobs.models import Job
from reports import storage
from reports.models import Issuance

REPORT_TIMEOUT = 600.0
START_TIMEOUT = 60.0
STOP_TIMEOUT = 60.0
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What a demo leaves below its home, and `make clean-demo` deletes.
LEFT = ("audit", "audit.key", "demo", "mail", "services", "services.lock", "services.users", "static", "storage")

Say = Callable[[str], object]


class Failed(Exception):
    """The demo cannot be started or did not come out; the message says why and what to do."""


class Demo:
    def __init__(self, home: Path, *, port: int, say: Say) -> None:
        self.folder = home / "demo"
        self.port = port
        self.say = say
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.background = [
            Child("worker", manage("worker"), self.folder / "worker.log"),
            Child("beat", manage("beat"), self.folder / "beat.log"),
        ]
        self.web = Child("web", web_command("127.0.0.1", port), self.folder / "web.log")

    def run(self, *, serve: bool) -> None:
        """Builds what is missing; serves until the process is told to end, or ends when all is there.

        Raises Failed. Ends every process it started, in any case.
        """
        lock = _only_one(self.folder)
        try:
            if serve:
                self._check_port()
            self._build()
            for path in self._copy_reports():
                self.say(f"Report: {path}")
            if serve:
                self._serve()
        finally:
            # A second Ctrl-C must not keep the first from ending what it has to.
            for number in ENDING:
                signal.signal(number, signal.SIG_IGN)
            end([self.web, *self.background])
            os.close(lock)

    def _build(self) -> None:
        building = self.folder / "building"
        if building.exists():
            self.say("An earlier start was interrupted; starting over.")
            _start_over()
        self.say("Preparing the database")
        call_command("migrate", verbosity=0, interactive=False)
        if not settings.WHITENOISE_USE_FINDERS:
            call_command("collectstatic", verbosity=0, interactive=False)
        # No connection may be open while processes are made: they would share it.
        connections.close_all()
        for child in self.background:
            child.start()
        if not Engagement.objects.exists():
            self.say("Building the demonstration engagements")
            building.touch()
            call_command("demo_data", verbosity=0)
            building.unlink()
        self._wait_for_jobs()
        call_command("audit_checkpoint", verbosity=0)

    def _wait_for_jobs(self) -> None:
        deadline = time.monotonic() + REPORT_TIMEOUT
        told = ""
        while job := Job.objects.unfinished().order_by("pk").first():
            line = f"Waiting for the worker: {job.kind}, {job.progress} % {job.message}".rstrip()
            if line != told:
                self.say(line)
                told = line
            if time.monotonic() > deadline:
                raise Failed(
                    f"The worker did not finish within {REPORT_TIMEOUT:.0f} s: see {self.folder}/worker.log."
                )
            self._keep_running()
            time.sleep(0.2)

    def _copy_reports(self) -> list[Path]:
        """The issued reports as files. Raises Failed when there is none."""
        issued = list(Issuance.objects.filter(state=Issuance.State.CURRENT).order_by("pk"))
        if not issued:
            failed = Job.objects.filter(state=Job.State.FAILED).order_by("-pk").first()
            why = f": {failed.error}" if failed else ""
            raise Failed(f"No report was issued{why} (see {self.folder}/worker.log).")
        return [_copy(issuance, self.folder) for issuance in issued]

    def _serve(self) -> None:
        self.web.start()
        self._wait_for_web()
        logins = self.folder / "logins.txt"
        if logins.exists():
            self.say(logins.read_text().replace("{site}", settings.SITE_URL).rstrip())
        self.say(f"Attestry runs at {settings.SITE_URL}/ until you press Ctrl-C.")
        # A flag, no exception: one that is raised while an ended child is collected would be dropped.
        told = threading.Event()
        for number in ENDING:
            signal.signal(number, lambda *_: told.set())
        while not told.wait(0.5):
            self._keep_running()
            if not self.web.running:
                raise Failed(f"The web server ended: see {self.web.log}.")
        raise KeyboardInterrupt

    def _keep_running(self) -> None:
        """A worker or clock that died is started again, as an operator's supervisor would."""
        for child in self.background:
            if not child.running:
                time.sleep(1)
                child.start()

    def _wait_for_web(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not _listens(self.port):
            if not self.web.running or time.monotonic() > deadline:
                raise Failed(f"The web server did not start: see {self.web.log}.")
            time.sleep(0.1)

    def _check_port(self) -> None:
        if _listens(self.port):
            raise Failed(f"Port {self.port} is used by another program; choose one: make demo PORT=8001")


def clean(home: Path, *, say: Say) -> None:
    """Ends a running demo and deletes what it left. Raises Failed when somebody else uses the services."""
    _end_running(home / "demo")
    # A demo that was just told to end gives the services back last of all.
    deadline = time.monotonic() + STOP_TIMEOUT / 4
    while home.exists() and not Services(home).stop_if_unused():
        if time.monotonic() > deadline:
            raise Failed(f"Another process uses the services in {home}: end it first.")
        time.sleep(0.1)
    for name in LEFT:
        path = home / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    say(f"The demonstration in {home} is gone.")


def _end_running(folder: Path) -> None:
    """Tells a running demo to end and waits until it has."""
    deadline = time.monotonic() + STOP_TIMEOUT
    told = False
    while folder.exists():
        try:
            os.close(_only_one(folder))
        except Failed:
            pid = (folder / "pid").read_text()
            if not told and pid:
                os.kill(int(pid), signal.SIGTERM)
                told = True
            if time.monotonic() > deadline:
                raise Failed(f"The demo (process {pid}) does not end.") from None
            time.sleep(0.1)
        else:
            return


def _only_one(folder: Path) -> int:
    """Locks the demo of this home; the lock is the process's own. Raises Failed when it runs already."""
    path = folder / "pid"
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise Failed(f"The demo runs already (process {path.read_text()}); end it with: make clean-demo") from None
    os.truncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def _start_over() -> None:
    """Drops what an interrupted start left half-built. Only ever the embedded database."""
    if environment.text("DATABASE_URL"):
        raise Failed("An earlier start was interrupted: empty the database of DATABASE_URL yourself.")
    name = connection.settings_dict["NAME"]
    parameters = connection.get_connection_params()
    connections.close_all()
    server = plain(parameters, dbname="postgres", user=OWNER)
    try:
        with server.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    finally:
        server.close()
    # They speak of chains that are gone.
    settings.AUDIT_CHECKPOINTS.unlink(missing_ok=True)


def _copy(issuance: Issuance, folder: Path) -> Path:
    path = folder / (re.sub(r"[^\w.-]+", "-", f"{issuance.number}") + ".pdf")
    path.write_bytes(storage.pdf_of(issuance.engagement_id, issuance.pdf_sha256))
    return path


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
