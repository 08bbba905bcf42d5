"""Typed reading of environment variables and service URLs. A wrong value stops the start, in words."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

# What says which services and secrets are used.
SERVICES = (
    "DATABASE_URL",
    "OWNER_DATABASE_URL",
    "BROKER_URL",
    "STORAGE_URL",
    "EMAIL_URL",
    "SECRET_KEY",
    "SITE_URL",
)
ENVIRONMENTS = ("development", "test", "demo", "production")


def forget_services() -> None:
    """Before the settings are read: whoever runs on services of its own (tests, bench) looks at no others."""
    for name in SERVICES:
        os.environ.pop(name, None)


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def integer(name: str, default: int) -> int:
    value = text(name)
    if not value:
        return default
    try:
        return int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None


def boolean(name: str, default: bool) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be yes or no (1 or 0), not {value!r}.")


def words(name: str, default: str = "") -> list[str]:
    """A list separated by commas."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def choice(name: str, choices: tuple[str, ...], default: str) -> str:
    value = text(name, default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    return value


# Fewer different bytes or characters were typed and not drawn.
LEAST = 10


def seed(name: str) -> bytes:
    """A secret of 32 random bytes, written as 64 hexadecimal digits; empty without it."""
    value = text(name)
    try:
        secret = bytes.fromhex(value)
    except ValueError:
        secret = b"?"
    if value and (len(secret) != 32 or len(set(secret)) < LEAST):
        raise ImproperlyConfigured(f"{name} must be 64 hexadecimal digits: 32 random bytes.")
    return secret


RATE = re.compile(r"[1-9][0-9]*/[0-9]*[smhd]")


def limits(name: str, usual: dict[str, str]) -> dict[str, str]:
    """The usual limits with those that the variable names: `exports=60/m,600/h; requests=off`."""
    found = dict(usual)
    for part in filter(None, (one.strip() for one in text(name).split(";"))):
        which, _, rates = (one.strip() for one in part.partition("="))
        if which not in usual:
            raise ImproperlyConfigured(f"{name} knows {', '.join(usual)}, not {which!r}.")
        given = [] if rates == "off" else [one.strip() for one in rates.split(",")]
        if not all(RATE.fullmatch(one) for one in given):
            raise ImproperlyConfigured(f"{name}: write {which}=60/m, {which}=60/m,600/h or {which}=off.")
        found[which] = ",".join(given)
    return found


def storages(url: str, home: Path) -> dict[str, dict[str, Any]]:
    """The stores for evidence and reports: folders under `home`, or an S3 bucket when a URL is given.

    The URL reads s3://key:secret@host:port/bucket?region=eu-west-1&secure=1; `secure=0` speaks plain
    HTTP, for a store on the same private network.
    """
    if not url:
        return {
            name: {
                "BACKEND": "django.core.files.storage.FileSystemStorage",
                "OPTIONS": {
                    "location": home / "storage" / name,
                    "file_permissions_mode": 0o600,
                    "directory_permissions_mode": 0o700,
                },
            }
            for name in ("evidence", "reports")
        }
    parts = _split("STORAGE_URL", url, {"s3"})
    options = parse_qs(parts.query)
    bucket = parts.path.strip("/")
    if not (parts.hostname and bucket and "/" not in bucket):
        raise ImproperlyConfigured("STORAGE_URL must read s3://key:secret@host:port/bucket.")
    secure = _yes("STORAGE_URL", "secure", options, default=True)
    return {
        name: {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": bucket,
                "location": name,
                "endpoint_url": f"{'https' if secure else 'http'}://{_host(parts)}",
                "access_key": unquote(parts.username or ""),
                "secret_key": unquote(parts.password or ""),
                "region_name": options.get("region", ["us-east-1"])[0],
                "addressing_style": "path",
                # The library's default signs links in a way that several stores refuse.
                "signature_version": "s3v4",
                "file_overwrite": False,
                "default_acl": None,
                "querystring_expire": 60,
            },
        }
        for name in ("evidence", "reports")
    }


def email(url: str, home: Path) -> dict[str, Any]:
    """Django's EMAIL_* settings: files under `home` without a URL, an SMTP server with one.

    The URL reads smtp://user:password@host:587 (STARTTLS), smtps://user:password@host:465 (TLS from
    the first byte), smtp://host:25?tls=0 (neither), or console:// (print).
    """
    if not url:
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": str(home / "mail"),
        }
    parts = _split("EMAIL_URL", url, {"smtp", "smtps", "console"})
    if parts.scheme == "console":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    if not parts.hostname:
        raise ImproperlyConfigured("EMAIL_URL must read smtp://user:password@host:587.")
    secure = parts.scheme == "smtps"
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if secure else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": secure,
        "EMAIL_USE_TLS": not secure and _yes("EMAIL_URL", "tls", parse_qs(parts.query), default=True),
        "EMAIL_TIMEOUT": 20,
    }


def cache(environment: str, url: str) -> dict[str, Any]:
    """Django's cache in a server that speaks Redis, by its URL as for the broker; in memory for tests.

    Raises ImproperlyConfigured for another kind of server.
    """
    if environment == "test":
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    if url.startswith("redis+socket://"):
        parts = urlsplit(url)
        number = parse_qs(parts.query).get("virtual_host", ["0"])[0]
        url = f"unix://{parts.path}?db={number}"
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise ImproperlyConfigured("CACHE_URL must be set to redis://... where the broker is no Redis or Valkey.")
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": url,
        "KEY_PREFIX": "attestry",
    }


def required(names: list[str], purpose: str) -> None:
    """Refuses to go on while a variable of `names` is unset, and names every one that is."""
    missing = [name for name in names if not text(name)]
    if missing:
        raise ImproperlyConfigured(f"{purpose} needs these variables to be set: {', '.join(missing)}.")


def _split(name: str, url: str, schemes: set[str]) -> SplitResult:
    parts = _quietly(name, lambda: urlsplit(url))
    _quietly(name, lambda: parts.port)
    if parts.scheme not in schemes:
        raise ImproperlyConfigured(f"{name} must begin with {' or '.join(sorted(schemes))}://.")
    return parts


def _quietly(name: str, read: Callable[[], T]) -> T:
    """Never shows the URL itself: it holds a password."""
    try:
        return read()
    except ValueError:
        raise ImproperlyConfigured(f"{name} is not a valid URL.") from None


def _host(parts: SplitResult) -> str:
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else f"{parts.hostname}"
    return f"{host}:{parts.port}" if parts.port else host


def _yes(name: str, option: str, options: dict[str, list[str]], *, default: bool) -> bool:
    value = options.get(option, ["1" if default else "0"])[0]
    if value not in {"0", "1"}:
        raise ImproperlyConfigured(f"{name}: {option} must be 0 or 1.")
    return value == "1"
