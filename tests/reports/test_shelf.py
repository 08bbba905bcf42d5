"""What was laid out is kept for all workers, believed only with our own code, and forgotten after a month."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from celery import current_app
from django.utils import timezone
from kombu.exceptions import OperationalError
from pytest_django import Settings

from reports import storage
from reports.book import CONTENTS, book_of
from reports.rendering import key_of, typeset
from reports.shelf import Stored, help_out
from tests.reports import snapshots
from tests.reports.printing import PRESS, SHELF


def test_a_piece_is_found_by_its_name_and_engagement() -> None:
    Stored(901).put("one", b"laid out")
    assert Stored(901).get("one") == b"laid out"
    assert Stored(902).get("one") is None
    assert Stored(901).get("two") is None


@pytest.mark.parametrize("altered", [b"", b"x" * 80, b"\xff" * 80])
def test_a_piece_that_somebody_else_put_there_is_as_good_as_missing(altered: bytes) -> None:
    Stored(903).put("one", b"laid out")
    storage.keep_piece(903, "one", altered)
    assert Stored(903).get("one") is None


def test_a_piece_of_another_name_does_not_pass_for_it() -> None:
    Stored(904).put("one", b"laid out")
    kept = storage.piece_of(904, "one")
    assert kept is not None
    storage.keep_piece(904, "two", kept)
    assert Stored(904).get("two") is None


def test_a_part_is_claimed_once() -> None:
    assert Stored(905).claim("one")
    assert not Stored(905).claim("one")
    assert Stored(906).claim("one")


@pytest.mark.drill
def test_another_worker_lays_out_what_was_asked_for_and_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[object]] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args: asked.append([name, *args]))
    book = book_of(snapshots.type_1(), draft=None)
    here = Stored(907)
    missing = {key_of(book, chunk): chunk for chunk in book.chunks if chunk.name != CONTENTS}
    here.call_help(book, missing)
    ((name, engagement, work), *more) = asked
    assert (name, engagement) == ("reports.lay_out", 907)
    assert all(one == [name, engagement, work] for one in more)
    taken = next(iter(missing))
    assert here.claim(taken)
    assert help_out(907, str(work)) == len(missing) - 1
    assert [key for key in missing if here.get(key) is None] == [taken]
    assert help_out(907, str(work)) == 0
    assert typeset(book, SHELF, PRESS).pdf[:8] == b"%PDF-1.7"


def test_work_that_nobody_asked_for_is_not_done() -> None:
    storage.keep_piece(908, "work-x", b"0" * 64 + json.dumps({"book": {}, "missing": []}).encode())
    assert help_out(908, "work-x") == 0


def test_without_a_broker_the_asker_does_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr(current_app, "send_task", refuse)
    book = book_of(snapshots.type_1(), draft=None)
    missing = {key_of(book, chunk): chunk for chunk in book.chunks}
    Stored(909).call_help(book, missing)


def test_where_nothing_was_rendered_there_is_nothing_to_forget(settings: Settings, tmp_path: Path) -> None:
    backend = settings.STORAGES["reports"] | {"OPTIONS": {"location": str(tmp_path / "none")}}
    settings.STORAGES = settings.STORAGES | {"reports": backend}
    assert storage.forget_pieces(timezone.now()) == 0


def test_old_pieces_are_forgotten() -> None:
    Stored(910).put("one", b"laid out")
    assert storage.forget_pieces(timezone.now() - dt.timedelta(days=1)) == 0
    assert storage.forget_pieces(timezone.now() + dt.timedelta(seconds=5)) >= 1
    assert Stored(910).get("one") is None
