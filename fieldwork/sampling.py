"""How many items to test and which: the firm's profile gives the size, the population gives the items.

Nobody chooses an item. The seed follows from the engagement, the control and the population's hash, and the
items follow from the seed, so that anybody with the frozen listing draws the same ones again (`redraw.py`
is the same in one file without dependencies; a test keeps the two equal).

- seed: SHA-256, in hex, of engagement key | control key | SHA-256 of the population, joined with "|".
- rank of a row: SHA-256, in hex, of seed|index, the index counting the rows of the listing from 0.
- random: the rows with the lowest ranks. A larger sample keeps the items of the smaller one.
- stratified: rows in order of date (undated last, ties by index) cut into as many runs as items are wanted,
  as equal as possible; from each run the row with the lowest rank.
- systematic: a fixed step of N/n from a start of SHA-256(seed|start) mod N, in whole numbers.
- census: every row.
- further: items of an expanded sample, the lowest ranks among the rows that were not drawn before.
- targeted: the auditor names the rows, each with a reason; they say nothing about the others.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from django.core.exceptions import ValidationError

from evidence.occurrences import (
    Cycle,
    Month,
    expected_occurrences,
    longest_silence,
    missing_occurrences,
    occurrences_by_month,
    parts,
)

__all__ = [
    "Cycle",
    "Method",
    "Month",
    "Proposal",
    "Risk",
    "expected_occurrences",
    "further",
    "longest_silence",
    "missing_occurrences",
    "occurrences_by_month",
    "propose_size",
    "seed",
    "select",
]

Risk = Literal["low", "normal", "high"]
Method = Literal["random", "stratified", "systematic", "census"]  # a targeted selection is not drawn

_RISKS: tuple[Risk, ...] = ("low", "normal", "high")
_NAMES = {
    "A": "annual",
    "SA": "semiannual",
    "Q": "quarterly",
    "M": "monthly",
    "SM": "semimonthly",
    "W": "weekly",
    "D": "daily",
    "MD": "multiple_daily",
}
_WORDS = {
    "A": "annual",
    "SA": "semi-annual",
    "Q": "quarterly",
    "M": "monthly",
    "SM": "semi-monthly",
    "W": "weekly",
    "D": "daily",
    "MD": "many-a-day",
}
_WHOLE = 100
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Proposal:
    """A sample size with the reason for it in words, for the sample's record."""

    size: int
    reason: str


def propose_size(
    profile: Mapping[str, Any],
    frequency: str,
    population_size: int,
    risk: Risk,
    *,
    prior_deviation: bool = False,
) -> Proposal:
    """The size the firm's sampling profile asks for, never more than there are items.

    A profile holds `by_frequency` (a number, or one each for low, normal and high risk) and
    `event_population` (rows with the largest population they cover and a number or "all"), or a `share` of
    any population (percent, the least and the most). A deviation in
    the prior period moves to the next higher risk. A joined frequency ("E+A") takes the larger size.
    Raises ValidationError where the profile has no size for the control, ValueError for an unknown
    frequency or risk. Source: domain 3.3.
    """
    if risk not in _RISKS:
        raise ValueError(f"unknown risk {risk!r}")
    if population_size < 0:
        raise ValueError("a population cannot be negative")
    codes = parts(frequency)
    if population_size == 0:
        return Proposal(
            0,
            "The population is empty, so there is nothing to sample. Record that the control did not "
            "operate, with the listing of zero rows and its source as the evidence.",
        )
    applied = _RISKS[min(_RISKS.index(risk) + prior_deviation, len(_RISKS) - 1)]
    raised = applied != risk
    size, rule = max(
        (_size_for(profile, code, population_size, applied) for code in codes), key=lambda choice: choice[0]
    )
    words = [rule]
    if raised:
        words.append("The next higher risk applies because of a deviation in the prior period.")
    if size >= population_size:
        size = population_size
        words.append(
            "That is the only item." if population_size == 1 else f"That is all {population_size:,} items."
        )
    else:
        words.append(f"That is {size:,} of {population_size:,} items.")
    return Proposal(size, " ".join(words))


def seed(engagement_key: str, control_key: str, population_sha256: str) -> str:
    """The seed of a sample: SHA-256 of the three keys joined with "|", in hex.

    Raises ValueError for a key that is empty or holds the separator, or a hash that is none, since two
    different draws could then share a seed.
    """
    for key in (engagement_key, control_key):
        if not key or "|" in key:
            raise ValueError(f"{key!r} cannot be part of a seed")
    if not _HASH.fullmatch(population_sha256):
        raise ValueError(f"{population_sha256!r} is no SHA-256 in lower-case hex")
    return _sha256(f"{engagement_key}|{control_key}|{population_sha256}")


