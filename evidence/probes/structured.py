"""JSON text: strict, without doubled keys, of a depth a program can follow."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evidence.probes import Unfit

# So many fit into the memory that a file may cost.
_TEXTS = 3_000_000
_LISTS = 1_000_000


def examine(path: Path, *, encoding: str) -> dict[str, Any]:
    """How many entries the outermost list or object has. Raises `Unfit`.

    Only lists and texts are kept while it is read: of an object the number of its entries.
    """
    text = path.read_text(encoding=encoding)
    if text.count('"') > 2 * _TEXTS or text.count("[") > _LISTS:
        raise Unfit("The JSON holds too many values to examine. Split it, or pack it into a .zip as it is.")
    found = _parsed(text, lambda pairs: len(_distinct(pairs)), _nothing)
    if isinstance(found, list):
        return {"entries": len(found)}
    return {"entries": found if isinstance(found, int) else 1}


def load(text: str) -> Any:
    """The value of a JSON text with its numbers as they are written. Raises `Unfit`."""
    return _parsed(text, _distinct, str)


def _parsed(text: str, pairs: Callable[[list[tuple[str, Any]]], Any], number: Callable[[str], Any]) -> Any:
    try:
        return json.loads(
            text, object_pairs_hook=pairs, parse_float=number, parse_int=number, parse_constant=_no_constant
        )
    except json.JSONDecodeError as error:
        raise Unfit(
            f"The file is not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}."
        ) from error
    except RecursionError as error:
        raise Unfit("The JSON is nested too deeply. Export it as a flat list.") from error


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Unfit(f"The JSON has the key {key!r} twice in one object, so its value is in doubt.")
        found[key] = value
    return found


def _nothing(number: str) -> None:
    """A number, of which nothing is wanted."""


def _no_constant(name: str) -> Any:
    raise Unfit(f"The JSON holds {name}, which is no JSON value. Export it again.")
