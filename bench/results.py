"""What a run of the bench found."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Result:
    """One measure. A ratio names its two sides in `parts`, the first divided by the second."""

    name: str
    value: float
    unit: str
    parts: tuple[str, ...] = ()


def median(name: str, values: Sequence[float], unit: str) -> Result:
    return Result(name, round(statistics.median(values), 3), unit)


def ratio(name: str, first: Result, second: Result) -> Result:
    return Result(name, round(first.value / second.value, 3), "ratio", (first.name, second.name))


def line(result: Result) -> str:
    return f"{result.name:46} {result.value:>10,.3f}  {result.unit}"


def write(results: Sequence[Result], path: Path) -> None:
    rows: list[dict[str, Any]] = [dataclasses.asdict(result) for result in results]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n")
