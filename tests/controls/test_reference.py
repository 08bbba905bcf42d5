"""The criteria and the library are loaded whole, as often as one likes."""

from __future__ import annotations

import pytest

from controls.models import Category, Criterion, LibraryControl
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
