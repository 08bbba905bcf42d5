"""Check an exported audit trail without Attestry: Python 3.9 or newer and this one file.

    python verify_trail.py trail.jsonl [--key FINGERPRINT] [--timestamps FOLDER]

`trail.jsonl` is the trail as Attestry hands it out. FINGERPRINT names the key whose signatures you believe: the
firm shows it beside the export, and should have given it to you by another way, on paper or by telephone. Ends with
0 when everything holds, with 1 and the first bad place in words when something does not.

How it works:
1. An event's hash is the SHA-256 of a JSON array in UTF-8, without spaces, only quotes, backslashes and control
   characters escaped: the hash of the event before ("" for the first), then the other FIELDS in their order, all as
   strings, or null. So each event stands for all before it, and its number says how many those are.
2. A checkpoint is a statement in canonical JSON (RFC 8785), signed with Ed25519 (RFC 8032). It holds the root of a
   Merkle tree over the heads of all chains (hash of a leaf: SHA-256 of a zero byte and the JSON array of chain,
   number and hash; of a node: SHA-256 of a one byte and both hashes below), and the hash of the statement before.
   The export names, for each chain in it, its head at that time and the hashes from there to the root.
3. A checkpoint may bear a timestamp of a third party (RFC 3161) over its statement. This script compares the hash
   in it; whether the third party signed it, you ask openssl: --timestamps writes the files and says how.
4. A chain that was rewritten as a whole still holds together, but no longer ends in what the checkpoints signed.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any, NoReturn

FIELDS = (
    "previous", "chain", "seq", "at", "actor_id", "actor_name", "engagement_id", "firm_id",
    "action", "audience", "target", "target_label", "detail", "ip",
)  # fmt: skip

# Ed25519: the field, the curve and its base point (RFC 8032, 5.1).
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
SHA256 = bytes.fromhex("608648016503040201")  # the object identifier's content
Point = tuple[int, int, int, int]  # X, Y, Z, T: x = X/Z, y = Y/Z, x*y = T/Z
Line = dict[str, Any]


class Bad(Exception):
    """What is wrong, in words."""


def canonical(value: object) -> bytes:
    """RFC 8785, for what stands in here: texts, whole numbers, lists, and objects with plain keys."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def add(a: Point, b: Point) -> Point:
    left, right = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = right - left, d - c, d + c, right + left
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar: int, point: Point) -> Point:
    found = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            found = add(found, point)
        point, scalar = add(point, point), scalar >> 1
    return found


def same(a: Point, b: Point) -> bool:
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def point_of(data: bytes) -> Point:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if len(data) != 32 or y >= P:
        raise Bad("it is not a point of the curve")
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        raise Bad("it is not a point of the curve")
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = point_of(bytes.fromhex("58" + "66" * 31))


def signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the owner of the public key signed this message (RFC 8032, 5.1.7)."""
    if len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    if s >= ORDER:
        return False
    try:
        key, r = point_of(public), point_of(signature[:32])
    except Bad:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    return same(multiply(s, BASE), add(r, multiply(h, key)))


def root_of(head: Line) -> str:
    """The root of the tree that holds this head."""
    node = hashlib.sha256(b"\0" + canonical([head["chain"], head["seq"], head["hash"]])).digest()
    for side, beside in head["path"]:
        other = bytes.fromhex(beside)
        node = hashlib.sha256(b"\1" + (other + node if side == "left" else node + other)).digest()
    return node.hex()


def parts(der: bytes) -> list[tuple[int, bytes]]:
    """What stands one after the other in DER: tag and content of each."""
    found, at = [], 0
    while at < len(der):
        tag, size, start = der[at], der[at + 1], at + 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(der[at + 2 : start], "big")
        if start + size > len(der):
            raise ValueError("cut off")
        found.append((tag, der[start : start + size]))
        at = start + size
    return found


def stated_in(response: bytes) -> tuple[bytes, str]:
    """The hash that a timestamp (TimeStampResp of RFC 3161) is over, SHA-256, and its time."""
    status, token = parts(parts(response)[0][1])[:2]
    if parts(status[1])[0][1] not in (b"\0", b"\1"):
        raise Bad("the authority did not grant it")
    signed_data = parts(parts(parts(token[1])[1][1])[0][1])
    content = parts(signed_data[2][1])  # version, algorithms, content
    info = parts(content[1][1])[0][1]  # the octets of TSTInfo
    fields = parts(parts(info)[0][1])  # version, policy, imprint, serial number, time
    algorithm, hashed = parts(fields[2][1])
    if parts(algorithm[1])[0][1] != SHA256:
        raise Bad("it is over another kind of hash than SHA-256")
    times = [value for tag, value in fields if tag == 0x18]
    return hashed[1], times[0].decode("ascii")


class Trail:
    """Reads the export line by line; `hashes` are those of the good events, by chain and number."""

    def __init__(self, trusted: str | None) -> None:
        self.trusted = trusted
        self.keys: dict[str, bytes] = {}
        self.ends: dict[str, Line] = {}
        self.hashes: dict[str, list[str]] = {}
        self.times: dict[str, str] = {}
        self.last: Line | None = None
        self.checkpoints = 0
        self.sealed: dict[str, int] = {}
        self.stamps: list[tuple[Line, bytes, str]] = []

    def line(self, found: Line) -> None:
        kind = found["kind"]
        if kind == "trail":
            self.begin(found)
        elif kind == "event":
            self.event(found["fields"], found["hash"])
        elif kind == "checkpoint":
            self.checkpoint(found)
        else:
            raise Bad(f"a line of the unknown kind {kind!r}")

    def begin(self, found: Line) -> None:
        if found["format"] != "attestry.trail/1":
            raise Bad(f"This script reads attestry.trail/1, not {found['format']!r}.")
        self.ends = found["chains"]
        self.hashes = {chain: [""] for chain in self.ends}
        self.times = dict.fromkeys(self.ends, "")
        for public in found["keys"]:
            self.keys[sha256(bytes.fromhex(public))] = bytes.fromhex(public)

    def event(self, fields: Line, stated: str) -> None:
        chain = fields["chain"]
        if chain not in self.hashes:
            raise Bad(f"an event of chain {chain!r}, of which the export does not speak")
        known = self.hashes[chain]
        place = f"{chain}, event {len(known)}"
        if fields["seq"] != str(len(known)):
            raise Bad(f"{place} is missing or out of order: {fields['seq']} stands there")
        values = json.dumps([fields[name] for name in FIELDS], ensure_ascii=False, separators=(",", ":"))
        if sha256(values.encode("utf-8")) != stated:
            raise Bad(f"{place} was changed: its content does not match its hash")
        if fields["previous"] != known[-1]:
            raise Bad(f"{place} does not follow from the event before it: one of the two was replaced")
        if later(self.times[chain], fields["at"]):
            raise Bad(f"{place} is back-dated to {fields['at']}, before the event that it follows")
        known.append(stated)
        self.times[chain] = fields["at"]

    def checkpoint(self, found: Line) -> None:
        statement, last = found["statement"], self.last
        place = f"checkpoint {statement['number']} of {statement['at']}"
        key = statement["key"]
        if key not in self.keys or self.trusted not in (None, key):
            raise Bad(f"{place} is signed with another key: {key}")
        if not signed(self.keys[key], canonical(statement), bytes.fromhex(found["signature"])):
            raise Bad(f"{place}: its signature does not hold")
        if last is not None:
            if statement["number"] <= last["number"] or statement["at"] < last["at"]:
                raise Bad(f"{place} is out of order")
            if statement["number"] == last["number"] + 1 and statement["previous"] != sha256(canonical(last)):
                raise Bad(f"{place} does not follow from the checkpoint before it")
        for head in found["heads"]:
            self.head(head, statement["root"], place)
        if "timestamp" in found:
            self.timestamp(statement, base64.b64decode(found["timestamp"]), place)
        self.last, self.checkpoints = statement, self.checkpoints + 1

    def timestamp(self, statement: Line, response: bytes, place: str) -> None:
        try:
            imprint, time = stated_in(response)
        except (IndexError, ValueError) as error:
            raise Bad(f"{place}: its timestamp cannot be read") from error
        except Bad as bad:
            raise Bad(f"{place}: its timestamp does not count, {bad}") from bad
        if imprint != hashlib.sha256(canonical(statement)).digest():
            raise Bad(f"{place}: its timestamp is over something else")
        self.stamps.append((statement, response, time))

    def head(self, head: Line, root: str, place: str) -> None:
        chain, seq = head["chain"], head["seq"]
        if root_of(head) != root:
            raise Bad(f"{place}: the head of {chain} is not among those that were signed")
        known = self.hashes.get(chain, [""])
        if seq >= len(known):
            raise Bad(f"{chain}, event {len(known)} is missing: {place} saw {seq} events, the tail was cut off")
        if known[seq] != head["hash"]:
            first = self.sealed.get(chain, 0) + 1
            raise Bad(
                f"{chain}, event {seq} is not the one that {place} saw: it or one from {first} on was rewritten"
            )
        self.sealed[chain] = seq

    def end(self) -> None:
        if not self.hashes:
            raise Bad("the file does not begin with the line that says what is in it")
        for chain, end in self.ends.items():
            known = self.hashes[chain]
            if (len(known) - 1, known[-1]) != (end["seq"], end["hash"]):
                raise Bad(f"{chain}, event {len(known)} is missing: the export says that it ends at {end['seq']}")


def later(one: str, other: str) -> bool:
    """Whether a time lies more than two seconds (a clock put right) behind the other; both in the export's form."""
    return one[:17] > other[:17] or (one[:17] == other[:17] and float(one[17:-1]) > float(other[17:-1]) + 2)


