"""Worlds that the flows built once in a run are put back as rows by the tests after that.

What a test of sampling needs is an accepted engagement, not one more run through everything that makes it
so: the first call of a `remembered` maker goes through the flows and notes the rows they wrote; later calls
with the same arguments on the same day, in databases where nobody is yet, write the same rows at once. A maker
that is called right after another one, with nothing written in between, goes on from there and is remembered as
well. Each process of a run remembers for itself.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ParamSpec, TypeVar

from django.apps import apps
from django.conf import settings
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.utils import timezone

from accounts.models import User
from tests.database import untriggered

P = ParamSpec("P")
R = TypeVar("R")
# The makers whose rows are there, in their order, each with its arguments.
Chain = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Kept:
    """What a maker wrote, as tables with their rows in JSON, and which objects it returned."""

    rows: list[tuple[str, str]]
    result: tuple[type[models.Model], Any] | list[tuple[type[models.Model], Any]] | None


_KEPT: dict[Chain, Kept] = {}
# What the makers of this test have left, and how much its transaction had written by then.
_STANDING: list[tuple[Chain, tuple[str | None, int]]] = []


def forget_standing() -> None:
    """A test is over, and what it wrote is gone."""
    _STANDING.clear()


# Longer than any test takes.
_LAST = dt.timedelta(minutes=2)


def until_the_day_is_new(now: dt.datetime) -> float:
    """For how many seconds no test begins: one that began yesterday would end with dates of two days."""
    left = (now + _LAST).replace(hour=0, minute=0, second=0, microsecond=0) - now
    return max(left.total_seconds(), 0.0)


def remembered(maker: Callable[P, R]) -> Callable[P, R]:
    """Wrap a maker that returns one object, a list of them or none, and depends on nothing but its arguments and
    what the makers before it wrote. Arguments that are neither plain data nor rows make it run every time."""

    @functools.wraps(maker)
    def made(*args: P.args, **kwargs: P.kwargs) -> R:
        given = _plain([args, kwargs])
        before = _standing()
        if given is None or before is None or abs(timezone.now().timestamp() - time.time()) > 60:
            return maker(*args, **kwargs)
        # Rows hold hashed passwords, which only the hasher of their time knows, and days, which the rules compare.
        of_now = f"{settings.PASSWORD_HASHERS[0]} {timezone.localdate()}"
        key = (*before, f"{maker.__module__}.{maker.__qualname__} {given} {of_now}")
        if kept := _KEPT.get(key):
            _put_back(kept.rows, over=bool(before))
        else:
            result, kept = _noted(functools.partial(maker, *args, **kwargs))
            if kept is None:
                return result
            _KEPT[key] = kept
        for row in _rows([args, kwargs]):
            row.refresh_from_db()
        if connection.in_atomic_block:
            _STANDING[:] = [(key, _written())]
        return _result(kept)  # type: ignore[no-any-return]

    return made


# The triggers that are on even in a restore.
_IGNORE = """
SELECT set_config('attestry.ignored', coalesce(current_setting('pgtrigger.ignore', true), ''), true);
SELECT set_config('pgtrigger.ignore', array_agg(tgname)::text, true) FROM pg_trigger WHERE tgname LIKE 'pgtrigger%';
"""
_NO_MORE = "SELECT set_config('pgtrigger.ignore', current_setting('attestry.ignored'), true);"


def _plain(value: Any) -> str | None:
    """The value in words that are the same whenever it is the same, or None."""
    match value:
        case models.Model():
            return f"{value._meta.label} {value.pk!r}"
        case None | bool() | int() | float() | str() | dt.date() | dt.timedelta():
            return f"{type(value).__name__} {value!r}"
        case bytes():
            return hashlib.sha256(value).hexdigest()
        case dict():
            return _plain([[str(name), value[name]] for name in sorted(value, key=str)])
        case list() | tuple():
            parts = [_plain(one) for one in value]
            return None if None in parts else f"[{', '.join(part for part in parts if part)}]"
        case _:
            return None


def _rows(value: Any) -> Iterator[models.Model]:
    match value:
        case models.Model():
            yield value
        case dict():
            yield from _rows(list(value.values()))
        case list() | tuple():
            for one in value:
                yield from _rows(one)


def _standing() -> Chain | None:
    """The makers whose rows are all that there is; None when something else was written."""
    if connection.in_atomic_block and any(written == _written() for _, written in _STANDING):
        return _STANDING[0][0]
    return None if User.objects.exists() else ()


def _written() -> tuple[str | None, int]:
    """The transaction and how many rows it has written or taken away up to now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_current_xact_id_if_assigned()::text, sum(n_tup_ins + n_tup_upd + n_tup_del)::int"
            " FROM pg_stat_xact_user_tables WHERE schemaname = 'public'"
        )
        transaction_id, count = cursor.fetchone()
        return transaction_id, count


