"""Checkpoints: signed, chained, kept apart, and altered nowhere without being found."""

from __future__ import annotations

import json
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from pytest_django import Settings

from audit import checkpoints, keys, tasks
from audit.checkpoints import Broken
from audit.context import act_for_everybody
from audit.models import Chain
from audit.trail import action, record
from audit.tree import path, root
from audit.verification import verify
from config.celery import app
from tests import factories as f
from tests.audit import tampering
from tests.audit.tampering import Tamperer, unprotected
from tests.audit.test_tampering import chains

pytestmark = pytest.mark.django_db

COUNTED = action("trial.counted", "counted")


def write(times: int = 1) -> None:
    for _ in range(times):
        record(COUNTED, by=None)
        checkpoints.write()


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines()


def test_each_stands_for_all_chains_and_for_the_one_before(checkpoints_file: Path) -> None:
    f.proposed()
    first = checkpoints.write()
    assert first is not None
    assert first.heads == {chain.key: (chain.seq, chain.head) for chain in Chain.objects.all()}
    assert checkpoints.write() is None  # nothing has moved
    record(COUNTED, by=None)
    second = checkpoints.write()
    assert second is not None
    assert second.statement["previous"] == first.sha256
    assert second.moved == {"installation"}
    assert [one.number for one in checkpoints.read()] == [1, 2]
    assert [one.heads for one in checkpoints.read()] == [first.heads, second.heads]
    assert len(lines(checkpoints_file)) == 2
    latest = checkpoints.latest()
    assert latest is not None
    assert latest.number == 2


def test_file_and_key_are_for_nobody_else(checkpoints_file: Path, settings: Settings) -> None:
    write()
    assert checkpoints_file.stat().st_mode & 0o777 == 0o600
    assert settings.AUDIT_KEY_FILE.stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(settings.AUDIT_KEY_FILE.read_text())) == 32
    made = settings.AUDIT_KEY_FILE.read_text()
    write()
    assert settings.AUDIT_KEY_FILE.read_text() == made
    assert [file.name for file in settings.AUDIT_KEY_FILE.parent.glob("audit.key*")] == ["audit.key"]


def test_the_key_of_the_environment_comes_first(settings: Settings) -> None:
    settings.AUDIT_KEY = bytes(range(32))
    write()
    (checkpoint,) = checkpoints.read()
    own = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key().public_bytes_raw()
    assert checkpoint.statement["key"] == keys.fingerprint(own)
    assert not settings.AUDIT_KEY_FILE.exists()


def test_a_changed_key_is_found_unless_the_former_one_is_known(settings: Settings) -> None:
    settings.AUDIT_KEY = bytes(range(32))
    write()
    former = keys.signing_key().public_key().public_bytes_raw().hex()
    settings.AUDIT_KEY = bytes(range(1, 33))
    write()
    (fault,) = verify().faults
    assert (fault.chain, fault.seq) == ("checkpoints", 1)
    assert "a key that is not ours" in fault.reason
    settings.AUDIT_FORMER_KEYS = [former]
    assert verify().faults == []


def change(number: int, alter: Callable[[dict[str, object]], None]) -> Callable[[list[str]], list[str]]:
    def changed(found: list[str]) -> list[str]:
        content = json.loads(found[number])
        alter(content)
        found[number] = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return found

    return changed


@pytest.mark.parametrize(
    ("alter", "number", "words"),
    [
        (lambda found: found[1:], 1, "is missing or out of order"),
        (lambda found: [found[0], *found[2:]], 2, "is missing or out of order"),
        (lambda found: [found[1], found[0], *found[2:]], 1, "is missing or out of order"),
        (lambda found: [*found[:2], "{}", *found[2:]], 3, "is not what was written"),
        (lambda found: [*found[:3], found[3][:-9]], 4, "is not what was written"),
        (change(1, lambda one: one["heads"].update(installation=[1, "0" * 64])), 2, "not those that were signed"),  # type: ignore[attr-defined]
        (change(2, lambda one: one["heads"].clear()), 3, "not those that were signed"),  # type: ignore[attr-defined]
        (change(1, lambda one: one["statement"].update(at="2001-01-01T00:00:00.000000Z")), 2, "dated before"),  # type: ignore[attr-defined]
        (change(3, lambda one: one["statement"].update(key="0" * 64)), 4, "a key that is not ours"),  # type: ignore[attr-defined]
        (change(3, lambda one: one.update(signature="0" * 128)), 4, "signature does not hold"),
        (change(3, lambda one: one["statement"].update(previous="0" * 64)), 4, "does not follow"),  # type: ignore[attr-defined]
    ],
)
def test_an_altered_file_is_found(
    checkpoints_file: Path, alter: Callable[[list[str]], list[str]], number: int, words: str
) -> None:
    write(4)
    checkpoints_file.write_text("".join(f"{line}\n" for line in alter(lines(checkpoints_file))))
    (fault,) = verify().faults
    assert (fault.chain, fault.seq) == ("checkpoints", number)
    assert words in fault.reason
    with pytest.raises(CommandError, match="do not verify"):
        call_command("verify_audit")


