"""Every page of a rich engagement, as the firm and as the client see it: sound, and with nothing cut off."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Route

from engagements.models import Stage
from reports import drafting
from tests import factories as f
from tests.browser.conftest import Sit
from tests.browser.desk import Desk
from tests.permissions.table import TABLE, Row
from tests.permissions.test_table import may
from tests.permissions.world import blank, ids_of, rich

# Answers for scripts, fragments, files.
NO_PAGES = {
    *(
        "healthz",
        "palette",
        "engagements:in_the_way",
        "engagements:trail_script",
        "engagements:activity_export",
        "engagements:trail",
    ),
    *("engagements:firm_trail_export", "engagements:firm_trail_whole"),
    *("evidence:upload", "evidence:download", "evidence:listing", "evidence:import_form", "evidence:calendar"),
    *(
        "fieldwork:beside",
        "fieldwork:changes",
        "fieldwork:example_programme",
        "fieldwork:history",
        "fieldwork:notes",
        "fieldwork:places",
        "fieldwork:sample_record",
        "fieldwork:redraw_script",
        "fieldwork:review_one",
        "fieldwork:changes_since",
    ),
    *("reports:draft_progress", "reports:draft_page", "reports:draft_pdf"),
    *("reports:letter_copy", "reports:record_letter"),
    *("reports:pages_now", "reports:pages_picture", "reports:schema"),
}


@pytest.mark.parametrize("key", ["petra", "carla"])
@pytest.mark.drill
def test_every_page_of_a_rich_engagement(sit: Sit, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setattr(drafting, "printed", blank)
    engagement = rich("Northwind Books, Inc.", number="2026-0901")
    ids = ids_of(engagement)
    desk = sit(f.people(engagement)[key])
    desk.page.route(re.compile(r"/evidence/[^/]+/preview/$"), _without_sandbox)
    rows = [row for row in TABLE.values() if _is_page(row) and may(key, row.get, row) and key not in row.refused]
    looked = [_look(desk, row, ids) for row in rows]
    assert len(looked) > 20


def _without_sandbox(route: Route) -> None:
    """A page that may run no scripts, as axe needs to: as it is, but for that."""
    response = route.fetch()
    policy = response.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-same-origin; default-src 'none';")
    open_to_axe = policy.removeprefix("sandbox allow-same-origin; ")
    route.fulfill(response=response, headers=response.headers | {"content-security-policy": open_to_axe})


def _is_page(row: Row) -> bool:
    ours = ":" in row.name or row.name in {"home", "rules"}
    if not ours or row.get is None or row.at != Stage.REPORTING or row.query or row.name in NO_PAGES:
        return False
    return not row.name.startswith("api")


def _look(desk: Desk, row: Row, ids: dict[str, object]) -> str:
    args = [arg[1:] if arg.startswith("=") else ids.get(arg, "unknown") for arg in row.args]
    response = desk.page.goto(reverse(row.name, args=args))
    assert response is not None
    if response.status == 200:
        desk.wrong += [*desk.faults(), *desk.sticking_out()]
    elif response.status not in {404, 410}:
        desk.wrong.append(f"{row.name}: {response.status}")
    return row.name
