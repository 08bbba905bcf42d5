"""Every person at every route, at every stage: who is let in, who is not, and that nothing issued ever changes.

The matrix is role x route x method x place: the person's own engagement, another one of the same firm, and one of
another firm. `planned` says which cells there are; each is a request, and the tests count them.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse

from engagements.models import Stage
from engagements.register import Severity, findings
from engagements.roles import MATRIX
from engagements.workflow import STEP_OF_STAGE
from reports.models import DiscoveredFact
from tests.database import untriggered
from tests.permissions.table import (
    ADMIN,
    FIRM,
    OPENER,
    OPERATOR,
    ORGANIZATION,
    PUBLIC,
    READER,
    SIGN_IN,
    SIGNED_IN,
    TABLE,
    Need,
    Row,
)
from tests.permissions.world import (
    EVERYBODY,
    INSIDERS,
    NOBODY,
    OUTSIDERS,
    UNCONFIRMED,
    Drawn,
    World,
    digest,
    invite_person,
    invite_reader,
    not_drawn,
    owned_tables,
    put,
    read_along,
    shares,
    swift,
    undone,
)

pytestmark = pytest.mark.django_db

MEMBERS = (*INSIDERS, UNCONFIRMED)
# One of the firm who may everything, and one of the client.
SOME_MEMBERS = ("petra", "carla")
OF_FIRM = {*(key for key, role in INSIDERS.items() if role.of_firm), UNCONFIRMED, "cole", "olga"}
# Both are administrators of their firms too.
OPENERS = {"petra", "olga"}
STAGES = (Stage.SCOPING, Stage.FIELDWORK, Stage.REPORTING, Stage.ISSUED)
# What happens apart from the engagement's own rows when something is done.
TRACES = [
    "engagements_engagement",
    "engagements_engagementmember",
    "audit_event",
    "jobs_job",
    "jobs_outbox",
    "reports_issuance",
    "distribution_grant",
    "distribution_nondisclosureagreement",
]
CELLS: Counter[str] = Counter()
# The suite asks for one of each kind of person, `make drill` for all.
SOMEBODY = {"petra", "carla", UNCONFIRMED, "cole", "reader", "anonymous"}
AFTER_ISSUE = {"petra", "carla", "reader"}
# Their pages are drawn; what the others may see is the same templates. Those of the firm: test_every_page.py.
DRAWN = {"carla", "reader"}
ERRORS = {"403.html", "404.html"}
# Of the cells in which a route does not take the method, the suite asks every so many.
NOT_TAKEN = 3
PLACES = ("same firm", "other firm")
METHODS = ("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE")
# One of each kind is told that a route does not take a method.
OF_EACH_KIND = ("petra", "carla", "cole", "anonymous")
# Look after every request what it has changed, not only at the end.
SLOWLY = False


@pytest.fixture(scope="module", autouse=True)
def tell(request: pytest.FixtureRequest) -> Iterator[None]:
    """Says at the end how many cells were tried."""
    yield
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        told = ", ".join(f"{count} {kind}" for kind, count in CELLS.items())
        reporter.write_line(f"\npermission table: {len(TABLE)} routes, {CELLS.total()} cells ({told})")


@pytest.fixture(autouse=True)
def drawn() -> Iterator[dict[str, Drawn]]:
    with swift() as drawn:
        yield drawn


def routes(resolver: URLResolver, space: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, f"{space}{pattern.namespace}:" if pattern.namespace else space)
        else:
            assert isinstance(pattern, URLPattern)
            assert pattern.name, f"a route without a name: {pattern.pattern}"
            yield f"{space}{pattern.name}"


def test_every_route_has_its_row_and_every_row_its_route() -> None:
    found = list(routes(get_resolver()))
    assert sorted(found) == sorted(TABLE)


Cell = tuple[str, str, Row]


def planned(place: str, who: str, stage: Stage) -> list[Cell]:
    """The cells of the matrix for one person in one place."""
    return [
        (who, method, row)
        for row in rows_at(stage)
        if place == "own" or row.of_engagement or (place == "other firm" and of_firm(row))
        for method, need in (("GET", row.get), ("POST", row.post), *((method, row.get) for method in row.also))
        if need is not None
    ]


def of_firm(row: Row) -> bool:
    """Its object goes over with the client; members and licences stay with the firm that has them."""
    return not {"organization", "client_member"}.isdisjoint(row.args)


def not_taken(share: int = 1) -> list[Cell]:
    """The methods that a route does not take. Those of allauth are for its own tests; a monitor may ask by HEAD."""
    return [
        (who, method, row)
        for row in TABLE.values()
        for method in METHODS
        if (method != "GET" or not row.get) and (method != "POST" or not row.post) and method not in row.also
        if row not in SIGN_IN and (method != "HEAD" or row.name != "healthz")
        for who in OF_EACH_KIND
    ][::share]


def test_the_matrix_is_as_large_as_it_was() -> None:
    """Every cell is asked by one of the tests below, drills included, which count what they asked."""
    stages = (Stage.REPORTING, Stage.ISSUED)
    own = sum(len(planned("own", who, stage)) for who in EVERYBODY for stage in stages)
    others = sum(len(planned(place, who, stage)) for place in PLACES for who in MEMBERS for stage in stages)
    assert own >= 4_500
    assert others >= 3_400
    assert len(not_taken()) >= 3_000
    # Of these, the suite asks:
    own = sum(len(planned("own", who, Stage.REPORTING)) for who in SOMEBODY)
    own += sum(len(planned("own", who, Stage.ISSUED)) for who in AFTER_ISSUE)
    others = sum(len(planned(place, who, Stage.REPORTING)) for place in PLACES for who in SOME_MEMBERS)
    assert own + others + len(not_taken(NOT_TAKEN)) >= 3_000


def may(who: str, need: Need, row: Row) -> bool:
    """What the table says: whether this person gets through."""
    if need == PUBLIC:
        return True
    if who in NOBODY:
        return need == READER and who == "reader"
    if need == READER:
        return False
    if need == SIGNED_IN:
        return True
    if need == OPERATOR:
        return who == "opal"
    if need == FIRM:
        return who in OF_FIRM
    if need in {ADMIN, OPENER}:
        return who in OPENERS
    if need == ORGANIZATION:
        return who == "petra" or (who in INSIDERS and not INSIDERS[who].of_firm)
    wanted = {need} if isinstance(need, str) else set(need or ())
    if who == UNCONFIRMED:
        return row.unconfirmed and bool(wanted & MATRIX[INSIDERS["milan"]])
    return who in INSIDERS and bool(wanted & MATRIX[INSIDERS[who]])


def verdict(who: str, method: str, row: Row, status: int, place: str) -> str:
    """What is wrong with an answer, in words; "" when it is as the table says."""
    need = row.post if method == "POST" else row.get
    assert need is not None
    if not may(who, need, row):
        return unwelcome(who, need, row, status, place)
    if who in row.hidden:
        return "" if status == 404 else "instead of 404: this object is not theirs"
    if who in row.refused:
        return "" if status == 403 else "instead of 403: this act is not theirs"
    refused = {401, 403, 404, 405} - ({404} if row.missing else set())
    return "in spite of the right" if status in refused else ""


def refusals(who: str, row: Row) -> set[int]:
    """What a method that the route does not take may be answered with."""
    if who == "petra" and may(who, row.get or row.post, row):
        return {405}
    return {302, 403, 404, 405} | ({401} if row.api else set())


def unwelcome(who: str, need: Need, row: Row, status: int, place: str) -> str:
    if who in NOBODY and row.api:
        return "" if status in {401, 403} else "instead of a refusal"
    if who in NOBODY and need != READER:
        sent_to_sign_in = status == 302 and place.startswith(reverse("account_login"))
        return "" if sent_to_sign_in else "instead of the sign-in page"
    if row.of_engagement and who in OUTSIDERS:
        return "" if status == 404 else "for an outsider instead of 404"
    right = {403} if row.of_engagement and who not in row.hidden else {302, 403, 404}
    return "" if status in right else "without the right"


class Table:
    """Sends the requests of the table and keeps what came otherwise than it says."""

    def __init__(self, world: World, stage: Stage) -> None:
        self.world = world
        self.wrong: list[str] = []
        put(world.engagement, stage)
        self.ids = dict(world.ids) | {"invitation": invite_person(world), "link": "no-such-link", "grant": 0}
        if stage == Stage.ISSUED:
            read_along(world, *invite_reader(world, "Rita"))
            grant, token = invite_reader(world, "Ron")
            fact = DiscoveredFact.objects.get(engagement=world.engagement)
            self.ids |= {"link": token, "grant": grant.pk, "fact": fact.pk}

    def url(self, row: Row, ids: dict[str, Any] | None = None) -> str:
        known = ids or self.ids
        args = [arg[1:] if arg.startswith("=") else known[arg] for arg in row.args]
        return reverse(row.name, args=args) + (f"?{self.warning}" if row.query == "warning" else "")

    @functools.cached_property
    def warning(self) -> str:
        return next(warnings(self.world), "")

    def data(self, row: Row) -> dict[str, Any]:
        known = self.ids
        return {
            name: known[value[1:]] if isinstance(value, str) and value.startswith("@") else value
            for name, value in row.data
        }

    def expect(self, who: str, method: str, row: Row, response: Any) -> None:
        CELLS[method] += 1
        status = response.status_code
        if status >= 500:
            self.crashed(who, method, row)
        elif what := verdict(who, method, row, status, response.get("Location", "")):
            self.note(who, method, row, f"{status} {what}")

    def note(self, who: str, method: str, row: Row, what: str) -> None:
        self.wrong.append(f"{who:10} {method:5} {row.name:34} {what}")

    def crashed(self, who: str, method: str, row: Row) -> None:
        self.note(who, method, row, f"crashed: {' '.join(self.world.errors)}")

    def agrees(self) -> None:
        assert not self.wrong, "\n" + "\n".join(self.wrong)


def warnings(world: World) -> Iterator[str]:
    """Query strings for the standing warnings, which a person may override."""
    for step in (*STEP_OF_STAGE.values(), "issue"):
        for finding in findings(step, world.engagement):
            if finding.severity == Severity.WARN:
                yield f"step={step}&rule={finding.rule}&subject={finding.subject}"


def rows_at(stage: Stage) -> list[Row]:
    return [row for row in TABLE.values() if row.at == stage]


@pytest.mark.parametrize(
    ("who", "stage"),
    [
        pytest.param(who, stage, marks=[] if who in asked else pytest.mark.drill)
        for stage, asked in ((Stage.REPORTING, SOMEBODY), (Stage.ISSUED, AFTER_ISSUE))
        for who in EVERYBODY
    ],
)
def test_who_gets_in(world: World, drawn: dict[str, Drawn], who: str, stage: Stage) -> None:
    drawn["pages"] = lambda name: who in DRAWN and name not in ERRORS
    cells = planned("own", who, stage)
    with undone(), asking(len(cells)):
        table = Table(world, stage)
        for _, method, row in cells:
            url = table.url(row)
            with undone():
                table.expect(who, method, row, world.ask(who, method, url))
    table.agrees()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("stage", "people"),
    [
        (Stage.REPORTING, SOME_MEMBERS),
        # What the others find is the same query for another person.
        pytest.param(Stage.REPORTING, MEMBERS, marks=pytest.mark.drill),
        pytest.param(Stage.ISSUED, MEMBERS, marks=pytest.mark.drill),
    ],
)
def test_a_role_elsewhere_opens_nothing_here(
    world: World, drawn: dict[str, Drawn], place: str, stage: Stage, people: tuple[str, ...]
) -> None:
    """Whoever has a role in an engagement finds nothing of another one, down to the last object of it."""
    drawn["pages"] = not_drawn
    with undone():
        theirs = moved(world, place)
        hand_over(theirs, place)
        table = Table(theirs, stage)
        part(theirs)
        tables = [*owned_tables(), *TRACES]
        before = digest(tables)
        cells = [cell for who in people for cell in planned(place, who, stage)]
        with asking(len(cells)):
            for who, method, row in cells:
                status = world.ask(who, method, table.url(row)).status_code
                CELLS[f"{method}, {place}"] += 1
                if status not in ({404} if row.of_engagement else {403, 404}):
                    table.note(who, method, row, f"{status} instead of 404")
        assert digest(tables) == before
    table.agrees()


def moved(world: World, place: str) -> World:
    """The world as seen from the other engagement."""
    return dataclasses.replace(world, engagement=world.other, ids=world.other_ids)


def hand_over(theirs: World, place: str) -> None:
    """The other engagement becomes that of somebody who has no part in the first, on request of another firm.

    Once its report is issued, nothing could do that any more.
    """
    pk, client = theirs.engagement.pk, theirs.engagement.client_id
    keeper = theirs.people["cole" if place == "same firm" else "olga"].pk
    firm = theirs.elsewhere.firm_id if place == "other firm" else theirs.engagement.firm_id
    untriggered(
        f"UPDATE engagements_engagement SET firm_id = {firm}, created_by_id = {keeper} WHERE id = {pk};"  # noqa: S608
        f"UPDATE accounts_serviceorganization SET firm_id = {firm} WHERE id = {client};"
    )


def part(theirs: World) -> None:
    """Those who have a role in the first engagement lose theirs in the other."""
    pk, client = theirs.engagement.pk, theirs.engagement.client_id
    mine = ", ".join(str(theirs.people[who].pk) for who in MEMBERS)
    untriggered(
        f"DELETE FROM engagements_engagementuserpermission WHERE content_object_id = {pk} AND user_id IN ({mine});"  # noqa: S608
        f"DELETE FROM engagements_engagementmember WHERE engagement_id = {pk} AND user_id IN ({mine});"
        f"DELETE FROM accounts_clientmember WHERE organization_id = {client} AND user_id IN ({mine});"
    )


@contextmanager
def asking(count: int) -> Iterator[None]:
    before = CELLS.total()
    yield
    assert CELLS.total() - before == count


@shares(NOT_TAKEN)
def test_methods_that_are_not_taken_are_refused(world: World, drawn: dict[str, Drawn], share: int) -> None:
    drawn["pages"] = not_drawn
    cells = not_taken(share)
    with undone(), asking(len(cells)):
        table = Table(world, Stage.REPORTING)
        tables = [*owned_tables(), *TRACES]
        before = digest(tables)
        for who, method, row in cells:
            status = world.ask(who, method, table.url(row)).status_code
            CELLS[method] += 1
            right = refusals(who, row)
            if status not in right:
                table.note(who, method, row, f"{status} instead of {right}")
        assert digest(tables) == before
    table.agrees()


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.drill
def test_at_the_wrong_stage_nothing_changes(world: World, drawn: dict[str, Drawn], stage: Stage) -> None:
    """Whoever has the right sends what would be right at another stage."""
    drawn["pages"] = lambda name: name not in ERRORS
    with undone():
        table = Table(world, stage)
        tables = [*owned_tables(), *TRACES]
        before = digest(tables)
        for row in TABLE.values():
            if row.post is None or stage in row.acts:
                continue
            who = next(key for key in EVERYBODY if may(key, row.post, row))
            response = world.ask(who, "POST", table.url(row), table.data(row))
            CELLS["POST at the wrong stage"] += 1
            if response.status_code >= 500:
                table.crashed(who, "POST", row)
            if SLOWLY and digest(tables) != before:
                table.note(who, "POST", row, "changed something")
                before = digest(tables)
        after = digest(tables)
        changed = [name for name in tables if after[name] != before[name]]
        assert not changed, "set SLOWLY to find out which request changed this"
    table.agrees()


@shares(6)
def test_nothing_that_is_issued_changes_whoever_sends_whatever(
    world: World, drawn: dict[str, Drawn], share: int
) -> None:
    drawn["pages"] = not_drawn
    with undone():
        table = Table(world, Stage.ISSUED)
        tables = owned_tables()
        owned, engagements = digest(tables), digest(["engagements_engagement"])
        for row in list(TABLE.values())[::share]:
            if row.post is None or not row.of_engagement:
                continue
            for who in EVERYBODY:
                if not may(who, row.post, row):
                    continue
                response = world.ask(who, "POST", table.url(row), table.data(row))
                CELLS["POST after issue"] += 1
                if response.status_code >= 500:
                    table.crashed(who, "POST", row)
        assert digest(tables) == owned
        assert digest(["engagements_engagement"]) == engagements
    table.agrees()


# Pages that show something as well as a form.
SHOWING = {
    "engagements:threat",
    "engagements:acceptance",
    "engagements:criterion",
    "engagements:letter",
    "fieldwork:exception",
    "fieldwork:item",
    "fieldwork:notes",
    "fieldwork:notes_at",
    "fieldwork:scans",
    "reports:letter",
    "reports:section",
    "reports:sign_statement",
}


@pytest.mark.parametrize("stage", [Stage.FIELDWORK, Stage.ISSUED])
@pytest.mark.drill
def test_no_page_offers_what_would_be_refused(world: World, stage: Stage) -> None:
    """Forms and links to forms stand on pages only at the stages at which they lead to something."""
    with undone():
        table = Table(world, stage)
        for row in rows_at(stage) + (rows_at(Stage.REPORTING) if stage == Stage.ISSUED else []):
            # The page of a form that is of no use now stands behind a link that nothing may offer.
            useless = row.post and row.acts and stage not in row.acts and row.name not in SHOWING
            if row.get is None or not row.of_engagement or row.api or useless:
                continue
            for who in ("petra", "carla", "sig"):
                if may(who, row.get, row):
                    page = table.url(row)
                    for name in offers(world.ask(who, "GET", page)):
                        offered = TABLE[name]
                        # Empty: it never changes anything.
                        if offered.post is not None and offered.acts and stage not in offered.acts:
                            table.note(who, "GET", row, f"offers {name}")
                    CELLS["pages with their offers"] += 1
    table.agrees()


def offers(response: Any) -> set[str]:
    """The routes to which a page has forms, and to which it links when they are there for a form."""
    page = response.content.decode() if response.get("Content-Type", "").startswith("text/html") else ""
    page = page.partition("<main")[2]
    forms = set(re.findall(r'<form [^>]*action="(/[^"?]+)', page))
    links = set(re.findall(r'<a [^>]*href="(/engagements/[^"#?]*)', page))
    return {resolve(url).view_name for url in forms} | {resolve(url).view_name for url in links} - SHOWING


@shares(6)
def test_objects_of_other_engagements_are_not_found(world: World, share: int) -> None:
    """Whoever may see both engagements does not reach the objects of one by way of the other."""
    with undone():
        table = Table(world, Stage.REPORTING)
        for row in list(TABLE.values())[::share]:
            if not row.of_engagement:
                continue
            mixed = world.other_ids | {"pk": world.engagement.pk, "link": "x", "grant": 0, "invitation": "x"}
            keys = [arg for arg in row.args[1:] if isinstance(mixed.get(arg), int) and arg not in SAME_EVERYWHERE]
            for method, need in (("GET", row.get), ("POST", row.post)):
                who = next((key for key in INSIDERS if need and may(key, need, row)), None)
                if who is None:
                    continue
                urls = [table.url(row, world.ids | {"pk": world.elsewhere.pk, "grant": 0})]
                urls += [table.url(row, mixed)] if keys else []
                for url in urls:
                    with undone():
                        status = world.ask(who, method, url, table.data(row)).status_code
                        CELLS["object of another"] += 1
                        if status != 404:
                            table.note(who, method, row, f"{status} for {url}")
    table.agrees()


# Numbers within the engagement, or the same person in both.
SAME_EVERYWHERE = {"owen", "draft", "matter", "version"}


JUNK = dict.fromkeys(
    "item attribute value evidence reference note sample to step act ids codes controls assigned_to due files "
    "replaces received sheet encoding citation outcome place test label title pass_rule user role draft version "
    "limb limbs kind conclusion date text modifications seen password basis email days name reason criteria "
    "owner disclosed statement party_class agreement_sha256 typed_name risk method size deviations page".split(),
    "%00'\u202e<b>x",
)


@shares(8)
def test_junk_is_answered_with_words(world: World, share: int) -> None:
    with undone():
        table = Table(world, Stage.REPORTING)
        for row in list(TABLE.values())[::share]:
            for method, need in (("GET", row.get), ("POST", row.post)):
                who = next((key for key in EVERYBODY if need and may(key, need, row)), None)
                if who is None:
                    continue
                with undone():
                    response = world.ask(who, method, table.url(row), JUNK)
                    CELLS["junk"] += 1
                    if response.status_code >= 500:
                        table.crashed(who, method, row)
    table.agrees()


@shares(8)
def test_fragments_answer_like_pages(world: World, drawn: dict[str, Drawn], share: int) -> None:
    """A request of htmx is let in and refused as any other; what pages show too is not drawn again."""
    drawn["pages"] = lambda name: name.rpartition("/")[2].startswith("_")
    with undone():
        table = Table(world, Stage.REPORTING)
        for row in rows_at(Stage.REPORTING)[::share]:
            for who in ("petra", "carla", "cole"):
                if row.get:
                    with undone():
                        table.expect(
                            who, "GET", row, world.ask(who, "GET", table.url(row), **{"HX-Request": "true"})
                        )
    table.agrees()
