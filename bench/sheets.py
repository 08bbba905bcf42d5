"""A test sheet of 60 items by 6 attributes and one of 600: opened, one cell saved, a whole block saved."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bench.ground import migrate, next_number
from bench.pages import HANDLER, ask, signed_in
from bench.results import Result, ratio
from fieldwork import testing
from fieldwork.models import ControlTest
from tests import factories as f
from tests.fieldwork import makers

FEW, MANY = 60, 600
ATTRIBUTES = "ABCDEF"
TIMES = 3


def measure() -> Iterator[Result]:
    migrate()
    engagement = makers.at_fieldwork(number=next_number())
    with transaction.atomic():
        sheets = {count: sheet(engagement, count) for count in (FEW, MANY)}
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    requests = signed_in(engagement)
    for name, act in (("opening", opened), ("saving a cell", cell_saved), ("asking for news", asked_for_news)):
        yield from compared(f"sheet, {name}", requests, sheets, act)
    yield from compared("sheet, saving all cells", requests, sheets, all_saved)


def sheet(engagement: Any, count: int) -> ControlTest:
    test = makers.planned(
        engagement,
        makers.control(engagement, f"IAM-{count}"),
        items=[f"Leaver {number:03d}" for number in range(1, count + 1)],
        attributes=[(letter, f"Attribute {letter}", "It is as it should be.") for letter in ATTRIBUTES],
    )
    file = makers.evidence(engagement, test.control)
    for attribute in test.attributes.all():
        testing.cite_for_attribute(attribute, file, by=f.people(engagement)["sana"])
        testing.fill(test, attribute, "p", by=f.people(engagement)["sana"])
    return test


def compared(name: str, requests: RequestFactory, sheets: dict[int, ControlTest], act: Any) -> Iterator[Result]:
    queries, took = {}, {}
    for count, test in sheets.items():
        act(requests, test, 0)
        with CaptureQueriesContext(connection) as context:
            act(requests, test, 1)
        queries[count] = Result(f"{name}, {count} items: queries", len(context), "queries")
        times = []
        for turn in range(TIMES):
            start = time.perf_counter()
            act(requests, test, turn)
            times.append((time.perf_counter() - start) * 1000)
        took[count] = Result(f"{name}, {count} items: time", round(statistics.median(times), 1), "ms")
    yield from queries.values()
    yield ratio(f"{name}: queries at {MANY} / {FEW}", queries[MANY], queries[FEW])
    yield from took.values()
    yield ratio(f"{name}: time at {MANY} / {FEW}", took[MANY], took[FEW])


def opened(requests: RequestFactory, test: ControlTest, turn: int) -> None:
    ask(requests, test.get_absolute_url())


def asked_for_news(requests: RequestFactory, test: ControlTest, turn: int) -> None:
    since = testing.last_change(test)
    ask(requests, reverse("fieldwork:changes", args=[test.engagement_id, test.pk]) + f"?since={since}")


def cell_saved(requests: RequestFactory, test: ControlTest, turn: int) -> None:
    item = test.items.all()[0]
    sent(requests, test, [{"item": item.pk, "attribute": "A", "value": ("na", "pass")[turn % 2]}])


def all_saved(requests: RequestFactory, test: ControlTest, turn: int) -> None:
    """As much as a page sends at once, until every cell has another value: in blocks of 300."""
    value = ("na", "pass")[turn % 2]
    cells = [
        {"item": pk, "attribute": letter, "value": value}
        for pk in test.items.values_list("pk", flat=True)
        for letter in ATTRIBUTES
    ]
    for start in range(0, len(cells), 300):
        sent(requests, test, cells[start : start + 300])


def sent(requests: RequestFactory, test: ControlTest, entries: list[dict[str, Any]]) -> None:
    url = reverse("fieldwork:record", args=[test.engagement_id, test.pk])
    since = testing.last_change(test)
    body = {"entries": json.dumps([{**entry, "seen": since} for entry in entries]), "whole": "on"}
    response = HANDLER(requests.post(url, body).environ)
    states = {answer["state"] for answer in json.loads(response.content)["answers"]}
    if response.status_code != 200 or states != {"saved"}:
        raise RuntimeError(f"{url} answered {response.status_code}, {states}")
