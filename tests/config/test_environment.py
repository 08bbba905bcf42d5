"""Variables and service URLs: read as meant, or refused in words that never show a secret."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import environment

HOME = Path("/home/attestry")


def test_without_urls_files_and_mail_stay_below_the_home() -> None:
    stores = environment.storages("", HOME)
    assert {store["OPTIONS"]["location"] for store in stores.values()} == {
        HOME / "storage/evidence",
        HOME / "storage/reports",
    }
    assert stores["evidence"]["OPTIONS"]["file_permissions_mode"] == 0o600
    assert environment.email("", HOME)["EMAIL_FILE_PATH"] == "/home/attestry/mail"


def test_storage_url() -> None:
    url = "s3://key%2F1:s%40cret@[::1]:8333/attestry?region=eu-west-1&secure=0"
    store = environment.storages(url, HOME)["reports"]
    assert store["BACKEND"] == "storages.backends.s3.S3Storage"
    options = store["OPTIONS"]
    assert options["bucket_name"] == "attestry"
    assert options["location"] == "reports"
    assert options["endpoint_url"] == "http://[::1]:8333"
    assert (options["access_key"], options["secret_key"]) == ("key/1", "s@cret")
    assert options["region_name"] == "eu-west-1"
    assert options["signature_version"] == "s3v4"
    assert options["file_overwrite"] is False


def test_storage_url_is_encrypted_unless_told_otherwise() -> None:
    store = environment.storages("s3://k:s@objects.example/b", HOME)["evidence"]
    assert store["OPTIONS"]["endpoint_url"] == "https://objects.example"


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://mail.example", 587, True, False),
        ("smtps://mail.example", 465, False, True),
        ("smtp://mail.example:25?tls=0", 25, False, False),
    ],
)
def test_email_url(url: str, port: int, tls: bool, ssl: bool) -> None:
    settings = environment.email(url, HOME)
    assert settings["EMAIL_HOST"] == "mail.example"
    assert settings["EMAIL_PORT"] == port
    assert (settings["EMAIL_USE_TLS"], settings["EMAIL_USE_SSL"]) == (tls, ssl)


def test_email_url_with_an_address_as_user() -> None:
    settings = environment.email("smtp://me%40firm.example:p%3Aw@mail.example", HOME)
    assert (settings["EMAIL_HOST_USER"], settings["EMAIL_HOST_PASSWORD"]) == ("me@firm.example", "p:w")


@pytest.mark.parametrize(
    ("read", "url", "words"),
    [
        (environment.storages, "s3://k:hidden@host", "s3://key:secret@host:port/bucket"),
        (environment.storages, "s3://k:hidden@host/a/b", "s3://key:secret@host:port/bucket"),
        (environment.storages, "gs://k:hidden@host/b", "must begin with s3://"),
        (environment.storages, "s3://k:hidden@host:port/b", "STORAGE_URL is not a valid URL"),
        (environment.storages, "s3://k:hidden@host/b?secure=maybe", "secure must be 0 or 1"),
        (environment.email, "smtp://u:hidden@", "smtp://user:password@host:587"),
        (environment.email, "http://u:hidden@host", "must begin with console or smtp or smtps"),
        (environment.email, "smtp://u:hidden@[::1", "EMAIL_URL is not a valid URL"),
    ],
)
def test_wrong_urls_are_refused_without_showing_their_secret(read, url: str, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ImproperlyConfigured, match=words) as refusal:
        read(url, HOME)
    assert "hidden" not in str(refusal.value)


def test_typed_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBER", "12")
    monkeypatch.setenv("FLAG", "Yes")
    monkeypatch.setenv("LIST", "a, b,,c ")
    assert environment.integer("NUMBER", 1) == 12
    assert environment.integer("UNSET", 1) == 1
    assert environment.boolean("FLAG", default=False) is True
    assert environment.words("LIST") == ["a", "b", "c"]


def test_wrong_variables_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WRONG", "perhaps")
    with pytest.raises(ImproperlyConfigured, match="WRONG must be a whole number"):
        environment.integer("WRONG", 1)
    with pytest.raises(ImproperlyConfigured, match="WRONG must be yes or no"):
        environment.boolean("WRONG", default=False)
    with pytest.raises(ImproperlyConfigured, match="WRONG must be one of a, b"):
        environment.choice("WRONG", ("a", "b"), "a")
    with pytest.raises(ImproperlyConfigured, match="Production needs these variables to be set: UNSET, UNSET_TOO"):
        environment.required(["WRONG", "UNSET", "UNSET_TOO"], "Production")
