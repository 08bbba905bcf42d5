"""The database under what is measured."""

from __future__ import annotations

from django.core.management import call_command

from tests.database import let_ignore


def migrate() -> None:
    """All tables; engagements may then be put at a stage directly, as in tests."""
    call_command("migrate", verbosity=0)
    let_ignore()
