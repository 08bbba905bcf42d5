"""Two people at once: every number is given once, every file received once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from audit.context import act_for_everybody
from engagements.models import Engagement, Stage
from evidence.models import EvidenceFile, EvidenceRequest
from tests import factories as f
from tests.evidence import makers

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def at_once(number: int, work: Callable[[int], object]) -> None:
    """Run work(0), work(1)... in threads that begin together."""
    start = Barrier(number)

    def run(index: int) -> None:
        act_for_everybody()
        start.wait()
        try:
            work(index)
        finally:
            connection.close()

    with ThreadPoolExecutor(number) as threads:
        list(threads.map(run, range(number)))


@pytest.fixture
def engagement() -> Engagement:
    return f.at_stage(f.accepted(), Stage.FIELDWORK)


def test_codes_stay_unique(engagement: Engagement) -> None:
    asked = makers.request(engagement)
    at_once(4, lambda index: makers.upload(asked, f"file {index}".encode(), name=f"{index}.txt"))
    assert sorted(EvidenceFile.objects.values_list("code", flat=True)) == ["E-001", "E-002", "E-003", "E-004"]
    at_once(4, lambda index: makers.request(engagement, title=f"Request {index}"))
    assert EvidenceRequest.objects.count() == 5


def test_same_file_at_once_is_received_once(engagement: Engagement) -> None:
    asked = makers.request(engagement)
    at_once(4, lambda _: makers.upload(asked))
    assert EvidenceFile.objects.count() == 1
