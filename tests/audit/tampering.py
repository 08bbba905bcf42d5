"""What somebody could do to the trail who rules over the database: the triggers are off, the hashes known."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from audit.chain import HASH_EVENT, event_hash
from audit.models import Event
from config.isolation import ALWAYS
from tests.database import as_owner

TABLES = ("audit_event", "audit_chain")


@contextmanager
def unprotected() -> Iterator[None]:
    """The tables as their owner has them after switching the triggers off, and what ties an event to its chain."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'event_in_its_chain'")
        (tied,) = cursor.fetchone()
    untied = "ALTER TABLE audit_event DROP CONSTRAINT event_in_its_chain;"
    as_owner("SET CONSTRAINTS ALL IMMEDIATE;" + untied + _triggers("DISABLE"))
    yield
    # Not held against the rows that were tampered with.
    tie = f"ALTER TABLE audit_event ADD CONSTRAINT event_in_its_chain {tied} NOT VALID;"
    as_owner("SET CONSTRAINTS ALL IMMEDIATE;" + tie + _triggers("ENABLE") + ";" + ALWAYS)


def _triggers(switched: str) -> str:
    return ";".join(f"ALTER TABLE {table} {switched} TRIGGER USER" for table in TABLES)


def run(sql: str, *values: Any) -> None:
    """As the owner, who may do all of it."""
    with connection.cursor() as cursor:
        statement = cursor.mogrify(sql, values).decode()
    as_owner(statement)


