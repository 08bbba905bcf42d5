"""The busiest pages at 40 and at 400 controls: queries, and milliseconds from request to response."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from django.contrib.auth import login
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection, transaction
from django.http import HttpRequest
from django.test import RequestFactory
from django.test.client import ClientHandler
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from bench.ground import migrate, next_number
from bench.results import Result, ratio
from engagements.models import Engagement
from tests import factories as f
from tests.permissions.sized import busiest, sized
from tests.permissions.world import BACKEND, rendered_blank

FEW, MANY = 40, 400
TIMES = 3
HANDLER = ClientHandler(enforce_csrf_checks=False)


def measure() -> Iterator[Result]:
    migrate()
    with rendered_blank(), transaction.atomic():
        few = sized(FEW, client="Few, Inc.", number=next_number())
        many = sized(
            MANY, client="Many, Inc.", number=next_number(), partner=f.partner_of(f.firm(), "maya", "Maya")
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    factories = {FEW: signed_in(few), MANY: signed_in(many)}
    addresses = {FEW: busiest(few), MANY: busiest(many)}
    for name in addresses[FEW]:
        queries, took = {}, {FEW: [], MANY: []}
        for count in (FEW, MANY):
            # The first look fills what is kept in memory: templates, content types.
            ask(factories[count], addresses[count][name])
            with CaptureQueriesContext(connection) as context:
                ask(factories[count], addresses[count][name])
            queries[count] = Result(f"{name}, {count} controls: queries", len(context), "queries")
        for _ in range(TIMES):
            for count in (FEW, MANY):
                start = time.perf_counter()
                ask(factories[count], addresses[count][name])
                took[count].append((time.perf_counter() - start) * 1000)
        times = {
            count: Result(f"{name}, {count} controls: time", round(statistics.median(took[count]), 1), "ms")
            for count in (FEW, MANY)
        }
        yield from queries.values()
        yield ratio(f"{name}: queries at {MANY} / {FEW}", queries[MANY], queries[FEW])
        yield from times.values()
        yield ratio(f"{name}: time at {MANY} / {FEW}", times[MANY], times[FEW])


def signed_in(engagement: Engagement) -> RequestFactory:
    """Requests of the engagement's partner."""
    user: User = engagement.created_by
    request = HttpRequest()
    request.session = SessionStore()
    login(request, user, backend=BACKEND)
    request.session.save()
    return RequestFactory(headers={"Cookie": f"attestry={request.session.session_key}"}, SERVER_NAME="127.0.0.1")


def ask(factory: RequestFactory, url: str) -> None:
    response = HANDLER(factory.get(url).environ)
    if response.status_code != 200:
        raise RuntimeError(f"{url} answered {response.status_code}")
