"""What changed since a signature is said field by field; equal contents differ in nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.models import Event
from fieldwork import deviations, signing
from fieldwork.differences import Difference, differences
from fieldwork.models import SignOff
from fieldwork.signing import hash_of
from tests import factories as f
from tests.fieldwork import makers as m

words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)
contents = st.fixed_dictionaries(
    {
        "procedure": words,
        "result": st.sampled_from(["", "no_exceptions", "exceptions"]),
        "kinds": st.lists(st.sampled_from(["inquiry", "inspection"]), unique=True),
        "sample__size": st.none() | st.integers(1, 60),
        "attributes": st.lists(st.tuples(st.sampled_from("ABC"), words, words).map(list), max_size=3),
        "cells": st.lists(
            st.tuples(
                st.integers(1, 3), st.sampled_from("AB"), st.sampled_from("pdn"), st.just("E-1"), words, words
            ).map(list),
            max_size=4,
        ),
        "deviating": st.lists(st.tuples(st.just("EX-01"), st.integers(1, 3), st.sampled_from("AB")).map(list)),
        "something_new": st.lists(st.lists(words, max_size=2), max_size=2),
    }
)


def test_in_the_words_of_the_workpaper() -> None:
    old: dict[str, Any] = {
        "procedure": "Inspected tickets.",
        "result": "no_exceptions",
        "cells": [[1, "A", "p", "E-1", "p. 1", ""], [2, "A", "p", "E-1", "", ""]],
        "items": [[1, "OFF-1", 4, "", "", ""]],
    }
    new: dict[str, Any] = {
        "procedure": "Inspected tickets and logs.",
        "result": "exceptions",
        "cells": [[1, "A", "d", "E-1", "p. 2", "Late"], [3, "A", "n", "E-1", "", ""]],
        "items": [[1, "OFF-1", 4, "Left in May", "", ""]],
    }
    assert differences(old, new) == [
        Difference("Procedure", "Inspected tickets.", "Inspected tickets and logs."),
        Difference("Result", "No exceptions noted", "Exceptions noted"),
        Difference("Item 1: note", "–", "Left in May"),
        Difference("Item 1, A: result", "Pass", "Deviation"),
        Difference("Item 1, A: place", "p. 1", "p. 2"),
        Difference("Item 1, A: note", "–", "Late"),
        Difference("Item 2, A", "Pass, E-1", ""),
        Difference("Item 3, A", "", "Not applicable, E-1"),
    ]
    assert [one.kind for one in differences(old, new)][-2:] == ["removed", "added"]


@settings(max_examples=80, deadline=None)
@given(contents, contents)
def test_there_are_differences_exactly_when_the_hash_differs(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert differences(old, old) == []
    found = differences(old, new)
    assert bool(found) == (hash_of(old) != hash_of(new))
    assert all(one.place and one.old != one.new for one in found)
    back = differences(new, old)
    assert sorted((one.place, one.new, one.old) for one in back) == sorted((a.place, a.old, a.new) for a in found)


@pytest.mark.django_db
def test_a_signature_keeps_what_was_signed() -> None:
    test = m.concluded(m.at_fieldwork())
    m.signed(test)
    for sign_off in SignOff.objects.filter(test=test):
        assert hash_of(sign_off.content) == sign_off.content_sha256
        assert signing.changes_since(sign_off) == []


@pytest.mark.django_db
def test_voiding_says_what_changed() -> None:
    test = m.concluded(m.at_fieldwork(), deviating=[(1, "B")])
    m.signed(test)
    deviation = test.deviations.get()
    deviations.reword(deviation, title=deviation.title, description="Nine days late.", by=f.person("sana"))
    (changed,) = signing.changes_since(test.sign_offs.latest("pk"))
    assert (changed.place, changed.new) == ("Exception EX-01: what was found", "Nine days late.")
    event = Event.objects.get(action="test.sign_off_voided")
    assert event.detail["changes"] == [[changed.place, changed.old, changed.new]]
