"""Which request a file answers, guessed from its name for a person to confirm. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

# Words that say nothing about what a file is for.
_EMPTY = frozenset(
    """a an and as at by for from in into is of on or per that the to was were with all any each list listing
    evidence file files document documents doc copy final new old draft export report screenshot screen shot image
    img scan please provide version page pages pdf csv xlsx q1 q2 q3 q4 jan feb mar apr may jun jul aug sep oct nov
    dec""".split()
)
# Below this share of a request's weight the name says too little.
ENOUGH = 0.34


@dataclass(frozen=True)
class Candidate:
    """A request as the matcher sees it: its code, the controls it asks about, and its words."""

    code: str
    controls: Sequence[str]
    title: str
    detail: str = ""


@dataclass(frozen=True)
class Guess:
    """A request that a file may answer, how surely (0 to 1), and why, in words."""

    code: str
    sure: float
    why: str


def guesses(name: str, candidates: Sequence[Candidate]) -> list[Guess]:
    """The requests that a file of this name may answer, the likeliest first.

    A request's own code, or a control's, settles it; otherwise words of the title that the name has, rare ones
    counting for more. Empty when nothing speaks for any.
    """
    stem = name.rpartition(".")[0] or name
    by_code = [Guess(one.code, 1.0, f"{one.code} is in its name") for one in candidates if _names(stem, one.code)]
    if by_code:
        return by_code
    by_control = [
        Guess(one.code, 0.9, f"{number} is in its name")
        for one in candidates
        for number in one.controls[:20]
        if _names(stem, number)
    ]
    if by_control:
        return list({guess.code: guess for guess in reversed(by_control)}.values())[::-1]
    return _by_words(stem, candidates)


def _by_words(stem: str, candidates: Sequence[Candidate]) -> list[Guess]:
    titles = [words(one.title) for one in candidates]
    common = Counter(word for title in titles for word in title)
    weight = {word: log(1 + len(candidates) / count) for word, count in common.items()}
    mine = words(stem)
    found = []
    for one, title in zip(candidates, titles, strict=True):
        shared = mine & title
        whole = sum(weight[word] for word in title)
        if not shared or not whole:
            continue
        # Half for what of the title is in the name, half for what of the name is in the title or the detail.
        known = title | words(one.detail)
        share = sum(weight[word] for word in shared) / whole
        sure = (share + len(mine & known) / len(mine)) / 2
        if sure >= ENOUGH:
            named = ", ".join(sorted(shared))
            found.append(Guess(one.code, round(min(sure, 0.89), 2), f"its name has: {named}"))
    return sorted(found, key=lambda guess: (-guess.sure, guess.code))[:5]


def words(text: str) -> frozenset[str]:
    """The words of a text that mean something, without case, accents and the s of their plural."""
    plain = unicodedata.normalize("NFKD", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold()
    return frozenset(_singular(word) for word in re.findall(r"[^\W\d_]{2,}", plain) if word not in _EMPTY) - _EMPTY


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _names(stem: str, code: str) -> bool:
    """Whether the code stands in the name: REQ-014 also as req_14 or REQ 014, and not within a longer one."""
    letters, _, number = code.rpartition("-")
    if not letters or not number.isdecimal():
        return False
    parts = r"[\s_.-]*".join(re.escape(part) for part in letters.split("-"))
    return bool(re.search(rf"(?<![^\W_]){parts}[\s_.-]*0*{int(number)}(?!\d)", stem, re.IGNORECASE))
