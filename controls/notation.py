"""The short notes of the library's tests, put into words."""

from __future__ import annotations

import re

METHODS = {"S": "inspection", "I": "inquiry", "O": "observation", "R": "reperformance"}
# Letters stand at the beginning or after a semicolon, alone or joined: "S", "S+O", "O/S".
_LETTERS = re.compile(r"(?P<before>^|; )(?P<letters>[SIOR](?:[+/][SIOR])*)(?=:|;|$| on )")


def in_words(note: str) -> str:
    """ "S+O: direct path refused" becomes "Inspection and observation: direct path refused"."""

    def words(found: re.Match[str]) -> str:
        joint = " or " if "/" in found["letters"] else " and "
        return found["before"] + joint.join(METHODS[letter] for letter in re.split(r"[+/]", found["letters"]))

    text = _LETTERS.sub(words, note.strip())
    return text[:1].upper() + text[1:]
