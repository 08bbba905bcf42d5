"""Loads the criteria and the shipped library from the files beside this module; may be run again and again."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from controls.models import Category, Criterion, LibraryAttribute, LibraryControl
from controls.notation import in_words

DATA = Path(__file__).parent / "data"

_CATEGORIES = {
    "Security (common)": Category.SECURITY,
    "Availability": Category.AVAILABILITY,
    "Confidentiality": Category.CONFIDENTIALITY,
    "Processing integrity": Category.PROCESSING_INTEGRITY,
    "Privacy": Category.PRIVACY,
}
_SERIES_TITLES = {
    "A1": "Availability",
    "C1": "Confidentiality",
    "PI1": "Processing integrity",
}


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def load(criteria: Any = Criterion, library: Any = LibraryControl) -> tuple[int, int]:
    """Make or update the 61 criteria and the shipped library controls; returns how many of each.

    The model classes may be historical ones, so that a migration can call this. Raises KeyError for a category
    or criterion that does not exist.
    """
    known = {}
    for position, row in enumerate(_rows("criteria.csv"), start=1):
        series, _, title = row["series"].partition(" ")
        known[row["id"]], _ = criteria.objects.update_or_create(
            code=row["id"],
            defaults={
                "category": _CATEGORIES[row["category"]],
                "series": series,
                "series_title": title or _SERIES_TITLES[series],
                "title": row["short_title"],
                "paraphrase": row["paraphrase"],
                "coso_principle": int(row["coso_principle"]) if row["coso_principle"].isdigit() else None,
                "points_of_focus": int(row["pof_count_2022_file"])
                if row["pof_count_2022_file"].isdigit()
                else None,
                "position": position,
            },
        )
    controls = _rows("library.csv")
    for row in controls:
        control, _ = library.objects.update_or_create(
            firm=None,
            code=row["id"],
            defaults={
                "title": row["title"],
                "nature": row["nature"],
                "frequency": row["frequency"],
                "evidence": row["typical_evidence"],
                "test": in_words(row["typical_test"]),
            },
        )
        control.criteria.set([known[code] for code in row["criteria"].split()])
    return len(known), len(controls)


def load_attributes(library: Any = LibraryControl, attributes: Any = LibraryAttribute) -> int:
    """Make or update what the usual test of each shipped control looks at; returns how many attributes.

    Called after `load`, with historical model classes too. Raises KeyError for a control that does not exist.
    """
    controls = {control.code: control for control in library.objects.filter(firm=None)}
    rows = _rows("attributes.csv")
    attributes.objects.bulk_create(
        (
            attributes(
                control=controls[row["control"]],
                letter=row["letter"],
                title=row["title"],
                pass_rule=row["pass_rule"],
                evidence=row["evidence"],
            )
            for row in rows
        ),
        update_conflicts=True,
        unique_fields=["control", "letter"],
        update_fields=["title", "pass_rule", "evidence"],
    )
    return len(rows)
