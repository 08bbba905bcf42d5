"""The trail in files: what is a formula or a command to others stays a text."""

from __future__ import annotations

import csv
import io
import json
import logging

import pytest
import structlog
from pytest_django import Settings

from audit.export import COLUMNS, OCSF_VERSION, json_lines, ocsf, spreadsheet
from audit.models import Event
from audit.text import cell, plain
from audit.trail import action, record
from config.logs import logging_config
from tests import factories as f

pytestmark = pytest.mark.django_db

NAMED = action("trial.changed", "changed {text}")
ACTED = action("trial.weighed", "weighed {target}")
EVIL = "x\r\n2026-11-23 [info] all is well\x1b[31m\x07\x00\x9b2J\u202egpj.exe\u2028end".replace("\x00", "")


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "－1", '=HYPERLINK("http://x")']
)
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text).startswith("'")


@pytest.mark.parametrize("text", ["", "plain", "a=1", "2026-01-01", "'quoted", "1,5"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert cell(text) == text


def test_plain_shows_what_acts() -> None:
    shown = plain(EVIL)
    assert shown == "x\\r\\n2026-11-23 [info] all is well\\x1b[31m\\x07\\x9b2J\\u202egpj.exe\\u2028end"
    assert plain("Zoë Ålander, 漢字 – “x”") == "Zoë Ålander, 漢字 – “x”"


def events() -> list[Event]:
    engagement = f.proposed()
    engagement.system_name = EVIL
    record(NAMED, by=engagement.created_by, engagement=engagement, target=engagement, text=EVIL)
    record(ACTED, by=None, engagement=engagement, text="=cmd|'/c calc'!A1")
    return list(Event.objects.of_engagement(engagement.pk).order_by("seq"))


def test_csv_has_one_row_for_each_event() -> None:
    found = events()
    content = spreadsheet(found, lambda event: str(event.detail.get("text", "")))
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(found) + 1
    assert rows[-1][3] == "'=cmd|'/c calc'!A1"
    for row in rows:
        assert not any(control in value for value in row for control in "\r\n\x1b\x9b\u202e\u2028")
        assert not any(value.startswith(("=", "+", "-", "@")) for value in row)
    assert rows[1][-1] == found[0].hash


def test_json_lines_have_one_line_for_each_event() -> None:
    found = events()
    text = json_lines(found, lambda event: str(event.detail.get("text", "")), sequence="seq")
    assert text.isascii()
    assert not {character for character in text if ord(character) < 32} - {"\n"}
    assert len(text.splitlines()) == len(found)
    last = json.loads(text.splitlines()[-2])
    assert last["message"] == EVIL
    assert last["unmapped"]["detail"]["text"] == EVIL


def test_the_shape_is_that_of_ocsf() -> None:
    *_, changed, weighed = events()
    found = ocsf(changed, "changed it", sequence=changed.seq)
    assert found["metadata"]["version"] == OCSF_VERSION == "1.3.0"
    assert (found["class_uid"], found["category_uid"], found["activity_id"], found["type_uid"]) == (
        3004,
        3,
        3,
        300403,
    )
    assert found["actor"] == {
        "user": {"uid": str(changed.actor_id), "name": changed.actor_name, "type_id": 1},
    }
    assert found["entity"]["type"] == "engagements.engagement"
    assert found["time"] == int(changed.at.timestamp() * 1000)
    assert found["metadata"]["uid"] == changed.hash
    other = ocsf(weighed, "weighed it", sequence=weighed.seq)
    assert (other["activity_id"], other["activity_name"], other["type_uid"]) == (99, "trial.weighed", 300499)
    assert other["actor"] == {"app_name": "Attestry"}
    assert other["entity"] == {"type": "audit chain", "uid": weighed.chain_id}
    for one in (found, other):
        assert {
            "activity_id",
            "category_uid",
            "class_uid",
            "metadata",
            "severity_id",
            "time",
            "type_uid",
            "entity",
        } <= set(one)


@pytest.mark.parametrize("as_json", [True, False])
def test_logs_show_what_acts_too(as_json: bool, settings: Settings) -> None:
    configured = structlog.get_config()
    formatter = logging_config(json=as_json, level="INFO")["formatters"]["structured"]
    structlog.configure(**configured)
    made = structlog.stdlib.ProcessorFormatter(
        processors=formatter["processors"], foreign_pre_chain=formatter["foreign_pre_chain"]
    )
    line = logging.makeLogRecord({"msg": {"event": "reader_refused", "name": EVIL}, "levelname": "INFO"})
    line._name, line._from_structlog = "test", True
    line._logger = None
    shown = made.format(line)
    assert not any(control in shown for control in "\r\n\x1b\x9b")
