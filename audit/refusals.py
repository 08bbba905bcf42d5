"""Attempts that were refused: what they began is undone, what is told of them stays.

Whoever refuses says so (`note`) where it refuses, inside whatever transaction that may be. It is written down when
the request is over, in a transaction of its own (`engagements.refusing`), so that it is not rolled back with the
attempt. Each is in the log; the trail has the first, the tenth, the hundredth ... of a person and a kind within one
minute, with their number, so that a flood of attempts does not fill it.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import structlog
from django.core.cache import cache
from django.db import models

from audit.context import current_ip
from audit.trail import Action, action

# All of them are the firm's to read: what its own people tried is no business of the client's (R68).
ACT = action("refused.act", "was refused {asked}", firm_only=True)
LIMIT = action("refused.limit", "was held back: too many {asked} at once", firm_only=True)
UPLOAD = action("refused.upload", "handed in a file that was refused, {name}: {why}", firm_only=True)
PROOF = action("refused.proof", "gave a wrong password or code where an act asked for it", firm_only=True)
GUESSING = action("refused.guessing", "was held back after too many wrong guesses", firm_only=True)
PASSKEY = action("refused.passkey", "gave a passkey that was not accepted", firm_only=True)
SINGLE_SIGN_ON = action("refused.single_sign_on", "refused somebody who came by the {target}", firm_only=True)

MINUTE = 60
_LONGEST = 300

log = structlog.get_logger(__name__)


@dataclasses.dataclass(frozen=True)
class Refusal:
    """`by` is who tried, where that is known; `firm` is in whose trail it belongs, where no engagement is known."""

    what: Action
    by: Any = None
    firm: Any = None
    target: models.Model | None = None
    detail: dict[str, str] = dataclasses.field(default_factory=dict)


_noted: ContextVar[list[Refusal] | None] = ContextVar("audit_refusals", default=None)


@contextlib.contextmanager
def noting() -> Iterator[list[Refusal]]:
    """Collects what is refused inside, to be written down afterwards."""
    found: list[Refusal] = []
    token = _noted.set(found)
    try:
        yield found
    finally:
        _noted.reset(token)


def note(
    what: Action, *, by: Any = None, firm: Any = None, target: models.Model | None = None, **detail: str
) -> None:
    """Something was refused. Outside of a request (a command, a worker) it is in the log only."""
    cut = {name: text[:_LONGEST] for name, text in detail.items()}
    log.warning("refused", kind=what.code, person=by.pk if by is not None else None, ip=current_ip(), **cut)
    found = _noted.get()
    if found is not None:
        found.append(Refusal(what, by, firm, target, cut))


def counted(what: Action, who: str) -> int:
    """The how-manieth of this kind and person within a minute, where the trail is to tell it; else 0."""
    key = f"refused:{what.code}:{who}"
    cache.add(key, 0, MINUTE)
    try:
        number = int(cache.incr(key))
    except ValueError:
        # The minute has just ended.
        number = 1
    return number if str(number).strip("0") == "1" else 0
