"""PostgreSQL keeps engagements apart by itself, whatever a query forgot to say (R69; OWASP ASVS 5.0, 8.4.1)."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from accounts.models import User
from accounts.people import end_others
from audit.context import EVERYBODY, acting_for
from audit.middleware import RequestContext
from audit.models import Event
from config.isolation import NEVER_IGNORED, READERS_TABLES, key_of, owned_parents, protected
from engagements.models import Control, Engagement
from tests import factories as f
from tests.database import as_owner, backed_up
from tests.distribution import makers as distribution
from tests.permissions.world import rendered_blank, rich

SEED = 20_261_123
WRITES, REQUESTS = 200, 5_000
# The queue of background work, read by the worker for everybody; its rows say no more than which engagement waits.
# Tokens are looked up before anybody is known; they name an engagement and hold nothing of it.
BESIDE = {"jobs_job", "accounts_apitoken"}


def two() -> tuple[Engagement, Engagement]:
    """An engagement with something in nearly every table, and one like it of another firm's client."""
    with rendered_blank():
        mine = rich("Northwind Books, Inc.", number="2026-0001")
        other_firm = f.firm("Oak & Partners LLP")
        olga = f.partner_of(other_firm, "olga", "Olga Oak")
        theirs = f.accepted(a_client=f.client(other_firm, "Southwind Ltd"), partner=olga)
        return mine, theirs


@pytest.fixture
def engagements(db: None) -> tuple[Engagement, Engagement]:
    return two()


def tables() -> list[tuple[type[models.Model], str]]:
    return [(model, key) for model in protected() if (key := key_of(model)) is not None]


@pytest.mark.django_db
def test_the_application_owns_nothing_and_passes_nothing_by() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        )
        assert cursor.fetchone() == (False, False, False, False)
        cursor.execute("SELECT count(*) FROM pg_class WHERE pg_has_role(relowner, 'MEMBER') AND relkind = 'r'")
        assert cursor.fetchone() == (0,)
        cursor.execute(
            "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname IN ('audit_event', 'audit_chain')"
        )
        assert cursor.fetchall() == [("attestry_audit",)] * 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE engagements_control DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE audit_event DISABLE TRIGGER USER",
        "DROP POLICY own_engagements ON engagements_control",
        "SET ROLE attestry_owner",
        "SET ROLE attestry_audit",
        "SET session_replication_role = replica",
        "CREATE TABLE mine (id int)",
        "UPDATE django_migrations SET name = ''",
    ],
)
def test_the_application_cannot_take_it_away(statement: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db
def test_no_table_of_engagements_is_forgotten() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT relname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
            " WHERE relkind = 'r' AND attname = 'engagement_id' AND NOT attisdropped AND NOT relrowsecurity"
        )
        assert {name for (name,) in cursor.fetchall()} == BESIDE
        cursor.execute("SELECT relname, relrowsecurity FROM pg_class JOIN pg_policy ON polrelid = pg_class.oid")
        assert sorted(cursor.fetchall()) == sorted((model._meta.db_table, True) for model in protected())
    assert len(protected()) >= 50


def test_without_a_person_there_are_no_rows(engagements: tuple[Engagement, Engagement]) -> None:
    filled = [model for model in protected() if model._default_manager.exists()]
    assert len(filled) >= 40, [model.__name__ for model in protected() if model not in filled]
    for person in (None, "grant:0", "0", "nonsense"):
        with acting_for(person):
            for model in filled:
                assert not model._default_manager.exists(), f"{model.__name__} for {person!r}"


def test_a_person_sees_its_own_engagements_only(engagements: tuple[Engagement, Engagement]) -> None:
    mine, theirs = engagements
    for person, own, other in ((mine.created_by, mine, theirs), (theirs.created_by, theirs, mine)):
        with acting_for(person):
            for model, key in tables():
                keys = set(model._default_manager.order_by().values_list(key, flat=True).distinct()) - {None}
                assert keys <= {own.pk}, model.__name__
            assert Engagement.objects.filter(pk=own.pk).exists()
            assert not Engagement.objects.filter(pk=other.pk).exists()


