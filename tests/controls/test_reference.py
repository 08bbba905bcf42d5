"""The criteria and the library are loaded whole, as often as one likes."""

from __future__ import annotations

import pytest

from controls.models import Category, Criterion, LibraryControl
from controls.notation import in_words
from controls.reference import load
from tests import factories as f

pytestmark = pytest.mark.django_db

COUNTS = {"security": 33, "availability": 3, "confidentiality": 2, "processing_integrity": 5, "privacy": 18}


def test_the_61_criteria_by_category() -> None:
    assert Criterion.objects.count() == 61
    for category, count in COUNTS.items():
        assert Criterion.objects.in_scope([category]).count() == count
    assert Criterion.objects.in_scope(list(Category)).count() == 61


def test_the_library_maps_to_criteria_that_exist() -> None:
    assert LibraryControl.objects.filter(firm=None).count() == 90
    assert not LibraryControl.objects.filter(criteria__isnull=True).exists()
    assert not LibraryControl.objects.filter(test="").exists()


def test_loading_again_changes_nothing() -> None:
    before = list(LibraryControl.objects.order_by("pk").values_list("pk", "code", "title"))
    assert load() == (61, 90)
    assert list(LibraryControl.objects.order_by("pk").values_list("pk", "code", "title")) == before
    assert Criterion.objects.count() == 61


def test_each_firm_sees_the_shipped_library_and_its_own() -> None:
    mine, other = f.firm(), f.firm("Other LLP")
    own = LibraryControl.objects.create(firm=mine, code="GOV-01", title="Ours", nature="M", frequency="A")
    assert LibraryControl.objects.of_firm(mine).count() == 91
    assert own not in LibraryControl.objects.of_firm(other)


def test_the_order_is_that_of_the_numbers() -> None:
    codes = list(Criterion.objects.values_list("code", flat=True))
    assert codes[:3] == ["CC1.1", "CC1.2", "CC1.3"]
    assert codes[-1] == "P8.1"


@pytest.mark.parametrize(
    ("note", "words"),
    [
        ("S: sampled quarters", "Inspection: sampled quarters"),
        ("S", "Inspection"),
        ("O/S", "Observation or inspection"),
        ("I+S: read policy; inspect log", "Inquiry and inspection: read policy; inspect log"),
        ("S: config; R: attempt local login", "Inspection: config; reperformance: attempt local login"),
        ("S: full listing checked; I on any found", "Inspection: full listing checked; inquiry on any found"),
        ("SLA met: sampled", "SLA met: sampled"),
    ],
)
def test_the_librarys_letters_become_words(note: str, words: str) -> None:
    assert in_words(note) == words


def test_no_control_of_the_library_begins_with_a_letter() -> None:
    assert not LibraryControl.objects.filter(test__regex=r"(^|; )[SIOR]([+/:;]|$)").exists()
