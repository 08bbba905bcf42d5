"""Filtering of a list on the server, for browsers that run no scripts; with scripts the page does it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

Row = TypeVar("Row")


def narrow(
    query: Mapping[str, str], rows: Iterable[Row], *, text: Callable[[Row], str], **keys: Callable[[Row], object]
) -> list[Row]:
    """The rows that a filter form asks for, when it was sent without scripts (`nojs` in the query).

    `text` gives what `q` searches in; each further keyword gives the value that the form's control of
    that name is compared with (a list or set counts as several values)."""
    found = list(rows)
    if "nojs" not in query:
        return found
    for word in query.get("q", "").lower().split():
        found = [row for row in found if word in text(row).lower()]
    for name, key in keys.items():
        if wanted := query.get(name, ""):
            found = [row for row in found if wanted in _values(key(row))]
    return found


def _values(value: object) -> set[str]:
    if isinstance(value, (list, tuple, set, frozenset)):
        return {str(one) for one in value}
    return {str(value)}
