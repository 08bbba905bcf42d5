"""The 27 main pages ask the database as often for many objects as for few; for a thousand in `make drill`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.plugin import DjangoDbBlocker

from accounts import people
from engagements.models import Engagement
from tests import factories as f
from tests.database import as_owner
from tests.permissions.sized import busiest, sized
from tests.permissions.world import BACKEND, rendered_blank

pytestmark = pytest.mark.django_db

FEW, MANY, VERY_MANY = 10, 20, 1_000
PAGES = 27
# Pages that decide whether a report can be issued look at everything, and so ask the most.
MOST = 105
# The page that is open all day leaves that to a part which follows.
OVERVIEW = 45
Asked = dict[str, dict[str, list[str]]]


@pytest.fixture(scope="module", params=[MANY, pytest.param(VERY_MANY, marks=pytest.mark.drill)])
def asked(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[Asked, Asked]]:
    """The queries of each page, by person and page, first with few of everything and then with many."""
    with (
        django_db_blocker.unblock(),
        transaction.atomic(),
        rendered_blank(),
        pytest.MonkeyPatch.context() as patch,
    ):
        # What is noted once a minute would be counted on whichever page comes after it.
        patch.setattr(people, "SEEN_EVERY", 86_400)
        few = queries(sized(FEW, client="Few, Inc.", number="2026-0801"))
        many = queries(sized(request.param, client="Many, Inc.", number="2026-0802"))
        yield few, many
        transaction.set_rollback(True)


def queries(engagement: Engagement) -> Asked:
    # As it is a minute after such rows were written: PostgreSQL knows how many there are.
    as_owner("ANALYZE")
    found: Asked = {}
    for who in ("petra", "carla"):
        client = Client()
        client.force_login(f.people(engagement)[who], backend=BACKEND)
        found[who] = {}
        for name, url in busiest(engagement).items():
            if client.get(url).status_code in {403, 404}:
                continue
            with CaptureQueriesContext(connection) as context:
                assert client.get(url).status_code == 200
            found[who][name] = [query["sql"] for query in context.captured_queries]
    return found


@pytest.mark.parametrize("who", ["petra", "carla"])
@pytest.mark.drill
def test_more_objects_are_not_more_queries(asked: tuple[Asked, Asked], who: str) -> None:
    few, many = asked[0][who], asked[1][who]
    grown = [
        f"{page}: {len(few[page])} queries, then {len(many[page])}\n{repeated(few[page], many[page])}"
        for page in few
        if len(few[page]) != len(many[page])
    ]
    assert not grown, "\n".join(grown)
    assert len(few) == (PAGES if who == "petra" else 21), sorted(few)
    most = max(many, key=lambda page: len(many[page]))
    assert len(many[most]) <= MOST, most
    assert len(many["overview"]) <= OVERVIEW


def repeated(few: list[str], many: list[str]) -> str:
    """The statements that are asked more often."""
    more = Counter(map(shape, many)) - Counter(map(shape, few))
    return "\n".join(f"  +{count} {sql[:300]}" for sql, count in more.most_common(4))


def shape(sql: str) -> str:
    return re.sub(r"'[^']*'|\b\d+\b", "?", re.sub(r"SELECT .*? FROM", "SELECT ... FROM", sql))