@pytest.mark.django_db
def test_what_belongs_to_no_engagement_is_seen_by_who_did_it_and_by_the_firms_administrators() -> None:
    engagement = f.staffed()
    who = f.people(engagement)
    olga = f.partner_of(f.firm("Oak & Partners LLP"), "olga", "Olga Oak")
    end_others(who["sana"], but=None)
    with acting_for(None):
        end_others(who["owen"], but=None)
    seen = {}
    for key, person in {**who, "olga": olga}.items():
        with acting_for(person):
            found = Event.objects.filter(action="session.others_ended")
            seen[key] = sorted(found.values_list("actor__email", flat=True))
    assert seen == {key: [] for key in seen} | {
        "petra": ["owen@example.com", "sana@example.com"],
        "sana": ["sana@example.com"],
        "owen": ["owen@example.com"],
    }


@pytest.mark.django_db
def test_triggers_that_refuse_always_fire() -> None:
    """All but the one that lets only an event move a head: a logical replica moves it by itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname, tgenabled FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid"
            " WHERE NOT tgisinternal AND prosrc ILIKE '%%RAISE EXCEPTION%%'"
        )
        found = cursor.fetchall()
    assert len(found) > 100
    assert {name.rpartition("_")[0] for name, enabled in found if enabled != "A"} == {"pgtrigger_only_by_event"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.drill
def test_a_backup_is_restored_with_its_protection(tmp_path: Path) -> None:
    engagement = distribution.issued()
    counts = {model._meta.db_table: model._default_manager.count() for model in protected()}
    with backed_up(tmp_path) as cursor:
        for table, count in counts.items():
            cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608
            assert cursor.fetchone() == (count,), table
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgenabled = 'A' AND NOT tgisinternal")
        assert cursor.fetchone()[0] > 100
        cursor.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg2.Error, match="is frozen"):
            cursor.execute("UPDATE reports_report SET pages = 1 WHERE engagement_id = %s", [engagement.pk])


@pytest.mark.django_db
def test_a_reader_sees_what_reading_needs_and_no_more() -> None:
    engagement = distribution.issued()
    grant = distribution.reader(engagement)
    with acting_for(grant.person):
        for model, _ in tables():
            if model not in READERS_TABLES:
                assert not model._default_manager.exists(), model.__name__
        assert Engagement.objects.get() == engagement


def test_two_hundred_writes_across_the_border_are_refused(engagements: tuple[Engagement, Engagement]) -> None:
    mine, theirs = engagements
    chance = random.Random(SEED)
    places = [(model, key) for model, key in tables() if model._default_manager.filter(**{key: mine.pk}).exists()]
    before = {model: model._default_manager.filter(**{key: mine.pk}).count() for model, key in places}
    outcomes: Counter[str] = Counter()
    with acting_for(theirs.created_by):
        for _ in range(WRITES):
            model, key = chance.choice(places)
            outcomes[_write_over(chance.choice(["update", "delete", "insert"]), model, key, mine)] += 1
    assert set(outcomes) == {"no row", "refused"}
    assert outcomes.total() == WRITES
    assert before == {model: model._default_manager.filter(**{key: mine.pk}).count() for model, key in places}


def _write_over(act: str, model: type[models.Model], key: str, engagement: Engagement) -> str:
    table = model._meta.db_table
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if act == "update":
                cursor.execute(f"UPDATE {table} SET {key} = {key} WHERE {key} = %s", [engagement.pk])  # noqa: S608
            elif act == "delete":
                cursor.execute(f"DELETE FROM {table} WHERE {key} = %s", [engagement.pk])  # noqa: S608
            else:
                cursor.execute(*_copy_over(model, key, engagement))
            return f"{act} wrote {table}" if cursor.rowcount else "no row"
    except DatabaseError as error:
        # Of the trail nothing is deleted, whoever's it is.
        wall = "row-level security" if act == "insert" else "permission denied for table audit_event"
        return "refused" if wall in str(error) else f"{act} {table}: {error}"


def _copy_over(model: type[models.Model], key: str, engagement: Engagement) -> tuple[str, list[Any]]:
    """An insertion of a row for somebody else's engagement, with the values that the columns ask for."""
    table = model._meta.db_table
    pk = model._meta.pk.column
    with acting_for(EVERYBODY), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT to_jsonb(_whole) FROM {table} AS _whole WHERE {key} = %s LIMIT 1",  # noqa: S608
            [engagement.pk],
        )
        (row,) = cursor.fetchone()
    columns = [field.column for field in model._meta.local_fields if field.column != pk or key == pk]
    named = ", ".join(f'"{column}"' for column in columns)
    return (
        f"INSERT INTO {table} ({named}) SELECT {named} FROM jsonb_populate_record(NULL::{table}, %s)",  # noqa: S608
        [row],
    )


