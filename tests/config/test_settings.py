"""The settings of each environment, read in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.test import Client, override_settings

from config.checks import broker_waits_longer_than_a_task_may_run

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "ATTESTRY_ENV": "production",
    "SECRET_KEY": "x7Qe2mZp0K" * 6,
    "ALLOWED_HOSTS": "attestry.example",
    "SITE_URL": "https://attestry.example",
    "DATABASE_URL": "postgres://u:p@db/attestry",
    "BROKER_URL": "redis://broker:6379/0",
    "STORAGE_URL": "s3://k:s@objects:8333/attestry?secure=0",
    "EMAIL_URL": "smtp://mail.example",
    "TRUSTED_PROXY_COUNT": "1",
    "AUDIT_KEY": "5e0123456789abcdef1032547698badc" * 2,
}
SHOW = """
import json, sys
from config import settings
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=str))
"""


def read(environment: dict[str, str], *names: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", SHOW, *names],
        cwd=ROOT,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def values(environment: dict[str, str], *names: str) -> dict[str, Any]:
    done = read(environment, *names)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dict.fromkeys(PRODUCTION, "") | {"ATTESTRY_ENV": "production"}, "SECRET_KEY, ALLOWED_HOSTS, SITE_URL"),
        ({"SECRET_KEY": ""}, "needs these variables to be set: SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "50 or more random characters"),
        ({"DATABASE_URL": ""}, "needs these variables to be set: DATABASE_URL"),
        ({"DATABASE_URL": "sqlite:///db"}, "must be a PostgreSQL URL"),
        ({"BROKER_URL": ""}, "needs these variables to be set: BROKER_URL"),
        ({"EMAIL_URL": ""}, "needs these variables to be set: EMAIL_URL"),
        ({"AUDIT_KEY": ""}, "needs these variables to be set: AUDIT_KEY"),
        ({"AUDIT_KEY": "5e5e"}, "64 hexadecimal digits"),
        ({"AUDIT_KEY": "00" * 32}, "32 random bytes"),
        ({"SECRET_KEY": "a" * 60}, "50 or more random characters"),
        ({"SITE_URL": "http://attestry.example"}, "must begin with https://"),
        ({"DEBUG": "1"}, "does not run with DEBUG"),
        ({"ATTESTRY_ENV": "prod"}, "must be one of development, test, demo, production"),
    ],
)
def test_production_refuses_to_start_half_configured(change: dict[str, str], words: str) -> None:
    done = read(PRODUCTION | change, "DEBUG")
    assert done.returncode != 0
    assert words in done.stderr


def test_a_command_says_what_is_missing_before_it_makes_anything(tmp_path: Path) -> None:
    home = tmp_path / "home"
    environment = PRODUCTION | {"DATABASE_URL": "", "ATTESTRY_HOME": str(home), "PATH": os.environ["PATH"]}
    command = [sys.executable, "manage.py", "check"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "Production (ATTESTRY_ENV=production) needs these variables to be set: DATABASE_URL."
    )
    assert "Traceback" not in done.stderr
    assert not home.exists()


def test_production_settings() -> None:
    got = values(
        PRODUCTION,
        "DEBUG",
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        "SESSION_COOKIE_NAME",
        "CSRF_COOKIE_NAME",
        "SESSION_COOKIE_SAMESITE",
        "CSRF_COOKIE_SAMESITE",
        "SESSION_COOKIE_HTTPONLY",
        "CSRF_COOKIE_HTTPONLY",
        "SECURE_SSL_REDIRECT",
        "SECURE_HSTS_SECONDS",
        "SECURE_HSTS_INCLUDE_SUBDOMAINS",
        "SECURE_PROXY_SSL_HEADER",
        "CSRF_TRUSTED_ORIGINS",
        "STORAGES",
        "ALLAUTH_TRUSTED_PROXY_COUNT",
    )
    assert got["DEBUG"] is False
    assert got["SESSION_COOKIE_SECURE"]
    assert got["CSRF_COOKIE_SECURE"]
    assert got["SESSION_COOKIE_NAME"].startswith("__Host-")
    assert got["CSRF_COOKIE_NAME"].startswith("__Host-")
    assert got["SESSION_COOKIE_SAMESITE"] == got["CSRF_COOKIE_SAMESITE"] == "Lax"
    assert got["SESSION_COOKIE_HTTPONLY"]
    assert got["CSRF_COOKIE_HTTPONLY"]
    assert got["SECURE_HSTS_INCLUDE_SUBDOMAINS"]
    assert got["SECURE_SSL_REDIRECT"]
    assert got["SECURE_HSTS_SECONDS"] >= 31_536_000
    assert got["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_FORWARDED_PROTO", "https"]
    assert got["CSRF_TRUSTED_ORIGINS"] == ["https://attestry.example"]
    assert "CompressedManifest" in got["STORAGES"]["staticfiles"]["BACKEND"]
    assert got["STORAGES"]["evidence"]["BACKEND"] == "storages.backends.s3.S3Storage"
    assert got["ALLAUTH_TRUSTED_PROXY_COUNT"] == 1


def test_a_proxy_nobody_announced_is_not_believed() -> None:
    done = read(PRODUCTION | {"TRUSTED_PROXY_COUNT": ""}, "SECURE_PROXY_SSL_HEADER")
    assert "has no attribute 'SECURE_PROXY_SSL_HEADER'" in done.stderr


def test_development_needs_nothing(tmp_path: Path) -> None:
    got = values({"ATTESTRY_HOME": str(tmp_path / "h")}, "DEBUG", "ATTESTRY_HOME", "DATABASES", "CELERY_BROKER_URL")
    assert got["DEBUG"] is True
    assert got["DATABASES"]["default"]["ENGINE"] == "django.db.backends.postgresql"
    assert got["CELERY_BROKER_URL"].startswith("redis+socket://")
    assert not (tmp_path / "h").exists(), "reading the settings must not start or write anything"


def test_a_task_may_never_outlive_the_visibility_timeout() -> None:
    assert broker_waits_longer_than_a_task_may_run(None) == []
    with override_settings(CELERY_TASK_TIME_LIMIT=900):
        found = broker_waits_longer_than_a_task_may_run(None)
    assert [error.id for error in found] == ["config.E001"]
    assert settings.CELERY_TASK_SOFT_TIME_LIMIT < settings.CELERY_TASK_TIME_LIMIT


def test_system_checks_are_clean() -> None:
    assert run_checks() == []


def test_every_answer_carries_the_strict_policy(client: Client, db: None) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    policy = {part.split()[0]: part.split()[1:] for part in answer["Content-Security-Policy"].split(";")}
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == ["'self'"]
    assert policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    for address in ("/healthz", "/nowhere", "/", "/verify/", "/account/login/"):
        assert client.get(address)["Cross-Origin-Resource-Policy"] == "same-origin"
        assert client.post(address, {"login": "x"})["Cross-Origin-Resource-Policy"] == "same-origin"
