"""Who lost the right while the act waited for its lock does not commit it: checking and doing are one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from accounts.models import Firm, User
from engagements import roles, team, workflow
from engagements.models import Engagement
from fieldwork import signing
from reports import approving, drafting, issuing, opinion, statements
from reports.models import Report
from tests import factories as f
from tests.fieldwork import makers as fieldwork
from tests.reports import makers as m
from tests.reports.makers import quick

__all__ = ["quick"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick")]


def bereft(monkeypatch: pytest.MonkeyPatch, module: Any, person: User) -> None:
    """While the act waits for the engagement, another transaction takes the person's role."""

    def locked(engagement: Engagement) -> Engagement:
        roles._write_grants(engagement, person, frozenset())
        return workflow.locked(engagement)

    monkeypatch.setattr(module, "locked", locked)


@pytest.fixture
def draft() -> Report:
    made = m.ready()
    Firm.objects.update(two_to_issue=True)
    return Report.objects.get(pk=made.pk)


def acts(draft: Report) -> dict[str, tuple[Any, str, Callable[[User], object]]]:
    of = Engagement.objects.get(pk=draft.engagement_id)
    sworn: dict[str, Any] = {"password": f.PASSWORD, "draft": draft}
    today = timezone.localdate()
    return {
        "issue": (issuing, "petra", lambda by: issuing.issue(of, by=by, **sworn)),
        "approve": (approving, "milan", lambda by: approving.approve_issue(of, by=by, **sworn)),
        "opinion": (
            opinion,
            "petra",
            lambda by: opinion.form(of, "design", conclusion="unmodified", by=by),
        ),
        "review": (
            drafting,
            "quinn",
            lambda by: drafting.complete_quality_review(of, significant_judgements="N", conclusion="N", by=by),
        ),
        "statement": (
            statements,
            "sig",
            lambda by: statements.sign(
                of,
                "assertion",
                by=by,
                password=f.PASSWORD,
                stated_on=today,
                signatory_name="Sigrid Vale",
                signatory_title="CEO",
                basis="B",
            ),
        ),
        "role": (team, "petra", lambda by: team.give_role(of, f.person("sana"), "manager", by=by)),
    }


@pytest.mark.parametrize("act", ["issue", "approve", "opinion", "review", "statement", "role"])
@pytest.mark.drill
def test_a_role_that_was_taken_meanwhile_counts_no_more(
    draft: Report, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    module, key, do = acts(draft)[act]
    person = f.people(draft.engagement)[key]
    bereft(monkeypatch, module, person)
    with pytest.raises(PermissionDenied):
        do(person)


def test_nor_at_a_workpaper(monkeypatch: pytest.MonkeyPatch) -> None:
    engagement = m.in_scope()
    f.at_stage(engagement, "fieldwork")
    test = fieldwork.planned(engagement, fieldwork.control(engagement))
    sana = f.people(engagement)["sana"]
    bereft(monkeypatch, signing, sana)
    with pytest.raises(PermissionDenied):
        signing.sign(test, "prepared", by=sana)


@pytest.mark.drill
def test_a_person_who_was_shut_out_meanwhile_has_no_right(draft: Report) -> None:
    petra = draft.engagement.created_by
    User.objects.filter(pk=petra.pk).update(is_active=False)
    assert petra.is_active, "as the request in flight knows the person"
    assert roles.permissions_of(petra, draft.engagement) == frozenset()
