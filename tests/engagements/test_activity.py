"""The trail in pages and files: who sees what of it, narrowed how, and taken along how."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import FirmMember
from audit import checkpoints, verify_trail
from audit.models import Event
from audit.trail import action, record
from engagements import activity
from engagements.models import Engagement
from tests import factories as f
from tests.remembered import remembered

pytestmark = pytest.mark.django_db

HIDDEN = action("trial.hidden", "thought about {target}", firm_only=True)
DAYS = "since=0001-01-01&until=9999-12-31"
SHOWN = action("trial.shown", "spoke of {target}: {words}")


@pytest.fixture(autouse=True)
def own_checkpoints(settings: Settings, tmp_path: Path) -> None:
    settings.AUDIT_CHECKPOINTS = tmp_path / "checkpoints.jsonl"
    settings.AUDIT_KEY_FILE = tmp_path / "audit.key"


@pytest.fixture
@remembered
def engagement() -> Engagement:
    made = f.accepted()
    who = f.people(made)
    record(HIDDEN, by=who["milan"], engagement=made, target=made)
    record(SHOWN, by=who["carla"], engagement=made, target=who["owen"], words="=1+1\n\x1b[31mred\u202e")
    return made


def url(name: str, engagement: Engagement, *args: str, **query: object) -> str:
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    return reverse(f"engagements:{name}", args=[engagement.pk, *args]) + (f"?{asked}" if asked else "")


def as_(key: str, engagement: Engagement) -> Client:
    client = Client()
    client.force_login(f.people(engagement)[key])
    return client


def acts(client: Client, address: str) -> list[str]:
    answer = client.get(address)
    assert answer.status_code == 200
    pks = [line.id for line in answer.context["lines"]]
    return [Event.objects.get(pk=pk).action for pk in pks]


def test_it_is_narrowed_by_person_act_days_and_object(engagement: Engagement) -> None:
    milan, who = as_("milan", engagement), f.people(engagement)
    assert acts(milan, url("activity", engagement))[:2] == ["trial.shown", "trial.hidden"]
    assert acts(milan, url("activity", engagement, who=who["carla"].pk)) == ["trial.shown"]
    assert acts(milan, url("activity", engagement, act="trial.hidden")) == ["trial.hidden"]
    assert acts(milan, url("activity", engagement, q="owen", act="trial.shown")) == ["trial.shown"]
    assert acts(milan, url("activity", engagement, until="2020-01-01")) == []
    everything = Event.objects.of_engagement(engagement.pk).count()
    today = Event.objects.latest("pk").at.date().isoformat()
    assert len(acts(milan, url("activity", engagement, since=today, until=today))) == min(everything, 60)
    for junk in ("who=x", "since=yesterday", "act=%00", "before=-1", "q=" + "x" * 500, "before=" + "9" * 40, DAYS):
        assert milan.get(f"{url('activity', engagement)}?{junk}").status_code == 200


def test_the_client_meets_nothing_of_the_firms_work(engagement: Engagement) -> None:
    carla = as_("carla", engagement)
    page = carla.get(url("activity", engagement))
    assert b"thought about" not in page.content
    assert b"Trial: hidden" not in page.content
    assert b"Whole trail" not in page.content
    for form in ("csv", "jsonl"):
        content = carla.get(url("activity_export", engagement, form)).content.decode()
        assert "trial.shown" in content
        assert "trial.hidden" not in content
    assert carla.get(url("trail", engagement)).status_code == 403


def test_what_was_typed_never_acts(engagement: Engagement) -> None:
    milan = as_("milan", engagement)
    page = milan.get(url("activity", engagement)).content.decode()
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "=1+1 \\x1b[31mred\\u202e" in page
    rows = list(
        csv.reader(io.StringIO(milan.get(url("activity_export", engagement, "csv")).content.decode("utf-8-sig")))
    )
    (row,) = [row for row in rows if row[2] == "trial.shown"]
    assert row[3] == "spoke of Owen Pike: =1+1 \\x1b[31mred\\u202e"
    assert "Milan Finch" in [row[1] for row in rows]


def test_a_log_system_goes_on_from_its_cursor(engagement: Engagement, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "MOST", 5)
    milan = as_("milan", engagement)
    address: str | None = url("activity_export", engagement, "jsonl")
    found = []
    for _ in range(40):
        assert address is not None
        answer = milan.get(address)
        found += [json.loads(line) for line in answer.content.splitlines()]
        if "Link" not in answer:
            break
        address = answer["Link"].partition(">")[0].removeprefix("<")
        assert f"after={answer['X-Next-Cursor']}" in address
    numbers = [one["metadata"]["sequence"] for one in found]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) == Event.objects.of_engagement(engagement.pk).count()
    assert {one["class_uid"] for one in found} == {3004}
    # Taking it along was recorded, going on from a cursor was not.
    assert Event.objects.filter(action="trail.exported").count() == 1
    assert milan.get(url("activity_export", engagement, "xml")).status_code == 404


def test_the_whole_trail_verifies_without_attestry(engagement: Engagement, tmp_path: Path) -> None:
    milan = as_("milan", engagement)
    checkpoints.write()
    page = milan.get(url("activity", engagement)).content.decode()
    latest = checkpoints.latest()
    assert latest is not None
    assert latest.statement["key"] in page
    script = milan.get(reverse("engagements:trail_script"))
    assert script.content == Path(verify_trail.__file__).read_bytes()
    answer = milan.get(url("trail", engagement))
    assert answer["Content-Disposition"].startswith("attachment")
    (tmp_path / "verify_trail.py").write_bytes(script.content)
    (tmp_path / "trail.jsonl").write_bytes(answer.content)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify_trail.py", "trail.jsonl", "--key", latest.statement["key"]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"engagement:{engagement.pk}" in done.stdout


def test_a_trail_whose_checkpoints_do_not_hold_is_not_handed_out(
    engagement: Engagement, settings: Settings
) -> None:
    checkpoints.write()
    file = Path(settings.AUDIT_CHECKPOINTS)
    file.write_text(file.read_text().replace('"number":1', '"number":7'))
    answer = as_("milan", engagement).get(url("trail", engagement))
    assert answer.status_code == 409
    assert b"out of order" in answer.content


def test_the_firms_administrator_reads_all_of_the_firm_and_nothing_else(engagement: Engagement) -> None:
    other = f.proposed(a_client=f.client(name="Southgate Labs, Inc."), number="2026-0777")
    olga = f.partner_of(f.firm("Ostrom CPA"), "olga", "Olga Ostrom")
    foreign = f.proposed(a_client=f.client(f.firm("Ostrom CPA"), "Theirs"), partner=olga, number="2026-0778")
    address = reverse("engagements:firm_trail")
    page = as_("petra", engagement).get(address)
    assert {line.engagement_id for line in page.context["lines"]} <= {engagement.pk, other.pk, None}
    assert other.number in page.content.decode()
    assert foreign.number not in page.content.decode()
    lines = (
        as_("petra", engagement).get(reverse("engagements:firm_trail_export", args=["jsonl"])).content.splitlines()
    )
    chains = {json.loads(line)["metadata"]["log_name"] for line in lines}
    assert chains == {f"engagement:{engagement.pk}", f"engagement:{other.pk}", f"firm:{engagement.firm_id}"}
    whole = as_("petra", engagement).get(reverse("engagements:firm_trail_whole")).content.splitlines()
    assert set(json.loads(whole[0])["chains"]) == chains
    # One firm's administrator asks for the other's.
    assert as_("petra", engagement).get(f"{address}?firm={foreign.firm_id}").status_code == 404
    assert as_("milan", engagement).get(address).status_code == 403
    assert as_("carla", engagement).get(address).status_code == 404


def test_a_firms_cursor_stays_behind_what_may_still_come(engagement: Engagement) -> None:
    petra, address = as_("petra", engagement), reverse("engagements:firm_trail_export", args=["jsonl"])
    assert b"trial.shown" in petra.get(address).content
    assert b"trial.shown" not in petra.get(f"{address}?after=0").content, "it happened in the last minute"


def test_pages_of_many_events_stay_quick(engagement: Engagement, django_assert_max_num_queries: object) -> None:
    petra = as_("petra", engagement)
    assert FirmMember.objects.get(user=f.people(engagement)["petra"]).is_admin
    for _ in range(70):
        record(SHOWN, by=None, engagement=engagement, target=engagement, words="")
    with django_assert_max_num_queries(16):  # type: ignore[operator]
        assert len(petra.get(reverse("engagements:firm_trail")).context["rows"]) == 60
