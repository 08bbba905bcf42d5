"""Text that somebody else chose, on its way into a file or a terminal that acts on some characters."""

from __future__ import annotations

import unicodedata

# Spreadsheets take a cell for a formula by its first character, also in the wide forms of East Asian typing.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
# Control characters, marks that turn the direction of writing, separators of lines and paragraphs, lone surrogates.
_ACTS = {"Cc", "Cf", "Zl", "Zp", "Cs"}


def plain(text: str) -> str:
    """The text on one line, every character that does something instead of showing as its escape (\\n, \\x1b)."""
    return "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character) in _ACTS else character
        for character in text
    )


def cell(text: str) -> str:
    """The text as a cell of a CSV file that a spreadsheet shows and never computes."""
    shown = plain(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) or text[:1] in {"\t", "\r"} else shown