def main() -> None:
    options = argparse.ArgumentParser(description="Check an exported audit trail.")
    options.add_argument("trail")
    options.add_argument("--key", help="fingerprint of the key whose signatures you believe")
    options.add_argument("--timestamps", help="folder for the timestamps of the third party")
    given = options.parse_args()
    trail = Trail(given.key.lower() if given.key else None)
    try:
        with Path(given.trail).open(encoding="utf-8") as file:
            for text in file:
                trail.line(json.loads(text))
        trail.end()
    except Bad as bad:
        fail(str(bad))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        fail(f"The file cannot be read: {type(error).__name__} {error}")

    for chain, known in trail.hashes.items():
        sealed = trail.sealed.get(chain, 0)
        say(f"{chain}: {len(known) - 1} events hold together; checkpoints cover the first {sealed}")
    if trail.last is None:
        fail("There is no checkpoint in the export: a chain rewritten as a whole would look the same.")
    say(f"{trail.checkpoints} checkpoints hold, the last of {trail.last['at']}")
    if trail.stamps:
        say(f"{len(trail.stamps)} timestamps are over these checkpoints, the last says {trail.stamps[-1][2]}")
        write_down(trail.stamps, given.timestamps)
    say(f"signed with {trail.last['key']}" + ("" if given.key else ": compare this with what the firm gave you"))


def write_down(stamps: list[tuple[Line, bytes, str]], folder: str | None) -> None:
    if folder is None:
        say("who signed them was not checked: --timestamps FOLDER writes them down for openssl")
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    for statement, response, _ in stamps:
        file = Path(folder) / f"checkpoint-{int(statement['number'])}.tsr"
        file.write_bytes(response)
        say(f"openssl ts -verify -in {file} -digest {sha256(canonical(statement))} -CAfile CERTIFICATES.pem")


def say(text: str) -> None:
    sys.stdout.write(shown(text) + "\n")


def fail(text: str) -> NoReturn:
    sys.stderr.write(shown(text) + "\n")
    sys.exit(1)


def shown(text: str) -> str:
    """What a file says never acts on the terminal."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


if __name__ == "__main__":
    main()
