"""Where the embedded services keep their files and sockets, and the URLs that lead there."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

REPOSITORY = Path(__file__).resolve().parent.parent.parent
ROLE = DATABASE = "attestry"
# Owns the tables and migrates them; the application's role owns nothing.
OWNER = "attestry_owner"
# Owns the trail; nobody connects with it.
AUDIT = "attestry_audit"
BACKUP = "attestry_backup"
# Unix socket paths end at 107 bytes on Linux, 103 on macOS; PostgreSQL's adds ".s.PGSQL.5432.lock".
LONGEST_SOCKET_DIRECTORY = 103 - len("/.s.PGSQL.5432.lock")


class CannotStart(Exception):
    """The embedded services cannot run here; the message says why and what to do."""


def home() -> Path:
    """Where this installation keeps its data: ATTESTRY_HOME, or `var` in the repository."""
    given = os.environ.get("ATTESTRY_HOME", "").strip()
    return Path(given).expanduser().absolute() if given else REPOSITORY / "var"


def database_url(home: Path, role: str = ROLE) -> str:
    """URL of the embedded database. The password is read from a file when a connection is made."""
    paths = Paths(home)
    host, passfile = quote(str(paths.sockets), safe=""), quote(str(paths.password), safe="")
    return f"postgres://{role}@{host}/{DATABASE}?passfile={passfile}"


def broker_url(home: Path) -> str:
    return f"redis+socket://{quote(str(Paths(home).broker_socket))}"


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
