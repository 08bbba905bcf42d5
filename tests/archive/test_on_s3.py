"""The end of a file whose bytes lie in an S3-compatible store, a real one: locked, packed, destroyed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.core.management import call_command
from pytest_django import Settings

from archive import purging, retention
from archive.models import Pack
from archive.verify_pack import Archive, verify
from config import environment
from engagements.models import Stage
from jobs.running import run
from tests import factories as f
from tests import seaweed
from tests.archive import makers as a

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.services,
    pytest.mark.drill,
    pytest.mark.usefixtures("quick"),
    seaweed.needs_weed,
]


@pytest.fixture
def bucket(settings: Settings, tmp_path: Path) -> Iterator[None]:
    (tmp_path / "weed").mkdir()
    with seaweed.store(tmp_path / "weed") as url:
        settings.STORAGES = {**settings.STORAGES, **environment.storages(url, tmp_path)}
        call_command("create_bucket", verbosity=0)
        yield


def keys(store: str, engagement: int) -> list[str]:
    found: Any = storages[store]
    return [one.key for one in found.bucket.objects.filter(Prefix=f"{found.location}/{engagement}/".lstrip("/"))]


def test_locked_packed_and_destroyed(bucket: None, tmp_path: Path) -> None:
    engagement = a.locked()
    a.added(engagement)
    pack = a.packed(engagement)
    assert pack.state == Pack.State.READY
    path = tmp_path / "pack.zip"
    with storages["reports"].open(pack.storage_name, "rb") as file, path.open("wb") as copy:
        shutil.copyfileobj(file, copy)
    with path.open("rb") as file:
        assert verify(Archive(file), None)
    assert all(keys(store, engagement.pk) for store in purging.STORES)
    assert any(pack.sha256 in key for key in keys("reports", engagement.pk))
    other = storages["evidence"].save("999999/aa/other", storages["reports"].open(pack.storage_name))
    assert not list((tmp_path).glob("evidence*")), "nothing lies on this disk"

    a.aged(engagement)
    people = f.people(engagement)
    retention.ask_purge(engagement, reason="Its time is over.", by=people["petra"], password=f.PASSWORD)
    purge = retention.approve_purge(engagement, by=people["milan"], password=f.PASSWORD)
    assert purge.job_id is not None
    run(purge.job_id)
    engagement.refresh_from_db()
    assert engagement.stage == Stage.PURGED
    assert {store: keys(store, engagement.pk) for store in purging.STORES} == {"evidence": [], "reports": []}
    assert storages["evidence"].exists(other), "another engagement keeps its own"
