"""No line of the log holds an address that lets its reader in."""

import logging

import pytest

from config.logs import without_secrets

SECRET = "m3Tq0s-9vXKw_2bYc7LrZd8e"


@pytest.mark.parametrize("kind", ["invitation", "read", "calendar", "mail/stop", "account/password/reset/key"])
def test_secret_addresses_are_cut(kind: str) -> None:
    line = {"event": f"Not Found: /{kind}/{SECRET}.ics", "status": 404}
    told = without_secrets(logging.getLogger(), "warning", line)
    assert SECRET not in told["event"]
    assert told["event"].startswith(f"Not Found: /{kind}/")


def test_other_addresses_stay() -> None:
    line = {"event": "Not Found: /engagements/7/requests/REQ-014/"}
    assert without_secrets(logging.getLogger(), "warning", line)["event"].endswith("REQ-014/")
