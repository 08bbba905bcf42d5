"""A population of ten and of a hundred thousand rows, provided, accepted, drawn from: time, queries, memory."""

from __future__ import annotations

import datetime as dt
import io
import resource
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bench.ground import migrate, next_number
from bench.pages import ask, signed_in
from bench.results import Result, ratio
from engagements.models import Control, Engagement, Stage
from evidence import comparing, listings, populations
from evidence.models import Population
from fieldwork import drawing
from tests import factories as f
from tests.fieldwork import makers

FEW, MANY = 10_000, 100_000
START = dt.date(2025, 10, 1)
DAYS = 365


def measure() -> Iterator[Result]:
    migrate()
    engagement = makers.at_fieldwork(number=next_number())
    control = makers.control(engagement, "CHG-01", criteria=["CC8.1"])
    found: dict[int, dict[str, tuple[float, float]]] = {FEW: {}, MANY: {}}
    memory = {}
    for count in (FEW, MANY):
        for name, act in steps(engagement, control, count):
            found[count][name] = measured(act)
        # The most the process ever held: what a worker needs for a population of this size.
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        memory[count] = Result(f"populations, {count:,} rows: most memory", round(most, 1), "MB")
    for name in found[FEW]:
        for place, (what, unit) in enumerate((("time", "s"), ("queries", "queries"))):
            sides = {
                count: Result(f"{name}, {count:,} rows: {what}", round(found[count][name][place], 3), unit)
                for count in (FEW, MANY)
            }
            yield from sides.values()
            if sides[FEW].value:
                yield ratio(f"{name}: {what} at {MANY:,} / {FEW:,}", sides[MANY], sides[FEW])
    yield from memory.values()
    yield ratio(f"populations: most memory at {MANY:,} / {FEW:,}", memory[MANY], memory[FEW])


def steps(engagement: Engagement, control: Control, count: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """What happens to a population, in order; each step works on what the one before it left."""
    content = changes(count)
    who = f.people(engagement)
    made: list[Population] = []
    yield "providing", lambda: made.append(provided(engagement, control, content, count))
    yield "remarks", lambda: populations.remarks(made[0])
    accepting = {"conclusion": "Counts agree.", "precision_adequate": True, "by": who["sana"]}
    yield "accepting", lambda: made.append(populations.accept(made[0], **accepting))
    page = reverse("evidence:population", args=[engagement.pk, made[0].pk])
    yield "its page", lambda: ask(signed_in(engagement), page)
    yield "drawing", lambda: drawing.draw(made[-1], control, by=who["sana"])
    other = listings.read(io.BytesIO(content.replace(b",alder,", b",finch,")), "changes.csv")
    how = comparing.Settings(keys=(("change", "change"),), compared=(("merged", "merged"),))
    yield "reconciling", lambda: comparing.compare(populations.rows(made[-1]), other, how)


def provided(engagement: Engagement, control: Control, content: bytes, count: int) -> Population:
    f.at_stage(engagement, Stage.FIELDWORK)
    return makers.provided(
        engagement,
        control,
        content=content,
        name=f"Changes, {count:,}",
        key_column="change",
        date_column="merged",
    )


def changes(count: int) -> bytes:
    """Merged changes, spread over a year."""
    lines = ["change,repository,author,title,merged"]
    for number in range(count):
        day = START + dt.timedelta(days=number * DAYS // count)
        lines.append(f"PR-{number + 1},ledger-{number % 17},alder,Change number {number} of the ledger,{day}")
    return ("\n".join(lines) + "\n").encode()


def measured(act: Callable[[], Any]) -> tuple[float, float]:
    """Seconds and queries of what can be done only once."""
    with CaptureQueriesContext(connection) as queries:
        start = time.perf_counter()
        act()
        took = time.perf_counter() - start
    return took, len(queries)