def test_nothing_is_added_to_a_file_that_was_altered(checkpoints_file: Path) -> None:
    write(2)
    checkpoints_file.write_text(checkpoints_file.read_text()[:-20])
    kept = checkpoints_file.read_bytes()
    record(COUNTED, by=None)
    with pytest.raises(Broken):
        checkpoints.write()
    with pytest.raises(CommandError, match="Nothing was added"):
        call_command("audit_checkpoint")
    assert checkpoints_file.read_bytes() == kept


def test_half_a_line_is_taken_back(checkpoints_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write()
    kept = checkpoints_file.read_bytes()
    real = os.write
    monkeypatch.setattr(checkpoints.os, "write", lambda descriptor, line: real(descriptor, line[:40]))
    record(COUNTED, by=None)
    with pytest.raises(OSError, match="disk full"):
        checkpoints.write()
    assert checkpoints_file.read_bytes() == kept


def test_the_clock_writes_them() -> None:
    entry = app.conf.beat_schedule["checkpoint"]
    assert entry["schedule"] == checkpoints.EVERY_SECONDS
    assert entry["task"] == tasks.checkpoint.name
    record(COUNTED, by=None)
    tasks.checkpoint()
    assert len(list(checkpoints.read())) == 1


def test_commands_say_how_far(capsys: pytest.CaptureFixture[str]) -> None:
    f.proposed()
    with pytest.raises(CommandError, match="no checkpoint"):
        call_command("verify_audit", strict=True)
    call_command("verify_audit")
    assert "There is no checkpoint" in capsys.readouterr().err
    call_command("audit_checkpoint")
    record(COUNTED, by=None)
    call_command("audit_checkpoint")
    record(COUNTED, by=None)
    call_command("verify_audit", strict=True)
    shown = capsys.readouterr().out
    assert "checkpoint 2 over" in shown
    assert "2 checkpoints verified" in shown
    assert "1 events are newer" in shown


def test_the_command_names_the_first_bad_event(capsys: pytest.CaptureFixture[str]) -> None:
    seen = chains()
    (chain,) = (key for key in seen if key.startswith("engagement"))
    with unprotected():
        tampering.run("UPDATE audit_event SET actor_name = E'x\\x1b[31m\\n' WHERE chain_id = %s AND seq = 5", chain)
    with pytest.raises(CommandError):
        call_command("verify_audit")
    assert f"{chain} event 5: was changed: its content does not match its hash" in capsys.readouterr().err


def test_names_of_chains_cannot_write_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    chains()
    with unprotected():
        tampering.run("INSERT INTO audit_chain (key, seq, head) VALUES (E'a\\x1b[2J\\nall is well', 9, '')")
    with pytest.raises(CommandError):
        call_command("verify_audit")
    shown = capsys.readouterr().err
    assert "\x1b" not in shown
    assert "\nall is well" not in shown


def test_the_tree_leads_from_every_leaf_to_the_root() -> None:
    for count in range(1, 12):
        heads = {f"engagement:{number}": (number, f"{number:064x}") for number in range(count)}
        for chain in heads:
            steps = path(heads, chain)
            assert len(steps) <= 4
            changed = heads | {chain: (heads[chain][0] + 1, heads[chain][1])}
            assert root(changed) != root(heads)
            assert path(changed, chain) == steps


@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_not_mix_their_lines() -> None:
    with transaction.atomic():
        record(COUNTED, by=None)

    def ten_times() -> None:
        act_for_everybody()
        for _ in range(10):
            checkpoints.write(always=True)
        connection.close()

    threads = [threading.Thread(target=ten_times) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.number for one in checkpoints.read()] == list(range(1, 41))


def test_a_rewritten_chain_is_found_by_checkpoints_alone(checkpoints_file: Path) -> None:
    seen = chains()
    with unprotected():
        tamperer = Tamperer("installation", seen["installation"], random.Random(1))
        tamperer.rewrite()
    assert [fault.chain for fault in verify().faults] == ["installation"]
    checkpoints_file.unlink()
    assert verify().faults == []  # which is why they are kept, and copied, elsewhere
