"""Every test has checkpoints and a key of its own."""

from pathlib import Path

import pytest
from pytest_django import Settings


@pytest.fixture(autouse=True)
def checkpoints_file(settings: Settings, tmp_path: Path) -> Path:
    settings.AUDIT_CHECKPOINTS = tmp_path / "audit" / "checkpoints.jsonl"
    settings.AUDIT_KEY_FILE = tmp_path / "audit.key"
    return tmp_path / "audit" / "checkpoints.jsonl"
