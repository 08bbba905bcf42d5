"""An own PostgreSQL and Valkey for every test run, so that runs do not meet.

The controlling process starts them and deletes them; the workers of pytest-xdist use them too, each with
a database and a broker of its own. Set up on import, before anybody reads the settings.
"""

import os
import shutil
import tempfile
from pathlib import Path

import django
import pytest

from config import embedded

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")

if not WORKER:
    os.environ["ATTESTRY_HOME"] = tempfile.mkdtemp(prefix="attestry-test-")
    for name in ("DATABASE_URL", "BROKER_URL", "STORAGE_URL", "EMAIL_URL", "SECRET_KEY", "SITE_URL"):
        os.environ.pop(name, None)

HOME = Path(os.environ["ATTESTRY_HOME"])
if WORKER:
    # Each worker stores its files apart, and has one of Valkey's sixteen databases.
    number = int(WORKER.removeprefix("gw")) + 1
    os.environ["BROKER_URL"] = f"{embedded.broker_url(HOME)}?virtual_host={number % 16}"
    os.environ["DATABASE_URL"] = embedded.database_url(HOME)
    os.environ["ATTESTRY_HOME"] = str(HOME / WORKER)
os.environ["ATTESTRY_ENV"] = "test"
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
# pytest-playwright runs an event loop in the thread of the tests; Django takes it for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

SERVICES = embedded.Services(HOME, durable=False)
# Now, so that conftest.py files further down can import models.
django.setup()


def pytest_configure(config: pytest.Config) -> None:
    SERVICES.join()


def pytest_unconfigure(config: pytest.Config) -> None:
    SERVICES.leave()
    if not WORKER:
        shutil.rmtree(HOME, ignore_errors=True)
