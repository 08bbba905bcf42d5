"""Check a peer-review pack without Attestry: Python 3.9 or newer and this one file.

    python3 verify_pack.py [PACK] [--key FINGERPRINT]

PACK is the archive as it was handed out, or the folder into which it was unpacked; without it, the folder in which
this script lies. FINGERPRINT names the key whose signatures you believe: the firm gives it to you by another way.
Ends with 0 when everything holds, with 1 and the first bad place in words when something does not. A pack may bring
its own wrong script: take this one from the firm's Attestry, or read it, it is short.

How it works:
1. `manifest.json` names every other file of the pack with size and SHA-256; `manifest.sha256` holds its own. Of the
   archive each byte is looked at: headers have one form only, nothing lies between or behind them.
2. The file of the engagement is a list of leaves, in the order of `tree.parts` in the manifest. A part of kind
   `rows` is a table: each line of its member is a leaf with the name `rows/TABLE/ID`. A part of kind `files` is a
   store: each member is a leaf with the name `STORE/SHA-256`. A part of kind `trail` is one leaf,
   `trail/CHAIN/NUMBER`, and its hash is that of the event with this number. The hash of a leaf is SHA-256 of a zero
   byte and the JSON array of its name and the SHA-256 of its content (a line without its end); of a node: of a one
   byte and both hashes below; a hash without a neighbour goes up as it is (RFC 6962).
3. When the file was locked its root went into the trail. The trail is a chain of hashes; signed checkpoints cover
   it: see verify_trail.py, of which this script holds what it needs.
4. What was added after the lock is not in the root. An addendum's hash went into the trail when it was added:
   SHA-256 of the JSON array of its number, its reason, its text, its effect on the opinion, and an array with name,
   size and SHA-256 of each of its files, in the order in which they came. The addenda of the pack, in
   `later/archive.addendum.jsonl`, must be those of the trail, and `addenda` in the manifest names their files.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from audit.verify_trail import Bad, Trail, fail, say, sha256

FORMAT = "attestry.pack/1"
MANIFEST, ITS_HASH = "manifest.json", "manifest.sha256"
# What systems and Python leave in folders by themselves.
STRAY = {".DS_Store", "Thumbs.db", "desktop.ini", "__pycache__"}
CHUNK = 1 << 20
# From here on sizes and places in a ZIP stand in 64 bits.
LIMIT = 0xFFFFFFFF


def leaf_hash(name: str, content_sha256: str) -> bytes:
    return hashlib.sha256(b"\0" + json.dumps([name, content_sha256], separators=(",", ":")).encode()).digest()


def addendum_hash(number: int, reason: str, text: str, effect: str, files: Iterable[tuple[str, int, str]]) -> str:
    """`files`: name, size and SHA-256 of each."""
    said = [number, reason, text, effect, [list(one) for one in files]]
    return sha256(json.dumps(said, separators=(",", ":")).encode("ascii"))


def tree_root(level: list[bytes]) -> str:
    """The Merkle root over the hashes of leaves."""
    if not level:
        return sha256(b"")
    while len(level) > 1:
        level = [
            hashlib.sha256(b"\1" + level[at] + level[at + 1]).digest() if at + 1 < len(level) else level[at]
            for at in range(0, len(level), 2)
        ]
    return level[0].hex()


# A ZIP of stored members, of which every byte follows from names, contents and their order.


def local_header(name: str, crc: int, size: int) -> bytes:
    encoded, large = name.encode("ascii"), size >= LIMIT
    extra = struct.pack("<HHQQ", 1, 16, size, size) if large else b""
    told = LIMIT if large else size
    fields = (b"PK\3\4", 45 if large else 20, 0, 0, 0, 0x21, crc, told, told, len(encoded), len(extra))
    return struct.pack("<4s5H3I2H", *fields) + encoded + extra


def central_entry(name: str, crc: int, size: int, offset: int) -> bytes:
    encoded, extra = name.encode("ascii"), b""
    if size >= LIMIT:
        extra += struct.pack("<QQ", size, size)
    if offset >= LIMIT:
        extra += struct.pack("<Q", offset)
    if extra:
        extra = struct.pack("<HH", 1, len(extra)) + extra
    version, told = 45 if extra else 20, min(size, LIMIT)
    return (
        struct.pack(
            "<4s6H3I5H2I",
            *(b"PK\1\2", 0x300 | version, version, 0, 0, 0, 0x21, crc, told, told, len(encoded), len(extra)),
            *(0, 0, 0, 0o100644 << 16, min(offset, LIMIT)),
        )
        + encoded
        + extra
    )


def ending(count: int, size: int, offset: int) -> bytes:
    """What stands behind the directory of so many members, so long, at this place."""
    found = b""
    if count >= 0xFFFF or size >= LIMIT or offset >= LIMIT:
        found = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 0x300 | 45, 45, 0, 0, count, count, size, offset)
        found += struct.pack("<4sIQI", b"PK\6\7", 0, offset + size, 1)
    told = min(count, 0xFFFF)
    return found + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, told, told, min(size, LIMIT), min(offset, LIMIT), 0)


class Archive:
    """The members of a ZIP that was written as above, each byte of it checked."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.places: dict[str, tuple[int, int]] = {}
        self.hashes: dict[str, str] = {}
        directory, at = [], 0
        while self._peek(at) == b"PK\3\4":
            name, crc, size, start = self._member(at)
            directory.append(central_entry(name, crc, size, at))
            at = start + size
        rest = b"".join(directory)
        rest += ending(len(directory), len(rest), at)
        if not directory or self._read(at, len(rest) + 1) != rest:
            raise Bad(f"the archive's directory, from byte {at} on, is not what was written there")

    def _read(self, at: int, size: int) -> bytes:
        self.file.seek(at)
        return self.file.read(size)

    def _peek(self, at: int) -> bytes:
        return self._read(at, 4)

    def _member(self, at: int) -> tuple[str, int, int, int]:
        head = self._read(at, 30)
        if len(head) < 30:
            raise Bad("the archive is cut off")
        crc, size, _, length, more = struct.unpack("<3I2H", head[14:])
        tail = self._read(at + 30, length + more)
        if size == LIMIT and more == 20:
            size = struct.unpack("<Q", tail[length + 4 : length + 12])[0]
        try:
            name = tail[:length].decode("ascii")
            expected = local_header(name, crc, size)
        except (UnicodeError, struct.error):
            raise Bad(f"the header at byte {at} of the archive was changed") from None
        if head + tail != expected or name in self.places:
            raise Bad(f"the header at byte {at} of the archive was changed")
        start = at + len(expected)
        self.places[name] = (start, size)
        found, check, got = hashlib.sha256(), 0, 0
        for block in self.blocks(name):
            found.update(block)
            check, got = zlib.crc32(block, check), got + len(block)
        if (check, got) != (crc, size):
            raise Bad(f"{name} was changed: its content does not match the archive's own sum")
        self.hashes[name] = found.hexdigest()
        return name, crc, size, start

    def names(self) -> list[str]:
        return list(self.places)

    def sha256_of(self, name: str) -> str:
        return self.hashes[name]

    def blocks(self, name: str) -> Iterator[bytes]:
        start, size = self.places[name]
        while size:
            block = self._read(start, min(CHUNK, size))
            if not block:
                raise Bad(f"{name} is cut off")
            yield block
            start, size = start + len(block), size - len(block)


