"""An outsider with the export and one file finds out whether anything was altered."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import checkpoints, verify_trail
from audit.export import verifiable
from audit.keys import fingerprint, signing_key
from audit.models import Chain
from audit.trail import action, record
from audit.verify_trail import signed
from tests.audit.tampering import Tamperer, unprotected
from tests.audit.test_tampering import chains

pytestmark = pytest.mark.django_db

SCRIPT = Path(verify_trail.__file__)
ODD = action("trial.odd", "did odd things to {target}")
Lines = list[dict[str, Any]]


def check(content: str, tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The script on its own: no site packages, no environment, another folder."""
    alone = tmp_path / "elsewhere"
    alone.mkdir(exist_ok=True)
    (alone / "verify.py").write_bytes(SCRIPT.read_bytes())
    (alone / "trail.jsonl").write_text(content, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-I", "-S", "verify.py", "trail.jsonl", *options],
        cwd=alone,
        env={},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def exported(*keys: str) -> str:
    return "".join(verifiable(keys or list(Chain.objects.values_list("key", flat=True))))


@pytest.fixture
def content() -> str:
    """The export of an engagement, of its firm and of the installation; with texts that are hard to write down."""
    seen = chains()
    record(ODD, by=None, text='“q” "\\ \n\t\x7f\u2028 漢 \U0001f512', numbers=[1.50, 10**20, -0.25, None, True])
    checkpoints.write()
    assert len(seen) == 3
    return exported()


def test_it_holds(content: str, tmp_path: Path) -> None:
    done = check(content, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "4 checkpoints hold" in done.stdout
    for chain in Chain.objects.all():
        assert (
            f"{chain.key}: {chain.seq} events hold together; checkpoints cover the first {chain.seq}" in done.stdout
        )
    own = fingerprint(signing_key().public_key().public_bytes_raw())
    assert f"signed with {own}: compare" in done.stdout
    assert check(content, tmp_path, "--key", own).returncode == 0
    assert "another key" in check(content, tmp_path, "--key", "0" * 64).stderr
    assert content.isascii()


def test_an_export_of_one_chain_tells_nothing_of_others(content: str, tmp_path: Path) -> None:
    (chain,) = Chain.objects.filter(key__startswith="engagement")
    others = Chain.objects.exclude(key=chain.key)
    one = exported(chain.key)
    done = check(one, tmp_path)
    assert done.returncode == 0, done.stderr
    for other in others:
        assert other.key not in one
        assert other.head not in one


def test_what_is_newer_than_the_last_checkpoint_is_said(content: str, tmp_path: Path) -> None:
    record(ODD, by=None)
    done = check(exported(), tmp_path)
    assert done.returncode == 0
    chain = Chain.objects.get(key="installation")
    assert (
        f"installation: {chain.seq} events hold together; checkpoints cover the first {chain.seq - 1}"
        in done.stdout
    )


def test_without_checkpoints_nothing_is_proved(checkpoints_file: Path, content: str, tmp_path: Path) -> None:
    checkpoints_file.unlink()
    done = check(exported(), tmp_path)
    assert done.returncode == 1
    assert "no checkpoint" in done.stderr


def first(found: Lines, kind: str, at: int = 0) -> dict[str, Any]:
    return [line for line in found if line["kind"] == kind][at]


def edit(found: Lines) -> None:
    first(found, "event", 2)["fields"]["actor_name"] = "Somebody"


def forget(found: Lines) -> None:
    found.remove(first(found, "event", 2))


def swap(found: Lines) -> None:
    found[2], found[3] = found[3], found[2]


def cut(found: Lines) -> None:
    chain = found[1]["fields"]["chain"]
    last = [line for line in found if line["kind"] == "event" and line["fields"]["chain"] == chain][-1]
    found.remove(last)
    found[0]["chains"][chain] = {"seq": int(last["fields"]["seq"]) - 1, "hash": last["fields"]["previous"]}


def sign_anew(found: Lines) -> None:
    """Somebody else's key, and that key put into the file."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    found[0]["keys"] = [public.hex()]
    for line in found:
        if line["kind"] == "checkpoint":
            line["statement"]["key"] = fingerprint(public)
            line["signature"] = key.sign(verify_trail.canonical(line["statement"])).hex()


def other_root(found: Lines) -> None:
    first(found, "checkpoint")["statement"]["root"] = "0" * 64


def other_path(found: Lines) -> None:
    first(found, "checkpoint")["heads"][0]["path"][0][1] = "0" * 64


def reorder_checkpoints(found: Lines) -> None:
    found[-1], found[-2] = found[-2], found[-1]


def forget_checkpoint_header(found: Lines) -> None:
    del found[0]


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (edit, "event 3 was changed"),
        (forget, "event 3 is missing or out of order: 4 stands there"),
        (swap, "is missing or out of order"),
        (cut, "the tail was cut off"),
        (sign_anew, "does not follow from the checkpoint before it"),
        (other_root, "its signature does not hold"),
        (other_path, "is not among those that were signed"),
        (reorder_checkpoints, "is out of order"),
        (forget_checkpoint_header, "of which the export does not speak"),
    ],
)
def test_an_altered_export_is_found(
    content: str, tmp_path: Path, alter: Callable[[Lines], None], words: str
) -> None:
    found: Lines = [json.loads(line) for line in content.splitlines()]
    alter(found)
    own = fingerprint(signing_key().public_key().public_bytes_raw())
    options = [] if alter is not sign_anew else ["--key", own]
    done = check("".join(json.dumps(line) + "\n" for line in found), tmp_path, *options)
    assert done.returncode == 1
    assert (words if alter is not sign_anew else "signed with another key") in done.stderr


@pytest.mark.parametrize("act", [Tamperer.rewrite, Tamperer.cut, Tamperer.back_date])
def test_what_the_owner_of_the_database_rewrote_is_found(
    content: str, tmp_path: Path, act: Callable[[Tamperer], None]
) -> None:
    chain = Chain.objects.get(key="installation")
    with unprotected():
        act(Tamperer("installation", chain.seq, random.Random(3)))
    done = check(exported(), tmp_path)
    assert done.returncode == 1
    assert ("back-dated" if act is Tamperer.back_date else "checkpoint 1") in done.stderr


@pytest.mark.parametrize("junk", ["", "{}\n", "[]\n", "\x1b[2Jno json\n", '{"kind": "trail", "format": "other"}\n'])
def test_other_files_are_refused_in_words(tmp_path: Path, junk: str) -> None:
    done = check(junk, tmp_path)
    assert done.returncode == 1
    assert done.stderr
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr


def test_signatures_are_those_of_everybody_else() -> None:
    """Against the library, and the third test of RFC 8032, 7.1."""
    public = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
    signature = bytes.fromhex(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    )
    assert signed(public, bytes.fromhex("af82"), signature)
    assert not signed(public, bytes.fromhex("af83"), signature)
    chance = random.Random(8032)
    for size in range(20):
        key = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
        public, message = key.public_key().public_bytes_raw(), chance.randbytes(size * 7)
        signature = key.sign(message)
        assert signed(public, message, signature)
        place = chance.randrange(64)
        wrong = signature[:place] + bytes([signature[place] ^ 1 << chance.randrange(8)]) + signature[place + 1 :]
        assert not signed(public, message, wrong)
        assert not signed(public, message + b".", signature)
        # The same with the order of the curve added: another form of a right signature is none.
        again = int.from_bytes(signature[32:], "little") + verify_trail.ORDER
        assert not signed(public, message, signature[:32] + again.to_bytes(32, "little"))
    assert not signed(b"\xff" * 32, b"", bytes(64))
    assert not signed(bytes(32), b"", bytes(63))
