"""An own PostgreSQL and Valkey for every test run, so that runs do not meet.

The controlling process starts them and deletes them; the workers of pytest-xdist use them too, each with
a database and a broker of its own. Set up on import, before anybody reads the settings.
"""

import asyncio
import contextlib
import fcntl
import gc
import importlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from django.core.cache import cache
from django.test import TransactionTestCase
from pytest_django.plugin import DjangoDbBlocker
from whitenoise.middleware import WhiteNoiseMiddleware

from audit.context import act_for_everybody
from config import embedded, environment, system
from tests import database
from tests.workers import Workers

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")

if not WORKER:
    os.environ["ATTESTRY_HOME"] = tempfile.mkdtemp(prefix="attestry-test-")
    environment.forget_services()

HOME = Path(os.environ["ATTESTRY_HOME"])
if WORKER:
    # Each worker stores its files apart, and has one of Valkey's sixteen databases.
    number = int(WORKER.removeprefix("gw")) + 1
    os.environ["BROKER_URL"] = f"{embedded.broker_url(HOME)}?virtual_host={number % 16}"
    os.environ["DATABASE_URL"] = embedded.database_url(HOME)
    os.environ["OWNER_DATABASE_URL"] = embedded.database_url(HOME, embedded.OWNER)
    os.environ["ATTESTRY_HOME"] = str(HOME / WORKER)
os.environ["ATTESTRY_ENV"] = "test"
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
# pytest-playwright runs an event loop in the thread of the tests; Django takes it for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

# What tests do themselves, they do for nobody in particular; what they ask of the site runs for who signed in.
act_for_everybody()
SERVICES = embedded.Services(HOME, durable=False, also=database.ALSO)
# Now, so that conftest.py files further down can import models.
django.setup()
if not WORKER:
    # A worker that inherited it would read the settings before this file has given it services of its own.
    del os.environ["DJANGO_SETTINGS_MODULE"]

from django.utils import timezone  # noqa: E402

from jobs import queue, running  # noqa: E402
from jobs.models import Outbox  # noqa: E402
from tests import remembered  # noqa: E402


def pytest_configure(config: pytest.Config) -> None:
    SERVICES.join()
    # WhiteNoise warns of a folder that is not there.
    Path(os.environ["ATTESTRY_HOME"], "static").mkdir(parents=True, exist_ok=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first, so that no process is left alone with one at the end."""
    items.sort(key=lambda item: not ("browser" in item.path.parts or item.get_closest_marker("services")))


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Bytes made by a test (an archive holds the time) would give each worker another name for it."""
    return argname if isinstance(val, bytes) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """pytest rewrites the asserts of a module once and keeps what it made. The processes begin at the same time,
    each with its share of the modules, and find what the others have made."""
    if not WORKER or session.config.args_source != pytest.Config.ArgsSource.TESTPATHS:
        return
    count = session.config.workerinput["workercount"]  # type: ignore[attr-defined]
    modules = sorted(Path(__file__).parent.glob("*/test_*.py"))
    for path in modules[int(WORKER.removeprefix("gw")) % count :: count]:
        # What is wrong with it is said when it is collected.
        with contextlib.suppress(Exception):
            importlib.import_module(f"tests.{path.parent.name}.{path.stem}")


def pytest_collection_finish() -> None:
    """What is imported by now stays to the end: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_unconfigure(config: pytest.Config) -> None:
    SERVICES.leave()
    if not WORKER:
        shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The servers go with the test run, and all databases with them."""
    return True


@pytest.fixture(scope="session")
def migrating(
    django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Callable[[], None]]:
    """The first process migrates while the others wait, and then copy what it made."""
    with (HOME / "migrating").open("w") as lock, django_db_blocker.unblock():
        fcntl.flock(lock, fcntl.LOCK_EX)
        copied = database.copy_migrated()

        def done() -> None:
            database.let_ignore()
            if not copied:
                database.keep_migrated()
            fcntl.flock(lock, fcntl.LOCK_UN)

        yield done


@pytest.fixture(scope="session")
def django_db_setup(
    migrating: Callable[[], None], django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock():
        migrating()
    TransactionTestCase._fixture_teardown = _restore


def _restore(case: TransactionTestCase) -> None:
    database.restore()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    time.sleep(remembered.until_the_day_is_new(timezone.localtime()))


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """Wrong passwords of one test are not counted against the person of the same key in the next."""
    yield
    cache.clear()
    remembered.forget_standing()


@pytest.fixture(scope="session", autouse=True)
def _loops_of_their_own() -> Iterator[None]:
    """Playwright's event loop goes on in the thread of all later tests. The product runs one of its own to seal,
    which asyncio allows only where it sees no other; Django keeps other connections while it sees one."""
    run, events = asyncio.run, asyncio.events

    def beside(*args: Any, **named: Any) -> Any:
        other = events._get_running_loop()
        events._set_running_loop(None)
        try:
            return run(*args, **named)
        finally:
            events._set_running_loop(other)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "run", beside)
        yield


@pytest.fixture(scope="session", autouse=True)
def _static_files_found_once() -> Iterator[None]:
    """Every test client starts the middleware anew, which would look for the same files each time."""
    search, found = WhiteNoiseMiddleware.add_files_from_finders, {}

    def known(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            search(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", known)
        yield


@pytest.fixture
def jobs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever commits a job does it there and then, where no worker of its own is what the test is about."""

    def nudge() -> None:
        waiting = Outbox.objects.filter(published_at__isnull=True)
        for call in waiting.order_by("pk"):
            if waiting.filter(pk=call.pk).update(published_at=timezone.now()):
                running.run(call.job_id)

    monkeypatch.setattr(queue, "nudge", nudge)


@pytest.fixture
def workers(transactional_db: None, tmp_path: Path) -> Iterator[Workers]:
    """Starts real Celery workers on this test's database: `workers.start()`, `workers.kill(worker)`."""
    started = Workers(tmp_path)
    yield started
    started.end()


@pytest.fixture
def celery_worker_process(workers: Workers) -> Workers:
    """One real Celery worker, running."""
    workers.start()
    return workers


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, object]) -> dict[str, object]:
    """The Chromium of this machine, not one that Playwright downloads; root needs it without its sandbox."""
    # Nobody looks: what a graphics card would paint, the processor need not paint in its place.
    arguments = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    return browser_type_launch_args | {"executable_path": system.chromium(), "args": arguments}
