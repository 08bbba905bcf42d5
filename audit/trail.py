"""Registered actions and the one function that writes events."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.db import models, transaction

from audit.context import EVERYBODY, acting_for, current_ip, current_means
from audit.models import Event


@dataclasses.dataclass(frozen=True)
class Action:
    """A kind of event. `phrase` reads after the actor's name: "returned {target}"."""

    code: str
    phrase: str
    audience: str


_ACTIONS: dict[str, Action] = {}


def action(code: str, phrase: str, *, firm_only: bool = False) -> Action:
    """Register a kind of event; raises ValueError when the code is taken by another phrase."""
    audience = Event.Audience.FIRM if firm_only else Event.Audience.ALL
    new = Action(code, phrase, audience)
    if _ACTIONS.setdefault(code, new) != new:
        raise ValueError(f"Audit action {code} is registered twice")
    return new


def phrase_of(code: str) -> str:
    """The phrase of an action, or its code when the action is no longer known."""
    return _ACTIONS[code].phrase if code in _ACTIONS else code


def chain_of(engagement: models.Model) -> str:
    """The key of the chain that an engagement's events are in."""
    return f"engagement:{engagement.pk}"


def record(
    what: Action,
    *,
    by: Any,
    engagement: Any = None,
    firm: Any = None,
    target: models.Model | None = None,
    **detail: Any,
) -> Event:
    """Append an event to the chain of the engagement, else of the firm, else of the installation.

    In: the registered action; `by` a user, or None for the system; the object acted upon; `detail` is plain
    JSON data (say old and new values). Out: the event as stored.
    Must be called inside the transaction of the change it speaks of, as its last statement: the head of the
    chain stays locked until that transaction ends. Raises TransactionManagementError outside of one.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("An audit event is written inside its change's transaction")
    if engagement is not None:
        key = chain_of(engagement)
    elif firm is not None:
        key = f"firm:{firm.pk}"
    else:
        key = "installation"
    if means := current_means():
        detail["by_means_of"] = means
    event = Event(
        chain_id=key,
        at="1970-01-01T00:00Z",
        actor=by,
        actor_name=str(by) if by is not None else "Attestry",
        engagement_id=engagement.pk if engagement is not None else None,
        firm_id=firm.pk if firm is not None else getattr(engagement, "firm_id", None),
        action=what.code,
        audience=what.audience,
        target=f"{target._meta.label_lower}:{target.pk}" if target is not None else "",
        target_label=str(target)[:300] if target is not None else "",
        detail=detail,
        ip=current_ip(),
    )
    if engagement is not None:
        event.save(force_insert=True)
        return event
    # What belongs to no engagement is seen by who did it; at sign-in that is nobody yet (config/isolation.py).
    with acting_for(by if by is not None else EVERYBODY):
        event.save(force_insert=True)
    return event
