"""How the hash of an event is made: once in SQL for the trigger, once in Python for whoever verifies.

An event is hashed as a JSON array of strings and nulls without any space, in UTF-8: no text in one field can pass
for the border between two. The order of the fields is part of the format, which verify_trail.py rebuilds too.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json

FIELDS = (
    "previous",
    "chain",
    "seq",
    "at",
    "actor_id",
    "actor_name",
    "engagement_id",
    "firm_id",
    "action",
    "audience",
    "target",
    "target_label",
    "detail",
    "ip",
)

HASH_EVENT = """
    INSERT INTO audit_chain (key, seq, head) VALUES (NEW.chain_id, 0, '') ON CONFLICT DO NOTHING;
    SELECT * INTO head_row FROM audit_chain WHERE key = NEW.chain_id FOR UPDATE;
    NEW.at := clock_timestamp();
    NEW.seq := head_row.seq + 1;
    NEW.previous := head_row.head;
    NEW.hash := encode(sha256(convert_to(array_to_json(ARRAY[
        NEW.previous, NEW.chain_id, NEW.seq::text,
        to_char(NEW.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        NEW.actor_id::text, NEW.actor_name, NEW.engagement_id::text, NEW.firm_id::text,
        NEW.action, NEW.audience, NEW.target, NEW.target_label, NEW.detail::text, host(NEW.ip)
    ]::text[])::text, 'UTF8')), 'hex');
    UPDATE audit_chain SET seq = NEW.seq, head = NEW.hash WHERE key = NEW.chain_id;
    RETURN NEW;
"""


def stamp(at: dt.datetime) -> str:
    """A time as it stands in hashes, checkpoints and exports: UTC, microseconds."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def event_hash(fields: dict[str, str | None]) -> str:
    """Hash of an event as the trigger computes it: 64 hexadecimal digits (SHA-256).

    In: FIELDS by name, as text; `detail` is the text PostgreSQL gives for the jsonb column.
    """
    values = [fields[name] for name in FIELDS]
    return hashlib.sha256(json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
