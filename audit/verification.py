"""Was the trail altered? Recomputes every hash and compares with the heads."""

from __future__ import annotations

import dataclasses

from django.db.models import TextField
from django.db.models.functions import Cast

from audit.chain import event_hash
from audit.models import Chain, Event


@dataclasses.dataclass(frozen=True)
class Fault:
    """First bad place of a chain: `seq` is the number expected there."""

    chain: str
    seq: int
    reason: str


def verify_chain(chain: Chain) -> Fault | None:
    """Walk one chain from its first event; None when every link and the head hold."""
    previous, expected = "", 1
    events = Event.objects.filter(chain=chain).order_by("seq").annotate(detail_text=Cast("detail", TextField()))
    for event in events.iterator(chunk_size=2000):
        if event.seq != expected:
            return Fault(chain.key, expected, f"event {expected} is missing; {event.seq} follows")
        if event.previous != previous:
            return Fault(chain.key, expected, "does not follow from the event before it")
        computed = event_hash(
            previous=previous,
            chain=chain.key,
            seq=event.seq,
            at=event.at,
            actor_id=event.actor_id,
            actor_name=event.actor_name,
            action=event.action,
            audience=event.audience,
            target=event.target,
            target_label=event.target_label,
            detail_text=event.detail_text,  # type: ignore[attr-defined]
            ip=event.ip,
        )
        if computed != event.hash:
            return Fault(chain.key, expected, "its content does not match its hash")
        previous, expected = event.hash, expected + 1
    if chain.seq != expected - 1 or chain.head != previous:
        return Fault(chain.key, expected, f"the chain ends at {expected - 1}, its head says {chain.seq}")
    return None


def verify() -> list[Fault]:
    """Faults over all chains, at most one each."""
    return [fault for chain in Chain.objects.order_by("key") if (fault := verify_chain(chain)) is not None]
