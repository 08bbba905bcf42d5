"""A Merkle tree over the heads of all chains (as in RFC 6962): one hash stands for all of them.

So a checkpoint can be shown to an outsider who may know of one chain only: its head, and the hashes beside the way
from it to the root, tell nothing about the other chains.
"""

from __future__ import annotations

import hashlib

import rfc8785

Heads = dict[str, tuple[int, str]]
Steps = list[tuple[str, str]]


def leaf(chain: str, seq: int, head: str) -> bytes:
    return hashlib.sha256(b"\0" + rfc8785.dumps([chain, seq, head])).digest()


def root(heads: Heads) -> str:
    """Hexadecimal hash over the heads, in the order of the chains' keys."""
    return _levels(heads)[-1][0].hex()


def path(heads: Heads, chain: str) -> Steps:
    """From the leaf of a chain to the root: at each step where the other hash stands, "left" or "right", and it."""
    place, steps = sorted(heads).index(chain), Steps()
    for level in _levels(heads)[:-1]:
        beside = place ^ 1
        if beside < len(level):
            steps.append(("left" if beside < place else "right", level[beside].hex()))
        place //= 2
    return steps


def _levels(heads: Heads) -> list[list[bytes]]:
    level = [leaf(chain, *heads[chain]) for chain in sorted(heads)] or [hashlib.sha256(b"").digest()]
    levels = [level]
    while len(level) > 1:
        level = [
            hashlib.sha256(b"\1" + level[at] + level[at + 1]).digest() if at + 1 < len(level) else level[at]
            for at in range(0, len(level), 2)
        ]
        levels.append(level)
    return levels
