"""A connection to PostgreSQL that says in every transaction for whom it runs.

Row-level security asks `app.person` (config/isolation.py). It is set for one transaction at a time, never for the
session: nothing is left for whoever gets the connection next, from Django's own keeping or from a pooler between.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg2
from psycopg2 import extensions

from audit.context import current_person

SET = "SELECT set_config('app.person', %s, true)"
BROKEN = {extensions.TRANSACTION_STATUS_INERROR, extensions.TRANSACTION_STATUS_UNKNOWN}


class Connection(extensions.connection):  # type: ignore[misc]
    """psycopg2's connection; `person` is for whom its open transaction runs."""

    person = ""

    @contextlib.contextmanager
    def for_person(self) -> Iterator[None]:
        """Whatever is executed inside runs in a transaction of the current person."""
        status, person = self.get_transaction_status(), current_person()
        if status in BROKEN:
            yield
            return
        if status != extensions.TRANSACTION_STATUS_IDLE:
            if person != self.person:
                self._say(SET, person)
            yield
            return
        self.person = ""
        if not person:
            yield
            return
        if not self.autocommit:
            self._say(SET, person)
            yield
            return
        self._say(f"BEGIN; {SET}", person)
        try:
            yield
        except BaseException:
            if not self.closed:
                self._say("ROLLBACK")
            raise
        self._say("COMMIT")

    def _say(self, statement: str, person: str = "") -> None:
        with self.cursor(cursor_factory=extensions.cursor) as cursor:
            cursor.execute(statement, [person] if person or "%s" in statement else None)
        self.person = person


def plain(parameters: dict[str, Any], **changes: str) -> Any:
    """A connection of psycopg2's own, beside Django's and for nobody; each statement is committed."""
    own = {"connection_factory": extensions.connection, "cursor_factory": extensions.cursor}
    made = psycopg2.connect(**parameters | own | changes)
    made.autocommit = True
    return made


class Cursor(extensions.cursor):  # type: ignore[misc]
    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002 - psycopg2's name
        with self._for_person():
            super().execute(query, vars)

    def executemany(self, query: Any, vars_list: Any) -> None:
        with self._for_person():
            super().executemany(query, vars_list)

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        with self._for_person():
            super().copy_expert(sql, file, size)

    def _for_person(self) -> contextlib.AbstractContextManager[None]:
        connection = self.connection
        assert isinstance(connection, Connection)
        return connection.for_person()
