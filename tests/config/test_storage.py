"""Files in a real S3-compatible store, as STORAGE_URL names one."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.test import override_settings

from config import environment
from tests import seaweed

pytestmark = pytest.mark.services


@pytest.fixture
def store_url(tmp_path: Path) -> Iterator[str]:
    with seaweed.store(tmp_path) as url:
        yield url


@seaweed.needs_weed
@pytest.mark.drill
def test_files_are_kept_apart_and_only_their_key_opens_them(store_url: str, tmp_path: Path) -> None:
    with override_settings(STORAGES=environment.storages(store_url, tmp_path)):
        call_command("create_bucket", verbosity=0)
        call_command("create_bucket", verbosity=0)
        evidence, reports = storages["evidence"], storages["reports"]
        name = evidence.save("7/abc", ContentFile(b"listing"))
        assert evidence.open(name).read() == b"listing"
        assert not reports.exists(name)
        # Nothing is ever overwritten, however it is named.
        assert evidence.save("7/abc", ContentFile(b"other")) != name
        assert evidence.open(name).read() == b"listing"

        signed = evidence.url(name)
        assert urllib.request.urlopen(signed).read() == b"listing"
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(signed.split("?")[0])

    wrong = environment.storages(store_url.replace("s3cret", "guessed"), tmp_path)
    with override_settings(STORAGES=wrong), pytest.raises(CommandError, match="could not be made"):
        call_command("create_bucket", verbosity=0)
