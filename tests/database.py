"""One migrated database for all processes of a test run, and a fresh one after every test that commits.

Emptying tables would lose the reference data that migrations load, and our triggers refuse it anyway; a
copy of the database as it was after the migrations takes a moment and forgets nothing.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg2
from django.db import connection, connections
from psycopg2 import sql

ASIDE = "attestry_migrated"


def copy_migrated() -> bool:
    """Makes the test database from the one another process has migrated; says whether there is one."""
    with _server() as cursor:
        cursor.execute("SELECT FROM pg_database WHERE datname = %s", [ASIDE])
        found = cursor.rowcount == 1
    if found:
        _recreate(connection.creation._get_test_db_name(), template=ASIDE)
    return found


def keep_migrated() -> None:
    """Sets the freshly migrated database aside."""
    _recreate(ASIDE, template=connection.settings_dict["NAME"])


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


@contextlib.contextmanager
def _server() -> Iterator[Any]:
    parameters = connection.get_connection_params() | {"dbname": "postgres"}
    server = psycopg2.connect(**parameters)
    try:
        server.autocommit = True
        with server.cursor() as cursor:
            yield cursor
    finally:
        server.close()