def select(
    seed: str,
    size: int,
    population_size: int,
    *,
    dates: Sequence[date | None] | None = None,
    method: Method = "random",
) -> list[int]:
    """The indices of the selected rows in the order of the listing, counted from 0.

    The methods are described at the head of this module; `dates`, one per row, are needed for the
    stratified one and not looked at by the others. Raises ValueError when more items are wanted than there
    are, or a census of fewer, or dates are missing.
    """
    if not 0 <= size <= population_size:
        raise ValueError(f"{size} items of a population of {population_size}")
    if method == "census":
        if size != population_size:
            raise ValueError(f"a census takes all {population_size} items, not {size}")
        return list(range(population_size))
    if method == "random":
        return sorted(sorted(range(population_size), key=lambda index: _rank(seed, index))[:size])
    if method == "systematic":
        return _systematic(seed, size, population_size)
    if method == "stratified":
        if dates is None or len(dates) != population_size:
            raise ValueError("a stratified selection needs a date (or None) for every row")
        return _stratified(seed, size, dates)
    raise ValueError(f"unknown method {method!r}")


def further(seed: str, taken: Collection[int], size: int, population_size: int) -> list[int]:
    """The indices of so many further rows in the order of the listing, after those already `taken`.

    They are the lowest ranks among the others, whatever method drew the first: after a random draw that is what
    the larger sample would have been. Raises ValueError when more are wanted than are left.
    """
    held = set(taken)
    left = [index for index in range(population_size) if index not in held]
    if not 0 <= size <= len(left):
        raise ValueError(f"{size} further items of {len(left)} that are left")
    return sorted(sorted(left, key=lambda index: _rank(seed, index))[:size])


def _systematic(seed: str, size: int, population_size: int) -> list[int]:
    if size == 0:
        return []
    start = int(_sha256(f"{seed}|start"), 16) % population_size
    return [(start + number * population_size) // size for number in range(size)]


def _stratified(seed: str, size: int, dates: Sequence[date | None]) -> list[int]:
    count = len(dates)
    in_time = sorted(range(count), key=lambda index: (dates[index] is None, dates[index] or date.min, index))
    runs = (in_time[run * count // size : (run + 1) * count // size] for run in range(size))
    return sorted(min(run, key=lambda index: _rank(seed, index)) for run in runs)


def _rank(seed: str, index: int) -> str:
    return _sha256(f"{seed}|{index}")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _size_for(profile: Mapping[str, Any], code: str, population_size: int, risk: Risk) -> tuple[int, str]:
    if code == "C":
        return _configurations(population_size, risk)
    if "share" in profile:
        return _share(profile["share"], population_size)
    if code == "E":
        return _events(profile, population_size, risk)
    sizes = profile.get("by_frequency", {})
    if _NAMES[code] not in sizes:
        raise ValidationError(
            "The sampling profile has no size for %(frequency)s controls: choose another profile or state a "
            "size with the reason for it.",
            params={"frequency": _WORDS[code]},
        )
    size = _column(sizes[_NAMES[code]], risk, population_size)
    return size, f"Profile for {_an(_WORDS[code])} control at {risk} risk: {size:,}."


def _events(profile: Mapping[str, Any], population_size: int, risk: Risk) -> tuple[int, str]:
    for row in profile.get("event_population", ()):
        if row["max"] is None or population_size <= row["max"]:
            size = _column(row["n"], risk, population_size)
            reach = "more" if row["max"] is None else f"up to {row['max']:,}"
            asked = "all" if size == population_size else f"{size:,}"
            return size, f"Profile for {population_size:,} events ({reach}) at {risk} risk: {asked}."
    raise ValidationError(
        "The sampling profile has no size for a population of %(count)d events: choose another profile or "
        "state a size with the reason for it.",
        params={"count": population_size},
    )


def _share(share: Mapping[str, int], population_size: int) -> tuple[int, str]:
    size = min(max(-(-population_size * share["percent"] // _WHOLE), share["min"]), share["max"])
    asked = f"{share['percent']}% of the population, at least {share['min']:,} and at most {share['max']:,}"
    return size, f"Profile: {asked}: {size:,}."


def _configurations(population_size: int, risk: Risk) -> tuple[int, str]:
    """Automated and configured controls are inspected once each (domain 3.3, last row of the table)."""
    when = (
        "once at the start and once at the end of the period"
        if risk == "high"
        else "once, with its history of changes for the rest of the period"
    )
    return population_size, f"Automated or configured control: each configuration is inspected {when}."


def _column(value: Any, risk: Risk, population_size: int) -> int:
    chosen = value[_RISKS.index(risk)] if isinstance(value, list | tuple) else value
    return population_size if chosen == "all" else int(chosen)


def _an(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
