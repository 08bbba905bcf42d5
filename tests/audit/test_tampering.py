"""Whoever alters the trail is found, even with all power over the database; who runs the product cannot."""

from __future__ import annotations

import random
import threading
from collections import Counter

import pytest
from django.db import DatabaseError, connection, transaction

from audit import checkpoints
from audit.context import act_for_everybody
from audit.models import Chain, Event
from audit.trail import action, record
from audit.verification import verify
from tests import factories as f
from tests.audit.tampering import ACTS, Tamperer, unprotected
from tests.database import as_owner

pytestmark = pytest.mark.django_db

WORKED = action("trial.worked", "worked on {target}")
TAMPERINGS, SEED = 100, 20_261_123
WRITERS, EACH = 20, 10


def chains() -> dict[str, int]:
    """Three chains with checkpoints now and then; how far the last of them has seen each."""
    engagement = f.staffed()

    def work(times: int) -> None:
        for number in range(times):
            record(WORKED, by=engagement.created_by, engagement=engagement, target=engagement, number=number)
            record(WORKED, by=engagement.created_by, firm=engagement.firm)
            record(WORKED, by=None)

    for times in (4, 3, 5):
        work(times)
        checkpoints.write()
    seen = dict(Chain.objects.values_list("key", "seq"))
    work(2)
    return seen


@pytest.mark.drill
def test_a_hundred_tamperings_are_found() -> None:
    seen = chains()
    assert verify().faults == []
    chance = random.Random(SEED)
    missed, kinds = [], Counter[str]()
    for number in range(TAMPERINGS):
        act, chain = ACTS[number % len(ACTS)], chance.choice(sorted(seen))
        with transaction.atomic():
            with unprotected():
                act(Tamperer(chain, seen[chain], chance))
            found = verify().faults
            transaction.set_rollback(True)
        kinds[act.__name__] += 1
        if [fault.chain for fault in found] != [chain]:
            missed.append(f"{number}: {act.__name__} of {chain}: {found}")
    assert not missed, "\n".join(missed)
    assert kinds.total() == TAMPERINGS
    assert min(kinds.values()) >= 10
    assert verify().faults == []


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (Tamperer.cut, "the tail after"),
        (Tamperer.rewrite, "is not the event that checkpoint"),
        (Tamperer.cut_unseen, "the chain's head says"),
    ],
)
def test_words_say_what_is_wrong(act: object, words: str) -> None:
    seen = chains()
    with unprotected():
        act(Tamperer("installation", seen["installation"], random.Random(7)))  # type: ignore[operator]
    (fault,) = verify().faults
    assert fault.chain == "installation"
    assert words in fault.reason or "whole chain is gone" in fault.reason


@pytest.mark.django_db(transaction=True)
def test_twenty_writers_at_once_leave_no_gap() -> None:
    engagement = f.proposed()
    before = Chain.objects.get(key=f"engagement:{engagement.pk}").seq
    errors: list[BaseException] = []
    start = threading.Barrier(WRITERS)

    def write(writer: int) -> None:
        act_for_everybody()
        try:
            start.wait()
            for number in range(EACH):
                with transaction.atomic():
                    record(WORKED, by=None, engagement=engagement, writer=writer, number=number)
                    # Some change their mind: what is taken back leaves no hole.
                    transaction.set_rollback(number % 5 == 4)
        except (DatabaseError, threading.BrokenBarrierError) as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        checkpoints.write()
    for thread in threads:
        thread.join()
    assert not errors
    kept = WRITERS * (EACH - EACH // 5)
    seqs = list(Event.objects.of_engagement(engagement.pk).order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, before + kept + 1))
    verdict = verify()
    assert verdict.faults == []
    assert verdict.checkpoints > 0


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_event SET detail = '{}'",
        "UPDATE audit_event SET at = at - interval '1 day'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "TRUNCATE audit_event CASCADE",
        "UPDATE audit_chain SET seq = 0, head = ''",
        "DELETE FROM audit_chain",
        "TRUNCATE audit_chain CASCADE",
        "INSERT INTO audit_event SELECT * FROM audit_event",
        "SET session_replication_role = replica",
    ],
)
def test_the_connection_of_the_product_can_do_none_of_it(sql: str) -> None:
    f.proposed()
    before = list(Event.objects.values()), list(Chain.objects.values())
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert (list(Event.objects.values()), list(Chain.objects.values())) == before


def test_a_chain_begins_empty_whatever_is_said_of_it() -> None:
    begun = "INSERT INTO audit_chain (key, seq, head) VALUES ('firm:4711', 40, repeat('f', 64))"
    refused = pytest.raises(DatabaseError, match="permission denied")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(begun)
    as_owner(begun)
    chain = Chain.objects.get(key="firm:4711")
    assert (chain.seq, chain.head) == (0, "")
