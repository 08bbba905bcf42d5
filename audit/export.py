"""The trail as files: for verification by anybody, for a log system (OCSF), for a spreadsheet."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from django.utils import timezone

from audit import checkpoints, timestamps
from audit.chain import stamp
from audit.keys import trusted
from audit.models import Chain, Event
from audit.text import cell
from audit.tree import path

FORMAT = "attestry.trail/1"

# Open Cybersecurity Schema Framework: version, and class "Entity Management" of "Identity & Access Management".
OCSF_VERSION = "1.3.0"
OCSF_CATEGORY, OCSF_CLASS = 3, 3004
_CREATE, _READ, _UPDATE, _DELETE, _OTHER = 1, 2, 3, 4, 99
_NAMES = {_CREATE: "Create", _READ: "Read", _UPDATE: "Update", _DELETE: "Delete", _OTHER: "Other"}
# What the last word of an action's code does to its object; what is not here is an act of the trade: "Other".
_ACTIVITIES = {
    **dict.fromkeys(
        "added added_from_library answered drafted drawn entered invited made matter_added none_stated obtained "
        "opened paragraph_added planned provided published raised received started".split(),
        _CREATE,
    ),
    **dict.fromkeys("downloaded draft_downloaded exported".split(), _READ),
    **dict.fromkeys(
        "assigned changed dated due_changed evaluated extended letter_executed mapped not_relevant owner released "
        "relevant reporting_step restored result_recorded results_recorded retitled revised reworded role_set "
        "saved stage superseded renamed proved".split(),
        _UPDATE,
    ),
    **dict.fromkeys(
        "closed deleted dismissed ended matter_withdrawn others_ended paragraph_removed removed revoked role_ended "
        "sign_off_voided voided".split(),
        _DELETE,
    ),
}
_NOT_CREATED = {"reader.opened"}


def verifiable(chains: Collection[str]) -> Iterator[str]:
    """Lines of a file for verify_trail.py: what is in it, all events of the chains, the checkpoints over them.

    Of other chains nothing is told but hashes that stand for many at once. ASCII only. Raises checkpoints.Broken.
    """
    # In this order: what these checkpoints saw must be among the events below.
    newest = checkpoints.latest()
    heads = {chain.key: chain for chain in Chain.objects.filter(key__in=chains).order_by("key")}
    yield _line(
        kind="trail",
        format=FORMAT,
        exported_at=stamp(timezone.now()),
        chains={key: {"seq": chain.seq, "hash": chain.head} for key, chain in heads.items()},
        keys=[key.public_bytes_raw().hex() for key in trusted().values()],
    )
    for key, chain in heads.items():
        events = Event.objects.filter(chain=key, seq__lte=chain.seq).order_by("seq").with_text()
        for event in events.iterator(chunk_size=2000):
            yield _line(kind="event", fields=event.fields(), hash=event.hash)
    if newest is not None:
        yield from _checkpoints(set(chains), newest.number)


def _checkpoints(chains: set[str], newest: int) -> Iterator[str]:
    """Those at which a chain had moved, those that bear the next timestamp, and the last one with all chains."""
    stamped = {one.sha256: one for one in timestamps.read()}
    unstamped = False
    for checkpoint in checkpoints.read():
        last = checkpoint.number == newest
        unstamped |= bool(chains & checkpoint.moved)
        timestamp = stamped.get(checkpoint.sha256)
        # The first timestamp after something has happened is told with it, and speaks for all before.
        whole = last or (timestamp is not None and unstamped)
        told = chains & (checkpoint.heads.keys() if whole else checkpoint.moved)
        if told or last:
            heads = [
                {"chain": key, "seq": seq, "hash": head, "path": path(checkpoint.heads, key)}
                for key, (seq, head) in sorted(checkpoint.heads.items())
                if key in told
            ]
            others = {}
            if timestamp is not None:
                others["timestamp"] = base64.b64encode(timestamp.response).decode()
                unstamped = False
            yield _line(
                kind="checkpoint",
                statement=checkpoint.statement,
                signature=checkpoint.signature,
                heads=heads,
                **others,
            )
        if last:
            return


def _line(**content: Any) -> str:
    return json.dumps(content, separators=(",", ":")) + "\n"


def json_lines(events: Iterable[Event], words: Callable[[Event], str], *, sequence: str) -> str:
    """The events in OCSF's shape, one JSON object a line, ASCII only: nothing in them can end a line or colour one.

    `words` says in a sentence what was done; `sequence` names the attribute that counts the events of this export.
    """
    return "".join(_line(**ocsf(event, words(event), sequence=getattr(event, sequence))) for event in events)


def ocsf(event: Event, message: str, *, sequence: int) -> dict[str, Any]:
    """One event as OCSF's class Entity Management: the actor is the person, the entity the object acted upon."""
    activity = _OTHER if event.action in _NOT_CREATED else _ACTIVITIES.get(event.action.rpartition(".")[2], _OTHER)
    kind, _, key = event.target.partition(":")
    actor: dict[str, Any] = {"app_name": event.actor_name}
    if event.actor_id is not None:
        actor = {"user": {"uid": str(event.actor_id), "name": event.actor_name, "type_id": 1}}
    entity = {"type": "audit chain", "uid": event.chain_id}
    if kind:
        entity = {"type": kind, "uid": key, "name": event.target_label}
    found: dict[str, Any] = {
        "category_uid": OCSF_CATEGORY,
        "class_uid": OCSF_CLASS,
        "class_name": "Entity Management",
        "activity_id": activity,
        "activity_name": event.action if activity == _OTHER else _NAMES[activity],
        "type_uid": OCSF_CLASS * 100 + activity,
        "time": int(event.at.timestamp() * 1000),
        "severity_id": 1,
        "status_id": 1,
        "message": message,
        "actor": actor,
        "entity": entity,
        "metadata": {
            "version": OCSF_VERSION,
            "product": {"name": "Attestry", "vendor_name": "Attestry"},
            "log_name": event.chain_id,
            "event_code": event.action,
            "uid": event.hash,
            "sequence": sequence,
            "original_time": stamp(event.at),
        },
        "unmapped": {"audience": event.audience, "engagement_id": event.engagement_id, "detail": event.detail},
    }
    if event.ip:
        found["src_endpoint"] = {"ip": event.ip}
    return found


COLUMNS = ("Time (UTC)", "Person", "Act", "What", "Object", "From", "Seen by", "Details", "Chain", "Number", "Hash")


def spreadsheet(events: Iterable[Event], words: Callable[[Event], str]) -> bytes:
    """The events as CSV (UTF-8 with a mark that spreadsheets look for); no cell is taken for a formula."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for event in events:
        detail = json.dumps(event.detail, ensure_ascii=False, sort_keys=True) if event.detail else ""
        rows.writerow(
            cell(value)
            for value in (
                stamp(event.at),
                event.actor_name,
                event.action,
                words(event),
                event.target_label,
                event.ip or "",
                event.get_audience_display(),
                detail,
                event.chain_id,
                str(event.seq),
                event.hash,
            )
        )
    return text.getvalue().encode("utf-8-sig")
