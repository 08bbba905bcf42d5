"""For whom and from where the work at hand is done: for the trail, and for the database's row-level security."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

# Background work and commands act for nobody in particular: they see every engagement.
EVERYBODY = "*"

_ip: ContextVar[str | None] = ContextVar("audit_ip", default=None)
_person: ContextVar[str] = ContextVar("audit_person", default="")
_means: ContextVar[str] = ContextVar("audit_means", default="")


def current_ip() -> str | None:
    """Address of the client of the current request, or None in tasks and commands."""
    return _ip.get()


set_ip = _ip.set
reset_ip = _ip.reset


def current_means() -> str:
    """What stands in for the person at the keyboard, say a token; "" for a person's own session."""
    return _means.get()


set_means = _means.set
reset_means = _means.reset


def current_person() -> str:
    """For whom statements run: key of a user, `grant:` and key of a grant, EVERYBODY, or "" for nobody.

    A key with `@` and the key of an engagement is the user in that one engagement only.
    """
    return _person.get()


def act_for_everybody() -> None:
    """What this process does from here on, it does for nobody in particular: commands and workers."""
    _person.set(EVERYBODY)


@contextlib.contextmanager
def acting_for(person: Any) -> Iterator[None]:
    """Run statements for a person: a user, EVERYBODY, another value of `current_person`, or None for nobody.

    PostgreSQL then shows and takes only rows of that person's engagements (config/isolation.py).
    """
    if person is None or isinstance(person, str):
        value = person or ""
    else:
        value = str(person.pk or "")
    token = _person.set(value)
    try:
        yield
    finally:
        _person.reset(token)
