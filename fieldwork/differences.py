"""What changed in a workpaper since it was signed, field by field, in words: pure functions on its content."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fieldwork.models import ControlTest, ItemResult, Procedure, Sample

Content = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """One field: where it is, what stood there and what stands there. An empty side was not there."""

    place: str
    old: str
    new: str

    @property
    def kind(self) -> str:
        return "added" if not self.old else "removed" if not self.new else "changed"


@dataclass(frozen=True)
class _Part:
    """A part that is a list of rows: how many values name a row, how it is called, what the others are."""

    keys: int
    name: str
    fields: tuple[str, ...]


_FIELDS = {
    "number": "Number of the test",
    "phase": "Phase",
    "kinds": "Kinds of test",
    "procedure": "Procedure",
    "inquired_of": "Inquired of or observed with",
    "result": "Result",
    "conclusion": "Conclusion",
    "control__number": "Number of the control",
    "control__wording": "Wording of the control",
    "sample__seed": "Seed of the sample",
    "sample__size": "Size of the sample",
    "sample__method": "Method of the sample",
    "sample__voided_at": "Sample void",
    "empty_population__sha256": "Empty population",
}
_PARTS = {
    "attributes": _Part(1, "Attribute {0}", ("title", "pass rule")),
    "items": _Part(1, "Item {0}", ("name", "row of the listing", "note", "cannot be obtained", "counts as")),
    "evidence": _Part(1, "Evidence {0}", ("hash", "note")),
    "cells": _Part(2, "Item {0}, {1}", ("result", "evidence", "place", "note")),
    "deviations": _Part(1, "Exception {0}", ("title", "what was found")),
    "deviating": _Part(3, "Exception {0} rests on item {1}, {2}", ()),
}
_WORDS = {
    "phase": dict(ControlTest.Phase.choices),
    "result": dict(ControlTest.Result.choices),
    "sample__method": dict(Sample.Method.choices),
    "kinds": dict(Procedure.choices),
}
_OUTCOMES = dict(ItemResult.Outcome.choices)
_PRESENT = "yes"


def differences(old: Content, new: Content) -> list[Difference]:
    """Every field in which two contents of a workpaper differ, in the order of the workpaper; empty when none does.

    Fields that this module does not know are compared too, under their own names, so that nothing changes unsaid.
    """
    found: list[Difference] = []
    known = [*_FIELDS, *_PARTS]
    names = [name for name in known if name in old or name in new]
    names += sorted((set(old) | set(new)) - set(known))
    for name in names:
        before, after = old.get(name), new.get(name)
        if _same(before, after):
            continue
        if _is_list(before) and _is_list(after) and name not in _FIELDS:
            found += _of_part(name, before or [], after or [])
        else:
            place = _FIELDS.get(name) or name.replace("_", " ").capitalize()
            found.append(Difference(place, _in_words(name, before), _in_words(name, after)))
    return found


def _is_list(value: Any) -> bool:
    return value is None or isinstance(value, list | tuple)


def _same(one: Any, other: Any) -> bool:
    return _plain(one) == _plain(other)


def _plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _of_part(name: str, old: Sequence[Any], new: Sequence[Any]) -> list[Difference]:
    part = _PARTS.get(name)
    before, after = _by_key(part, old), _by_key(part, new)
    found = []
    for key in [*before, *(key for key in after if key not in before)]:
        if key in before and key in after:
            found += _of_row(name, part, key, before[key], after[key])
        else:
            row = before.get(key, after.get(key, []))
            words = ", ".join(filter(None, (_value(name, at, value) for at, value in enumerate(row)))) or _PRESENT
            found.append(
                Difference(_name(name, part, key), words if key in before else "", "" if key in before else words)
            )
    return found


def _by_key(part: _Part | None, rows: Sequence[Any]) -> dict[tuple[str, ...], Sequence[Any]]:
    """The rows by what names them; of two that are called alike the later one is named by its place too."""
    found: dict[tuple[str, ...], Sequence[Any]] = {}
    for row in rows:
        values = list(row) if isinstance(row, list | tuple) else [row]
        many = part.keys if part is not None and len(values) >= part.keys else len(values)
        key = tuple(_text(value) for value in values[:many])
        at = 2
        while key in found:
            key = (*key[:many], f"({at})")
            at += 1
        found[key] = values[many:]
    return found


def _of_row(
    name: str, part: _Part | None, key: tuple[str, ...], old: Sequence[Any], new: Sequence[Any]
) -> list[Difference]:
    found = []
    for at in range(max(len(old), len(new))):
        before, after = (row[at] if at < len(row) else None for row in (old, new))
        if _same(before, after):
            continue
        fields = part.fields if part is not None else ()
        field = fields[at] if at < len(fields) else str(at + 1)
        place = f"{_name(name, part, key)}: {field}"
        found.append(Difference(place, _value(name, at, before) or "–", _value(name, at, after) or "–"))
    return found


def _name(name: str, part: _Part | None, key: tuple[str, ...]) -> str:
    if part is None or len(key) < part.keys:
        return f"{name.replace('_', ' ').capitalize()} {', '.join(key)}".strip()
    return " ".join([part.name.format(*key), *key[part.keys :]])


def _value(name: str, at: int, value: Any) -> str:
    if name == "cells" and at == 0:
        return str(_OUTCOMES.get(value, value or ""))
    if name == "evidence" and at == 0:
        return _text(value)[:12]
    return _text(value)


def _in_words(name: str, value: Any) -> str:
    words: Mapping[str, Any] = _WORDS.get(name, {})
    if isinstance(value, list | tuple):
        return ", ".join(str(words.get(one, one)) for one in value) or "–"
    if name == "sample__voided_at":
        return "yes" if value else "no"
    if name in {"sample__seed", "empty_population__sha256"}:
        return _text(value)[:12] or "–"
    return str(words.get(value, "")) or _text(value) or "–"


def _text(value: Any) -> str:
    if value is None or value == "":
        return ""
    return value if isinstance(value, str) else _plain(value)