def _noted(make: Callable[[], R]) -> tuple[R, Kept | None]:
    """What a maker returns, and what is to be kept of its rows: nothing when it took some away, now at least."""
    with transaction.atomic():
        mark, before, gone = _mark(), _touched(), _touched("n_tup_del")
        result = make()
        if _touched("n_tup_del") != gone:
            return result, None
        rows = _written_since(mark, before)
    if result is None:
        return result, Kept(rows, None)
    if isinstance(result, models.Model):
        return result, Kept(rows, (type(result), result.pk))
    assert isinstance(result, Iterable), f"{result!r} cannot be put back"
    return result, Kept(rows, [(type(one), one.pk) for one in result])


def _result(kept: Kept) -> Any:
    if isinstance(kept.result, list):
        return [model._default_manager.get(pk=pk) for model, pk in kept.result]
    return kept.result and kept.result[0]._default_manager.get(pk=kept.result[1])


def _mark() -> int:
    """The number of a transaction; all that write from here on are younger or the same."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE mark AS SELECT 1 AS one")
        cursor.execute("SELECT xmin::text::bigint FROM mark")
        (mark,) = cursor.fetchone()
        cursor.execute("DROP TABLE mark")
    return int(mark)


def _touched(kind: str = "n_tup_ins + n_tup_upd") -> dict[str, int]:
    """How many rows this transaction has written to each table, or taken away from it ("n_tup_del")."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT relname, {kind} FROM pg_stat_xact_user_tables WHERE schemaname = 'public'")  # noqa: S608
        return dict(cursor.fetchall())


@functools.cache
def _tables() -> dict[str, type[models.Model]]:
    return {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}


def _written_since(mark: int, before: dict[str, int]) -> list[tuple[str, str]]:
    """The rows written since the mark, of the tables to which more was written than before."""
    touched = [table for table, count in _touched().items() if count != before.get(table, 0) and table in _tables()]
    if not touched:
        return []
    queries = [
        f"SELECT '{table}', json_agg(_whole)::text FROM {connection.ops.quote_name(table)} AS _whole"  # noqa: S608
        f" WHERE _whole.xmin::text::bigint >= {mark}"
        for table in _tables()
        if table in touched
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(queries))
        return [(table, rows) for table, rows in cursor.fetchall() if rows]


def _put_back(rows: list[tuple[str, str]], *, over: bool) -> None:
    """All rows at once, with foreign keys and computing triggers off, as a restore does; then the counters.

    `over` those of makers before, where these changed some of them.
    """
    tables = _tables()
    statements, values = [], []
    # What belongs to something comes before it: where that is concluded or frozen already, nothing more is taken.
    for table, written in reversed(rows):
        name, key = connection.ops.quote_name(table), connection.ops.quote_name(tables[table]._meta.pk.column)
        quoted = [connection.ops.quote_name(column) for column in json.loads(written)[0]]
        columns, renewed = ", ".join(quoted), ", ".join(f"{column} = EXCLUDED.{column}" for column in quoted)
        statements.append(
            f"INSERT INTO {name} ({columns}) SELECT {columns} FROM json_populate_recordset(NULL::{name}, %s)"  # noqa: S608
            + (f" ON CONFLICT ({key}) DO UPDATE SET {renewed}" if over else "")
        )
        values.append(written)
    counters = connection.ops.sequence_reset_sql(no_style(), [tables[table] for table, _ in rows])
    with connection.cursor() as cursor:
        script = cursor.mogrify(";\n".join(statements), values).decode()
    untriggered((f"{_IGNORE}{script};{_NO_MORE}" if over else f"{script};") + "".join(counters))