def test_a_row_cannot_point_into_another_engagement(engagements: tuple[Engagement, Engagement]) -> None:
    """Foreign keys alone would take it: they are checked without row-level security."""
    mine, theirs = engagements
    tried = 0
    as_owner("SET CONSTRAINTS ALL IMMEDIATE")
    for model, key in tables():
        for field in owned_parents(model) if model is not Event else []:
            parent = field.related_model
            row = model._default_manager.filter(**{key: mine.pk}).exclude(**{field.column: None}).first()
            assert parent is not None
            if row is None:
                continue
            # Its parent goes over to the other engagement under it, which no trigger is asked about.
            table, parent_key = parent._meta.db_table, key_of(parent)
            moved = f"UPDATE {table} SET {parent_key} = {theirs.pk} WHERE id = {getattr(row, field.column)}"  # noqa: S608
            with pytest.raises(IntegrityError, match="_same"), transaction.atomic():
                as_owner(f"ALTER TABLE {table} DISABLE TRIGGER USER; {moved}")
            tried += 1
    assert tried >= 30


class Asked:
    """5,000 requests of two people, by turns and from two threads, on connections that both use.

    Each reads the whole of one of the tables in which both have rows.
    """

    def __init__(self, people: dict[User, int]) -> None:
        self.people = people
        self.places = [
            (model, key)
            for model, key in tables()
            if all(model._default_manager.filter(**{key: pk}).exists() for pk in people.values())
        ]
        self.seen: dict[int, set[int]] = {user.pk: set() for user in people}
        self.done = 0
        self.failed: list[BaseException] = []

    def answer(self, request: HttpRequest) -> HttpResponse:
        self.done += 1
        assert isinstance(request.user, User)
        model, key = self.places[self.done % len(self.places)]
        found = model._default_manager.order_by().exclude(**{key: None}).values_list(key, flat=True)
        if self.done % 7 == 0:
            with transaction.atomic():
                self.seen[request.user.pk] |= set(found)
                transaction.set_rollback(True)
        rows = set(found)
        assert rows == {self.people[request.user]}, f"{model.__name__}: {rows}"
        self.seen[request.user.pk] |= rows
        return HttpResponse()

    def ask(self, seed: int) -> None:
        chance = random.Random(seed)
        site, requests = RequestContext(self.answer), RequestFactory()
        people = list(self.people)
        try:
            for _ in range(REQUESTS // 2):
                request = requests.get("/") if chance.random() < 0.5 else requests.post("/")
                request.user = chance.choice(people)
                site(request)
        except (DatabaseError, AssertionError) as error:
            self.failed.append(error)
        finally:
            connection.close()


@pytest.mark.drill
@pytest.mark.django_db(transaction=True)
def test_five_thousand_requests_by_turns_see_no_foreign_row() -> None:
    mine = f.accepted()
    other_firm = f.firm("Oak & Partners LLP")
    olga = f.partner_of(other_firm, "olga", "Olga Oak")
    theirs = f.accepted(a_client=f.client(other_firm, "Southwind Ltd"), partner=olga)
    for engagement in (mine, theirs):
        Control.objects.create(
            engagement=engagement, number="A-1", title="A", wording="A", nature="M", frequency="E"
        )
    asked = Asked({mine.created_by: mine.pk, olga: theirs.pk})
    assert len(asked.places) >= 6
    threads = [threading.Thread(target=asked.ask, args=[seed]) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not asked.failed
    assert asked.done == REQUESTS
    assert asked.seen == {mine.created_by.pk: {mine.pk}, olga.pk: {theirs.pk}}


@pytest.mark.django_db(transaction=True)
def test_a_setting_ends_with_its_transaction() -> None:
    """What a pooler hands to the next one must say nothing of the last."""
    engagement = f.accepted()

    def setting() -> Iterator[str]:
        with acting_for(None), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('app.person', true)")
            yield cursor.fetchone()[0] or ""

    with acting_for(engagement.created_by):
        assert Engagement.objects.filter(pk=engagement.pk).exists()
    assert list(setting()) == [""]
    with acting_for(engagement.created_by), transaction.atomic():
        assert Engagement.objects.filter(pk=engagement.pk).exists()
        with acting_for(None):
            assert not Engagement.objects.filter(pk=engagement.pk).exists()
        assert Engagement.objects.filter(pk=engagement.pk).exists()
    assert list(setting()) == [""]
    with pytest.raises(IntegrityError), acting_for(engagement.created_by):
        Control.objects.create(engagement=engagement, number=None, nature="M", frequency="E")
    assert list(setting()) == [""]


@pytest.mark.django_db
def test_migrating_needs_the_owner(settings: Settings) -> None:
    settings.OWNER_DATABASE_URL = ""
    with pytest.raises(CommandError, match="OWNER_DATABASE_URL"):
        call_command("migrate", stdout=StringIO())


@pytest.mark.django_db
def test_a_table_of_the_same_name_deceives_no_trigger() -> None:
    """Whoever has the application's role may make temporary tables, and PostgreSQL looks there first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc"
            " WHERE pronamespace = 'public'::regnamespace AND prorettype = 'trigger'::regtype"
            " AND NOT coalesce(proconfig @> ARRAY['search_path=public, pg_temp'], false)"
        )
        assert cursor.fetchall() == []


NAMED = """
    SELECT set_config('pgtrigger.ignore', (
        SELECT array_agg(DISTINCT tgname::text)::text FROM pg_trigger WHERE NOT tgisinternal
    ), true)"""
FORGED = """
    INSERT INTO audit_event (chain_id, engagement_id, seq, at, actor_name, action, audience, target, target_label,
    detail, previous, hash) VALUES ('engagement:1', 1, 1000, '2020-01-01', 'Petra Alder', 'report.issued', 'all',
    '', '', '{}', '', 'x') RETURNING seq, hash, extract(year FROM at)"""


@pytest.mark.django_db
def test_no_session_names_triggers_to_be_passed_by() -> None:
    """What the library of the triggers offers to any session, the application's role included."""
    engagement = f.accepted()
    as_owner(NEVER_IGNORED)
    with connection.cursor() as cursor:
        cursor.execute(NAMED)
        for statement in (
            f"UPDATE engagements_engagement SET stage = 'issued' WHERE id = {engagement.pk}",  # noqa: S608
            "DELETE FROM engagements_engagement",
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                cursor.execute(statement)
        cursor.execute(FORGED)
        seq, hashed, year = cursor.fetchone()
        assert seq != 1000
        assert len(hashed) == 64
        assert year > 2020
