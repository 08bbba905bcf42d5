"""Was the trail altered? Recomputes every hash and compares with the heads and with the signed checkpoints."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable

from audit import checkpoints, timestamps
from audit.chain import event_hash, stamp
from audit.checkpoints import Checkpoint
from audit.models import Chain, Event
from audit.timestamps import Timestamp

# How far a clock may be set back between two events before that is a fault.
CLOCK_STEPS_BACK = dt.timedelta(seconds=2)
# How far an authority's clock may be behind ours.
CLOCKS_DIFFER = dt.timedelta(minutes=5)
STAMPS = "timestamps"
FILES = {"checkpoints", STAMPS}
# An event gets its time when it is written and is seen when its transaction ends, at most a task's time later.
SEEN_LATE = dt.timedelta(minutes=10)


@dataclasses.dataclass(frozen=True)
class Fault:
    """First bad place of a chain, or of the checkpoints: `seq` is the number expected there."""

    chain: str
    seq: int
    reason: str

    def __str__(self) -> str:
        return f"{self.chain} {'number' if self.chain in FILES else 'event'} {self.seq}: {self.reason}"


@dataclasses.dataclass(frozen=True)
class Mark:
    """What a checkpoint saw of one chain."""

    seq: int
    hash: str
    number: int
    at: dt.datetime

    def __str__(self) -> str:
        return f"checkpoint {self.number} of {stamp(self.at)}"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """`covered`: how many events lie before the last checkpoint, whose time is `until`.

    `stamped`: how many timestamps hold, the last over checkpoint `stamped_to` at the time `stamped_at`;
    `unchecked`: how many there are that nobody can check without TIMESTAMP_CA.
    """

    faults: list[Fault]
    events: int
    checkpoints: int
    covered: int
    until: dt.datetime | None
    stamped: int = 0
    stamped_to: int = 0
    stamped_at: dt.datetime | None = None
    unchecked: int = 0


def verify() -> Verdict:
    """Faults over all chains and the checkpoints, at most one each."""
    # The heads first: what is added meanwhile lies behind them.
    chains = {chain.key: chain for chain in Chain.objects.order_by("key")}
    marks: dict[str, list[Mark]] = defaultdict(list)
    faults, last, seen = [], None, _Stamps()
    try:
        for last in checkpoints.read():
            seen.checkpoint(last)
            for chain in last.moved:
                marks[chain].append(mark_of(last, chain))
    except checkpoints.Broken as broken:
        faults.append(Fault("checkpoints", broken.number, broken.reason))
    orphans = Event.objects.exclude(chain__in=chains).values_list("chain_id", flat=True)
    for key in sorted({*chains, *marks, *orphans}):
        fault = verify_chain(chains.get(key) or Chain(key=key), marks.get(key, []))
        if fault is not None:
            faults.append(fault)
    if (fault := seen.fault()) is not None:
        faults.append(fault)
    covered = sum(seq for seq, _ in last.heads.values()) if last else 0
    events = sum(chain.seq for chain in chains.values())
    return Verdict(
        faults,
        events,
        last.number if last else 0,
        covered,
        last.at if last else None,
        seen.count,
        seen.number,
        seen.at,
        seen.unchecked,
    )


class _Stamps:
    """The timestamps over the checkpoints, as they are met."""

    def __init__(self) -> None:
        self.wrong: Fault | None = None
        self.waiting: dict[int, list[Timestamp]] = defaultdict(list)
        self.count = self.number = self.unchecked = 0
        self.at: dt.datetime | None = None
        try:
            for one in timestamps.read():
                self.waiting[one.number].append(one)
        except timestamps.Wrong as wrong:
            self.wrong = Fault(STAMPS, sum(map(len, self.waiting.values())) + 1, str(wrong))

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        for one in self.waiting.pop(checkpoint.number, []):
            reason = self._check(one, checkpoint)
            if reason and self.wrong is None:
                self.wrong = Fault(STAMPS, one.number, reason)

    def _check(self, one: Timestamp, checkpoint: Checkpoint) -> str:
        if one.sha256 != checkpoint.sha256:
            return "is over another checkpoint than the one that stands there"
        if not timestamps.can_check():
            self.unchecked += 1
            return ""
        try:
            at = one.check()
        except timestamps.Wrong as wrong:
            return f"does not hold: {wrong}"
        if at < checkpoint.at - CLOCKS_DIFFER:
            return f"is of {stamp(at)}, before the checkpoint says it was made: {stamp(checkpoint.at)}"
        self.count, self.number, self.at = self.count + 1, one.number, at
        return ""

    def fault(self) -> Fault | None:
        """The first bad one, or one that is over a checkpoint which is not there."""
        if self.wrong is None and self.waiting:
            self.wrong = Fault(STAMPS, min(self.waiting), "is over a checkpoint that is missing")
        return self.wrong


def mark_of(checkpoint: Checkpoint, chain: str) -> Mark:
    seq, head = checkpoint.heads[chain]
    return Mark(seq, head, checkpoint.number, checkpoint.at)


def verify_chain(chain: Chain, marks: Iterable[Mark] = ()) -> Fault | None:
    """Walk one chain from its first event to its head; None when every link, the head and all marks hold."""
    walk = _Walk(chain.key, sorted(marks, key=lambda mark: (mark.seq, mark.number)))
    events = Event.objects.filter(chain=chain.key).order_by("seq", "id").with_text()
    for event in events.iterator(chunk_size=2000):
        if reason := walk.step(event):
            return Fault(chain.key, walk.seq + 1, reason)
    if reason := walk.end(chain):
        return Fault(chain.key, walk.seq + 1, reason)
    return None


class _Walk:
    """The last good event of a chain, and what comes after it."""

    def __init__(self, chain: str, marks: list[Mark]) -> None:
        self.chain = chain
        self.seq, self.hash = 0, ""
        self.at: dt.datetime | None = None
        self.ahead = marks
        self.passed: Mark | None = None

    def step(self, event: Event) -> str:
        """What is wrong with the next event, "" when nothing is."""
        reason = self._place(event) or self._time(event) or self._mark(event)
        if not reason:
            self.seq, self.hash, self.at = event.seq, event.hash, event.at
        return reason

    def _place(self, event: Event) -> str:
        expected = self.seq + 1
        if event.seq > expected:
            return f"is missing; {event.seq} follows"
        if event.seq < expected:
            return f"another event has the number {event.seq} of one before it"
        computed = event_hash(event.fields())
        if computed != event.hash and event.previous == self.hash:
            return "was changed: its content does not match its hash"
        if computed != event.hash:
            return "was put here or changed: it does not follow from the event before it, nor match its own hash"
        if event.previous != self.hash:
            return "does not follow from the event before it: one of the two was replaced, or they were reordered"
        return ""

    def _time(self, event: Event) -> str:
        if self.at is not None and event.at < self.at - CLOCK_STEPS_BACK:
            return f"is back-dated to {stamp(event.at)}, before the event that it follows"
        if self.passed is not None and event.at < self.passed.at - SEEN_LATE:
            return f"is back-dated to {stamp(event.at)}: {self.passed} did not see it"
        return ""

    def _mark(self, event: Event) -> str:
        while self.ahead and self.ahead[0].seq <= event.seq:
            mark = self.ahead.pop(0)
            # A mark below this event was not met at its own number.
            if mark.seq != event.seq or mark.hash != event.hash:
                first = self.passed.seq + 1 if self.passed else 1
                span = f"an event from {first} to {mark.seq}" if first < mark.seq else "it"
                return f"is not the event that {mark} saw: {span} was rewritten"
            self.passed = mark
        return ""

    def end(self, chain: Chain) -> str:
        if self.ahead:
            mark = self.ahead[-1]
            if not self.seq:
                return f"the whole chain is gone: {mark} saw {mark.seq} events"
            return f"is missing: {mark} saw {mark.seq} events, and the tail after {self.seq} was cut off"
        moved = self.seq > chain.seq
        if moved:
            # Written since the head was read, or past the trigger that moves it.
            chain = Chain.objects.filter(key=chain.key).first() or chain
            if self.seq > chain.seq:
                self.seq = chain.seq
                return f"was put behind the chain's head, which says {chain.seq}"
        if chain.seq > self.seq and not moved:
            return f"is missing: the chain's head says {chain.seq}, and the tail after {self.seq} was cut off"
        if chain.seq == self.seq and chain.head != self.hash:
            return "the chain's head is not the hash of its last event"
        return ""
