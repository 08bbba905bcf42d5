"""`manage.py doctor` and what it says of a machine that lacks something."""

import io
import os
import shutil
import socket
import threading
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import override_settings

from config import doctor, embedded, environment, system
from config.doctor import Finding
from engagements.models import Stage
from evidence import resumable
from reports import rendering
from tests import factories as f
from tests.evidence import makers


def said(*findings: Finding, monkeypatch: pytest.MonkeyPatch) -> tuple[str, int]:
    monkeypatch.setattr(doctor, "LOOKS", [lambda each=each: each for each in findings])
    monkeypatch.setattr(doctor, "services", lambda: None)
    out = io.StringIO()
    code = 0
    try:
        call_command("doctor", stdout=out)
    except SystemExit as end:
        code = int(end.code or 0)
    return out.getvalue(), code


@pytest.mark.django_db
def test_this_machine_has_what_the_tests_need() -> None:
    assert {finding.name for finding in doctor.examine() if finding.essential and not finding.found} == set()


def test_something_essential_missing_fails_and_says_what_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    text, code = said(
        Finding("Python", True, "3.11.7"),
        Finding("Pango", False, "missing; apt-get install -y pango", "No report can be rendered."),
        monkeypatch=monkeypatch,
    )
    assert code == 1
    assert "ok       Python: 3.11.7" in text
    assert "MISSING  Pango: missing; apt-get install -y pango\n         No report can be rendered." in text


def test_something_optional_missing_does_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    text, code = said(
        Finding("Scanner", False, "not set", "Not scanned.", essential=False), monkeypatch=monkeypatch
    )
    assert code == 0
    assert "absent   Scanner: not set\n         Not scanned." in text


def test_services_that_cannot_start_are_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise embedded.CannotStart("no way on this machine")

    monkeypatch.setattr(embedded, "join_where_needed", refuse)
    finding = doctor.services()
    assert finding is not None
    assert (finding.found, finding.detail) == (False, "no way on this machine")


def test_missing_pango(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "PANGO_LIBRARIES", (("libnothing.so.0",),))
    finding = doctor.pango()
    assert not finding.found
    assert "libpango" in finding.detail or "pango" in finding.detail


@pytest.mark.parametrize(("found", "said_of_it"), [(None, "unshare"), (shutil.which("false"), "not allowed")])
def test_no_isolation_for_rendering(
    found: str | None, said_of_it: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    rendering.without_network.cache_clear()
    request.addfinalizer(rendering.without_network.cache_clear)
    monkeypatch.setattr(shutil, "which", lambda _: found)
    finding = doctor.namespaces()
    assert (finding.found, finding.essential) == (False, False)
    assert said_of_it in finding.detail
    assert "not cut off from the network by the kernel, only by our own settings" in finding.without


def test_an_unreachable_broker() -> None:
    with override_settings(CELERY_BROKER_URL="redis://127.0.0.1:1/0"):
        finding = doctor.broker()
    assert not finding.found
    assert "Background work waits" in finding.without


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "storage").write_text("a file where a folder should be")
    with override_settings(STORAGES=environment.storages("", tmp_path)):
        finding = doctor.stores()
    assert not finding.found
    assert finding.detail.startswith("evidence: ")


def test_an_unreachable_store() -> None:
    with override_settings(STORAGES=environment.storages("s3://k:s@127.0.0.1:1/b?secure=0", Path("/"))):
        finding = doctor.stores()
    assert not finding.found


@pytest.mark.parametrize(("answer", "found"), [(b"PONG\0", True), (b"UNKNOWN COMMAND\0", False)])
def test_the_scanner_is_asked(answer: bytes, found: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def reply() -> None:
            connection, _ = server.accept()
            with connection:
                assert connection.recv(16) == b"zPING\0"
                connection.sendall(answer)

        clamd = threading.Thread(target=reply)
        clamd.start()
        with override_settings(SCANNER_URL=f"tcp://127.0.0.1:{server.getsockname()[1]}"):
            finding = doctor.scanner()
        clamd.join()
    assert finding.found is found


def test_a_scanner_that_is_configured_and_away_is_essential() -> None:
    with override_settings(SCANNER_URL="tcp://127.0.0.1:1"):
        finding = doctor.scanner()
    assert not finding.found
    assert finding.essential


@pytest.mark.parametrize(
    ("manager", "uid", "line"),
    [
        ("apt-get", 0, "apt-get install -y libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"),
        ("apt-get", 1000, "sudo apt-get install -y libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"),
        ("dnf", 1000, "sudo dnf install pango"),
        ("brew", 501, "brew install pango"),
        ("none", 1000, "install Pango with your system's package manager"),
    ],
)
def test_the_exact_line_to_run(manager: str, uid: int, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if name == manager else None)
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    assert system.how_to_install(system.PANGO) == line


def test_an_ordinary_user_is_not_asked_for_a_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(system, "PANGO_LIBRARIES", (("libnothing.so.0",),))
    assert system.main(["pango"]) == 1
    assert "Please run:" in capsys.readouterr().err


def test_the_browser_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "chrome"))
    assert system.chromium() is None
    (tmp_path / "chrome").touch()
    assert system.chromium() == str(tmp_path / "chrome")


@pytest.mark.django_db
def test_uploads_that_lie_on_another_host_are_a_finding(tmp_path: Path) -> None:
    engagement = f.at_stage(f.accepted(), Stage.FIELDWORK)
    request = makers.request(engagement)
    here, there = tmp_path / "here", tmp_path / "there"
    with override_settings(UPLOAD_STAGING=there):
        resumable.begin(request, name="log.txt", size=10, by=f.people(engagement)["owen"])
        assert doctor.staging_folder().found
    with override_settings(UPLOAD_STAGING=here):
        finding = doctor.staging_folder()
    assert (finding.found, finding.detail) == (False, f"1 of 1 do not lie in {here}")
    assert "share" in finding.without


@pytest.mark.django_db
def test_a_folder_of_uploads_that_cannot_be_written_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with override_settings(UPLOAD_STAGING=tmp_path / "file"):
        assert not doctor.staging_folder().found


@pytest.mark.django_db
def test_tables_that_are_not_there_yet_are_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.tables().found
    monkeypatch.setattr(doctor.MigrationExecutor, "migration_plan", lambda *_: [("a", False)] * 3)
    found = doctor.tables()
    assert not found.found
    assert found.detail == "3 migrations to be run"
    assert "OWNER_DATABASE_URL" in found.without


@pytest.mark.parametrize(("https", "count", "found"), [(False, 0, None), (True, 0, False), (True, 1, True)])
def test_a_proxy_that_nobody_announced_is_a_finding(https: bool, count: int, found: bool | None) -> None:
    with override_settings(HTTPS=https, ALLAUTH_TRUSTED_PROXY_COUNT=count):
        told = doctor.proxy()
    assert (told.found if told else None) is found
