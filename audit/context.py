"""From where the current request comes, for the trail; nothing outside of a request."""

from __future__ import annotations

from contextvars import ContextVar

_ip: ContextVar[str | None] = ContextVar("audit_ip", default=None)


def current_ip() -> str | None:
    """Address of the client of the current request, or None in tasks and commands."""
    return _ip.get()


set_ip = _ip.set
reset_ip = _ip.reset
