"""Two people record on one sheet at the same time: nothing is lost, nothing doubled, nobody waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts.models import User
from audit.context import act_for_everybody
from audit.models import Event
from fieldwork import signing, testing
from fieldwork.models import ControlTest, ItemResult, SheetItem
from tests import factories as f
from tests.fieldwork import makers as m

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def at_once(*acts: Callable[[], object]) -> list[Exception]:
    """Run the acts in threads of their own, let go together; returns what they raised."""
    ready = threading.Barrier(len(acts))
    raised: list[Exception] = []

    def run(act: Callable[[], object]) -> None:
        act_for_everybody()
        try:
            ready.wait(timeout=20)
            act()
        except ValidationError as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    return raised


def column(test: ControlTest, letter: str, user: User) -> Callable[[], object]:
    def record() -> None:
        attribute = test.attributes.get(letter=letter)
        for item in SheetItem.objects.filter(test=test):
            testing.record_result(item, attribute, "p", by=user)

    return record


@pytest.mark.drill
def test_no_cell_is_lost() -> None:
    engagement = m.at_fieldwork()
    test = m.planned(engagement, items=[f"Item {number}" for number in range(8)], attributes=m.ATTRIBUTES[:2])
    who = f.people(engagement)
    for letter in "AB":
        testing.cite_for_attribute(
            test.attributes.get(letter=letter), m.evidence(engagement, name=f"{letter}.txt"), by=who["sana"]
        )
    assert not at_once(column(test, "A", who["sana"]), column(test, "B", who["milan"]))
    assert ItemResult.objects.filter(item__test=test).count() == 16
    assert Event.objects.filter(action="test.result_recorded").count() == 16


def test_a_cell_is_not_doubled_and_both_hands_are_in_the_trail() -> None:
    engagement = m.at_fieldwork()
    test = m.planned(engagement, items=["One"], attributes=m.ATTRIBUTES[:1])
    who = f.people(engagement)
    attribute = test.attributes.get()
    testing.cite_for_attribute(attribute, m.evidence(engagement), by=who["sana"])
    item = test.items.get()

    def mark(outcome: str, user: User) -> Callable[[], object]:
        return lambda: testing.record_result(item, attribute, outcome, None, "p. 1", "Late", by=user)

    assert not at_once(mark("p", who["sana"]), mark("d", who["milan"]))
    cell = ItemResult.objects.get()
    events = list(Event.objects.filter(action="test.result_recorded").order_by("pk"))
    assert len(events) == 2
    assert events[1].detail["old"] == events[0].detail["new"]
    assert cell.get_outcome_display().lower() in events[1].detail["new"]


def test_a_result_and_a_signature_do_not_pass_each_other() -> None:
    engagement = m.at_fieldwork()
    test = m.concluded(engagement)
    who = f.people(engagement)
    item = SheetItem.objects.get(test=test, position=1)
    attribute = test.attributes.get(letter="A")
    at_once(
        lambda: signing.sign(test, "prepared", by=who["sana"]),
        lambda: testing.record_result(item, attribute, "n", by=who["milan"]),
    )
    assert not signing.stale_sign_offs(engagement)
