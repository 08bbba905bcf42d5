"""JSON text: strict, without doubled keys, of a depth a program can follow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evidence.probes import Unfit


def examine(path: Path, *, encoding: str) -> dict[str, Any]:
    """How many entries the outermost list or object has. Raises `Unfit`."""
    found = load(path.read_text(encoding=encoding))
    return {"entries": len(found) if isinstance(found, list | dict) else 1}


def load(text: str) -> Any:
    """The value of a JSON text with its numbers as they are written. Raises `Unfit`."""
    try:
        return json.loads(
            text, object_pairs_hook=_distinct, parse_float=str, parse_int=str, parse_constant=_no_constant
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


def _no_constant(name: str) -> Any:
    raise Unfit(f"The JSON holds {name}, which is no JSON value. Export it again.")
