"""`make demo`: builds once, serves, and leaves no process behind, however it is ended."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from config import demo
from config.embedded import OWNER, Services
from tests import database

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"),
]

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 240.0


@pytest.fixture
def home(django_db_setup: None) -> Iterator[Path]:
    """A home whose database is migrated already, as migrating is not what is tried here."""
    with tempfile.TemporaryDirectory(prefix="attestry-") as folder:
        home = Path(folder) / "home"
        services = Services(home, durable=False, also=database.ALSO)
        services.join()
        parameters = {"host": services.paths.sockets, "user": OWNER, "passfile": services.paths.password}
        database.load_migrated("attestry", parameters)
        services.leave()
        yield home
        for pid in processes(home):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Running:
    """`make demo` in a process group of its own, as a terminal would run it."""

    def __init__(self, home: Path, *, serve: bool = True, **environment: str) -> None:
        self.home, self.port = home, free_port()
        self.process = subprocess.Popen(
            ["make", "demo", f"PORT={self.port}", f"SERVE={int(serve)}"],
            cwd=ROOT,
            env=own_environment(home) | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said = ""

    def wait_for(self, words: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if words in line:
                return
        pytest.fail(f"{words!r} was never said:\n{self.said}")

    def ended(self) -> int:
        self.said += self.process.communicate(timeout=TIMEOUT)[0]
        return self.process.returncode

    @property
    def pid(self) -> int:
        return int((self.home / "demo" / "pid").read_text())


@pytest.mark.drill
def test_built_once_served_many_times_and_ended_by_ctrl_c(home: Path) -> None:
    built = Running(home, serve=False)
    assert built.ended() == 0, built.said
    report = home / "demo" / "R-1-26.pdf"
    assert f"Report: {report}" in built.said
    assert report.read_bytes() == b"%PDF-1.7 by a worker"
    assert processes(home) == {}

    started = Running(home)
    started.wait_for("until you press Ctrl-C")
    assert "Building" not in started.said
    assert f"Partner petra@example.com at http://127.0.0.1:{started.port}/" in started.said
    assert urllib.request.urlopen(f"http://127.0.0.1:{started.port}/healthz").read() == b"ok\n"

    second = Running(home)
    assert second.ended() != 0
    assert "The demo runs already" in second.said

    # A worker that dies is replaced.
    worker = worker_of(home)
    os.kill(worker, signal.SIGKILL)
    until(lambda: any("manage.py worker" in line for pid, line in processes(home).items() if pid != worker))

    os.killpg(started.process.pid, signal.SIGINT)
    started.ended()
    assert "Attestry has stopped" in started.said
    assert processes(home) == {}


@pytest.mark.drill
def test_sigterm_to_make_ends_everything(home: Path) -> None:
    started = Running(home)
    started.wait_for("until you press Ctrl-C")
    started.process.terminate()
    started.ended()
    until(lambda: processes(home) == {})


@pytest.mark.drill
def test_a_killed_demo_takes_its_processes_with_it(home: Path) -> None:
    started = Running(home)
    started.wait_for("until you press Ctrl-C")
    assert len(processes(home)) > 5
    os.kill(started.pid, signal.SIGKILL)
    started.ended()
    until(lambda: processes(home) == {})


@pytest.mark.drill
def test_clean_demo_ends_a_running_one_and_deletes_what_it_left(home: Path) -> None:
    started = Running(home)
    started.wait_for("until you press Ctrl-C")
    (home / "bench").mkdir()
    done = subprocess.run(
        ["make", "clean-demo"], cwd=ROOT, env=own_environment(home), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    started.ended()
    assert processes(home) == {}
    assert [path.name for path in home.iterdir()] == ["bench"]


@pytest.mark.drill
def test_an_interrupted_build_is_remembered(home: Path) -> None:
    broken = Running(home, serve=False, QUICK_DEMO_BREAKS="1")
    assert broken.ended() != 0
    assert (home / "demo" / "building").exists()
    assert processes(home) == {}


@pytest.mark.django_db(transaction=True)
def test_what_was_half_built_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    demo._start_over()
    assert connection.introspection.table_names() == []


@pytest.mark.django_db
@pytest.mark.drill
def test_a_database_of_ones_own_is_never_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://db.example/attestry")
    with pytest.raises(demo.Failed, match="empty the database of DATABASE_URL yourself"):
        demo._start_over()


@pytest.mark.drill
def test_services_in_use_by_others_are_not_deleted(home: Path) -> None:
    other = Services(home, durable=False)
    other.join()
    try:
        with pytest.raises(demo.Failed, match="Another process uses the services"):
            demo.clean(home, say=print)
        assert other.running
    finally:
        other.leave()


@pytest.mark.drill
def test_a_taken_port_is_named_before_anything_is_built(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "manage.py", "demo", "--port", str(port)],
            cwd=ROOT,
            env=own_environment(home),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode != 0
    assert f"Port {port} is used by another program" in done.stderr
    assert not (home / "demo" / "worker.log").exists()
    assert processes(home) == {}


def own_environment(home: Path) -> dict[str, str]:
    ours = ("DATABASE_URL", "BROKER_URL", "PYTEST_", "MAKE", "MFLAGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {
        "ATTESTRY_HOME": str(home),
        "ATTESTRY_ENV": "demo",
        "DJANGO_SETTINGS_MODULE": "tests.config.quick_demo.settings",
    }


def processes(home: Path) -> dict[int, str]:
    """The command lines of all processes that work on this home, but this one."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            environment = (folder / "environ").read_bytes()
            if (
                line
                and int(folder.name) != os.getpid()
                and (str(home) in line or str(home).encode() in environment)
            ):
                found[int(folder.name)] = line
    return found


def worker_of(home: Path) -> int:
    """The oldest worker process: the one that makes the others."""
    return min(pid for pid, line in processes(home).items() if "manage.py worker" in line)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