class Folder:
    """The members of a pack that was unpacked."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> list[str]:
        files = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file())
        return [path.as_posix() for path in files if not STRAY.intersection(path.parts)]

    def sha256_of(self, name: str) -> str:
        found = hashlib.sha256()
        for block in self.blocks(name):
            found.update(block)
        return found.hexdigest()

    def blocks(self, name: str) -> Iterator[bytes]:
        with (self.root / name).open("rb") as file:
            while block := file.read(CHUNK):
                yield block


def lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a member, each without its end; the last has one too."""
    left = b""
    for block in blocks:
        *whole, left = (left + block).split(b"\n")
        yield from whole
    if left:
        raise Bad("a line has no end")


def canonical_manifest(manifest: object) -> bytes:
    return (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode("ascii")


def manifest_of(pack: Any, names: list[str]) -> dict[str, Any]:
    for name in (MANIFEST, ITS_HASH):
        if name not in names:
            raise Bad(f"{name} is missing")
    content = b"".join(pack.blocks(MANIFEST))
    if b"".join(pack.blocks(ITS_HASH)) != f"{sha256(content)}  {MANIFEST}\n".encode("ascii"):
        raise Bad(f"{MANIFEST} or {ITS_HASH} was changed: they do not fit together")
    manifest: dict[str, Any] = json.loads(content)
    if manifest["format"] != FORMAT:
        raise Bad(f"This script reads {FORMAT}, not {manifest['format']!r}.")
    if canonical_manifest(manifest) != content:
        raise Bad(f"{MANIFEST} is not written in the form that it has")
    return manifest


def check_members(pack: Any, manifest: dict[str, Any], names: list[str]) -> None:
    wanted = {member["name"]: member for member in manifest["members"]}
    for name in sorted({*names} - {*wanted} - {MANIFEST, ITS_HASH}):
        raise Bad(f"{name} is not part of the pack: somebody put it there")
    for name, member in wanted.items():
        if name not in names:
            raise Bad(f"{name} is missing")
        if pack.sha256_of(name) != member["sha256"]:
            raise Bad(f"{name} was changed: its content does not match the manifest")


def leaves(pack: Any, manifest: dict[str, Any]) -> Iterator[bytes]:
    hashes = {member["name"]: member["sha256"] for member in manifest["members"]}
    for part in manifest["tree"]["parts"]:
        if part["kind"] == "rows":
            count = 0
            for line in lines(pack.blocks(part["member"])):
                yield leaf_hash(f"rows/{part['name']}/{json.loads(line)['id']}", sha256(line))
                count += 1
            if count != part["count"]:
                raise Bad(f"{part['member']} has {count} rows, not {part['count']}")
        elif part["kind"] == "files":
            for member in part["members"]:
                yield leaf_hash(f"{part['name']}/{hashes[member]}", hashes[member])
        elif part["kind"] == "trail":
            yield leaf_hash(f"trail/{part['chain']}/{part['seq']}", part["hash"])
        else:
            raise Bad(f"a part of the unknown kind {part['kind']!r}")


def check_trail(pack: Any, manifest: dict[str, Any], key: str | None) -> tuple[Trail, int, dict[int, str]]:
    """The trail as read, the number of the event that recorded the root (0 when the file is not locked), and the
    hashes of the addenda by their numbers."""
    trail, told, added = Trail(key), 0, dict[int, str]()
    lock = manifest["lock"]
    for line in lines(pack.blocks("trail.jsonl")):
        found = json.loads(line)
        trail.line(found)
        if lock and found["kind"] == "event" and found["fields"]["action"] == "file.locked":
            detail = json.loads(found["fields"]["detail"])
            if (detail["root"], detail["leaves"]) == (lock["root"], lock["leaves"]):
                told = int(found["fields"]["seq"])
        if found["kind"] == "event" and found["fields"]["action"] == "file.addendum_added":
            detail = json.loads(found["fields"]["detail"])
            added[detail["number"]] = detail["sha256"]
    trail.end()
    chain = manifest["trail"]["chain"]
    for part in [manifest["trail"], *(one for one in manifest["tree"]["parts"] if one["kind"] == "trail")]:
        known = trail.hashes.get(part["chain"], [])
        if not 0 <= part["seq"] < len(known) or known[part["seq"]] != part["hash"]:
            raise Bad(f"the trail's event {part['seq']} is not the one of the manifest")
    if trail.last is None:
        raise Bad("there is no checkpoint over the trail: a chain rewritten as a whole would look the same")
    if lock and not told:
        raise Bad("the trail does not hold the root that the file had when it was locked")
    if trail.sealed.get(chain, 0) < told:
        raise Bad("no signed checkpoint covers the event that recorded the root")
    return trail, told, added


def check_addenda(pack: Any, manifest: dict[str, Any], added: dict[int, str]) -> int:
    """How many addenda there are; they and their files are those that the trail knows."""
    hashes = {member["name"]: member["sha256"] for member in manifest["members"]}

    def rows(table: str) -> list[dict[str, Any]]:
        name = f"later/archive.{table}.jsonl"
        return [json.loads(line) for line in lines(pack.blocks(name))] if name in hashes else []

    files: dict[int, list[tuple[str, int, str]]] = {}
    for row in rows("addendumfile"):
        files.setdefault(row["addendum_id"], []).append((row["name"], row["size"], row["sha256"]))
    found = {}
    for row in rows("addendum"):
        of = files.pop(row["id"], [])
        members = manifest["addenda"].get(str(row["number"]), [])
        if [hashes.get(member) for member in members] != [one[2] for one in of]:
            raise Bad(f"the files of addendum {row['number']} are not those that it was added with")
        found[row["number"]] = addendum_hash(row["number"], row["reason"], row["text"], row["effect"], of)
    for number in sorted({*found, *added}):
        if found.get(number) != added.get(number):
            raise Bad(f"addendum {number} is not the one that the trail knows")
    if files:
        raise Bad("there are files of an addendum that is not there")
    return len(found)


def verify(pack: Any, key: str | None) -> list[str]:
    """What was found good, in sentences. Raises Bad at the first thing that is not."""
    names = pack.names()
    manifest = manifest_of(pack, names)
    check_members(pack, manifest, names)
    hashes = list(leaves(pack, manifest))
    root, tree, lock = tree_root(hashes), manifest["tree"], manifest["lock"]
    if (root, len(hashes)) != (tree["root"], tree["leaves"]):
        raise Bad(f"the Merkle root over the file's {len(hashes)} leaves is {root}, not {tree['root']}")
    if lock and (lock["root"], lock["leaves"]) != (root, len(hashes)):
        raise Bad(f"the Merkle root over the file is {root}; when it was locked it was {lock['root']}")
    trail, told, added = check_trail(pack, manifest, key)
    addenda = check_addenda(pack, manifest, added)
    chain = manifest["trail"]["chain"]
    assert trail.last is not None
    standing = (
        f"locked on {lock['at']}; the trail's event {told} recorded this root"
        if lock
        else "NOT LOCKED YET: nothing outside this pack vouches for its root"
    )
    return [
        f"{manifest['about']['engagement']}, {manifest['about']['client']}: {manifest['about']['firm']}",
        f"{len(manifest['members'])} files of the pack are as the manifest says",
        f"Merkle root {root} over {len(hashes)} leaves, {standing}",
        f"{addenda} addend{'um' if addenda == 1 else 'a'} after the lock, as the trail knows them",
        (
            f"{chain}: {len(trail.hashes[chain]) - 1} events hold together; checkpoints cover the first "
            f"{trail.sealed.get(chain, 0)}"
        ),
        f"{trail.checkpoints} checkpoints hold, the last of {trail.last['at']}, signed with {trail.last['key']}"
        + ("" if key else ": compare this with what the firm gave you"),
    ]


def main() -> None:
    options = argparse.ArgumentParser(description="Check a peer-review pack.")
    options.add_argument("pack", nargs="?", default=str(Path(__file__).resolve().parent))
    options.add_argument("--key", help="fingerprint of the key whose signatures you believe")
    given = options.parse_args()
    place, key = Path(given.pack), given.key.lower() if given.key else None
    try:
        if place.is_dir():
            found = verify(Folder(place), key)
        else:
            with place.open("rb") as file:
                found = verify(Archive(file), key)
    except Bad as bad:
        fail(str(bad))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        fail(f"The pack cannot be read: {type(error).__name__} {error}")
    for sentence in found:
        say(sentence)
    say("Everything holds.")


if __name__ == "__main__":
    main()
