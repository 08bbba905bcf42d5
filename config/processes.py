"""Child processes that end when their parent does, however it ends."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PR_SET_PDEATHSIG = 1
GRACE_SECONDS = 15.0


def web_command(host: str, port: int, workers: int = 1) -> list[str]:
    """How granian serves the application.

    It otherwise waits without bound for a request in flight when it is told to stop, and leaves a
    worker that died unreplaced.
    """
    return [
        *(sys.executable, "-m", "granian", "config.wsgi:application"),
        *("--interface", "wsgi", "--host", host, "--port", str(port)),
        *("--workers", str(workers), "--blocking-threads", "4"),
        *("--workers-kill-timeout", "30", "--respawn-failed-workers", "--log-level", "warning"),
    ]


def manage(*arguments: str) -> list[str]:
    return [sys.executable, str(REPOSITORY / "manage.py"), *arguments]


@dataclass
class Child:
    """A process in a session of its own, so that a Ctrl-C reaches only the parent, which ends it in order."""

    name: str
    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_end_with_parent(),  # noqa: PLW1509 (the parent has no threads at this point)
            )

    @property
    def running(self) -> bool:
        return self.process.poll() is None


def end(children: list[Child], grace: float = GRACE_SECONDS) -> None:
    """Asks every child to end, kills after `grace` seconds what is left of it and of its own children."""
    started = [child for child in children if hasattr(child, "process")]
    for child in started:
        if child.running:
            child.process.terminate()
    deadline = time.monotonic() + grace
    for child in started:
        while child.running and time.monotonic() < deadline:
            time.sleep(0.05)
        try:
            os.killpg(child.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # macOS says the latter of zombies
            continue
        finally:
            child.process.wait()


def _end_with_parent() -> Callable[[], None] | None:
    """Linux tells the child when its parent was killed; elsewhere only an orderly end reaches it."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
