"""What people, tokens and strangers may ask for in a time: a script gone wrong is held back, work is not."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import get_resolver, reverse

from accounts import limits
from audit.models import Event
from config import environment
from tests import factories as f
from tests.accounts.makers import a_token
from tests.permissions.table import PUBLIC, TABLE
from tests.permissions.test_table import routes


@pytest.fixture
def allow(settings: Any) -> Any:
    def allow(**rates: str) -> None:
        settings.LIMITS = {**dict.fromkeys(configured.USUAL_LIMITS, ""), **rates}

    return allow


@pytest.mark.django_db
def test_a_person_is_held_back_and_told_when_to_go_on(client: Client, allow: Any) -> None:
    allow(requests="3/m")
    engagement = f.staffed()
    client.force_login(engagement.created_by)
    page = reverse("home")
    assert [client.get(page).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = client.get(page)
    assert 50 <= int(refused["Retry-After"]) <= 60
    assert f"Wait {refused['Retry-After']} seconds" in refused.content.decode()
    told = Event.objects.get(action="refused.limit")
    assert (told.actor, told.detail["asked"], told.firm_id) == (
        engagement.created_by,
        "requests",
        engagement.firm_id,
    )
    other = Client()
    other.force_login(f.person("sana"))
    assert other.get(page).status_code == 200, "it is the person who is counted, not the network"
    again = Client()
    again.force_login(engagement.created_by)
    assert again.get(page).status_code == 429, "nor the session"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("headers", "kind", "key"),
    [
        ({"Accept": "application/json"}, "application/json", "error"),
        ({"HX-Request": "true"}, "text/plain", ""),
        ({"Tus-Resumable": "1.0.0"}, "text/plain", ""),
    ],
)
def test_scripts_are_told_in_their_own_way(
    client: Client, allow: Any, headers: dict[str, str], kind: str, key: str
) -> None:
    allow(searches="1/m")
    f.staffed()
    client.force_login(f.person("petra"))
    client.get(reverse("palette"), {"q": "a"})
    refused = client.get(reverse("palette"), {"q": "a"}, headers=headers)
    assert (refused.status_code, refused["Content-Type"].partition(";")[0]) == (429, kind)
    assert "Retry-After" in refused
    if key:
        assert "Wait" in refused.json()[key]
    assert client.get(reverse("home")).status_code == 200


@pytest.mark.django_db
def test_each_token_is_counted_for_itself(allow: Any) -> None:
    allow(requests="2/m")
    engagement = f.staffed()
    _, secret = a_token(engagement.created_by)
    _, other = a_token(engagement.created_by)

    def ask(one: str) -> Any:
        return Client().get(reverse("api:engagements"), headers={"Authorization": f"Bearer {one}"})

    assert [ask(secret).status_code for _ in range(3)] == [200, 200, 429]
    refused = ask(secret)
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["status"] == 429
    assert ask(other).status_code == 200
    person = Client()
    person.force_login(engagement.created_by)
    assert person.get(reverse("home")).status_code == 200


@pytest.mark.django_db
def test_only_what_is_sent_counts_where_acts_are_limited(client: Client, allow: Any) -> None:
    allow(mails="1/m")
    engagement = f.staffed()
    client.force_login(engagement.created_by)
    page, url = (
        reverse("engagements:team", args=[engagement.pk]),
        reverse("engagements:team_invite", args=[engagement.pk]),
    )
    assert [client.get(page).status_code for _ in range(3)] == [200] * 3
    assert client.post(url, {}).status_code != 429
    assert client.post(url, {}).status_code == 429


@pytest.mark.django_db
def test_strangers_are_counted_by_their_network(allow: Any) -> None:
    allow(strangers="2/m")
    url = reverse("accounts:invitation", args=["unknown"])
    assert [Client().get(url).status_code for _ in range(3)] == [410, 410, 429]
    assert f'href="{url}">Try again' in Client().get(url).content.decode()
    assert Client(REMOTE_ADDR="203.0.113.7").get(url).status_code == 410
    assert not Event.objects.filter(action="refused.limit").exists(), "of strangers there is the log"


@pytest.mark.django_db
def test_of_several_rates_all_hold(client: Client, allow: Any) -> None:
    allow(exports="5/m,2/h")
    engagement = f.staffed()
    client.force_login(engagement.created_by)
    url = reverse("engagements:activity_export", args=[engagement.pk, "csv"])
    assert [client.get(url).status_code for _ in range(3)] == [200, 200, 429]
    assert int(client.get(url)["Retry-After"]) > 3500


def test_the_limits_are_of_routes_that_exist() -> None:
    known = set(routes(get_resolver()))
    limited = {name for names in configured.LIMITED.values() for name in names}
    assert limited <= known
    assert set(configured.LIMITED) | {limits.EVERYTHING} == set(configured.USUAL_LIMITS)


def test_every_page_of_ours_for_strangers_is_counted() -> None:
    limited = {name for names in configured.LIMITED.values() for name in names}
    # A file that never changes, and the end of a session.
    free = {"reports:schema", "distribution:leave"}
    ours = {row.name for row in TABLE.values() if ":" in row.name and PUBLIC in (row.get, row.post)}
    assert len(ours) > 10
    assert ours - limited == free


def test_a_day_of_fast_work_never_runs_into_them() -> None:
    """More than a person can do: a mark on a test sheet every 300 ms, a page a second, a page that asks four
    times a second how a rendering goes, a search with every letter; a draft a minute, a download every second."""
    usual = {name: limits.ratelimit.parse_rates(rates.replace(",", "/key,") + "/key") for name, rates in USUAL}
    day = 8 * 3600
    marks = [at * 0.3 for at in range(int(day / 0.3))]
    pages, polls = [float(at) for at in range(day)], [at * 0.25 + 0.125 for at in range(4 * day)]
    letters = [at * 0.25 for at in range(4 * 3600)]
    work = {
        "requests": sorted([*marks, *pages, *polls]),
        "searches": letters,
        "downloads": [at * 2.5 for at in range(int(day / 2.5))],
        "renderings": [at * 60.0 for at in range(day // 60)],
        "exports": [at * 20.0 for at in range(day // 20)],
        "listings": [at * 2.0 for at in range(day // 2)],
    }
    for name, moments in work.items():
        for rate in usual[name]:
            for first, beyond in zip(moments, moments[rate.amount :], strict=False):
                assert beyond - first >= rate.duration, f"{name}: {rate}"
    assert all(a <= b for a, b in pairwise(work["requests"]))


USUAL = list(configured.USUAL_LIMITS.items())


@pytest.mark.parametrize("text", ["pages=3/m", "requests=3", "requests=", "requests=many/m", "requests=0/m"])
def test_a_limit_that_cannot_be_read_stops_the_start(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("LIMITS", text)
    with pytest.raises(ImproperlyConfigured):
        environment.limits("LIMITS", configured.USUAL_LIMITS)


def test_limits_are_named_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMITS", "exports=60/m, 600/h; requests=off")
    found = environment.limits("LIMITS", configured.USUAL_LIMITS)
    assert (found["exports"], found["requests"]) == ("60/m,600/h", "")
    assert found["downloads"] == configured.USUAL_LIMITS["downloads"]
