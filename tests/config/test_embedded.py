"""The embedded services: who may start, share and stop them, and what happens when somebody is killed."""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dj_database_url
import psycopg2
import pytest

from config import embedded
from config.embedded import CannotStart, Services, identity
from config.embedded.paths import OWNER, ROLE, Paths

pytestmark = pytest.mark.services

ROOT = Path(__file__).resolve().parents[2]
# Joins, says so, and leaves when its standard input ends.
JOIN = """
import sys
from pathlib import Path
from config.embedded import Services
services = Services(Path(sys.argv[1]), durable=False)
services.join()
print("joined", flush=True)
sys.stdin.read()
services.leave()
"""
AS_ORDINARY_USER = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
needs_namespaces = pytest.mark.skipif(
    subprocess.run([*AS_ORDINARY_USER, "true"], capture_output=True, check=False).returncode != 0
    if shutil.which("unshare")
    else True,
    reason="needs user namespaces",
)


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="attestry-") as folder:
        home = Path(folder) / "home"
        yield home
        if home.is_dir():
            Services(home).stop_if_unused()


def user(home: Path, *prefix: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", JOIN, str(home)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def joined(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == "joined\n", process.communicate()[1]


def leave(process: "subprocess.Popen[str]") -> None:
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors


def query(home: Path, statement: str, role: str = ROLE) -> list[tuple[Any, ...]]:
    parsed = dj_database_url.parse(embedded.database_url(home, role))
    with contextlib.closing(
        psycopg2.connect(host=parsed["HOST"], user=parsed["USER"], dbname=parsed["NAME"], **parsed["OPTIONS"])
    ) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []


@pytest.mark.drill
def test_the_servers_are_as_we_want_them_and_closed_to_others(home: Path) -> None:
    services = Services(home)
    services.join()
    try:
        settings = dict(query(home, "SELECT name, setting FROM pg_settings"))
        assert int(settings["server_version_num"]) >= 180000
        assert settings["server_encoding"] == "UTF8"
        assert settings["data_checksums"] == "on"
        assert settings["listen_addresses"] == ""
        assert settings["fsync"] == "on"
        assert query(home, "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'attestry'") == [
            ("b", "C.UTF-8")
        ]
        assert query(home, "SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user") == [
            (False, False)
        ]
        assert b"everysec" in services._ask_valkey(b"CONFIG GET appendfsync")
        assert b"yes" in services._ask_valkey(b"CONFIG GET appendonly")
        for folder in (home, services.paths.root, services.paths.sockets, services.paths.data):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(services.paths.password.stat().st_mode) == 0o600
    finally:
        services.leave()
    assert not services.running


@pytest.mark.drill
def test_nobody_comes_in_without_the_password(home: Path) -> None:
    services = Services(home, durable=False)
    services.join()
    try:
        for role in ("attestry", "postgres"):
            with pytest.raises(psycopg2.OperationalError, match="password"):
                psycopg2.connect(
                    host=str(services.paths.sockets), user=role, dbname="attestry", passfile="/dev/null"
                )
    finally:
        services.leave()


@pytest.mark.drill
def test_the_last_user_stops_the_services_and_the_next_finds_the_data(home: Path) -> None:
    first, second = user(home), user(home)
    joined(first)
    joined(second)
    query(home, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)", OWNER)
    leave(first)
    assert Services(home).running
    leave(second)
    assert not Services(home).running

    third = user(home)
    joined(third)
    assert query(home, "SELECT id FROM kept", OWNER) == [(7,)]
    leave(third)


@pytest.mark.drill
def test_many_first_starts_at_once_make_one_cluster(home: Path) -> None:
    users = [user(home) for _ in range(4)]
    for each in users:
        joined(each)
    assert query(home, "SELECT count(*) FROM pg_database WHERE datname = 'attestry'") == [(1,)]
    for each in users:
        leave(each)
    assert not Services(home).running


@pytest.mark.drill
def test_a_killed_user_leaves_the_services_to_the_next(home: Path) -> None:
    killed = user(home)
    joined(killed)
    killed.kill()
    killed.communicate()
    assert Services(home).running

    after = user(home)
    joined(after)
    leave(after)
    assert not Services(home).running


@pytest.mark.drill
def test_killed_servers_come_back_with_what_was_committed(home: Path) -> None:
    services = Services(home)
    services.join()
    query(home, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)", OWNER)
    for process in services._children:
        process.kill()
        process.wait()
    services._release()

    services.join()
    assert query(home, "SELECT id FROM kept", OWNER) == [(7,)]
    services.leave()


@pytest.mark.drill
def test_a_number_that_another_program_has_by_now_does_not_keep_postgresql_down(home: Path) -> None:
    services = Services(home, durable=False)
    services.join()
    services.leave()
    # As after a reboot: postmaster.pid names a process that lives and is somebody else's.
    other = subprocess.Popen(["sleep", "60"])
    socket = services.paths.postgresql_socket
    stale = f"{other.pid}\n{services.paths.data}\n{int(time.time())}\n5432\n{services.paths.sockets}\n\n"
    services.paths.postmaster.write_text(stale)
    socket.with_name(socket.name + ".lock").write_text(stale)

    services.join()
    assert query(home, "SELECT 1") == [(1,)]
    services.leave()
    other.kill()
    other.wait()


@pytest.mark.drill
def test_a_home_too_deep_for_sockets_gets_a_short_folder(home: Path) -> None:
    deep = home / ("d" * 100)
    services = Services(deep, durable=False)
    services.join()
    try:
        assert query(deep, "SELECT 1") == [(1,)]
        assert len(str(services.paths.postgresql_socket)) < 104
        assert stat.S_IMODE(services.paths.sockets.stat().st_mode) == 0o700
    finally:
        services.leave()
        shutil.rmtree(services.paths.sockets)


def test_a_socket_folder_open_to_others_is_refused(home: Path) -> None:
    Paths(home).sockets.mkdir(parents=True)
    Paths(home).root.chmod(0o700)
    Paths(home).sockets.chmod(0o777)
    with pytest.raises(CannotStart, match="must be a folder that only"):
        Services(home).join()


@pytest.mark.drill
def test_an_interrupted_initdb_is_done_again(home: Path) -> None:
    half = Paths(home).root / "postgresql.new"
    half.mkdir(parents=True)
    Paths(home).root.chmod(0o700)
    (half / "PG_VERSION").write_text("18\n")
    services = Services(home, durable=False)
    services.join()
    assert query(home, "SELECT 1") == [(1,)]
    services.leave()


@needs_namespaces
@pytest.mark.drill
def test_an_ordinary_user_starts_and_stops_the_services(home: Path) -> None:
    ordinary = user(home, *AS_ORDINARY_USER)
    joined(ordinary)
    assert Services(home).running
    leave(ordinary)
    assert not Services(home).running


@needs_root
@needs_namespaces
def test_an_ordinary_user_is_told_whose_the_services_are(home: Path) -> None:
    Paths(home).root.mkdir(parents=True)
    os.chown(Paths(home).root, 12345, 12345)
    refused = user(home, *AS_ORDINARY_USER)
    _, errors = refused.communicate(timeout=60)
    assert "belongs to" in errors
    assert "run this as that user" in errors


@needs_root
@pytest.mark.drill
def test_root_without_namespaces_drops_to_nobody(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.parent.chmod(0o711)
    without_namespaces(monkeypatch)
    services = Services(home, durable=False)
    services.join()
    try:
        assert query(home, "SELECT 1") == [(1,)]
        assert services.paths.data.stat().st_uid == identity.pwd.getpwnam("nobody").pw_uid
    finally:
        services.leave()


@needs_root
def test_root_without_any_way_gets_one_clear_sentence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.parent.chmod(0o700)
    without_namespaces(monkeypatch)
    with pytest.raises(CannotStart, match=r"run this as an ordinary user\. Or set DATABASE_URL"):
        Services(home).join()
    assert not Paths(home).root.exists()


def test_a_machine_without_a_wheel_is_told_what_to_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(CannotStart, match=r"no embedded PostgreSQL for this machine .* set DATABASE_URL"):
        Services(home).join()


@pytest.mark.drill
def test_data_of_another_postgresql_is_left_alone(home: Path) -> None:
    services = Services(home, durable=False)
    services.join()
    services.leave()
    (services.paths.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(CannotStart, match="made by PostgreSQL 17, and PostgreSQL 18 is installed"):
        services.join()


def test_an_unusable_home_is_named(home: Path) -> None:
    home.write_text("a file")
    with pytest.raises(CannotStart, match=r"cannot be used: .* Set ATTESTRY_HOME"):
        Services(home).join()


@pytest.mark.drill
def test_a_server_that_cannot_start_shows_the_end_of_its_log(home: Path) -> None:
    services = Services(home, durable=False)
    services.join()
    services.leave()
    (services.paths.data / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(CannotStart, match="no_such_setting"):
        services.join()
    # And nobody is locked out by the failure.
    (services.paths.data / "postgresql.conf").write_text("")
    services.join()
    services.leave()


def test_own_servers_are_used_instead(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("ATTESTRY_HOME", str(home))
    monkeypatch.setenv("DATABASE_URL", "postgres://db.example/attestry")
    monkeypatch.setenv("BROKER_URL", "redis://broker.example")
    embedded.join_where_needed()
    assert not home.exists()


@pytest.mark.drill
def test_a_command_that_is_told_to_end_leaves_in_order(home: Path) -> None:
    command = subprocess.Popen(
        [sys.executable, "manage.py", "beat"],
        cwd=ROOT,
        env={**os.environ, "ATTESTRY_HOME": str(home), "DATABASE_URL": "", "BROKER_URL": "", "LOG_LEVEL": "INFO"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert command.stderr is not None
    for line in command.stderr:
        if "beat_starts" in line:
            break
    else:
        pytest.fail("beat did not start")
    command.send_signal(signal.SIGTERM)
    command.communicate(timeout=30)
    assert not Services(home).running


def without_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    works = identity._works
    monkeypatch.setattr(identity, "_works", lambda who, *command: not who.prefix and works(who, *command))
