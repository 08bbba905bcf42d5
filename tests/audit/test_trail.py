"""The trail: chained, append-only, and altered nowhere without being found."""

from __future__ import annotations

import itertools

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.transaction import TransactionManagementError

from audit.context import reset_ip, set_ip
from audit.models import Chain, Event
from audit.trail import action, phrase_of, record
from audit.verification import verify, verify_chain
from engagements.models import Engagement
from tests import factories as f
from tests.audit.tampering import run, unprotected
from tests.database import untriggered

pytestmark = pytest.mark.django_db

TRIED = action("trial.tried", "tried {target}")


def without_protection(sql: str) -> None:
    """Alter rows as somebody could who owns the database."""
    with unprotected():
        run(sql)


def events_of(engagement: Engagement) -> list[Event]:
    return list(Event.objects.filter(engagement_id=engagement.pk).order_by("seq"))


def test_each_engagement_has_its_own_chain() -> None:
    first, second = f.staffed(), f.staffed(system_name="Payroll")
    for engagement in (first, second):
        events = events_of(engagement)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert events[0].previous == ""
        for event, following in itertools.pairwise(events):
            assert following.previous == event.hash
        chain = Chain.objects.get(key=f"engagement:{engagement.pk}")
        assert (chain.seq, chain.head) == (events[-1].seq, events[-1].hash)
    assert verify().faults == []


def test_hashes_hold_for_every_kind_of_content() -> None:
    engagement = f.proposed()
    token = set_ip("2001:db8::7")
    for detail in (
        {},
        {"text": "line\nline\ttab “quotes” 漢字 \\ /"},
        {"numbers": [1, 1.5, -0.25, 10**12, None, True], "deep": {"b": 1, "a": [{}]}},
    ):
        record(TRIED, by=None, engagement=engagement, target=engagement, **detail)
    reset_ip(token)
    record(TRIED, by=engagement.created_by, firm=engagement.firm)
    record(TRIED, by=None)
    assert verify().faults == []
    event = Event.objects.filter(action="trial.tried").last()
    assert event is not None
    assert event.actor_name == "Attestry"
    assert event.ip == "2001:db8::7"


@pytest.mark.parametrize("of", ["nothing", "firm", "another"])
def test_nothing_else_stands_in_the_chain_of_an_engagement(of: str) -> None:
    engagement = f.proposed()
    said = {"firm": {"firm_id": engagement.firm_id}, "another": {"engagement_id": 4711}}.get(of, {})
    before = Chain.objects.get(key=f"engagement:{engagement.pk}").seq
    with pytest.raises(IntegrityError, match="event_in_its_chain"), transaction.atomic():
        Event(
            chain_id=f"engagement:{engagement.pk}",
            at="2001-01-01T00:00Z",
            actor=engagement.created_by,
            actor_name="Forger",
            action="forged",
            **said,
        ).save(force_insert=True)
    assert Chain.objects.get(key=f"engagement:{engagement.pk}").seq == before


def test_the_database_sets_time_place_and_hash() -> None:
    engagement = f.proposed()
    forged = Event(
        chain_id=f"engagement:{engagement.pk}",
        engagement_id=engagement.pk,
        seq=999,
        at="2001-01-01T00:00Z",
        actor_name="Nobody",
        action="forged",
        previous="x",
        hash="y",
    )
    forged.save(force_insert=True)
    forged.refresh_from_db()
    assert forged.at.year > 2001
    assert forged.seq == Event.objects.filter(engagement_id=engagement.pk).count()
    assert len(forged.hash) == 64
    assert verify().faults == []


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_event SET detail = '{}'",
        "UPDATE audit_chain SET head = ''",
        "TRUNCATE audit_chain CASCADE",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "DELETE FROM audit_chain",
    ],
)
def test_the_application_cannot_alter_it(sql: str) -> None:
    f.proposed()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert verify().faults == []


def test_the_orm_cannot_alter_it_either() -> None:
    f.proposed()
    event = Event.objects.first()
    assert event is not None
    event.action = "other"
    for act in (event.save, event.delete, lambda: Event.objects.update(action="other")):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()


@pytest.mark.parametrize(
    ("sql", "seq", "reason"),
    [
        ("UPDATE audit_event SET actor_name = 'Somebody' WHERE seq = 3", 3, "does not match its hash"),
        ('UPDATE audit_event SET detail = \'{"role": "Staff"}\' WHERE seq = 2', 2, "does not match its hash"),
        ("UPDATE audit_event SET at = at - interval '1 day' WHERE seq = 4", 4, "does not match its hash"),
        ("UPDATE audit_event SET audience = 'all' WHERE seq = 3", 3, "does not match its hash"),
        ("DELETE FROM audit_event WHERE seq = 2", 2, "is missing"),
        ("UPDATE audit_event SET previous = repeat('0', 64) WHERE seq = 2", 2, "does not follow"),
    ],
)
def test_what_the_owner_of_the_database_alters_is_found(sql: str, seq: int, reason: str) -> None:
    engagement = f.staffed()
    if "audience" in sql:
        assert events_of(engagement)[2].audience == "firm"
    without_protection(sql)
    fault = verify_chain(Chain.objects.get(key=f"engagement:{engagement.pk}"))
    assert fault is not None
    assert fault.seq == seq
    assert reason in fault.reason


def test_a_tail_cut_off_is_found() -> None:
    engagement = f.staffed()
    last = events_of(engagement)[-1]
    without_protection(f"DELETE FROM audit_event WHERE id = {last.pk}")  # noqa: S608
    fault = verify_chain(Chain.objects.get(key=f"engagement:{engagement.pk}"))
    assert fault is not None
    assert "head says" in fault.reason


def test_what_is_rolled_back_leaves_no_event() -> None:
    engagement = f.proposed()
    count = Event.objects.count()
    with transaction.atomic():
        record(TRIED, by=None, engagement=engagement)
        transaction.set_rollback(True)
    assert Event.objects.count() == count
    record(TRIED, by=None, engagement=engagement)
    assert verify().faults == []


def test_actions_are_registered_once() -> None:
    assert action("trial.tried", "tried {target}") == TRIED
    with pytest.raises(ValueError, match="twice"):
        action("trial.tried", "did something else")
    assert phrase_of("no.such.action") == "no.such.action"


def test_the_client_reads_only_what_is_for_both_sides() -> None:
    engagement = f.accepted()
    for_client = Event.objects.of_engagement(engagement.pk).for_client()
    assert for_client.exists()
    assert "engagement.accepted" not in set(for_client.values_list("action", flat=True))


@pytest.mark.django_db(transaction=True)
def test_an_event_needs_the_transaction_of_its_change() -> None:
    with pytest.raises(TransactionManagementError):
        record(TRIED, by=None)


@pytest.mark.parametrize(
    "sql", ["UPDATE audit_event SET actor_name = 'x'", "DELETE FROM audit_event", "DELETE FROM audit_chain"]
)
def test_who_calls_itself_a_replica_is_refused_too(sql: str) -> None:
    """`session_replication_role` switches ordinary triggers off; those that protect stay."""
    f.staffed()
    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
        untriggered(sql)
