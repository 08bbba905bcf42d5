"""Timestamps of a third party over checkpoints: asked for, checked, told; and missed when the third party fails."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from audit import checkpoints, tasks, timestamps
from audit.export import verifiable
from audit.models import Chain
from audit.trail import action, record
from audit.verification import verify
from config import doctor
from config.celery import app
from tests.audit.authority import Authority, serving
from tests.audit.test_proof import check

pytestmark = pytest.mark.django_db

COUNTED = action("trial.counted", "counted")


@pytest.fixture
def authority(settings: Settings, tmp_path: Path) -> Iterator[Authority]:
    with serving(tmp_path / "tsa") as (made, url):
        settings.TIMESTAMP_URL, settings.TIMESTAMP_CA = url, str(made.root)
        yield made


def sign() -> None:
    record(COUNTED, by=None)
    tasks.checkpoint()
    tasks.timestamp()


def kept() -> Path:
    return checkpoints.settings.AUDIT_CHECKPOINTS.with_suffix(".timestamps.jsonl")


def test_each_checkpoint_gets_one_and_the_command_tells(
    authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    sign()
    tasks.timestamp()
    sign()
    assert authority.asked == 2
    assert kept().stat().st_mode & 0o777 == 0o600
    assert [one.number for one in timestamps.read()] == [1, 2]
    verdict = verify()
    assert verdict.faults == []
    assert (verdict.stamped, verdict.stamped_to) == (2, 2)
    newest = checkpoints.latest()
    assert newest is not None
    assert verdict.stamped_at is not None
    assert abs((verdict.stamped_at - newest.at).total_seconds()) < 60
    call_command("verify_audit", strict=True)
    assert "2 timestamps of a third party verified, the last over checkpoint 2" in capsys.readouterr().out


@pytest.mark.parametrize("mood", ["down", "junk", "endless", "other"])
def test_an_authority_that_fails_holds_nothing_up_and_is_asked_again(authority: Authority, mood: str) -> None:
    """ "other": a right timestamp, over something else."""
    sign()
    authority.mood = mood
    sign()
    assert len(list(checkpoints.read())) == 2
    assert [one.number for one in timestamps.read()] == [1]
    finding = doctor.timestamp_authority()
    assert not finding.found
    assert finding.essential
    authority.mood = "well"
    tasks.timestamp()
    assert [one.number for one in timestamps.read()] == [1, 2]
    assert doctor.timestamp_authority().found
    assert verify().faults == []


def test_one_that_nobody_serves(settings: Settings, tmp_path: Path) -> None:
    settings.TIMESTAMP_URL, settings.TIMESTAMP_CA = "http://127.0.0.1:1/", str(tmp_path / "none.pem")
    sign()
    assert len(list(checkpoints.read())) == 1
    assert "does not answer" in doctor.timestamp_authority().detail


def test_without_one_nothing_is_asked(settings: Settings) -> None:
    settings.TIMESTAMP_URL = ""
    sign()
    assert not kept().exists()
    assert not doctor.timestamp_authority().essential
    assert app.conf.beat_schedule["timestamp"]["schedule"] == timestamps.EVERY_SECONDS
    assert app.conf.beat_schedule["timestamp"]["task"] == tasks.timestamp.name


def test_another_authoritys_signature_does_not_count(
    authority: Authority, settings: Settings, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    settings.TIMESTAMP_CA = str(other.root)
    sign()
    assert list(timestamps.read()) == []
    settings.TIMESTAMP_CA = str(authority.root)
    tasks.timestamp()
    settings.TIMESTAMP_CA = str(other.root)
    (fault,) = verify().faults
    assert str(fault).startswith("timestamps number 1: does not hold")
    settings.TIMESTAMP_CA = ""
    assert (verify().faults, verify().unchecked, verify().stamped) == ([], 1, 0)


def swap(lines: list[dict[str, Any]]) -> None:
    lines[0]["response"], lines[1]["response"] = lines[1]["response"], lines[0]["response"]


def move(lines: list[dict[str, Any]]) -> None:
    lines[0]["number"] = 2


def invent(lines: list[dict[str, Any]]) -> None:
    lines[1]["number"] = 7


def spoil(lines: list[dict[str, Any]]) -> None:
    lines[1]["response"] = "?"


@pytest.mark.parametrize(
    ("alter", "number", "words"),
    [
        (swap, 1, "Mismatch"),
        (move, 2, "is over another checkpoint"),
        (invent, 7, "a checkpoint that is missing"),
        (spoil, 2, "cannot be read"),
    ],
)
def test_altered_timestamps_are_found(
    authority: Authority, alter: Callable[[list[dict[str, Any]]], None], number: int, words: str
) -> None:
    sign()
    sign()
    lines = [json.loads(line) for line in kept().read_text().splitlines()]
    alter(lines)
    kept().write_text("".join(json.dumps(line) + "\n" for line in lines))
    (fault,) = verify().faults
    assert (fault.chain, fault.seq) == ("timestamps", number)
    assert words in fault.reason
    with pytest.raises(CommandError):
        call_command("verify_audit")


def test_an_outsider_sees_them_and_openssl_agrees(authority: Authority, tmp_path: Path) -> None:
    for _ in range(3):
        sign()
    content = "".join(verifiable(list(Chain.objects.values_list("key", flat=True))))
    done = check(content, tmp_path, "--timestamps", "stamps")
    assert done.returncode == 0, done.stderr
    assert "3 timestamps are over these checkpoints" in done.stdout
    command = re.search(r"openssl ts -verify -in (\S+) -digest (\w+)", done.stdout)
    assert command is not None
    verified = subprocess.run(
        ["openssl", "ts", "-verify", "-in", command[1], "-digest", command[2], "-CAfile", authority.root],
        cwd=tmp_path / "elsewhere",
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert "Verification: OK" in verified.stdout, verified.stderr
    lines = [json.loads(line) for line in content.splitlines()]
    marked = [line for line in lines if "timestamp" in line]
    marked[0]["timestamp"], marked[1]["timestamp"] = marked[1]["timestamp"], marked[0]["timestamp"]
    altered = check("".join(json.dumps(line) + "\n" for line in lines), tmp_path)
    assert altered.returncode == 1
    assert "its timestamp is over something else" in altered.stderr
    marked[0]["timestamp"] = marked[0]["timestamp"][:100]
    spoiled = check("".join(json.dumps(line) + "\n" for line in lines), tmp_path)
    assert "its timestamp cannot be read" in spoiled.stderr


def test_a_stamp_speaks_for_what_was_unmoved_at_it(authority: Authority, tmp_path: Path) -> None:
    """The export of a chain bears the first timestamp after each of its moves, whatever moved then."""
    from_start = action("trial.other", "did other things")
    record(from_start, by=None)
    tasks.checkpoint()
    sign()
    lines = [json.loads(line) for line in verifiable(["installation"])]
    assert ["timestamp" in line for line in lines if line["kind"] == "checkpoint"] == [False, True]
