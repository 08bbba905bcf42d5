"""`migrate` as the owner of the tables, and the isolation of the engagements brought up to date with them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import dj_database_url
from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from config import isolation


class Command(migrate.Command):
    help = "Brings the database up to date: connects as the role of OWNER_DATABASE_URL."

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        with as_owner(connection) as application:
            super().handle(*args, **options)
            if not options["plan"] and not options["check_unapplied"]:
                isolation.apply(connection, application)


@contextlib.contextmanager
def as_owner(connection: BaseDatabaseWrapper) -> Iterator[str]:
    """The connection as the owner's role for a while; gives the name of the application's."""
    if not settings.OWNER_DATABASE_URL:
        raise CommandError(
            "Set OWNER_DATABASE_URL: the role that owns the tables, which is not the one of DATABASE_URL"
            " (docs/operating.md has the statements that make both)."
        )
    owner = dj_database_url.parse(settings.OWNER_DATABASE_URL)
    own = connection.settings_dict["USER"], connection.settings_dict["PASSWORD"]
    connection.close()
    connection.settings_dict |= {"USER": owner["USER"], "PASSWORD": owner["PASSWORD"]}
    try:
        yield own[0]
    finally:
        connection.close()
        connection.settings_dict |= {"USER": own[0], "PASSWORD": own[1]}
