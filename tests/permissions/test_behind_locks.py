"""Rights are checked behind the lock: whoever waited for it may have lost the role meanwhile."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("engagements", "evidence", "fieldwork", "reports", "archive", "distribution")
# Who signs a letter for which side follows from the rights that are held.
CHECKS = {"require", "side_of"}


def functions() -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """Every function of the apps: where it stands, and the lines and names of what it calls."""
    for path in sorted(path for app in APPS for path in (ROOT / app).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                calls = [
                    (call.lineno, call.func.id)
                    for call in ast.walk(node)
                    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
                ]
                yield f"{path.relative_to(ROOT)} {node.name}", sorted(calls)


@pytest.mark.drill
def test_no_flow_checks_rights_only_before_it_waits() -> None:
    found = dict(functions())
    # What locks the engagement for others and leaves the rights to them.
    locks = {"locked"}
    for place, calls in found.items():
        names = {name for _, name in calls}
        if "locked" in names and not names & CHECKS:
            locks.add(place.split()[1])
    looked, wrong = 0, []
    for place, calls in found.items():
        waits = [line for line, name in calls if name in locks]
        checks = [line for line, name in calls if name in CHECKS]
        if waits and checks:
            looked += 1
            if max(checks) < min(waits):
                wrong.append(place)
    assert looked > 80
    assert not wrong, "\n" + "\n".join(wrong)
