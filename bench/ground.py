"""The database under what is measured."""

from __future__ import annotations

from itertools import count

from django.core.management import call_command

from tests.database import let_ignore


def migrate() -> None:
    """All tables; engagements may then be put at a stage directly, as in tests."""
    call_command("migrate", verbosity=0)
    let_ignore()


_ENGAGEMENTS = count(701)


def next_number() -> str:
    """A number for an engagement that no other has, whatever else was measured before."""
    return f"2026-{next(_ENGAGEMENTS):04d}"
