"""What the engagement letter agrees, as data: read off an engagement, compared, put into words (R15)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, TypedDict

from controls.models import Category
from engagements.coverage import subservices_of
from engagements.models import Engagement, SubserviceOrganization
from engagements.register import shared
from reports.models import EngagementLetter
from reports.wording import day, joined

Terms = dict[str, Any]
Method = SubserviceOrganization.Method

LABELS = {
    "client": "Service organization",
    "firm": "Service auditor",
    "system_name": "System",
    "type": "Type of report",
    "as_of": "As-of date",
    "period_start": "First day of the period",
    "period_end": "Last day of the period",
    "categories": "Categories",
}
DAYS = ("as_of", "period_start", "period_end")
SUBSERVICES = "subservices"


class Difference(TypedDict):
    """One term that is not what it was, in words."""

    term: str
    label: str
    old: str
    new: str


def terms_of(engagement: Engagement) -> Terms:
    """The terms as the engagement's data have them now, as plain data."""
    days = {name: getattr(engagement, name) for name in DAYS}
    return {
        "client": engagement.client.name,
        "firm": engagement.firm.legal_name,
        "system_name": engagement.system_name,
        "type": engagement.type,
        **{name: found.isoformat() if found else None for name, found in days.items()},
        "categories": [category.value for category in Category if category.value in engagement.categories],
        SUBSERVICES: {one.name: one.method for one in subservices_of(engagement)},
    }


def fields_of(terms: Terms) -> dict[str, Any]:
    """The engagement's own fields among the terms, as the model has them."""
    days = {name: dt.date.fromisoformat(terms[name]) if terms[name] else None for name in DAYS}
    return {**days, **{name: terms[name] for name in ("system_name", "type", "categories")}}


def differences(old: Terms, new: Terms) -> list[Difference]:
    """What is not as it was.

    A carved-out organization that the letter does not name is none: the letter provides for those that become
    known later.
    """
    found = [
        Difference(term=name, label=label, old=words(name, old[name]), new=words(name, new[name]))
        for name, label in LABELS.items()
        if old[name] != new[name]
    ]
    before, after = old[SUBSERVICES], new[SUBSERVICES]
    for name in sorted({*before, *after}):
        was, now = before.get(name), after.get(name)
        if was == now or (was is None and now == Method.CARVE_OUT):
            continue
        found.append(
            Difference(
                term=f"{SUBSERVICES}:{name}",
                label=f"Subservice organization {name}",
                old=_method(was),
                new=_method(now),
            )
        )
    return found


def words(name: str, value: Any) -> str:
    """The value of a term in words."""
    if not value:
        return "none"
    if name in DAYS:
        return day(value)
    if name == "type":
        return str(Engagement.Type(value).label)
    if name == "categories":
        return joined(str(Category(one).label) for one in value)
    return str(value)


def _method(value: str | None) -> str:
    return f"{str(Method(value).label).lower()} method" if value else "not named"


@shared
def letters_of(engagement: Engagement) -> list[EngagementLetter]:
    """The letter and its amendments that are in force or wait for signatures, in order."""
    return list(EngagementLetter.objects.filter(engagement=engagement, withdrawn_at__isnull=True))


def agreed_terms(letters: Iterable[EngagementLetter]) -> Terms | None:
    """What is agreed with the last of them that is in force; None when none is."""
    agreed = None
    for letter in letters:
        if letter.executed_on is not None:
            agreed = letter.terms
    return agreed
