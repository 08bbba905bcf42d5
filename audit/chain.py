"""How the hash of an event is made: once in SQL for the trigger, once in Python for whoever verifies."""

from __future__ import annotations

import datetime as dt
import hashlib

# The order of the fields is part of the format: verify() and an outsider's script rebuild it.
HASH_EVENT = """
    SELECT * INTO head_row FROM audit_chain WHERE key = NEW.chain_id FOR UPDATE;
    NEW.at := clock_timestamp();
    NEW.seq := head_row.seq + 1;
    NEW.previous := head_row.head;
    NEW.hash := encode(sha256(convert_to(concat_ws(E'\\n',
        NEW.previous, NEW.chain_id, NEW.seq::text,
        to_char(NEW.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        coalesce(NEW.actor_id::text, '-'), NEW.actor_name, NEW.action, NEW.audience,
        NEW.target, NEW.target_label, NEW.detail::text, coalesce(host(NEW.ip), '-')
    ), 'UTF8')), 'hex');
    UPDATE audit_chain SET seq = NEW.seq, head = NEW.hash WHERE key = NEW.chain_id;
    RETURN NEW;
"""


def event_hash(
    *,
    previous: str,
    chain: str,
    seq: int,
    at: dt.datetime,
    actor_id: int | None,
    actor_name: str,
    action: str,
    audience: str,
    target: str,
    target_label: str,
    detail_text: str,
    ip: str | None,
) -> str:
    """Hash of an event as the trigger computes it.

    `detail_text` is the text PostgreSQL gives for the jsonb column; `at` must be aware.
    Returns 64 hexadecimal digits (SHA-256).
    """
    stamp = at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    fields = [
        previous,
        chain,
        str(seq),
        stamp,
        "-" if actor_id is None else str(actor_id),
        actor_name,
        action,
        audience,
        target,
        target_label,
        detail_text,
        ip or "-",
    ]
    return hashlib.sha256("\n".join(fields).encode()).hexdigest()
