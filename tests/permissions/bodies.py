"""Every route that takes POST with what makes it do its work, and what it reads of it.

The bodies are those by which test_events.py has each route leave its event; here they are sent changed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from django import forms
from django.http import HttpResponse, QueryDict

from engagements.models import Stage
from tests.permissions.table import TABLE, Row
from tests.permissions.test_events import FITTING, OF_LIBRARY, Fitting
from tests.permissions.test_table import Table, may
from tests.permissions.world import EVERYBODY, World, undone


@dataclasses.dataclass
class Read:
    """What a route asked of the body: names, and the form fields among them."""

    names: set[str] = dataclasses.field(default_factory=set)
    fields: dict[str, forms.Field] = dataclasses.field(default_factory=dict)


@contextmanager
def reading() -> Iterator[Read]:
    """Notes every name that is read of a body inside, and the field that reads it."""
    read = Read()
    one, several, cleaning = QueryDict.__getitem__, QueryDict.getlist, forms.BaseForm.full_clean

    def getitem(data: QueryDict, key: str) -> Any:
        read.names.add(key)
        return one(data, key)

    def getlist(data: QueryDict, key: str, default: Any = None) -> Any:
        read.names.add(key)
        return several(data, key, default)

    def full_clean(form: forms.BaseForm) -> None:
        if form.is_bound:
            read.fields |= {form.add_prefix(name): field for name, field in form.fields.items()}
        cleaning(form)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(QueryDict, "__getitem__", getitem)
        patch.setattr(QueryDict, "getlist", getlist)
        patch.setattr(forms.BaseForm, "full_clean", full_clean)
        yield read


def routes() -> list[Row]:
    """Those that take POST, without sign-in, whose views are a library's."""
    return [row for row in TABLE.values() if row.post is not None and not row.name.startswith(OF_LIBRARY)]


def fitting(row: Row) -> Fitting:
    return FITTING.get(row.name, Fitting())


def stage_of(row: Row) -> Stage:
    usual = [stage for stage in (row.at, Stage.REPORTING, Stage.ISSUED) if stage in row.acts]
    return fitting(row).stage or next(iter(usual), row.at)


def senders(row: Row) -> list[str]:
    """Everybody who may."""
    everybody = [key for key in EVERYBODY if may(key, row.post, row) and key not in row.hidden | row.refused]
    first = fitting(row).who
    return sorted(everybody, key=lambda key: key != first)


class Sending:
    """A route at its stage and with its objects, ready to be sent to."""

    def __init__(self, world: World, row: Row, table: Table) -> None:
        self.world, self.row, self.table = world, row, table
        before = fitting(row).before
        prepared = before(world) if before else None
        self.ids = dict(table.ids) | (prepared if isinstance(prepared, dict) else {})

    def body(self) -> dict[str, Any]:
        given = fitting(self.row).data
        data = given(self.world) if callable(given) else given
        data = data or dict(self.row.data)
        return {
            name: self.ids[value[1:]] if isinstance(value, str) and value.startswith("@") else value
            for name, value in data.items()
        }

    def send(self, who: str, changed: dict[str, Any] | None = None, *, query: bool = False) -> HttpResponse:
        """One request; what is changed goes into the address too when `query`."""
        changed = changed or {}
        url = self.table.url(self.row, self.ids)
        if query:
            url += ("&" if "?" in url else "?") + urlencode(changed)
        return self.world.ask(who, "POST", url, self.body() | changed)


def at(stage: Stage) -> list[Row]:
    """The routes that work at this stage."""
    return [row for row in routes() if stage_of(row) == stage]


def each(world: World, stage: Stage, share: int = 1) -> Iterator[Sending]:
    """The routes of this stage or every so many of them, one after the other, each on a world as it was."""
    with undone():
        table = Table(world, stage)
        for row in at(stage)[::share]:
            with undone():
                yield Sending(world, row, table)


STAGES = sorted({stage_of(row) for row in routes()})
