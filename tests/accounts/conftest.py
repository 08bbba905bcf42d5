from collections.abc import Iterator

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    """Wrong guesses of one test do not count in the next."""
    cache.clear()
    yield
    cache.clear()
