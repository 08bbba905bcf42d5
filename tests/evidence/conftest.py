"""Every test of evidence has a store of its own: what lies in it is what the test put there."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings


@pytest.fixture(autouse=True)
def own_store(settings: Settings, tmp_path: Path) -> Path:
    store = settings.STORAGES["evidence"]
    own = {**store, "OPTIONS": {**store["OPTIONS"], "location": tmp_path / "evidence"}}
    settings.STORAGES = {**settings.STORAGES, "evidence": own}
    return tmp_path / "evidence"
