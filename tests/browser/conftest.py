"""Browser journeys: one browser for all, a server on the test's own database, several people at once."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests.browser.desk import Desk

Sit = Callable[..., Desk]


@pytest.fixture
def sit(browser: Browser, live_server: LiveServer) -> Iterator[Sit]:
    """`sit(user)` puts a person at a browser of its own; nothing may have gone wrong there in the end."""
    assert settings.CONTENT_SECURITY_POLICY
    desks: list[Desk] = []

    def sit(user: User | None = None, **context: Any) -> Desk:
        desks.append(Desk(browser, live_server.url, user, **context))
        return desks[-1]

    yield sit
    wrong = [line for desk in desks for line in desk.wrong]
    for desk in desks:
        desk.close()
    assert not wrong, "\n".join(wrong)
