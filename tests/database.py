"""One migrated database for all processes of a test run, and a fresh one after every test that commits.

Emptying tables would lose the reference data that migrations load, and our triggers refuse it anyway; a
copy of the database as it was after the migrations takes a moment and forgets nothing. Between runs the
migrated database is kept as a dump under var/, for as long as no migration changes.
"""

import contextlib
import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import connection, connections
from psycopg2 import sql

from config.embedded.identity import postgresql_binaries
from config.embedded.paths import AUDIT, OWNER
from config.postgresql import plain

ROOT = Path(__file__).resolve().parent.parent
ASIDE = "attestry_migrated"
# Everything that decides what a migrated database holds.
SOURCES = ("*/migrations/*.py", "*/data/*", "requirements.lock", "config/isolation.py", "tests/database.py")
# What a restore needs: rows written as they are, with no trigger looking (tests/remembered.py), and a test's
# database dropped while a connection of the application's role is still about to end.
ALSO = [
    f"GRANT SET ON PARAMETER session_replication_role TO {OWNER}",
    f"GRANT pg_signal_backend TO {OWNER}",
]
# Tests put rows into states that the product never would: for them triggers can be passed by (config/isolation.py).
IGNORED = """
CREATE OR REPLACE FUNCTION public._pgtrigger_should_ignore(trigger_name name) RETURNS boolean LANGUAGE sql STABLE
AS $$ SELECT trigger_name = ANY (nullif(current_setting('pgtrigger.ignore', true), '')::text[]) $$
"""
FUNCTIONS = """
CREATE FUNCTION as_owner(script text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
AS $$ BEGIN EXECUTE script; END $$;
CREATE FUNCTION untriggered(script text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET session_replication_role = replica AS $$ BEGIN EXECUTE script; END $$
"""


def as_owner(script: str) -> None:
    """Run statements in the test's transaction as the role that owns the tables."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT as_owner(%s)", [script])


def untriggered(script: str) -> None:
    """Run statements as somebody who may do everything: no trigger and no foreign key looks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT untriggered(%s)", [script])


def copy_migrated() -> bool:
    """Makes the test database from the one migrated earlier in this run or before it; says whether there is one."""
    with _server() as cursor:
        cursor.execute("SELECT FROM pg_database WHERE datname = %s", [ASIDE])
        found = cursor.rowcount == 1
    if not found and _dump().exists():
        _recreate(ASIDE, template="template0")
        load_migrated(ASIDE, connection.get_connection_params() | {"user": OWNER})
        found = True
    _recreate(connection.creation._get_test_db_name(), template=ASIDE if found else "template0")
    return found


def let_ignore() -> None:
    """After each migration, which takes it away."""
    with _server(connection.settings_dict["NAME"]) as cursor:
        cursor.execute(IGNORED)


def keep_migrated() -> None:
    """Sets the freshly migrated database aside, for this run and for those after it."""
    with _server(connection.settings_dict["NAME"]) as cursor:
        cursor.execute(FUNCTIONS)
    _recreate(ASIDE, template=connection.settings_dict["NAME"])
    dump = _dump()
    dump.parent.mkdir(parents=True, exist_ok=True)
    for old in dump.parent.glob("migrated-*.dump"):
        old.unlink(missing_ok=True)
    unfinished = dump.with_suffix(f".{os.getpid()}")
    parameters = connection.get_connection_params() | {"user": OWNER}
    _client(parameters, "pg_dump", "--format=custom", "--compress=0", "--file", unfinished, ASIDE)
    unfinished.replace(dump)


def load_migrated(name: str, parameters: dict[str, Any], dump: Path | None = None) -> None:
    """Fills an empty database on any server of ours with the dump of the migrated one, or another dump."""
    with contextlib.closing(plain(parameters, dbname=name)) as server, server.cursor() as cursor:
        # The dump hands tables over to that role before it says what the role may.
        cursor.execute(f"GRANT CREATE ON SCHEMA public TO {AUDIT}")
    _client(parameters, "pg_restore", "--exit-on-error", "--dbname", name, dump or _dump())


@contextlib.contextmanager
def backed_up(folder: Path) -> Iterator[Any]:
    """The test's database dumped, and restored beside it: a cursor there, as the owner."""
    parameters = connection.get_connection_params() | {"user": OWNER}
    dump, name = folder / "backup.dump", f"{connection.settings_dict['NAME']}_restored"
    _client(parameters, "pg_dump", "--format=custom", "--file", dump, connection.settings_dict["NAME"])
    _recreate(name, template="template0")
    load_migrated(name, parameters, dump)
    with _server(name) as cursor:
        yield cursor
    with _server() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def restore() -> None:
    """Puts the database back as it was kept; whoever is still connected is cut off."""
    _recreate(connection.settings_dict["NAME"], template=ASIDE)


def _recreate(name: str, *, template: str) -> None:
    connections.close_all()
    with _server() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        cursor.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )


def _dump() -> Path:
    digest = hashlib.sha256()
    for path in sorted(path for pattern in SOURCES for path in ROOT.glob(pattern)):
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(path.read_bytes())
    return ROOT / "var" / "test" / f"migrated-{digest.hexdigest()[:16]}.dump"


def _client(parameters: dict[str, Any], program: str, *arguments: str | Path) -> None:
    subprocess.run(
        [postgresql_binaries() / program, *arguments],
        env=os.environ
        | {
            "PGHOST": parameters["host"],
            "PGUSER": parameters["user"],
            "PGPASSFILE": parameters["passfile"],
        },
        check=True,
    )


@contextlib.contextmanager
def _server(name: str = "postgres") -> Iterator[Any]:
    """As the owner's role: the application's makes no databases."""
    server = plain(connection.get_connection_params(), dbname=name, user=OWNER)
    try:
        with server.cursor() as cursor:
            yield cursor
    finally:
        server.close()
