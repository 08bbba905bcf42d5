"""A sampling profile's sizes as plain data: checked, shown as a table, compared with another version.

The form is that of `data/sampling_profiles.json`: `by_frequency` holds a number, or one each for low, normal and
high risk; `event_population` holds rows with the largest population they cover (the last one open) and a number or
"all"; `share` takes a percentage of the population between a least and a most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

RISKS = ("low", "normal", "high")
# In the order of the year; JSON of the database keeps none.
FREQUENCIES = {
    "annual": "Annual",
    "semiannual": "Semi-annual",
    "quarterly": "Quarterly",
    "monthly": "Monthly",
    "semimonthly": "Semi-monthly",
    "weekly": "Weekly",
    "daily": "Daily",
    "multiple_daily": "Many per day",
}
MOST = 10_000
MAX_EVENT_ROWS = 12
ALL = "all"
_WHOLE = 100


@dataclass(frozen=True)
class Line:
    """One row of the table: what it is for, and the sizes at low, normal and high risk."""

    name: str
    sizes: tuple[Any, Any, Any]


@dataclass(frozen=True)
class Change:
    """A row that two versions have differently; None where one has no such row."""

    name: str
    before: tuple[Any, Any, Any] | None
    after: tuple[Any, Any, Any] | None


def lines(sizes: Mapping[str, Any]) -> list[Line]:
    """The sizes as rows."""
    by_frequency = sizes.get("by_frequency", {})
    found = [Line(name, _three(by_frequency[code])) for code, name in FREQUENCIES.items() if code in by_frequency]
    above = 0
    for row in sizes.get("event_population", ()):
        top = row["max"]
        name = f"On event, {above + 1:,} to {top:,} items" if top else f"On event, more than {above:,} items"
        found.append(Line(name, _three(row["n"])))
        above = top or above
    if share := sizes.get("share"):
        words = f"{share['percent']}%, {share['min']:,} to {share['max']:,}"
        found.append(Line("Any population", _three(words)))
    return found


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The rows that differ, in the order of the newer version, then those it has no more."""
    old = {line.name: line.sizes for line in lines(before)}
    new = {line.name: line.sizes for line in lines(after)}
    return [
        Change(name, old.get(name), new.get(name))
        for name in [*new, *(name for name in old if name not in new)]
        if old.get(name) != new.get(name)
    ]


def checked(sizes: Any) -> dict[str, Any]:
    """The sizes in their one form, what is not of it left out. Raises ValidationError with every problem."""
    if not isinstance(sizes, dict):
        raise ValidationError("A profile is an object with by_frequency and event_population.")
    problems: list[str] = []
    made: dict[str, Any] = {}
    if "by_frequency" in sizes:
        made["by_frequency"] = _frequencies(sizes["by_frequency"], problems)
    if "event_population" in sizes:
        made["event_population"] = _events(sizes["event_population"], problems)
    if "share" in sizes:
        made["share"] = _share(sizes["share"], problems)
    if not problems and not any(made.values()):
        problems.append("The profile has no sizes.")
    if problems:
        raise ValidationError(problems)
    for words in ("note", "rule", "source"):
        if isinstance(sizes.get(words), str):
            made[words] = sizes[words][:500]
    return made


def _frequencies(given: Any, problems: list[str]) -> dict[str, Any]:
    if not isinstance(given, dict):
        problems.append("by_frequency holds sizes by the name of the frequency.")
        return {}
    problems += [f"{name!r} is no frequency." for name in given if name not in FREQUENCIES]
    return {
        code: _sizes(given[code], name, problems, with_all=False)
        for code, name in FREQUENCIES.items()
        if code in given
    }


def _events(given: Any, problems: list[str]) -> list[dict[str, Any]]:
    if not isinstance(given, list) or not all(isinstance(row, dict) for row in given):
        problems.append("event_population holds rows with max and n.")
        return []
    if len(given) > MAX_EVENT_ROWS:
        problems.append(f"{len(given)} rows for events are more than {MAX_EVENT_ROWS}.")
        return []
    made = []
    above = 0
    for number, row in enumerate(given, start=1):
        top = row.get("max")
        name = f"On event, row {number}"
        last = number == len(given)
        if last and top is not None:
            problems.append("The last row for events has no upper bound: every population needs a size.")
        elif not last and (not _whole(top) or top <= above):
            problems.append(f"{name}: each row covers larger populations than the one before.")
        above = top if _whole(top) else above
        made.append({"max": top, "n": _sizes(row.get("n"), name, problems, with_all=True)})
    return made


def _share(given: Any, problems: list[str]) -> dict[str, int]:
    if not isinstance(given, dict) or not all(_whole(given.get(name)) for name in ("percent", "min", "max")):
        problems.append("share holds percent, min and max as whole numbers.")
        return {}
    made = {name: given[name] for name in ("percent", "min", "max")}
    if made["percent"] > _WHOLE or made["min"] > made["max"]:
        problems.append("share: at most 100 percent, and the least is not above the most.")
    return made


def _sizes(given: Any, name: str, problems: list[str], *, with_all: bool) -> Any:
    """One size for every risk, or three that do not fall with it."""
    three = given if isinstance(given, list | tuple) else [given]
    allowed = f"whole numbers from 1 to {MOST:,}{' or all' if with_all else ''}"
    if len(three) not in (1, len(RISKS)) or not all(_whole(one) or (with_all and one == ALL) for one in three):
        problems.append(f"{name}: one size, or three for low, normal and high risk, as {allowed}.")
        return given
    heights = [MOST + 1 if one == ALL else one for one in three]
    if heights != sorted(heights):
        problems.append(f"{name}: a higher risk is not tested with fewer items.")
    return list(three) if len(three) > 1 else three[0]


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST


def _three(value: Any) -> tuple[Any, Any, Any]:
    low, normal, high = value if isinstance(value, list | tuple) else [value] * len(RISKS)
    return low, normal, high
