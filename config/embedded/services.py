"""Starting, sharing and stopping the embedded servers."""

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from config.embedded.identity import (
    ELSE,
    ENVIRON,
    Identity,
    identity_for,
    name_of,
    postgresql_binaries,
    valkey_binary,
)
from config.embedded.paths import AUDIT, BACKUP, DATABASE, OWNER, ROLE, CannotStart, Paths

# docs/operating.md has the same for a server of one's own.
ROLES = (
    f"CREATE ROLE {AUDIT} NOLOGIN",
    # So that it can hand the trail over to the one, and end the connections of the other.
    f"GRANT {AUDIT}, {ROLE} TO {OWNER}",
    f"ALTER ROLE {OWNER} CREATEDB",
    f"ALTER ROLE {BACKUP} BYPASSRLS",
    f"GRANT pg_read_all_data TO {BACKUP}",
)
START_TIMEOUT = 60.0
STOP_TIMEOUT = 30.0


class Services:
    """The embedded PostgreSQL and Valkey of one home, seen from this process."""

    def __init__(self, home: Path, *, durable: bool = True, also: Sequence[str] = ()) -> None:
        """`durable=False` trades safety against power loss for speed; only for tests.

        `also`: statements, a line each, that the superuser runs once in a new cluster.
        """
        self.paths = Paths(home)
        self.durable = durable
        self.also = also
        self._users: int | None = None
        self._joined_in = 0
        self._children: list[subprocess.Popen[bytes]] = []

    def join(self) -> None:
        """Registers this process as a user of the services and starts what does not run.

        Raises CannotStart.
        """
        if self._users is not None:
            return
        self._make_home()
        with self._start_lock():
            self._users = _open(self.paths.users_lock)
            self._joined_in = os.getpid()
            fcntl.flock(self._users, fcntl.LOCK_SH)
            try:
                self._start()
            except BaseException:
                self._release()
                raise

    def leave(self) -> None:
        """Gives the services up; the last user stops them. Does nothing in a forked child."""
        if self._users is None or self._joined_in != os.getpid():
            return
        with self._start_lock():
            self._release()
            self._stop_if_unused()

    def stop_if_unused(self) -> bool:
        """Stops the services if no process uses them; says whether they are stopped now."""
        with self._start_lock():
            return self._stop_if_unused()

    def _stop_if_unused(self) -> bool:
        users = _open(self.paths.users_lock)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._stop()
        except BlockingIOError:
            return False
        finally:
            os.close(users)
        return True

    @property
    def running(self) -> bool:
        return self._postgresql_ready() and self._valkey_ready()

    # ---- both servers

    def _start(self) -> None:
        if self.running:
            return
        runner = identity_for(self.paths)
        self._make_directories(runner)
        if not self._postgresql_ready():
            if not self.paths.data.exists():
                self._create_cluster(runner)
            self._start_postgresql(runner)
        if not self._valkey_ready():
            self._start_valkey(runner)

    def _stop(self) -> None:
        self._stop_valkey()
        self._stop_postgresql()
        for child in self._children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(5)
        self._children.clear()

    def _spawn(self, runner: Identity, log: str, *command: str | Path, **environ: str) -> subprocess.Popen[bytes]:
        path = self.paths.root / log
        if path.exists() and path.stat().st_size > 5_000_000:
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as output:
            child = subprocess.Popen(
                runner.command(*command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=ENVIRON | environ,
                start_new_session=True,
                **runner.privileges,
            )
        self._children.append(child)
        return child

    def _failure(self, server: str, log: str) -> CannotStart:
        path = self.paths.root / log
        last = path.read_text(errors="replace").splitlines()[-5:] if path.exists() else []
        return CannotStart(f"{server} did not start ({path}):\n" + "\n".join(last) + f"\n{ELSE}")

    # ---- PostgreSQL

    def _create_cluster(self, runner: Identity) -> None:
        """A new cluster with our role and database; it takes its place only when it is complete."""
        new = self.paths.data.with_name("postgresql.new")
        shutil.rmtree(new, ignore_errors=True)
        binaries = postgresql_binaries()
        passwords = {role: secrets.token_urlsafe(32) for role in (ROLE, OWNER, BACKUP)}
        _write_private(
            self.paths.password, "".join(f"*:*:*:{role}:{password}\n" for role, password in passwords.items())
        )
        self._run(
            runner,
            [
                *(binaries / "initdb", "-D", new, "-U", "postgres", "-A", "trust", "-E", "UTF8"),
                *("--locale-provider=builtin", "--locale=C.UTF-8", "--data-checksums"),
                *(() if self.durable else ("--no-sync",)),
            ],
        )
        # In single-user mode, where nobody can connect: the superuser never gets a password.
        self._run(
            runner,
            [binaries / "postgres", "--single", "-D", new, "postgres"],
            "\n".join(
                [
                    *(f"CREATE ROLE {role} LOGIN PASSWORD '{word}'" for role, word in passwords.items()),
                    *ROLES,
                    f"CREATE DATABASE {DATABASE} OWNER {OWNER}",
                    *self.also,
                    "",
                ]
            ),
        )
        rules = new / "pg_hba.conf"
        rules.write_text(
            "# Everybody who reaches the socket still shows the password.\nlocal all all scram-sha-256\n"
        )
        new.rename(self.paths.data)

    def _run(self, runner: Identity, command: Sequence[str | Path], typed: str = "") -> None:
        done = subprocess.run(
            runner.command(*command),
            input=typed,
            capture_output=True,
            text=True,
            cwd="/",
            env=ENVIRON,
            check=False,
            **runner.privileges,
        )
        if done.returncode != 0 or "ERROR:" in done.stderr:
            raise CannotStart(
                f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()[-800:]}\n{ELSE}"
            )

    def _start_postgresql(self, runner: Identity) -> None:
        version = (self.paths.data / "PG_VERSION").read_text().strip()
        server = postgresql_binaries() / "postgres"
        ours = _postgresql_major(server)
        if version != ours:
            raise CannotStart(
                f"{self.paths.data} was made by PostgreSQL {version}, and PostgreSQL {ours} is installed."
                " Dump it with the old version and restore it with the new one (docs/operating.md)."
            )
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            crashed = self.paths.postmaster.exists()
            child = self._spawn(
                runner,
                "postgresql.log",
                server,
                *("-D", self.paths.data),
                *("-c", "listen_addresses="),
                *("-c", f'unix_socket_directories="{self.paths.sockets}"'),
                *("-c", "unix_socket_permissions=0700"),
                *("-c", "timezone=UTC", "-c", "log_timezone=UTC"),
                *(() if self.durable else ("-c", "fsync=off", "-c", "synchronous_commit=off")),
                # After a crash another program may have the number of the old postmaster;
                # PostgreSQL then takes that program for itself, unless it is told whose number it is.
                PG_GRANDPARENT_PID=str(_pid_in(self.paths.postmaster)) if crashed else "",
            )
            while child.poll() is None and not self._postgresql_ready():
                if time.monotonic() > deadline:
                    child.send_signal(signal.SIGQUIT)
                    raise self._failure("PostgreSQL", "postgresql.log")
                time.sleep(0.02)
            if child.poll() is None:
                return
            # What a killed postmaster leaves (its processes, its shared memory) is gone within moments.
            if not crashed or time.monotonic() > deadline - START_TIMEOUT / 2:
                raise self._failure("PostgreSQL", "postgresql.log")
            time.sleep(0.3)

    def _postgresql_ready(self) -> bool:
        """As pg_ctl sees it: the eighth line of postmaster.pid, if that process is the one."""
        try:
            lines = self.paths.postmaster.read_text().splitlines()
        except (FileNotFoundError, PermissionError, NotADirectoryError):
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready" and self._postgresql_alive()

    def _postgresql_alive(self) -> bool:
        pid = _pid_in(self.paths.postmaster)
        return pid > 0 and str(self.paths.data) in _command_line(pid)

    def _stop_postgresql(self) -> None:
        pid = _pid_in(self.paths.postmaster)
        for number in (signal.SIGINT, signal.SIGQUIT):
            if not self._postgresql_alive():
                return
            os.kill(pid, number)
            _wait(lambda: not self._postgresql_alive(), STOP_TIMEOUT)

    # ---- Valkey

    def _start_valkey(self, runner: Identity) -> None:
        child = self._spawn(
            runner,
            "valkey.log",
            valkey_binary(),
            *("--port", "0"),
            *("--unixsocket", self.paths.broker_socket),
            *("--unixsocketperm", "700"),
            *("--dir", self.paths.valkey),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
            *("--maxmemory-policy", "noeviction"),
        )
        _wait(lambda: self._valkey_ready() or child.poll() is not None, START_TIMEOUT)
        if not self._valkey_ready():
            raise self._failure("Valkey", "valkey.log")

    def _valkey_ready(self) -> bool:
        return self._ask_valkey(b"PING").startswith(b"+PONG")

    def _ask_valkey(self, command: bytes) -> bytes:
        """Valkey's answer; empty when it does not run or ends the connection."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(STOP_TIMEOUT)
            try:
                connection.connect(str(self.paths.broker_socket))
                connection.sendall(command + b"\r\n")
                return connection.recv(4096)
            except OSError:
                return b""

    def _stop_valkey(self) -> None:
        told = self._ask_valkey(b"INFO server").decode(errors="replace")
        pid = next((int(line[11:]) for line in told.splitlines() if line.startswith("process_id:")), 0)
        if pid:
            self._ask_valkey(b"SHUTDOWN")
            _wait(lambda: "valkey" not in _command_line(pid), STOP_TIMEOUT)

    # ---- files

    def _make_home(self) -> None:
        home = self.paths.home
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(_open(self.paths.start_lock))
        except OSError as error:
            raise CannotStart(
                f"{home} cannot be used: {error.strerror}. Set ATTESTRY_HOME to a folder of yours."
            ) from None

    def _make_directories(self, runner: Identity) -> None:
        for directory in (self.paths.root, self.paths.sockets, self.paths.valkey):
            directory.mkdir(mode=0o700, exist_ok=True)
            if runner.uid is not None:
                os.chown(directory, runner.uid, runner.gid)
            found = directory.lstat()
            expected = os.geteuid() if runner.uid is None else runner.uid
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != expected or found.st_mode & 0o077:
                raise CannotStart(f"{directory} must be a folder that only {name_of(expected)} can open.")

    @contextlib.contextmanager
    def _start_lock(self) -> Iterator[None]:
        lock = _open(self.paths.start_lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _release(self) -> None:
        if self._users is not None:
            os.close(self._users)
            self._users = None


def _postgresql_major(server: Path) -> str:
    told = subprocess.run([server, "--version"], capture_output=True, text=True, env=ENVIRON, check=True)
    return told.stdout.split()[-1].split(".")[0]


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _write_private(path: Path, content: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)


def _pid_in(path: Path) -> int:
    try:
        return int(path.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return 0


def _command_line(pid: int) -> str:
    """The command line of a running process, empty for none; zombies have none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        if Path("/proc/self").exists():
            return ""
    shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout


def _wait(done: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.02)
