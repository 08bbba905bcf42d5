"""Worlds that the flows built once in a run are put back as rows by the tests after that.

What a test of sampling needs is an accepted engagement, not one more run through everything that makes it
so: the first call of a `remembered` maker goes through the flows and notes the rows they wrote; later calls
with the same arguments, in databases where nobody is yet, write the same rows at once. Each process of a
run remembers for itself.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, models, transaction

from accounts.models import User
from tests.database import untriggered

P = ParamSpec("P")
M = TypeVar("M", bound=models.Model)

_KEPT: dict[str, tuple[type[models.Model], Any, list[tuple[str, str]]]] = {}


def remembered(maker: Callable[P, M]) -> Callable[P, M]:
    """Wrap a maker that returns one object and depends on nothing but its arguments, all of them plain data."""

    @functools.wraps(maker)
    def made(*args: P.args, **kwargs: P.kwargs) -> M:
        given = [*args, *kwargs.values()]
        if any(isinstance(value, models.Model) for value in given) or User.objects.exists():
            return maker(*args, **kwargs)
        key = f"{maker.__module__}.{maker.__qualname__} {args!r} {sorted(kwargs.items())!r}"
        if key in _KEPT:
            model, pk, rows = _KEPT[key]
            _put_back(rows)
            return model._default_manager.get(pk=pk)  # type: ignore[return-value]
        with transaction.atomic():
            mark = _mark()
            result = maker(*args, **kwargs)
            _KEPT[key] = (type(result), result.pk, _written_since(mark))
        return type(result)._default_manager.get(pk=result.pk)

    return made


def _mark() -> int:
    """The number of a transaction; all that write from here on are younger or the same."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE mark AS SELECT 1 AS one")
        cursor.execute("SELECT xmin::text::bigint FROM mark")
        (mark,) = cursor.fetchone()
        cursor.execute("DROP TABLE mark")
    return int(mark)


def _tables() -> dict[str, type[models.Model]]:
    return {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}


def _written_since(mark: int) -> list[tuple[str, str]]:
    written = []
    with connection.cursor() as cursor:
        for table in _tables():
            cursor.execute(
                f"SELECT json_agg(_whole)::text FROM {connection.ops.quote_name(table)} AS _whole"  # noqa: S608
                " WHERE _whole.xmin::text::bigint >= %s",
                [mark],
            )
            (rows,) = cursor.fetchone()
            if rows:
                written.append((table, rows))
    return written


def _put_back(rows: list[tuple[str, str]]) -> None:
    """All rows at once, with foreign keys and computing triggers off, as a restore does; then the counters."""
    tables = _tables()
    statements, values = [], []
    # What belongs to something comes before it: where that is concluded or frozen already, nothing more is taken.
    for table, written in reversed(rows):
        name = connection.ops.quote_name(table)
        columns = ", ".join(connection.ops.quote_name(column) for column in json.loads(written)[0])
        statements.append(
            f"INSERT INTO {name} ({columns}) SELECT {columns} FROM json_populate_recordset(NULL::{name}, %s)"  # noqa: S608
        )
        values.append(written)
    counters = connection.ops.sequence_reset_sql(no_style(), [tables[table] for table, _ in rows])
    with connection.cursor() as cursor:
        script = cursor.mogrify(";\n".join(statements), values).decode()
    untriggered(script + ";" + "".join(counters))