class Tamperer:
    """Alters one chain at random; `seen` is the number of the last event that a checkpoint has seen."""

    def __init__(self, chain: str, seen: int, chance: random.Random) -> None:
        self.chain, self.seen, self.chance = chain, seen, chance
        self.count = Event.objects.filter(chain=chain).count()

    def anywhere(self) -> int:
        return self.chance.randint(1, self.count)

    def sealed(self) -> int:
        return self.chance.randint(1, self.seen)

    def edit(self) -> None:
        """One field of one event."""
        column, value = self.chance.choice(
            [
                ("actor_name", "Somebody Else"),
                ("actor_id", None),
                ("action", "team.role_set "),
                ("target_label", "another object"),
                ("target", "accounts.user:999"),
                ("audience", "gone"),
                ("detail", '{"other": 1}'),
                ("ip", "192.0.2.99"),
                ("engagement_id", 999_999),
                ("firm_id", 999_999),
                ("previous", "0" * 64),
                ("hash", "0" * 64),
            ]
        )
        seq = self.anywhere()
        # What stands there already would be no change.
        if Event.objects.filter(chain=self.chain, seq=seq).values_list(column, flat=True)[0] == value:
            column, value = "actor_name", "Nobody"
        where = "WHERE chain_id = %s AND seq = %s"
        run(f"UPDATE audit_event SET {column} = %s {where}", value, self.chain, seq)  # noqa: S608

    def delete(self) -> None:
        """One event, with or without closing the gap in the numbers."""
        seq = self.anywhere()
        run("DELETE FROM audit_event WHERE chain_id = %s AND seq = %s", self.chain, seq)
        if self.chance.random() < 0.5:
            self._renumber(seq + 1, -1)

    def insert(self) -> None:
        """An event in between, or one at the end whose own hash is right, without the chain's head."""
        seq = self.chance.choice([self.anywhere(), self.count + 1])
        self._renumber(seq, 1)
        run(
            "INSERT INTO audit_event (chain_id, seq, at, actor_name, engagement_id, firm_id, action, audience,"
            " target, target_label, detail, previous, hash) SELECT chain_id, %s, at, 'Forger', engagement_id,"
            " firm_id, action, audience, target, target_label, detail, hash, '' FROM audit_event"
            " WHERE chain_id = %s AND seq = %s",
            seq, self.chain, max(seq - 1, 1) if seq > 1 else 2,
        )  # fmt: skip
        forged = Event.objects.with_text().get(chain=self.chain, seq=seq)
        run("UPDATE audit_event SET hash = %s WHERE id = %s", event_hash(forged.fields()), forged.pk)

    def reorder(self) -> None:
        """Two events change places."""
        one, other = self.chance.sample(range(1, self.count + 1), 2)
        for was, becomes in ((one, -1), (other, one), (-1, other)):
            run("UPDATE audit_event SET seq = %s WHERE chain_id = %s AND seq = %s", becomes, self.chain, was)
        if self.chance.random() < 0.5:
            self._rehash(min(one, other), min(one, other))

    def cut(self) -> None:
        """The tail, from an event that was seen on; the head is set back to what is left."""
        first = self.sealed()
        run("DELETE FROM audit_event WHERE chain_id = %s AND seq >= %s", self.chain, first)
        self._head()
        if first == 1 and self.chance.random() < 0.5:
            run("DELETE FROM audit_chain WHERE key = %s", self.chain)

    def cut_unseen(self) -> None:
        """The tail that no checkpoint has seen yet, without the head."""
        run("DELETE FROM audit_event WHERE chain_id = %s AND seq = %s", self.chain, self.count)

    def rewrite(self) -> None:
        """An event, and all hashes after it, so that the whole chain holds together again."""
        seq = self.sealed()
        run("UPDATE audit_event SET actor_name = 'Rewritten' WHERE chain_id = %s AND seq = %s", self.chain, seq)
        self._rehash(seq, self.count)
        self._head()

    def back_date(self) -> None:
        """An event in the middle with the hashes put right, or a new one at the end that claims to be old."""
        ago = dt.timedelta(hours=self.chance.randint(1, 5000))
        if self.chance.random() < 0.5:
            seq = self.sealed()
            run("UPDATE audit_event SET at = at - %s WHERE chain_id = %s AND seq = %s", ago, self.chain, seq)
        else:
            seq = self.count + 1
            run(
                "INSERT INTO audit_event (chain_id, seq, at, actor_name, engagement_id, firm_id, action, audience,"
                " target, target_label, detail, previous, hash) SELECT chain_id, seq + 1, at - %s, actor_name,"
                " engagement_id, firm_id, action, audience, target, target_label, detail, hash, '' FROM audit_event"
                " WHERE chain_id = %s AND seq = %s",
                ago, self.chain, self.count,
            )  # fmt: skip
        self._rehash(seq, seq if seq > self.count else self.count)
        self._head()

    def other_trigger(self) -> None:
        """The trigger is replaced by one that believes what it is told, and then used."""
        believing = HASH_EVENT.replace("NEW.at := clock_timestamp();", "").replace("%", "%%")
        run(
            "CREATE FUNCTION forge() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
            f" $$ DECLARE head_row audit_chain%%ROWTYPE; BEGIN {believing} END $$"
        )
        run("CREATE TRIGGER forge BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION forge()")
        kind, _, number = self.chain.partition(":")
        of = {f"{kind}_id": int(number)} if number else {}
        Event(chain_id=self.chain, at="2001-01-01T00:00Z", actor_name="Forger", action="forged", **of).save(
            force_insert=True
        )
        run("DROP TRIGGER forge ON audit_event")
        run("DROP FUNCTION forge")

    def _renumber(self, first: int, by: int) -> None:
        run("UPDATE audit_event SET seq = -seq WHERE chain_id = %s AND seq >= %s", self.chain, first)
        run("UPDATE audit_event SET seq = -seq + %s WHERE chain_id = %s AND seq < 0", by, self.chain)

    def _rehash(self, first: int, last: int) -> None:
        before = Event.objects.filter(chain=self.chain, seq=first - 1).first()
        previous = before.hash if before else ""
        for event in (
            Event.objects.filter(chain=self.chain, seq__gte=first, seq__lte=last).order_by("seq").with_text()
        ):
            event.previous = previous
            previous = event_hash(event.fields())
            run("UPDATE audit_event SET previous = %s, hash = %s WHERE id = %s", event.previous, previous, event.pk)

    def _head(self) -> None:
        last = Event.objects.filter(chain=self.chain).order_by("-seq").first()
        values = (last.seq, last.hash) if last else (0, "")
        run("UPDATE audit_chain SET seq = %s, head = %s WHERE key = %s", *values, self.chain)


ACTS: list[Callable[[Tamperer], None]] = [
    Tamperer.edit,
    Tamperer.delete,
    Tamperer.insert,
    Tamperer.reorder,
    Tamperer.cut,
    Tamperer.cut_unseen,
    Tamperer.rewrite,
    Tamperer.back_date,
    Tamperer.other_trigger,
]
