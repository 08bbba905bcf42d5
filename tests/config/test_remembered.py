"""Worlds that are put back belong to their day: yesterday's confirmation may be too old for a report of today."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from tests import factories as f
from tests import remembered

pytestmark = pytest.mark.django_db


def again(maker: Callable[[], User]) -> User:
    """What the maker gives in a database where nobody is."""
    remembered.forget_standing()
    with transaction.atomic():
        made = maker()
        assert User.objects.get() == made
        transaction.set_rollback(True)
    return made


def test_a_world_is_built_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    @remembered.remembered
    def nina() -> User:
        built.append(timezone.localdate())
        return f.person("nina")

    today = timezone.localdate()
    assert again(nina) == again(nina)
    assert len(built) == 1
    monkeypatch.setattr(remembered.timezone, "localdate", lambda: today + dt.timedelta(days=1))
    again(nina)
    again(nina)
    assert built == [today, today + dt.timedelta(days=1)]


@pytest.mark.parametrize(
    ("now", "waits"), [("23:57:59", 0), ("23:58:00", 120), ("23:59:59.5", 0.5), ("00:00:00", 0), ("12:00:00", 0)]
)
def test_no_test_begins_just_before_midnight(now: str, waits: float) -> None:
    at = dt.datetime.fromisoformat(f"2026-11-23T{now}+00:00")
    assert remembered.until_the_day_is_new(at) == pytest.approx(waits)
