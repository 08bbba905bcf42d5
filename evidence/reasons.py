"""Why requests are returned: the usual reasons, in words that the client can act on."""

from __future__ import annotations

STOCK: dict[str, str] = {
    "period": "It does not cover the period that was asked for.",
    "incomplete": "It is incomplete: rows, pages or systems are missing.",
    "undated": "No date can be seen: show the system's clock or the date of the export.",
    "source": "It cannot be seen from which system or report it comes: show the source and how it was run.",
    "wrong": "It is another document than the one that was asked for.",
    "unreadable": "It cannot be opened or read.",
    "approval": "The approval is missing, or who gave it and when.",
    "filtered": "The listing is filtered or has hidden rows: export it unfiltered.",
    "environment": "It is of another environment than production.",
    "redacted": "What was blacked out is needed for the test.",
}


def words(stock: str, own: str) -> str:
    """The reason as the client reads it: the usual words, the person's own, or both."""
    return "\n".join(part for part in (STOCK.get(stock, ""), own.strip()) if part)
