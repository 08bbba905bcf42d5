import pytest

from audit import checkpoints
from tests.reports.makers import quick

__all__ = ["quick"]


@pytest.fixture(autouse=True)
def _own_checkpoints(settings: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What one test signs says nothing of the chains of the next."""
    settings.AUDIT_CHECKPOINTS = tmp_path_factory.mktemp("audit") / "checkpoints.jsonl"  # type: ignore[attr-defined]
    assert checkpoints.latest() is None
